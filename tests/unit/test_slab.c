/* SPDX-License-Identifier: BSD-2-Clause */
/* test_slab: handles, fresh and stale, and items that stay where they are. */
#include "util/base/slab.h"

#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "tests/lib/split.h"

#define ITEM_BYTES 40
#define ITEMS_MAX 5000

static struct slab slab;

/* Memory from the heap is not zero here, as it is not in an old process. */
static void
setup(void)
{
	(void)mallopt(M_PERTURB, 0x5a);
	slab_init(&slab, ITEM_BYTES, ITEMS_MAX);
}

static void
teardown(void)
{
	slab_fini(&slab);
}

static bool
is_filled(const unsigned char *item, int byte)
{
	for (int i = 0; i < ITEM_BYTES; i++)
		if (item[i] != byte)
			return false;
	return true;
}

START_TEST(fresh_and_used_places_are_zeroed)
{
	uint32_t handle;

	for (int i = 0; i < 5; i++) {
		handle = slab_alloc(&slab);
		ck_assert(is_filled(slab_get(&slab, handle), 0));
		memset(slab_get(&slab, handle), 0xee, ITEM_BYTES);
		slab_free_item(&slab, handle);
	}
}
END_TEST

START_TEST(last_item_is_given_and_the_next_refused)
{
	uint32_t handle = 0;

	for (int i = 0; i < ITEMS_MAX; i++) {
		handle = slab_alloc(&slab);
		ck_assert_uint_ne(handle, 0);
	}
	ck_assert_uint_eq(slab_n(&slab), ITEMS_MAX);
	ck_assert_uint_eq(slab_alloc(&slab), 0);
	slab_free_item(&slab, handle);
	ck_assert_uint_ne(slab_alloc(&slab), 0);
	ck_assert_uint_eq(slab_alloc(&slab), 0);
}
END_TEST

START_TEST(items_keep_their_place_and_bytes)
{
	static uint32_t handles[ITEMS_MAX];
	static void *items[ITEMS_MAX];

	for (int i = 0; i < ITEMS_MAX; i++) {
		handles[i] = slab_alloc(&slab);
		items[i] = slab_get(&slab, handles[i]);
		ck_assert_uint_eq((uintptr_t)items[i] % 8, 0);
		memset(items[i], i & 0xff, ITEM_BYTES);
	}
	for (int i = 0; i < ITEMS_MAX; i++) {
		ck_assert_ptr_eq(slab_get(&slab, handles[i]), items[i]);
		ck_assert(is_filled(items[i], i & 0xff));
	}
}
END_TEST

START_TEST(freed_handle_is_stale_for_255_uses)
{
	struct slab one;
	uint32_t first, handle;

	slab_init(&one, ITEM_BYTES, 1);
	first = slab_alloc(&one);
	slab_free_item(&one, first);
	ck_assert_ptr_null(slab_try(&one, first));
	for (int i = 0; i < 254; i++) {
		handle = slab_alloc(&one);
		ck_assert_uint_ne(handle, 0);
		ck_assert_uint_ne(handle, first);
		ck_assert_ptr_null(slab_try(&one, first));
		slab_free_item(&one, handle);
		ck_assert_ptr_null(slab_try(&one, handle));
	}
	ck_assert_uint_eq(slab_alloc(&one), first);
	slab_fini(&one);
}
END_TEST

START_TEST(handles_never_given_are_stale)
{
	uint32_t last = SLAB_ITEMS_MAX + ITEMS_MAX - 1;
	uint32_t handle;

	ck_assert_ptr_null(slab_try(&slab, last));
	handle = slab_alloc(&slab);
	ck_assert_ptr_nonnull(slab_try(&slab, handle));
	/* Of a chunk that does not exist yet, and of no chunk. */
	ck_assert_ptr_null(slab_try(&slab, last));
	ck_assert_ptr_null(slab_try(&slab, last + 1));
	ck_assert_ptr_null(slab_try(&slab, 0));
	ck_assert_ptr_null(slab_try(&slab, handle + 1));
	ck_assert_ptr_null(slab_try(&slab, handle + SLAB_ITEMS_MAX));
	ck_assert_ptr_null(slab_try(&slab, UINT32_MAX));
	slab_free_item(&slab, handle);
	/* The handle that this place would give next. */
	ck_assert_ptr_null(slab_try(&slab, handle + SLAB_ITEMS_MAX));
}
END_TEST

START_TEST(place_free_for_longest_is_used_first)
{
	uint32_t a = slab_alloc(&slab), b = slab_alloc(&slab);
	uint32_t c = slab_alloc(&slab);

	slab_free_item(&slab, b);
	slab_free_item(&slab, a);
	slab_free_item(&slab, c);
	ck_assert_uint_eq(slab_alloc(&slab), b + SLAB_ITEMS_MAX);
	ck_assert_uint_eq(slab_alloc(&slab), a + SLAB_ITEMS_MAX);
	ck_assert_uint_eq(slab_alloc(&slab), c + SLAB_ITEMS_MAX);
	ck_assert_uint_eq(slab_n(&slab), 3);
}
END_TEST

/* Allocates and frees at random; live[place] is the handle or 0. */
static void
churn(uint32_t *live, int steps)
{
	uint64_t seed = 8;

	for (int i = 0; i < steps; i++) {
		uint32_t place = (uint32_t)(split_draw(&seed) % ITEMS_MAX);
		uint32_t handle;

		if (live[place] != 0) {
			slab_free_item(&slab, live[place]);
			live[place] = 0;
			continue;
		}
		handle = slab_alloc(&slab);
		ck_assert_uint_lt(handle % SLAB_ITEMS_MAX, ITEMS_MAX);
		ck_assert_uint_eq(live[handle % SLAB_ITEMS_MAX], 0);
		live[handle % SLAB_ITEMS_MAX] = handle;
	}
}

START_TEST(loop_meets_each_live_item_once)
{
	static uint32_t live[ITEMS_MAX];
	uint32_t handle = 0, n = 0, place = 0;

	ck_assert_uint_eq(slab_next(&slab, 0), 0);
	churn(live, 20000);
	while ((handle = slab_next(&slab, handle)) != 0) {
		for (; live[place] == 0; place++)
			ck_assert_uint_lt(place, ITEMS_MAX);
		ck_assert_uint_eq(handle, live[place]);
		place++;
		n++;
	}
	ck_assert_uint_eq(n, slab_n(&slab));
	ck_assert_uint_gt(n, 0);
}
END_TEST

START_TEST(loop_finds_the_one_that_is_left)
{
	static uint32_t handles[ITEMS_MAX];

	for (int i = 0; i < 1000; i++)
		handles[i] = slab_alloc(&slab);
	for (int i = 0; i < 1000; i++)
		if (i != 5 && i != 128)
			slab_free_item(&slab, handles[i]);
	ck_assert_uint_eq(slab_next(&slab, 0), handles[5]);
	ck_assert_uint_eq(slab_next(&slab, handles[5]), handles[128]);
	ck_assert_uint_eq(slab_next(&slab, handles[128]), 0);
}
END_TEST

START_TEST(loop_may_free_what_it_meets)
{
	uint32_t handle = 0;

	for (int i = 0; i < 1000; i++)
		(void)slab_alloc(&slab);
	while ((handle = slab_next(&slab, handle)) != 0)
		slab_free_item(&slab, handle);
	ck_assert_uint_eq(slab_n(&slab), 0);
}
END_TEST

START_TEST(accounts_follow_the_chunks)
{
	size_t bytes;

	ck_assert_uint_eq(slab_bytes(&slab), 0);
	(void)slab_alloc(&slab);
	bytes = slab_bytes(&slab);
	ck_assert_uint_gt(bytes, 0);
	for (int i = 1; i < ITEMS_MAX; i++)
		(void)slab_alloc(&slab);
	ck_assert_uint_gt(slab_bytes(&slab), ITEMS_MAX * ITEM_BYTES);
	/* At most two bytes an item and one chunk more. */
	ck_assert_uint_le(
	    slab_bytes(&slab), ITEMS_MAX * (ITEM_BYTES + 2) + bytes);
	slab_fini(&slab);
	ck_assert_uint_eq(slab_bytes(&slab), 0);
	ck_assert_uint_ne(slab_alloc(&slab), 0);
}
END_TEST

START_TEST(large_items_have_room)
{
	struct slab large;
	size_t item_bytes = 100001;

	slab_init(&large, item_bytes, 100);
	for (int i = 0; i < 100; i++)
		memset(slab_get(&large, slab_alloc(&large)), i, item_bytes);
	ck_assert_uint_eq(slab_alloc(&large), 0);
	slab_fini(&large);
}
END_TEST

START_TEST(stale_handle_is_a_bug_for_get)
{
	uint32_t handle = slab_alloc(&slab);

	slab_free_item(&slab, handle);
	(void)slab_get(&slab, handle);
}
END_TEST

START_TEST(freeing_twice_is_a_bug)
{
	uint32_t handle = slab_alloc(&slab);

	slab_free_item(&slab, handle);
	slab_free_item(&slab, handle);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("slab");
	TCase *tc = tcase_create("slab");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, fresh_and_used_places_are_zeroed);
	tcase_add_test(tc, last_item_is_given_and_the_next_refused);
	tcase_add_test(tc, items_keep_their_place_and_bytes);
	tcase_add_test(tc, freed_handle_is_stale_for_255_uses);
	tcase_add_test(tc, handles_never_given_are_stale);
	tcase_add_test(tc, place_free_for_longest_is_used_first);
	tcase_add_test(tc, loop_meets_each_live_item_once);
	tcase_add_test(tc, loop_finds_the_one_that_is_left);
	tcase_add_test(tc, loop_may_free_what_it_meets);
	tcase_add_test(tc, accounts_follow_the_chunks);
	tcase_add_test(tc, large_items_have_room);
	tcase_add_test_raise_signal(tc, stale_handle_is_a_bug_for_get, SIGABRT);
	tcase_add_test_raise_signal(tc, freeing_twice_is_a_bug, SIGABRT);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
