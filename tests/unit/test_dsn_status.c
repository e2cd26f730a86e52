/* SPDX-License-Identifier: BSD-2-Clause */
/* test_dsn_status: the fields that programs read, for each kind of fate. */
#include <stdlib.h>

#include "tests/lib/dsn.h"
#include "util/base/array.h"

static void
assert_status(struct str got, const char *want)
{
	ck_assert_msg(
	    str_eq(got, str_from_c(want)), "got:\n%.*s", STR_ARG(got));
}

#define HEAD \
	"Reporting-MTA: dns; node.test\r\n" \
	"X-Holdfast-Queue-Id: 00000000000000000000000000\r\n"
#define ARRIVAL "Arrival-Date: Fri, 21 Nov 1997 09:55:06 +0000\r\n"
#define TRIED "Last-Attempt-Date: Fri, 21 Nov 1997 10:25:06 +0000\r\n"

START_TEST(a_failure_has_all_that_is_known)
{
	dsn.envid = STR("QQ+2B1");
	dsn_rcpts[0].orcpt = STR("rfc822;B+3Dx@dest.test");
	assert_status(dsn_part(dsn_put_status, false),
	    HEAD "Original-Envelope-Id: QQ+1\r\n" ARRIVAL "\r\n"
	         "Original-Recipient: rfc822;B=x@dest.test\r\n"
	         "Final-Recipient: rfc822;b@dest.test\r\n"
	         "Action: failed\r\n"
	         "Status: 5.1.1\r\n"
	         "Remote-MTA: dns; mx.dest.test\r\n"
	         "Diagnostic-Code: smtp; 550 5.1.1 no\r\n" TRIED);
}
END_TEST

START_TEST(of_what_is_not_known_nothing_is_said)
{
	dsn.facts = STR("");
	dsn.arrival_ms = dsn.tried_ms = 0;
	assert_status(dsn_part(dsn_put_status, false),
	    HEAD "\r\n"
	         "Final-Recipient: rfc822;b@dest.test\r\n"
	         "Action: failed\r\n"
	         "Status: 5.0.0\r\n");
}
END_TEST

START_TEST(what_expired_untried_has_the_reason)
{
	dsn.facts = STR("");
	dsn.reason = STR("too late");
	assert_status(dsn_part(dsn_put_status, false),
	    HEAD ARRIVAL "\r\n"
	                 "Final-Recipient: rfc822;b@dest.test\r\n"
	                 "Action: failed\r\n"
	                 "Status: 5.4.7\r\n"
	                 "Diagnostic-Code: x-holdfast; too late\r\n");
}
END_TEST

START_TEST(a_delay_says_how_long_it_is_tried)
{
	dsn.kind = NOTICE_DELAY;
	dsn.facts = STR("{\"host\":\"mx\",\"rcpts\":[{\"n\":0,\"verdict\":"
	                "\"deferred\",\"code\":451,\"enhanced\":\"4.3.0\","
	                "\"reply\":\"451 4.3.0 later\"}]}");
	assert_status(dsn_part(dsn_put_status, false),
	    HEAD ARRIVAL
	    "\r\n"
	    "Final-Recipient: rfc822;b@dest.test\r\n"
	    "Action: delayed\r\n"
	    "Status: 4.3.0\r\n"
	    "Remote-MTA: dns; mx\r\n"
	    "Diagnostic-Code: smtp; 451 4.3.0 later\r\n" TRIED
	    "Will-Retry-Until: Fri, 21 Nov 1997 11:55:06 +0000\r\n");
}
END_TEST

START_TEST(kinds_may_be_mixed)
{
	struct str got;

	dsn.facts = STR("{\"reply\":\"250 ok\",\"rcpts\":["
	                "{\"n\":0,\"verdict\":\"bounced\",\"code\":550,"
	                "\"enhanced\":\"5.1.1\",\"reply\":\"550 no\"},"
	                "{\"n\":1,\"verdict\":\"delivered\",\"code\":250,"
	                "\"enhanced\":\"2.1.5\"},"
	                "{\"n\":2,\"verdict\":\"delivered\"}]}");
	dsn.n_rcpts = 3;
	dsn_rcpts[1] = (struct dsn_rcpt){ .address = STR("c@dest.test"),
		.n = 1,
		.wants = DSN_WANTS_SUCCESS };
	dsn_rcpts[2] = (struct dsn_rcpt){ .address = STR("d@dest.test"),
		.n = 2,
		.wants = DSN_WANTS_FAILURE };
	got = dsn_part(dsn_put_status, false);
	ASSERT_HAS(got, "Action: failed\r\nStatus: 5.1.1\r\n");
	ASSERT_HAS(got,
	    "rfc822;c@dest.test\r\nAction: relayed\r\n"
	    "Status: 2.1.5\r\n"
	    "Diagnostic-Code: smtp; 250 ok\r\n");
	ASSERT_HAS_NOT(got, "d@dest.test");
}
END_TEST

static const struct {
	struct str orcpt, ascii, utf8;
} orcpts[] = {
	{ STR_INIT("rfc822;a+20b"), STR_INIT("Original-Recipient: rfc822;a b"),
	    STR_INIT("Original-Recipient: rfc822;a b") },
	{ STR_INIT("utf-8;\\x{E9}@x"),
	    STR_INIT("Original-Recipient: utf-8;\\x{E9}@x"),
	    STR_INIT("Original-Recipient: utf-8;\303\251@x") },
	{ STR_INIT("utf-8;\303\251@x"),
	    STR_INIT("Original-Recipient: utf-8;\\x{E9}@x"),
	    STR_INIT("Original-Recipient: utf-8;\303\251@x") },
};

START_TEST(an_orcpt_is_written_as_the_notice_can_have_it)
{
	dsn_rcpts[0].orcpt = orcpts[_i].orcpt;
	ck_assert(dsn_has(dsn_part(dsn_put_status, false), orcpts[_i].ascii));
	ck_assert(dsn_has(dsn_part(dsn_put_status, true), orcpts[_i].utf8));
}
END_TEST

START_TEST(malformed_parameters_are_left_out)
{
	struct str got;

	dsn.envid = STR("a+0D+0AX: y");
	dsn_rcpts[0].orcpt = STR("rfc822;a+0D+0AX: y");
	got = dsn_part(dsn_put_status, false);
	ASSERT_HAS_NOT(got, "Original-");
	ASSERT_HAS_NOT(got, "X: y");
}
END_TEST

START_TEST(an_address_above_ascii_is_of_type_utf_8)
{
	struct str got;

	dsn_rcpts[0].address = STR("\360\237\230\200@dest.test");
	got = dsn_part(dsn_put_status, true);
	ASSERT_HAS(
	    got, "Final-Recipient: utf-8;\360\237\230\200@dest.test\r\n");
	got = dsn_part(dsn_put_status, false);
	ASSERT_HAS(got, "Final-Recipient: rfc822;?@dest.test\r\n");
}
END_TEST

static const struct {
	struct str host, field;
} hosts[] = {
	{ STR_INIT("mx.test"), STR_INIT("Remote-MTA: dns; mx.test\r\n") },
	{ STR_INIT("mx.test:2525"), STR_INIT("Remote-MTA: dns; mx.test\r\n") },
	{ STR_INIT("192.0.2.1:25"),
	    STR_INIT("Remote-MTA: dns; [192.0.2.1]\r\n") },
	{ STR_INIT("192.0.2.1"), STR_INIT("Remote-MTA: dns; [192.0.2.1]\r\n") },
	{ STR_INIT("[2001:db8::1]:25"),
	    STR_INIT("Remote-MTA: dns; [IPv6:2001:db8::1]\r\n") },
	{ STR_INIT("unix:/run/x"), STR_INIT("") },
	{ STR_INIT(""), STR_INIT("") },
};

START_TEST(a_host_is_a_name_or_a_literal)
{
	char facts[256];
	struct outbuf out = { facts, 0, sizeof(facts) };
	struct str got;

	ck_assert_int_eq(outbuf_printf(&out,
	                     "{\"host\":\"%.*s\",\"rcpts\":[{\"n\":0,"
	                     "\"verdict\":\"bounced\"}]}",
	                     STR_ARG(hosts[_i].host)),
	    ERR_OK);
	dsn.facts = outbuf_str(&out);
	got = dsn_part(dsn_put_status, false);
	if (hosts[_i].field.len > 0)
		ck_assert(dsn_has(got, hosts[_i].field));
	else
		ASSERT_HAS_NOT(got, "Remote-MTA");
}
END_TEST

START_TEST(a_reply_ends_no_field_and_is_folded)
{
	struct str got;

	dsn.facts = STR("{\"rcpts\":[{\"n\":0,\"verdict\":\"bounced\","
	                "\"code\":550,\"reply\":\"550 no\\r\\nAction: "
	                "delivered \\u00e9 word word word word word word word "
	                "word word word\"}]}");
	got = dsn_part(dsn_put_status, false);
	ASSERT_HAS_NOT(got, "\nAction: delivered");
	ASSERT_HAS(got, "smtp; 550 no??Action: delivered ? word");
	ASSERT_HAS(got, "word\r\n word");
	ASSERT_HAS(dsn_part(dsn_put_status, true), "\303\251");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("dsn_status");
	TCase *tc = tcase_create("core");
	SRunner *sr;
	int n_failed;

	tcase_add_checked_fixture(tc, dsn_setup, NULL);
	tcase_add_test(tc, a_failure_has_all_that_is_known);
	tcase_add_test(tc, of_what_is_not_known_nothing_is_said);
	tcase_add_test(tc, what_expired_untried_has_the_reason);
	tcase_add_test(tc, a_delay_says_how_long_it_is_tried);
	tcase_add_test(tc, kinds_may_be_mixed);
	tcase_add_loop_test(tc, an_orcpt_is_written_as_the_notice_can_have_it,
	    0, COUNT_OF(orcpts));
	tcase_add_test(tc, malformed_parameters_are_left_out);
	tcase_add_test(tc, an_address_above_ascii_is_of_type_utf_8);
	tcase_add_loop_test(
	    tc, a_host_is_a_name_or_a_literal, 0, COUNT_OF(hosts));
	tcase_add_test(tc, a_reply_ends_no_field_and_is_folded);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	n_failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
