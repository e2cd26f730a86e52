/* SPDX-License-Identifier: BSD-2-Clause */
/* test_exchange: the order of mail exchangers (RFC 5321 5.1). */
#include "shaper/core/exchange.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "util/base/array.h"

START_TEST(exchangers_are_sorted_and_names_stand_once)
{
	struct exchanger x[] = {
		{ STR("c"), 30, false },
		{ STR("a"), 10, false },
		{ STR("b"), 10, false },
		{ STR("c"), 5, false },
	};

	ck_assert_uint_eq(exchange_sort(x, COUNT_OF(x)), 3);
	ck_assert(str_eq(x[0].name, STR("c")));
	ck_assert_uint_eq(x[0].preference, 5);
	ck_assert(str_eq(x[1].name, STR("a")));
	ck_assert(str_eq(x[2].name, STR("b")));
	ck_assert_uint_eq(exchange_sort(x, 0), 0);
}
END_TEST

START_TEST(the_list_ends_before_ourselves_and_our_equals)
{
	struct exchanger x[] = {
		{ STR("a"), 10, false },
		{ STR("b"), 20, false },
		{ STR("c"), 20, true },
		{ STR("d"), 30, false },
	};

	ck_assert_uint_eq(exchange_cut(x, COUNT_OF(x)), 1);
	ck_assert_uint_eq(exchange_cut(x, 2), 2);
	x[0].is_self = true;
	ck_assert_uint_eq(exchange_cut(x, COUNT_OF(x)), 0);
	ck_assert_uint_eq(exchange_cut(x, 1), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("exchange");
	TCase *tc = tcase_create("exchange");
	SRunner *sr = srunner_create(s);
	int n_failed;

	tcase_add_test(tc, exchangers_are_sorted_and_names_stand_once);
	tcase_add_test(tc, the_list_ends_before_ourselves_and_our_equals);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	n_failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
