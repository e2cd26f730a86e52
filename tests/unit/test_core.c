/* SPDX-License-Identifier: BSD-2-Clause */
/* test_core: begin and end, time, actions. */
#include "qmgr/core/core_int.h"

#include <check.h>

#include "tests/lib/world.h"

START_TEST(a_message_goes_out)
{
	struct qid qid;

	world_start();
	qid = world_admit("", "example.org");
	ck_assert_uint_eq(world_accounts().ready, 1);
	world_run();
	ck_assert_uint_eq(world_count(CORE_ROUTE_ASK), 1);
	ck_assert_uint_eq(world_count(CORE_GRANT_ASK), 1);
	ck_assert_uint_eq(world_count(CORE_OPEN), 1);
	WORLD_STR_EQ(world_act(CORE_OPEN, 0)->hosts, "hosts");
	ck_assert_uint_eq(world_count(CORE_LEASE), 1);
	ck_assert_int_eq(qid_cmp(&qid, &world_act(CORE_LEASE, 0)->part.qid), 0);
	world_tell(world_act(CORE_LEASE, 0), VERDICT_DELIVERED);
	world_run();
	ck_assert_uint_eq(world_act(CORE_REMEMBER, 0)->part.state, PART_DONE);
	ck_assert_uint_eq(world_accounts().done, 1);
	ck_assert_int_eq(
	    core_record_state(world.core, WORLD_SEGMENT, 1), CORE_RECORD_DONE);
	world_end();
}
END_TEST

START_TEST(the_end_gives_all_memory_back)
{
	world_start();
	for (int i = 0; i < 100; i++)
		(void)world_admit("acme", i % 2 == 0 ? "a.test" : "b.test");
	world_run();
	/* core_free() counts, and aborts over a byte that is left. */
	world_end();
	ck_assert_ptr_null(world.core);
	core_free(&world.core);
}
END_TEST

START_TEST(time_does_not_go_back)
{
	world_start();
	core_turn(world.core, world.now_ms - 500000, world.wall_ms);
	ck_assert_int_eq(world.core->now_ms, world.now_ms);
	ck_assert_int_eq(world.core->lost_ms, 0);
	world_end();
}
END_TEST

START_TEST(a_turn_that_comes_late_is_time_lost)
{
	world_start();
	core_turn(world.core, world.now_ms + 3000, world.wall_ms);
	ck_assert_int_eq(world.core->lost_ms, 0);
	core_turn(world.core, world.now_ms + 3000 + 3001, world.wall_ms);
	ck_assert_int_eq(world.core->lost_ms, 3001);
	world_end();
}
END_TEST

START_TEST(the_next_tick_is_at_most_a_second_away)
{
	world_start();
	ck_assert_int_le(core_next_ms(world.core), world.now_ms + 1000);
	ck_assert_int_gt(core_next_ms(world.core), world.now_ms);
	core_shaper_stale(world.core);
	ck_assert_int_eq(core_next_ms(world.core), world.now_ms);
	world_end();
}
END_TEST

START_TEST(a_pause_stops_leases_and_says_why)
{
	struct qid qid;

	world_start();
	core_pause_leases(world.core, STR("ledger"));
	qid = world_admit("", "example.org");
	world_run();
	ck_assert_uint_eq(world_count(CORE_LEASE), 0);
	WORLD_STR_EQ(world_why(&qid).limit.name, "pause");
	WORLD_STR_EQ(world_why(&qid).limit.cause, "ledger");
	core_pause_leases(world.core, STR(""));
	world_run();
	ck_assert_uint_eq(world_count(CORE_LEASE), 1);
	world_end();
}
END_TEST

START_TEST(a_reload_asks_for_policies_again)
{
	struct qid qid;

	world_start();
	qid = world_admit("", "example.org");
	world_run();
	world.queue_policy.backoff.base_ms = 7000;
	core_reload(world.core);
	world_tell(world_act(CORE_LEASE, 0), VERDICT_DEFERRED);
	world_run();
	ck_assert_int_eq(world_state(&qid).due_ms, world.wall_ms + 7000);
	world_end();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { a_message_goes_out,
		the_end_gives_all_memory_back, time_does_not_go_back,
		a_turn_that_comes_late_is_time_lost,
		the_next_tick_is_at_most_a_second_away,
		a_pause_stops_leases_and_says_why,
		a_reload_asks_for_policies_again };

	return world_main("core", tests, COUNT_OF(tests));
}
