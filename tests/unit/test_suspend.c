/* SPDX-License-Identifier: BSD-2-Clause */
/* test_suspend: queues that deliver nothing, and say so. */
#include "qmgr/core/core_int.h"

#include <check.h>

#include "tests/lib/world.h"

#define HOUR_MS INT64_C(3600000)

static uint64_t
suspend(const char *tenant, int64_t for_ms)
{
	struct order order = { .kind = ORDER_SUSPEND,
		.uid = 7,
		.match = { .tenant = str_from_c(tenant) },
		.by = STR("alice"),
		.why = STR("too many complaints") };
	uint64_t number;

	if (for_ms > 0)
		order.until_ms = world.wall_ms + for_ms;
	ck_assert_int_eq(core_order(world.core, &order, &number), ERR_OK);
	world_run();
	return number;
}

static struct core_queue_row
row_of(const char *tenant)
{
	struct core_queue_row row;
	uint32_t cursor = 0;

	while ((cursor = core_queue_next(world.core, cursor, &row)) != 0)
		if (str_eq(row.key.tenant, str_from_c(tenant)))
			return row;
	ck_abort_msg("no such queue");
}

START_TEST(a_suspended_queue_delivers_nothing_and_says_so)
{
	struct core_why why;
	struct qid qid, other;

	world_start();
	ck_assert_uint_eq(suspend("acme", HOUR_MS), 1);
	qid = world_admit("acme", "a.test");
	other = world_admit("beta", "a.test");
	world_run();
	ck_assert_uint_eq(world_state(&qid).state, PART_READY);
	ck_assert_uint_eq(world_state(&other).state, PART_LEASED);
	why = world_why(&qid);
	WORLD_STR_EQ(why.limit.name, "suspended");
	WORLD_STR_EQ(why.limit.from, "order 1 of uid 7");
	WORLD_STR_EQ(why.limit.cause, "too many complaints");
	WORLD_STR_EQ(
	    why.limit.value, "by alice until 2023-11-14T23:13:20.000Z");
	ck_assert_int_eq(why.next_ms, HOUR_MS);
	WORLD_STR_EQ(row_of("acme").limit.name, "suspended");
	/* It does not even ask for a route. */
	ck_assert_uint_eq(world_count(CORE_ROUTE_ASK), 1);
	world_end();
}
END_TEST

START_TEST(it_ends_by_itself)
{
	struct qid qid;

	world_start();
	(void)suspend("acme", HOUR_MS);
	qid = world_admit("acme", "a.test");
	world_pass(HOUR_MS - 1);
	ck_assert_uint_eq(world_state(&qid).state, PART_READY);
	world_forget();
	world_pass(1);
	ck_assert_uint_eq(world_state(&qid).state, PART_LEASED);
	ck_assert_uint_eq(world_count(CORE_ORDER), 1);
	ck_assert_uint_eq(world.core->n_suspensions, 0);
	world_end();
}
END_TEST

START_TEST(it_has_no_end_unless_one_is_given)
{
	struct qid qid;

	world_start();
	(void)suspend("acme", 0);
	qid = world_admit("acme", "a.test");
	world_pass(20 * HOUR_MS);
	ck_assert_uint_eq(world_state(&qid).state, PART_READY);
	ck_assert_int_eq(world_why(&qid).next_ms, -1);
	WORLD_STR_EQ(world_why(&qid).limit.value, "by alice");
	world_end();
}
END_TEST

START_TEST(end_of_life_comes_all_the_same)
{
	world_start();
	(void)suspend("acme", 0);
	(void)world_admit("acme", "a.test");
	world_pass(
	    world.queue_policy.backoff.life_ms + PART_LAST_TRY_MS + 1000);
	ck_assert_uint_eq(world_accounts().ready, 0);
	world_end();
}
END_TEST

START_TEST(a_queue_at_work_stops_and_goes_on)
{
	uint64_t number;
	uint32_t n;

	world_start();
	world.connections = 1;
	for (int i = 0; i < 20; i++)
		(void)world_admit("acme", "a.test");
	world_run();
	n = world_count(CORE_LEASE);
	ck_assert_uint_lt(n, 20);
	number = suspend("acme", 0);
	for (uint32_t i = 0; i < n; i++)
		world_tell(world_act(CORE_LEASE, i), VERDICT_DELIVERED);
	world_pass(5000);
	ck_assert_uint_eq(world_count(CORE_LEASE), n);
	ck_assert_uint_eq(world_accounts().ready, 20 - n);
	world_order_tenant(ORDER_RESUME, "acme");
	world_pass(1000);
	ck_assert_uint_gt(world_count(CORE_LEASE), n);
	ck_assert_uint_eq(world_act(CORE_ORDER, 1)->order == NULL, 0);
	ck_assert_uint_eq(number, 1);
	world_end();
}
END_TEST

/* Many stopped queues in front do not keep those behind them. */
START_TEST(stopped_queues_are_in_nobodys_way)
{
	char name[] = "a00.test";
	struct qid last;

	world_start();
	core_pause_leases(world.core, STR("test"));
	for (int i = 0; i < 90; i++) {
		name[1] = (char)('0' + i / 10);
		name[2] = (char)('0' + i % 10);
		(void)world_admit("acme", name);
	}
	last = world_admit("beta", "b.test");
	world_run();
	(void)suspend("acme", 0);
	core_pause_leases(world.core, STR(""));
	world_run();
	ck_assert_uint_eq(world_state(&last).state, PART_LEASED);
	ck_assert_uint_eq(world_count(CORE_LEASE), 1);
	world_end();
}
END_TEST

START_TEST(one_with_the_same_condition_takes_its_place)
{
	struct qid qid;

	world_start();
	ck_assert_uint_eq(suspend("acme", HOUR_MS), 1);
	ck_assert_uint_eq(suspend("acme", 2 * HOUR_MS), 2);
	ck_assert_uint_eq(world.core->n_suspensions, 1);
	qid = world_admit("acme", "a.test");
	world_pass(HOUR_MS);
	ck_assert_uint_eq(world_state(&qid).state, PART_READY);
	world_pass(HOUR_MS);
	ck_assert_uint_eq(world_state(&qid).state, PART_LEASED);
	world_end();
}
END_TEST

START_TEST(another_one_that_applies_goes_on)
{
	const struct order_match match = { .domain = STR("a.test") };
	struct qid qid;
	uint64_t number;

	world_start();
	(void)suspend("acme", HOUR_MS);
	number = world_order(ORDER_SUSPEND, &match);
	qid = world_admit("acme", "a.test");
	world_pass(HOUR_MS + 2000);
	ck_assert_uint_eq(world_state(&qid).state, PART_READY);
	WORLD_STR_EQ(world_why(&qid).limit.from, "order 2 of uid 7");
	ck_assert_uint_eq(number, 2);
	world_order(ORDER_RESUME, &match);
	world_pass(1000);
	ck_assert_uint_eq(world_state(&qid).state, PART_LEASED);
	world_end();
}
END_TEST

START_TEST(resume_is_by_number_or_by_the_same_condition)
{
	struct order resume = { .kind = ORDER_RESUME, .number = 1 };
	const struct order_match other = { .tenant = STR("beta") };
	uint64_t number;

	world_start();
	(void)suspend("acme", 0);
	ck_assert_int_eq(
	    world_try_order(ORDER_RESUME, &other, &number), ERR_NOTFOUND);
	resume.number = 2;
	ck_assert_int_eq(
	    core_order(world.core, &resume, &number), ERR_NOTFOUND);
	resume.number = 1;
	ck_assert_int_eq(core_order(world.core, &resume, &number), ERR_OK);
	ck_assert_uint_eq(number, 1);
	ck_assert_int_eq(
	    core_order(world.core, &resume, &number), ERR_NOTFOUND);
	world_run();
	world_end();
}
END_TEST

START_TEST(the_table_has_its_bound)
{
	char name[] = "t0000";
	uint64_t number;
	struct order_match match = { .tenant = STR("t0000") };

	world_start();
	for (int i = 0; i < CORE_SUSPENSIONS_MAX; i++) {
		for (int k = 4, n = i; k > 0; k--, n /= 10)
			name[k] = (char)('0' + n % 10);
		(void)suspend(name, 0);
	}
	match.tenant = STR("one more");
	ck_assert_int_eq(
	    world_try_order(ORDER_SUSPEND, &match, &number), ERR_FULL);
	/* A new one for an old one is none more. */
	match.tenant = STR("t0005");
	ck_assert_int_eq(
	    world_try_order(ORDER_SUSPEND, &match, &number), ERR_OK);
	world_run();
	ck_assert_uint_eq(world.core->n_suspensions, CORE_SUSPENSIONS_MAX);
	world_end();
}
END_TEST

START_TEST(a_waiting_part_is_due_when_both_are_over)
{
	struct qid qid;

	world_start();
	qid = world_admit("acme", "a.test");
	world_run();
	world_tell(world_act(CORE_LEASE, 0), VERDICT_DEFERRED);
	world_run();
	(void)suspend("acme", HOUR_MS);
	WORLD_STR_EQ(world_why(&qid).limit.name, "suspended");
	ck_assert_int_eq(world_why(&qid).next_ms, HOUR_MS);
	/* Idle otherwise, and the row says it. */
	WORLD_STR_EQ(row_of("acme").limit.name, "suspended");
	world_end();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { a_suspended_queue_delivers_nothing_and_says_so,
		it_ends_by_itself, it_has_no_end_unless_one_is_given,
		end_of_life_comes_all_the_same,
		a_queue_at_work_stops_and_goes_on,
		stopped_queues_are_in_nobodys_way,
		one_with_the_same_condition_takes_its_place,
		another_one_that_applies_goes_on,
		resume_is_by_number_or_by_the_same_condition,
		the_table_has_its_bound,
		a_waiting_part_is_due_when_both_are_over };

	return world_main("suspend", tests, COUNT_OF(tests));
}
