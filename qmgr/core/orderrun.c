/* SPDX-License-Identifier: BSD-2-Clause */
/* orderrun: what a person orders comes to each part that it covers (Q8).
 *
 *	SITES ---> QUEUES ---> COMMON ---> SLOTS ---> over
 *			MESSAGE ------------^
 *
 * Orders are walked one after the other, in slices, over the lists of the
 * queues that match; a part that is out on a lease is changed when that ends,
 * and the order is over when all leases from before the end of its walk are.
 * Each part is looked at once: what is not covered moves to the end of its
 * list. What is begun and not over goes on after a restart: from the start if
 * it had not been everywhere, which does no harm to what was changed before.
 */
#include "qmgr/core/core_int.h"

#include "util/base/array.h"

#define PARTS_SLICE 256
#define QUEUES_SLICE 4096
#define SITES_SLICE 256
#define SLOTS_SLICE 4096

/* Lists of a queue. */
enum { LIST_WAITING, LIST_READY, LIST_HELD, LIST_N };

static struct part_list *
list_at(struct queue *q, unsigned i)
{
	struct part_list *lists[LIST_N] = { &q->waiting, &q->ready, &q->held };

	return lists[i];
}

/* Those in which an order may find something. */
static bool
is_for_list(const struct ordered *item, unsigned i)
{
	if (item->is_rest)
		return i == LIST_HELD;
	switch ((enum order_kind)item->order.kind) {
	case ORDER_RETRY:
		return i == LIST_WAITING;
	case ORDER_HOLD:
		return i != LIST_HELD;
	case ORDER_RELEASE:
		return i == LIST_HELD;
	case ORDER_CANCEL:
	case ORDER_MOVE:
		return true;
	case ORDER_NONE:
	case ORDER_SUSPEND:
	case ORDER_RESUME:
	case ORDER_KIND_N:
		break;
	}
	return false;
}

/* What queues have in common: parts that are ready. */
static struct part_list *
common_at(struct core *core, unsigned i)
{
	struct part_list *lists[] = { &core->lonely, &core->notices };

	return i < COUNT_OF(lists) ? lists[i] : NULL;
}

static bool
is_walking(const struct ordered *item)
{
	return item->walk != WALK_SLOTS;
}

/* --- in hand -------------------------------------------------------------- */

static void
count_block(struct core *core, const struct ordered *item, int by)
{
	uint32_t *n = order_match_has_qid(&item->order.match)
	    ? &core->n_message_blocks
	    : &core->n_blocks;

	if (!orderpart_blocks(item))
		return;
	*n = (uint32_t)((int64_t)*n + by);
	if (n == &core->n_blocks)
		suspend_changed(core);
}

/* The message's place; it may be gone. */
static void
find_message(struct core *core, struct ordered *item)
{
	uint32_t part = core_find(core, &item->order.match.qid, 0);
	const struct part *p;

	item->walk = WALK_MESSAGE;
	if (part == 0)
		return;
	p = part_get(core, part);
	item->segment = p->segment;
	item->block = p->block;
}

static void
begin_walk(struct core *core, struct ordered *item)
{
	item->is_rest = item->order.stage == ORDER_WALKED;
	item->list = LIST_N;
	count_block(core, item, 1);
	if (item->is_rest && item->order.kind != ORDER_CANCEL)
		item->walk = WALK_SLOTS;
	else if (order_match_has_qid(&item->order.match))
		find_message(core, item);
	else if (item->order.kind == ORDER_RETRY &&
	    order_match_is_any(&item->order.match))
		item->walk = WALK_SITES;
	else
		item->walk = WALK_QUEUES;
}

static void
put_in_hand(struct core *core, struct ordered *item)
{
	struct link *before = list_last(&core->in_hand);
	struct link *behind = NULL;

	/* Only a restart brings them in another order. */
	while (before != NULL &&
	    LIST_ITEM(before, struct ordered, in_hand)->order.number >
	        item->order.number) {
		behind = before;
		before =
		    before->prev == &core->in_hand.head ? NULL : before->prev;
	}
	if (behind == NULL)
		list_push_back(&core->in_hand, &item->in_hand);
	else if (before == NULL)
		list_push_front(&core->in_hand, &item->in_hand);
	else
		list_add_behind(&core->in_hand, before, &item->in_hand);
}

static void
end(struct core *core, struct ordered *item)
{
	item->order.stage = ORDER_OVER;
	item->order.lease = 0;
	list_remove(&core->in_hand, &item->in_hand);
	core_emit(core, CORE_ORDER)->order = &item->order;
	ordertab_look(core, item);
}

/* --- leases --------------------------------------------------------------- */

static bool
is_awaited(const struct core *core, const struct ordered *item,
    const struct slot_entry *e)
{
	const struct order_match *match = &item->order.match;

	if (e->state != CORE_SLOT_OUT || e->lease >= item->order.lease)
		return false;
	if (e->part != 0)
		return orderpart_covers(core, item, part_get(core, e->part));
	/* Which queue it is in nobody knows yet. */
	return !order_match_has_qid(match) ||
	    qid_cmp(&e->filled.qid, &match->qid) == 0;
}

/* A slot that was passed cannot have an older lease again. True: it was at all
 * of them; *is_more: the slice was not enough. */
static bool
slots_slice(struct core *core, struct ordered *item, bool *is_more)
{
	for (int i = 0; i < SLOTS_SLICE; i++) {
		const struct worker *w;

		if (item->worker == CORE_WORKERS_MAX)
			return true;
		w = &core->workers[item->worker];
		if (item->slot >= w->n_slots) {
			item->worker++;
			item->slot = 0;
			continue;
		}
		if (is_awaited(core, item, &w->slots[item->slot]))
			return false;
		item->slot++;
	}
	*is_more = true;
	return false;
}

/* What an earlier move waits for may come to be what this order covers. */
static bool
is_behind_move(const struct core *core, const struct ordered *item)
{
	struct link *link;

	LIST_FOREACH (link, &core->in_hand) {
		const struct ordered *before =
		    LIST_ITEM(link, struct ordered, in_hand);

		if (before == item)
			break;
		if (before->order.kind == ORDER_MOVE)
			return true;
	}
	return false;
}

/* It was at all parts but those that are out. */
static void
walked(struct core *core, struct ordered *item)
{
	bool was_rest = item->is_rest;
	bool is_blocking = orderpart_blocks(item);
	bool is_more = false;

	count_block(core, item, -1);
	item->walk = WALK_SLOTS;
	item->is_rest = false;
	if (!was_rest) {
		struct core_action *a = core_emit(core, CORE_APPLIED);

		a->order = &item->order;
		a->n = is_blocking ? item->n_leased : 0;
		a->n_stuck = item->n_stuck;
		item->order.stage = ORDER_WALKED;
		item->order.lease = core->next_lease;
	}
	if (item->order.kind == ORDER_RETRY ||
	    (!is_behind_move(core, item) && slots_slice(core, item, &is_more)))
		end(core, item);
	else if (!was_rest)
		core_emit(core, CORE_ORDER)->order = &item->order;
}

/* --- walking -------------------------------------------------------------- */

static void
sites_slice(struct core *core, struct ordered *item)
{
	for (int i = 0; i < SITES_SLICE; i++) {
		item->cursor = slab_next(&core->sites, item->cursor);
		if (item->cursor == 0) {
			item->walk = WALK_QUEUES;
			return;
		}
		health_forget(core, site_get(core, item->cursor));
	}
}

/* Looks at item->left parts from the front of the list, as far as the slice
 * goes. Returns how many it looked at. */
static int
list_slice(
    struct core *core, struct ordered *item, struct part_list *list, int slice)
{
	int n = 0;

	while (
	    n < slice && item->left > 0 && list->n > 0 && core_has_room(core)) {
		uint32_t part = list->first;

		n++;
		item->left--;
		if (orderpart_covers(core, item, part_get(core, part)) &&
		    orderpart_visit(core, item, part))
			continue;
		part_list_remove(core, list, part);
		part_list_push(core, list, part);
	}
	if (list->n == 0)
		item->left = 0;
	return n;
}

/* The next list with something for the order, of the queue at the cursor or of
 * one behind it; NULL: none within the slice. */
static struct part_list *
next_list(struct core *core, struct ordered *item)
{
	for (int i = 0; i < QUEUES_SLICE; i++) {
		struct queue *q = slab_try(&core->queues, item->cursor);

		while (q != NULL && item->list < LIST_N) {
			unsigned at = item->list++;
			struct part_list *list = list_at(q, at);

			if (list->n == 0 || !is_for_list(item, at))
				continue;
			item->left = list->n;
			return list;
		}
		item->cursor = slab_next(&core->queues, item->cursor);
		if (item->cursor == 0) {
			item->walk = WALK_COMMON;
			item->list = 0;
			item->left = core->lonely.n;
			return NULL;
		}
		q = queue_get(core, item->cursor);
		if (!ordertab_matches(&item->order.match, q))
			continue;
		item->list = 0;
		item->n_leased += q->n[PART_LEASED];
	}
	return NULL;
}

static struct part_list *
list_in_hand(struct core *core, struct ordered *item)
{
	struct queue *q = slab_try(&core->queues, item->cursor);

	if (item->left > 0 && q != NULL)
		return list_at(q, item->list - 1);
	return next_list(core, item);
}

static void
queues_slice(struct core *core, struct ordered *item)
{
	int slice = PARTS_SLICE;

	while (slice > 0 && core_has_room(core)) {
		struct part_list *list = list_in_hand(core, item);

		if (list == NULL)
			return;
		slice -= list_slice(core, item, list, slice);
	}
}

static void
common_slice(struct core *core, struct ordered *item)
{
	struct part_list *list = common_at(core, item->list);

	if (list != NULL && is_for_list(item, LIST_READY))
		(void)list_slice(core, item, list, PARTS_SLICE);
	else
		item->left = 0;
	if (item->left > 0)
		return;
	list = common_at(core, ++item->list);
	if (list == NULL)
		walked(core, item);
	else
		item->left = list->n;
}

/* Parts of one message, by their numbers. */
static void
message_slice(struct core *core, struct ordered *item)
{
	struct seg *seg = slab_try(&core->segs, item->segment);

	for (int i = 0; seg != NULL && i < PARTS_SLICE; i++) {
		uint32_t at = seg_lower(core, seg, item->block, item->part);
		uint32_t part;

		if (at >= seg->first + seg->n ||
		    seg->live[at].block != item->block)
			break;
		if (!core_has_room(core))
			return;
		part = seg->live[at].part;
		item->part = (uint32_t)part_get(core, part)->number + 1;
		if (part_get(core, part)->state == PART_LEASED)
			item->n_leased++;
		if (orderpart_covers(core, item, part_get(core, part)))
			(void)orderpart_visit(core, item, part);
		if (i + 1 == PARTS_SLICE)
			return;
	}
	walked(core, item);
}

static void
walk(struct core *core, struct ordered *item)
{
	switch (item->walk) {
	case WALK_SITES:
		sites_slice(core, item);
		break;
	case WALK_QUEUES:
		queues_slice(core, item);
		break;
	case WALK_COMMON:
		common_slice(core, item);
		break;
	case WALK_MESSAGE:
		message_slice(core, item);
		break;
	case WALK_SLOTS:
		break;
	}
}

bool
orderrun_is_busy(const struct core *core)
{
	struct link *link;

	if (core->pause_len > 0)
		return false;
	LIST_FOREACH (link, &core->in_hand)
		if (is_walking(LIST_ITEM(link, struct ordered, in_hand)))
			return true;
	return false;
}

bool
orderrun_run(struct core *core)
{
	struct link *link, *next;
	bool is_more = false, is_moving = false;

	ordertab_reap(core);
	/* What is changed is appended to the ledger, which must have room. */
	if (core->pause_len > 0)
		return false;
	LIST_FOREACH_SAFE (link, next, &core->in_hand) {
		struct ordered *item = LIST_ITEM(link, struct ordered, in_hand);

		if (!core_has_room(core))
			return true;
		if (is_walking(item)) {
			walk(core, item);
			return true;
		}
		if (!is_moving && slots_slice(core, item, &is_more))
			end(core, item);
		else if (item->order.kind == ORDER_MOVE)
			is_moving = true;
	}
	return is_more;
}

/* --- begin ---------------------------------------------------------------- */

static bool
is_allowed(const struct order *order)
{
	bool has_qid = order_match_has_qid(&order->match);
	bool is_any = order_match_is_any(&order->match);

	switch ((enum order_kind)order->kind) {
	case ORDER_RETRY:
		return true;
	case ORDER_HOLD:
	case ORDER_RELEASE:
	case ORDER_CANCEL:
	case ORDER_MOVE:
		return !is_any;
	case ORDER_SUSPEND:
		return !is_any && !has_qid;
	case ORDER_RESUME:
		return order->number != 0 || (!is_any && !has_qid);
	case ORDER_NONE:
	case ORDER_KIND_N:
		break;
	}
	return false;
}

/* Where all of it goes into one queue, that must be to be had. */
static bool
can_move(struct core *core, const struct order *order)
{
	static const struct queue_key none;
	struct order_target t;
	struct queue_key key;

	if (order_target_parse(&t, order->target) != ERR_OK)
		return false;
	if (t.keeps_tenant || t.keeps_campaign || t.keeps_domain)
		return true;
	key = order_target_key(&t, &none);
	return queue_obtain(core, &key) != NULL;
}

static enum err
begin(struct core *core, const struct order *order, uint64_t *number)
{
	struct ordered *item;

	if (core->in_hand.n >= CORE_IN_HAND_MAX)
		return ERR_AGAIN;
	if (order_match_has_qid(&order->match) &&
	    core_find(core, &order->match.qid, 0) == 0)
		return ERR_NOTFOUND;
	if (order->kind == ORDER_HOLD && core->n_orders >= CORE_ORDERS_MAX)
		return ERR_FULL;
	if (order->kind == ORDER_MOVE && !can_move(core, order))
		return ERR_FULL;
	item = ordertab_add(core, order);
	if (item == NULL)
		return ERR_FULL;
	put_in_hand(core, item);
	begin_walk(core, item);
	core_emit(core, CORE_ORDER)->order = &item->order;
	*number = item->order.number;
	return ERR_OK;
}

enum err
core_order(struct core *core, const struct order *given, uint64_t *number)
{
	struct order order = *given;
	int64_t wall_ms = core->wall_ms > 0 ? core->wall_ms : 0;

	order.stage = ORDER_BEGUN;
	order.at_ms = wall_ms;
	/* The clock may have fallen back since the newest came. */
	order.covers_ms = wall_ms > core->newest_ms ? wall_ms : core->newest_ms;
	order.parts = order.lease = 0;
	if (order.kind != ORDER_MOVE)
		order.target = STR("");
	if (!order_is_sound(&order) || !is_allowed(&order))
		return ERR_RANGE;
	if (order.kind == ORDER_RESUME)
		return suspend_resume(core, &order, number);
	order.number = core->next_order;
	if (order.kind == ORDER_SUSPEND)
		return suspend_begin(core, &order, number);
	order.until_ms = 0;
	return begin(core, &order, number);
}

/* --- restart -------------------------------------------------------------- */

enum err
core_restore_order(struct core *core, const struct order *order)
{
	struct ordered *item;

	if (core->is_restored || !order_is_sound(order) || order->number == 0 ||
	    order->number == UINT64_MAX)
		return ERR_RANGE;
	/* Not before there must be: in a checkpoint, all orders come before the
	 * parts that they hold. */
	if (core->n_orders == CORE_ORDERS_ROOM)
		ordertab_reap(core);
	if (order->kind == ORDER_SUSPEND || order->kind == ORDER_RESUME)
		return suspend_restore(core, order);
	item = ordertab_find(core, order->number);
	if (item == NULL)
		item = ordertab_add(core, order);
	else if (!ordertab_set(core, item, order))
		return ERR_FULL;
	if (item == NULL)
		return ERR_FULL;
	if (order->stage == ORDER_OVER) {
		if (link_is_listed(&item->in_hand))
			list_remove(&core->in_hand, &item->in_hand);
		ordertab_look(core, item);
	} else if (!link_is_listed(&item->in_hand)) {
		put_in_hand(core, item);
	}
	return ERR_OK;
}

void
orderrun_restored(struct core *core)
{
	struct link *link;

	LIST_FOREACH (link, &core->in_hand) {
		struct ordered *item = LIST_ITEM(link, struct ordered, in_hand);

		/* What is left of it is told, not what was before. */
		begin_walk(core, item);
	}
}
