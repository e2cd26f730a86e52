/* SPDX-License-Identifier: BSD-2-Clause */
/* test_fate: done, waiting, expiry, notices. */
#include "qmgr/core/core_int.h"

#include <check.h>

#include "tests/lib/world.h"

static void
tell(uint32_t n, enum verdict verdict)
{
	world_tell(world_act(CORE_LEASE, n), verdict);
	world_run();
}

START_TEST(a_deferred_part_waits_by_the_schedule)
{
	struct qid qid;

	world_start();
	qid = world_admit("", "example.org");
	world_run();
	tell(0, VERDICT_DEFERRED);
	ck_assert_uint_eq(world_state(&qid).state, PART_WAITING);
	ck_assert_uint_eq(world_state(&qid).tries, 1);
	ck_assert_uint_eq(world_state(&qid).last_code, 450);
	ck_assert_int_eq(world_state(&qid).due_ms, world.wall_ms + 60000);
	world_pass(59000);
	ck_assert_uint_eq(world_count(CORE_LEASE), 1);
	world_pass(1000);
	ck_assert_uint_eq(world_count(CORE_LEASE), 2);
	tell(1, VERDICT_DEFERRED);
	ck_assert_int_eq(world_state(&qid).due_ms, world.wall_ms + 120000);
	world_end();
}
END_TEST

START_TEST(the_last_try_is_at_the_end_of_life)
{
	struct qid qid;
	uint32_t n = 0;

	world_start();
	world.queue_policy.backoff.life_ms = 600000;
	qid = world_admit("", "example.org");
	world_run();
	while (n < 20) {
		if (n + 1 == world_count(CORE_LEASE))
			tell(n++, VERDICT_DEFERRED);
		if (world_state(&qid).cause == CAUSE_EXPIRED)
			break;
		world_pass(1000);
	}
	/* At 0, 60, 180, 420, and at the end. */
	ck_assert_uint_eq(n, 5);
	ck_assert_int_eq(world.now_ms, WORLD_START_MS + 600000);
	ck_assert_uint_eq(world_accounts().owed, 1);
	world_end();
}
END_TEST

START_TEST(a_bounce_is_owed_and_waits_for_ever)
{
	struct qid qid;

	world_start();
	qid = world_admit("", "example.org");
	world_run();
	world.opens = false;
	tell(0, VERDICT_BOUNCED);
	ck_assert_uint_eq(world_state(&qid).state, PART_READY);
	ck_assert_uint_eq(world_accounts().owed, 1);
	WORLD_STR_EQ(world_why(&qid).limit.name, "notice");
	world_pass(200000000);
	ck_assert_uint_eq(world_state(&qid).state, PART_READY);
	ck_assert_uint_eq(world_state(&qid).cause, CAUSE_BOUNCED);
	ck_assert_uint_eq(world_count(CORE_LEASE), 1);
	world_end();
}
END_TEST

START_TEST(a_null_sender_is_owed_nothing)
{
	struct core_admit_part part = { STR("example.org"), 1 };
	struct core_admit admit;

	world_start();
	world.routes = false;
	admit = world_message(&part, 1);
	admit.is_silent = true;
	ck_assert_int_eq(core_admit(world.core, &admit), ERR_OK);
	world_pass(86400000 + PART_LAST_TRY_MS);
	ck_assert_uint_eq(world_accounts().done, 1);
	ck_assert_uint_eq(
	    world_act(CORE_REMEMBER, 0)->part.cause, CAUSE_EXPIRED);
	ck_assert(world_act(CORE_REMEMBER, 0)->is_end);
	ck_assert_int_eq(
	    part_standing_get(world_act(CORE_REMEMBER, 0)->part.standing, 0),
	    RCPT_TOLD);
	world_end();
}
END_TEST

START_TEST(end_of_life_comes_by_the_clock_without_a_route)
{
	struct qid qid;

	world_start();
	world.routes = false;
	qid = world_admit("", "example.org");
	world_pass(86400000 + PART_LAST_TRY_MS - 1000);
	ck_assert_uint_eq(world_state(&qid).state, PART_READY);
	world_pass(1000);
	ck_assert_uint_eq(world_state(&qid).state, PART_LEASED);
	ck_assert_uint_eq(world_act(CORE_LEASE, 0)->notice, NOTICE_FINAL);
	ck_assert_uint_eq(world_state(&qid).cause, CAUSE_EXPIRED);
	WORLD_STR_EQ(world_act(CORE_REMEMBER, 0)->text,
	    "it could not be delivered in time");
	ck_assert_uint_eq(world_accounts().owed, 1);
	world_end();
}
END_TEST

START_TEST(what_is_open_waits_until_what_is_owed_is_told)
{
	struct core_admit_part part = { STR("example.org"), 3 };
	struct core_rcpt rcpts[] = { { 0, VERDICT_DELIVERED, 250, false },
		{ 1, VERDICT_BOUNCED, 550, true },
		{ 2, VERDICT_DEFERRED, 450, true } };
	struct core_admit admit;
	struct core_result r;
	struct part_state state;

	world_start();
	admit = world_message(&part, 1);
	ck_assert_int_eq(core_admit(world.core, &admit), ERR_OK);
	world_run();
	r = world_result(world_act(CORE_LEASE, 0), OUTCOME_TRIED);
	r.rcpts = rcpts;
	r.n_rcpts = 3;
	ck_assert_int_eq(core_result(world.core, &r), ERR_OK);
	world_run();
	state = world_state(&admit.qid);
	ck_assert_uint_eq(state.state, PART_LEASED);
	ck_assert_int_eq(part_standing_get(state.standing, 0), RCPT_DELIVERED);
	ck_assert_int_eq(part_standing_get(state.standing, 1), RCPT_OWED);
	ck_assert_int_eq(part_standing_get(state.standing, 2), RCPT_OPEN);
	world_pass(100000);
	r = world_result(world_act(CORE_LEASE, 1), OUTCOME_TOLD);
	ck_assert_int_eq(core_result(world.core, &r), ERR_OK);
	state = world_state(&admit.qid);
	ck_assert_uint_eq(state.state, PART_WAITING);
	ck_assert_int_eq(part_standing_get(state.standing, 1), RCPT_TOLD);
	ck_assert_int_eq(part_standing_get(state.standing, 2), RCPT_OPEN);
	ck_assert_int_eq(state.due_ms, world.wall_ms + 60000);
	world_pass(60000);
	ck_assert_uint_eq(world_act(CORE_LEASE, 2)->notice, NOTICE_NONE);
	tell(2, VERDICT_DELIVERED);
	ck_assert_uint_eq(world_accounts().done, 1);
	world_end();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { a_deferred_part_waits_by_the_schedule,
		the_last_try_is_at_the_end_of_life,
		a_bounce_is_owed_and_waits_for_ever,
		a_null_sender_is_owed_nothing,
		end_of_life_comes_by_the_clock_without_a_route,
		what_is_open_waits_until_what_is_owed_is_told };

	return world_main("fate", tests, COUNT_OF(tests));
}
