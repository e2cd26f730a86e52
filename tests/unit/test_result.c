/* SPDX-License-Identifier: BSD-2-Clause */
/* test_result: verdicts and outcomes (Q9, Q10). */
#include "qmgr/core/core_int.h"

#include <check.h>

#include "tests/lib/world.h"

START_TEST(a_result_is_taken_once)
{
	struct core_result r;

	world_start();
	(void)world_admit("", "a.test");
	world_run();
	r = world_result(world_act(CORE_LEASE, 0), OUTCOME_RETURNED);
	r.lease++;
	ck_assert_int_eq(core_result(world.core, &r), ERR_EXISTS);
	r.lease--;
	r.worker = 3;
	ck_assert_int_eq(core_result(world.core, &r), ERR_EXISTS);
	r.worker = 0;
	r.slot = WORLD_SLOTS;
	ck_assert_int_eq(core_result(world.core, &r), ERR_EXISTS);
	r.slot = world_act(CORE_LEASE, 0)->slot;
	ck_assert_int_eq(core_result(world.core, &r), ERR_OK);
	ck_assert_int_eq(core_result(world.core, &r), ERR_EXISTS);
	world_end();
}
END_TEST

START_TEST(delivered_stays_delivered)
{
	struct core_admit_part part = { STR("a.test"), 2 };
	struct core_rcpt first[] = { { 0, VERDICT_DELIVERED, 250, false },
		{ 1, VERDICT_DEFERRED, 450, true } };
	struct core_rcpt second[] = { { 0, VERDICT_BOUNCED, 550, true },
		{ 1, VERDICT_DELIVERED, 250, false },
		{ 9, VERDICT_BOUNCED, 550, true } };
	struct core_admit admit;
	struct core_result r;

	world_start();
	admit = world_message(&part, 1);
	ck_assert_int_eq(core_admit(world.core, &admit), ERR_OK);
	world_run();
	r = world_result(world_act(CORE_LEASE, 0), OUTCOME_TRIED);
	r.rcpts = first;
	r.n_rcpts = 2;
	ck_assert_int_eq(core_result(world.core, &r), ERR_OK);
	world_pass(60000);
	r = world_result(world_act(CORE_LEASE, 1), OUTCOME_TRIED);
	r.rcpts = second;
	r.n_rcpts = 3;
	ck_assert_int_eq(core_result(world.core, &r), ERR_OK);
	world_run();
	ck_assert_uint_eq(world_accounts().done, 1);
	ck_assert_uint_eq(world_accounts().owed, 0);
	world_end();
}
END_TEST

/* The state of a part of three after the first lease: the third recipient is
 * one too many. */
static enum part_status
state_after(enum verdict first, enum verdict second, bool is_doubtful)
{
	struct core_admit_part part = { STR("a.test"), 3 };
	struct core_rcpt rcpts[] = { { 0, first, 250, false },
		{ 1, second, 250, false },
		{ 2, VERDICT_THROTTLED, 452, false } };
	struct core_admit admit;
	struct core_result r;
	enum part_status state;

	world_start();
	admit = world_message(&part, 1);
	ck_assert_int_eq(core_admit(world.core, &admit), ERR_OK);
	world_run();
	r = world_result(world_act(CORE_LEASE, 0), OUTCOME_TRIED);
	r.rcpts = rcpts;
	r.n_rcpts = 3;
	r.is_doubtful = is_doubtful;
	ck_assert_int_eq(core_result(world.core, &r), ERR_OK);
	state = (enum part_status)world_state(&admit.qid).state;
	world_end();
	return state;
}

START_TEST(recipients_too_many_follow_those_that_were_delivered)
{
	ck_assert_int_eq(
	    state_after(VERDICT_DELIVERED, VERDICT_DELIVERED, false),
	    PART_READY);
	ck_assert_int_eq(
	    state_after(VERDICT_DELIVERED, VERDICT_BOUNCED, false), PART_READY);
	ck_assert_int_eq(
	    state_after(VERDICT_BOUNCED, VERDICT_BOUNCED, false), PART_WAITING);
	ck_assert_int_eq(
	    state_after(VERDICT_DELIVERED, VERDICT_DEFERRED, false),
	    PART_WAITING);
	ck_assert_int_eq(
	    state_after(VERDICT_DELIVERED, VERDICT_DELIVERED, true),
	    PART_WAITING);
}
END_TEST

START_TEST(those_too_many_are_leased_once_the_result_is_written)
{
	struct core_admit_part part = { STR("a.test"), 2 };
	struct core_rcpt first[] = { { 0, VERDICT_DELIVERED, 250, false },
		{ 1, VERDICT_THROTTLED, 452, false } };
	struct core_rcpt second[] = { { 1, VERDICT_DELIVERED, 250, false } };
	struct core_admit admit;
	struct core_result r;

	world_start();
	admit = world_message(&part, 1);
	ck_assert_int_eq(core_admit(world.core, &admit), ERR_OK);
	world_run();
	r = world_result(world_act(CORE_LEASE, 0), OUTCOME_TRIED);
	r.rcpts = first;
	r.n_rcpts = 2;
	ck_assert_int_eq(core_result(world.core, &r), ERR_OK);
	world_run();
	ck_assert_uint_eq(world_count(CORE_REMEMBER), 1);
	ck_assert_uint_eq(world_count(CORE_LEASE), 2);
	r = world_result(world_act(CORE_LEASE, 1), OUTCOME_TRIED);
	r.rcpts = second;
	r.n_rcpts = 1;
	ck_assert_int_eq(core_result(world.core, &r), ERR_OK);
	world_run();
	ck_assert_uint_eq(world_accounts().done, 1);
	world_end();
}
END_TEST

START_TEST(a_throttle_counts_nothing_and_is_forgotten_by_no_one)
{
	struct qid qid;
	struct core_result r;

	world_start();
	qid = world_admit("", "a.test");
	world_run();
	r = world_result(world_act(CORE_LEASE, 0), OUTCOME_THROTTLED);
	r.code = 421;
	r.text = STR("421 too fast");
	ck_assert_int_eq(core_result(world.core, &r), ERR_OK);
	world_run();
	ck_assert_uint_eq(world_state(&qid).state, PART_READY);
	ck_assert_uint_eq(world_state(&qid).tries, 0);
	ck_assert_uint_eq(world_count(CORE_REMEMBER), 0);
	ck_assert_uint_eq(world_count(CORE_CLEAR), 1);
	ck_assert_uint_eq(world_count(CORE_FEEDBACK), 1);
	WORLD_STR_EQ(world_why(&qid).limit.name, "throttled");
	WORLD_STR_EQ(world_why(&qid).limit.cause, "421 too fast");
	world_pass(1000);
	ck_assert_uint_eq(world_count(CORE_LEASE), 2);
	world_end();
}
END_TEST

/* Throttles the only part of qid after MAIL; with others passing, or not. */
static void
throttle(const struct qid *qid, bool others_pass)
{
	for (uint32_t i = world_count(CORE_LEASE); i-- > 0;) {
		const struct core_action *a = world_act(CORE_LEASE, i);
		struct core_result r = world_result(a, OUTCOME_THROTTLED);

		if (qid_cmp(&a->part.qid, qid) != 0)
			continue;
		r.is_after_mail = true;
		ck_assert_int_eq(core_result(world.core, &r), ERR_OK);
		break;
	}
	if (others_pass) {
		world_pass(300000);
		(void)world_admit("", "a.test");
		world_run();
		world_tell(world_act(CORE_LEASE, world_count(CORE_LEASE) - 1),
		    VERDICT_DELIVERED);
	}
	world_pass(400000);
}

START_TEST(the_third_throttle_counts_when_others_passed)
{
	struct qid qid;

	world_start();
	qid = world_admit("", "a.test");
	world_run();
	throttle(&qid, true);
	throttle(&qid, true);
	ck_assert_uint_eq(world_state(&qid).tries, 0);
	ck_assert_uint_eq(world_state(&qid).throttles, 2);
	throttle(&qid, false);
	ck_assert_uint_eq(world_state(&qid).tries, 1);
	ck_assert_uint_eq(world_state(&qid).throttles, 0);
	world_end();
}
END_TEST

START_TEST(no_throttle_counts_while_nobody_passes)
{
	struct qid qid;

	world_start();
	qid = world_admit("", "a.test");
	world_run();
	for (int i = 0; i < 10; i++)
		throttle(&qid, false);
	ck_assert_uint_eq(world_state(&qid).tries, 0);
	world_end();
}
END_TEST

START_TEST(a_returned_lease_is_as_if_it_had_not_been)
{
	struct qid qid;
	struct core_result r;

	world_start();
	qid = world_admit("", "a.test");
	world_run();
	r = world_result(world_act(CORE_LEASE, 0), OUTCOME_RETURNED);
	ck_assert_int_eq(core_result(world.core, &r), ERR_OK);
	ck_assert_uint_eq(world_state(&qid).state, PART_READY);
	world_run();
	ck_assert_uint_eq(world_count(CORE_REMEMBER), 0);
	ck_assert_uint_eq(world_count(CORE_LEASE), 2);
	world_end();
}
END_TEST

START_TEST(a_damaged_record_is_held)
{
	struct qid qid;
	struct core_result r;

	world_start();
	qid = world_admit("", "a.test");
	world_run();
	r = world_result(world_act(CORE_LEASE, 0), OUTCOME_DAMAGED);
	ck_assert_int_eq(core_result(world.core, &r), ERR_OK);
	world_run();
	ck_assert_uint_eq(world_state(&qid).state, PART_HELD);
	ck_assert_uint_eq(world_count(CORE_NOTE), 1);
	ck_assert_uint_eq(
	    world_act(CORE_REMEMBER, 0)->part.cause, CAUSE_DAMAGED);
	world_end();
}
END_TEST

START_TEST(an_unreadable_record_is_tried_again)
{
	struct qid qid;
	struct core_result r;

	world_start();
	qid = world_admit("", "a.test");
	world_run();
	r = world_result(world_act(CORE_LEASE, 0), OUTCOME_UNREADABLE);
	ck_assert_int_eq(core_result(world.core, &r), ERR_OK);
	world_run();
	ck_assert_uint_eq(world_state(&qid).state, PART_WAITING);
	ck_assert_uint_eq(world_state(&qid).tries, 0);
	world_pass(60000);
	ck_assert_uint_eq(world_count(CORE_LEASE), 2);
	world_end();
}
END_TEST

START_TEST(doubt_after_the_dot_is_marked_and_tried_again)
{
	struct qid qid;
	struct core_result r;

	world_start();
	qid = world_admit("", "a.test");
	world_run();
	r = world_result(world_act(CORE_LEASE, 0), OUTCOME_TRIED);
	r.is_doubtful = true;
	ck_assert_int_eq(core_result(world.core, &r), ERR_OK);
	world_run();
	ck_assert_uint_eq(world_count(CORE_NOTE), 1);
	ck_assert_uint_eq(
	    world_act(CORE_NOTE, 0)->part.cause, CAUSE_POSSIBLY_DELIVERED);
	ck_assert_uint_eq(world_state(&qid).state, PART_WAITING);
	ck_assert_uint_eq(world_state(&qid).cause, CAUSE_POSSIBLY_DELIVERED);
	ck_assert_uint_eq(
	    world_act(CORE_NOTE, 0)->part.cause, CAUSE_POSSIBLY_DELIVERED);
	world_end();
}
END_TEST

/* Of four recipients one was refused for good, one for now, and nobody has
 * answered for the other two. */
static struct qid
half_answered(enum on_doubt on_doubt, uint64_t *lease)
{
	struct core_admit_part part = { STR("a.test"), 4 };
	struct core_rcpt rcpts[] = { { 0, VERDICT_BOUNCED, 550, true },
		{ 1, VERDICT_DEFERRED, 450, false },
		{ 2, VERDICT_DEFERRED, 0, false },
		{ 3, VERDICT_DEFERRED, 0, false } };
	struct core_admit admit;
	struct core_result r;

	world_start();
	world.queue_policy.on_doubt = on_doubt;
	admit = world_message(&part, 1);
	ck_assert_int_eq(core_admit(world.core, &admit), ERR_OK);
	world_run();
	r = world_result(world_act(CORE_LEASE, 0), OUTCOME_TRIED);
	r.is_doubtful = true;
	r.rcpts = rcpts;
	r.n_rcpts = 4;
	ck_assert_int_eq(core_result(world.core, &r), ERR_OK);
	world_run();
	*lease = r.lease;
	return admit.qid;
}

/* The second lease is for the notice of what is owed. */
static void
tell_notice(void)
{
	struct core_result r =
	    world_result(world_act(CORE_LEASE, 1), OUTCOME_TOLD);

	ck_assert_int_eq(core_result(world.core, &r), ERR_OK);
	world_run();
}

START_TEST(doubt_bounces_those_alone_that_nobody_answered_for)
{
	uint64_t lease;
	struct qid qid = half_answered(ON_DOUBT_BOUNCE, &lease);
	const struct core_action *a = world_act(CORE_REMEMBER, 0);

	ck_assert_uint_eq(a->freed.lease, lease);
	ck_assert_uint_eq(part_standing_get(a->part.standing, 0), RCPT_OWED);
	ck_assert_uint_eq(part_standing_get(a->part.standing, 1), RCPT_OPEN);
	ck_assert_uint_eq(part_standing_get(a->part.standing, 2), RCPT_OWED);
	ck_assert_uint_eq(part_standing_get(a->part.standing, 3), RCPT_OWED);
	tell_notice();
	ck_assert_uint_eq(world_state(&qid).state, PART_WAITING);
	world_end();
}
END_TEST

START_TEST(doubt_is_held_behind_the_notice_of_the_others)
{
	uint64_t lease;
	struct qid qid = half_answered(ON_DOUBT_HOLD, &lease);

	ck_assert_uint_eq(world_accounts().owed, 1);
	tell_notice();
	ck_assert_uint_eq(world_state(&qid).state, PART_HELD);
	ck_assert_uint_eq(world_state(&qid).cause, CAUSE_POSSIBLY_DELIVERED);
	world_end();
}
END_TEST

START_TEST(doubt_is_held_past_its_last_try)
{
	uint64_t lease;
	struct qid qid = half_answered(ON_DOUBT_HOLD, &lease);

	world_pass(2 * 86400000);
	tell_notice();
	ck_assert_uint_eq(world_state(&qid).state, PART_HELD);
	world_end();
}
END_TEST

START_TEST(doubt_of_the_null_sender_bounces_to_nobody)
{
	struct core_admit_part part = { STR("a.test"), 1 };
	struct core_rcpt rcpt = { 0, VERDICT_DEFERRED, 0, false };
	struct core_admit admit;
	struct core_result r;

	world_start();
	world.queue_policy.on_doubt = ON_DOUBT_BOUNCE;
	admit = world_message(&part, 1);
	admit.is_silent = true;
	ck_assert_int_eq(core_admit(world.core, &admit), ERR_OK);
	world_run();
	r = world_result(world_act(CORE_LEASE, 0), OUTCOME_TRIED);
	r.is_doubtful = true;
	r.rcpts = &rcpt;
	r.n_rcpts = 1;
	ck_assert_int_eq(core_result(world.core, &r), ERR_OK);
	world_run();
	ck_assert_uint_eq(world_state(&admit.qid).state, PART_DONE);
	ck_assert_uint_eq(world_count(CORE_NOTE), 1);
	world_end();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { a_result_is_taken_once,
		delivered_stays_delivered,
		recipients_too_many_follow_those_that_were_delivered,
		those_too_many_are_leased_once_the_result_is_written,
		a_throttle_counts_nothing_and_is_forgotten_by_no_one,
		the_third_throttle_counts_when_others_passed,
		no_throttle_counts_while_nobody_passes,
		a_returned_lease_is_as_if_it_had_not_been,
		a_damaged_record_is_held, an_unreadable_record_is_tried_again,
		doubt_after_the_dot_is_marked_and_tried_again,
		doubt_bounces_those_alone_that_nobody_answered_for,
		doubt_is_held_behind_the_notice_of_the_others,
		doubt_is_held_past_its_last_try,
		doubt_of_the_null_sender_bounces_to_nobody };

	return world_main("result", tests, COUNT_OF(tests));
}
