/* SPDX-License-Identifier: BSD-2-Clause */
/* test_status: enhanced codes, and what only looks like one. */
#include "util/mail/status.h"

#include <stdlib.h>

#include <check.h>

#include "util/base/array.h"

static const struct {
	struct str in, rest, out;
	struct status st;
} good[] = {
	{ STR_INIT("2.0.0"), STR_INIT(""), STR_INIT("2.0.0"), { 2, 0, 0 } },
	{ STR_INIT("4.7.1 later"), STR_INIT("later"), STR_INIT("4.7.1"),
	    { 4, 7, 1 } },
	{ STR_INIT("5.999.999\tno"), STR_INIT("no"), STR_INIT("5.999.999"),
	    { 5, 999, 999 } },
	{ STR_INIT("5.1.10  two"), STR_INIT(" two"), STR_INIT("5.1.10"),
	    { 5, 1, 10 } },
	{ STR_INIT("5.01.001 "), STR_INIT(""), STR_INIT("5.1.1"), { 5, 1, 1 } },
};

START_TEST(codes_are_read_and_written)
{
	char bytes[STATUS_TEXT_MAX_BYTES + 1];
	struct outbuf out = { bytes, 0, sizeof(bytes) };
	struct str in = good[_i].in;
	struct status st;

	ck_assert_int_eq(status_parse(&st, &in), ERR_OK);
	ck_assert_uint_eq(st.klass, good[_i].st.klass);
	ck_assert_uint_eq(st.subject, good[_i].st.subject);
	ck_assert_uint_eq(st.detail, good[_i].st.detail);
	ck_assert(str_eq(in, good[_i].rest));
	ck_assert_int_eq(status_put(&st, &out), ERR_OK);
	ck_assert(str_eq(outbuf_str(&out), good[_i].out));
}
END_TEST

static const struct str bad[] = {
	STR_INIT(""),
	STR_INIT("Ok"),
	STR_INIT("5"),
	STR_INIT("5.1"),
	STR_INIT("5.1."),
	STR_INIT("5..1"),
	STR_INIT(".1.1"),
	STR_INIT("5.1.1000"),
	STR_INIT("5.1000.1"),
	STR_INIT("3.1.1"),
	STR_INIT("1.1.1"),
	STR_INIT("25.1.1"),
	STR_INIT("5.1.1x"),
	STR_INIT("5.1.1.1"),
	STR_INIT("5.1.1:"),
	STR_INIT(" 5.1.1"),
};

START_TEST(other_text_is_left_alone)
{
	struct str in = bad[_i];
	struct status st = { 1, 1, 1 };

	ck_assert_int_eq(status_parse(&st, &in), ERR_SYNTAX);
	ck_assert(str_eq(in, bad[_i]));
	ck_assert_uint_eq(st.klass, 0);
}
END_TEST

START_TEST(no_code_writes_nothing_and_no_room_is_told)
{
	struct status none = { 0 }, st = { 5, 1, 1 };
	char bytes[4];
	struct outbuf out = { bytes, 0, sizeof(bytes) };

	ck_assert_int_eq(status_put(&none, &out), ERR_OK);
	ck_assert_uint_eq(out.len, 0);
	ck_assert_int_eq(status_put(&st, &out), ERR_FULL);
	ck_assert_uint_eq(out.len, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("status");
	TCase *tc = tcase_create("status");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_loop_test(
	    tc, codes_are_read_and_written, 0, (int)COUNT_OF(good));
	tcase_add_loop_test(
	    tc, other_text_is_left_alone, 0, (int)COUNT_OF(bad));
	tcase_add_test(tc, no_code_writes_nothing_and_no_room_is_told);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
