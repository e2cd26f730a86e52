/* SPDX-License-Identifier: BSD-2-Clause */
/* test_dsn: the notice as a whole, and what it returns of the original. */
#include "deliver/core/dsn.h"

#include <stdlib.h>

#include "tests/lib/dsn.h"
#include "util/base/array.h"

static bool is_8bit;

static struct str
write_dsn(void)
{
	dsn_buf.len = 0;
	ck_assert_int_eq(dsn_write(&dsn, &dsn_buf, &is_8bit), ERR_OK);
	return outbuf_str(&dsn_buf);
}

/* Lines end in CR LF, and none is too long. */
static void
assert_lines(struct str s)
{
	ck_assert(str_ends(s, STR("--\r\n")));
	while (s.len > 0) {
		struct str line = str_take_field(&s, '\n');

		ck_assert_uint_le(line.len, 999);
		ck_assert(str_ends(line, STR("\r")));
		ck_assert_uint_eq(str_find(line, '\r') + 1, line.len);
	}
}

START_TEST(a_notice_has_its_fields_and_three_parts)
{
	struct str got;

	dsn.content = STR("Message-ID: <1@client.test>\r\nSubject: x\r\n\r\n"
	                  "hello\r\n");
	got = write_dsn();
	assert_lines(got);
	ck_assert(!is_8bit);
	ck_assert_msg(
	    str_starts(got,
	        STR("From: Mail relay <MAILER-DAEMON@node.test>\r\n"
	            "To: <a@client.test>\r\n"
	            "Subject: Undelivered mail returned to sender\r\n"
	            "Date: Fri, 21 Nov 1997 10:55:06 +0000\r\n"
	            "Message-ID: <notice.00000000000000010000000000000002"
	            "@node.test>\r\n"
	            "In-Reply-To: <1@client.test>\r\n"
	            "References: <1@client.test>\r\n"
	            "Auto-Submitted: auto-replied\r\n"
	            "MIME-Version: 1.0\r\n"
	            "Content-Type: multipart/report;"
	            " report-type=delivery-status;\r\n"
	            "\tboundary=\"=_00000000000000010000000000000002\"\r\n"
	            "Content-Transfer-Encoding: 7bit\r\n"
	            "\r\n--=_00000000000000010000000000000002\r\n"
	            "Content-Description: Notification\r\n"
	            "Content-Type: text/plain; charset=utf-8\r\n"
	            "Content-Transfer-Encoding: 7bit\r\n"
	            "\r\nThis is the mail relay node.test.\r\n")),
	    "got:\n%.*s", STR_ARG(got));
	ASSERT_HAS(got,
	    "\r\n\r\n--=_00000000000000010000000000000002\r\n"
	    "Content-Description: Delivery report\r\n"
	    "Content-Type: message/delivery-status\r\n"
	    "Content-Transfer-Encoding: 7bit\r\n"
	    "\r\nReporting-MTA: dns; node.test\r\n");
	ck_assert(str_ends(got,
	    STR("\r\n\r\n--=_00000000000000010000000000000002\r\n"
	        "Content-Description: Undelivered message\r\n"
	        "Content-Type: message/rfc822\r\n"
	        "Content-Transfer-Encoding: 7bit\r\n"
	        "\r\nMessage-ID: <1@client.test>\r\nSubject: x\r\n\r\nhello\r\n"
	        "\r\n--=_00000000000000010000000000000002--\r\n")));
}
END_TEST

START_TEST(nothing_is_written_where_nobody_wants_to_hear)
{
	dsn_rcpts[0].wants = DSN_WANTS_SUCCESS;
	ck_assert_int_eq(dsn_write(&dsn, &dsn_buf, &is_8bit), ERR_NOTFOUND);
	dsn.n_rcpts = 0;
	ck_assert_int_eq(dsn_write(&dsn, &dsn_buf, &is_8bit), ERR_NOTFOUND);
	ck_assert_uint_eq(dsn_buf.len, 0);
}
END_TEST

/* --- what is returned ----------------------------------------------------- */

#define WHOLE "Content-Type: message/rfc822\r\n"
#define HEADERS "Content-Type: text/rfc822-headers\r\n"

START_TEST(only_a_failure_returns_all_and_only_if_that_is_wanted)
{
	ASSERT_HAS(write_dsn(), WHOLE);
	dsn.wants_full = false;
	ASSERT_HAS(write_dsn(), HEADERS);
	ASSERT_HAS_NOT(write_dsn(), "hello");
	dsn.wants_full = true;
	dsn.has_all = false;
	ASSERT_HAS(write_dsn(), HEADERS);
	dsn.has_all = true;
	dsn.kind = NOTICE_DELAY;
	ASSERT_HAS(write_dsn(), HEADERS);
	ASSERT_HAS(write_dsn(), "Subject: Delayed mail: it is still being");
	dsn.kind = NOTICE_FINAL;
	dsn.facts = STR(DSN_RELAYED_FACTS);
	ASSERT_HAS(write_dsn(), HEADERS);
	ASSERT_HAS(write_dsn(), "Subject: Successful mail delivery report");
}
END_TEST

static const struct {
	struct str content, returned;
} odd[] = {
	{ STR_INIT(""), STR_INIT(WHOLE) },
	{ STR_INIT("no header section\r\n"), STR_INIT(WHOLE) },
	/* None of these can be sent as it is. */
	{ STR_INIT("no line end"), STR_INIT(HEADERS) },
	{ STR_INIT("Subject: x\r\n\r\na\nb\r\n"), STR_INIT(HEADERS) },
	{ STR_INIT("Subject: x\r\n\r\na\rb\r\n"), STR_INIT(HEADERS) },
	{ STR_INIT("Subject: x\r\n\r\na\0b\r\n"), STR_INIT(HEADERS) },
};

START_TEST(odd_content_is_returned_if_it_can_be)
{
	struct str got;

	dsn.content = odd[_i].content;
	got = write_dsn();
	assert_lines(got);
	ck_assert(dsn_has(got, odd[_i].returned));
}
END_TEST

START_TEST(what_has_no_header_section_returns_none)
{
	dsn.content = STR("no header section\r\n");
	dsn.wants_full = false;
	ASSERT_HAS(write_dsn(),
	    HEADERS "Content-Transfer-Encoding: 7bit\r\n\r\n\r\n--=_");
}
END_TEST

START_TEST(a_line_of_998_is_the_longest_that_is_returned_whole)
{
	static char content[1001];

	memset(content, 'x', sizeof(content));
	memcpy(content, "A: ", 3);
	memcpy(content + 998, "\r\n", 2);
	dsn.content = (struct str){ content, 1000 };
	ASSERT_HAS(write_dsn(), WHOLE);
	assert_lines(write_dsn());
	memcpy(content + 998, "x\r\n", 3);
	dsn.content.len++;
	ASSERT_HAS(write_dsn(), HEADERS);
	assert_lines(write_dsn());
}
END_TEST

START_TEST(a_header_section_without_end_is_cut_at_a_line)
{
	static char content[2 * DSN_HEADERS_MAX_BYTES];
	struct str got, want;
	size_t before;

	for (size_t i = 0; i < sizeof(content); i += 8)
		memcpy(content + i, "F: abc\r\n", 8);
	memcpy(content, "G: a", 4);
	dsn.content = STR("");
	dsn.wants_full = false;
	before = write_dsn().len;
	dsn.content = (struct str){ content, sizeof(content) };
	dsn.has_all = _i == 0;
	got = write_dsn();
	assert_lines(got);
	ck_assert_uint_eq(got.len - before, DSN_HEADERS_MAX_BYTES);
	want = STR("F: abc\r\nF: abc\r\n\r\n--=_");
	ck_assert(dsn_has(got, want));
}
END_TEST

START_TEST(more_identifiers_than_are_looked_at_hide_no_end)
{
	static char content[4096];
	struct outbuf out = { content, 0, sizeof(content) };

	for (int i = 0; i < 40; i++)
		outbuf_put(&out, STR("Message-ID: <1@x>\r\n"));
	outbuf_put(&out, STR("Last: field\r\n\r\nbody\r\n"));
	dsn.content = outbuf_str(&out);
	dsn.wants_full = false;
	ASSERT_HAS(write_dsn(), "Last: field\r\n\r\n--=_");
}
END_TEST

/* --- identifiers, injection, encodings ------------------------------------ */

static const struct str bad_ids[] = {
	STR_INIT("Message-ID: 1@x\r\n\r\n"),
	STR_INIT("Message-ID: <1@x> <2@x>\r\n\r\n"),
	STR_INIT("Message-ID: <1@x>y\r\n\r\n"),
	STR_INIT("Message-ID: <1x>\r\n\r\n"),
	STR_INIT("Message-ID: <1@x\r\n\r\n"),
	STR_INIT("Message-ID: <1@\303\251>\r\n\r\n"),
	STR_INIT("Message-ID: <1@ x>\r\n\r\n"),
	STR_INIT("Message-ID:\r\n\r\n"),
	STR_INIT("Subject: x\r\n\r\n"),
};

START_TEST(an_identifier_that_is_none_is_not_named)
{
	dsn.content = bad_ids[_i];
	ASSERT_HAS_NOT(write_dsn(), "In-Reply-To");
	ASSERT_HAS_NOT(write_dsn(), "References");
}
END_TEST

START_TEST(no_text_breaks_out_of_its_field)
{
	static const struct str evil = STR_INIT("x\r\nBcc: evil@x\r\n\r\ny");
	struct str got;

	dsn.sender = evil;
	dsn.node = evil;
	dsn.reason = evil;
	dsn.envid = evil;
	dsn_rcpts[0].address = evil;
	dsn_rcpts[0].orcpt = evil;
	dsn.facts = STR("{\"host\":\"x\\r\\nBcc: evil@x\",\"address\":"
	                "\"x\\r\\nBcc: evil@x\",\"reply\":\"x\\r\\nBcc: "
	                "evil@x\",\"rcpts\":[{\"n\":0,\"verdict\":"
	                "\"deferred\"}]}");
	got = write_dsn();
	assert_lines(got);
	ASSERT_HAS_NOT(got, "\nBcc");
}
END_TEST

START_TEST(the_boundary_is_not_in_the_content)
{
	dsn.content = STR("Subject: x\r\n\r\n"
	                  "--=_00000000000000010000000000000002--\r\n"
	                  "--=_00000000000000010000000000000003--\r\n");
	ASSERT_HAS(
	    write_dsn(), "boundary=\"=_00000000000000010000000000000004\"");
}
END_TEST

START_TEST(each_part_says_whether_it_is_8bit)
{
	struct str got;

	dsn.content = STR("Subject: \351\r\n\r\nhello\r\n");
	got = write_dsn();
	ck_assert(is_8bit);
	ASSERT_HAS(got, "\"\r\nContent-Transfer-Encoding: 8bit\r\n");
	ASSERT_HAS(got, "utf-8\r\nContent-Transfer-Encoding: 7bit\r\n");
	ASSERT_HAS(got, "status\r\nContent-Transfer-Encoding: 7bit\r\n");
	ASSERT_HAS(got, "rfc822\r\nContent-Transfer-Encoding: 8bit\r\n");
	dsn.content = STR("");
	dsn.facts = STR("{\"rcpts\":[{\"n\":0,\"verdict\":\"bounced\","
	                "\"reply\":\"550 \303\251\"}]}");
	got = write_dsn();
	ck_assert(is_8bit);
	ASSERT_HAS(got, "\"\r\nContent-Transfer-Encoding: 8bit\r\n");
	ASSERT_HAS(got, "utf-8\r\nContent-Transfer-Encoding: 8bit\r\n");
	ASSERT_HAS(got, "status\r\nContent-Transfer-Encoding: 7bit\r\n");
	ASSERT_HAS(got, "rfc822\r\nContent-Transfer-Encoding: 7bit\r\n");
}
END_TEST

START_TEST(utf8_mail_gets_the_types_of_rfc_6533)
{
	struct str got;

	dsn.is_utf8 = true;
	dsn.sender = STR("\360\237\230\200@client.test");
	got = write_dsn();
	ck_assert(is_8bit);
	ASSERT_HAS(got, "To: <\360\237\230\200@client.test>\r\n");
	ASSERT_HAS(got, "Content-Type: message/global-delivery-status\r\n");
	ASSERT_HAS(got, "Content-Type: message/global\r\n");
	dsn.wants_full = false;
	ASSERT_HAS(write_dsn(), "Content-Type: message/global-headers\r\n");
}
END_TEST

START_TEST(a_quoted_local_part_stays_as_it_is)
{
	dsn.sender = STR("\"a \\\" b\"@client.test");
	ASSERT_HAS(write_dsn(), "To: <\"a \\\" b\"@client.test>\r\n");
}
END_TEST

/* --- the bound ------------------------------------------------------------ */

START_TEST(the_longest_of_all_has_room)
{
	static char text[1024], orcpt[500], content[DSN_HEADERS_MAX_BYTES];
	static char facts[16384];
	struct outbuf f = { facts, 0, sizeof(facts) };
	size_t max;

	/* Each second word makes a new line. */
	memset(text, 'x', sizeof(text));
	for (size_t i = 0; i < sizeof(text); i += 77)
		text[i] = ' ';
	memset(orcpt, 'x', sizeof(orcpt));
	memcpy(orcpt, "utf-8;", 6);
	for (size_t i = 6; i + 1 < sizeof(orcpt); i += 2)
		memcpy(orcpt + i, "\304\200", 2);
	memset(content, '\n', sizeof(content));
	memcpy(content, "F:", 2);
	for (size_t i = 3; i < sizeof(content); i += 2)
		content[i] = ' ';
	ck_assert_int_eq(outbuf_printf(&f,
	                     "{\"host\":\"%.*s\",\"address\":\"%.*s\","
	                     "\"reply\":\"%.*s\",\"rcpts\":[",
	                     1024, text, 1024, text, 1024, text),
	    ERR_OK);
	for (uint16_t i = 0; i < PART_RCPTS_MAX; i++) {
		ck_assert_int_eq(
		    outbuf_printf(&f, "%s{\"n\":%u,\"verdict\":\"deferred\"}",
		        i == 0 ? "" : ",", (unsigned)i),
		    ERR_OK);
		dsn_rcpts[i] = (struct dsn_rcpt){
			.address = { text, sizeof(text) },
			.orcpt = { orcpt, sizeof(orcpt) },
			.n = i,
			.wants = DSN_WANTS_FAILURE,
		};
	}
	outbuf_put(&f, STR("]}"));
	dsn.facts = outbuf_str(&f);
	dsn.n_rcpts = PART_RCPTS_MAX;
	dsn.reason = (struct str){ text, sizeof(text) };
	dsn.sender = dsn.reason;
	dsn.node = str_head(dsn.reason, 255);
	dsn.content = (struct str){ content, sizeof(content) };
	max = dsn_bytes(&dsn);
	ck_assert_uint_le(max, DSN_ROOM);
	ck_assert_uint_le(write_dsn().len, max);
	assert_lines(write_dsn());
}
END_TEST

START_TEST(without_room_nothing_is_written)
{
	size_t need = write_dsn().len;

	dsn_buf.len = 0;
	dsn_buf.cap = need;
	ck_assert_int_eq(dsn_write(&dsn, &dsn_buf, &is_8bit), ERR_OK);
	for (size_t cap = 0; cap < need; cap += 7) {
		dsn_buf.len = 0;
		dsn_buf.cap = cap;
		ck_assert_int_eq(dsn_write(&dsn, &dsn_buf, &is_8bit), ERR_FULL);
		ck_assert_uint_eq(dsn_buf.len, 0);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("dsn");
	TCase *tc = tcase_create("core");
	SRunner *sr;
	int n_failed;

	tcase_add_checked_fixture(tc, dsn_setup, NULL);
	tcase_add_test(tc, a_notice_has_its_fields_and_three_parts);
	tcase_add_test(tc, nothing_is_written_where_nobody_wants_to_hear);
	tcase_add_test(
	    tc, only_a_failure_returns_all_and_only_if_that_is_wanted);
	tcase_add_loop_test(
	    tc, odd_content_is_returned_if_it_can_be, 0, COUNT_OF(odd));
	tcase_add_test(tc, what_has_no_header_section_returns_none);
	tcase_add_test(tc, a_line_of_998_is_the_longest_that_is_returned_whole);
	tcase_add_loop_test(
	    tc, a_header_section_without_end_is_cut_at_a_line, 0, 2);
	tcase_add_test(tc, more_identifiers_than_are_looked_at_hide_no_end);
	tcase_add_loop_test(
	    tc, an_identifier_that_is_none_is_not_named, 0, COUNT_OF(bad_ids));
	tcase_add_test(tc, no_text_breaks_out_of_its_field);
	tcase_add_test(tc, the_boundary_is_not_in_the_content);
	tcase_add_test(tc, each_part_says_whether_it_is_8bit);
	tcase_add_test(tc, utf8_mail_gets_the_types_of_rfc_6533);
	tcase_add_test(tc, a_quoted_local_part_stays_as_it_is);
	tcase_add_test(tc, the_longest_of_all_has_room);
	tcase_add_test(tc, without_room_nothing_is_written);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	n_failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
