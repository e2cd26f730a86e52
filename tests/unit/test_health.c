/* SPDX-License-Identifier: BSD-2-Clause */
/* test_health: throttles, outages, probes (Q9). */
#include "qmgr/core/core_int.h"

#include <check.h>

#include "tests/lib/world.h"

static struct site *
site(void)
{
	return site_find(world.core, STR("default"), STR("relay"));
}

static uint32_t
opens(void)
{
	return world_count(CORE_OPEN);
}

static void
begin(int parts, uint32_t connections)
{
	world_start();
	world.opens = false;
	world.connections = connections;
	for (int i = 0; i < parts; i++)
		(void)world_admit("", "a.test");
	world_run();
}

static void
up(uint32_t n)
{
	const struct core_action *a = world_act(CORE_OPEN, n);

	ck_assert_int_eq(core_conn_up(world.core, a->worker, a->conn), ERR_OK);
}

static void
down(uint32_t n, enum conn_why why)
{
	world_down(world_act(CORE_OPEN, n), why);
	world_run();
}

/* The failure that this project exists for. */
START_TEST(a_421_at_the_nth_connection_makes_no_storm)
{
	begin(1000, 8);
	ck_assert_uint_eq(opens(), 8);
	for (uint32_t i = 0; i < 6; i++)
		up(i);
	world_run();
	for (uint32_t i = 6; i < 8; i++)
		down(i, CONN_THROTTLED);
	ck_assert_uint_eq(opens(), 8);
	ck_assert_uint_eq(site()->cut, 6);
	ck_assert_uint_eq(world_count(CORE_FEEDBACK), 2);
	ck_assert_uint_eq(world_act(CORE_FEEDBACK, 0)->connections, 6);
	/* No message was touched, and the six go on. */
	ck_assert_uint_eq(world_count(CORE_REMEMBER), 0);
	ck_assert_uint_eq(world_accounts().leased, 12);
	world_tell(world_act(CORE_LEASE, 0), VERDICT_DELIVERED);
	world_run();
	ck_assert_uint_eq(world_accounts().leased, 12);
	/* One more is tried after a minute. */
	world_pass(59000);
	ck_assert_uint_eq(opens(), 8);
	world_pass(1000);
	ck_assert_uint_eq(opens(), 9);
	world_end();
}
END_TEST

/* A host that is sick is not met by all that it may have. */
START_TEST(twice_as_many_are_opened_as_are_up)
{
	begin(1000, 20);
	ck_assert_uint_eq(opens(), 8);
	for (uint32_t i = 0; i < 4; i++)
		up(i);
	world_run();
	ck_assert_uint_eq(opens(), 16);
	for (uint32_t i = 4; i < 16; i++)
		up(i);
	world_run();
	ck_assert_uint_eq(opens(), 20);
	world_end();
}
END_TEST

START_TEST(a_cut_grows_back_to_the_grant)
{
	begin(100, 3);
	up(0);
	up(1);
	world_run();
	down(2, CONN_REFUSED);
	ck_assert_uint_eq(site()->cut, 2);
	ck_assert_int_eq(site()->down_ms, 0);
	world_pass(60000);
	ck_assert_uint_eq(site()->cut, UINT32_MAX);
	ck_assert_uint_eq(opens(), 4);
	world_end();
}
END_TEST

/* All of them are told 421, one after the other, and new ones too. */
START_TEST(a_site_that_throttles_all_is_probed_and_reopens_as_it_was)
{
	struct qid qid;

	begin(1000, 4);
	qid = world_admit("", "a.test");
	for (uint32_t i = 0; i < 4; i++)
		up(i);
	world_run();
	world_tell(world_act(CORE_LEASE, 0), VERDICT_DELIVERED);
	world_run();
	for (uint32_t i = 0; i < 4; i++)
		down(i, CONN_THROTTLED);
	ck_assert_int_eq(site()->down_ms, world.now_ms);
	WORLD_STR_EQ(world_why(&qid).limit.name, "throttled");
	for (uint32_t i = 4; i < 30; i++) {
		ck_assert_uint_eq(opens(), i);
		world_pass(1000);
		ck_assert_uint_eq(opens(), i + 1);
		down(i, CONN_THROTTLED);
	}
	world_pass(1000);
	/* The first that passes opens it again, for all four. */
	up(30);
	world_run();
	world_tell(world_act(CORE_LEASE, world_count(CORE_LEASE) - 1),
	    VERDICT_DELIVERED);
	world_run();
	ck_assert_int_eq(site()->down_ms, 0);
	ck_assert_uint_eq(opens(), 34);
	world_end();
}
END_TEST

START_TEST(transactions_that_are_throttled_pause_twice_as_long_each_time)
{
	static const int64_t waits_ms[] = { 1000, 2000, 4000, 8000 };
	struct core_result r;

	begin(100, 1);
	up(0);
	world_run();
	for (uint32_t i = 0; i < COUNT_OF(waits_ms); i++) {
		r = world_result(world_act(CORE_LEASE, i), OUTCOME_THROTTLED);
		ck_assert_int_eq(core_result(world.core, &r), ERR_OK);
		world_run();
		ck_assert_int_eq(site()->pause_ms - world.now_ms, waits_ms[i]);
		world_pass(waits_ms[i]);
	}
	world_end();
}
END_TEST

START_TEST(the_wait_that_the_peer_asks_for_is_honoured)
{
	struct core_conn_end end = { .why = CONN_THROTTLED,
		.code = 421,
		.wait_ms = 90000,
		.text = STR("try again in 90 seconds") };

	begin(1, 4);
	end.conn = world_act(CORE_OPEN, 0)->conn;
	ck_assert_int_eq(core_conn_down(world.core, &end), ERR_OK);
	world_pass(89000);
	ck_assert_uint_eq(opens(), 1);
	world_pass(1000);
	ck_assert_uint_eq(opens(), 2);
	world_end();
}
END_TEST

START_TEST(a_site_that_is_down_is_probed_by_one_connection)
{
	struct qid qid;

	begin(100, 4);
	world.site_policy.open_ms = 100000000;
	core_reload(world.core);
	qid = world_admit("", "a.test");
	for (uint32_t i = 0; i < 4; i++)
		down(i, CONN_REFUSED);
	ck_assert_int_eq(site()->down_ms, world.now_ms);
	WORLD_STR_EQ(world_why(&qid).limit.name, "site down");
	WORLD_STR_EQ(world_why(&qid).limit.cause, "421 too many");
	world_pass(1000);
	ck_assert_uint_eq(opens(), 5);
	world_pass(29000);
	ck_assert_uint_eq(opens(), 5);
	/* A thirtieth of 30 s, of 300 s, at most probe_max. */
	down(4, CONN_REFUSED);
	ck_assert_int_eq(site()->probe_ms, world.now_ms + 1000);
	world_pass(270000);
	down(5, CONN_REFUSED);
	ck_assert_int_eq(site()->probe_ms, world.now_ms + 10000);
	world_pass(40000000);
	down(6, CONN_REFUSED);
	ck_assert_int_eq(site()->probe_ms, world.now_ms + 300000);
	world_pass(300000);
	up(7);
	world_run();
	ck_assert_uint_eq(opens(), 8);
	ck_assert_uint_eq(world_count(CORE_LEASE), 2);
	world_tell(world_act(CORE_LEASE, 0), VERDICT_DEFERRED);
	world_run();
	ck_assert_int_eq(site()->down_ms, 0);
	ck_assert_uint_eq(opens(), 11);
	world_end();
}
END_TEST

START_TEST(one_that_breaks_off_before_mail_is_down)
{
	begin(10, 1);
	up(0);
	world_run();
	for (uint32_t i = 0; i < 2; i++) {
		struct core_result r =
		    world_result(world_act(CORE_LEASE, i), OUTCOME_RETURNED);

		ck_assert_int_eq(core_result(world.core, &r), ERR_OK);
	}
	down(0, CONN_LOST);
	ck_assert_int_ne(site()->down_ms, 0);
	ck_assert_uint_eq(opens(), 1);
	ck_assert_uint_eq(world_accounts().ready, 10);
	world_end();
}
END_TEST

START_TEST(a_connection_that_was_used_may_close)
{
	begin(10, 1);
	up(0);
	world_run();
	world_tell(world_act(CORE_LEASE, 0), VERDICT_DELIVERED);
	world_tell(world_act(CORE_LEASE, 1), VERDICT_DELIVERED);
	down(0, CONN_CLOSED);
	ck_assert_uint_eq(opens(), 2);
	ck_assert_uint_eq(world_count(CORE_FEEDBACK), 0);
	world_end();
}
END_TEST

START_TEST(closing_politely_before_any_use_is_a_refusal)
{
	begin(10, 1);
	down(0, CONN_CLOSED);
	ck_assert_int_ne(site()->down_ms, 0);
	ck_assert_uint_eq(opens(), 1);
	world_end();
}
END_TEST

START_TEST(a_retry_of_all_forgets_the_outage)
{
	const struct order_match all = { .tenant = { NULL, 0 } };

	begin(10, 1);
	for (int i = 0; i < 40; i++) {
		down((uint32_t)i, CONN_REFUSED);
		world_pass(site()->probe_ms - world.now_ms);
	}
	down(40, CONN_REFUSED);
	ck_assert_int_gt(site()->probe_ms, world.now_ms);
	(void)world_order(ORDER_RETRY, &all);
	world_run();
	ck_assert_int_eq(site()->down_ms, 0);
	ck_assert_uint_eq(opens(), 42);
	world_end();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { a_421_at_the_nth_connection_makes_no_storm,
		twice_as_many_are_opened_as_are_up,
		a_cut_grows_back_to_the_grant,
		a_site_that_throttles_all_is_probed_and_reopens_as_it_was,
		transactions_that_are_throttled_pause_twice_as_long_each_time,
		the_wait_that_the_peer_asks_for_is_honoured,
		a_site_that_is_down_is_probed_by_one_connection,
		one_that_breaks_off_before_mail_is_down,
		a_connection_that_was_used_may_close,
		closing_politely_before_any_use_is_a_refusal,
		a_retry_of_all_forgets_the_outage };

	return world_main("health", tests, COUNT_OF(tests));
}
