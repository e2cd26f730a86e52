/* SPDX-License-Identifier: BSD-2-Clause */
/* core: begin, end, time and actions of the queue core. */
#include "qmgr/core/core.h"

#include "qmgr/core/core_int.h"
#include "util/base/array.h"

/* A turn that comes later than this after the one before was held up: qmgr did
 * not run, and could not hear its workers. It wakes once a second. */
#define CORE_LATE_MS 3000
#define CORE_SWEEP_MS 1000
#define CORE_SEGS_MAX (UINT32_C(1) << 20)
#define CORE_WEIGHTS_MAX 1000
#define CORE_AHEAD_MAX 16

static struct core *
core_of(void *ctx)
{
	return ctx;
}

static void
part_moved(void *ctx, uint32_t id, uint32_t pos)
{
	part_get(core_of(ctx), id)->heap_pos = pos;
}

static void
queue_moved(void *ctx, uint32_t id, uint32_t pos)
{
	queue_get(core_of(ctx), id)->heap_pos = pos;
}

static void
site_moved(void *ctx, uint32_t id, uint32_t pos)
{
	site_get(core_of(ctx), id)->heap_pos = pos;
}

static void
lease_moved(void *ctx, uint32_t id, uint32_t pos)
{
	lease_slot(core_of(ctx), id >> 16, id & 0xffff)->heap_pos = pos;
}

static void
conn_moved(void *ctx, uint32_t id, uint32_t pos)
{
	struct conn *c = slab_get(&core_of(ctx)->conns, id);

	c->heap_pos = pos;
}

/* One for the notices besides. */
static uint32_t
sites_max(uint32_t max)
{
	return max < SLAB_ITEMS_MAX ? max + 1 : max;
}

static void
slabs_init(struct core *core, uint32_t max)
{
	slab_init(&core->parts, sizeof(struct part), max);
	slab_init(&core->rcpts, sizeof(struct rcpts), max);
	slab_init(&core->segs, sizeof(struct seg), CORE_SEGS_MAX);
	slab_init(&core->queues, sizeof(struct queue), max);
	slab_init(&core->tenants, sizeof(struct tenant), max);
	slab_init(&core->campaigns, sizeof(struct campaign), max);
	slab_init(&core->sites, sizeof(struct site), sites_max(max));
	slab_init(&core->lanes, sizeof(struct lane), max);
	slab_init(&core->conns, sizeof(struct conn), core->conf.conns_max);
}

static void
indexes_init(struct core *core, uint32_t max)
{
	index_init(&core->seg_ids, CORE_SEGS_MAX);
	index_init(&core->queue_ids, max);
	index_init(&core->tenant_ids, max);
	index_init(&core->campaign_ids, max);
	index_init(&core->site_ids, sites_max(max));
	index_init(&core->lane_ids, max);
	index_init(&core->conn_ids, core->conf.conns_max);
	index_init(&core->lease_ids, UINT32_MAX);
}

static void
conf_check(const struct core_conf *conf)
{
	BUG_IF(conf->parts_max == 0 || conf->parts_max > SLAB_ITEMS_MAX);
	BUG_IF(conf->conns_max == 0 || conf->conns_max > SLAB_ITEMS_MAX);
	BUG_IF(conf->ahead == 0 || conf->ahead > CORE_AHEAD_MAX);
	BUG_IF(conf->first_lease == 0 || conf->campaigns_max == 0);
	BUG_IF(conf->queue_policy == NULL || conf->site_policy == NULL);
}

struct core *
core_new(const struct core_conf *conf)
{
	struct mem mem = { 0 };
	struct core *core = mem_take(&mem, sizeof(*core));

	conf_check(conf);
	if (core == NULL)
		return NULL;
	core->conf = *conf;
	core->mem = mem;
	slabs_init(core, conf->parts_max);
	indexes_init(core, conf->parts_max);
	heap_init(&core->due, part_moved, core);
	heap_init(&core->queue_due, queue_moved, core);
	heap_init(&core->site_due, site_moved, core);
	heap_init(&core->conn_due, conn_moved, core);
	heap_init(&core->leases, lease_moved, core);
	list_init(&core->work);
	list_init(&core->in_hand);
	list_init(&core->spent);
	core->next_order = 1;
	core->stop_generation = 1;
	core->suspended_ms = CORE_NEVER_MS;
	for (size_t i = 0; i < CORE_WORKERS_MAX; i++)
		list_init(&core->workers[i].conns);
	core->lonely_worker = -1;
	core->next_lease = conf->first_lease;
	core->next_conn = conf->first_conn;
	core->policy_generation = 1;
	if (!notice_begin(core))
		core_free(&core);
	return core;
}

/* What the objects own besides their slabs. */
static void
texts_free(struct core *core)
{
	uint32_t h;

	for (h = 0; (h = slab_next(&core->queues, h)) != 0;) {
		core_text_drop(core, &queue_get(core, h)->id);
		core_text_drop(core, &queue_get(core, h)->route_text);
	}
	for (h = 0; (h = slab_next(&core->sites, h)) != 0;) {
		struct site *s = site_get(core, h);

		core_text_drop(core, &s->id);
		core_text_drop(core, &s->hosts);
		core_text_drop(core, &s->limit_text);
		core_text_drop(core, &s->trouble);
	}
	for (h = 0; (h = slab_next(&core->tenants, h)) != 0;) {
		struct tenant *t = slab_get(&core->tenants, h);

		core_text_drop(core, &t->name);
	}
	for (h = 0; (h = slab_next(&core->campaigns, h)) != 0;) {
		struct campaign *c = slab_get(&core->campaigns, h);

		core_text_drop(core, &c->name);
	}
}

static void
arrays_free(struct core *core)
{
	for (uint32_t h = 0; (h = slab_next(&core->segs, h)) != 0;) {
		struct seg *seg = slab_get(&core->segs, h);

		mem_give(&core->mem, seg->live, seg->cap * sizeof(*seg->live));
		mem_give(&core->mem, seg->done, seg->done_bytes);
	}
	for (size_t i = 0; i < CORE_WORKERS_MAX; i++) {
		struct worker *w = &core->workers[i];

		mem_give(&core->mem, w->slots, w->n_slots * sizeof(*w->slots));
		mem_give(&core->mem, w->free, w->n_slots * sizeof(*w->free));
	}
}

static void
tables_free(struct core *core)
{
	struct slab *slabs[] = { &core->parts, &core->rcpts, &core->segs,
		&core->queues, &core->tenants, &core->campaigns, &core->sites,
		&core->lanes, &core->conns };
	struct index *indexes[] = { &core->seg_ids, &core->queue_ids,
		&core->tenant_ids, &core->campaign_ids, &core->site_ids,
		&core->lane_ids, &core->conn_ids, &core->lease_ids };
	struct heap *heaps[] = { &core->due, &core->queue_due, &core->site_due,
		&core->conn_due, &core->leases };

	for (size_t i = 0; i < COUNT_OF(slabs); i++)
		slab_fini(slabs[i]);
	for (size_t i = 0; i < COUNT_OF(indexes); i++)
		index_fini(indexes[i]);
	for (size_t i = 0; i < COUNT_OF(heaps); i++)
		heap_fini(heaps[i]);
}

void
core_free(struct core **core)
{
	struct mem mem;

	if (*core == NULL)
		return;
	texts_free(*core);
	ordertab_free(*core);
	arrays_free(*core);
	tables_free(*core);
	mem = (*core)->mem;
	mem_give(&mem, *core, sizeof(**core));
	BUG_IF(mem.held_bytes != 0);
	*core = NULL;
}

void
core_reload(struct core *core)
{
	core->policy_generation++;
}

void
core_turn(struct core *core, int64_t now_ms, int64_t wall_ms)
{
	int64_t gap_ms = now_ms - core->now_ms;

	core->wall_ms = wall_ms;
	if (gap_ms <= 0)
		return;
	if (core->now_ms > 0 && gap_ms > CORE_LATE_MS)
		core->lost_ms += gap_ms;
	core->now_ms = now_ms;
}

static int64_t
heap_first_ms(const struct heap *h)
{
	return heap_n(h) == 0 ? CORE_NEVER_MS : heap_top(h).key;
}

int64_t
core_next_ms(const struct core *core)
{
	const struct heap *heaps[] = { &core->due, &core->queue_due,
		&core->site_due, &core->conn_due };
	int64_t next_ms = core->sweep_ms;

	for (size_t i = 0; i < COUNT_OF(heaps); i++)
		if (heap_first_ms(heaps[i]) < next_ms)
			next_ms = heap_first_ms(heaps[i]);
	if (core->suspended_ms < next_ms)
		next_ms = core->suspended_ms;
	if (core->is_sweeping || orderrun_is_busy(core) ||
	    next_ms < core->now_ms)
		next_ms = core->now_ms;
	if (next_ms > core->now_ms + CORE_SWEEP_MS)
		next_ms = core->now_ms + CORE_SWEEP_MS;
	return next_ms;
}

void
core_pause_leases(struct core *core, struct str reason)
{
	size_t n = reason.len;

	if (n > CORE_PAUSE_MAX_BYTES)
		n = CORE_PAUSE_MAX_BYTES;
	if (n > 0)
		memcpy(core->pause, reason.ptr, n);
	else
		stuck_sweep_soon(core);
	core->pause_len = (uint32_t)n;
}

struct core_action *
core_emit(struct core *core, enum core_act act)
{
	uint32_t at = core->action_first + core->n_actions;
	struct core_action *a = &core->actions[at % CORE_ACTIONS_MAX];

	BUG_IF(core->n_actions == CORE_ACTIONS_MAX);
	core->n_actions++;
	*a = (struct core_action){ .act = act };
	return a;
}

bool
core_has_room(const struct core *core)
{
	return core->n_actions + CORE_ACTIONS_INPUT <= CORE_ACTIONS_MAX;
}

bool
core_action_next(struct core *core, struct core_action *action)
{
	if (core->n_actions == 0)
		return false;
	*action = core->actions[core->action_first];
	core->action_first = (core->action_first + 1) % CORE_ACTIONS_MAX;
	core->n_actions--;
	return true;
}

bool
core_text_set(struct core *core, struct str *owned, struct str s)
{
	char *copy = NULL;

	if (str_eq(*owned, s))
		return true;
	if (s.len > 0) {
		copy = mem_take(&core->mem, s.len);
		if (copy == NULL)
			return false;
		memcpy(copy, s.ptr, s.len);
	}
	core_text_drop(core, owned);
	*owned = (struct str){ copy, s.len };
	return true;
}

void
core_text_drop(struct core *core, struct str *owned)
{
	/* The owner may write into its own copy; views are const for all. */
	mem_give(&core->mem, (char *)(uintptr_t)owned->ptr, owned->len);
	*owned = (struct str){ NULL, 0 };
}
