/* SPDX-License-Identifier: BSD-2-Clause */
/* test_attempt: facts of all shapes, and little room. */
#include "ctl/core/attempt.h"

#include <stdlib.h>

#include <check.h>

#include "util/base/array.h"

static const struct {
	const char *facts, *line, *site;
} cases[] = {
	{ "{}", "", "" },
	{ " {\"site\":\"a->b\",\"host\":7,\"rcpts\":\"x\"}", "", "a->b" },
	{ "{\"site\":\"s\",\"host\":\"mx.t\",\"address\":\"192.0.2.1:25\","
	  "\"stage\":\"RCPT\",\"reply\":\"450 4.2.0 grey\",\"tries\":1,"
	  "\"rcpts\":[{\"rcpt\":\"a@t\",\"verdict\":\"deferred\"}]}",
	    "mx.t (192.0.2.1:25): RCPT: 450 4.2.0 grey", "s" },
	{ "{\"host\":\"h:1\",\"address\":\"h:1\",\"reply\":\"x\"}", "h:1: x",
	    "" },
	{ "{\"address\":\"h:1\",\"stage\":\"dot\",\"reply\":\"dot: lost\"}",
	    "h:1: dot: lost", "" },
	{ "{\"reply\":\"only\"}", "only", "" },
	{ "{\"stage\":\"connect\"}", "connect", "" },
	{ "{\"host\":\"h\",\"reply\":\"r\",\"rcpts\":[{\"rcpt\":\"a\","
	  "\"verdict\":\"bounced\",\"reply\":\"550 no\"}]}",
	    "h: r; a: bounced 550 no", "" },
	{ "{\"host\":\"h\",\"rcpts\":[{\"rcpt\":\"a\",\"verdict\":"
	  "\"delivered\"},{\"rcpt\":\"b\",\"verdict\":\"deferred\","
	  "\"reply\":\"450\"}],\"omitted\":3}",
	    "h; a: delivered; b: deferred 450; and 3 more", "" },
	{ "{\"rcpts\":[{\"rcpt\":\"a\",\"verdict\":\"v\"},7]}", "a: v: ", "" },
	{ "{\"rcpts\":[{\"rcpt\":\"a\",\"verdict\":\"v\"}],\"omitted\":2}",
	    "a: v; and 2 more", "" },
	{ "{\"omitted\":2}", "2 more", "" },
	{ "{\"order\":7,\"command\":\"hold\",\"by\":\"alice\",\"uid\":0,"
	  "\"why\":\"because\"}",
	    "hold by alice (uid 0): because", "" },
	{ "{\"command\":\"cancel\",\"by\":\"\",\"uid\":1000,\"why\":\"\"}",
	    "cancel by uid 1000", "" },
	{ "{\"outcome\":\"told\",\"host\":\"h\",\"reply\":\"250 ok\","
	  "\"notice\":\"final\",\"to\":\"a@t\",\"qid\":\"01HF\"}",
	    "the sender was told: notice 01HF", "" },
	{ "{\"outcome\":\"told\",\"notice\":\"delay\",\"to\":\"a@t\"}",
	    "the sender was told of the delay", "" },
	{ "{\"outcome\":\"told\",\"reply\":\"x\",\"notice\":\"final\"}",
	    "the sender wants no notice", "" },
	{ "{\"outcome\":\"tried\",\"host\":\"h\",\"stage\":\"RCPT\","
	  "\"reply\":\"450 no\",\"notice\":\"final\",\"to\":\"a@t\"}",
	    "notice to a@t: h: RCPT: 450 no", "" },
};

START_TEST(facts_become_a_line)
{
	struct str want = str_from_c(cases[_i].line);
	char bytes[256];
	struct outbuf out = { bytes, 0, sizeof(bytes) };
	struct attempt a;

	ck_assert_int_eq(attempt_init(&a, str_from_c(cases[_i].facts)), ERR_OK);
	ck_assert(str_eq(a.site, str_from_c(cases[_i].site)));
	attempt_put(&a, &out);
	ck_assert_msg(str_eq(outbuf_str(&out), want), "\"%.*s\"",
	    STR_ARG(outbuf_str(&out)));
	attempt_fini(&a);
}
END_TEST

START_TEST(line_is_cut_where_the_room_ends)
{
	struct str want = str_from_c(cases[_i].line);
	char bytes[256] = "x";

	for (size_t room = 0; room <= want.len; room++) {
		struct outbuf out = { bytes, 1, 1 + room };
		struct str got, dots = STR("");
		struct attempt a;

		ck_assert_int_eq(
		    attempt_init(&a, str_from_c(cases[_i].facts)), ERR_OK);
		attempt_put(&a, &out);
		got = str_tail(outbuf_str(&out), 1);
		ck_assert_uint_eq(got.len, room);
		if (room < want.len && room >= 3)
			dots = STR("...");
		ck_assert(str_starts(want, str_head(got, room - dots.len)));
		ck_assert(str_ends(got, dots));
		attempt_fini(&a);
	}
}
END_TEST

static const char *const others[] = { "", "[]", "7", "{", "\"{\"", "\x01\x02" };

START_TEST(what_is_no_object_is_refused)
{
	struct attempt a;

	ck_assert_int_eq(attempt_init(&a, str_from_c(others[_i])), ERR_SYNTAX);
	attempt_fini(&a);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("attempt");
	TCase *tc = tcase_create("attempt");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_loop_test(tc, facts_become_a_line, 0, (int)COUNT_OF(cases));
	tcase_add_loop_test(
	    tc, line_is_cut_where_the_room_ends, 0, (int)COUNT_OF(cases));
	tcase_add_loop_test(
	    tc, what_is_no_object_is_refused, 0, (int)COUNT_OF(others));
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
