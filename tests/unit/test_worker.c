/* SPDX-License-Identifier: BSD-2-Clause */
/* test_worker: there and gone (Q5). */
#include "qmgr/core/core_int.h"

#include <check.h>

#include "tests/lib/world.h"

static uint8_t phases[WORLD_SLOTS];

START_TEST(without_a_worker_the_reason_is_named)
{
	struct qid qid;

	world_start();
	core_worker_down(world.core, 0, phases);
	qid = world_admit("", "a.test");
	world_run();
	ck_assert_uint_eq(world_count(CORE_OPEN), 0);
	WORLD_STR_EQ(world_why(&qid).limit.name, "worker");
	world_worker(0);
	world_run();
	ck_assert_uint_eq(world_count(CORE_LEASE), 1);
	world_end();
}
END_TEST

START_TEST(connections_go_to_the_least_loaded)
{
	uint32_t n[2] = { 0 };

	world_start();
	ck_assert_int_eq(core_worker_add(world.core, 1, WORLD_SLOTS), ERR_OK);
	ck_assert_int_eq(
	    core_worker_add(world.core, 1, WORLD_SLOTS), ERR_EXISTS);
	world_worker(1);
	world.connections = 10;
	for (int i = 0; i < 20; i++)
		(void)world_admit("", "a.test");
	world_run();
	for (uint32_t i = 0; i < 10; i++)
		n[world_act(CORE_OPEN, i)->worker]++;
	ck_assert_uint_eq(n[0], 5);
	ck_assert_uint_eq(n[1], 5);
	world_end();
}
END_TEST

START_TEST(a_worker_gets_no_work_before_it_has_told_all)
{
	world_start();
	core_worker_down(world.core, 0, phases);
	world_run();
	core_worker_up(world.core, 0);
	(void)world_admit("", "a.test");
	world_run();
	ck_assert_uint_eq(world_count(CORE_OPEN), 0);
	core_worker_held_end(world.core, 0, phases);
	world_run();
	ck_assert_uint_eq(world_count(CORE_OPEN), 1);
	world_end();
}
END_TEST

START_TEST(what_a_dead_worker_held_is_ready_again)
{
	world_start();
	for (int i = 0; i < 8; i++)
		(void)world_admit("", "a.test");
	world_run();
	ck_assert_uint_eq(world_accounts().leased, 8);
	memset(phases, SLOT_LEASED, sizeof(phases));
	core_worker_down(world.core, 0, phases);
	world_run();
	ck_assert_uint_eq(world_accounts().ready, 8);
	ck_assert_uint_eq(world_accounts().conns, 0);
	ck_assert_uint_eq(world_count(CORE_CLEAR), 8);
	/* Nothing has happened that a restart would have to know. */
	ck_assert_uint_eq(world_count(CORE_REMEMBER), 0);
	world_end();
}
END_TEST

START_TEST(a_slot_is_used_again_when_it_is_clear_and_not_before)
{
	world_start();
	world.clears = false;
	world.connections = 1;
	(void)world_admit("", "a.test");
	world_run();
	world_tell(world_act(CORE_LEASE, 0), VERDICT_DELIVERED);
	world_run();
	for (uint32_t i = 0; i < WORLD_SLOTS; i++)
		(void)world_admit("", "a.test");
	for (uint32_t i = 1; i < WORLD_SLOTS; i++) {
		world_run();
		ck_assert_uint_ne(world_act(CORE_LEASE, i)->slot,
		    world_act(CORE_LEASE, 0)->slot);
		world_tell(world_act(CORE_LEASE, i), VERDICT_DELIVERED);
	}
	world_run();
	ck_assert_uint_eq(world_count(CORE_LEASE), WORLD_SLOTS);
	ck_assert_uint_eq(world_accounts().ready, 1);
	core_slot_cleared(world.core, 0, world_act(CORE_LEASE, 0)->slot);
	core_slot_cleared(world.core, 0, world_act(CORE_LEASE, 0)->slot);
	core_slot_cleared(world.core, 0, WORLD_SLOTS);
	world_run();
	ck_assert_uint_eq(world_count(CORE_LEASE), WORLD_SLOTS + 1);
	ck_assert_uint_eq(world_act(CORE_LEASE, WORLD_SLOTS)->slot,
	    world_act(CORE_LEASE, 0)->slot);
	world_end();
}
END_TEST

START_TEST(many_leases_are_taken_back_in_slices)
{
	world_start();
	ck_assert_int_eq(core_worker_add(world.core, 1, 1024), ERR_OK);
	core_worker_down(world.core, 0, phases);
	memset(phases, 0, sizeof(phases));
	{
		static uint8_t many[1024];

		core_worker_up(world.core, 1);
		core_worker_held_end(world.core, 1, many);
		world.connections = 500;
		for (int i = 0; i < 1000; i++)
			(void)world_admit("", "a.test");
		world_run();
		ck_assert_uint_eq(world_accounts().leased, 1000);
		memset(many, SLOT_DOT_SENT, sizeof(many));
		core_worker_down(world.core, 1, many);
		world_run();
	}
	ck_assert_uint_eq(world_accounts().ready, 1000);
	ck_assert_uint_eq(world_count(CORE_NOTE), 1000);
	ck_assert_uint_eq(
	    world_act(CORE_REMEMBER, 0)->part.cause, CAUSE_POSSIBLY_DELIVERED);
	world_end();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { without_a_worker_the_reason_is_named,
		connections_go_to_the_least_loaded,
		a_worker_gets_no_work_before_it_has_told_all,
		what_a_dead_worker_held_is_ready_again,
		a_slot_is_used_again_when_it_is_clear_and_not_before,
		many_leases_are_taken_back_in_slices };

	return world_main("worker", tests, COUNT_OF(tests));
}
