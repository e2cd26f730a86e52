/* SPDX-License-Identifier: BSD-2-Clause */
/* test_orderrun: orders come to all that they cover, in slices (Q8). */
#include "qmgr/core/core_int.h"

#include <check.h>

#include "tests/lib/world.h"

#define MANY 2000

static const struct order_match all = { .tenant = { NULL, 0 } };

static struct qid
deferred(const char *tenant, const char *domain)
{
	struct qid qid = world_admit(tenant, domain);

	world_run();
	world_tell(world_act(CORE_LEASE, world_count(CORE_LEASE) - 1),
	    VERDICT_DEFERRED);
	world_run();
	ck_assert_uint_eq(world_state(&qid).state, PART_WAITING);
	return qid;
}

/* What the last finished order changed. */
static uint64_t
applied(uint32_t n)
{
	for (uint32_t i = 0; i < world.n_acts; i++)
		if (world.acts[i].act == CORE_APPLIED && n-- == 0)
			return world.parts[i];
	ck_abort_msg("no such end");
}

/* --- retry ---------------------------------------------------------------- */

START_TEST(one_message_is_due_at_once)
{
	struct qid a, b;

	world_start();
	a = deferred("", "a.test");
	b = deferred("", "a.test");
	(void)world_order_message(ORDER_RETRY, &a);
	world_run();
	ck_assert_uint_eq(applied(0), 1);
	ck_assert_uint_eq(world_state(&a).state, PART_LEASED);
	ck_assert_uint_eq(world_state(&b).state, PART_WAITING);
	(void)world_order_message(ORDER_RETRY, &a);
	world_run();
	ck_assert_uint_eq(applied(1), 0);
	world_end();
}
END_TEST

START_TEST(matching_queues_are_due_and_no_others)
{
	const struct order_match match = { .queue = STR("acme@*") };
	struct qid a, b, c;

	world_start();
	a = deferred("acme", "a.test");
	b = deferred("acme", "b.test");
	c = deferred("beta", "a.test");
	(void)world_order(ORDER_RETRY, &match);
	world_run();
	ck_assert_uint_eq(world_state(&a).state, PART_LEASED);
	ck_assert_uint_eq(world_state(&b).state, PART_LEASED);
	ck_assert_uint_eq(world_state(&c).state, PART_WAITING);
	ck_assert_uint_eq(applied(0), 2);
	world_end();
}
END_TEST

static void
defer_many(void)
{
	world_start();
	world.connections = 30;
	for (int i = 0; i < MANY; i++)
		(void)world_admit("", i % 3 == 0 ? "a.test" : "b.test");
	world_run();
	for (uint32_t i = 0; i < MANY; i++) {
		world_tell(world_act(CORE_LEASE, i), VERDICT_DEFERRED);
		if (i % 50 == 0)
			world_run();
		else
			while (core_schedule(world.core) || world_fetch())
				continue;
	}
	ck_assert_uint_eq(world_accounts().waiting, MANY);
	world_forget();
}

START_TEST(all_are_due_in_slices_and_each_once)
{
	defer_many();
	(void)world_order(ORDER_RETRY, &all);
	world_run();
	ck_assert_uint_eq(applied(0), MANY);
	/* Those that fail again wait by the schedule. */
	for (uint32_t i = 0; i < 20; i++)
		world_tell(world_act(CORE_LEASE, i), VERDICT_DEFERRED);
	world_run();
	ck_assert_uint_eq(world_accounts().waiting, 20);
	world_end();
}
END_TEST

START_TEST(a_retry_of_all_forgives_the_sites)
{
	struct site *s;

	world_start();
	(void)deferred("", "a.test");
	s = site_find(world.core, STR("default"), STR("relay"));
	s->pause_ms = world.now_ms + 50000;
	s->pause_step_ms = 1000;
	(void)world_order(ORDER_RETRY, &all);
	world_run();
	ck_assert_int_eq(s->pause_ms, 0);
	world_end();
}
END_TEST

/* --- hold, release, cancel ------------------------------------------------ */

START_TEST(what_matches_is_held_wherever_it_is)
{
	struct qid waiting, ready, leased, other;
	struct core_action lease;

	world_start();
	waiting = deferred("acme", "a.test");
	leased = world_admit("acme", "b.test");
	world_run();
	ck_assert_uint_eq(world_state(&leased).state, PART_LEASED);
	lease = *world_act(CORE_LEASE, 1);
	core_pause_leases(world.core, STR("test"));
	ready = world_admit("acme", "c.test");
	other = world_admit("beta", "c.test");
	core_pause_leases(world.core, STR(""));
	world_forget();
	(void)world_order_tenant(ORDER_HOLD, "acme");
	world_run();
	ck_assert_uint_eq(applied(0), 2);
	ck_assert_uint_eq(world_act(CORE_APPLIED, 0)->n, 1);
	ck_assert_uint_eq(world_state(&waiting).state, PART_HELD);
	ck_assert_uint_eq(world_state(&waiting).cause, CAUSE_OPERATOR);
	ck_assert_uint_eq(world_state(&waiting).order, 1);
	ck_assert_uint_eq(world_state(&ready).state, PART_HELD);
	ck_assert_uint_eq(world_state(&leased).state, PART_LEASED);
	ck_assert_uint_eq(world_state(&other).state, PART_LEASED);
	/* It waits for what is out. */
	ck_assert_uint_eq(world_count_stage(ORDER_WALKED), 1);
	ck_assert_uint_eq(world_count_stage(ORDER_OVER), 0);
	world_tell(&lease, VERDICT_DEFERRED);
	world_run();
	ck_assert_uint_eq(world_state(&leased).state, PART_HELD);
	ck_assert_uint_eq(world_count_stage(ORDER_OVER), 1);
	world_end();
}
END_TEST

START_TEST(each_condition_must_match)
{
	const struct order_match match = { .queue = STR("*test"),
		.tenant = STR("acme"),
		.domain = STR("a.test") };
	struct qid a, b, c;

	world_start();
	a = deferred("acme", "a.test");
	b = deferred("acme", "b.test");
	c = deferred("beta", "a.test");
	(void)world_order(ORDER_HOLD, &match);
	world_run();
	ck_assert_uint_eq(world_state(&a).state, PART_HELD);
	ck_assert_uint_eq(world_state(&b).state, PART_WAITING);
	ck_assert_uint_eq(world_state(&c).state, PART_WAITING);
	world_end();
}
END_TEST

START_TEST(later_mail_is_untouched)
{
	struct qid before, same, later;
	uint64_t number;

	world_start();
	before = deferred("acme", "a.test");
	core_pause_leases(world.core, STR("test"));
	same = world_admit("acme", "a.test");
	number = world_order_tenant(ORDER_HOLD, "acme");
	ck_assert_uint_eq(number, 1);
	world.now_ms++;
	world.wall_ms++;
	core_turn(world.core, world.now_ms, world.wall_ms);
	later = world_admit("acme", "a.test");
	core_pause_leases(world.core, STR(""));
	world_run();
	ck_assert_uint_eq(world_state(&before).state, PART_HELD);
	ck_assert_uint_eq(world_state(&same).state, PART_HELD);
	ck_assert_uint_eq(world_state(&later).state, PART_LEASED);
	world_end();
}
END_TEST

START_TEST(mail_from_before_the_clock_fell_back_is_covered)
{
	struct qid qid;

	world_start();
	qid = deferred("acme", "a.test");
	world.wall_ms -= 86400000;
	core_turn(world.core, world.now_ms, world.wall_ms);
	(void)world_order_tenant(ORDER_HOLD, "acme");
	world_run();
	ck_assert_uint_eq(world_state(&qid).state, PART_HELD);
	world_end();
}
END_TEST

START_TEST(nothing_slips_away_while_a_hold_is_applied)
{
	uint32_t leases;

	world_start();
	core_pause_leases(world.core, STR("test"));
	for (int i = 0; i < MANY; i++)
		(void)world_admit("acme", "a.test");
	(void)world_fetch();
	world_run();
	leases = world_count(CORE_LEASE);
	(void)world_order_tenant(ORDER_HOLD, "acme");
	core_pause_leases(world.core, STR(""));
	/* Before its first slice, and between two. */
	while (core_schedule(world.core) || world_fetch())
		continue;
	ck_assert(core_tick(world.core));
	while (core_schedule(world.core) || world_fetch())
		continue;
	ck_assert_uint_gt(world_accounts().held, 0);
	ck_assert_uint_lt(world_accounts().held, MANY);
	ck_assert_uint_eq(world_count(CORE_LEASE), leases);
	world_run();
	ck_assert_uint_eq(world_accounts().held, MANY);
	ck_assert_uint_eq(applied(0), MANY);
	/* Mail that comes then goes out. */
	world_pass(1000);
	(void)world_admit("acme", "a.test");
	world_run();
	ck_assert_uint_eq(world_count(CORE_LEASE), leases + 1);
	world_end();
}
END_TEST

START_TEST(thousands_are_held_and_released)
{
	defer_many();
	world_order_tenant(ORDER_HOLD, "x");
	world_run();
	ck_assert_uint_eq(world_accounts().held, 0);
	const struct order_match match = { .queue = STR("?.test") };
	(void)world_order(ORDER_HOLD, &match);
	world_run();
	ck_assert_uint_eq(world_accounts().held, MANY);
	ck_assert_uint_eq(world_count(CORE_REMEMBER), MANY);
	(void)world_order(ORDER_RELEASE, &match);
	world_run();
	ck_assert_uint_eq(world_accounts().held, 0);
	ck_assert_uint_eq(world_accounts().waiting, 0);
	ck_assert_uint_eq(applied(2), MANY);
	world_end();
}
END_TEST

START_TEST(orders_take_effect_one_after_the_other)
{
	struct qid qid;

	world_start();
	qid = deferred("acme", "a.test");
	(void)world_order_tenant(ORDER_HOLD, "acme");
	(void)world_order_tenant(ORDER_RELEASE, "acme");
	(void)world_order_tenant(ORDER_HOLD, "acme");
	world_run();
	ck_assert_uint_eq(world_state(&qid).state, PART_HELD);
	ck_assert_uint_eq(world_state(&qid).order, 3);
	for (uint32_t i = 0; i < 3; i++)
		ck_assert_uint_eq(applied(i), 1);
	ck_assert_uint_eq(world_count_stage(ORDER_OVER), 3);
	world_end();
}
END_TEST

START_TEST(a_message_of_many_parts_is_cancelled_in_slices)
{
	static struct core_admit_part parts[MANY];
	struct core_admit admit = world_message(parts, MANY);

	world_start();
	for (int i = 0; i < MANY; i++)
		parts[i] = (struct core_admit_part){ STR("a.test"), 1 };
	core_pause_leases(world.core, STR("test"));
	admit = world_message(parts, MANY);
	ck_assert_int_eq(core_admit(world.core, &admit), ERR_OK);
	world_run();
	(void)world_order_message(ORDER_CANCEL, &admit.qid);
	core_pause_leases(world.core, STR(""));
	/* What is not cancelled yet does not go. */
	while (core_schedule(world.core) || world_fetch())
		continue;
	ck_assert_uint_eq(world_count(CORE_LEASE), 0);
	world_run();
	ck_assert_uint_eq(world_accounts().done, MANY);
	ck_assert_uint_eq(applied(0), MANY);
	world_end();
}
END_TEST

START_TEST(paused_orders_wait)
{
	struct qid qid;

	world_start();
	qid = deferred("acme", "a.test");
	core_pause_leases(world.core, STR("ledger"));
	(void)world_order_tenant(ORDER_HOLD, "acme");
	world_pass(3000);
	ck_assert_uint_eq(world_state(&qid).state, PART_WAITING);
	ck_assert_int_gt(core_next_ms(world.core), world.now_ms);
	core_pause_leases(world.core, STR(""));
	ck_assert_int_eq(core_next_ms(world.core), world.now_ms);
	world_run();
	ck_assert_uint_eq(world_state(&qid).state, PART_HELD);
	world_end();
}
END_TEST

/* --- what is refused ------------------------------------------------------ */

START_TEST(too_many_in_hand_are_refused)
{
	uint64_t number, last = 0;

	world_start();
	core_pause_leases(world.core, STR("test"));
	for (uint32_t i = 0; i < CORE_IN_HAND_MAX; i++) {
		number = world_order_tenant(ORDER_HOLD, "acme");
		ck_assert_uint_gt(number, last);
		last = number;
		(void)world_fetch();
	}
	ck_assert_int_eq(
	    world_try_order(ORDER_RETRY, &all, &number), ERR_AGAIN);
	core_pause_leases(world.core, STR(""));
	world_run();
	ck_assert_uint_eq(world_count_stage(ORDER_OVER), CORE_IN_HAND_MAX);
	(void)world_order(ORDER_RETRY, &all);
	world_run();
	world_end();
}
END_TEST

START_TEST(an_order_needs_a_condition_and_a_message_that_is_there)
{
	static char bytes[ORDER_TEXT_MAX_BYTES + 1];
	struct order_match match = { .queue = { bytes, sizeof(bytes) } };
	const enum order_kind kinds[] = { ORDER_HOLD, ORDER_RELEASE,
		ORDER_CANCEL, ORDER_SUSPEND, ORDER_RESUME };
	uint64_t number;

	world_start();
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		ck_assert_int_eq(
		    world_try_order(kinds[i], &all, &number), ERR_RANGE);
	ck_assert_int_eq(
	    world_try_order(ORDER_RETRY, &match, &number), ERR_RANGE);
	ck_assert_int_eq(
	    world_try_order(ORDER_MOVE, &match, &number), ERR_RANGE);
	match = (struct order_match){ .qid = { { 1 } } };
	ck_assert_int_eq(
	    world_try_order(ORDER_HOLD, &match, &number), ERR_NOTFOUND);
	ck_assert_int_eq(
	    world_try_order(ORDER_SUSPEND, &match, &number), ERR_RANGE);
	world_end();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { one_message_is_due_at_once,
		matching_queues_are_due_and_no_others,
		all_are_due_in_slices_and_each_once,
		a_retry_of_all_forgives_the_sites,
		what_matches_is_held_wherever_it_is, each_condition_must_match,
		later_mail_is_untouched,
		mail_from_before_the_clock_fell_back_is_covered,
		nothing_slips_away_while_a_hold_is_applied,
		thousands_are_held_and_released,
		orders_take_effect_one_after_the_other,
		a_message_of_many_parts_is_cancelled_in_slices,
		paused_orders_wait, too_many_in_hand_are_refused,
		an_order_needs_a_condition_and_a_message_that_is_there };

	return world_main("orderrun", tests, COUNT_OF(tests));
}
