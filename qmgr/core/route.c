/* SPDX-License-Identifier: BSD-2-Clause */
/* route: which site a queue goes to: asking, hearing, and having none. */
#include "qmgr/core/core_int.h"

#define ROUTE_ASK_MS 30000   /* an answer takes a DNS lookup */
#define ROUTE_HOLD_MS 2000   /* parts wait so long for a changed route */
#define ROUTE_NONE_MS 10000  /* at least so long it bounces */
#define ROUTE_AGAIN_MS 1000  /* least wait before asking again */
#define ROUTE_VISIT_MS 60000 /* where nothing is due earlier */
#define ROUTE_BOUNCE_SLICE 64

/* Whether it has parts that want to go, and may. */
static bool
is_wanted(struct core *core, struct queue *q)
{
	return q->n[PART_READY] > q->n_notices && !queue_is_stopped(core, q);
}

bool
queue_is_lost(const struct core *core, const struct queue *q)
{
	return core->now_ms >= q->route_until_ms ||
	    q->route_generation != core->shaper_generation ||
	    (q->site == 0 && !q->is_bouncing);
}

bool
queue_is_asking(const struct core *core, const struct queue *q)
{
	return core->now_ms < q->route_ask_ms &&
	    q->route_life == core->shaper_life;
}

bool
queue_is_held(const struct core *core, const struct queue *q)
{
	if (q->route_generation == core->shaper_generation ||
	    !core->is_shaper_up)
		return false;
	return !queue_is_asking(core, q) ||
	    core->now_ms < q->route_ask_ms - ROUTE_ASK_MS + ROUTE_HOLD_MS;
}

static bool
can_ask(struct core *core, struct queue *q)
{
	bool is_stale = q->route_generation != core->shaper_generation;

	return is_wanted(core, q) && queue_is_lost(core, q) &&
	    core->is_shaper_up && !queue_is_asking(core, q) &&
	    (is_stale || core->now_ms >= q->route_wait_ms);
}

static void
ask(struct core *core, struct queue *q)
{
	struct core_action *a = core_emit(core, CORE_ROUTE_ASK);

	a->queue = q->self;
	a->key = q->key;
	q->route_ask_ms = core->now_ms + ROUTE_ASK_MS;
	q->route_life = core->shaper_life;
}

/* No route for good: the parts bounce, a slice at a time. */
static void
bounce_slice(struct core *core, struct queue *q)
{
	for (int i = 0; i < ROUTE_BOUNCE_SLICE; i++) {
		uint32_t part = q->ready.first;

		if (part == 0 || !core_has_room(core) ||
		    orderpart_keeps(core, part))
			return;
		part_get(core, part)->last_code = q->bounce_code;
		fate_fail(core, part, CAUSE_BOUNCED, q->route_text);
	}
}

static int64_t
next_ms(struct core *core, struct queue *q)
{
	int64_t next = core->now_ms + ROUTE_VISIT_MS;

	if (!is_wanted(core, q))
		return next;
	if (q->is_bouncing && q->ready.n > 0)
		return core->now_ms;
	if (queue_is_asking(core, q))
		return q->route_ask_ms < next ? q->route_ask_ms : next;
	if (queue_is_lost(core, q) && core->is_shaper_up)
		return q->route_wait_ms < next ? q->route_wait_ms : next;
	return q->route_until_ms > core->now_ms && q->route_until_ms < next
	    ? q->route_until_ms
	    : next;
}

void
queue_visit(struct core *core, struct queue *q)
{
	if (queue_is_empty(q) && core->n_actions == 0) {
		queue_free(core, q);
		return;
	}
	if (core->now_ms >= q->route_until_ms)
		q->is_bouncing = false;
	if (q->is_bouncing && is_wanted(core, q))
		bounce_slice(core, q);
	/* Q3: a queue with ready parts has asked, or knows when it will. */
	if (can_ask(core, q) && core_has_room(core))
		ask(core, q);
	heap_change(&core->queue_due, q->heap_pos, next_ms(core, q));
}

void
queue_sweep(struct core *core, struct queue *q)
{
	queue_set_out(core, q, queue_is_stopped(core, q));
	if (stuck_is_queue(core, q))
		queue_wake(core, q, core->now_ms);
	if (!is_wanted(core, q) || !queue_is_lost(core, q) ||
	    !core->is_shaper_up)
		return;
	/* While it was stopped, nobody minded the question's deadline. */
	if (queue_is_asking(core, q))
		queue_wake(core, q, q->route_ask_ms);
	else
		queue_wake(core, q,
		    can_ask(core, q) ? core->now_ms : q->route_wait_ms);
}

static bool
lengths_ok(const struct core_route *r)
{
	if (r->status != ROUTE_OK)
		return true;
	return r->source.len <= CORE_NAME_MAX_BYTES && r->provider.len > 0 &&
	    r->provider.len <= CORE_NAME_MAX_BYTES &&
	    r->hosts.len <= CORE_HOSTS_MAX_BYTES;
}

static enum err
take_route(struct core *core, struct queue *q, const struct core_route *r)
{
	struct site *s = site_obtain(core, r->source, r->provider);

	/* Nobody else's mail goes to where notices go. */
	if (s != NULL && notice_is_site(core, s))
		return ERR_RANGE;
	if (s == NULL || !core_text_set(core, &s->hosts, r->hosts) ||
	    !queue_attach(core, q, s))
		return ERR_FULL;
	s->transport = r->transport;
	q->is_bouncing = false;
	q->route_until_ms = core->now_ms + r->valid_ms;
	if (q->ready.n > 0)
		site_mark(core, s);
	core_text_drop(core, &q->route_text);
	return ERR_OK;
}

/* The parts of a queue without route are in no lane. */
static void
take_refusal(struct core *core, struct queue *q, const struct core_route *r)
{
	queue_detach(core, q);
	q->is_bouncing = true;
	q->bounce_code = r->code;
	q->route_until_ms = core->now_ms +
	    (r->valid_ms > ROUTE_NONE_MS ? r->valid_ms : ROUTE_NONE_MS);
}

enum err
core_route(struct core *core, const struct core_route *r)
{
	struct queue *q = slab_try(&core->queues, r->queue);
	enum err err = ERR_OK;

	if (q == NULL)
		return ERR_OK;
	if (!lengths_ok(r))
		return ERR_RANGE;
	q->route_ask_ms = 0;
	q->route_wait_ms = core->now_ms + ROUTE_AGAIN_MS;
	q->route_generation = core->shaper_generation;
	switch (r->status) {
	case ROUTE_OK:
		err = take_route(core, q, r);
		break;
	case ROUTE_AGAIN:
		if (r->valid_ms > ROUTE_AGAIN_MS)
			q->route_wait_ms = core->now_ms + r->valid_ms;
		break;
	case ROUTE_NONE:
		take_refusal(core, q, r);
		break;
	case ROUTE_STATUS_N:
		return ERR_RANGE;
	}
	if (r->status != ROUTE_OK &&
	    !core_text_set(core, &q->route_text, r->text))
		core_text_drop(core, &q->route_text);
	queue_wake(core, q, core->now_ms);
	return err;
}
