/* SPDX-License-Identifier: BSD-2-Clause */
/* test_heap: order, and positions that its owner can trust. */
#include "util/base/heap.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

#include <check.h>

#include "tests/lib/split.h"

#define IDS 500
#define NOWHERE UINT32_MAX

/* What an owner would keep, as it was told. */
struct owner {
	int64_t key[IDS];
	uint32_t pos[IDS];
	uint32_t n;
};

static void
moved(void *ctx, uint32_t id, uint32_t pos)
{
	struct owner *o = ctx;

	o->pos[id] = pos;
}

static void
owner_init(struct owner *o, struct heap *h)
{
	*o = (struct owner){ 0 };
	for (int i = 0; i < IDS; i++)
		o->pos[i] = NOWHERE;
	heap_init(h, moved, o);
	ck_assert_int_eq(heap_reserve(h, IDS), ERR_OK);
}

static bool
is_sound(const struct heap *h, const struct owner *o)
{
	struct heap_item item;

	if (heap_n(h) != o->n)
		return false;
	for (uint32_t id = 0; id < IDS; id++) {
		if (o->pos[id] == NOWHERE)
			continue;
		item = heap_get(h, o->pos[id]);
		if (item.id != id || item.key != o->key[id] ||
		    heap_top(h).key > item.key)
			return false;
	}
	return true;
}

/* Does one thing to id, on the heap and in the books. */
static void
random_step(struct heap *h, struct owner *o, uint64_t *seed)
{
	uint32_t id = (uint32_t)(split_draw(seed) % IDS);
	int64_t key = (int64_t)(split_draw(seed) % 1000) - 500;

	if (o->pos[id] == NOWHERE) {
		o->key[id] = key;
		o->n++;
		heap_push(h, key, id);
	} else if (split_draw(seed) % 2 == 0) {
		o->key[id] = key;
		heap_change(h, o->pos[id], key);
	} else {
		uint32_t pos = o->pos[id];

		o->pos[id] = NOWHERE;
		o->n--;
		heap_remove(h, pos);
	}
}

START_TEST(positions_and_order_hold_after_every_step)
{
	struct owner o;
	struct heap h;
	uint64_t seed = 31337;

	owner_init(&o, &h);
	for (int i = 0; i < 3000; i++) {
		random_step(&h, &o, &seed);
		ck_assert(is_sound(&h, &o));
	}
	ck_assert_uint_gt(o.n, 100);
	heap_fini(&h);
}
END_TEST

START_TEST(items_come_out_by_their_keys)
{
	struct heap h;
	uint64_t seed = 5;
	struct heap_item last = { INT64_MIN, 0 }, item;
	uint64_t sum = 0;

	heap_init(&h, NULL, NULL);
	for (uint32_t i = 1; i <= IDS; i++) {
		ck_assert_int_eq(heap_reserve(&h, i), ERR_OK);
		heap_push(&h, (int64_t)split_draw(&seed), i);
	}
	for (; heap_n(&h) > 0; last = item) {
		ck_assert_uint_eq(heap_top(&h).id, heap_get(&h, 0).id);
		item = heap_pop(&h);
		ck_assert_int_le(last.key, item.key);
		sum += item.id;
	}
	ck_assert_uint_eq(sum, IDS * (IDS + 1) / 2);
	heap_fini(&h);
}
END_TEST

START_TEST(least_and_greatest_keys_are_keys)
{
	struct heap h;

	heap_init(&h, NULL, NULL);
	ck_assert_int_eq(heap_reserve(&h, 3), ERR_OK);
	heap_push(&h, INT64_MAX, 3);
	heap_push(&h, 0, 2);
	heap_push(&h, INT64_MIN, UINT32_MAX);
	ck_assert_uint_eq(heap_pop(&h).id, UINT32_MAX);
	ck_assert_uint_eq(heap_pop(&h).id, 2);
	ck_assert_int_eq(heap_pop(&h).key, INT64_MAX);
	heap_fini(&h);
}
END_TEST

START_TEST(reserve_grows_by_a_quarter_at_least)
{
	struct heap h;

	heap_init(&h, NULL, NULL);
	ck_assert_int_eq(heap_reserve(&h, 1000), ERR_OK);
	ck_assert_uint_eq(h.cap, 1000);
	ck_assert_int_eq(heap_reserve(&h, 1001), ERR_OK);
	ck_assert_uint_eq(h.cap, 1250);
	ck_assert_int_eq(heap_reserve(&h, 4000), ERR_OK);
	ck_assert_uint_eq(h.cap, 4000);
	ck_assert_int_eq(heap_reserve(&h, 10), ERR_OK);
	ck_assert_uint_eq(h.cap, 4000);
	heap_fini(&h);
}
END_TEST

START_TEST(push_without_room_is_a_bug)
{
	struct heap h;

	heap_init(&h, NULL, NULL);
	ck_assert_int_eq(heap_reserve(&h, 20), ERR_OK);
	for (uint32_t i = 0; i < 21; i++)
		heap_push(&h, 1, i);
}
END_TEST

START_TEST(pop_of_an_empty_heap_is_a_bug)
{
	struct heap h;

	heap_init(&h, NULL, NULL);
	(void)heap_pop(&h);
}
END_TEST

START_TEST(position_past_the_end_is_a_bug)
{
	struct heap h;

	heap_init(&h, NULL, NULL);
	ck_assert_int_eq(heap_reserve(&h, 2), ERR_OK);
	heap_push(&h, 1, 1);
	heap_change(&h, 1, 5);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("heap");
	TCase *tc = tcase_create("heap");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_test(tc, positions_and_order_hold_after_every_step);
	tcase_add_test(tc, items_come_out_by_their_keys);
	tcase_add_test(tc, least_and_greatest_keys_are_keys);
	tcase_add_test(tc, reserve_grows_by_a_quarter_at_least);
	tcase_add_test_raise_signal(tc, push_without_room_is_a_bug, SIGABRT);
	tcase_add_test_raise_signal(tc, pop_of_an_empty_heap_is_a_bug, SIGABRT);
	tcase_add_test_raise_signal(
	    tc, position_past_the_end_is_a_bug, SIGABRT);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
