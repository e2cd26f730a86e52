/* SPDX-License-Identifier: BSD-2-Clause */
/* sched: gives ready parts to connections, and opens as many as are needed. */
#include "qmgr/core/core_int.h"

#define SCHED_SLICE 256     /* steps of a call */
#define SCHED_SITE_SLICE 32 /* steps at one site before the next */
#define SCHED_LONELY_SLICE 8
/* Connections that are being opened at once, beyond as many as are up: a host
 * that is sick is not met by all of them, and twice as many are there each
 * round trip. */
#define SCHED_OPENING_MAX 8

bool
sched_may_send(const struct core *core, const struct site *s)
{
	return core->pause_len == 0 && core->now_ms >= s->pause_ms &&
	    grant_is_valid(core, s);
}

static uint32_t
pick(struct core *core, struct site *s)
{
	return notice_is_site(core, s) ? notice_pick(core) : lane_pick(core, s);
}

/* Late binding: the part is chosen when a connection can take it. Returns how
 * many steps are left. */
static int
give(struct core *core, struct site *s, int steps)
{
	while (steps > 0 && s->n_ready > 0 && core_has_room(core) &&
	    sched_may_send(core, s)) {
		struct conn *c = conn_pick(core, s);
		struct queue *q;
		uint32_t part;

		if (c == NULL)
			break;
		part = pick(core, s);
		if (part == 0)
			break;
		q = queue_get(core, part_get(core, part)->queue);
		lease_lend(core, s, c, part);
		if (!notice_is_site(core, s))
			lane_charge(core, s, q);
		steps--;
	}
	return steps;
}

/* Connections that all parts here are worth, those at work included: with one
 * that hangs, the others still find their way. */
static uint32_t
wanted(const struct core *core, const struct site *s)
{
	uint64_t parts = s->n_ready < s->left ? s->n_ready : s->left;

	parts += s->n_out + core->conf.ahead - 1;
	return (uint32_t)(parts / core->conf.ahead);
}

static int
open_more(struct core *core, struct site *s, int steps)
{
	uint32_t want = wanted(core, s);
	uint32_t limit = health_limit(core, s);

	if (s->n_ready == 0 || !sched_may_send(core, s))
		return steps;
	if (want > limit)
		want = limit;
	if (want > 2 * s->n_up + SCHED_OPENING_MAX)
		want = 2 * s->n_up + SCHED_OPENING_MAX;
	while (
	    s->n_up + s->n_opening < want && steps > 0 && core_has_room(core)) {
		if (!conn_open(core, s, -1))
			break;
		steps--;
	}
	return steps;
}

/* The grant has become smaller. */
static int
close_surplus(struct core *core, struct site *s, int steps)
{
	uint32_t keep = s->connections < s->cut ? s->connections : s->cut;

	if (!grant_is_valid(core, s))
		return steps;
	while (s->n_up + s->n_opening > keep && !list_is_empty(&s->idle) &&
	    steps > 0 && core_has_room(core)) {
		conn_close(core,
		    LIST_ITEM(list_first(&s->idle), struct conn, in_site));
		steps--;
	}
	return steps;
}

/* Returns how many steps it took. */
static int
run_site(struct core *core, struct site *s)
{
	int steps = SCHED_SITE_SLICE;

	if (s->n_ready > 0)
		grant_want(core, s);
	steps = give(core, s, steps);
	steps = close_surplus(core, s, steps);
	steps = open_more(core, s, steps);
	if (s->n_ready > 0)
		grant_want(core, s);
	if (steps == 0 || !core_has_room(core))
		site_mark(core, s);
	return SCHED_SITE_SLICE - steps;
}

bool
core_schedule(struct core *core)
{
	int steps = SCHED_SLICE;

	if (!core->is_restored)
		return false;
	for (int i = 0; i < SCHED_LONELY_SLICE && lonely_run(core); i++)
		continue;
	while (
	    steps > 0 && core_has_room(core) && !list_is_empty(&core->work)) {
		struct site *s =
		    LIST_ITEM(list_first(&core->work), struct site, in_work);

		site_unmark(core, s);
		steps -= 1 + run_site(core, s);
	}
	return !list_is_empty(&core->work);
}
