/* SPDX-License-Identifier: BSD-2-Clause */
/* test_index: finding, refusing, and walking in order. */
#include "util/base/index.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "tests/lib/split.h"

#define KEYS 700

static struct index ix;

static void
setup(void)
{
	index_init(&ix, KEYS);
}

static void
teardown(void)
{
	index_fini(&ix);
	ck_assert_uint_eq(ix.held_bytes, 0);
}

static struct key
key_of(const char *text)
{
	return (struct key){ text, strlen(text) };
}

static void
put(const char *text, uint32_t id)
{
	ck_assert_int_eq(index_put(&ix, key_of(text), id), ERR_OK);
}

START_TEST(name_is_found_again)
{
	char text[] = "example.org";

	put(text, 7);
	put("example.com", 8);
	/* The index has a copy. */
	memset(text, 'x', sizeof(text) - 1);
	ck_assert_uint_eq(index_find(&ix, key_of("example.org")), 7);
	ck_assert_uint_eq(index_find(&ix, key_of("example.com")), 8);
	ck_assert_uint_eq(index_find(&ix, key_of("example.net")), 0);
	ck_assert_uint_eq(index_find(&ix, key_of("example")), 0);
	ck_assert_uint_eq(index_find(&ix, key_of("example.org.")), 0);
	ck_assert_uint_eq(ix.n, 2);
}
END_TEST

START_TEST(keys_are_bytes)
{
	struct key with_nul = { "a\0b", 3 }, other = { "a\0c", 3 };
	struct key empty = { NULL, 0 }, high = { "\xff", 1 };

	ck_assert_int_eq(index_put(&ix, with_nul, 1), ERR_OK);
	ck_assert_int_eq(index_put(&ix, other, 2), ERR_OK);
	ck_assert_int_eq(index_put(&ix, empty, 3), ERR_OK);
	ck_assert_int_eq(index_put(&ix, high, 4), ERR_OK);
	ck_assert_uint_eq(index_find(&ix, with_nul), 1);
	ck_assert_uint_eq(index_find(&ix, other), 2);
	ck_assert_uint_eq(index_find(&ix, empty), 3);
	ck_assert_uint_eq(index_find(&ix, high), 4);
	ck_assert_uint_eq(index_after(&ix, other), 4);
}
END_TEST

START_TEST(second_entry_of_a_name_is_refused)
{
	put("a", 1);
	ck_assert_int_eq(index_put(&ix, key_of("a"), 2), ERR_EXISTS);
	ck_assert_uint_eq(index_find(&ix, key_of("a")), 1);
	ck_assert_uint_eq(ix.n, 1);
}
END_TEST

START_TEST(bounds_hold_at_the_last_and_the_first_beyond)
{
	char text[INDEX_KEY_MAX_BYTES + 1] = { 0 };
	struct index small;

	index_init(&small, 2);
	ck_assert_int_eq(
	    index_put(&small, (struct key){ text, INDEX_KEY_MAX_BYTES + 1 }, 1),
	    ERR_RANGE);
	ck_assert_int_eq(
	    index_put(&small, (struct key){ text, INDEX_KEY_MAX_BYTES }, 1),
	    ERR_OK);
	ck_assert_int_eq(index_put(&small, key_of("b"), 2), ERR_OK);
	ck_assert_int_eq(index_put(&small, key_of("c"), 3), ERR_FULL);
	ck_assert_uint_eq(index_remove(&small, key_of("b")), 2);
	ck_assert_int_eq(index_put(&small, key_of("c"), 3), ERR_OK);
	index_fini(&small);
	ck_assert_uint_eq(small.n, 0);
}
END_TEST

START_TEST(removed_name_is_gone)
{
	put("a", 1);
	put("b", 2);
	ck_assert_uint_eq(index_remove(&ix, key_of("a")), 1);
	ck_assert_uint_eq(index_remove(&ix, key_of("a")), 0);
	ck_assert_uint_eq(index_find(&ix, key_of("a")), 0);
	ck_assert_uint_eq(index_find(&ix, key_of("b")), 2);
	put("a", 3);
	ck_assert_uint_eq(index_find(&ix, key_of("a")), 3);
}
END_TEST

START_TEST(walk_is_in_order_of_bytes)
{
	put("b", 3);
	put("a", 1);
	put("ab", 2);
	ck_assert_uint_eq(index_after(&ix, (struct key){ NULL, 0 }), 1);
	ck_assert_uint_eq(index_after(&ix, key_of("a")), 2);
	ck_assert_uint_eq(index_after(&ix, key_of("aa")), 2);
	ck_assert_uint_eq(index_after(&ix, key_of("ab")), 3);
	ck_assert_uint_eq(index_after(&ix, key_of("b")), 0);
}
END_TEST

/* Keys of four digits: id 1 has "0001", and so on. */
static struct key
numbered(char text[8], uint32_t id)
{
	(void)snprintf(text, 8, "%04u", (unsigned)id);
	return (struct key){ text, 4 };
}

static void
assert_same(const uint8_t *there)
{
	char text[8];
	uint32_t n = 0;

	for (uint32_t id = 1; id < KEYS; id++) {
		uint32_t found = index_find(&ix, numbered(text, id));

		ck_assert_uint_eq(found, there[id] ? id : 0);
		n += there[id];
	}
	ck_assert_uint_eq(ix.n, n);
	n = 0;
	for (uint32_t id = 0; id < KEYS; n++) {
		id = index_after(&ix, numbered(text, id));
		if (id == 0)
			break;
		ck_assert(there[id]);
	}
	ck_assert_uint_eq(ix.n, n);
}

START_TEST(random_puts_and_removals_agree_with_a_table)
{
	uint8_t there[KEYS] = { 0 };
	uint64_t seed = 12345;
	char text[8];

	for (int i = 1; i <= 20000; i++) {
		uint32_t id = 1 + (uint32_t)(split_draw(&seed) % (KEYS - 1));
		struct key key = numbered(text, id);

		if (there[id])
			ck_assert_uint_eq(index_remove(&ix, key), id);
		else
			ck_assert_int_eq(index_put(&ix, key, id), ERR_OK);
		there[id] = !there[id];
		if (i % 1000 == 0)
			assert_same(there);
	}
}
END_TEST

START_TEST(id_0_is_a_bug)
{
	(void)!index_put(&ix, key_of("a"), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("index");
	TCase *tc = tcase_create("index");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, name_is_found_again);
	tcase_add_test(tc, keys_are_bytes);
	tcase_add_test(tc, second_entry_of_a_name_is_refused);
	tcase_add_test(tc, bounds_hold_at_the_last_and_the_first_beyond);
	tcase_add_test(tc, removed_name_is_gone);
	tcase_add_test(tc, walk_is_in_order_of_bytes);
	tcase_add_test(tc, random_puts_and_removals_agree_with_a_table);
	tcase_add_test_raise_signal(tc, id_0_is_a_bug, SIGABRT);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
