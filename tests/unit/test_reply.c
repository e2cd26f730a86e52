/* SPDX-License-Identifier: BSD-2-Clause */
/* test_reply: replies as servers write them, good ones and others. */
#include "util/mail/reply.h"

#include <stdlib.h>

#include <check.h>

#include "util/base/array.h"

static const struct {
	struct str raw, rest, text, line;
	uint16_t code;
	struct status enhanced;
} good[] = {
	{ STR_INIT("250 Ok\r\n"), STR_INIT(""), STR_INIT("Ok"),
	    STR_INIT("250 Ok"), 250, { 0 } },
	{ STR_INIT("250 2.1.0 Ok\r\n354 Go"), STR_INIT("354 Go"),
	    STR_INIT("Ok"), STR_INIT("250 2.1.0 Ok"), 250, { 2, 1, 0 } },
	/* Bare LF, no text, no blank. */
	{ STR_INIT("354 go\n"), STR_INIT(""), STR_INIT("go"),
	    STR_INIT("354 go"), 354, { 0 } },
	{ STR_INIT("250\r\n"), STR_INIT(""), STR_INIT(""), STR_INIT("250"), 250,
	    { 0 } },
	{ STR_INIT("250 \r\n"), STR_INIT(""), STR_INIT(""), STR_INIT("250"),
	    250, { 0 } },
	{ STR_INIT("250-\r\n250\n"), STR_INIT(""), STR_INIT(""),
	    STR_INIT("250"), 250, { 0 } },
	{ STR_INIT("550 5.1.1\r\n"), STR_INIT(""), STR_INIT(""),
	    STR_INIT("550 5.1.1"), 550, { 5, 1, 1 } },
	/* Many lines, with the enhanced code on each, on one, or another. */
	{ STR_INIT("550-5.7.1 No\r\n550-5.7.1\r\n550 5.7.1  way \r\n"),
	    STR_INIT(""), STR_INIT("No way"), STR_INIT("550 5.7.1 No way"), 550,
	    { 5, 7, 1 } },
	{ STR_INIT("550-5.7.1 No\r\n550 way\r\n"), STR_INIT(""),
	    STR_INIT("No way"), STR_INIT("550 5.7.1 No way"), 550,
	    { 5, 7, 1 } },
	{ STR_INIT("550-No\r\n550 5.7.1 way\r\n"), STR_INIT(""),
	    STR_INIT("No 5.7.1 way"), STR_INIT("550 No 5.7.1 way"), 550,
	    { 0 } },
	/* The class must fit. */
	{ STR_INIT("450 5.1.1 eh\r\n"), STR_INIT(""), STR_INIT("5.1.1 eh"),
	    STR_INIT("450 5.1.1 eh"), 450, { 0 } },
	{ STR_INIT("200 a\r\n"), STR_INIT(""), STR_INIT("a"), STR_INIT("200 a"),
	    200, { 0 } },
	{ STR_INIT("599 a\r\n"), STR_INIT(""), STR_INIT("a"), STR_INIT("599 a"),
	    599, { 0 } },
};

START_TEST(good_replies_are_read)
{
	char bytes[REPLY_MAX_BYTES];
	struct outbuf out = { bytes, 0, sizeof(bytes) };
	struct str in = good[_i].raw;
	struct reply reply;

	ck_assert_int_eq(reply_parse(&reply, &in), ERR_OK);
	ck_assert_uint_eq(reply.code, good[_i].code);
	ck_assert_uint_eq(reply.enhanced.klass, good[_i].enhanced.klass);
	ck_assert_uint_eq(reply.enhanced.subject, good[_i].enhanced.subject);
	ck_assert_uint_eq(reply.enhanced.detail, good[_i].enhanced.detail);
	ck_assert(str_eq(in, good[_i].rest));
	ck_assert_ptr_eq(reply.raw.ptr, good[_i].raw.ptr);
	ck_assert_uint_eq(reply.raw.len, good[_i].raw.len - in.len);
	ck_assert_int_eq(reply_put_text(&reply, &out), ERR_OK);
	ck_assert(str_eq(outbuf_str(&out), good[_i].text));
	out.len = 0;
	ck_assert_int_eq(reply_put_line(&reply, &out), ERR_OK);
	ck_assert(str_eq(outbuf_str(&out), good[_i].line));
}
END_TEST

/* A cut anywhere before the end leaves all as it was. */
START_TEST(part_of_a_reply_asks_for_more)
{
	struct str raw = good[_i].raw;
	size_t end = raw.len - good[_i].rest.len;
	struct reply reply = { .code = 1 };

	for (size_t n = 0; n < end; n++) {
		struct str in = str_head(raw, n);

		ck_assert_int_eq(reply_parse(&reply, &in), ERR_AGAIN);
		ck_assert_uint_eq(in.len, n);
		ck_assert_ptr_eq(in.ptr, raw.ptr);
	}
	ck_assert_uint_eq(reply.code, 1);
}
END_TEST

static const struct str bad[] = {
	STR_INIT("\r\n"),
	STR_INIT("25\r\n"),
	STR_INIT("Ok\r\n"),
	STR_INIT("HTTP/1.0 400 Bad request\r\n"),
	STR_INIT(" 250 Ok\r\n"),
	STR_INIT("2500 Ok\r\n"),
	STR_INIT("250Ok\r\n"),
	STR_INIT("250\tOk\r\n"),
	STR_INIT("25o Ok\r\n"),
	STR_INIT("199 a\r\n"),
	STR_INIT("600 a\r\n"),
	STR_INIT("000 a\r\n"),
	STR_INIT("250-a\r\n251 b\r\n"),
	STR_INIT("250-a\r\nb\r\n"),
	STR_INIT("250-a\r\n\r\n250 b\r\n"),
};

START_TEST(what_is_no_reply_is_refused)
{
	struct str in = bad[_i];
	struct reply reply;

	ck_assert_int_eq(reply_parse(&reply, &in), ERR_SYNTAX);
}
END_TEST

/* n bytes of "250-xx...\r\n" lines and a last one of "250 \r\n". */
static struct str
fill(char *bytes, size_t n)
{
	static const size_t line_bytes = 64;
	size_t at = 0;

	memset(bytes, 'x', n);
	while (n - at > 2 * line_bytes) {
		memcpy(bytes + at, "250-", 4);
		memcpy(bytes + at + line_bytes - 2, "\r\n", 2);
		at += line_bytes;
	}
	memcpy(bytes + at, "250 ", 4);
	memcpy(bytes + n - 2, "\r\n", 2);
	return (struct str){ bytes, n };
}

START_TEST(length_is_bounded)
{
	static char bytes[2 * REPLY_MAX_BYTES], text[REPLY_MAX_BYTES];
	struct outbuf out = { text, 0, sizeof(text) };
	struct reply reply;
	struct str in;

	in = fill(bytes, REPLY_MAX_BYTES);
	ck_assert_int_eq(reply_parse(&reply, &in), ERR_OK);
	ck_assert_uint_eq(in.len, 0);
	ck_assert_int_eq(reply_put_line(&reply, &out), ERR_OK);
	in = fill(bytes, REPLY_MAX_BYTES + 1);
	ck_assert_int_eq(reply_parse(&reply, &in), ERR_FULL);
	/* However it comes: not before the last byte that could end it. */
	in = str_head(fill(bytes, REPLY_MAX_BYTES + 1), REPLY_MAX_BYTES - 1);
	ck_assert_int_eq(reply_parse(&reply, &in), ERR_AGAIN);
	in.len++;
	ck_assert_int_eq(reply_parse(&reply, &in), ERR_FULL);
}
END_TEST

START_TEST(text_is_cut_where_there_is_no_room)
{
	char bytes[6];
	struct outbuf out = { bytes, 0, sizeof(bytes) };
	struct str in = STR("250-abc\r\n250 defg\r\n");
	struct reply reply;

	ck_assert_int_eq(reply_parse(&reply, &in), ERR_OK);
	ck_assert_int_eq(reply_put_text(&reply, &out), ERR_FULL);
	ck_assert(str_eq(outbuf_str(&out), STR("abc de")));
	out.len = 0;
	ck_assert_int_eq(reply_put_line(&reply, &out), ERR_FULL);
	ck_assert(str_eq(outbuf_str(&out), STR("250 ab")));
	out = (struct outbuf){ bytes, 0, 2 };
	ck_assert_int_eq(reply_put_line(&reply, &out), ERR_FULL);
	ck_assert(str_eq(outbuf_str(&out), STR("25")));
}
END_TEST

START_TEST(ehlo_keywords_come_line_by_line)
{
	struct str in = STR("250-mx.test Hi\r\n250-SIZE 1000\r\n250 DSN\n");
	struct str rest, text;
	struct reply reply;

	ck_assert_int_eq(reply_parse(&reply, &in), ERR_OK);
	rest = reply.raw;
	ck_assert(reply_next_text(&rest, &text));
	ck_assert(str_eq(text, STR("mx.test Hi")));
	ck_assert(reply_next_text(&rest, &text));
	ck_assert(str_eq(text, STR("SIZE 1000")));
	ck_assert(reply_next_text(&rest, &text));
	ck_assert(str_eq(text, STR("DSN")));
	ck_assert(!reply_next_text(&rest, &text));
}
END_TEST

START_TEST(each_code_means_something)
{
	ck_assert_str_eq(
	    reply_code_text(450), "the mailbox is not available now");
	ck_assert_str_eq(reply_code_text(499), "a failure for now");
	ck_assert_str_eq(reply_code_text(599), "a failure for good");
	ck_assert_str_eq(reply_code_text(399), "an unexpected reply");
	ck_assert_str_eq(reply_code_text(0), "an unexpected reply");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("reply");
	TCase *tc = tcase_create("reply");
	SRunner *runner = srunner_create(suite);
	int n_good = (int)COUNT_OF(good);
	int n_bad = (int)COUNT_OF(bad);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_loop_test(tc, good_replies_are_read, 0, n_good);
	tcase_add_loop_test(tc, part_of_a_reply_asks_for_more, 0, n_good);
	tcase_add_loop_test(tc, what_is_no_reply_is_refused, 0, n_bad);
	tcase_add_test(tc, length_is_bounded);
	tcase_add_test(tc, text_is_cut_where_there_is_no_room);
	tcase_add_test(tc, ehlo_keywords_come_line_by_line);
	tcase_add_test(tc, each_code_means_something);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
