/* SPDX-License-Identifier: BSD-2-Clause */
/* orderpart: what an order does to one part (Q8).
 *
 *		WAITING	READY	LEASED	HELD
 * retry	READY	.	.	.
 * hold		HELD	HELD	later	.
 * release	.	.	later	READY
 * cancel	done	done	later	done
 * move		queue	queue	later	queue
 *
 * Later: when the lease ends and the part is not done; a release is then only
 * the end of a hold that came before it. A part that owes a notice is treated
 * like any other: a hold keeps the notice back, a cancel has nobody told.
 * Queue: it comes into the state's list of another queue, and is otherwise as
 * it was: age, tries, next due time, who holds it.
 */
#include "qmgr/core/core_int.h"

bool
orderpart_blocks(const struct ordered *item)
{
	return item->order.stage == ORDER_BEGUN &&
	    (item->order.kind == ORDER_HOLD ||
	        item->order.kind == ORDER_CANCEL ||
	        item->order.kind == ORDER_MOVE);
}

/* --- one part ------------------------------------------------------------- */

static bool
is_of_message(const struct core *core, const struct part *p,
    const struct order_match *match)
{
	struct qid qid;

	part_qid(core, p, &qid);
	return qid_cmp(&qid, &match->qid) == 0;
}

static bool
has_arrived(const struct part *p, const struct order *order)
{
	int64_t ms = (int64_t)p->qid_ms_high << 32 | p->qid_ms_low;

	return ms <= order->covers_ms;
}

bool
orderpart_covers(
    const struct core *core, const struct ordered *item, const struct part *p)
{
	const struct order_match *match = &item->order.match;

	if (order_match_has_qid(match) && !is_of_message(core, p, match))
		return false;
	return has_arrived(p, &item->order) &&
	    ordertab_matches(match, queue_get(core, p->queue));
}

/* Appends its state; which order made it so is told with it. */
static struct core_action *
remember(struct core *core, uint32_t part, enum part_status state,
    const struct ordered *item)
{
	struct core_action *a = core_emit(core, CORE_REMEMBER);

	part_fill(core, part_get(core, part), &a->part);
	a->part.state = (uint8_t)state;
	a->part.order = item->order.number;
	return a;
}

static bool
retry(struct core *core, struct ordered *item, uint32_t part)
{
	const struct part *p = part_get(core, part);

	if (p->state != PART_WAITING)
		return false;
	tick_make_due(core, part);
	(void)remember(core, part, PART_READY, item);
	return true;
}

static void
into_hold(struct core *core, struct ordered *item, uint32_t part)
{
	struct part *p = part_get(core, part);

	p->throttles = 0;
	part_move(core, part, PART_HELD, core->now_ms + PART_HELD_REMIND_MS);
	ordertab_hold(p, item);
}

static bool
hold(struct core *core, struct ordered *item, uint32_t part)
{
	struct part *p = part_get(core, part);

	if (p->state != PART_WAITING && p->state != PART_READY)
		return false;
	p->cause = CAUSE_OPERATOR;
	into_hold(core, item, part);
	(void)remember(core, part, PART_HELD, item);
	return true;
}

/* What killed its workers gets some more tries, alone. */
static bool
release(struct core *core, struct ordered *item, uint32_t part)
{
	struct part *p = part_get(core, part);

	if (p->state != PART_HELD)
		return false;
	if (p->deaths >= PART_DEATHS_MAX)
		p->deaths = PART_DEATHS_LONELY;
	p->cause = CAUSE_OPERATOR;
	p->throttles = 0;
	tick_make_due(core, part);
	(void)remember(core, part, PART_READY, item);
	return true;
}

/* All is told: nobody gets a notice. */
static bool
cancel(struct core *core, struct ordered *item, uint32_t part)
{
	struct part *p = part_get(core, part);
	uint32_t n = part_n_rcpts(core, p);
	struct core_action *a;

	if (p->state == PART_LEASED ||
	    (item->is_rest && ordertab_of(core, p) != item))
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (part_standing(core, p, i) != RCPT_DELIVERED)
			part_set_standing(core, p, i, RCPT_TOLD);
	p->cause = CAUSE_OPERATOR;
	a = remember(core, part, PART_DONE, item);
	a->is_last = part_finish(core, part);
	return true;
}

/* Brings the part to where the move leads. False: there it is already, or there
 * is no memory for that queue, and it stays where it is. A part whose life is
 * shorter there gets its last try all the same. */
static bool
shift(struct core *core, struct ordered *item, uint32_t part)
{
	struct part *p = part_get(core, part);
	struct queue_key key =
	    order_target_key(&item->target, &queue_get(core, p->queue)->key);
	struct queue *to = queue_obtain(core, &key);

	if (to == NULL) {
		item->n_stuck++;
		return false;
	}
	if (to->self == p->queue)
		return false;
	part_change_queue(core, part, to);
	if (p->state == PART_READY)
		tick_make_due(core, part);
	return true;
}

/* Its state with its new key; what is held keeps its order. */
static void
fill_moved(const struct core *core, uint32_t part, const struct ordered *item,
    struct part_state *state)
{
	const struct part *p = part_get(core, part);

	part_fill(core, p, state);
	if (p->state != PART_HELD)
		state->order = item->order.number;
	state->key = queue_get(core, p->queue)->key;
	state->is_moved = true;
}

/* Appends where the part is now, and who moved it from where. */
static void
tell_move(
    struct core *core, const struct ordered *item, uint32_t part, uint32_t from)
{
	struct core_action *a = core_emit(core, CORE_REMEMBER);

	fill_moved(core, part, item, &a->part);
	a->order = &item->order;
	a->key = queue_get(core, from)->key;
}

static bool
move(struct core *core, struct ordered *item, uint32_t part)
{
	const struct part *p = part_get(core, part);
	uint32_t from = p->queue;

	if (p->state == PART_LEASED || !shift(core, item, part))
		return false;
	tell_move(core, item, part, from);
	return true;
}

/* False: the part is left as it is. */
static bool
change(struct core *core, struct ordered *item, uint32_t part)
{
	switch ((enum order_kind)item->order.kind) {
	case ORDER_RETRY:
		return retry(core, item, part);
	case ORDER_HOLD:
		return hold(core, item, part);
	case ORDER_RELEASE:
		return release(core, item, part);
	case ORDER_CANCEL:
		return cancel(core, item, part);
	case ORDER_MOVE:
		return move(core, item, part);
	case ORDER_NONE:
	case ORDER_SUSPEND:
	case ORDER_RESUME:
	case ORDER_KIND_N:
		break;
	}
	return false;
}

bool
orderpart_visit(struct core *core, struct ordered *item, uint32_t part)
{
	if (!change(core, item, part))
		return false;
	item->order.parts++;
	return true;
}

/* --- the end of a lease --------------------------------------------------- */

/* What the orders that a part waited for make of it. */
struct lot {
	struct ordered *last; /* the hold or cancel that takes it, or NULL */
	struct ordered *move; /* the last that moved it, or NULL; from there: */
	uint32_t from;
};

static bool
is_waited_for(const struct core *core, const struct ordered *item,
    const struct part *p, uint64_t lease)
{
	return item->order.kind != ORDER_RETRY &&
	    (item->order.stage != ORDER_WALKED || lease < item->order.lease) &&
	    orderpart_covers(core, item, p);
}

static void
try_move(
    struct core *core, struct ordered *item, uint32_t part, struct lot *lot)
{
	uint32_t from = part_get(core, part)->queue;

	if (!shift(core, item, part))
		return;
	item->order.parts++;
	lot->move = item;
	lot->from = from;
}

/* One order after the other, as they were given: what was moved is where later
 * ones look for it. Of a hold and a release behind it neither is left, and
 * nothing comes behind a cancel. */
static struct lot
draw_lot(struct core *core, uint32_t part, uint64_t lease)
{
	const struct part *p = part_get(core, part);
	struct lot lot = { .last = NULL };
	struct link *link;

	LIST_FOREACH (link, &core->in_hand) {
		struct ordered *item = LIST_ITEM(link, struct ordered, in_hand);

		if (!is_waited_for(core, item, p, lease))
			continue;
		if (item->order.kind == ORDER_MOVE) {
			try_move(core, item, part, &lot);
			continue;
		}
		lot.last = item->order.kind == ORDER_RELEASE ? NULL : item;
		if (item->order.kind == ORDER_CANCEL)
			break;
	}
	return lot;
}

/* The entry that frees the slot says what the orders made of the part: so there
 * is no moment in which the lease is over and the part may be lent again. Its
 * cause stays: that tells how the lease ended. */
static struct core_action *
find_entry(struct core *core, uint32_t part, uint64_t lease)
{
	for (uint32_t i = core->n_actions; i > 0; i--) {
		struct core_action *a =
		    &core->actions[(core->action_first + i - 1) %
		        CORE_ACTIONS_MAX];

		if (a->freed.lease != lease)
			continue;
		if (a->act == CORE_CLEAR)
			part_get(core, part)->is_unwritten = true;
		a->act = CORE_REMEMBER;
		return a;
	}
	return core_emit(core, CORE_REMEMBER);
}

static void
amend(struct core *core, uint32_t part, uint64_t lease, const struct lot *lot)
{
	struct core_action *a = find_entry(core, part, lease);

	if (lot->move != NULL)
		fill_moved(core, part, lot->move, &a->part);
	else
		part_fill(core, part_get(core, part), &a->part);
	a->part.lease = a->freed.lease;
}

void
orderpart_lease_over(struct core *core, uint32_t part, uint64_t lease)
{
	const struct part *p = slab_try(&core->parts, part);
	struct lot lot;
	bool is_taken;

	if (p == NULL || list_is_empty(&core->in_hand))
		return;
	lot = draw_lot(core, part, lease);
	is_taken = lot.last != NULL && p->state != PART_HELD;
	if (is_taken) {
		into_hold(core, lot.last, part);
		if (lot.last->order.kind == ORDER_HOLD)
			lot.last->order.parts++;
	}
	if (is_taken || lot.move != NULL)
		amend(core, part, lease, &lot);
	if (lot.move != NULL)
		tell_move(core, lot.move, part, lot.from);
	if (lot.last != NULL && lot.last->order.kind == ORDER_CANCEL)
		(void)orderpart_visit(core, lot.last, part);
}

bool
orderpart_takes(struct core *core, uint32_t part)
{
	struct lot lot;

	if (core->n_blocks + core->n_message_blocks == 0)
		return false;
	lot = draw_lot(core, part, UINT64_MAX);
	if (lot.move != NULL)
		tell_move(core, lot.move, part, lot.from);
	if (lot.last != NULL && orderpart_visit(core, lot.last, part))
		return true;
	return lot.move != NULL;
}

bool
orderpart_keeps(const struct core *core, uint32_t part)
{
	struct link *link;

	if (core->n_message_blocks == 0)
		return false;
	LIST_FOREACH (link, &core->in_hand) {
		const struct ordered *item =
		    LIST_ITEM(link, struct ordered, in_hand);

		if (orderpart_blocks(item) &&
		    order_match_has_qid(&item->order.match) &&
		    orderpart_covers(core, item, part_get(core, part)))
			return true;
	}
	return false;
}
