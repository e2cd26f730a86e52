/* SPDX-License-Identifier: BSD-2-Clause */
/* test_restore: checkpoint, ledger and slots (Q11). */
#include "qmgr/core/core_int.h"

#include <check.h>

#include "tests/lib/world.h"

/* A world that is being restored, with one worker. */
static void
begin(void)
{
	world_begin();
	ck_assert_int_eq(core_worker_add(world.core, 0, WORLD_SLOTS), ERR_OK);
}

static void
end_restore(uint64_t done)
{
	while (core_restore_end(world.core, done, 0))
		(void)world_fetch();
	core_shaper_up(world.core);
	world_run();
}

static struct part_state
state_of(uint32_t block, enum part_status state)
{
	return (struct part_state){ .qid = world_qid(block),
		.segment = WORLD_SEGMENT,
		.block = block,
		.n_rcpts = 1,
		.state = (uint8_t)state,
		.key = { STR("acme"), STR("spring"), STR("a.test") } };
}

START_TEST(a_restart_changes_no_due_time_and_no_count)
{
	struct part_state s = state_of(1, PART_WAITING), now;

	begin();
	s.due_ms = world.wall_ms + 123456;
	s.tries = 7;
	s.deaths = 1;
	s.throttles = 2;
	s.last_code = 451;
	s.first_try_ms = world.wall_ms - 5000000;
	s.last_try_ms = world.wall_ms - 1000;
	s.cause = CAUSE_DEFERRED;
	ck_assert_int_eq(core_restore(world.core, &s), ERR_OK);
	end_restore(0);
	now = world_state(&s.qid);
	ck_assert_uint_eq(now.state, PART_WAITING);
	ck_assert_int_eq(now.due_ms, s.due_ms);
	ck_assert_uint_eq(now.tries, 7);
	ck_assert_uint_eq(now.deaths, 1);
	ck_assert_uint_eq(now.throttles, 2);
	ck_assert_uint_eq(now.last_code, 451);
	ck_assert_int_eq(now.first_try_ms, s.first_try_ms);
	ck_assert_int_eq(now.last_try_ms, s.last_try_ms);
	ck_assert_uint_eq(now.cause, CAUSE_DEFERRED);
	WORLD_STR_EQ(now.key.campaign, "spring");
	world_end();
}
END_TEST

START_TEST(a_wait_is_at_most_the_longest_interval)
{
	struct part_state s = state_of(1, PART_WAITING);

	begin();
	s.due_ms = world.wall_ms + INT64_C(1000000000000);
	ck_assert_int_eq(core_restore(world.core, &s), ERR_OK);
	ck_assert_int_eq(world_state(&s.qid).due_ms, world.wall_ms + 3600000);
	s.due_ms = 1;
	ck_assert_int_eq(core_restore(world.core, &s), ERR_OK);
	ck_assert_int_eq(world_state(&s.qid).due_ms, world.wall_ms);
	world_end();
}
END_TEST

START_TEST(a_part_past_its_life_gets_an_attempt_first)
{
	struct part_state s = state_of(1, PART_READY);

	begin();
	world.wall_ms += 400 * INT64_C(86400000);
	core_turn(world.core, world.now_ms, world.wall_ms);
	ck_assert_int_eq(core_restore(world.core, &s), ERR_OK);
	end_restore(0);
	world_pass(1000000);
	ck_assert_uint_eq(world_state(&s.qid).state, PART_READY);
	world_worker(0);
	world_run();
	ck_assert_uint_eq(world_count(CORE_LEASE), 1);
	world_end();
}
END_TEST

START_TEST(the_later_entry_wins_and_again_is_as_once)
{
	struct part_state s = state_of(1, PART_READY);

	begin();
	ck_assert_int_eq(core_restore(world.core, &s), ERR_OK);
	s.state = PART_WAITING;
	s.tries = 1;
	s.due_ms = world.wall_ms + 1000;
	s.key = (struct queue_key){ .domain = { NULL, 0 } };
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(core_restore(world.core, &s), ERR_OK);
	ck_assert_uint_eq(world_state(&s.qid).tries, 1);
	s.state = PART_HELD;
	ck_assert_int_eq(core_restore(world.core, &s), ERR_OK);
	ck_assert_uint_eq(world_state(&s.qid).state, PART_HELD);
	s.state = PART_READY;
	s.tries = 2;
	ck_assert_int_eq(core_restore(world.core, &s), ERR_OK);
	ck_assert_uint_eq(world_state(&s.qid).state, PART_READY);
	s.state = PART_DONE;
	ck_assert_int_eq(core_restore(world.core, &s), ERR_OK);
	ck_assert_int_eq(core_restore(world.core, &s), ERR_NOTFOUND);
	/* What is done does not come back by an older entry. */
	s = state_of(1, PART_READY);
	ck_assert_int_eq(core_restore(world.core, &s), ERR_NOTFOUND);
	end_restore(1);
	ck_assert_uint_eq(world_accounts().admitted, 1);
	world_end();
}
END_TEST

START_TEST(a_record_known_by_an_end_alone_stays_unknown)
{
	struct part_state s = state_of(1, PART_DONE);

	begin();
	ck_assert_int_eq(core_restore(world.core, &s), ERR_NOTFOUND);
	ck_assert_int_eq(
	    core_segment_add(world.core, WORLD_SEGMENT, WORLD_WRITER), ERR_OK);
	ck_assert_int_eq(core_restore(world.core, &s), ERR_NOTFOUND);
	s.state = PART_WAITING;
	s.key.domain.len = 0;
	ck_assert_int_eq(core_restore(world.core, &s), ERR_NOTFOUND);
	ck_assert_int_eq(core_record_state(world.core, WORLD_SEGMENT, 1),
	    CORE_RECORD_UNKNOWN);
	world_end();
}
END_TEST

START_TEST(done_bits_end_what_is_live)
{
	struct part_state s = state_of(9, PART_READY);
	uint8_t bits[] = { 0x02, 0x02 };

	begin();
	ck_assert_int_eq(core_restore_done(world.core, WORLD_SEGMENT, bits, 16),
	    ERR_NOTFOUND);
	ck_assert_int_eq(core_restore(world.core, &s), ERR_OK);
	s = state_of(10, PART_READY);
	ck_assert_int_eq(core_restore(world.core, &s), ERR_OK);
	ck_assert_int_eq(
	    core_restore_done(world.core, WORLD_SEGMENT, bits, 16), ERR_OK);
	ck_assert_int_eq(core_restore_done(world.core, WORLD_SEGMENT, bits,
	                     CORE_BLOCK_MAX + 2),
	    ERR_RANGE);
	ck_assert_int_eq(
	    core_record_state(world.core, WORLD_SEGMENT, 1), CORE_RECORD_DONE);
	ck_assert_int_eq(
	    core_record_state(world.core, WORLD_SEGMENT, 9), CORE_RECORD_DONE);
	ck_assert_int_eq(
	    core_record_state(world.core, WORLD_SEGMENT, 10), CORE_RECORD_LIVE);
	end_restore(2);
	ck_assert_uint_eq(world_accounts().admitted, 3);
	world_end();
}
END_TEST

START_TEST(what_is_no_state_is_refused)
{
	struct part_state s;

	begin();
	s = state_of(1, PART_READY);
	s.n_rcpts = 0;
	ck_assert_int_eq(core_restore(world.core, &s), ERR_RANGE);
	s.n_rcpts = PART_RCPTS_MAX + 1;
	ck_assert_int_eq(core_restore(world.core, &s), ERR_RANGE);
	s = state_of(1, PART_STATE_N);
	ck_assert_int_eq(core_restore(world.core, &s), ERR_RANGE);
	s = state_of(1, PART_READY);
	s.cause = PART_CAUSE_N;
	ck_assert_int_eq(core_restore(world.core, &s), ERR_RANGE);
	s = state_of(CORE_BLOCK_MAX + 1, PART_READY);
	ck_assert_int_eq(core_restore(world.core, &s), ERR_RANGE);
	s = state_of(1, PART_READY);
	s.deaths = PART_DEATHS_MAX + 1;
	ck_assert_int_eq(core_restore(world.core, &s), ERR_RANGE);
	s = state_of(1, PART_READY);
	ck_assert_int_eq(core_restore(world.core, &s), ERR_OK);
	s.qid.b[15]++;
	ck_assert_int_eq(core_restore(world.core, &s), ERR_RANGE);
	s = state_of(1, PART_READY);
	s.n_rcpts = 2;
	ck_assert_int_eq(core_restore(world.core, &s), ERR_RANGE);
	world_end();
}
END_TEST

static struct core_slot
slot_of(uint32_t block, uint64_t lease)
{
	return (struct core_slot){ .lease = lease,
		.segment = WORLD_SEGMENT,
		.qid = world_qid(block),
		.block = block };
}

START_TEST(a_filled_slot_is_a_lease)
{
	struct part_state s = state_of(1, PART_READY);
	struct core_slot slot = slot_of(1, 500);
	struct core_result r = { .slot = 3,
		.lease = 500,
		.outcome = OUTCOME_TRIED,
		.n_rcpts = 1,
		.rcpts = &(struct core_rcpt){ 0, VERDICT_DELIVERED, 250, 0 } };

	begin();
	ck_assert_int_eq(core_restore_lease(world.core, 0, 3, &slot), ERR_OK);
	ck_assert_int_eq(core_restore(world.core, &s), ERR_OK);
	end_restore(0);
	ck_assert_uint_eq(world_state(&s.qid).state, PART_LEASED);
	ck_assert_uint_eq(world_why(&s.qid).slot, 3);
	ck_assert_int_eq(core_worker_hold(world.core, 0, 3, 499), ERR_NOTFOUND);
	core_worker_up(world.core, 0);
	ck_assert_int_eq(core_worker_hold(world.core, 0, 3, 500), ERR_OK);
	core_worker_held_end(world.core, 0, (uint8_t[WORLD_SLOTS]){ 0 });
	world_run();
	ck_assert_int_eq(core_result(world.core, &r), ERR_OK);
	world_run();
	ck_assert_uint_eq(world_accounts().done, 1);
	/* Its number is not given again. */
	world.next_block = 2;
	(void)world_admit("", "a.test");
	world_run();
	ck_assert_uint_eq(world_act(CORE_LEASE, 0)->part.lease, 501);
	world_end();
}
END_TEST

START_TEST(a_slot_that_its_worker_does_not_hold_is_taken_back)
{
	struct part_state s = state_of(1, PART_READY);
	struct core_slot slot = slot_of(1, 500);

	begin();
	ck_assert_int_eq(core_restore_lease(world.core, 0, 3, &slot), ERR_OK);
	ck_assert_int_eq(core_restore(world.core, &s), ERR_OK);
	end_restore(0);
	world_worker(0);
	world_run();
	ck_assert_uint_eq(world_count(CORE_CLEAR), 1);
	ck_assert_uint_eq(world_count(CORE_LEASE), 1);
	world_end();
}
END_TEST

START_TEST(a_slot_whose_result_is_in_the_ledger_is_cleared)
{
	struct part_state s = state_of(1, PART_READY);
	struct core_slot slot = slot_of(1, 500);
	struct core_result r = { .slot = 3, .lease = 500 };

	begin();
	ck_assert_int_eq(core_restore_lease(world.core, 0, 3, &slot), ERR_OK);
	ck_assert_int_eq(
	    core_restore_lease(world.core, 0, 4, &slot), ERR_EXISTS);
	ck_assert_int_eq(
	    core_restore_lease(world.core, 0, 3, &slot), ERR_RANGE);
	ck_assert_int_eq(
	    core_restore_lease(world.core, 0, WORLD_SLOTS, &slot), ERR_RANGE);
	ck_assert_int_eq(
	    core_restore_lease(world.core, 1, 3, &slot), ERR_RANGE);
	ck_assert_int_eq(core_restore(world.core, &s), ERR_OK);
	s.state = PART_WAITING;
	s.due_ms = world.wall_ms + 60000;
	s.lease = 500;
	ck_assert_int_eq(core_restore(world.core, &s), ERR_OK);
	end_restore(0);
	ck_assert_uint_eq(world_count(CORE_CLEAR), 1);
	ck_assert_uint_eq(world_state(&s.qid).state, PART_WAITING);
	ck_assert_int_eq(core_result(world.core, &r), ERR_EXISTS);
	world_end();
}
END_TEST

START_TEST(a_lease_waits_for_its_record_to_be_admitted)
{
	struct core_slot slot = slot_of(1, 500);
	struct core_result r = {
		.slot = 3, .lease = 500, .outcome = OUTCOME_RETURNED
	};
	struct qid qid;

	begin();
	ck_assert_int_eq(core_restore_lease(world.core, 0, 3, &slot), ERR_OK);
	end_restore(0);
	core_worker_up(world.core, 0);
	ck_assert_int_eq(core_worker_hold(world.core, 0, 3, 500), ERR_OK);
	core_worker_held_end(world.core, 0, (uint8_t[WORLD_SLOTS]){ 0 });
	world_run();
	ck_assert_int_eq(core_result(world.core, &r), ERR_AGAIN);
	qid = world_admit("", "a.test");
	ck_assert_uint_eq(world_state(&qid).state, PART_LEASED);
	world_run();
	ck_assert_uint_eq(world_count(CORE_LEASE), 0);
	ck_assert_int_eq(core_result(world.core, &r), ERR_OK);
	world_run();
	ck_assert_uint_eq(world_count(CORE_LEASE), 1);
	world_end();
}
END_TEST

START_TEST(a_doubt_waits_for_its_record_to_be_admitted)
{
	struct core_slot slot = slot_of(1, 500);
	uint8_t phases[WORLD_SLOTS] = { 0 };
	struct qid qid;

	begin();
	ck_assert_int_eq(core_restore_lease(world.core, 0, 3, &slot), ERR_OK);
	end_restore(0);
	/* The worker is another one: who had it died after the dot. */
	phases[3] = SLOT_DOT_SENT;
	core_worker_up(world.core, 0);
	core_worker_held_end(world.core, 0, phases);
	world_run();
	/* Told at once: the slot may be gone before its record is found. */
	ck_assert_uint_eq(world.n_acts, 1);
	ck_assert_uint_eq(
	    world_act(CORE_NOTE, 0)->part.cause, CAUSE_POSSIBLY_DELIVERED);
	ck_assert_int_eq(
	    qid_cmp(&world_act(CORE_NOTE, 0)->part.qid, &slot.qid), 0);
	qid = world_admit("", "a.test");
	world_run();
	ck_assert_uint_eq(world_count(CORE_NOTE), 1);
	ck_assert_uint_eq(
	    world_act(CORE_REMEMBER, 0)->part.cause, CAUSE_POSSIBLY_DELIVERED);
	ck_assert_uint_eq(world_count(CORE_LEASE), 1);
	ck_assert_uint_eq(world_state(&qid).deaths, 1);
	world_end();
}
END_TEST

START_TEST(an_adopted_connection_waits_for_what_it_may_hold)
{
	struct part_state s = state_of(1, PART_READY);
	struct core_slot slot = slot_of(1, 500);
	struct core_result r = {
		.slot = 3, .lease = 500, .outcome = OUTCOME_RETURNED
	};

	begin();
	world.connections = 1;
	ck_assert_int_eq(core_restore_lease(world.core, 0, 3, &slot), ERR_OK);
	ck_assert_int_eq(core_restore(world.core, &s), ERR_OK);
	end_restore(0);
	core_worker_up(world.core, 0);
	ck_assert_int_eq(core_worker_hold(world.core, 0, 3, 500), ERR_OK);
	ck_assert_int_eq(
	    core_conn_adopt(world.core, 0, 4711, STR("default"), STR("relay")),
	    ERR_OK);
	core_worker_held_end(world.core, 0, (uint8_t[WORLD_SLOTS]){ 0 });
	world.next_block = 2;
	(void)world_admit("", "b.test");
	world_run();
	ck_assert_uint_eq(world_count(CORE_LEASE), 0);
	ck_assert_int_eq(core_result(world.core, &r), ERR_OK);
	world_run();
	ck_assert_uint_eq(world_count(CORE_LEASE), 2);
	ck_assert_uint_eq(world_act(CORE_LEASE, 0)->conn, 4711);
	world_end();
}
END_TEST

START_TEST(counting_goes_on)
{
	struct part_state s = state_of(1, PART_READY);
	struct core_accounts a;

	begin();
	ck_assert_int_eq(core_restore(world.core, &s), ERR_OK);
	ck_assert(!core_restore_end(world.core, 1000, 77));
	a = world_accounts();
	ck_assert_uint_eq(a.admitted, 1001);
	ck_assert_uint_eq(a.done, 1000);
	ck_assert_uint_eq(a.last_lease, 77);
	ck_assert(core_audit(world.core));
	ck_assert_int_eq(core_restore(world.core, &s), ERR_RANGE);
	world_end();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { a_restart_changes_no_due_time_and_no_count,
		a_wait_is_at_most_the_longest_interval,
		a_part_past_its_life_gets_an_attempt_first,
		the_later_entry_wins_and_again_is_as_once,
		a_record_known_by_an_end_alone_stays_unknown,
		done_bits_end_what_is_live, what_is_no_state_is_refused,
		a_filled_slot_is_a_lease,
		a_slot_that_its_worker_does_not_hold_is_taken_back,
		a_slot_whose_result_is_in_the_ledger_is_cleared,
		a_lease_waits_for_its_record_to_be_admitted,
		a_doubt_waits_for_its_record_to_be_admitted,
		an_adopted_connection_waits_for_what_it_may_hold,
		counting_goes_on };

	return world_main("restore", tests, COUNT_OF(tests));
}
