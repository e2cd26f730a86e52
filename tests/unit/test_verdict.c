/* SPDX-License-Identifier: BSD-2-Clause */
/* test_verdict: replies of the wild, and what they are about. */
#include "deliver/core/verdict.h"

#include <stdlib.h>

#include <check.h>

#include "util/base/array.h"

static struct ruling
judge(struct str raw, enum smtp_stage stage)
{
	struct reply reply;

	ck_assert_int_eq(reply_parse(&reply, &raw), ERR_OK);
	return verdict_judge(&reply, stage);
}

static const struct {
	struct str raw;
	enum smtp_stage stage;
	enum answer answer;
	uint32_t wait_ms;
} cases[] = {
	{ STR_INIT("250 ok\r\n"), STAGE_DOT, ANSWER_OK, 0 },
	{ STR_INIT("354 go\r\n"), STAGE_DATA, ANSWER_GO, 0 },
	{ STR_INIT("451 4.3.0 no\r\n"), STAGE_DOT, ANSWER_TEMP, 0 },
	{ STR_INIT("550 5.1.1 no\r\n"), STAGE_RCPT, ANSWER_PERM, 0 },
	/* Words that refuse us are harmless in what is no refusal. */
	{ STR_INIT("250 too many connections\r\n"), STAGE_DOT, ANSWER_OK, 0 },

	{ STR_INIT("421 bye\r\n"), STAGE_GREETING, ANSWER_THROTTLE, 0 },
	{ STR_INIT("421 bye\r\n"), STAGE_RCPT, ANSWER_THROTTLE, 0 },
	{ STR_INIT("421 bye\r\n"), STAGE_DOT, ANSWER_THROTTLE, 0 },
	{ STR_INIT("420 bye\r\n"), STAGE_DOT, ANSWER_TEMP, 0 },
	{ STR_INIT("422 bye\r\n"), STAGE_DOT, ANSWER_TEMP, 0 },

	{ STR_INIT("450 4.7.1 Too Many CONNECTIONS from you\r\n"), STAGE_RCPT,
	    ANSWER_THROTTLE, 0 },
	{ STR_INIT("450 4.7.0 rate limit exceeded\r\n"), STAGE_DOT,
	    ANSWER_THROTTLE, 0 },
	{ STR_INIT("451-4.7.0 Your mail is\r\n451 4.7.0 throttled\r\n"),
	    STAGE_MAIL, ANSWER_THROTTLE, 0 },
	/* The words may stand on two lines. */
	{ STR_INIT("451-4.7.0 too many\r\n451 4.7.0 connections\r\n"),
	    STAGE_MAIL, ANSWER_THROTTLE, 0 },
	{ STR_INIT("450 4.2.1 we operate at a moderate rate\r\n"), STAGE_DOT,
	    ANSWER_TEMP, 0 },

	/* For good, once a recipient is named; about us before. */
	{ STR_INIT("554 5.7.1 too many connections\r\n"), STAGE_GREETING,
	    ANSWER_THROTTLE, 0 },
	{ STR_INIT("554 5.7.1 too many connections\r\n"), STAGE_MAIL,
	    ANSWER_THROTTLE, 0 },
	{ STR_INIT("554 5.7.1 too many connections\r\n"), STAGE_RCPT,
	    ANSWER_PERM, 0 },
	{ STR_INIT("554 5.7.1 rate limit exceeded\r\n"), STAGE_DOT, ANSWER_PERM,
	    0 },

	{ STR_INIT("421 4.7.0 Try again in 5 minutes\r\n"), STAGE_GREETING,
	    ANSWER_THROTTLE, 300000 },
	{ STR_INIT("451 4.7.0 please retry in 30s\r\n"), STAGE_MAIL,
	    ANSWER_THROTTLE, 30000 },
	{ STR_INIT("451 4.7.0 try again after 1 hour\r\n"), STAGE_DOT,
	    ANSWER_THROTTLE, 3600000 },
	{ STR_INIT("421 try again in 24 hours\r\n"), STAGE_DOT, ANSWER_THROTTLE,
	    VERDICT_WAIT_MAX_MS },
	{ STR_INIT("421 try again in 25 hours\r\n"), STAGE_DOT, ANSWER_THROTTLE,
	    VERDICT_WAIT_MAX_MS },
	{ STR_INIT("421 try again in 99999999999999999999 s\r\n"), STAGE_DOT,
	    ANSWER_THROTTLE, 0 },
	{ STR_INIT("451 try again in a while\r\n"), STAGE_DOT, ANSWER_TEMP, 0 },
	{ STR_INIT("451 try again in 5\r\n"), STAGE_DOT, ANSWER_TEMP, 0 },
	{ STR_INIT("451 try again later\r\n"), STAGE_DOT, ANSWER_TEMP, 0 },
	/* About the recipient, or about the three of them. */
	{ STR_INIT("451 4.7.1 try again in 5 minutes\r\n"), STAGE_RCPT,
	    ANSWER_TEMP, 0 },
	{ STR_INIT("451 4.7.1 Greylisted, try again in 5 minutes\r\n"),
	    STAGE_DATA, ANSWER_TEMP, 0 },

	/* A new connection will do. */
	{ STR_INIT("421 too many messages in this connection\r\n"), STAGE_MAIL,
	    ANSWER_CLOSING, 0 },
	{ STR_INIT("421 4.4.2 Idle timeout\r\n"), STAGE_MAIL, ANSWER_CLOSING,
	    0 },
	{ STR_INIT("421 too many messages in this connection\r\n"), STAGE_RCPT,
	    ANSWER_THROTTLE, 0 },
	{ STR_INIT("421 4.4.2 Idle timeout\r\n"), STAGE_GREETING,
	    ANSWER_THROTTLE, 0 },
	{ STR_INIT("451 4.4.2 Idle timeout\r\n"), STAGE_MAIL, ANSWER_TEMP, 0 },

	/* Too many recipients, by the code of old. */
	{ STR_INIT("552 5.5.3 too many recipients\r\n"), STAGE_RCPT,
	    ANSWER_TEMP, 0 },
	{ STR_INIT("552 5.5.3 too many recipients\r\n"), STAGE_DOT, ANSWER_PERM,
	    0 },
	{ STR_INIT("552 5.2.2 mailbox full\r\n"), STAGE_RCPT, ANSWER_PERM, 0 },
};

static const struct {
	struct str raw;
	bool is_too_many;
} refusals[] = {
	{ STR_INIT("452 4.5.3 Error: too many recipients\r\n"), true },
	{ STR_INIT("452 4.5.3 enough\r\n"), true },
	{ STR_INIT("552 5.5.3 enough\r\n"), true },
	{ STR_INIT("452 Too Many Recipients in this one\r\n"), true },
	{ STR_INIT("452 too many\r\n"), false },
	{ STR_INIT("452 4.2.2 too many recipients\r\n"), false },
	{ STR_INIT("552 too many recipients\r\n"), false },
	{ STR_INIT("451 4.5.3 too many recipients\r\n"), false },
	{ STR_INIT("450 too many recipients\r\n"), false },
};

START_TEST(too_many_recipients_is_told_from_a_full_mailbox)
{
	struct str raw = refusals[_i].raw;
	struct reply reply;

	ck_assert_int_eq(reply_parse(&reply, &raw), ERR_OK);
	ck_assert(verdict_is_too_many(&reply) == refusals[_i].is_too_many);
}
END_TEST

START_TEST(a_reply_is_about_the_message_or_about_us)
{
	struct ruling r = judge(cases[_i].raw, cases[_i].stage);

	ck_assert_str_eq(verdict_answer_text(r.answer),
	    verdict_answer_text(cases[_i].answer));
	ck_assert_uint_eq(r.wait_ms, cases[_i].wait_ms);
}
END_TEST

START_TEST(the_longest_reply_is_judged)
{
	char bytes[REPLY_MAX_BYTES];
	struct outbuf out = { bytes, 0, sizeof(bytes) };
	struct str end = STR("rate limit\r\n");

	outbuf_put(&out, STR("450 "));
	while (outbuf_room(&out) > end.len)
		outbuf_putc(&out, 'x');
	outbuf_put(&out, end);
	ck_assert_int_eq(
	    judge(outbuf_str(&out), STAGE_DOT).answer, ANSWER_THROTTLE);
}
END_TEST

START_TEST(only_a_2xx_delivers_and_only_a_5xx_bounces)
{
	static const enum verdict want[ANSWER_N] = {
		[ANSWER_OK] = VERDICT_DELIVERED,
		[ANSWER_GO] = VERDICT_DEFERRED,
		[ANSWER_TEMP] = VERDICT_DEFERRED,
		[ANSWER_PERM] = VERDICT_BOUNCED,
		[ANSWER_THROTTLE] = VERDICT_THROTTLED,
		[ANSWER_CLOSING] = VERDICT_THROTTLED,
		[ANSWER_NOISE] = VERDICT_DEFERRED,
		[ANSWER_LOST] = VERDICT_DEFERRED,
		[ANSWER_LATE] = VERDICT_DEFERRED,
	};

	for (unsigned i = 0; i < ANSWER_N; i++)
		ck_assert_int_eq(verdict_of((enum answer)i), want[i]);
}
END_TEST

START_TEST(each_answer_has_a_text)
{
	for (unsigned i = 0; i < ANSWER_N; i++)
		ck_assert_str_ne(verdict_answer_text((enum answer)i), "?");
	ck_assert_str_eq(verdict_answer_text(ANSWER_N), "?");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("verdict");
	TCase *tc = tcase_create("core");
	SRunner *sr;
	int n_failed;

	tcase_add_loop_test(tc, a_reply_is_about_the_message_or_about_us, 0,
	    (int)COUNT_OF(cases));
	tcase_add_loop_test(tc, too_many_recipients_is_told_from_a_full_mailbox,
	    0, (int)COUNT_OF(refusals));
	tcase_add_test(tc, the_longest_reply_is_judged);
	tcase_add_test(tc, only_a_2xx_delivers_and_only_a_5xx_bounces);
	tcase_add_test(tc, each_answer_has_a_text);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	n_failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
