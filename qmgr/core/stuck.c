/* SPDX-License-Identifier: BSD-2-Clause */
/* stuck: ready parts for which nothing is under way (Q3): by design none.
 *
 * Each sweep looks at sites and queues before it puts them right. Some things
 * are made known by the sweep alone: after those it is the next whole sweep
 * that looks. What is found is told once for each sweep, by the oldest part.
 */
#include "qmgr/core/core_int.h"

#define STUCK_LOOKS 64
#define MS_PER_S 1000

void
stuck_sweep_soon(struct core *core)
{
	core->is_sweeping = true;
	core->stuck.news++;
}

void
stuck_begin(struct core *core)
{
	struct stuck *st = &core->stuck;

	st->begin_news = st->news;
	st->begin_ms[1] = st->begin_ms[0];
	st->begin_ms[0] = core->now_ms;
	st->n = 0;
	st->part = 0;
}

void
stuck_end(struct core *core)
{
	struct stuck *st = &core->stuck;

	st->swept_news = st->begin_news;
	st->n_before = st->n;
	st->oldest_before_ms = st->oldest_ms;
	st->part_before = st->part;
	st->found += st->n;
	st->is_news = st->n > 0;
}

/* Nothing has happened since the last sweep began that only this one sees. */
static bool
is_settled(const struct core *core)
{
	return core->stuck.news == core->stuck.swept_news;
}

/* --- queues --------------------------------------------------------------- */

bool
stuck_is_queue(const struct core *core, const struct queue *q)
{
	int64_t due_ms = heap_get(&core->queue_due, q->heap_pos).key;

	/* Has nothing to send, has a site, or is stopped by a person. */
	if (q->n[PART_READY] == q->n_notices || q->site != 0 ||
	    q->suspension != 0 || q->is_blocked)
		return false;
	if (due_ms <= core->now_ms || !core->is_shaper_up)
		return false;
	if (q->is_bouncing)
		return q->ready.n > 0;
	return !queue_is_asking(core, q) && core->now_ms >= q->route_wait_ms;
}

/* Counts n parts, of which the first few in list tell the oldest: those of
 * the queue, where one is given. */
static void
count(struct core *core, const struct part_list *list, const struct queue *q,
    uint32_t n)
{
	struct stuck *st = &core->stuck;
	uint32_t part = list->first;

	st->n += n;
	for (int i = 0; i < STUCK_LOOKS && part != 0; i++) {
		const struct part *p = part_get(core, part);
		int64_t born_ms = (int64_t)p->born_s * MS_PER_S;

		if ((q == NULL || p->queue == q->self) &&
		    (st->part == 0 || born_ms < st->oldest_ms)) {
			st->part = part;
			st->oldest_ms = born_ms;
		}
		part = p->next;
	}
}

void
stuck_look_at_queue(struct core *core, const struct queue *q)
{
	/* One that has not heard yet what stops it is not settled. */
	if (!is_settled(core) || !stuck_is_queue(core, q))
		return;
	count(core, q->ready.n > 0 ? &q->ready : &core->lonely, q,
	    q->n[PART_READY] - q->n_notices);
}

/* --- sites ---------------------------------------------------------------- */

static bool
is_asking(const struct core *core, const struct site *s)
{
	return s->ask_ms > 0 && s->grant_life == core->shaper_life;
}

/* Whether another connection might have been refused since the last sweep, for
 * want of a worker or of room. */
static bool
lacks_room(const struct core *core)
{
	return core->stuck.no_room_ms >= core->stuck.begin_ms[1] ||
	    worker_pick(core) < 0 ||
	    slab_n(&core->conns) == core->conf.conns_max;
}

/* Neither a connection, nor one to be opened, nor a question, nor a wait. */
static bool
is_site_stuck(const struct core *core, const struct site *s)
{
	if (link_is_listed(&s->in_work) || s->n_up + s->n_opening > 0 ||
	    heap_get(&core->site_due, s->heap_pos).key <= core->now_ms)
		return false;
	if (core->pause_len > 0 || core->now_ms < s->pause_ms ||
	    s->down_ms > 0 || core->now_ms < s->wait_ms)
		return false;
	if (grant_is_valid(core, s))
		return health_limit(core, s) > 0 && !lacks_room(core);
	return !is_asking(core, s);
}

/* Where the part is whose turn it is. */
static const struct part_list *
next_list(const struct core *core, const struct site *s)
{
	const struct lane *lane;
	const struct queue *q;

	if (notice_is_site(core, s))
		return &core->notices;
	lane = LIST_ITEM(list_first(&s->lanes), struct lane, in_site);
	q = LIST_ITEM(list_first(&lane->queues), struct queue, in_lane);
	return &q->ready;
}

void
stuck_look_at_site(struct core *core, const struct site *s)
{
	const struct part_list *list;

	if (!is_settled(core) || !is_site_stuck(core, s))
		return;
	list = next_list(core, s);
	/* Its last result comes into the ledger first, or it is kept by an
	 * order that walks. */
	if (list->first == 0 || part_get(core, list->first)->is_unwritten ||
	    orderpart_keeps(core, list->first))
		return;
	count(core, list, NULL, s->n_ready);
}

/* --- the alarm ------------------------------------------------------------ */

void
stuck_tell(struct core *core)
{
	struct stuck *st = &core->stuck;
	const struct part *p;
	struct core_action *a;

	if (!st->is_news || !core_has_room(core))
		return;
	st->is_news = false;
	a = core_emit(core, CORE_STUCK);
	a->n = st->n_before;
	a->age_ms = core->now_ms - st->oldest_before_ms;
	p = slab_try(&core->parts, st->part_before);
	/* It may have gone already. */
	if (p == NULL)
		return;
	part_fill(core, p, &a->part);
	a->part.key = queue_get(core, p->queue)->key;
}
