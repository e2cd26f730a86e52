/* SPDX-License-Identifier: BSD-2-Clause */
/* suspend: queues that deliver nothing because a person says so.
 *
 * A suspension is a flag with a condition. A queue keeps whether one applies,
 * and looks again when they have changed, only at those that are newer than the
 * last of which it knows that they do not apply. A stopped queue stands in no
 * lane, and its ready parts do not count at the site. A hold or cancel that is
 * being applied stops queues in the same way.
 */
#include "qmgr/core/core_int.h"

bool
suspend_is_on(const struct ordered *item)
{
	return item->order.kind == ORDER_SUSPEND &&
	    item->order.stage == ORDER_BEGUN;
}

void
suspend_changed(struct core *core)
{
	core->stop_generation++;
	/* Queues that may go again find their lanes. */
	stuck_sweep_soon(core);
}

static struct ordered *
at(const struct core *core, uint32_t i)
{
	return core->orders[core->suspensions[i]];
}

static void
reckon(struct core *core)
{
	core->suspended_ms = CORE_NEVER_MS;
	for (uint32_t i = 0; i < core->n_suspensions; i++)
		if (at(core, i)->end_ms < core->suspended_ms)
			core->suspended_ms = at(core, i)->end_ms;
}

/* Wall clock becomes a wait. */
static int64_t
end_ms(const struct core *core, const struct order *order)
{
	int64_t wait_ms = order->until_ms - core->wall_ms;

	if (order->until_ms == 0)
		return CORE_NEVER_MS;
	return core->now_ms + (wait_ms > 0 ? wait_ms : 0);
}

static void
put_on(struct core *core, struct ordered *item)
{
	uint32_t i = core->n_suspensions++;

	for (; i > 0 && at(core, i - 1)->order.number > item->order.number; i--)
		core->suspensions[i] = core->suspensions[i - 1];
	core->suspensions[i] = item->place;
	item->end_ms = end_ms(core, &item->order);
	reckon(core);
	suspend_changed(core);
}

/* The item is the order that ended it from now on. */
static void
take_off(struct core *core, struct ordered *item)
{
	uint32_t i = 0;

	while (core->suspensions[i] != item->place)
		i++;
	core->n_suspensions--;
	for (; i < core->n_suspensions; i++)
		core->suspensions[i] = core->suspensions[i + 1];
	item->order.kind = ORDER_RESUME;
	item->order.stage = ORDER_OVER;
	item->end_ms = CORE_NEVER_MS;
	reckon(core);
	suspend_changed(core);
	ordertab_look(core, item);
}

/* By whom and why are given; without memory they are not told. */
static void
end(struct core *core, struct ordered *item, const struct order *given)
{
	struct order last = item->order;

	last.at_ms = given->at_ms;
	last.uid = given->uid;
	last.by = given->by;
	last.why = given->why;
	if (!ordertab_set(core, item, &last)) {
		item->order.by = item->order.why = STR("");
		item->order.uid = given->uid;
		item->order.at_ms = given->at_ms;
	}
	take_off(core, item);
	core_emit(core, CORE_ORDER)->order = &item->order;
}

void
suspend_run(struct core *core)
{
	struct order given = { .at_ms = core->wall_ms > 0 ? core->wall_ms : 0,
		.why = STR("its time is over") };

	while (core->now_ms >= core->suspended_ms && core_has_room(core)) {
		uint32_t i = 0;

		while (at(core, i)->end_ms > core->now_ms)
			i++;
		end(core, at(core, i), &given);
	}
}

static struct ordered *
find_same(const struct core *core, const struct order_match *match)
{
	for (uint32_t i = 0; i < core->n_suspensions; i++)
		if (order_match_eq(&at(core, i)->order.match, match))
			return at(core, i);
	return NULL;
}

enum err
suspend_begin(struct core *core, const struct order *order, uint64_t *number)
{
	struct ordered *same = find_same(core, &order->match);
	struct ordered *item;

	if (same == NULL && core->n_suspensions >= CORE_SUSPENSIONS_MAX)
		return ERR_FULL;
	item = ordertab_add(core, order);
	if (item == NULL)
		return ERR_FULL;
	if (same != NULL)
		end(core, same, order);
	put_on(core, item);
	core_emit(core, CORE_ORDER)->order = &item->order;
	core_emit(core, CORE_APPLIED)->order = &item->order;
	*number = item->order.number;
	return ERR_OK;
}

enum err
suspend_resume(struct core *core, const struct order *order, uint64_t *number)
{
	struct ordered *item = order->number != 0
	    ? ordertab_find(core, order->number)
	    : find_same(core, &order->match);

	if (item == NULL || !suspend_is_on(item))
		return ERR_NOTFOUND;
	end(core, item, order);
	core_emit(core, CORE_APPLIED)->order = &item->order;
	*number = item->order.number;
	return ERR_OK;
}

enum err
suspend_restore(struct core *core, const struct order *order)
{
	struct ordered *item = ordertab_find(core, order->number);

	if (item != NULL && suspend_is_on(item))
		take_off(core, item);
	if (order->kind == ORDER_RESUME)
		return ERR_OK;
	if (core->n_suspensions == CORE_SUSPENSIONS_ROOM)
		return ERR_FULL;
	if (item == NULL)
		item = ordertab_add(core, order);
	else if (!ordertab_set(core, item, order))
		return ERR_FULL;
	if (item == NULL)
		return ERR_FULL;
	if (suspend_is_on(item))
		put_on(core, item);
	return ERR_OK;
}

/* --- queues --------------------------------------------------------------- */

static bool
is_blocked(const struct core *core, const struct queue *q)
{
	struct link *link;

	if (core->n_blocks == 0)
		return false;
	LIST_FOREACH (link, &core->in_hand) {
		const struct ordered *item =
		    LIST_ITEM(link, struct ordered, in_hand);

		if (orderpart_blocks(item) &&
		    !order_match_has_qid(&item->order.match) &&
		    ordertab_matches(&item->order.match, q))
			return true;
	}
	return false;
}

static void
look(struct core *core, struct queue *q)
{
	const struct ordered *own = NULL;

	q->stop_generation = core->stop_generation;
	q->is_blocked = is_blocked(core, q);
	if (q->suspension != 0)
		own = ordertab_find(core, q->suspension);
	if (own != NULL && suspend_is_on(own))
		return;
	q->suspension = 0;
	for (uint32_t i = core->n_suspensions; i > 0; i--) {
		const struct order *order = &at(core, i - 1)->order;

		if (order->number <= q->suspension_seen)
			break;
		if (ordertab_matches(&order->match, q)) {
			q->suspension = order->number;
			return;
		}
	}
	q->suspension_seen = core->next_order - 1;
}

bool
queue_is_stopped(struct core *core, struct queue *q)
{
	if (q->stop_generation != core->stop_generation)
		look(core, q);
	return q->suspension != 0 || q->is_blocked;
}

bool
queue_is_blocked(struct core *core, struct queue *q)
{
	return queue_is_stopped(core, q) && q->is_blocked;
}

const struct order *
queue_suspension(struct core *core, struct queue *q)
{
	const struct ordered *item;

	if (!queue_is_stopped(core, q) || q->suspension == 0)
		return NULL;
	item = ordertab_find(core, q->suspension);
	return &item->order;
}
