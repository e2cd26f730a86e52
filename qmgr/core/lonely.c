/* SPDX-License-Identifier: BSD-2-Clause */
/* lonely: parts that killed workers travel alone (Q13).
 *
 * One at a time: a worker is reserved, gets nothing more, and when it has
 * nothing left it gets the part, and nothing else until that is over. So a
 * part that kills its worker takes no other along.
 */
#include "qmgr/core/core_int.h"

#define LONELY_LOOKS 8
#define LONELY_CONNS 64

static void
release(struct core *core)
{
	if (core->lonely_worker >= 0)
		stuck_sweep_soon(core);
	core->lonely_worker = -1;
}

/* The site of a part that could go now, or NULL. */
static struct site *
open_site(struct core *core, uint32_t part)
{
	const struct part *p = part_get(core, part);
	struct queue *q = queue_get(core, p->queue);
	struct site *s;

	if (p->is_unwritten || orderpart_keeps(core, part) ||
	    queue_is_blocked(core, q))
		return NULL;
	if (!p->is_notice &&
	    (q->site == 0 || queue_is_held(core, q) ||
	        queue_is_stopped(core, q)))
		return NULL;
	s = p->is_notice ? notice_site(core) : site_get(core, q->site);
	grant_want(core, s);
	return sched_may_send(core, s) ? s : NULL;
}

/* The first few are looked at; those that cannot go now move to the end. */
static uint32_t
choose(struct core *core, struct site **s)
{
	for (int i = 0; i < LONELY_LOOKS && core->lonely.n > 0; i++) {
		uint32_t part = core->lonely.first;
		struct part *p = part_get(core, part);
		struct queue *q = queue_get(core, p->queue);

		if (!core_has_room(core))
			return 0;
		if (q->is_bouncing && !p->is_notice &&
		    !queue_is_stopped(core, q) &&
		    !orderpart_keeps(core, part)) {
			fate_fail(core, part, CAUSE_BOUNCED, q->route_text);
			continue;
		}
		*s = open_site(core, part);
		if (*s != NULL)
			return part;
		part_list_remove(core, &core->lonely, part);
		part_list_push(core, &core->lonely, part);
	}
	return 0;
}

static int
worker_with_conn(const struct core *core, const struct list *l)
{
	struct link *link;
	int looks = 0;

	LIST_FOREACH (link, l) {
		const struct conn *c = LIST_ITEM(link, struct conn, in_site);

		if (c->state == CORE_CONN_UP &&
		    worker_is_ready(&core->workers[c->worker]))
			return (int)c->worker;
		if (++looks == LONELY_CONNS)
			break;
	}
	return -1;
}

/* One that has a connection there: the site may have no room for another. */
static int
reserve(const struct core *core, const struct site *s)
{
	const struct list *lists[] = { &s->idle, &s->busy, &s->other };

	for (unsigned i = 0; i < 3; i++) {
		int worker = worker_with_conn(core, lists[i]);

		if (worker >= 0)
			return worker;
	}
	return worker_pick(core);
}

/* The worker's connection to the site that is up or opening, or NULL. */
static struct conn *
find_conn(const struct worker *w, const struct site *s)
{
	struct link *link;

	LIST_FOREACH (link, &w->conns) {
		struct conn *c = LIST_ITEM(link, struct conn, in_worker);

		if (c->site == s->self && c->state != CORE_CONN_CLOSING)
			return c;
	}
	return NULL;
}

static bool
give(struct core *core, struct site *s, uint32_t part)
{
	struct worker *w = &core->workers[core->lonely_worker];
	struct conn *c = find_conn(w, s);

	if (c == NULL) {
		if (s->n_up + s->n_opening < health_limit(core, s))
			(void)conn_open(core, s, core->lonely_worker);
		else
			release(core);
		return false;
	}
	if (c->in != &s->idle || w->n_free == 0)
		return false;
	lease_lend(core, s, c, part);
	core->is_lonely_out = true;
	return true;
}

bool
lonely_run(struct core *core)
{
	struct site *s = NULL;
	uint32_t part;

	if (core->is_lonely_out)
		return false;
	part = choose(core, &s);
	if (part == 0) {
		release(core);
		return false;
	}
	if (core->lonely_worker >= 0 &&
	    !worker_is_ready(&core->workers[core->lonely_worker]))
		release(core);
	if (core->lonely_worker < 0)
		core->lonely_worker = reserve(core, s);
	if (core->lonely_worker < 0 ||
	    core->workers[core->lonely_worker].n_out > 0)
		return false;
	return give(core, s, part);
}

void
lonely_ended(struct core *core, uint32_t worker)
{
	if (!core->is_lonely_out || (int)worker != core->lonely_worker)
		return;
	core->is_lonely_out = false;
	release(core);
}

void
lonely_worker_gone(struct core *core, uint32_t worker)
{
	if ((int)worker != core->lonely_worker || core->is_lonely_out)
		return;
	release(core);
}
