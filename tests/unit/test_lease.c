/* SPDX-License-Identifier: BSD-2-Clause */
/* test_lease: given, overdue, taken back (Q5, Q13). */
#include "qmgr/core/core_int.h"

#include <check.h>

#include "tests/lib/world.h"

static uint8_t phases[WORLD_SLOTS];

/* The worker dies with all it holds in phase, and comes back. */
static void
die(enum slot_phase phase)
{
	memset(phases, phase, sizeof(phases));
	core_worker_down(world.core, 0, phases);
	world_run();
	world_worker(0);
	world_run();
}

START_TEST(numbers_are_never_given_twice)
{
	uint64_t last = 0;

	world_start();
	for (int i = 0; i < 50; i++)
		(void)world_admit("", "a.test");
	world_run();
	for (uint32_t i = 0; i < 50; i++) {
		ck_assert_uint_gt(world_act(CORE_LEASE, i)->part.lease, last);
		last = world_act(CORE_LEASE, i)->part.lease;
		world_tell(world_act(CORE_LEASE, i), VERDICT_DELIVERED);
		world_run();
	}
	ck_assert_uint_eq(world_accounts().last_lease, last);
	world_end();
}
END_TEST

START_TEST(silence_ends_the_worker_and_not_the_lease)
{
	struct qid qid;

	world_start();
	qid = world_admit("", "a.test");
	world_run();
	/* Two attempts of 10 min may stand before it, and a minute. */
	world_pass(2 * 600000 + 60000 - 1000);
	ck_assert_uint_eq(world_count(CORE_KILL_WORKER), 0);
	world_pass(1000);
	ck_assert_uint_eq(world_count(CORE_KILL_WORKER), 1);
	ck_assert_uint_eq(world_state(&qid).state, PART_LEASED);
	die(SLOT_TRANSACTION);
	ck_assert_uint_eq(world_state(&qid).deaths, 1);
	world_end();
}
END_TEST

START_TEST(time_that_was_lost_kills_nobody)
{
	struct qid qid;

	world_start();
	qid = world_admit("", "a.test");
	world_run();
	world.now_ms += 8 * 3600000;
	core_turn(world.core, world.now_ms, world.wall_ms);
	world_run();
	ck_assert_uint_eq(world_count(CORE_KILL_WORKER), 0);
	ck_assert_uint_eq(world_state(&qid).state, PART_LEASED);
	world_tell(world_act(CORE_LEASE, 0), VERDICT_DELIVERED);
	world_end();
}
END_TEST

START_TEST(the_first_death_is_tried_again_at_once)
{
	struct qid qid;

	world_start();
	qid = world_admit("", "a.test");
	world_run();
	die(SLOT_TRANSACTION);
	ck_assert_uint_eq(world_count(CORE_LEASE), 2);
	ck_assert_uint_eq(world_state(&qid).deaths, 1);
	ck_assert_uint_eq(
	    world_act(CORE_REMEMBER, 0)->part.cause, CAUSE_WORKER_DIED);
	ck_assert_uint_eq(world_state(&qid).tries, 0);
	world_end();
}
END_TEST

START_TEST(the_fifth_death_holds_with_an_alarm)
{
	struct qid qid;

	world_start();
	qid = world_admit("", "a.test");
	world_run();
	for (uint32_t deaths = 1; deaths <= 5; deaths++) {
		ck_assert_uint_eq(world_count(CORE_LEASE), deaths);
		die(SLOT_TRANSACTION);
		ck_assert_uint_eq(world_state(&qid).deaths, deaths);
		if (deaths > 1 && deaths < 5)
			ck_assert_uint_eq(
			    world_state(&qid).state, PART_WAITING);
		world_pass(world_state(&qid).state == PART_WAITING
		        ? world_why(&qid).next_ms
		        : 0);
	}
	ck_assert_uint_eq(world_state(&qid).state, PART_HELD);
	ck_assert_uint_eq(world_state(&qid).cause, CAUSE_DEATHS);
	ck_assert_uint_eq(world_count(CORE_NOTE), 1);
	WORLD_STR_EQ(world_why(&qid).limit.name, "held");
	/* It waits for a person, and reminds once a day. */
	world_pass(2 * PART_HELD_REMIND_MS);
	ck_assert_uint_eq(world_count(CORE_LEASE), 5);
	ck_assert_uint_eq(world_count(CORE_NOTE), 3);
	world_end();
}
END_TEST

START_TEST(a_death_after_the_dot_is_marked)
{
	struct qid qid;

	world_start();
	qid = world_admit("", "a.test");
	world_run();
	die(SLOT_DOT_SENT);
	ck_assert_uint_eq(world_count(CORE_NOTE), 1);
	ck_assert_uint_eq(
	    world_act(CORE_REMEMBER, 0)->part.cause, CAUSE_POSSIBLY_DELIVERED);
	ck_assert_uint_eq(world_act(CORE_REMEMBER, 0)->freed.lease,
	    world_act(CORE_LEASE, 0)->part.lease);
	ck_assert_uint_eq(world_count(CORE_LEASE), 2);
	ck_assert_uint_eq(world_state(&qid).deaths, 1);
	world_end();
}
END_TEST

START_TEST(a_death_after_the_dot_is_held_if_its_queue_says_so)
{
	struct qid qid;

	world_start();
	world.queue_policy.on_doubt = ON_DOUBT_HOLD;
	qid = world_admit("", "a.test");
	world_run();
	die(SLOT_ANSWERED);
	ck_assert_uint_eq(world_state(&qid).state, PART_HELD);
	ck_assert_uint_eq(world_state(&qid).cause, CAUSE_POSSIBLY_DELIVERED);
	ck_assert_uint_eq(world_state(&qid).deaths, 1);
	ck_assert_uint_eq(world_act(CORE_REMEMBER, 0)->freed.lease,
	    world_act(CORE_LEASE, 0)->part.lease);
	/* First what happened, then that it is held. */
	ck_assert_uint_eq(world_count(CORE_NOTE), 2);
	ck_assert_uint_ne(world_act(CORE_NOTE, 0)->part.state, PART_HELD);
	ck_assert_uint_eq(world_act(CORE_NOTE, 1)->part.state, PART_HELD);
	world_pass(2 * 86400000);
	ck_assert_uint_eq(world_count(CORE_LEASE), 1);
	world_end();
}
END_TEST

START_TEST(a_death_after_the_dot_bounces_if_its_queue_says_so)
{
	struct qid qid;

	world_start();
	world.queue_policy.on_doubt = ON_DOUBT_BOUNCE;
	qid = world_admit("", "a.test");
	world_run();
	die(SLOT_DOT_SENT);
	ck_assert_uint_eq(world_count(CORE_NOTE), 1);
	ck_assert(str_starts(world_act(CORE_REMEMBER, 0)->text, STR("5.4.2 ")));
	ck_assert_uint_eq(world_count(CORE_LEASE), 2);
	ck_assert_uint_eq(world_act(CORE_LEASE, 1)->notice, NOTICE_FINAL);
	ck_assert(str_starts(world_act(CORE_LEASE, 1)->text, STR("5.4.2 ")));
	ck_assert_uint_eq(world_state(&qid).cause, CAUSE_POSSIBLY_DELIVERED);
	/* Its worker dies at the notice, which stays owed: no delivery. */
	die(SLOT_DOT_SENT);
	ck_assert_uint_eq(world_count(CORE_NOTE), 2);
	ck_assert_uint_eq(world_accounts().owed, 1);
	world_end();
}
END_TEST

START_TEST(a_death_before_the_dot_is_no_doubt)
{
	struct qid qid;

	world_start();
	world.queue_policy.on_doubt = ON_DOUBT_BOUNCE;
	qid = world_admit("", "a.test");
	world_run();
	die(SLOT_TRANSACTION);
	ck_assert_uint_eq(world_count(CORE_NOTE), 0);
	ck_assert_uint_eq(world_count(CORE_LEASE), 2);
	ck_assert_uint_eq(world_state(&qid).state, PART_LEASED);
	world_end();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { numbers_are_never_given_twice,
		silence_ends_the_worker_and_not_the_lease,
		time_that_was_lost_kills_nobody,
		the_first_death_is_tried_again_at_once,
		the_fifth_death_holds_with_an_alarm,
		a_death_after_the_dot_is_marked,
		a_death_after_the_dot_is_held_if_its_queue_says_so,
		a_death_after_the_dot_bounces_if_its_queue_says_so,
		a_death_before_the_dot_is_no_doubt };

	return world_main("lease", tests, COUNT_OF(tests));
}
