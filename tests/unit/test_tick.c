/* SPDX-License-Identifier: BSD-2-Clause */
/* test_tick: deadlines, in slices (Q2, Q3). */
#include "qmgr/core/core_int.h"

#include <check.h>

#include "tests/lib/world.h"

START_TEST(what_is_due_is_done_in_slices)
{
	uint32_t calls = 0;

	world_start();
	world.routes = false;
	for (int i = 0; i < 5000; i++)
		(void)world_admit("", "a.test");
	world.now_ms += 86400000 + PART_LAST_TRY_MS + 1000;
	core_turn(world.core, world.now_ms, world.wall_ms);
	while (core_tick(world.core)) {
		ck_assert_uint_le(world.core->n_actions, CORE_ACTIONS_MAX);
		(void)world_fetch();
		calls++;
	}
	ck_assert_uint_ge(calls, 5000 / CORE_ACTIONS_MAX);
	ck_assert_uint_eq(world_accounts().owed, 5000);
	world_end();
}
END_TEST

START_TEST(a_late_turn_costs_no_part_its_last_try)
{
	struct qid qid;

	world_start();
	world.queue_policy.backoff.life_ms = 100000;
	qid = world_admit("", "a.test");
	world_run();
	world_tell(world_act(CORE_LEASE, 0), VERDICT_DEFERRED);
	world_run();
	ck_assert_int_eq(world_why(&qid).next_ms, 60000);
	/* The machine sleeps over the end of life. */
	world.now_ms += 8 * 3600000;
	core_turn(world.core, world.now_ms, world.wall_ms);
	world_run();
	ck_assert_uint_eq(world_count(CORE_LEASE), 2);
	world_tell(world_act(CORE_LEASE, 1), VERDICT_DEFERRED);
	ck_assert_uint_eq(world_state(&qid).cause, CAUSE_EXPIRED);
	world_end();
}
END_TEST

START_TEST(a_jump_of_the_wall_clock_moves_nothing)
{
	struct qid qid;

	world_start();
	qid = world_admit("", "a.test");
	world_run();
	world_tell(world_act(CORE_LEASE, 0), VERDICT_DEFERRED);
	world_run();
	world.wall_ms += INT64_C(1000) * 86400000;
	world_pass(59000);
	ck_assert_uint_eq(world_count(CORE_LEASE), 1);
	world.wall_ms -= INT64_C(2000) * 86400000;
	world_pass(1000);
	ck_assert_uint_eq(world_count(CORE_LEASE), 2);
	world_tell(world_act(CORE_LEASE, 1), VERDICT_DEFERRED);
	world_run();
	ck_assert_int_eq(world_why(&qid).next_ms, 120000);
	world_end();
}
END_TEST

START_TEST(the_sweep_finds_a_site_that_nobody_marked)
{
	world_start();
	world.connections = 1;
	for (int i = 0; i < 10; i++)
		(void)world_admit("", "a.test");
	world_run();
	world_tell(world_act(CORE_LEASE, 0), VERDICT_DELIVERED);
	/* As if the mark had been lost. */
	site_unmark(
	    world.core, site_find(world.core, STR("default"), STR("relay")));
	(void)core_schedule(world.core);
	ck_assert_uint_eq(world_count(CORE_LEASE), 2);
	world_pass(1000);
	ck_assert_uint_eq(world_count(CORE_LEASE), 3);
	world_end();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { what_is_due_is_done_in_slices,
		a_late_turn_costs_no_part_its_last_try,
		a_jump_of_the_wall_clock_moves_nothing,
		the_sweep_finds_a_site_that_nobody_marked };

	return world_main("tick", tests, COUNT_OF(tests));
}
