/* SPDX-License-Identifier: BSD-2-Clause */
/* test_facts: the object is whole, and within its bound. */
#include "deliver/core/facts.h"

#include <stdlib.h>

#include <check.h>

#define RCPTS 256
#define ADDRESS_BYTES 254

static char bytes[FACTS_MAX_BYTES + 8];

static struct str
write_facts(const struct facts *facts)
{
	struct outbuf out = { bytes, 0, sizeof(bytes) };

	facts_write(facts, &out);
	ck_assert_uint_eq(out.cap, sizeof(bytes));
	ck_assert_uint_le(out.len, FACTS_MAX_BYTES);
	return outbuf_str(&out);
}

static void
assert_facts(const struct facts *facts, const char *want)
{
	struct str got = write_facts(facts);

	ck_assert_uint_eq(got.len, str_from_c(want).len);
	ck_assert_mem_eq(got.ptr, want, got.len);
}

static size_t
count(struct str s, struct str what)
{
	size_t n = 0;

	for (; s.len >= what.len; str_skip(&s, 1))
		n += str_starts(s, what) ? 1 : 0;
	return n;
}

START_TEST(an_attempt_is_told_whole)
{
	struct facts_rcpt rcpts[] = {
		{ STR("b@d.test"), STR("450 no"), { 4, 2, 0 }, VERDICT_DEFERRED,
		    450, 0 },
		{ STR("c@d.test"), STR("550 5.1.1 \"no\""), { 5, 1, 1 },
		    VERDICT_BOUNCED, 550, 2 },
	};
	struct facts facts = {
		.site = STR("default->192.0.2.1:25"),
		.host = STR("mx"),
		.address = STR("192.0.2.1:25"),
		.sender = STR("a@c.test"),
		.reply = STR("450 no"),
		.stage = STAGE_RCPT,
		.outcome = OUTCOME_TRIED,
		.has_message = true,
		.tries = 3,
		.took_ms = 20,
		.size_bytes = 1000,
		.rcpts = rcpts,
		.n_rcpts = 2,
	};

	assert_facts(&facts,
	    "{\"site\":\"default->192.0.2.1:25\",\"host\":\"mx\","
	    "\"address\":\"192.0.2.1:25\",\"stage\":\"RCPT\","
	    "\"outcome\":\"tried\",\"reply\":\"450 no\",\"tries\":3,"
	    "\"took_ms\":20,\"size\":1000,\"sender\":\"a@c.test\","
	    "\"rcpts\":[{\"rcpt\":\"b@d.test\",\"n\":0,"
	    "\"verdict\":\"deferred\",\"code\":450,\"enhanced\":\"4.2.0\"},"
	    "{\"rcpt\":\"c@d.test\",\"n\":2,\"verdict\":\"bounced\","
	    "\"code\":550,\"enhanced\":\"5.1.1\","
	    "\"reply\":\"550 5.1.1 \\\"no\\\"\"}]}");
}
END_TEST

START_TEST(what_is_not_known_is_left_out)
{
	struct facts_rcpt rcpt = { STR("b@d.test"), STR("lost"), { 0, 0, 0 },
		VERDICT_DEFERRED, 0, 7 };
	struct facts facts = {
		.stage = STAGE_IDLE,
		.outcome = OUTCOME_RETURNED,
	};

	assert_facts(&facts,
	    "{\"stage\":\"idle\",\"outcome\":\"returned\",\"tries\":0}");
	facts.is_doubtful = true;
	facts.has_message = true;
	facts.reply = STR("lost");
	facts.rcpts = &rcpt;
	facts.n_rcpts = 1;
	assert_facts(&facts,
	    "{\"stage\":\"idle\",\"outcome\":\"returned\",\"reply\":\"lost\","
	    "\"doubtful\":true,\"tries\":0,\"took_ms\":0,\"size\":0,"
	    "\"sender\":\"\",\"rcpts\":[{\"rcpt\":\"b@d.test\",\"n\":7,"
	    "\"verdict\":\"deferred\"}]}");
}
END_TEST

START_TEST(what_a_host_was_told_of_notices_is_there)
{
	struct facts facts = {
		.stage = STAGE_DOT,
		.outcome = OUTCOME_TRIED,
		.is_dsn_passed = true,
	};

	assert_facts(&facts,
	    "{\"stage\":\"dot\",\"outcome\":\"tried\","
	    "\"dsn\":\"passed\",\"tries\":0}");
}
END_TEST

START_TEST(recipients_that_find_no_room_are_counted)
{
	static struct facts_rcpt rcpts[RCPTS];
	static char address[ADDRESS_BYTES];
	struct facts facts = { .rcpts = rcpts, .n_rcpts = RCPTS };
	struct str got;
	char want[32];
	struct outbuf out = { want, 0, sizeof(want) };
	size_t told;

	memset(address, 'x', sizeof(address));
	for (size_t i = 0; i < RCPTS; i++) {
		rcpts[i].address = (struct str){ address, sizeof(address) };
		rcpts[i].verdict = VERDICT_BOUNCED;
	}
	got = write_facts(&facts);
	told = count(got, STR("\"rcpt\":"));
	ck_assert_uint_gt(told, 40);
	ck_assert_int_eq(
	    outbuf_printf(&out, "],\"omitted\":%zu}", RCPTS - told), ERR_OK);
	ck_assert(str_ends(got, outbuf_str(&out)));
	/* Not one more would fit. */
	ck_assert_uint_gt(got.len + got.len / told, FACTS_MAX_BYTES - 192);
}
END_TEST

START_TEST(of_those_without_room_the_delivered_ones_are_told)
{
	static struct facts_rcpt rcpts[RCPTS];
	struct facts facts = { .rcpts = rcpts, .n_rcpts = RCPTS };

	for (size_t i = 0; i < RCPTS; i++) {
		rcpts[i].address = STR("somebody.somewhere@dest.test");
		rcpts[i].verdict = i % 2 == 0 || i == RCPTS - 3
		    ? VERDICT_DELIVERED
		    : VERDICT_BOUNCED;
		rcpts[i].n = (uint16_t)i;
	}
	/* All the digits of those that are told above are 0. */
	ck_assert(str_ends(write_facts(&facts), STR("55557\"}")));
	ck_assert_uint_eq(
	    count(write_facts(&facts), STR("\"delivered\":\"0000")), 1);
	rcpts[RCPTS - 1].verdict = VERDICT_DELIVERED;
	ck_assert(str_ends(write_facts(&facts), STR("5555f\"}")));
}
END_TEST

START_TEST(a_notice_is_told_with_its_queue_id)
{
	struct facts facts = {
		.site = STR("local->notice"),
		.transport = TRANSPORT_NOTICE,
		.reply = STR("250 2.0.0 Ok: queued as X"),
		.stage = STAGE_DOT,
		.outcome = OUTCOME_TOLD,
		.took_ms = 7,
		.notice = NOTICE_FINAL,
		.to = STR("a@c.test"),
		.qid = STR("X"),
	};

	assert_facts(&facts,
	    "{\"site\":\"local->notice\",\"transport\":\"notice\","
	    "\"stage\":\"dot\","
	    "\"outcome\":\"told\",\"reply\":\"250 2.0.0 Ok: queued as X\","
	    "\"tries\":0,\"took_ms\":7,\"notice\":\"final\","
	    "\"to\":\"a@c.test\",\"qid\":\"X\"}");
	facts.notice = NOTICE_DELAY;
	ck_assert_uint_eq(
	    count(write_facts(&facts), STR("\"notice\":\"delay\"")), 1);
}
END_TEST

START_TEST(the_longest_texts_fit)
{
	static char text[1024];
	struct facts_rcpt rcpt = { .address = STR("b@d.test") };
	struct str longest = { text, sizeof(text) };
	struct facts facts = {
		.site = longest,
		.host = longest,
		.address = longest,
		.sender = longest,
		.reply = longest,
		.has_message = true,
		.transport = TRANSPORT_DISCARD,
		.is_doubtful = true,
		.is_dsn_passed = true,
		.tries = UINT32_MAX,
		.took_ms = INT64_MAX,
		.size_bytes = UINT64_MAX,
		.rcpts = &rcpt,
		.n_rcpts = 1,
	};

	/* Control bytes take six bytes each. */
	memset(text, 1, sizeof(text));
	ck_assert(str_ends(write_facts(&facts), STR("}")));
	facts.has_message = false;
	facts.n_rcpts = 0;
	facts.notice = NOTICE_FINAL;
	facts.to = longest;
	facts.qid = STR("01HF0000000000000000000000");
	ck_assert(str_ends(write_facts(&facts), STR("}")));
}
END_TEST

START_TEST(each_stage_outcome_and_verdict_has_a_word)
{
	for (unsigned i = 0; i < STAGE_N; i++)
		ck_assert_str_ne(facts_stage_text((enum smtp_stage)i), "?");
	for (unsigned i = 0; i < OUTCOME_N; i++)
		ck_assert_str_ne(facts_outcome_text((enum outcome)i), "?");
	for (unsigned i = 0; i < VERDICT_N; i++)
		ck_assert_str_ne(facts_verdict_text((enum verdict)i), "?");
	ck_assert_str_eq(facts_transport_text(TRANSPORT_SMTP), "");
	ck_assert_str_eq(facts_transport_text(TRANSPORT_N), "?");
	ck_assert_str_eq(facts_notice_text(NOTICE_NONE), "");
	ck_assert_str_eq(facts_notice_text(NOTICE_KIND_N), "?");
	ck_assert_str_eq(facts_stage_text(STAGE_N), "?");
	ck_assert_str_eq(facts_outcome_text(OUTCOME_N), "?");
	ck_assert_str_eq(facts_verdict_text(VERDICT_N), "?");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("facts");
	TCase *tc = tcase_create("core");
	SRunner *sr;
	int n_failed;

	tcase_add_test(tc, an_attempt_is_told_whole);
	tcase_add_test(tc, what_is_not_known_is_left_out);
	tcase_add_test(tc, what_a_host_was_told_of_notices_is_there);
	tcase_add_test(tc, recipients_that_find_no_room_are_counted);
	tcase_add_test(tc, of_those_without_room_the_delivered_ones_are_told);
	tcase_add_test(tc, a_notice_is_told_with_its_queue_id);
	tcase_add_test(tc, the_longest_texts_fit);
	tcase_add_test(tc, each_stage_outcome_and_verdict_has_a_word);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	n_failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
