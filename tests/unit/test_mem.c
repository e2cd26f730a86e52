/* SPDX-License-Identifier: BSD-2-Clause */
/* test_mem: counted memory. */
#include "util/base/mem.h"

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

/* Else ASan ends the process over a size that no heap has. */
const char *__asan_default_options(void);

const char *
__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

START_TEST(what_is_taken_is_zero_and_counted)
{
	struct mem m = { 0 };
	unsigned char *p = mem_take(&m, 100);
	unsigned char *none = mem_take(&m, 0);

	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(p[i], 0);
	ck_assert_ptr_nonnull(none);
	ck_assert_uint_eq(m.held_bytes, 101);
	mem_give(&m, p, 100);
	mem_give(&m, none, 0);
	mem_give(&m, NULL, 0);
	ck_assert_uint_eq(m.held_bytes, 0);
}
END_TEST

START_TEST(what_grows_keeps_its_bytes)
{
	struct mem m = { 0 };
	unsigned char *p = mem_grow(&m, NULL, 0, 10);

	memset(p, 7, 10);
	p = mem_grow(&m, p, 10, 5000);
	ck_assert_int_eq(p[9], 7);
	ck_assert_int_eq(p[10], 0);
	ck_assert_int_eq(p[4999], 0);
	ck_assert_uint_eq(m.held_bytes, 5000);
	mem_give(&m, p, 5000);
	ck_assert_uint_eq(m.held_bytes, 0);
}
END_TEST

START_TEST(no_memory_changes_nothing)
{
	struct mem m = { 0 };
	unsigned char *p = mem_take(&m, 10);

	ck_assert_ptr_null(mem_grow(&m, p, 10, PTRDIFF_MAX));
	ck_assert_ptr_null(mem_take(&m, PTRDIFF_MAX));
	ck_assert_uint_eq(m.held_bytes, 10);
	mem_give(&m, p, 10);
}
END_TEST

START_TEST(giving_more_than_was_taken_is_a_bug)
{
	struct mem m = { 0 };

	mem_give(&m, mem_take(&m, 10), 11);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("mem");
	TCase *tc = tcase_create("mem");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_test(tc, what_is_taken_is_zero_and_counted);
	tcase_add_test(tc, what_grows_keeps_its_bytes);
	tcase_add_test(tc, no_memory_changes_nothing);
	tcase_add_test_raise_signal(
	    tc, giving_more_than_was_taken_is_a_bug, SIGABRT);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
