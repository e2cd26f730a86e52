/* SPDX-License-Identifier: BSD-2-Clause */
/* orders: what persons order in the simulation, and what must hold then. */
#ifndef TESTS_SIM_ORDERS_H
#define TESTS_SIM_ORDERS_H

#include "tests/sim/disk.h"

/* Tenant, domain or message, by what the oracle knows of the part. */
static bool
order_covers(const struct order *order, const struct part_state *s)
{
	static const struct qid none;
	const struct order_match *match = &order->match;
	const struct queue_key key = disk_key(s);

	if (qid_cmp(&match->qid, &none) != 0 &&
	    qid_cmp(&match->qid, &s->qid) != 0)
		return false;
	if (match->tenant.len > 0 && !str_eq(match->tenant, key.tenant))
		return false;
	if (match->domain.len > 0 && !str_eq(match->domain, key.domain))
		return false;
	return qid_time_ms(&s->qid) <= order->covers_ms;
}

/* Q8: what an order changes, it covers: later mail is untouched. */
static void
order_check_change(const struct part_state *s)
{
	struct core_order_view view;

	if (s->order == 0)
		return;
	SIM_REQUIRE(core_order_get(sim.core, s->order, &view),
	    "Q8: a change by an order that nobody knows");
	SIM_REQUIRE(order_covers(&view.order, s),
	    "Q8: an order changes what it does not cover");
	SIM_REQUIRE(s->state != PART_DONE || view.order.kind == ORDER_CANCEL,
	    "Q8: a part is ended by what is no cancel");
	sim.count.ordered++;
}

/* Nothing of a suspended queue is leased; nor is what a hold or cancel is being
 * applied to. */
static void
order_check_lease(const struct core_action *a)
{
	struct core_order_view view;

	for (uint64_t n = 0; core_order_next(sim.core, n, &view);) {
		const struct order *o = &view.order;
		bool blocks = view.is_in_hand && o->stage == ORDER_BEGUN &&
		    (o->kind == ORDER_HOLD || o->kind == ORDER_CANCEL);
		bool suspends = o->kind == ORDER_SUSPEND &&
		    o->stage == ORDER_BEGUN && a->notice == NOTICE_NONE;

		n = o->number;
		if (suspends) {
			struct order all = *o;

			all.covers_ms = INT64_MAX;
			SIM_REQUIRE(!order_covers(&all, &a->part),
			    "Q8: a suspended queue leases");
		}
		SIM_REQUIRE(!blocks || !order_covers(o, &a->part),
		    "Q8: a part slips away from an order");
	}
}

/* It has been everywhere: what it covers is as it says, or out. */
static void
order_check_applied(const struct order *order)
{
	struct part_state s;

	sim.count.orders++;
	for (uint32_t p = 0; (p = core_part_next(sim.core, p)) != 0;) {
		SIM_REQUIRE(core_part_get(sim.core, p, &s), "gone");
		if (!order_covers(order, &s) || s.state == PART_LEASED)
			continue;
		SIM_REQUIRE(
		    order->kind != ORDER_CANCEL, "Q8: a cancelled part lives");
		SIM_REQUIRE(order->kind != ORDER_HOLD || s.state == PART_HELD,
		    "Q8: a part was not held");
	}
}

static void
order_remember(const struct order *order)
{
	struct sim_entry e = { .kind = ENTRY_ORDER,
		.order = order_copy(order) };

	disk_remember(&e, NULL);
}

/* A clean restart keeps all that is needed. */
static void
order_compare(const struct core *old)
{
	struct core_order_view was, now;

	for (uint64_t n = 0; core_order_next(old, n, &was);) {
		bool is_on = was.order.kind == ORDER_SUSPEND &&
		    was.order.stage == ORDER_BEGUN;

		n = was.order.number;
		if (was.held == 0 && !was.is_in_hand && !is_on)
			continue;
		SIM_REQUIRE(core_order_get(sim.core, n, &now),
		    "Q8: an order is gone after a restart");
		SIM_REQUIRE(now.held == was.held &&
		        now.is_in_hand == was.is_in_hand &&
		        now.order.stage == was.order.stage &&
		        now.order.until_ms == was.order.until_ms &&
		        now.order.covers_ms == was.order.covers_ms,
		    "Q8: an order changed in a restart");
	}
}

/* --- persons -------------------------------------------------------------- */

static enum order_kind
order_draw_kind(void)
{
	static const enum order_kind kinds[] = { ORDER_HOLD, ORDER_HOLD,
		ORDER_RELEASE, ORDER_RELEASE, ORDER_RELEASE, ORDER_CANCEL,
		ORDER_RETRY, ORDER_SUSPEND, ORDER_RESUME, ORDER_RESUME };

	return kinds[sim_below(sizeof(kinds) / sizeof(kinds[0]))];
}

static struct order
order_draw(void)
{
	enum order_kind kind = order_draw_kind();
	bool is_flag = kind == ORDER_SUSPEND || kind == ORDER_RESUME;
	struct order order = { .kind = (uint8_t)kind };

	if (sim.n_msgs > 0 && !is_flag && sim_chance(400000))
		order.match.qid = sim.msgs[sim_below(sim.n_msgs)].qid;
	else if (kind != ORDER_CANCEL && sim_chance(300000))
		order.match.tenant = sim_tenant(1 + sim_below(3));
	else
		order.match.domain = sim_domain(sim_below(SIM_DOMAINS));
	if (kind == ORDER_SUSPEND && sim_chance(900000))
		order.until_ms = sim.wall_ms + sim_below(600000);
	return order;
}

static void
order_give(void)
{
	struct order order = order_draw();
	uint64_t number;
	enum err err = core_order(sim.core, &order, &number);

	SIM_REQUIRE(err == ERR_OK || err == ERR_NOTFOUND || err == ERR_AGAIN,
	    "an order is refused");
}

/* Whoever holds something lets it go. False: too much is in hand. */
static bool
order_end_all(void)
{
	struct order release = { .kind = ORDER_RELEASE,
		.match = { .queue = STR("*") } };
	struct order resume = { .kind = ORDER_RESUME };
	struct core_order_view view;
	uint64_t number;

	while (core_order_next(sim.core, resume.number, &view)) {
		resume.number = view.order.number;
		if (view.order.kind != ORDER_SUSPEND)
			continue;
		SIM_REQUIRE(core_order(sim.core, &resume, &number) == ERR_OK,
		    "no resume");
		return false;
	}
	return core_order(sim.core, &release, &number) == ERR_OK;
}

#endif /* TESTS_SIM_ORDERS_H */
