/* SPDX-License-Identifier: BSD-2-Clause */
/* test_dsn_out: foreign text comes out clean, in lines of their length. */
#include <stdlib.h>

#include <check.h>

#include "deliver/core/dsn_int.h"
#include "util/base/array.h"

#define ROOM 8192
#define LONG 3000

static char bytes[ROOM];
static struct outbuf out;
static struct dsn_out o;

static void
setup(void)
{
	out = (struct outbuf){ bytes, 0, sizeof(bytes) };
	o = (struct dsn_out){ .out = &out };
}

static void
assert_out(struct str want)
{
	ck_assert_msg(str_eq(outbuf_str(&out), want), "got \"%.*s\"",
	    STR_ARG(outbuf_str(&out)));
}

static const struct {
	struct str s, as_ascii, as_utf8;
	size_t n_8bit;
} foreign[] = {
	{ STR_INIT("plain <a@b> text"), STR_INIT("plain <a@b> text"),
	    STR_INIT("plain <a@b> text"), 0 },
	{ STR_INIT("a\r\nBcc: x"), STR_INIT("a??Bcc: x"), STR_INIT("a??Bcc: x"),
	    0 },
	{ STR_INIT("\0\t\033\177"), STR_INIT("????"), STR_INIT("????"), 0 },
	{ STR_INIT("\303\251\360\237\230\200"), STR_INIT("??"),
	    STR_INIT("\303\251\360\237\230\200"), 6 },
	{ STR_INIT("\302\205\302\237\302\240"), STR_INIT("???"),
	    STR_INIT("??\302\240"), 2 },
	{ STR_INIT("\342\200\250\342\200\251\342\200\252"), STR_INIT("???"),
	    STR_INIT("??\342\200\252"), 3 },
	{ STR_INIT("\377\303"), STR_INIT("??"), STR_INIT("??"), 0 },
	{ STR_INIT(" two  blanks "), STR_INIT(" two  blanks "),
	    STR_INIT(" two  blanks "), 0 },
};

START_TEST(controls_and_what_is_not_to_be_had_become_question_marks)
{
	dsn_put_foreign(&o, foreign[_i].s, STR(""));
	assert_out(foreign[_i].as_ascii);
	ck_assert_uint_eq(o.n_8bit, 0);
	setup();
	o.is_utf8 = true;
	dsn_put_foreign(&o, foreign[_i].s, STR(""));
	assert_out(foreign[_i].as_utf8);
	ck_assert_uint_eq(o.n_8bit, foreign[_i].n_8bit);
}
END_TEST

START_TEST(a_line_is_folded_before_the_word_that_would_pass_76)
{
	dsn_put(&o, STR("Field: "));
	dsn_put_foreign(&o,
	    STR(" 0123456789 0123456789 0123456789 0123456789 0123456789"
	        " 0123456789 123 4 "),
	    STR("  "));
	assert_out(STR("Field: 0123456789 0123456789 0123456789 0123456789"
	               " 0123456789 0123456789 123\r\n  4"));
	ck_assert_uint_eq(o.column, 3);
}
END_TEST

START_TEST(a_word_without_end_is_broken_before_the_hard_limit)
{
	static char word[LONG];
	struct str rest;

	for (size_t i = 0; i < sizeof(word); i++)
		word[i] = 'x';
	dsn_put_foreign(&o, (struct str){ word, sizeof(word) },
	    _i == 0 ? STR("") : STR("    "));
	rest = outbuf_str(&out);
	ck_assert_uint_gt(rest.len, sizeof(word));
	while (rest.len > 0)
		ck_assert_uint_le(str_take_field(&rest, '\n').len, 998);
}
END_TEST

START_TEST(without_room_it_is_full_and_stays_so)
{
	out.cap = 3;
	dsn_put(&o, STR("abcd"));
	ck_assert(o.is_full);
	dsn_put(&o, STR("a"));
	ck_assert(o.is_full);
	ck_assert_uint_le(out.len, 3);
}
END_TEST

START_TEST(numbers_and_dates_are_written)
{
	dsn_put_u64(&o, UINT64_MAX);
	dsn_put(&o, STR(" "));
	dsn_put_date(&o, INT64_C(880106106000));
	assert_out(STR("18446744073709551615 Fri, 21 Nov 1997 09:55:06 +0000"));
	setup();
	/* The clock is not set. */
	dsn_put_date(&o, -1);
	assert_out(STR("Thu, 01 Jan 1970 00:00:00 +0000"));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("dsn_out");
	TCase *tc = tcase_create("core");
	SRunner *sr;
	int n_failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc,
	    controls_and_what_is_not_to_be_had_become_question_marks, 0,
	    COUNT_OF(foreign));
	tcase_add_test(tc, a_line_is_folded_before_the_word_that_would_pass_76);
	tcase_add_loop_test(
	    tc, a_word_without_end_is_broken_before_the_hard_limit, 0, 2);
	tcase_add_test(tc, without_room_it_is_full_and_stays_so);
	tcase_add_test(tc, numbers_and_dates_are_written);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	n_failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
