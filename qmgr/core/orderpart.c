/* SPDX-License-Identifier: BSD-2-Clause */
/* orderpart: what an order does to one part (Q8).
 *
 *		WAITING	READY	LEASED	HELD
 * retry	READY	.	.	.
 * hold		HELD	HELD	later	.
 * release	.	.	later	READY
 * cancel	done	done	later	done
 *
 * Later: when the lease ends and the part is not done; a release is then only
 * the end of a hold that came before it. A part that owes a notice is treated
 * like any other: a hold keeps the notice back, a cancel has nobody told.
 */
#include "qmgr/core/core_int.h"

bool
orderpart_blocks(const struct ordered *item)
{
	return item->order.stage == ORDER_BEGUN &&
	    (item->order.kind == ORDER_HOLD ||
	        item->order.kind == ORDER_CANCEL);
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
	case ORDER_NONE:
	case ORDER_MOVE:
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

/* The order that a covered part waits for; of a hold and a release behind it
 * neither, and nothing comes behind a cancel. */
static struct ordered *
pending(const struct core *core, const struct part *p, uint64_t lease)
{
	struct ordered *found = NULL;
	struct link *link;

	LIST_FOREACH (link, &core->in_hand) {
		struct ordered *item = LIST_ITEM(link, struct ordered, in_hand);

		if (item->order.kind == ORDER_RETRY ||
		    (item->order.stage == ORDER_WALKED &&
		        lease >= item->order.lease) ||
		    !orderpart_covers(core, item, p))
			continue;
		found = item->order.kind == ORDER_RELEASE ? NULL : item;
		if (item->order.kind == ORDER_CANCEL)
			break;
	}
	return found;
}

/* The entry that frees the slot says that the part is held: so there is no
 * moment in which the lease is over and the part may be lent again. Its cause
 * stays: that tells how the lease ended. */
static bool
amend(struct core *core, uint32_t part, uint64_t lease, uint64_t number)
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
		part_fill(core, part_get(core, part), &a->part);
		a->part.lease = lease;
		a->part.order = number;
		return true;
	}
	return false;
}

void
orderpart_lease_over(struct core *core, uint32_t part, uint64_t lease)
{
	const struct part *p = slab_try(&core->parts, part);
	struct ordered *item;

	if (p == NULL || list_is_empty(&core->in_hand))
		return;
	item = pending(core, p, lease);
	if (item == NULL)
		return;
	if (p->state != PART_HELD) {
		into_hold(core, item, part);
		if (!amend(core, part, lease, item->order.number))
			remember(core, part, PART_HELD, item);
		if (item->order.kind == ORDER_HOLD)
			item->order.parts++;
	}
	if (item->order.kind == ORDER_CANCEL)
		(void)orderpart_visit(core, item, part);
}

bool
orderpart_takes(struct core *core, uint32_t part)
{
	struct ordered *item;

	if (core->n_blocks + core->n_message_blocks == 0)
		return false;
	item = pending(core, part_get(core, part), UINT64_MAX);
	return item != NULL && orderpart_visit(core, item, part);
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
