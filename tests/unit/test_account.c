/* SPDX-License-Identifier: BSD-2-Clause */
/* test_account: the line goes out and comes back, and nothing else does. */
#include "util/svc/account.h"

#include <stdlib.h>

#include <check.h>

#include "util/base/array.h"

START_TEST(what_is_written_is_read)
{
	struct account in = { .admitted = 10,
		.done = 4,
		.waiting = 3,
		.ready = 2,
		.leased = 1,
		.balanced = 1,
		.messages = 9,
		.quarantined = UINT64_MAX };
	char bytes[ACCOUNT_LINE_MAX_BYTES];
	struct outbuf out = { bytes, 0, sizeof(bytes) };
	struct account back = { 0 };

	ck_assert_int_eq(account_format(&in, &out), ERR_OK);
	ck_assert(str_eq(outbuf_str(&out),
	    STR("10 4 3 2 1 0 0 0 1 9 0 0 0 0 18446744073709551615\n")));
	ck_assert_int_eq(account_parse(&back, outbuf_str(&out)), ERR_OK);
	ck_assert_mem_eq(&in, &back, sizeof(in));
}
END_TEST

START_TEST(the_longest_line_fits_and_one_byte_less_is_refused)
{
	char bytes[ACCOUNT_LINE_MAX_BYTES];
	struct outbuf out = { bytes, 0, sizeof(bytes) };
	struct account full;

	memset(&full, 0xff, sizeof(full));
	ck_assert_int_eq(account_format(&full, &out), ERR_OK);
	ck_assert_uint_eq(out.len, ACCOUNT_LINE_MAX_BYTES);
	out = (struct outbuf){ bytes, 0, sizeof(bytes) - 1 };
	ck_assert_int_eq(account_format(&full, &out), ERR_FULL);
	ck_assert_uint_eq(out.len, 0);
}
END_TEST

START_TEST(other_lines_are_refused_and_change_nothing)
{
	static const struct str bad[] = {
		STR_INIT(""),
		STR_INIT("\n"),
		STR_INIT("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15"),
		STR_INIT("1 2 3 4 5 6 7 8 9 10 11 12 13 14\n"),
		STR_INIT("1 2 3 4 5 6 7 8 9 10 11 12 13 14 \n"),
		STR_INIT("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"),
		STR_INIT("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 \n"),
		STR_INIT("1  3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"),
		STR_INIT("-1 2 3 4 5 6 7 8 9 10 11 12 13 14 15\n"),
		STR_INIT("1 2 3 4 5 6 7 8 9 10 11 12 13 14 "
		         "18446744073709551616\n"),
	};
	struct account account = { .admitted = 77 };

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		ck_assert_int_eq(account_parse(&account, bad[i]), ERR_SYNTAX);
		ck_assert_uint_eq(account.admitted, 77);
		ck_assert_uint_eq(account.done, 0);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("account");
	TCase *tc = tcase_create("account");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, what_is_written_is_read);
	tcase_add_test(tc, the_longest_line_fits_and_one_byte_less_is_refused);
	tcase_add_test(tc, other_lines_are_refused_and_change_nothing);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
