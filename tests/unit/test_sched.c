/* SPDX-License-Identifier: BSD-2-Clause */
/* test_sched: what is given out, and how much at once. */
#include "qmgr/core/core_int.h"

#include <check.h>

#include "tests/lib/world.h"

START_TEST(two_leases_ahead_and_no_more)
{
	world_start();
	world.connections = 3;
	for (int i = 0; i < 50; i++)
		(void)world_admit("", "a.test");
	world_run();
	ck_assert_uint_eq(world_count(CORE_OPEN), 3);
	ck_assert_uint_eq(world_count(CORE_LEASE), 6);
	world_end();
}
END_TEST

START_TEST(nothing_before_all_is_restored)
{
	world_begin();
	ck_assert_int_eq(core_worker_add(world.core, 0, WORLD_SLOTS), ERR_OK);
	core_shaper_up(world.core);
	world_worker(0);
	(void)world_admit("", "a.test");
	world_run();
	ck_assert_uint_eq(world.n_acts, 0);
	ck_assert(!core_restore_end(world.core, 0, 0));
	world_run();
	ck_assert_uint_eq(world_count(CORE_LEASE), 1);
	world_end();
}
END_TEST

START_TEST(sites_do_not_wait_for_each_other)
{
	struct qid qid;

	world_start();
	for (int i = 0; i < 50; i++)
		(void)world_admit("", "a.test");
	world_run();
	world_forget();
	world.provider = "other";
	qid = world_admit("", "b.test");
	world_run();
	ck_assert_uint_eq(world_count(CORE_LEASE), 1);
	ck_assert_uint_eq(world_state(&qid).state, PART_LEASED);
	world_end();
}
END_TEST

/* All 500 connections ask for a slot each, in bounded lists of actions. */
START_TEST(a_slice_leaves_room_for_actions)
{
	world_start();
	world.connections = 30;
	for (int i = 0; i < 10000; i++)
		(void)world_admit("", "a.test");
	while (core_tick(world.core))
		(void)world_fetch();
	(void)world_fetch();
	while (core_schedule(world.core)) {
		ck_assert_uint_le(world.core->n_actions, CORE_ACTIONS_MAX);
		(void)world_fetch();
	}
	world_run();
	ck_assert_uint_eq(world_count(CORE_LEASE), 60);
	world_end();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { two_leases_ahead_and_no_more,
		nothing_before_all_is_restored,
		sites_do_not_wait_for_each_other,
		a_slice_leaves_room_for_actions };

	return world_main("sched", tests, COUNT_OF(tests));
}
