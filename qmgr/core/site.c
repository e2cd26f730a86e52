/* SPDX-License-Identifier: BSD-2-Clause */
/* site: one source towards one provider: its queues, connections, times. */
#include "qmgr/core/core_int.h"

#define ID_BYTES (1 + 2 * CORE_NAME_MAX_BYTES)
#define SITE_VISIT_MS 60000 /* where nothing is due earlier */

static struct str
id_of(struct str source, struct str provider, char bytes[ID_BYTES])
{
	struct outbuf out = { bytes, 0, ID_BYTES };

	outbuf_putc(&out, (char)source.len);
	outbuf_put(&out, source);
	outbuf_put(&out, provider);
	return outbuf_str(&out);
}

struct site *
site_get(const struct core *core, uint32_t site)
{
	return slab_get(&core->sites, site);
}

struct site *
site_find(const struct core *core, struct str source, struct str provider)
{
	char bytes[ID_BYTES];
	struct str id;
	uint32_t handle;

	if (source.len > CORE_NAME_MAX_BYTES ||
	    provider.len > CORE_NAME_MAX_BYTES)
		return NULL;
	id = id_of(source, provider, bytes);
	handle = index_find(&core->site_ids, (struct key){ id.ptr, id.len });
	return handle == 0 ? NULL : site_get(core, handle);
}

static void
begin(struct core *core, struct site *s, size_t source_len)
{
	s->source = str_head(str_tail(s->id, 1), source_len);
	s->provider = str_tail(s->id, 1 + source_len);
	s->cut = s->cut_proven = UINT32_MAX;
	list_init(&s->lanes);
	list_init(&s->idle);
	list_init(&s->busy);
	list_init(&s->other);
	heap_push(&core->site_due, core->now_ms + SITE_VISIT_MS, s->self);
}

struct site *
site_obtain(struct core *core, struct str source, struct str provider)
{
	struct site *s = site_find(core, source, provider);
	char bytes[ID_BYTES];
	struct str id;
	uint32_t handle;

	if (s != NULL)
		return s;
	id = id_of(source, provider, bytes);
	handle = slab_alloc(&core->sites);
	if (handle == 0)
		return NULL;
	s = site_get(core, handle);
	s->self = handle;
	if (core_text_set(core, &s->id, id) &&
	    heap_reserve(&core->site_due, heap_n(&core->site_due) + 1) ==
	        ERR_OK &&
	    index_put(&core->site_ids, (struct key){ id.ptr, id.len },
	        handle) == ERR_OK) {
		begin(core, s, source.len);
		return s;
	}
	core_text_drop(core, &s->id);
	slab_free_item(&core->sites, handle);
	return NULL;
}

const struct core_site_policy *
site_policy(struct core *core, struct site *s)
{
	if (s->policy_generation == core->policy_generation)
		return &s->policy;
	core->conf.site_policy(
	    core->conf.ctx, s->source, s->provider, &s->policy);
	s->policy_generation = core->policy_generation;
	return &s->policy;
}

void
site_mark(struct core *core, struct site *s)
{
	if (!link_is_listed(&s->in_work))
		list_push_back(&core->work, &s->in_work);
}

void
site_unmark(struct core *core, struct site *s)
{
	if (link_is_listed(&s->in_work))
		list_remove(&core->work, &s->in_work);
}

/* The earliest of next and at, where at is still to come. */
static int64_t
sooner(const struct core *core, int64_t next_ms, int64_t at_ms)
{
	return at_ms > core->now_ms && at_ms < next_ms ? at_ms : next_ms;
}

void
site_reckon(struct core *core, struct site *s)
{
	int64_t next = core->now_ms + SITE_VISIT_MS;

	next = sooner(core, next, s->ask_ms);
	next = sooner(core, next, s->wait_ms);
	next = sooner(core, next, s->pause_ms);
	if (s->down_ms > 0)
		next = sooner(core, next, s->probe_ms);
	if (s->cut != UINT32_MAX)
		next = sooner(core, next, s->cut_grow_ms);
	if (s->n_ready > 0) {
		next = sooner(core, next, s->valid_ms);
		next = sooner(core, next, s->renew_ms);
	}
	heap_change(&core->site_due, s->heap_pos, next);
}

static bool
is_unused(const struct site *s)
{
	return s->n_queues == 0 && list_is_empty(&s->idle) &&
	    list_is_empty(&s->busy) && list_is_empty(&s->other);
}

void
site_free(struct core *core, struct site *s)
{
	/* Q4: a site with queues or connections must not go. */
	BUG_IF(!is_unused(s) || s->n_ready > 0 || !list_is_empty(&s->lanes));
	site_unmark(core, s);
	heap_remove(&core->site_due, s->heap_pos);
	(void)index_remove(
	    &core->site_ids, (struct key){ s->id.ptr, s->id.len });
	core_text_drop(core, &s->id);
	core_text_drop(core, &s->hosts);
	core_text_drop(core, &s->limit_text);
	core_text_drop(core, &s->trouble);
	slab_free_item(&core->sites, s->self);
}

/* What is known of a site in trouble, or waiting, is kept while that lasts. */
static bool
is_forgettable(const struct core *core, const struct site *s)
{
	return is_unused(s) && !notice_is_site(core, s) &&
	    core->n_actions == 0 && s->ask_ms == 0 && s->down_ms == 0 &&
	    s->cut == UINT32_MAX && core->now_ms >= s->pause_ms &&
	    core->now_ms >= s->wait_ms;
}

void
site_visit(struct core *core, struct site *s)
{
	if (is_forgettable(core, s)) {
		site_free(core, s);
		return;
	}
	grant_visit(core, s);
	health_visit(core, s);
	if (s->n_ready > 0)
		site_mark(core, s);
	site_reckon(core, s);
}
