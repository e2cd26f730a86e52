/* SPDX-License-Identifier: BSD-2-Clause */
/* inspect: accounts, and the place and reason of each part and queue. */
#include "qmgr/core/core_int.h"

#include "util/base/array.h"
#include "util/text/when.h"

#define PLACE_MAX 10000 /* parts that are counted to tell a place */
#define OLDEST_LOOKS 64 /* parts of a state that are looked at */
#define SLOT_BITS 16
#define SLOT_MASK 0xffffu
#define MS_PER_S 1000
#define SAY_HALF (CORE_SAY_BYTES / 2)

/* A boot time, as the ledger has it: 0 is none. */
static int64_t
wall_ms(const struct core *core, int64_t ms)
{
	int64_t at_ms = core->wall_ms + ms - core->now_ms;

	return at_ms > 0 ? at_ms : 1;
}

void
core_accounts(const struct core *core, struct core_accounts *a)
{
	*a = (struct core_accounts){ .admitted = core->admitted,
		.done = core->done,
		.waiting = core->n[PART_WAITING],
		.ready = core->n[PART_READY],
		.leased = core->n[PART_LEASED],
		.held = core->n[PART_HELD],
		.owed = core->owed,
		.messages = core->messages,
		.messages_admitted = core->messages_admitted,
		.messages_done = core->messages_done,
		.segments = slab_n(&core->segs),
		.queues = slab_n(&core->queues),
		.sites = slab_n(&core->sites) - 1, /* without our own */
		.conns = slab_n(&core->conns),
		.last_lease = core->next_lease - 1,
		.stuck = core->stuck.n_before,
		.stuck_found = core->stuck.found };

	if (heap_n(&core->leases) > 0)
		a->first_lease = (uint64_t)heap_top(&core->leases).key;
	if (a->waiting > 0) {
		a->first_due_ms = wall_ms(core, heap_top(&core->due).key);
		a->last_due_ms = wall_ms(core, core->last_due_ms);
	}
	if (a->stuck > 0 && core->now_ms > core->stuck.oldest_before_ms)
		a->stuck_ms = core->now_ms - core->stuck.oldest_before_ms;
}

bool
core_audit(const struct core *core)
{
	uint64_t live = core->n[PART_WAITING] + core->n[PART_READY] +
	    core->n[PART_LEASED] + core->n[PART_HELD];

	return core->admitted == core->done + live &&
	    live == slab_n(&core->parts) && core->n[PART_DONE] == 0 &&
	    core->owed <= live && core->messages <= live &&
	    core->messages_admitted == core->messages_done + core->messages &&
	    heap_n(&core->leases) <= core->n_slots &&
	    heap_n(&core->due) == live;
}

size_t
core_memory_bytes(const struct core *core)
{
	const struct slab *slabs[] = { &core->parts, &core->rcpts, &core->segs,
		&core->queues, &core->tenants, &core->campaigns, &core->sites,
		&core->lanes, &core->conns };
	const struct index *indexes[] = { &core->seg_ids, &core->queue_ids,
		&core->tenant_ids, &core->campaign_ids, &core->site_ids,
		&core->lane_ids, &core->conn_ids, &core->lease_ids };
	const struct heap *heaps[] = { &core->due, &core->queue_due,
		&core->site_due, &core->conn_due, &core->leases };
	size_t bytes = core->mem.held_bytes;

	for (size_t i = 0; i < COUNT_OF(slabs); i++)
		bytes += slab_bytes(slabs[i]);
	for (size_t i = 0; i < COUNT_OF(indexes); i++)
		bytes += indexes[i]->held_bytes;
	for (size_t i = 0; i < COUNT_OF(heaps); i++)
		bytes += heaps[i]->cap * sizeof(struct heap_item);
	return bytes;
}

uint32_t
core_part_next(const struct core *core, uint32_t cursor)
{
	return slab_next(&core->parts, cursor);
}

/* Place of qid's first part in seg, or the end. */
static uint32_t
find_in(const struct core *core, const struct seg *seg, const struct qid *qid)
{
	uint32_t at = seg->first;
	struct qid own;

	for (; at < seg->first + seg->n; at++) {
		part_qid(core, part_get(core, seg->live[at].part), &own);
		if (qid_cmp(&own, qid) == 0)
			break;
	}
	return at;
}

static uint32_t
find_first(const struct core *core, const struct qid *qid)
{
	for (uint32_t h = 0; (h = slab_next(&core->segs, h)) != 0;) {
		const struct seg *seg = slab_get(&core->segs, h);
		uint32_t at;

		if (seg->writer != qid_writer(qid) ||
		    qid_time_ms(qid) < seg->first_ms ||
		    qid_time_ms(qid) > seg->last_ms)
			continue;
		at = find_in(core, seg, qid);
		if (at < seg->first + seg->n)
			return seg->live[at].part;
	}
	return 0;
}

uint32_t
core_find(const struct core *core, const struct qid *qid, uint32_t cursor)
{
	const struct part *p = slab_try(&core->parts, cursor);
	const struct seg *seg;
	uint32_t at;

	if (cursor == 0)
		return find_first(core, qid);
	if (p == NULL)
		return 0;
	seg = slab_get(&core->segs, p->segment);
	at = seg_lower(core, seg, p->block, p->number) + 1;
	if (at >= seg->first + seg->n || seg->live[at].block != p->block)
		return 0;
	return seg->live[at].part;
}

bool
core_part_get(const struct core *core, uint32_t part, struct part_state *state)
{
	const struct part *p = slab_try(&core->parts, part);

	if (p == NULL)
		return false;
	part_fill(core, p, state);
	state->key = queue_get(core, p->queue)->key;
	return true;
}

static int64_t
from_now(const struct core *core, int64_t at_ms)
{
	return at_ms > core->now_ms ? at_ms - core->now_ms : 0;
}

/* A number as text, in the core until its next call. */
static struct str
say_number(struct core *core, uint64_t n)
{
	struct outbuf out = { core->say, 0, sizeof(core->say) };

	outbuf_put_u64(&out, n);
	return outbuf_str(&out);
}

/* "a: b" */
static struct str
say_pair(struct outbuf *out, struct str a, struct str b)
{
	size_t at = out->len;

	(void)!outbuf_add(out, a);
	if (b.len > 0) {
		(void)!outbuf_add(out, STR(": "));
		(void)!outbuf_add(out, b);
	}
	return str_tail(outbuf_str(out), at);
}

/* What stands in the way of a site's ready parts. Returns the wait in ms. */
static int64_t
site_limit(struct core *core, struct site *s, struct core_limit *limit)
{
	if (core->now_ms < s->pause_ms) {
		*limit = (struct core_limit){ STR("throttled"),
			say_number(core, s->trouble_code), STR("learned"),
			s->trouble };
		return from_now(core, s->pause_ms);
	}
	if (s->down_ms > 0) {
		*limit = (struct core_limit){ s->trouble_code == 421
			    ? STR("throttled")
			    : STR("site down"),
			STR("probing with 1 connection"), STR("learned"),
			s->trouble };
		return from_now(core, s->probe_ms);
	}
	if (core->now_ms < s->wait_ms) {
		*limit = s->limit;
		return from_now(core, s->wait_ms);
	}
	if (s->n_up + s->n_opening == 0 && worker_pick(core) < 0) {
		*limit = (struct core_limit){ STR("worker"), STR("0"), STR(""),
			STR("no delivery process is there") };
		return 0;
	}
	if (!grant_is_valid(core, s)) {
		*limit = (struct core_limit){ STR("grant"), STR("asked"),
			STR(""), STR("the shaper has not answered yet") };
		return 0;
	}
	if (s->cut < s->connections) {
		*limit = (struct core_limit){ STR("connections"),
			say_number(core, s->cut), STR("learned"), s->trouble };
		return 0;
	}
	*limit = s->limit;
	return 0;
}

static int64_t
route_limit(
    const struct core *core, const struct queue *q, struct core_limit *limit)
{
	*limit = (struct core_limit){ STR("route"), STR("asked"), STR(""),
		STR("the shaper has not answered yet") };
	if (q->is_bouncing)
		limit->value = STR("none");
	if (q->route_text.len > 0)
		limit->cause = q->route_text;
	else if (!core->is_shaper_up)
		limit->cause = STR("the shaper is down");
	return queue_is_asking(core, q) ? 0 : from_now(core, q->route_wait_ms);
}

/* "by alice until 2026-11-25T14:20:00.000Z", kept until the next call. */
static struct str
say_who_when(
    struct core *core, const struct order *o, struct str word, int64_t ms)
{
	struct outbuf out = { core->say, 0, SAY_HALF };

	outbuf_put(&out, STR("by "));
	order_put_who(&out, o);
	if (ms == 0)
		return outbuf_str(&out);
	outbuf_put(&out, word);
	/* A time that has no text is not told. */
	(void)!when_iso8601(&out, ms);
	return outbuf_str(&out);
}

/* "order 17 of uid 0" */
static struct str
say_order(struct core *core, const struct order *o)
{
	struct outbuf out = { core->say + SAY_HALF, 0, SAY_HALF };

	outbuf_put(&out, STR("order "));
	outbuf_put_u64(&out, o->number);
	outbuf_put(&out, STR(" of uid "));
	outbuf_put_u64(&out, o->uid);
	return outbuf_str(&out);
}

static struct str
reason(const struct order *o)
{
	return o->why.len > 0 ? o->why : STR("no reason was given");
}

/* A person has suspended the queue: nothing of it goes until then, or ever. */
static bool
suspended_limit(struct core *core, struct queue *q, int64_t *next_ms,
    struct core_limit *limit)
{
	const struct order *o = queue_suspension(core, q);

	if (o == NULL)
		return false;
	*limit = (struct core_limit){ STR("suspended"),
		say_who_when(core, o, STR(" until "), o->until_ms),
		say_order(core, o), reason(o) };
	*next_ms = o->until_ms == 0
	    ? -1
	    : from_now(core, ordertab_find(core, o->number)->end_ms);
	return true;
}

static void
held_limit(struct core *core, const struct part *p, struct core_limit *limit)
{
	const struct ordered *item = ordertab_of(core, p);

	if (item == NULL) {
		*limit = (struct core_limit){ STR("held"), STR(""), STR(""),
			str_from_c(part_cause_text(p->cause)) };
		return;
	}
	*limit = (struct core_limit){ STR("held"),
		say_who_when(
		    core, &item->order, STR(" since "), item->order.at_ms),
		say_order(core, &item->order), reason(&item->order) };
}

static int64_t
ready_limit(struct core *core, struct queue *q, struct core_limit *limit)
{
	int64_t next_ms;

	if (suspended_limit(core, q, &next_ms, limit))
		return next_ms;
	if (core->pause_len > 0) {
		*limit = (struct core_limit){ STR("pause"), STR(""), STR(""),
			{ core->pause, core->pause_len } };
		return 0;
	}
	if (q->is_blocked) {
		*limit = (struct core_limit){ STR("order"), STR(""), STR(""),
			STR("a person's order is being applied") };
		return 0;
	}
	if (q->site == 0 || queue_is_held(core, q))
		return route_limit(core, q, limit);
	return site_limit(core, site_get(core, q->site), limit);
}

/* Why a notice is not given yet. Returns the wait in ms. */
static int64_t
notice_limit(struct core *core, enum notice_kind kind, struct core_limit *limit)
{
	struct core_limit site;
	struct outbuf out = { core->say, 0, sizeof(core->say) };
	int64_t wait_ms = 0;

	*limit = (struct core_limit){ STR("notice"), STR("owed"), STR(""),
		STR("waits for a connection to our own smtpd") };
	if (kind == NOTICE_DELAY)
		limit->value = STR("of delay");
	if (core->pause_len > 0) {
		limit->cause = (struct str){ core->pause, core->pause_len };
		return 0;
	}
	wait_ms = site_limit(core, notice_site(core), &site);
	if (site.name.len == 0)
		return wait_ms;
	limit->cause = say_pair(&out, site.name, site.cause);
	return wait_ms;
}

/* Why a waiting part waits. */
static void
waiting_limit(struct core *core, const struct part *p, struct core_limit *limit)
{
	if (part_is_owed(core, p)) {
		*limit = (struct core_limit){ STR("notice"), STR("refused"),
			STR(""),
			STR("our own smtpd did not take it; `why` shows its "
			    "reply") };
		return;
	}
	*limit =
	    (struct core_limit){ STR("retry"), say_number(core, p->last_code),
		    STR(""), str_from_c(part_cause_text(p->cause)) };
}

static void
why_ready(struct core *core, const struct part *p, struct core_why *why)
{
	const struct part *before = p;

	why->place = 1;
	while (before->prev != 0 && why->place < PLACE_MAX) {
		before = part_get(core, before->prev);
		why->place++;
	}
	why->is_place_least = before->prev != 0;
	if (p->is_notice)
		why->next_ms =
		    notice_limit(core, notice_kind(core, p), &why->limit);
	else
		why->next_ms =
		    ready_limit(core, queue_get(core, p->queue), &why->limit);
	if (part_is_lonely(p) && why->limit.name.len == 0)
		why->limit =
		    (struct core_limit){ STR("alone"), STR("1"), STR(""),
			    STR("waits for a worker that has nothing else") };
}

/* It is due then, and goes when nothing suspends its queue. */
static void
why_waiting(struct core *core, const struct part *p, struct core_why *why)
{
	struct queue *q = queue_get(core, p->queue);
	int64_t next_ms;

	if (part_is_owed(core, p) ||
	    !suspended_limit(core, q, &next_ms, &why->limit))
		waiting_limit(core, p, &why->limit);
	else if (next_ms < 0 || next_ms > why->next_ms)
		why->next_ms = next_ms;
}

static void
why_leased(struct core *core, const struct part *p, struct core_why *why)
{
	const struct slot_entry *e;

	why->worker = (int32_t)(p->next >> SLOT_BITS);
	why->slot = p->next & SLOT_MASK;
	e = lease_slot(core, (uint32_t)why->worker, why->slot);
	if (e->notice != NOTICE_NONE)
		why->limit = (struct core_limit){ STR("notice"), STR("leased"),
			STR(""), STR("it is being given") };
}

/* Where the part goes next. */
static const struct site *
why_site(const struct core *core, const struct part *p)
{
	const struct queue *q = queue_get(core, p->queue);
	bool is_notice = p->is_notice || part_is_owed(core, p);

	if (is_notice)
		return notice_site(core);
	return q->site == 0 ? NULL : site_get(core, q->site);
}

bool
core_why(struct core *core, uint32_t part, struct core_why *why)
{
	const struct part *p = slab_try(&core->parts, part);
	const struct site *s;

	*why = (struct core_why){ .worker = -1 };
	if (!core_part_get(core, part, &why->state))
		return false;
	s = why_site(core, p);
	if (s != NULL) {
		why->source = s->source;
		why->provider = s->provider;
	}
	switch ((enum part_status)p->state) {
	case PART_WAITING:
		why->next_ms = from_now(core, part_due_ms(core, p));
		why_waiting(core, p, why);
		break;
	case PART_READY:
		why_ready(core, p, why);
		break;
	case PART_LEASED:
		why_leased(core, p, why);
		break;
	case PART_HELD:
		why->next_ms = -1;
		held_limit(core, p, &why->limit);
		break;
	case PART_DONE:
	case PART_STATE_N:
		break;
	}
	return true;
}

static int32_t
oldest_of(const struct core *core, const struct part_list *list, int32_t oldest)
{
	uint32_t part = list->first;

	for (int i = 0; i < OLDEST_LOOKS && part != 0; i++) {
		const struct part *p = part_get(core, part);

		if (p->born_s < oldest)
			oldest = p->born_s;
		part = p->next;
	}
	return oldest;
}

static int64_t
oldest_ms(const struct core *core, const struct queue *q)
{
	int32_t oldest = INT32_MAX;

	oldest = oldest_of(core, &q->waiting, oldest);
	oldest = oldest_of(core, &q->ready, oldest);
	oldest = oldest_of(core, &q->held, oldest);
	if (oldest == INT32_MAX)
		return 0;
	return core->now_ms > (int64_t)oldest * MS_PER_S
	    ? core->now_ms - (int64_t)oldest * MS_PER_S
	    : 0;
}

/* The wait of the first few; the limit of one of them. */
static int64_t
waiting_row(struct core *core, const struct queue *q, struct core_limit *limit)
{
	uint32_t part = q->waiting.first;
	int64_t next_ms = INT64_MAX;

	for (int i = 0; i < OLDEST_LOOKS && part != 0; i++) {
		const struct part *p = part_get(core, part);

		if (part_due_ms(core, p) < next_ms) {
			next_ms = part_due_ms(core, p);
			waiting_limit(core, p, limit);
		}
		part = p->next;
	}
	return from_now(core, next_ms);
}

uint32_t
core_queue_next(struct core *core, uint32_t cursor, struct core_queue_row *row)
{
	struct queue *q;

	cursor = slab_next(&core->queues, cursor);
	if (cursor == 0)
		return 0;
	q = queue_get(core, cursor);
	*row = (struct core_queue_row){ .key = q->key,
		.ready = q->n[PART_READY],
		.waiting = q->n[PART_WAITING],
		.leased = q->n[PART_LEASED],
		.held = q->n[PART_HELD],
		.oldest_ms = oldest_ms(core, q) };
	if (q->site != 0) {
		row->source = site_get(core, q->site)->source;
		row->provider = site_get(core, q->site)->provider;
	}
	if (suspended_limit(core, q, &row->next_ms, &row->limit) ||
	    row->ready > q->n_notices)
		row->next_ms = ready_limit(core, q, &row->limit);
	else if (row->ready > 0)
		row->next_ms = notice_limit(core, NOTICE_FINAL, &row->limit);
	else if (row->waiting > 0)
		row->next_ms = waiting_row(core, q, &row->limit);
	else if (row->leased == 0 && row->held > 0) {
		row->next_ms = -1;
		held_limit(core, part_get(core, q->held.first), &row->limit);
	}
	return cursor;
}
