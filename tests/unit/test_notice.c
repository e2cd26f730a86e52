/* SPDX-License-Identifier: BSD-2-Clause */
/* test_notice: what senders are owed, and when it is told. */
#include "qmgr/core/core_int.h"

#include <check.h>

#include "tests/lib/world.h"

#define DELAY_MS 14400000

static const struct core_action *
last_lease(void)
{
	return world_act(CORE_LEASE, world_count(CORE_LEASE) - 1);
}

static void
end(enum outcome outcome)
{
	struct core_result r = world_result(last_lease(), outcome);

	r.code = outcome == OUTCOME_TRIED ? 451 : 250;
	ck_assert_int_eq(core_result(world.core, &r), ERR_OK);
	world_run();
}

/* A part whose only recipient has failed; its notice is leased. */
static struct qid
owed(void)
{
	struct qid qid = world_admit("", "a.test");

	world_run();
	world_tell(last_lease(), VERDICT_BOUNCED);
	world_run();
	ck_assert_uint_eq(world_state(&qid).state, PART_LEASED);
	ck_assert_uint_eq(last_lease()->notice, NOTICE_FINAL);
	return qid;
}

/* One that is to be told of its delay. */
static struct qid
patient(void)
{
	struct core_admit_part part = { STR("a.test"), 1 };
	struct core_admit admit = world_message(&part, 1);

	world.queue_policy.delay_notice_ms = DELAY_MS;
	admit.wants_delay = true;
	ck_assert_int_eq(core_admit(world.core, &admit), ERR_OK);
	world_run();
	return admit.qid;
}

static void
die(enum slot_phase phase)
{
	uint8_t phases[WORLD_SLOTS];

	memset(phases, phase, sizeof(phases));
	core_worker_down(world.core, 0, phases);
	world_run();
	world_worker(0);
	world_run();
}

START_TEST(a_failure_is_told_by_our_own_site_then_the_part_is_done)
{
	struct qid qid;

	world_start();
	qid = owed();
	WORLD_STR_EQ(world_act(CORE_OPEN, 1)->source, "local");
	WORLD_STR_EQ(world_act(CORE_OPEN, 1)->provider, "notice");
	WORLD_STR_EQ(world_act(CORE_OPEN, 1)->hosts, "ours");
	ck_assert_int_eq(world_act(CORE_OPEN, 1)->transport, TRANSPORT_NOTICE);
	WORLD_STR_EQ(world_why(&qid).limit.name, "notice");
	WORLD_STR_EQ(world_why(&qid).source, "local");
	ck_assert_uint_eq(world_accounts().owed, 1);
	end(OUTCOME_TOLD);
	ck_assert_uint_eq(world_accounts().owed, 0);
	ck_assert_uint_eq(world_accounts().done, 1);
	ck_assert_uint_eq(world_count(CORE_GRANT_ASK), 1);
	world_end();
}
END_TEST

START_TEST(a_notice_goes_without_a_shaper)
{
	world_start();
	world.routes = false;
	(void)world_admit("", "a.test");
	core_shaper_down(world.core);
	world_pass(86400000 + PART_LAST_TRY_MS);
	ck_assert_uint_eq(last_lease()->notice, NOTICE_FINAL);
	WORLD_STR_EQ(last_lease()->text, "it could not be delivered in time");
	end(OUTCOME_TOLD);
	ck_assert_uint_eq(world_accounts().done, 1);
	world_end();
}
END_TEST

START_TEST(a_success_is_owed_where_the_next_host_does_not_tell)
{
	struct core_rcpt rcpt = { 0, VERDICT_DELIVERED, 250, true };
	struct core_result r;
	struct qid qid;

	world_start();
	qid = world_admit("", "a.test");
	world_run();
	r = world_result(last_lease(), OUTCOME_TRIED);
	r.rcpts = &rcpt;
	r.n_rcpts = 1;
	ck_assert_int_eq(core_result(world.core, &r), ERR_OK);
	world_run();
	ck_assert_uint_eq(last_lease()->notice, NOTICE_FINAL);
	ck_assert_uint_eq(world_state(&qid).cause, CAUSE_DELIVERED);
	world_end();
}
END_TEST

START_TEST(a_null_sender_is_told_nothing_whatever_a_worker_says)
{
	struct core_admit_part part = { STR("a.test"), 1 };
	struct core_admit admit;

	world_start();
	admit = world_message(&part, 1);
	admit.is_silent = admit.wants_delay = true;
	ck_assert_int_eq(core_admit(world.core, &admit), ERR_OK);
	ck_assert_uint_eq(world_state(&admit.qid).wants_delay, 0);
	world_run();
	world_tell(last_lease(), VERDICT_BOUNCED);
	world_run();
	ck_assert_uint_eq(world_accounts().done, 1);
	world_end();
}
END_TEST

START_TEST(a_refused_notice_is_owed_for_ever_and_waits_longer_each_time)
{
	static const int64_t waits_ms[] = { 5000, 10000, 20000, 40000, 80000,
		160000, 300000, 300000 };
	struct qid qid;

	world_start();
	qid = owed();
	for (size_t i = 0; i < COUNT_OF(waits_ms); i++) {
		uint32_t n = world_count(CORE_LEASE);

		end(OUTCOME_TRIED);
		ck_assert_uint_eq(world_state(&qid).state, PART_WAITING);
		ck_assert_uint_eq(world_state(&qid).tries, 1);
		ck_assert_uint_eq(world_state(&qid).cause, CAUSE_BOUNCED);
		WORLD_STR_EQ(world_why(&qid).limit.value, "refused");
		world_pass(waits_ms[i] - 1000);
		ck_assert_uint_eq(world_count(CORE_LEASE), n);
		world_pass(1000);
		ck_assert_uint_eq(world_count(CORE_LEASE), n + 1);
	}
	world_pass(2 * 86400000);
	ck_assert_uint_eq(world_accounts().owed, 1);
	end(OUTCOME_TOLD);
	ck_assert_uint_eq(world_accounts().done, 1);
	world_end();
}
END_TEST

START_TEST(our_site_is_probed_when_it_is_down_and_slowed_by_a_throttle)
{
	struct qid qid;

	world_start();
	qid = owed();
	end(OUTCOME_THROTTLED);
	ck_assert_uint_eq(world_state(&qid).state, PART_READY);
	ck_assert_uint_eq(world_count(CORE_FEEDBACK), 0);
	world_pass(1000);
	ck_assert_uint_eq(world_state(&qid).state, PART_LEASED);
	world.opens = false;
	end(OUTCOME_RETURNED);
	world_end();
}
END_TEST

START_TEST(a_down_site_of_ours_is_named)
{
	struct qid qid;

	world_start();
	world.opens = false;
	qid = world_admit("", "a.test");
	world_run();
	ck_assert_int_eq(
	    core_conn_up(world.core, 0, world_act(CORE_OPEN, 0)->conn), ERR_OK);
	world_run();
	world_tell(last_lease(), VERDICT_BOUNCED);
	world_run();
	world_down(world_act(CORE_OPEN, 1), CONN_REFUSED);
	world_run();
	WORLD_STR_EQ(world_why(&qid).limit.name, "notice");
	WORLD_STR_EQ(world_why(&qid).limit.cause, "site down: 421 too many");
	ck_assert_int_eq(world_why(&qid).next_ms, 1000);
	world.opens = true;
	world_pass(1000);
	ck_assert_uint_eq(world_state(&qid).state, PART_LEASED);
	world_end();
}
END_TEST

START_TEST(what_is_open_is_not_expired_while_something_is_owed)
{
	struct core_admit_part part = { STR("a.test"), 2 };
	struct core_rcpt rcpts[] = { { 0, VERDICT_BOUNCED, 550, true },
		{ 1, VERDICT_DEFERRED, 450, false } };
	struct core_admit admit;
	struct core_result r;

	world_start();
	admit = world_message(&part, 1);
	ck_assert_int_eq(core_admit(world.core, &admit), ERR_OK);
	world_run();
	r = world_result(last_lease(), OUTCOME_TRIED);
	r.rcpts = rcpts;
	r.n_rcpts = 2;
	ck_assert_int_eq(core_result(world.core, &r), ERR_OK);
	world_run();
	end(OUTCOME_TRIED);
	core_pause_leases(world.core, STR("ledger"));
	world_pass(2 * 86400000);
	ck_assert_int_eq(
	    part_standing_get(world_state(&admit.qid).standing, 1), RCPT_OPEN);
	/* And has its last try then. */
	core_pause_leases(world.core, STR(""));
	world_run();
	end(OUTCOME_TOLD);
	world_pass(1000);
	ck_assert_uint_eq(last_lease()->notice, NOTICE_NONE);
	world_tell(last_lease(), VERDICT_DEFERRED);
	world_run();
	world_pass(600000);
	ck_assert_uint_eq(last_lease()->notice, NOTICE_FINAL);
	ck_assert_int_eq(
	    part_standing_get(last_lease()->part.standing, 0), RCPT_TOLD);
	ck_assert_int_eq(
	    part_standing_get(last_lease()->part.standing, 1), RCPT_OWED);
	world_end();
}
END_TEST

START_TEST(nothing_is_told_before_what_made_it_owed_is_written)
{
	struct qid qid;

	world_start();
	qid = world_admit("", "a.test");
	world_run();
	world.clears = false;
	world_tell(last_lease(), VERDICT_BOUNCED);
	world_pass(5000);
	ck_assert_uint_eq(world_state(&qid).state, PART_READY);
	core_slot_cleared(world.core, 0, world_act(CORE_LEASE, 0)->slot);
	world_pass(1000);
	ck_assert_uint_eq(world_state(&qid).state, PART_LEASED);
	world_end();
}
END_TEST

START_TEST(a_pause_of_leases_holds_notices_too)
{
	struct qid qid;

	world_start();
	qid = world_admit("", "a.test");
	world_run();
	core_pause_leases(world.core, STR("ledger"));
	world_tell(last_lease(), VERDICT_BOUNCED);
	world_pass(5000);
	ck_assert_uint_eq(world_state(&qid).state, PART_READY);
	WORLD_STR_EQ(world_why(&qid).limit.cause, "ledger");
	core_pause_leases(world.core, STR(""));
	world_run();
	ck_assert_uint_eq(world_state(&qid).state, PART_LEASED);
	world_end();
}
END_TEST

START_TEST(a_notice_past_the_dot_is_doubtful_and_stays_owed)
{
	struct qid qid;

	world_start();
	qid = owed();
	die(SLOT_DOT_SENT);
	ck_assert_uint_eq(world_count(CORE_NOTE), 1);
	ck_assert_uint_eq(
	    world_act(CORE_NOTE, 0)->part.cause, CAUSE_POSSIBLY_DELIVERED);
	ck_assert_uint_eq(world_state(&qid).cause, CAUSE_BOUNCED);
	ck_assert_uint_eq(world_state(&qid).deaths, 1);
	ck_assert_uint_eq(last_lease()->notice, NOTICE_FINAL);
	ck_assert_uint_eq(world_count(CORE_LEASE), 3);
	world_end();
}
END_TEST

START_TEST(a_notice_that_was_not_begun_is_as_if_it_had_not_been_leased)
{
	struct qid qid;

	world_start();
	qid = owed();
	die(SLOT_LEASED);
	ck_assert_uint_eq(world_count(CORE_NOTE), 0);
	ck_assert_uint_eq(world_state(&qid).deaths, 0);
	ck_assert_uint_eq(world_count(CORE_LEASE), 3);
	world_end();
}
END_TEST

/* Q13 */
START_TEST(a_notice_that_kills_its_workers_travels_alone_then_is_held)
{
	struct qid qid;

	world_start();
	qid = owed();
	for (unsigned i = 1; i < PART_DEATHS_MAX; i++) {
		die(SLOT_TRANSACTION);
		ck_assert_uint_eq(world_state(&qid).deaths, i);
		ck_assert_uint_eq(world_accounts().owed, 1);
		world_pass(300000);
		ck_assert_uint_eq(world_state(&qid).state, PART_LEASED);
		ck_assert_uint_eq(last_lease()->notice, NOTICE_FINAL);
	}
	die(SLOT_TRANSACTION);
	ck_assert_uint_eq(world_state(&qid).state, PART_HELD);
	ck_assert_uint_eq(world_accounts().owed, 1);
	world_end();
}
END_TEST

START_TEST(a_damaged_record_is_held_with_its_notice)
{
	struct qid qid;

	world_start();
	qid = owed();
	end(OUTCOME_DAMAGED);
	ck_assert_uint_eq(world_state(&qid).state, PART_HELD);
	ck_assert_uint_eq(world_accounts().owed, 1);
	world_end();
}
END_TEST

/* --- delay ---------------------------------------------------------------- */

START_TEST(a_delay_is_told_at_its_age_and_once)
{
	struct qid qid;
	uint32_t n;

	world_start();
	world.routes = false;
	qid = patient();
	world_pass(DELAY_MS - 1000);
	ck_assert_uint_eq(world_state(&qid).state, PART_READY);
	ck_assert_uint_eq(world_count(CORE_LEASE), 0);
	world_pass(1000);
	ck_assert_uint_eq(world_count(CORE_LEASE), 1);
	ck_assert_uint_eq(last_lease()->notice, NOTICE_DELAY);
	ck_assert_uint_eq(world_accounts().owed, 0);
	WORLD_STR_EQ(world_why(&qid).limit.name, "notice");
	n = world_count(CORE_REMEMBER);
	end(OUTCOME_TOLD);
	ck_assert_uint_eq(world_count(CORE_REMEMBER), n + 1);
	ck_assert_uint_eq(world_act(CORE_REMEMBER, n)->part.wants_delay, 0);
	ck_assert_uint_eq(world_state(&qid).state, PART_READY);
	WORLD_STR_EQ(world_why(&qid).limit.name, "route");
	world_pass(DELAY_MS);
	ck_assert_uint_eq(world_count(CORE_LEASE), 1);
	world_end();
}
END_TEST

START_TEST(a_waiting_part_is_due_at_the_age_of_its_notice)
{
	struct qid qid;

	world_start();
	qid = patient();
	for (;;) {
		if (last_lease()->notice == NOTICE_DELAY)
			break;
		if (world_state(&qid).state == PART_LEASED) {
			world_tell(last_lease(), VERDICT_DEFERRED);
			world_run();
		}
		ck_assert_int_le(
		    world_state(&qid).due_ms, WORLD_WALL_MS + DELAY_MS);
		world_pass(1000);
	}
	ck_assert_int_eq(world.now_ms, WORLD_START_MS + DELAY_MS);
	WORLD_STR_EQ(last_lease()->text, "deferred");
	end(OUTCOME_TOLD);
	/* It was due: it goes. */
	ck_assert_uint_eq(last_lease()->notice, NOTICE_NONE);
	world_tell(last_lease(), VERDICT_DEFERRED);
	world_run();
	ck_assert_int_gt(world_state(&qid).due_ms, world.wall_ms + 3000000);
	world_end();
}
END_TEST

START_TEST(a_delay_that_cannot_be_told_holds_nobody_up_for_long)
{
	struct qid qid;

	world_start();
	world.routes = false;
	qid = patient();
	world.opens = false;
	world_pass(DELAY_MS);
	WORLD_STR_EQ(world_why(&qid).limit.value, "of delay");
	world_pass(300000 - 1000);
	WORLD_STR_EQ(world_why(&qid).limit.name, "notice");
	world_pass(1000);
	WORLD_STR_EQ(world_why(&qid).limit.name, "route");
	ck_assert_uint_eq(world_state(&qid).wants_delay, 0);
	world_end();
}
END_TEST

START_TEST(a_delay_that_is_refused_is_not_told)
{
	struct qid qid;

	world_start();
	world.routes = false;
	qid = patient();
	world_pass(DELAY_MS);
	end(OUTCOME_TRIED);
	ck_assert_uint_eq(world_state(&qid).wants_delay, 0);
	ck_assert_uint_eq(world_state(&qid).tries, 0);
	ck_assert_uint_eq(world_state(&qid).state, PART_READY);
	world_end();
}
END_TEST

START_TEST(a_delay_is_tried_three_times_when_it_comes_back)
{
	struct qid qid;

	world_start();
	world.routes = false;
	qid = patient();
	world_pass(DELAY_MS);
	end(OUTCOME_RETURNED);
	end(OUTCOME_RETURNED);
	ck_assert_uint_eq(world_state(&qid).wants_delay, 1);
	ck_assert_uint_eq(world_state(&qid).state, PART_LEASED);
	end(OUTCOME_RETURNED);
	ck_assert_uint_eq(world_state(&qid).wants_delay, 0);
	ck_assert_uint_eq(world_state(&qid).state, PART_READY);
	world_end();
}
END_TEST

START_TEST(a_delay_past_the_dot_is_not_told_again)
{
	struct qid qid;

	world_start();
	world.routes = false;
	qid = patient();
	world_pass(DELAY_MS);
	die(SLOT_DOT_SENT);
	ck_assert_uint_eq(world_count(CORE_NOTE), 1);
	ck_assert_uint_eq(world_state(&qid).wants_delay, 0);
	ck_assert_uint_eq(world_state(&qid).deaths, 1);
	ck_assert_uint_eq(world_state(&qid).state, PART_READY);
	world_end();
}
END_TEST

START_TEST(no_delay_is_told_where_that_is_switched_off_or_beyond_the_end)
{
	struct qid qid;

	world_start();
	world.routes = false;
	qid = patient();
	world.queue_policy.delay_notice_ms = 0;
	core_reload(world.core);
	world_pass(DELAY_MS + 1000);
	ck_assert_uint_eq(world_count(CORE_LEASE), 0);
	world.queue_policy.delay_notice_ms = 86400000;
	core_reload(world.core);
	world_pass(86400000 + PART_LAST_TRY_MS - DELAY_MS - 1000);
	ck_assert_uint_eq(world_state(&qid).cause, CAUSE_EXPIRED);
	ck_assert_uint_eq(world_count(CORE_LEASE), 1);
	ck_assert_uint_eq(last_lease()->notice, NOTICE_FINAL);
	world_end();
}
END_TEST

/* --- restart -------------------------------------------------------------- */

/* A new core that knows qid's part as it was, with the last lease out. */
static void
restart(const struct part_state *state, bool is_out)
{
	struct core_action lease = *last_lease();
	struct core_slot filled = { .lease = lease.part.lease,
		.segment = state->segment,
		.qid = state->qid,
		.block = state->block,
		.part = state->part };
	struct core_queue_policy policy = world.queue_policy;
	struct core *old = world.core;
	char domain[] = "a.test";
	struct part_state s = *state;

	s.key = (struct queue_key){ .domain = str_from_c(domain) };
	world_begin();
	world.queue_policy = policy;
	core_free(&old);
	ck_assert_int_eq(core_worker_add(world.core, 0, WORLD_SLOTS), ERR_OK);
	if (is_out)
		ck_assert_int_eq(
		    core_restore_lease(world.core, 0, lease.slot, &filled),
		    ERR_OK);
	ck_assert_int_eq(core_restore(world.core, &s), ERR_OK);
	ck_assert(!core_restore_end(world.core, 0, filled.lease));
	core_shaper_up(world.core);
	core_worker_up(world.core, 0);
	if (is_out)
		ck_assert_int_eq(
		    core_worker_hold(world.core, 0, lease.slot, filled.lease),
		    ERR_OK);
	world.acts[world.n_acts++] = lease;
	core_worker_held_end(world.core, 0, (uint8_t[WORLD_SLOTS]){ 0 });
	world_run();
}

START_TEST(what_is_owed_is_owed_after_a_restart)
{
	struct qid qid;
	struct part_state s;

	world_start();
	qid = owed();
	s = world_state(&qid);
	s.state = PART_WAITING;
	restart(&s, false);
	ck_assert_uint_eq(last_lease()->notice, NOTICE_FINAL);
	ck_assert_uint_eq(world_count(CORE_LEASE), 2);
	end(OUTCOME_TOLD);
	ck_assert_uint_eq(world_accounts().done, 1);
	world_end();
}
END_TEST

START_TEST(a_notice_that_was_out_is_known_after_a_restart)
{
	struct qid qid;
	struct part_state s;

	world_start();
	qid = owed();
	s = world_state(&qid);
	s.state = PART_READY;
	restart(&s, true);
	ck_assert_uint_eq(world_count(CORE_LEASE), 1);
	ck_assert_uint_eq(world_state(&qid).state, PART_LEASED);
	end(OUTCOME_TOLD);
	ck_assert_uint_eq(world_accounts().done, 1);
	world_end();
}
END_TEST

START_TEST(a_delay_that_was_told_over_a_restart_is_not_told_again)
{
	struct qid qid;
	struct part_state s;

	world_start();
	world.routes = false;
	qid = patient();
	world_pass(DELAY_MS);
	s = world_state(&qid);
	s.state = PART_READY;
	restart(&s, true);
	world.routes = false;
	ck_assert_uint_eq(world_state(&qid).state, PART_LEASED);
	end(OUTCOME_TOLD);
	ck_assert_uint_eq(world_state(&qid).wants_delay, 0);
	world_end();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		a_failure_is_told_by_our_own_site_then_the_part_is_done,
		a_notice_goes_without_a_shaper,
		a_success_is_owed_where_the_next_host_does_not_tell,
		a_null_sender_is_told_nothing_whatever_a_worker_says,
		a_refused_notice_is_owed_for_ever_and_waits_longer_each_time,
		our_site_is_probed_when_it_is_down_and_slowed_by_a_throttle,
		a_down_site_of_ours_is_named,
		what_is_open_is_not_expired_while_something_is_owed,
		nothing_is_told_before_what_made_it_owed_is_written,
		a_pause_of_leases_holds_notices_too,
		a_notice_past_the_dot_is_doubtful_and_stays_owed,
		a_notice_that_was_not_begun_is_as_if_it_had_not_been_leased,
		a_notice_that_kills_its_workers_travels_alone_then_is_held,
		a_damaged_record_is_held_with_its_notice,
		a_delay_is_told_at_its_age_and_once,
		a_waiting_part_is_due_at_the_age_of_its_notice,
		a_delay_that_cannot_be_told_holds_nobody_up_for_long,
		a_delay_that_is_refused_is_not_told,
		a_delay_is_tried_three_times_when_it_comes_back,
		a_delay_past_the_dot_is_not_told_again,
		no_delay_is_told_where_that_is_switched_off_or_beyond_the_end,
		what_is_owed_is_owed_after_a_restart,
		a_notice_that_was_out_is_known_after_a_restart,
		a_delay_that_was_told_over_a_restart_is_not_told_again
	};

	return world_main("notice", tests, COUNT_OF(tests));
}
