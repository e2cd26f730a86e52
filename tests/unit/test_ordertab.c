/* SPDX-License-Identifier: BSD-2-Clause */
/* test_ordertab: orders are kept as long as needed, also over a restart. */
#include "qmgr/core/core_int.h"

#include <check.h>

#include "tests/lib/world.h"

#define BLOCK 1

/* What the ledger says: orders and parts, as they were remembered. */
static struct {
	struct {
		bool is_order;
		struct order order;
		struct part_state part;
	} entries[64];
	uint32_t n;
} ledger;

/* Orders of the actions are as they are now: so call it after each step. */
static void
write_ledger(void)
{
	for (uint32_t i = 0; i < world.n_acts; i++) {
		const struct core_action *a = &world.acts[i];

		if (a->act != CORE_ORDER && a->act != CORE_REMEMBER)
			continue;
		ck_assert_uint_lt(ledger.n, COUNT_OF(ledger.entries));
		ledger.entries[ledger.n].is_order = a->act == CORE_ORDER;
		if (a->act == CORE_ORDER)
			ledger.entries[ledger.n].order = *a->order;
		ledger.entries[ledger.n++].part = a->part;
	}
	world_forget();
}

static void
begin_restart(void)
{
	int64_t now_ms = world.now_ms, wall_ms = world.wall_ms;

	core_free(&world.core);
	world_begin();
	world.now_ms = now_ms;
	world.wall_ms = wall_ms;
	core_turn(world.core, now_ms, wall_ms);
	ck_assert_int_eq(core_worker_add(world.core, 0, WORLD_SLOTS), ERR_OK);
}

static void
admit_again(const struct qid *qid, const char *tenant)
{
	struct part_state s = { .qid = *qid,
		.segment = WORLD_SEGMENT,
		.block = BLOCK,
		.n_rcpts = 1,
		.state = PART_READY,
		.key = { str_from_c(tenant), STR(""), STR("a.test") } };

	ck_assert_int_eq(core_restore(world.core, &s), ERR_OK);
}

/* Texts of orders must outlive the core that they come from. */
static struct order
own(const struct order *order)
{
	struct order o = *order;

	o.match.tenant = STR("acme");
	o.by = STR("alice");
	o.why = STR("because");
	return o;
}

static void
replay(uint32_t from)
{
	for (uint32_t i = from; i < ledger.n; i++) {
		struct order order = own(&ledger.entries[i].order);

		if (ledger.entries[i].is_order)
			ck_assert_int_eq(
			    core_restore_order(world.core, &order), ERR_OK);
		else
			ck_assert_int_eq(
			    core_restore(world.core, &ledger.entries[i].part),
			    ERR_OK);
	}
}

static void
end_restart(void)
{
	while (core_restore_end(world.core, 0, 100))
		(void)world_fetch();
	core_shaper_up(world.core);
	world_worker(0);
}

static void
check_reason(const struct qid *qid)
{
	struct core_why why = world_why(qid);

	WORLD_STR_EQ(why.limit.name, "held");
	WORLD_STR_EQ(
	    why.limit.value, "by alice since 2023-11-14T22:13:20.000Z");
	WORLD_STR_EQ(why.limit.from, "order 1 of uid 7");
	WORLD_STR_EQ(why.limit.cause, "because");
}

START_TEST(a_held_part_keeps_its_reason_over_a_restart)
{
	struct qid qid;

	world_start();
	core_pause_leases(world.core, STR("test"));
	qid = world_admit("acme", "a.test");
	world_forget();
	(void)world_order_tenant(ORDER_HOLD, "acme");
	(void)world_fetch();
	write_ledger();
	core_pause_leases(world.core, STR(""));
	world_run();
	write_ledger();
	check_reason(&qid);
	ck_assert_uint_eq(ledger.n, 3);
	begin_restart();
	admit_again(&qid, "acme");
	replay(0);
	end_restart();
	world_run();
	ck_assert_uint_eq(world_state(&qid).state, PART_HELD);
	check_reason(&qid);
	world_end();
}
END_TEST

/* A checkpoint may have the part before the ledger has its order. */
START_TEST(an_order_may_come_behind_its_parts)
{
	const struct order order = { .number = 9,
		.at_ms = WORLD_WALL_MS,
		.uid = 7,
		.kind = ORDER_HOLD,
		.stage = ORDER_OVER,
		.by = STR("alice"),
		.why = STR("because") };
	struct part_state s = { .segment = WORLD_SEGMENT,
		.block = BLOCK,
		.n_rcpts = 1,
		.state = PART_HELD,
		.cause = CAUSE_OPERATOR,
		.order = 9,
		.key = { STR("acme"), STR(""), STR("a.test") } };
	struct core_order_view view;

	world_begin();
	s.qid = world_qid(BLOCK);
	ck_assert_int_eq(core_restore(world.core, &s), ERR_OK);
	ck_assert(core_order_get(world.core, 9, &view));
	ck_assert_uint_eq(view.held, 1);
	ck_assert_uint_eq(view.order.why.len, 0);
	ck_assert_int_eq(core_restore_order(world.core, &order), ERR_OK);
	ck_assert(core_order_get(world.core, 9, &view));
	ck_assert_uint_eq(view.held, 1);
	WORLD_STR_EQ(view.order.why, "because");
	/* The same again, and then another state. */
	ck_assert_int_eq(core_restore(world.core, &s), ERR_OK);
	ck_assert(core_order_get(world.core, 9, &view));
	ck_assert_uint_eq(view.held, 1);
	s.state = PART_READY;
	ck_assert_int_eq(core_restore(world.core, &s), ERR_OK);
	ck_assert(core_order_get(world.core, 9, &view));
	ck_assert_uint_eq(view.held, 0);
	s.state = PART_HELD;
	s.order = UINT64_MAX;
	ck_assert_int_eq(core_restore(world.core, &s), ERR_RANGE);
	core_free(&world.core);
}
END_TEST

START_TEST(an_order_in_hand_goes_on_after_a_restart)
{
	struct qid qid;

	world_start();
	core_pause_leases(world.core, STR("test"));
	qid = world_admit("acme", "a.test");
	world_forget();
	(void)world_order_tenant(ORDER_HOLD, "acme");
	(void)world_fetch();
	write_ledger();
	ck_assert_uint_eq(ledger.n, 1);
	begin_restart();
	admit_again(&qid, "acme");
	replay(0);
	end_restart();
	/* Not even between the start and its first slice is it leased. */
	while (core_schedule(world.core) || world_fetch())
		continue;
	world_run();
	ck_assert_uint_eq(world_count(CORE_LEASE), 0);
	ck_assert_uint_eq(world_state(&qid).state, PART_HELD);
	ck_assert_uint_eq(world_count_stage(ORDER_OVER), 1);
	check_reason(&qid);
	world_end();
}
END_TEST

/* It waits for a lease when qmgr dies: the slot tells that it is out. */
START_TEST(what_is_leased_is_held_after_a_restart)
{
	struct core_action lease;
	struct core_slot slot;
	struct qid qid;

	world_start();
	qid = world_admit("acme", "a.test");
	world_run();
	lease = *world_act(CORE_LEASE, 0);
	world_forget();
	(void)world_order_tenant(ORDER_HOLD, "acme");
	(void)world_fetch();
	write_ledger();
	world_run();
	write_ledger();
	ck_assert_uint_eq(ledger.n, 2);
	ck_assert_uint_eq(ledger.entries[1].order.stage, ORDER_WALKED);
	begin_restart();
	slot = (struct core_slot){ .lease = lease.part.lease,
		.segment = WORLD_SEGMENT,
		.qid = qid,
		.block = BLOCK };
	ck_assert_int_eq(
	    core_restore_lease(world.core, 0, lease.slot, &slot), ERR_OK);
	admit_again(&qid, "acme");
	replay(0);
	while (core_restore_end(world.core, 0, 100))
		(void)world_fetch();
	core_shaper_up(world.core);
	core_worker_up(world.core, 0);
	ck_assert_int_eq(
	    core_worker_hold(world.core, 0, lease.slot, lease.part.lease),
	    ERR_OK);
	core_worker_held_end(world.core, 0, (uint8_t[WORLD_SLOTS]){ 0 });
	world_run();
	ck_assert_uint_eq(world_state(&qid).state, PART_LEASED);
	world_tell(&lease, VERDICT_DEFERRED);
	world_run();
	ck_assert_uint_eq(world_state(&qid).state, PART_HELD);
	ck_assert_uint_eq(world_count_stage(ORDER_OVER), 1);
	/* Nobody is told a second time. */
	ck_assert_uint_eq(world_count(CORE_APPLIED), 0);
	world_end();
}
END_TEST

/* The entry of the release was lost: the slot tells that the part is out. */
START_TEST(what_was_released_and_lent_is_out_after_a_restart)
{
	struct part_state s = { .segment = WORLD_SEGMENT,
		.block = BLOCK,
		.n_rcpts = 1,
		.state = PART_HELD,
		.cause = CAUSE_OPERATOR,
		.order = 4,
		.lease = 1,
		.key = { STR("acme"), STR(""), STR("a.test") } };
	struct core_slot slot = {
		.lease = 2, .segment = WORLD_SEGMENT, .block = BLOCK
	};

	world_begin();
	ck_assert_int_eq(core_worker_add(world.core, 0, WORLD_SLOTS), ERR_OK);
	s.qid = slot.qid = world_qid(BLOCK);
	ck_assert_int_eq(core_restore_lease(world.core, 0, 3, &slot), ERR_OK);
	ck_assert_int_eq(core_restore(world.core, &s), ERR_OK);
	while (core_restore_end(world.core, 0, 100))
		(void)world_fetch();
	ck_assert_uint_eq(world_state(&s.qid).state, PART_LEASED);
	/* But not one whose end the ledger knows. */
	core_free(&world.core);
	world_begin();
	ck_assert_int_eq(core_worker_add(world.core, 0, WORLD_SLOTS), ERR_OK);
	slot.lease = 1;
	ck_assert_int_eq(core_restore_lease(world.core, 0, 3, &slot), ERR_OK);
	ck_assert_int_eq(core_restore(world.core, &s), ERR_OK);
	while (core_restore_end(world.core, 0, 100))
		(void)world_fetch();
	ck_assert_uint_eq(world_state(&s.qid).state, PART_HELD);
	world_end();
}
END_TEST

/* What a cancel holds, it ends, whenever qmgr died. */
START_TEST(a_cancel_ends_what_it_holds_after_a_restart)
{
	const struct order order = { .number = 4,
		.covers_ms = WORLD_WALL_MS,
		.kind = ORDER_CANCEL,
		.stage = ORDER_WALKED,
		.lease = 2,
		.match = { .tenant = STR("acme") } };
	struct part_state s = { .segment = WORLD_SEGMENT,
		.block = BLOCK,
		.n_rcpts = 1,
		.state = PART_HELD,
		.cause = CAUSE_OPERATOR,
		.order = 4,
		.lease = 1,
		.key = { STR("acme"), STR(""), STR("a.test") } };

	world_begin();
	ck_assert_int_eq(core_worker_add(world.core, 0, WORLD_SLOTS), ERR_OK);
	s.qid = world_qid(BLOCK);
	ck_assert_int_eq(core_restore_order(world.core, &order), ERR_OK);
	ck_assert_int_eq(core_restore(world.core, &s), ERR_OK);
	/* Held by another one: that was later. */
	s.block++;
	s.qid = world_qid(BLOCK + 1);
	s.order = 5;
	ck_assert_int_eq(core_restore(world.core, &s), ERR_OK);
	end_restart();
	world_run();
	ck_assert_uint_eq(world_accounts().held, 1);
	ck_assert_uint_eq(world_accounts().done, 1);
	ck_assert_uint_eq(world_count_stage(ORDER_OVER), 1);
	world_end();
}
END_TEST

START_TEST(suspensions_survive_a_restart_exactly)
{
	struct order order = { .number = 3,
		.at_ms = WORLD_WALL_MS,
		.until_ms = WORLD_WALL_MS + 60000,
		.kind = ORDER_SUSPEND,
		.stage = ORDER_BEGUN,
		.match = { .tenant = STR("acme") } };
	struct qid qid;

	world_begin();
	ck_assert_int_eq(core_worker_add(world.core, 0, WORLD_SLOTS), ERR_OK);
	ck_assert_int_eq(core_restore_order(world.core, &order), ERR_OK);
	/* As in a checkpoint and in the ledger. */
	ck_assert_int_eq(core_restore_order(world.core, &order), ERR_OK);
	ck_assert_uint_eq(world.core->n_suspensions, 1);
	order.number = 4;
	order.match.tenant = STR("beta");
	ck_assert_int_eq(core_restore_order(world.core, &order), ERR_OK);
	order.kind = ORDER_RESUME;
	ck_assert_int_eq(core_restore_order(world.core, &order), ERR_OK);
	order.number = 77;
	ck_assert_int_eq(core_restore_order(world.core, &order), ERR_OK);
	end_restart();
	qid = world_admit("acme", "a.test");
	(void)world_admit("beta", "a.test");
	world_run();
	ck_assert_uint_eq(world_accounts().leased, 1);
	world_pass(59999);
	ck_assert_uint_eq(world_state(&qid).state, PART_READY);
	world_pass(1001);
	ck_assert_uint_eq(world_state(&qid).state, PART_LEASED);
	world_end();
}
END_TEST

START_TEST(what_nobody_needs_goes_but_the_newest)
{
	struct core_order_view view;
	struct qid qid;

	world_start();
	core_pause_leases(world.core, STR("test"));
	qid = world_admit("acme", "a.test");
	core_pause_leases(world.core, STR(""));
	(void)world_order_message(ORDER_HOLD, &qid);
	world_run();
	for (int i = 0; i < 5; i++) {
		(void)world_order_tenant(ORDER_HOLD, "nobody");
		world_run();
	}
	world_run();
	ck_assert_uint_eq(world.core->n_orders, 2);
	ck_assert(core_order_get(world.core, 1, &view));
	ck_assert(core_order_get(world.core, 6, &view));
	ck_assert(!core_order_get(world.core, 5, &view));
	ck_assert(core_order_next(world.core, 0, &view));
	ck_assert_uint_eq(view.order.number, 1);
	ck_assert(core_order_next(world.core, 1, &view));
	ck_assert_uint_eq(view.order.number, 6);
	ck_assert(!core_order_next(world.core, 6, &view));
	ck_assert(!core_order_next(world.core, UINT64_MAX, &view));
	(void)world_order_message(ORDER_RELEASE, &qid);
	world_run();
	world_run();
	ck_assert_uint_eq(world.core->n_orders, 1);
	world_end();
}
END_TEST

START_TEST(no_hold_is_taken_when_too_many_are_kept)
{
	const struct order_match match = { .tenant = STR("x") };
	struct order order = { .kind = ORDER_HOLD, .stage = ORDER_OVER };
	uint64_t number;

	world_start();
	for (uint32_t i = 1; i < CORE_ORDERS_MAX; i++) {
		order.number = i;
		ck_assert_ptr_nonnull(ordertab_add(world.core, &order));
	}
	/* The last that is taken. */
	(void)world_order(ORDER_HOLD, &match);
	ck_assert_int_eq(
	    world_try_order(ORDER_HOLD, &match, &number), ERR_FULL);
	/* What ends holds is. */
	(void)world_order(ORDER_RELEASE, &match);
	(void)world_order(ORDER_CANCEL, &match);
	(void)world_order(ORDER_SUSPEND, &match);
	world_run();
	world_end();
}
END_TEST

/* The ledger may tell of more orders than are kept. */
START_TEST(orders_that_are_over_make_room_in_a_restart)
{
	struct order order = { .kind = ORDER_RETRY, .stage = ORDER_OVER };

	world_begin();
	for (uint64_t i = 1; i <= 2 * CORE_ORDERS_ROOM; i++) {
		order.number = i;
		ck_assert_int_eq(
		    core_restore_order(world.core, &order), ERR_OK);
	}
	core_free(&world.core);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { a_held_part_keeps_its_reason_over_a_restart,
		an_order_may_come_behind_its_parts,
		an_order_in_hand_goes_on_after_a_restart,
		what_is_leased_is_held_after_a_restart,
		what_was_released_and_lent_is_out_after_a_restart,
		a_cancel_ends_what_it_holds_after_a_restart,
		suspensions_survive_a_restart_exactly,
		what_nobody_needs_goes_but_the_newest,
		orders_that_are_over_make_room_in_a_restart,
		no_hold_is_taken_when_too_many_are_kept };

	return world_main("ordertab", tests, COUNT_OF(tests));
}
