/* SPDX-License-Identifier: BSD-2-Clause */
/* test_inspect: accounts, places, reasons. */
#include "qmgr/core/core_int.h"

#include <check.h>

#include "tests/lib/world.h"

START_TEST(accounts_count_each_part_once)
{
	struct core_accounts a;

	world_start();
	world.connections = 1;
	for (int i = 0; i < 10; i++)
		(void)world_admit("", "a.test");
	world_run();
	world_tell(world_act(CORE_LEASE, 0), VERDICT_DELIVERED);
	world_tell(world_act(CORE_LEASE, 1), VERDICT_DEFERRED);
	world_run();
	world_tell(world_act(CORE_LEASE, 2), VERDICT_BOUNCED);
	world_run();
	a = world_accounts();
	ck_assert_uint_eq(a.admitted, 10);
	ck_assert_uint_eq(a.done, 1);
	/* The notice is being given. */
	ck_assert_uint_eq(a.waiting, 1);
	ck_assert_uint_eq(a.leased, 3);
	ck_assert_uint_eq(a.ready, 5);
	ck_assert_uint_eq(a.held, 0);
	ck_assert_uint_eq(a.owed, 1);
	ck_assert_uint_eq(a.messages, 9);
	ck_assert_uint_eq(a.segments, 1);
	ck_assert(core_audit(world.core));
	world.core->admitted++;
	ck_assert(!core_audit(world.core));
	world.core->admitted--;
	world_end();
}
END_TEST

START_TEST(a_place_is_counted_within_the_queue)
{
	struct qid qid[5];

	world_start();
	world.routes = false;
	for (int i = 0; i < 5; i++)
		qid[i] = world_admit("", "a.test");
	(void)world_admit("", "b.test");
	world_run();
	for (uint32_t i = 0; i < 5; i++) {
		ck_assert_uint_eq(world_why(&qid[i]).place, i + 1);
		ck_assert(!world_why(&qid[i]).is_place_least);
		ck_assert_int_eq(world_why(&qid[i]).worker, -1);
	}
	world_end();
}
END_TEST

START_TEST(the_limit_that_binds_is_named)
{
	struct qid first, last;

	world_start();
	world.connections = 1;
	first = world_admit("", "a.test");
	for (int i = 0; i < 5; i++)
		last = world_admit("", "a.test");
	world_run();
	WORLD_STR_EQ(world_why(&last).limit.name, "connections");
	WORLD_STR_EQ(world_why(&last).limit.value, "4");
	WORLD_STR_EQ(world_why(&last).limit.from, "test.conf:1");
	ck_assert_uint_eq(world_why(&first).limit.name.len, 0);
	ck_assert_int_eq(world_why(&first).worker, 0);
	ck_assert_uint_eq(world_why(&first).place, 0);
	world_tell(world_act(CORE_LEASE, 0), VERDICT_DEFERRED);
	world_run();
	WORLD_STR_EQ(world_why(&first).limit.name, "retry");
	WORLD_STR_EQ(world_why(&first).limit.value, "450");
	ck_assert_int_eq(world_why(&first).next_ms, 60000);
	world_end();
}
END_TEST

START_TEST(a_part_that_is_gone_is_not_found)
{
	struct core_why why;
	struct part_state state;
	struct qid qid;
	uint32_t part;

	world_start();
	qid = world_admit("", "a.test");
	part = core_find(world.core, &qid, 0);
	world_run();
	world_tell(world_act(CORE_LEASE, 0), VERDICT_DELIVERED);
	ck_assert_uint_eq(core_find(world.core, &qid, 0), 0);
	ck_assert_uint_eq(core_find(world.core, &qid, part), 0);
	ck_assert(!core_part_get(world.core, part, &state));
	ck_assert(!core_why(world.core, part, &why));
	world_end();
}
END_TEST

START_TEST(rows_tell_of_each_queue)
{
	struct core_queue_row row;
	uint32_t cursor;

	world_start();
	world.connections = 1;
	for (int i = 0; i < 4; i++)
		(void)world_admit("acme", "a.test");
	world_pass(7000);
	cursor = core_queue_next(world.core, 0, &row);
	ck_assert_uint_ne(cursor, 0);
	WORLD_STR_EQ(row.key.tenant, "acme");
	WORLD_STR_EQ(row.provider, "relay");
	ck_assert_uint_eq(row.ready, 2);
	ck_assert_uint_eq(row.leased, 2);
	ck_assert_int_ge(row.oldest_ms, 6000);
	ck_assert_int_le(row.oldest_ms, 7000);
	WORLD_STR_EQ(row.limit.name, "connections");
	ck_assert_uint_eq(core_queue_next(world.core, cursor, &row), 0);
	world_end();
}
END_TEST

START_TEST(a_row_of_waiting_parts_tells_the_next_try)
{
	struct core_queue_row row;

	world_start();
	(void)world_admit("", "a.test");
	(void)world_admit("", "a.test");
	world_run();
	world_tell(world_act(CORE_LEASE, 0), VERDICT_DEFERRED);
	world_pass(10000);
	world_tell(world_act(CORE_LEASE, 1), VERDICT_DEFERRED);
	world_run();
	ck_assert_uint_ne(core_queue_next(world.core, 0, &row), 0);
	ck_assert_int_eq(row.next_ms, 50000);
	WORLD_STR_EQ(row.limit.name, "retry");
	world_end();
}
END_TEST

START_TEST(a_walk_sees_each_part_once)
{
	uint32_t n = 0;

	world_start();
	world.routes = false;
	for (int i = 0; i < 1000; i++)
		(void)world_admit("", "a.test");
	for (uint32_t p = 0; (p = core_part_next(world.core, p)) != 0;)
		n++;
	ck_assert_uint_eq(n, 1000);
	world_end();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { accounts_count_each_part_once,
		a_place_is_counted_within_the_queue,
		the_limit_that_binds_is_named, a_part_that_is_gone_is_not_found,
		rows_tell_of_each_queue,
		a_row_of_waiting_parts_tells_the_next_try,
		a_walk_sees_each_part_once };

	return world_main("inspect", tests, COUNT_OF(tests));
}
