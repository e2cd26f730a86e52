/* SPDX-License-Identifier: BSD-2-Clause */
/* test_dsn_text: people read what happened, and what happens next. */
#include <stdlib.h>

#include "tests/lib/dsn.h"

START_TEST(a_refusal_names_the_host_and_what_it_said)
{
	struct str got = dsn_part(dsn_put_text, false);

	ck_assert_msg(
	    str_eq(got,
	        STR("This is the mail relay node.test.\r\n\r\n"
	            "This is about your message of"
	            " Fri, 21 Nov 1997 09:55:06 +0000,\r\n"
	            "which has the queue id 00000000000000000000000000.\r\n"
	            "\r\nIt could not be delivered to:\r\n"
	            "\r\n  <b@dest.test>\r\n"
	            "    mx.dest.test (192.0.2.1:25) said: 550 5.1.1 no\r\n"
	            "\r\nNo further try is made for these. You may have to"
	            " correct the address,\r\nor to ask the recipient's"
	            " postmaster.\r\n")),
	    "got:\n%.*s", STR_ARG(got));
}
END_TEST

START_TEST(what_expired_has_the_reason_and_the_last_reply)
{
	struct str got;

	dsn.reason = STR("it could not be delivered in time");
	dsn.facts = STR("{\"address\":\"192.0.2.1:25\",\"rcpts\":[{\"n\":0,"
	                "\"verdict\":\"deferred\",\"code\":451,"
	                "\"reply\":\"451 later\"}]}");
	got = dsn_part(dsn_put_text, false);
	ASSERT_HAS(got,
	    "    it could not be delivered in time\r\n"
	    "    192.0.2.1:25 said: 451 later\r\n");
	/* What was refused itself was not too late. */
	dsn.facts = STR(DSN_REFUSED);
	got = dsn_part(dsn_put_text, false);
	ASSERT_HAS_NOT(got, "in time");
}
END_TEST

START_TEST(what_was_not_tried_has_the_reason_once)
{
	struct str got;

	dsn.reason = STR("too late");
	dsn.facts = STR("");
	got = dsn_part(dsn_put_text, false);
	ASSERT_HAS(got, "<b@dest.test>\r\n    too late\r\n\r\nNo further");
}
END_TEST

START_TEST(what_happened_instead_of_a_reply_was_not_said)
{
	struct str got;

	dsn.facts = STR("{\"host\":\"mx\",\"rcpts\":[{\"n\":0,\"verdict\":"
	                "\"bounced\",\"reply\":\"too large\"}]}");
	got = dsn_part(dsn_put_text, false);
	ASSERT_HAS(got, "    mx: too large\r\n");
}
END_TEST

START_TEST(a_delay_says_that_nothing_is_to_be_done)
{
	struct str got;

	dsn.kind = NOTICE_DELAY;
	dsn.facts = STR("");
	dsn.reason = STR("connect: refused");
	got = dsn_part(dsn_put_text, false);
	ASSERT_HAS(got,
	    "not been delivered yet to:\r\n\r\n  <b@dest.test>\r\n"
	    "    connect: refused\r\n\r\n"
	    "You need not send it again. It is tried again until"
	    "\r\nFri, 21 Nov 1997 11:55:06 +0000.\r\n");
	dsn.expires_ms = 0;
	got = dsn_part(dsn_put_text, false);
	ASSERT_HAS(got, "again. It is tried again.\r\n");
}
END_TEST

START_TEST(recipients_stand_together_by_what_became_of_them)
{
	struct str got;

	dsn.facts = STR("{\"reply\":\"250 ok\",\"rcpts\":["
	                "{\"n\":0,\"verdict\":\"delivered\"},"
	                "{\"n\":1,\"verdict\":\"bounced\",\"reply\":\"no\"},"
	                "{\"n\":2,\"verdict\":\"delivered\"}]}");
	dsn.n_rcpts = 3;
	for (uint16_t i = 0; i < 3; i++)
		dsn_rcpts[i] = (struct dsn_rcpt){ .address = STR("b@x"),
			.n = i,
			.wants = DSN_WANTS_FAILURE | DSN_WANTS_SUCCESS };
	got = dsn_part(dsn_put_text, false);
	ASSERT_HAS(got,
	    "not be delivered to:\r\n\r\n  <b@x>\r\n    no\r\n"
	    "\r\nNo further");
	ASSERT_HAS(got,
	    "handed on for:\r\n\r\n  <b@x>\r\n    250 ok\r\n"
	    "\r\n  <b@x>\r\n    250 ok\r\n\r\nThe next host");
	dsn.facts = STR("{\"transport\":\"lmtp\",\"rcpts\":["
	                "{\"n\":0,\"verdict\":\"delivered\"}]}");
	dsn.n_rcpts = 1;
	got = dsn_part(dsn_put_text, false);
	ASSERT_HAS(got, "It was delivered to:\r\n");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("dsn_text");
	TCase *tc = tcase_create("core");
	SRunner *sr;
	int n_failed;

	tcase_add_checked_fixture(tc, dsn_setup, NULL);
	tcase_add_test(tc, a_refusal_names_the_host_and_what_it_said);
	tcase_add_test(tc, what_expired_has_the_reason_and_the_last_reply);
	tcase_add_test(tc, what_was_not_tried_has_the_reason_once);
	tcase_add_test(tc, what_happened_instead_of_a_reply_was_not_said);
	tcase_add_test(tc, a_delay_says_that_nothing_is_to_be_done);
	tcase_add_test(tc, recipients_stand_together_by_what_became_of_them);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	n_failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
