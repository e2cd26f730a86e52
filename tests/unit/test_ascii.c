/* SPDX-License-Identifier: BSD-2-Clause */
/* test_ascii: each of the 256 bytes is in the right classes. */
#include "util/text/ascii.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#define LARGE "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define SMALL "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

/* True when c is one of set; NUL never is. */
static bool
is_in(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

START_TEST(classes_are_those_of_ascii)
{
	for (int i = 0; i < 256; i++) {
		char c = (char)i;

		ck_assert_int_eq(ascii_is_digit(c), is_in(c, DIGITS));
		ck_assert_int_eq(ascii_is_alpha(c), is_in(c, LARGE SMALL));
		ck_assert_int_eq(
		    ascii_is_alnum(c), is_in(c, LARGE SMALL DIGITS));
		ck_assert_int_eq(ascii_is_space(c), is_in(c, " \t\r\n"));
		ck_assert_int_eq(ascii_is_print(c), i >= 32 && i < 127);
	}
}
END_TEST

START_TEST(only_capital_letters_change)
{
	for (int i = 0; i < 256; i++) {
		char c = (char)i;
		char want = c;

		if (is_in(c, LARGE))
			want = SMALL[strchr(LARGE, c) - LARGE];
		ck_assert_int_eq(ascii_lower(c), want);
	}
}
END_TEST

START_TEST(lowering_stays_within_its_bytes)
{
	char bytes[] = "AB\0CDEF";

	str_lower(bytes, 5);
	ck_assert_mem_eq(bytes, "ab\0cdEF", sizeof(bytes));
	str_lower(bytes, 0);
	ck_assert_mem_eq(bytes, "ab\0cdEF", sizeof(bytes));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("ascii");
	TCase *tc = tcase_create("ascii");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_test(tc, classes_are_those_of_ascii);
	tcase_add_test(tc, only_capital_letters_change);
	tcase_add_test(tc, lowering_stays_within_its_bytes);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
