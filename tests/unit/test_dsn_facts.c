/* SPDX-License-Identifier: BSD-2-Clause */
/* test_dsn_facts: each recipient's fate, whatever the facts look like. */
#include <stdlib.h>

#include "tests/lib/dsn.h"
#include "util/base/array.h"

/* The fate of recipient 0; false: it is not told. */
static bool
fate_of(struct dsn_fate *fate)
{
	static struct dsn_facts f;
	bool is_told;

	ck_assert_int_eq(dsn_facts_init(&f, dsn.facts), ERR_OK);
	is_told = dsn_facts_fate(&f, &dsn, &dsn_rcpts[0], fate);
	/* Only what is no view is looked at. */
	dsn_facts_fini(&f);
	return is_told;
}

#define RCPT(verdict, rest) \
	STR_INIT("{\"rcpts\":[{\"n\":0,\"verdict\":\"" verdict "\"" rest "}]}")

static const struct {
	struct str facts, reason;
	enum notice_kind kind;
	enum dsn_action action;
	struct status status;
	bool was_tried;
} fates[] = {
	{ RCPT("bounced", ",\"enhanced\":\"5.1.1\""), STR_INIT(""),
	    NOTICE_FINAL, DSN_FAILED, { 5, 1, 1 }, true },
	{ RCPT("bounced", ""), STR_INIT(""), NOTICE_FINAL, DSN_FAILED,
	    { 5, 0, 0 }, true },
	/* A code of another class says nothing. */
	{ RCPT("bounced", ",\"enhanced\":\"4.2.0\""), STR_INIT(""),
	    NOTICE_FINAL, DSN_FAILED, { 5, 0, 0 }, true },
	{ RCPT("deferred", ",\"enhanced\":\"4.2.0\""), STR_INIT(""),
	    NOTICE_FINAL, DSN_FAILED, { 5, 4, 7 }, true },
	{ RCPT("throttled", ""), STR_INIT("late"), NOTICE_FINAL, DSN_FAILED,
	    { 5, 4, 7 }, true },
	{ STR_INIT(""), STR_INIT("late"), NOTICE_FINAL, DSN_FAILED, { 5, 4, 7 },
	    false },
	/* A reason that has a status of its own. */
	{ RCPT("deferred", ",\"enhanced\":\"4.4.2\""), STR_INIT("5.4.2 maybe"),
	    NOTICE_FINAL, DSN_FAILED, { 5, 4, 2 }, true },
	{ STR_INIT(""), STR_INIT("5.4.2 maybe"), NOTICE_FINAL, DSN_FAILED,
	    { 5, 4, 2 }, false },
	{ STR_INIT(""), STR_INIT("4.4.2 maybe"), NOTICE_FINAL, DSN_FAILED,
	    { 5, 4, 7 }, false },
	{ STR_INIT("{\"reply\":\"no route\",\"enhanced\":\"5.1.2\"}"),
	    STR_INIT(""), NOTICE_FINAL, DSN_FAILED, { 5, 1, 2 }, false },
	{ RCPT("delivered", ",\"enhanced\":\"2.1.5\""), STR_INIT(""),
	    NOTICE_FINAL, DSN_RELAYED, { 2, 1, 5 }, true },
	{ STR_INIT("{\"transport\":\"lmtp\",\"rcpts\":[{\"n\":0,"
	           "\"verdict\":\"delivered\"}]}"),
	    STR_INIT(""), NOTICE_FINAL, DSN_DELIVERED, { 2, 0, 0 }, true },
	{ RCPT("deferred", ",\"enhanced\":\"4.2.0\""), STR_INIT(""),
	    NOTICE_DELAY, DSN_DELAYED, { 4, 2, 0 }, true },
	{ RCPT("deferred", ",\"enhanced\":\"5.2.0\""), STR_INIT(""),
	    NOTICE_DELAY, DSN_DELAYED, { 4, 4, 0 }, true },
	{ STR_INIT(""), STR_INIT("site down"), NOTICE_DELAY, DSN_DELAYED,
	    { 4, 4, 0 }, false },
};

START_TEST(each_kind_of_facts_gives_its_fate)
{
	struct dsn_fate fate;

	dsn.facts = fates[_i].facts;
	dsn.reason = fates[_i].reason;
	dsn.kind = fates[_i].kind;
	ck_assert(fate_of(&fate));
	ck_assert_int_eq(fate.action, fates[_i].action);
	ck_assert_uint_eq(fate.status.klass, fates[_i].status.klass);
	ck_assert_uint_eq(fate.status.subject, fates[_i].status.subject);
	ck_assert_uint_eq(fate.status.detail, fates[_i].status.detail);
	ck_assert_int_eq(fate.was_tried, fates[_i].was_tried);
}
END_TEST

static const struct str bad[] = {
	STR_INIT(""),
	STR_INIT("{"),
	STR_INIT("null"),
	STR_INIT("[]"),
	STR_INIT("\"x\""),
	STR_INIT("{\"rcpts\":{}}"),
	STR_INIT("{\"rcpts\":[1,null,[]]}"),
	STR_INIT("{\"rcpts\":[{}]}"),
	STR_INIT("{\"rcpts\":[{\"n\":0}]}"),
	STR_INIT("{\"rcpts\":[{\"n\":-1,\"verdict\":\"delivered\"}]}"),
	STR_INIT("{\"rcpts\":[{\"n\":256,\"verdict\":\"delivered\"}]}"),
	STR_INIT("{\"rcpts\":[{\"n\":\"0\",\"verdict\":[]}]}"),
	STR_INIT("{\"host\":1,\"reply\":{},\"delivered\":\"g\"}"),
	STR_INIT("{\"reply\":\"\\u0000\"}"),
	STR_INIT("{\"reply\":\"\377\"}"),
};

START_TEST(facts_that_do_not_read_give_a_failure_without_details)
{
	struct dsn_fate fate;

	dsn.facts = bad[_i];
	ck_assert(fate_of(&fate));
	ck_assert_int_eq(fate.action, DSN_FAILED);
	ck_assert_uint_eq(fate.status.klass, 5);
	ck_assert_uint_eq(fate.code, 0);
}
END_TEST

START_TEST(only_what_is_wanted_is_told)
{
	struct dsn_fate fate;

	dsn_rcpts[0].wants = DSN_WANTS_SUCCESS;
	ck_assert(!fate_of(&fate));
	dsn.facts = STR(DSN_RELAYED_FACTS);
	ck_assert(fate_of(&fate));
	dsn_rcpts[0].wants = DSN_WANTS_FAILURE;
	ck_assert(!fate_of(&fate));
	dsn_rcpts[0].wants = 0;
	dsn.kind = NOTICE_DELAY;
	ck_assert(fate_of(&fate));
}
END_TEST

START_TEST(one_without_room_in_the_facts_may_be_delivered)
{
	static const struct {
		uint16_t n;
		bool is_delivered;
	} all[] = { { 0, true }, { 1, false }, { 7, true }, { 8, false },
		{ 255, false } };
	struct dsn_fate fate;

	dsn.facts = STR("{\"rcpts\":[{\"n\":3,\"verdict\":\"bounced\"}],"
	                "\"omitted\":2,\"delivered\":\"18\"}");
	dsn_rcpts[0].n = all[_i].n;
	ck_assert(fate_of(&fate));
	ck_assert_int_eq(
	    fate.action, all[_i].is_delivered ? DSN_RELAYED : DSN_FAILED);
	ck_assert_uint_eq(fate.status.klass, all[_i].is_delivered ? 2 : 5);
}
END_TEST

START_TEST(a_reply_is_its_own_or_the_common_one)
{
	struct dsn_facts f;
	struct dsn_fate fate;

	dsn.facts = STR("{\"reply\":\"450 x\",\"rcpts\":["
	                "{\"n\":0,\"verdict\":\"bounced\",\"code\":550},"
	                "{\"n\":1,\"verdict\":\"bounced\",\"code\":600,"
	                "\"reply\":\"551 y\"}]}");
	ck_assert_int_eq(dsn_facts_init(&f, dsn.facts), ERR_OK);
	(void)dsn_facts_fate(&f, &dsn, &dsn_rcpts[0], &fate);
	ck_assert(str_eq(fate.reply, STR("450 x")));
	ck_assert_uint_eq(fate.code, 550);
	dsn_rcpts[0].n = 1;
	(void)dsn_facts_fate(&f, &dsn, &dsn_rcpts[0], &fate);
	ck_assert(str_eq(fate.reply, STR("551 y")));
	ck_assert_uint_eq(fate.code, 0);
	/* What others were told need not be true of one that is not named. */
	dsn_rcpts[0].n = 2;
	(void)dsn_facts_fate(&f, &dsn, &dsn_rcpts[0], &fate);
	ck_assert_uint_eq(fate.reply.len, 0);
	dsn.reason = STR("late");
	(void)dsn_facts_fate(&f, &dsn, &dsn_rcpts[0], &fate);
	ck_assert(str_eq(fate.reply, STR("late")));
	dsn_facts_fini(&f);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("dsn_facts");
	TCase *tc = tcase_create("core");
	SRunner *sr;
	int n_failed;

	tcase_add_checked_fixture(tc, dsn_setup, NULL);
	tcase_add_loop_test(
	    tc, each_kind_of_facts_gives_its_fate, 0, COUNT_OF(fates));
	tcase_add_loop_test(tc,
	    facts_that_do_not_read_give_a_failure_without_details, 0,
	    COUNT_OF(bad));
	tcase_add_test(tc, only_what_is_wanted_is_told);
	tcase_add_loop_test(
	    tc, one_without_room_in_the_facts_may_be_delivered, 0, 5);
	tcase_add_test(tc, a_reply_is_its_own_or_the_common_one);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	n_failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
