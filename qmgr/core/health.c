/* SPDX-License-Identifier: BSD-2-Clause */
/* health: what a site bears: slowed by throttles, down, probed (Q9).
 *
 * Trouble with one connection while others work is a limit found: the site
 * may have as many as work (the cut), one more each minute while all is well.
 * Trouble with the last one, whatever the host says, is an outage: one
 * connection probes, and the site is up again once it let an attempt through,
 * with the cut of before the fall. A transaction that is throttled makes a
 * pause, which doubles up to the longest as long as nothing passes.
 */
#include "qmgr/core/core_int.h"

#define HEALTH_GROW_MS 60000
#define HEALTH_PAUSE_MIN_MS 1000
#define HEALTH_PAUSE_MAX_MS 300000
#define HEALTH_ASKED_MAX_MS (INT64_C(24) * 3600 * 1000)
#define HEALTH_PROBE_MIN_MS 1000
#define HEALTH_PROBE_SHARE 30

static void
remember(struct core *core, struct site *s, uint16_t code, struct str text)
{
	s->trouble_code = code;
	/* Without memory the last text stays: it is for people only. */
	(void)core_text_set(core, &s->trouble, text);
}

static void
report(struct core *core, const struct site *s, enum conn_why why,
    uint16_t code, struct str text)
{
	struct core_action *a;

	/* The shaper has no part in our own site. */
	if (notice_is_site(core, s))
		return;
	a = core_emit(core, CORE_FEEDBACK);
	a->source = s->source;
	a->provider = s->provider;
	a->why = why;
	a->code = code;
	a->connections = s->n_up;
	a->text = text;
}

/* A second throttle within a pause is the same one. */
static void
slow_down(struct core *core, struct site *s)
{
	int64_t ms = s->pause_step_ms * 2;

	if (core->now_ms >= s->pause_ms) {
		if (ms < HEALTH_PAUSE_MIN_MS)
			ms = HEALTH_PAUSE_MIN_MS;
		if (ms > HEALTH_PAUSE_MAX_MS)
			ms = HEALTH_PAUSE_MAX_MS;
		s->pause_step_ms = ms;
		s->pause_ms = core->now_ms + ms;
	}
	site_reckon(core, s);
}

/* The host says how long it is to be left alone. */
static void
leave_alone(struct core *core, struct site *s, int64_t asked_ms)
{
	if (asked_ms > HEALTH_ASKED_MAX_MS)
		asked_ms = HEALTH_ASKED_MAX_MS;
	if (core->now_ms + asked_ms > s->pause_ms)
		s->pause_ms = core->now_ms + asked_ms;
	site_reckon(core, s);
}

static void
cut_back(struct core *core, struct site *s)
{
	s->cut = s->n_up;
	s->cut_grow_ms = core->now_ms + HEALTH_GROW_MS;
	site_reckon(core, s);
}

static void
take_down(struct core *core, struct site *s, int64_t asked_ms)
{
	int64_t max_ms = site_policy(core, s)->probe_max_ms;
	int64_t ms;

	/* How many fell one after the other says nothing of what it bears. */
	s->cut = s->cut_proven;
	if (s->down_ms == 0)
		s->down_ms = core->now_ms;
	ms = (core->now_ms - s->down_ms) / HEALTH_PROBE_SHARE;
	if (ms > max_ms)
		ms = max_ms;
	if (ms < HEALTH_PROBE_MIN_MS)
		ms = HEALTH_PROBE_MIN_MS;
	if (asked_ms > ms)
		ms = asked_ms < max_ms ? asked_ms : max_ms;
	s->probe_ms = core->now_ms + ms;
	site_reckon(core, s);
}

/* A connection that ended before it let anything through was refused, however
 * politely; one that we had closed, used, or left without work was not. */
static enum conn_why
real_reason(const struct conn *c, const struct core_conn_end *end)
{
	if (c->state == CORE_CONN_CLOSING)
		return CONN_CLOSED;
	if (end->why == CONN_CLOSED && !c->has_passed &&
	    (!c->was_up || c->n_sent > 0))
		return CONN_REFUSED;
	if (end->why == CONN_LOST && !c->has_passed)
		return CONN_REFUSED;
	return end->why;
}

void
health_conn_down(struct core *core, struct site *s, const struct conn *c,
    const struct core_conn_end *end)
{
	enum conn_why why = real_reason(c, end);

	if (why == CONN_CLOSED) {
		if (c->was_up && s->down_ms > 0 && s->n_up == 0)
			health_forget(core, s);
		return;
	}
	remember(core, s, end->code, end->text);
	report(core, s, why, end->code, end->text);
	if (why == CONN_LOST)
		return;
	if (s->n_up > 0) {
		cut_back(core, s);
		return;
	}
	take_down(core, s, end->wait_ms);
	if (why == CONN_THROTTLED)
		leave_alone(core, s, end->wait_ms);
}

void
health_throttled(struct core *core, struct site *s, const struct core_result *r)
{
	remember(core, s, r->code, r->text);
	report(core, s, CONN_THROTTLED, r->code, r->text);
	slow_down(core, s);
}

void
health_passed(struct core *core, struct site *s)
{
	s->passes++;
	s->cut_proven = s->cut;
	if (core->now_ms >= s->pause_ms)
		s->pause_step_ms = 0;
	if (s->down_ms == 0)
		return;
	s->down_ms = s->probe_ms = 0;
	site_mark(core, s);
}

void
health_forget(struct core *core, struct site *s)
{
	s->down_ms = s->probe_ms = 0;
	s->pause_ms = s->pause_step_ms = 0;
	s->cut = s->cut_proven = UINT32_MAX;
	site_mark(core, s);
	site_reckon(core, s);
}

void
health_visit(struct core *core, struct site *s)
{
	if (s->cut == UINT32_MAX || core->now_ms < s->cut_grow_ms)
		return;
	s->cut++;
	s->cut_grow_ms = core->now_ms + HEALTH_GROW_MS;
	if (s->cut >= s->connections)
		s->cut = UINT32_MAX;
}

uint32_t
health_limit(const struct core *core, const struct site *s)
{
	uint32_t limit = s->connections < s->cut ? s->connections : s->cut;

	if (core->now_ms < s->pause_ms || limit == 0)
		return 0;
	if (s->down_ms == 0)
		return limit;
	return core->now_ms >= s->probe_ms ? 1 : 0;
}
