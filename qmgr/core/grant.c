/* SPDX-License-Identifier: BSD-2-Clause */
/* grant: what the shaper allows a site, and what is done while it is silent. */
#include "qmgr/core/core_int.h"

#include "util/base/array.h"

#define GRANT_ASK_MS 5000
#define GRANT_EMPTY_MS 1000  /* nothing, and no time to ask again */
#define GRANT_FLOOR_MS 10000 /* a floor stands so long, then it is asked */

bool
grant_is_valid(const struct core *core, const struct site *s)
{
	return core->now_ms < s->valid_ms && s->left > 0 &&
	    core->now_ms >= s->wait_ms;
}

static void
set_limit(struct core *core, struct site *s, const struct core_limit *limit)
{
	const struct str texts[] = { limit->name, limit->value, limit->from,
		limit->cause };
	struct str *views[] = { &s->limit.name, &s->limit.value, &s->limit.from,
		&s->limit.cause };
	char bytes[COUNT_OF(texts) * CORE_NAME_MAX_BYTES];
	struct outbuf out = { bytes, 0, sizeof(bytes) };
	struct str rest;

	s->limit = (struct core_limit){ .name = { NULL, 0 } };
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		if (outbuf_add(&out, texts[i]) != ERR_OK)
			return;
	/* Without memory the limit has no name: it binds all the same. */
	if (!core_text_set(core, &s->limit_text, outbuf_str(&out)))
		return;
	rest = s->limit_text;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		*views[i] = str_head(rest, texts[i].len);
		str_skip(&rest, texts[i].len);
	}
}

/* The shaper is down or silent: delivery goes on, slowly. */
static void
fall_back(struct core *core, struct site *s)
{
	static const struct core_limit limit = {
		.name = STR_INIT("floor"),
		.from = STR_INIT("default"),
		.cause = STR_INIT("the shaper does not answer"),
	};

	s->ask_ms = 0;
	s->connections = site_policy(core, s)->floor;
	s->per_connection = 0;
	s->left = UINT32_MAX;
	s->wait_ms = 0;
	s->valid_ms = s->renew_ms = core->now_ms + GRANT_FLOOR_MS;
	set_limit(core, s, &limit);
	site_mark(core, s);
	site_reckon(core, s);
}

/* What is left of a counted grant goes back with the question. */
static void
ask(struct core *core, struct site *s)
{
	struct core_action *a = core_emit(core, CORE_GRANT_ASK);

	a->source = s->source;
	a->provider = s->provider;
	/* Where only a lonely part asks, it is not among these. */
	a->ready = s->n_ready > 0 ? s->n_ready : 1;
	a->connections = s->n_up + s->n_opening;
	if (s->left != UINT32_MAX) {
		a->unused = s->left;
		s->left = 0;
	}
	s->ask_ms = core->now_ms + GRANT_ASK_MS;
	s->grant_life = core->shaper_life;
	site_reckon(core, s);
}

void
grant_want(struct core *core, struct site *s)
{
	bool is_valid = core->now_ms < s->valid_ms && s->left > 0;
	bool is_asking = s->ask_ms > 0 && s->grant_life == core->shaper_life;
	bool is_stale = s->grant_generation != core->shaper_generation;

	/* Our own site needs none. */
	if (notice_is_site(core, s))
		return;
	/* Q3: a site with ready parts has a grant, has asked, or waits. */
	if (is_asking || (core->now_ms < s->wait_ms && !is_stale))
		return;
	if (is_valid && !is_stale &&
	    (s->left != UINT32_MAX || core->now_ms < s->renew_ms))
		return;
	if (core->is_shaper_up && core_has_room(core))
		ask(core, s);
	else if (!core->is_shaper_up && !is_valid)
		fall_back(core, s);
}

void
grant_visit(struct core *core, struct site *s)
{
	if (s->ask_ms == 0 || core->now_ms < s->ask_ms)
		return;
	s->ask_ms = 0;
	if (!grant_is_valid(core, s))
		fall_back(core, s);
}

void
core_grant(struct core *core, const struct core_grant *g)
{
	struct site *s = site_find(core, g->source, g->provider);
	struct core_limit limit = { g->limit_name, g->limit_value,
		g->limit_from, g->limit_cause };

	if (s == NULL || notice_is_site(core, s))
		return;
	s->ask_ms = 0;
	s->grant_generation = core->shaper_generation;
	s->connections = g->connections;
	s->per_connection =
	    g->per_connection == UINT32_MAX ? 0 : g->per_connection;
	s->left = g->messages;
	s->valid_ms = core->now_ms + g->valid_ms;
	s->renew_ms = core->now_ms + g->valid_ms / 4 * 3;
	s->wait_ms = g->wait_ms > 0 ? core->now_ms + g->wait_ms : 0;
	if (!grant_is_valid(core, s) && s->wait_ms == 0)
		s->wait_ms = core->now_ms + GRANT_EMPTY_MS;
	set_limit(core, s, &limit);
	site_mark(core, s);
	site_reckon(core, s);
}

void
core_shaper_up(struct core *core)
{
	core->is_shaper_up = true;
	stuck_sweep_soon(core);
}

void
core_shaper_stale(struct core *core)
{
	core->shaper_generation++;
	stuck_sweep_soon(core);
}

/* Its answers will not come; the sweep asks again, or falls back. */
void
core_shaper_down(struct core *core)
{
	core->is_shaper_up = false;
	stuck_sweep_soon(core);
	core->shaper_life++;
}
