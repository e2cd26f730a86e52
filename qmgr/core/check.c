/* SPDX-License-Identifier: BSD-2-Clause */
/* check: looks at everything: do the invariants hold (Q1 to Q6)? */
#include "qmgr/core/core_int.h"

#include "util/base/array.h"

#define SLOT_BITS 16
#define SLOT_MASK 0xffffu

/* Ends the function with the text when cond holds. */
#define WRONG_IF(cond, text) \
	do { \
		if (cond) \
			return (text); \
	} while (0)

/* Which list of READY parts it is. */
enum which { IN_QUEUE, IN_NOTICES, IN_LONELY };

static const char *
check_list(const struct core *core, const struct part_list *list,
    enum part_status state, enum which which)
{
	uint32_t part = list->first, prev = 0, n = 0;

	while (part != 0) {
		const struct part *p = part_get(core, part);

		WRONG_IF(p->state != state, "Q1: a list holds another state");
		WRONG_IF(state == PART_READY &&
		        part_is_lonely(p) != (which == IN_LONELY),
		    "Q13: a lonely part is not among the lonely");
		WRONG_IF(
		    which != IN_LONELY && p->is_notice != (which == IN_NOTICES),
		    "a notice is not among the notices");
		WRONG_IF(p->prev != prev, "Q1: a list is broken");
		prev = part;
		part = p->next;
		n++;
	}
	WRONG_IF(
	    list->n != n || list->last != prev, "Q1: a list is miscounted");
	return NULL;
}

static const char *
check_leased(const struct core *core, uint32_t part, const struct part *p)
{
	const struct slot_entry *e =
	    lease_slot(core, p->next >> SLOT_BITS, p->next & SLOT_MASK);

	WRONG_IF(e == NULL || e->state != CORE_SLOT_OUT || e->part != part,
	    "Q1: a leased part is in no slot");
	WRONG_IF(part_is_owed(core, p) != (e->notice == NOTICE_FINAL),
	    "a part that owes a notice is being delivered");
	return NULL;
}

static const char *
check_part(const struct core *core, uint32_t part)
{
	const struct part *p = part_get(core, part);
	const struct seg *seg = slab_try(&core->segs, p->segment);

	WRONG_IF(p->state >= PART_DONE, "Q1: a live part is done");
	WRONG_IF(p->heap_pos >= heap_n(&core->due) ||
	        heap_get(&core->due, p->heap_pos).id != part,
	    "Q2: a part has no deadline");
	WRONG_IF(slab_try(&core->queues, p->queue) == NULL,
	    "Q4: a part's queue is gone");
	WRONG_IF(
	    seg == NULL || seg_part(core, seg, p->block, p->number) != part,
	    "a part is not in its segment");
	WRONG_IF(seg_bit(seg, p->block), "a live record is done");
	WRONG_IF(!part_is_open(core, p) && !part_is_owed(core, p),
	    "a part with nothing open or owed lives");
	WRONG_IF(
	    p->state == PART_READY && part_is_owed(core, p) && !p->is_notice,
	    "a part that owes a notice is to be delivered");
	WRONG_IF(p->state != PART_READY && p->is_notice,
	    "a part is among the notices that is not ready");
	if (p->state == PART_LEASED)
		return check_leased(core, part, p);
	return NULL;
}

static const char *
check_parts(const struct core *core)
{
	uint64_t n[PART_STATE_N] = { 0 }, owed = 0;

	for (uint32_t h = 0; (h = slab_next(&core->parts, h)) != 0;) {
		const char *wrong = check_part(core, h);

		if (wrong != NULL)
			return wrong;
		n[part_get(core, h)->state]++;
		owed += part_is_owed(core, part_get(core, h)) ? 1 : 0;
	}
	WRONG_IF(memcmp(n, core->n, sizeof(n)) != 0, "Q6: states miscounted");
	WRONG_IF(owed != core->owed, "Q6: owed parts are miscounted");
	return NULL;
}

static const char *
check_queue(const struct core *core, const struct queue *q)
{
	uint32_t others = q->n[PART_READY] - q->ready.n;
	const char *wrong =
	    check_list(core, &q->waiting, PART_WAITING, IN_QUEUE);

	if (wrong == NULL)
		wrong = check_list(core, &q->ready, PART_READY, IN_QUEUE);
	if (wrong == NULL)
		wrong = check_list(core, &q->held, PART_HELD, IN_QUEUE);
	if (wrong != NULL)
		return wrong;
	WRONG_IF(q->n[PART_WAITING] != q->waiting.n ||
	        q->n[PART_HELD] != q->held.n ||
	        others > core->lonely.n + core->notices.n ||
	        q->n_notices > others,
	    "Q1: a queue is miscounted");
	WRONG_IF(heap_get(&core->queue_due, q->heap_pos).id != q->self,
	    "Q3: a queue has no deadline");
	WRONG_IF(link_is_listed(&q->in_lane) !=
	        (q->site != 0 && q->ready.n > 0 && !q->is_out),
	    "a queue's turn does not come, or comes for nothing");
	WRONG_IF(q->site != 0 && slab_try(&core->sites, q->site) == NULL,
	    "Q4: a queue's site is gone");
	WRONG_IF(
	    q->is_bouncing && q->site != 0, "a queue without route has a site");
	return NULL;
}

static const char *
check_queues(const struct core *core)
{
	const char *wrong;
	uint64_t n = 0;

	for (uint32_t h = 0; (h = slab_next(&core->queues, h)) != 0;) {
		const struct queue *q = queue_get(core, h);

		wrong = check_queue(core, q);
		if (wrong != NULL)
			return wrong;
		WRONG_IF(!core->is_sweeping && stuck_is_queue(core, q),
		    "Q3: a queue with ready parts waits for nothing");
		for (size_t i = 0; i < PART_STATE_N; i++)
			n += q->n[i];
	}
	WRONG_IF(n != slab_n(&core->parts), "Q6: queues miss a part");
	WRONG_IF(heap_n(&core->queue_due) != slab_n(&core->queues),
	    "Q3: queues and deadlines differ");
	wrong = check_list(core, &core->lonely, PART_READY, IN_LONELY);
	if (wrong == NULL)
		wrong =
		    check_list(core, &core->notices, PART_READY, IN_NOTICES);
	return wrong;
}

/* Sums over the queues that have this site. */
static void
sum_queues(const struct core *core, uint32_t site, uint32_t *n, uint32_t *ready)
{
	*n = *ready = 0;
	for (uint32_t h = 0; (h = slab_next(&core->queues, h)) != 0;) {
		const struct queue *q = queue_get(core, h);

		if (q->site != site)
			continue;
		(*n)++;
		*ready += q->is_out ? 0 : q->ready.n;
	}
}

static const char *
check_conn_list(
    const struct core *core, const struct site *s, const struct list *list)
{
	struct link *link;

	LIST_FOREACH (link, list) {
		const struct conn *c = LIST_ITEM(link, struct conn, in_site);
		bool is_up = c->state == CORE_CONN_UP;

		WRONG_IF(c->in != list || c->site != s->self,
		    "a connection is listed elsewhere");
		WRONG_IF(list == &s->idle && (!is_up || c->n_out > 0),
		    "an idle connection is not idle");
		WRONG_IF(list == &s->busy &&
		        (!is_up || c->n_out >= core->conf.ahead),
		    "a busy connection has no room");
		WRONG_IF(c->n_out > core->conf.ahead,
		    "a connection has too many leases");
	}
	return NULL;
}

static void
count_conns(
    const struct core *core, const struct site *s, uint32_t n[3], uint32_t *out)
{
	n[0] = n[1] = n[2] = *out = 0;
	for (uint32_t h = 0; (h = slab_next(&core->conns, h)) != 0;) {
		const struct conn *c = slab_get(&core->conns, h);

		if (c->site != s->self)
			continue;
		n[c->state]++;
		*out += c->n_out;
	}
}

static const char *
check_site(const struct core *core, const struct site *s)
{
	const struct list *lists[] = { &s->idle, &s->busy, &s->other };
	bool is_ours = notice_is_site(core, s);
	uint32_t n_queues, n_ready, n[3], out;

	sum_queues(core, s->self, &n_queues, &n_ready);
	if (is_ours)
		n_ready += core->notices.n;
	WRONG_IF(n_queues != s->n_queues || n_ready != s->n_ready,
	    "Q3: a site's ready parts are miscounted");
	WRONG_IF(!is_ours && list_is_empty(&s->lanes) != (s->n_ready == 0),
	    "Q3: no turn comes at a site with ready parts");
	WRONG_IF(is_ours && !list_is_empty(&s->lanes),
	    "mail is to be delivered to where notices go");
	WRONG_IF(heap_get(&core->site_due, s->heap_pos).id != s->self,
	    "Q3: a site has no deadline");
	count_conns(core, s, n, &out);
	WRONG_IF(n[CORE_CONN_OPENING] != s->n_opening ||
	        n[CORE_CONN_UP] != s->n_up || out != s->n_out,
	    "a site's connections are miscounted");
	for (size_t i = 0; i < COUNT_OF(lists); i++) {
		const char *wrong = check_conn_list(core, s, lists[i]);

		if (wrong != NULL)
			return wrong;
	}
	return NULL;
}

static const char *
check_slot(const struct core *core, const struct worker *w, uint32_t slot)
{
	const struct slot_entry *e = &w->slots[slot];
	uint32_t at = (uint32_t)(w - core->workers) << SLOT_BITS | slot;
	const struct part *p;

	if (e->state != CORE_SLOT_OUT || e->part == 0)
		return NULL;
	p = slab_try(&core->parts, e->part);
	WRONG_IF(p == NULL || p->state != PART_LEASED || p->next != at,
	    "Q1: a slot's part is not leased there");
	WRONG_IF(e->lease == 0 || e->lease >= core->next_lease,
	    "a lease number was not given yet");
	WRONG_IF(heap_get(&core->leases, e->heap_pos).id != at,
	    "a lease out is not among the leases");
	return NULL;
}

static const char *
check_worker(const struct core *core, const struct worker *w)
{
	uint32_t n[4] = { 0 }, unknown = 0, restored = 0;

	for (uint32_t i = 0; i < w->n_slots; i++) {
		const struct slot_entry *e = &w->slots[i];
		const char *wrong = check_slot(core, w, i);

		if (wrong != NULL)
			return wrong;
		n[e->state]++;
		if (e->state != CORE_SLOT_OUT)
			continue;
		unknown += e->part == 0 ? 1 : 0;
		restored += e->conn == 0 ? 1 : 0;
	}
	WRONG_IF(n[CORE_SLOT_FREE] != w->n_free ||
	        n[CORE_SLOT_OUT] != w->n_out || unknown != w->n_unknown ||
	        restored != w->n_restored,
	    "a worker's slots are miscounted");
	return NULL;
}

/* Q8: what holds parts is kept as long as they are held. */
static const char *
check_orders(const struct core *core)
{
	uint64_t held = 0, refs = 0;
	uint32_t blocks = 0, messages = 0;

	for (uint32_t h = 0; (h = slab_next(&core->parts, h)) != 0;) {
		const struct part *p = part_get(core, h);

		if (p->state != PART_HELD || p->mark == 0)
			continue;
		WRONG_IF(ordertab_of(core, p) == NULL,
		    "Q8: a held part's order is gone");
		held++;
	}
	for (uint32_t i = 0; i < core->n_orders; i++) {
		const struct ordered *item = core->orders[core->order_list[i]];
		bool blocks_it =
		    link_is_listed(&item->in_hand) && orderpart_blocks(item);

		refs += item->refs;
		if (order_match_has_qid(&item->order.match))
			messages += blocks_it ? 1 : 0;
		else
			blocks += blocks_it ? 1 : 0;
	}
	WRONG_IF(held != refs, "Q8: held parts of orders are miscounted");
	WRONG_IF(core->is_restored &&
	        (blocks != core->n_blocks ||
	            messages != core->n_message_blocks),
	    "Q8: orders that block queues are miscounted");
	return NULL;
}

const char *
core_check(const struct core *core)
{
	const char *wrong = check_parts(core);

	WRONG_IF(!core_audit(core), "Q6: the accounts do not balance");
	if (wrong == NULL)
		wrong = check_queues(core);
	if (wrong == NULL)
		wrong = check_orders(core);
	for (uint32_t h = 0;
	     wrong == NULL && (h = slab_next(&core->sites, h)) != 0;)
		wrong = check_site(core, site_get(core, h));
	for (size_t i = 0; wrong == NULL && i < CORE_WORKERS_MAX; i++)
		wrong = check_worker(core, &core->workers[i]);
	return wrong;
}
