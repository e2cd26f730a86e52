/* SPDX-License-Identifier: BSD-2-Clause */
/* test_conn: opening, filing, closing of connections. */
#include "qmgr/core/core_int.h"

#include <check.h>

#include "tests/lib/world.h"

START_TEST(as_many_are_opened_as_parts_are_worth)
{
	world_start();
	world.opens = false;
	for (int i = 0; i < 5; i++)
		(void)world_admit("", "a.test");
	world_run();
	/* Two leases each: 5 parts are worth 3. */
	ck_assert_uint_eq(world_count(CORE_OPEN), 3);
	for (int i = 0; i < 100; i++)
		(void)world_admit("", "a.test");
	world_run();
	ck_assert_uint_eq(world_count(CORE_OPEN), 4);
	world_end();
}
END_TEST

START_TEST(a_connection_that_hangs_does_not_stop_the_others)
{
	world_start();
	(void)world_admit("", "a.test");
	(void)world_admit("", "a.test");
	world_run();
	ck_assert_uint_eq(world_count(CORE_OPEN), 1);
	ck_assert_uint_eq(world_count(CORE_LEASE), 2);
	(void)world_admit("", "a.test");
	world_run();
	ck_assert_uint_eq(world_count(CORE_OPEN), 2);
	ck_assert_uint_eq(world_count(CORE_LEASE), 3);
	world_end();
}
END_TEST

START_TEST(an_idle_connection_is_used_again_and_then_closed)
{
	world_start();
	(void)world_admit("", "a.test");
	world_run();
	world_tell(world_act(CORE_LEASE, 0), VERDICT_DELIVERED);
	world_pass(4000);
	(void)world_admit("", "b.test");
	world_run();
	ck_assert_uint_eq(world_count(CORE_OPEN), 1);
	ck_assert_uint_eq(world_count(CORE_LEASE), 2);
	world_tell(world_act(CORE_LEASE, 1), VERDICT_DELIVERED);
	world_pass(4000);
	ck_assert_uint_eq(world_count(CORE_CLOSE), 0);
	world_pass(1000);
	ck_assert_uint_eq(world_count(CORE_CLOSE), 1);
	ck_assert_uint_eq(
	    world_act(CORE_CLOSE, 0)->conn, world_act(CORE_OPEN, 0)->conn);
	world_end();
}
END_TEST

START_TEST(a_connection_is_closed_when_its_messages_are_used_up)
{
	world_start();
	world.per_connection = 3;
	world.connections = 1;
	for (int i = 0; i < 10; i++)
		(void)world_admit("", "a.test");
	world_run();
	for (uint32_t i = 0; i < 3; i++) {
		world_tell(world_act(CORE_LEASE, i), VERDICT_DELIVERED);
		world_run();
	}
	ck_assert_uint_eq(world_count(CORE_LEASE), 3 + 2);
	ck_assert_uint_eq(world_count(CORE_CLOSE), 1);
	ck_assert_uint_eq(world_count(CORE_OPEN), 2);
	world_end();
}
END_TEST

START_TEST(opening_has_a_deadline)
{
	world_start();
	world.opens = false;
	(void)world_admit("", "a.test");
	world_run();
	world_pass(119000);
	ck_assert_uint_eq(world_count(CORE_KILL_WORKER), 0);
	world_pass(1000);
	ck_assert_uint_eq(world_count(CORE_KILL_WORKER), 1);
	/* And is asked for again as long as nothing happens. */
	world_pass(60000);
	ck_assert_uint_eq(world_count(CORE_KILL_WORKER), 2);
	world_end();
}
END_TEST

START_TEST(what_is_not_known_is_not_found)
{
	struct core_conn_end end = { .worker = 0, .conn = 99 };
	const struct core_action *open;

	world_start();
	ck_assert_int_eq(core_conn_up(world.core, 0, 99), ERR_NOTFOUND);
	ck_assert_int_eq(core_conn_down(world.core, &end), ERR_NOTFOUND);
	(void)world_admit("", "a.test");
	world_run();
	open = world_act(CORE_OPEN, 0);
	/* Another worker's connection is not this one's. */
	ck_assert_int_eq(core_conn_up(world.core, 1, open->conn), ERR_NOTFOUND);
	ck_assert_int_eq(core_conn_up(world.core, 0, open->conn), ERR_OK);
	world_end();
}
END_TEST

START_TEST(a_smaller_grant_closes_idle_connections)
{
	world_start();
	for (int i = 0; i < 8; i++)
		(void)world_admit("", "a.test");
	world_run();
	for (uint32_t i = 0; i < 8; i++)
		world_tell(world_act(CORE_LEASE, i), VERDICT_DELIVERED);
	world.connections = 1;
	world_grant(STR("relay"), UINT32_MAX, 0);
	world_run();
	ck_assert_uint_eq(world_count(CORE_CLOSE), 3);
	world_end();
}
END_TEST

START_TEST(an_adopted_connection_is_as_good_as_another)
{
	world_start();
	ck_assert_int_eq(
	    core_conn_adopt(world.core, 0, 4711, STR("default"), STR("relay")),
	    ERR_OK);
	ck_assert_int_eq(
	    core_conn_adopt(world.core, 0, 4711, STR("default"), STR("relay")),
	    ERR_EXISTS);
	ck_assert_int_eq(
	    core_conn_adopt(world.core, 0, 0, STR("default"), STR("relay")),
	    ERR_RANGE);
	ck_assert_int_eq(
	    core_conn_adopt(world.core, 9, 4712, STR("default"), STR("relay")),
	    ERR_RANGE);
	(void)world_admit("", "a.test");
	world_run();
	ck_assert_uint_eq(world_count(CORE_OPEN), 0);
	ck_assert_uint_eq(world_act(CORE_LEASE, 0)->conn, 4711);
	world_end();
}
END_TEST

START_TEST(no_number_is_given_twice_while_it_lives)
{
	world_start();
	ck_assert_int_eq(
	    core_conn_adopt(world.core, 0, 1, STR("default"), STR("other")),
	    ERR_OK);
	ck_assert_int_eq(
	    core_conn_adopt(world.core, 0, 2, STR("default"), STR("other")),
	    ERR_OK);
	(void)world_admit("", "a.test");
	world_run();
	ck_assert_uint_eq(world_act(CORE_OPEN, 0)->conn, 3);
	world_end();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { as_many_are_opened_as_parts_are_worth,
		a_connection_that_hangs_does_not_stop_the_others,
		an_idle_connection_is_used_again_and_then_closed,
		a_connection_is_closed_when_its_messages_are_used_up,
		opening_has_a_deadline, what_is_not_known_is_not_found,
		a_smaller_grant_closes_idle_connections,
		an_adopted_connection_is_as_good_as_another,
		no_number_is_given_twice_while_it_lives };

	return world_main("conn", tests, COUNT_OF(tests));
}
