/* SPDX-License-Identifier: BSD-2-Clause */
/* lane: whose turn it is at a site: tenants by weight, then their queues.
 *
 * Deficit round robin with parts as the unit: a tenant whose turn begins may
 * send as many parts as its weight says, then the next one. With n tenants
 * that always have something, each has its weight's share in each round,
 * whatever the others have queued. A tenant without ready parts is in no
 * round. All is O(1).
 */
#include "qmgr/core/core_int.h"

#define KEY_BYTES (2 * sizeof(uint32_t))
#define LANE_LOOKS 8

static struct key
lane_key(uint32_t site, uint32_t tenant, uint8_t bytes[KEY_BYTES])
{
	memcpy(bytes, &site, sizeof(site));
	memcpy(bytes + sizeof(site), &tenant, sizeof(tenant));
	return (struct key){ bytes, KEY_BYTES };
}

static struct lane *
lane_get(const struct core *core, uint32_t lane)
{
	return slab_get(&core->lanes, lane);
}

struct lane *
lane_obtain(struct core *core, struct site *s, uint32_t tenant)
{
	uint8_t bytes[KEY_BYTES];
	struct key key = lane_key(s->self, tenant, bytes);
	uint32_t handle = index_find(&core->lane_ids, key);
	struct lane *lane;

	if (handle != 0)
		return lane_get(core, handle);
	handle = slab_alloc(&core->lanes);
	if (handle == 0)
		return NULL;
	if (index_put(&core->lane_ids, key, handle) != ERR_OK) {
		slab_free_item(&core->lanes, handle);
		return NULL;
	}
	lane = lane_get(core, handle);
	lane->self = handle;
	lane->site = s->self;
	lane->tenant = tenant;
	list_init(&lane->queues);
	return lane;
}

void
lane_release(struct core *core, struct lane *lane)
{
	uint8_t bytes[KEY_BYTES];

	/* Q4: a lane with queues must not go. */
	if (lane->n_queues > 0)
		return;
	BUG_IF(!list_is_empty(&lane->queues) || link_is_listed(&lane->in_site));
	(void)index_remove(
	    &core->lane_ids, lane_key(lane->site, lane->tenant, bytes));
	slab_free_item(&core->lanes, lane->self);
}

void
lane_activate(struct core *core, struct queue *q)
{
	struct lane *lane = lane_get(core, q->lane);
	struct site *s = site_get(core, lane->site);

	lane->weight = queue_policy(core, q)->weight;
	list_push_back(&lane->queues, &q->in_lane);
	if (!link_is_listed(&lane->in_site))
		list_push_back(&s->lanes, &lane->in_site);
}

void
lane_deactivate(struct core *core, struct queue *q)
{
	struct lane *lane = lane_get(core, q->lane);
	struct site *s = site_get(core, lane->site);

	list_remove(&lane->queues, &q->in_lane);
	if (!list_is_empty(&lane->queues))
		return;
	list_remove(&s->lanes, &lane->in_site);
	lane->credit = 0;
}

static void
to_end(struct list *l, struct link *link)
{
	list_remove(l, link);
	list_push_back(l, link);
}

/* A part whose last result is not in the ledger yet would be lent twice if we
 * died now: others go first. */
static bool
is_unwritten(const struct core *core, const struct queue *q)
{
	return part_get(core, q->ready.first)->is_unwritten;
}

/* Its first part may not go: the next one may. */
static bool
is_kept(const struct core *core, const struct queue *q)
{
	return is_unwritten(core, q) || orderpart_keeps(core, q->ready.first);
}

static void
pass_over(struct core *core, struct site *s, struct lane *lane, struct queue *q)
{
	uint32_t part = q->ready.first;

	if (is_kept(core, q)) {
		part_list_remove(core, &q->ready, part);
		part_list_push(core, &q->ready, part);
	}
	to_end(&lane->queues, &q->in_lane);
	to_end(&s->lanes, &lane->in_site);
	lane->credit = 0;
}

uint32_t
lane_pick(struct core *core, struct site *s)
{
	for (int i = 0; i < LANE_LOOKS; i++) {
		struct lane *lane =
		    LIST_ITEM(list_first(&s->lanes), struct lane, in_site);
		struct queue *q =
		    LIST_ITEM(list_first(&lane->queues), struct queue, in_lane);

		if (queue_is_stopped(core, q)) {
			queue_set_out(core, q, true);
			if (s->n_ready == 0)
				return 0;
			site_mark(core, s);
			continue;
		}
		if (is_kept(core, q) || queue_is_held(core, q)) {
			pass_over(core, s, lane, q);
			continue;
		}
		if (lane->credit == 0)
			lane->credit = lane->weight;
		return q->ready.first;
	}
	return 0;
}

void
lane_charge(struct core *core, struct site *s, struct queue *q)
{
	struct lane *lane = lane_get(core, q->lane);

	if (link_is_listed(&q->in_lane))
		to_end(&lane->queues, &q->in_lane);
	if (!link_is_listed(&lane->in_site))
		return;
	BUG_IF(lane->credit == 0);
	if (--lane->credit == 0)
		to_end(&s->lanes, &lane->in_site);
}
