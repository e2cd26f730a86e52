/* SPDX-License-Identifier: BSD-2-Clause */
/* test_dup: copies that outlive what they were made from. */
#include "util/text/dup.h"

#include <stdlib.h>

#include <check.h>

static struct arena arena;

static void
setup(void)
{
	arena_init(&arena, 1024);
}

static void
teardown(void)
{
	arena_fini(&arena);
}

START_TEST(copy_outlives_its_source)
{
	char bytes[] = "a\0b";
	struct str copy = str_dup((struct str){ bytes, 3 }, &arena);

	memset(bytes, 'x', sizeof(bytes));
	ck_assert(str_eq(copy, STR("a\0b")));
}
END_TEST

START_TEST(c_string_is_terminated)
{
	const char *copy = cstr_dup(str_head(STR("/run/sock"), 4), &arena);

	ck_assert_str_eq(copy, "/run");
	ck_assert_str_eq(cstr_dup((struct str){ NULL, 0 }, &arena), "");
}
END_TEST

START_TEST(c_string_that_would_end_early_is_refused)
{
	ck_assert_ptr_null(cstr_dup(STR("/run\0/etc"), &arena));
	ck_assert_ptr_null(cstr_dup(STR("\0"), &arena));
}
END_TEST

START_TEST(full_arena_gives_none)
{
	static char bytes[1024];
	struct str large = { bytes, sizeof(bytes) };

	memset(bytes, 'a', sizeof(bytes));
	ck_assert_ptr_null(str_dup(large, &arena).ptr);
	ck_assert_uint_eq(str_dup(large, &arena).len, 0);
	ck_assert_ptr_null(cstr_dup(large, &arena));
	ck_assert_uint_eq(str_dup(str_head(large, 1008), &arena).len, 1008);
	arena_reset(&arena);
	/* One byte less: the terminator. */
	ck_assert_ptr_null(cstr_dup(str_head(large, 1008), &arena));
	ck_assert_ptr_nonnull(cstr_dup(str_head(large, 1007), &arena));
}
END_TEST

START_TEST(empty_view_takes_no_memory)
{
	ck_assert_ptr_null(str_dup(STR(""), &arena).ptr);
	ck_assert_uint_eq(arena.held_bytes, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("dup");
	TCase *tc = tcase_create("dup");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, copy_outlives_its_source);
	tcase_add_test(tc, c_string_is_terminated);
	tcase_add_test(tc, c_string_that_would_end_early_is_refused);
	tcase_add_test(tc, full_arena_gives_none);
	tcase_add_test(tc, empty_view_takes_no_memory);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
