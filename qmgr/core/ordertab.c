/* SPDX-License-Identifier: BSD-2-Clause */
/* ordertab: the orders that are kept: in hand, in force, or why parts are held.
 *
 * A held part names its order by place, the ledger by number. An order that
 * nobody needs goes, but the newest stays: its number must not come again.
 */
#include "qmgr/core/core_int.h"

#include "util/base/array.h"
#include "util/text/glob.h"

#define TEXT_BYTES \
	(3 * ORDER_TEXT_MAX_BYTES + 3 * ORDER_NAME_MAX_BYTES + \
	    ORDER_BY_MAX_BYTES)
#define SPENT_SLICE 64

/* Index in order_list of the first with this number or a higher one. */
static uint32_t
lower(const struct core *core, uint64_t number)
{
	uint32_t from = 0, to = core->n_orders;

	while (from < to) {
		uint32_t at = from + (to - from) / 2;

		if (core->orders[core->order_list[at]]->order.number < number)
			from = at + 1;
		else
			to = at;
	}
	return from;
}

struct ordered *
ordertab_find(const struct core *core, uint64_t number)
{
	uint32_t at = lower(core, number);
	struct ordered *item;

	if (at == core->n_orders)
		return NULL;
	item = core->orders[core->order_list[at]];
	return item->order.number == number ? item : NULL;
}

bool
ordertab_set(struct core *core, struct ordered *item, const struct order *order)
{
	char bytes[TEXT_BYTES];
	struct outbuf out = { bytes, 0, sizeof(bytes) };
	struct order own = *order;
	struct str *texts[] = { &own.match.queue, &own.match.tenant,
		&own.match.campaign, &own.match.domain, &own.by, &own.why,
		&own.target };
	struct str rest;

	for (size_t i = 0; i < COUNT_OF(texts); i++)
		outbuf_put(&out, *texts[i]);
	if (!core_text_set(core, &item->text, outbuf_str(&out)))
		return false;
	rest = item->text;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		size_t len = texts[i]->len;

		*texts[i] = str_head(rest, len);
		str_skip(&rest, len);
	}
	item->order = own;
	/* It is sound, and its views are into text now. */
	BUG_IF(own.kind == ORDER_MOVE &&
	    order_target_parse(&item->target, own.target) != ERR_OK);
	return true;
}

static bool
is_needed(const struct core *core, const struct ordered *item)
{
	return item->refs > 0 || link_is_listed(&item->in_hand) ||
	    suspend_is_on(item) || item->order.number + 1 == core->next_order;
}

void
ordertab_look(struct core *core, struct ordered *item)
{
	if (!is_needed(core, item) && !link_is_listed(&item->in_spent))
		list_push_back(&core->spent, &item->in_spent);
}

static void
drop(struct core *core, struct ordered *item)
{
	uint32_t at = lower(core, item->order.number);

	core->n_orders--;
	memmove(&core->order_list[at], &core->order_list[at + 1],
	    (core->n_orders - at) * sizeof(core->order_list[0]));
	core->orders[item->place] = NULL;
	core->order_free[core->n_order_free++] = item->place;
	core_text_drop(core, &item->text);
	mem_give(&core->mem, item, sizeof(*item));
}

void
ordertab_reap(struct core *core)
{
	/* An action may show it. */
	if (core->n_actions > 0)
		return;
	for (int i = 0; i < SPENT_SLICE && !list_is_empty(&core->spent); i++) {
		struct ordered *item = LIST_ITEM(
		    list_first(&core->spent), struct ordered, in_spent);

		list_remove(&core->spent, &item->in_spent);
		if (!is_needed(core, item))
			drop(core, item);
	}
}

/* Higher numbers come later; what was the newest may be needed no more. */
static void
note_number(struct core *core, uint64_t number)
{
	struct ordered *was;

	if (number < core->next_order)
		return;
	was = ordertab_find(core, core->next_order - 1);
	core->next_order = number + 1;
	if (was != NULL)
		ordertab_look(core, was);
}

struct ordered *
ordertab_add(struct core *core, const struct order *order)
{
	uint32_t at = lower(core, order->number);
	struct ordered *item;

	if (core->n_orders == CORE_ORDERS_ROOM)
		return NULL;
	item = mem_take(&core->mem, sizeof(*item));
	if (item == NULL)
		return NULL;
	if (!ordertab_set(core, item, order)) {
		mem_give(&core->mem, item, sizeof(*item));
		return NULL;
	}
	item->end_ms = CORE_NEVER_MS;
	item->place = core->n_order_free > 0
	    ? core->order_free[--core->n_order_free]
	    : (uint16_t)++core->order_places;
	core->orders[item->place] = item;
	memmove(&core->order_list[at + 1], &core->order_list[at],
	    (core->n_orders - at) * sizeof(core->order_list[0]));
	core->order_list[at] = item->place;
	core->n_orders++;
	note_number(core, order->number);
	return item;
}

void
ordertab_free(struct core *core)
{
	while (core->n_orders > 0)
		drop(core, core->orders[core->order_list[0]]);
}

/* --- held parts ----------------------------------------------------------- */

struct ordered *
ordertab_of(const struct core *core, const struct part *p)
{
	return p->state != PART_HELD ? NULL : core->orders[p->mark];
}

void
ordertab_hold(struct part *p, struct ordered *item)
{
	BUG_IF(p->state != PART_HELD || p->mark != 0);
	p->mark = item->place;
	item->refs++;
}

void
ordertab_let_go(struct core *core, struct part *p)
{
	struct ordered *item = ordertab_of(core, p);

	if (item == NULL)
		return;
	BUG_IF(item->refs == 0);
	item->refs--;
	p->mark = 0;
	ordertab_look(core, item);
}

struct ordered *
ordertab_restore(struct core *core, uint64_t number)
{
	struct ordered *item = ordertab_find(core, number);
	struct order lost = {
		.number = number, .kind = ORDER_HOLD, .stage = ORDER_OVER
	};

	if (item != NULL)
		return item;
	/* Its own entry comes yet, or is lost. */
	return ordertab_add(core, &lost);
}

/* --- matching ------------------------------------------------------------- */

static bool
is_term(struct str wanted, struct str is)
{
	return wanted.len == 0 || str_eq(wanted, is);
}

bool
ordertab_matches(const struct order_match *m, const struct queue *q)
{
	char bytes[CORE_QUEUE_NAME_MAX_BYTES];
	struct outbuf out = { bytes, 0, sizeof(bytes) };

	if (!is_term(m->tenant, q->key.tenant) ||
	    !is_term(m->campaign, q->key.campaign) ||
	    !is_term(m->domain, q->key.domain))
		return false;
	if (m->queue.len == 0)
		return true;
	core_queue_name(&q->key, &out);
	return glob_match(m->queue, outbuf_str(&out));
}

/* --- looking -------------------------------------------------------------- */

static void
show(const struct ordered *item, struct core_order_view *view)
{
	*view = (struct core_order_view){ .order = item->order,
		.held = item->refs,
		.is_in_hand = link_is_listed(&item->in_hand) };
}

bool
core_order_get(
    const struct core *core, uint64_t number, struct core_order_view *view)
{
	const struct ordered *item = ordertab_find(core, number);

	if (item == NULL)
		return false;
	show(item, view);
	return true;
}

bool
core_order_next(
    const struct core *core, uint64_t after, struct core_order_view *view)
{
	uint32_t at =
	    after == UINT64_MAX ? core->n_orders : lower(core, after + 1);

	if (at == core->n_orders)
		return false;
	show(core->orders[core->order_list[at]], view);
	return true;
}
