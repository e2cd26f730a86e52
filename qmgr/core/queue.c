/* SPDX-License-Identifier: BSD-2-Clause */
/* queue: parts of one tenant, campaign and domain, and their way to a site. */
#include "qmgr/core/core_int.h"

#define ID_BYTES (2 + 3 * CORE_NAME_MAX_BYTES)

/* Tenant and campaign behind their lengths, then the domain: no two keys make
 * the same bytes. */
static struct str
id_of(const struct queue_key *key, char bytes[ID_BYTES])
{
	struct outbuf out = { bytes, 0, ID_BYTES };

	outbuf_putc(&out, (char)key->tenant.len);
	outbuf_putc(&out, (char)key->campaign.len);
	outbuf_put(&out, key->tenant);
	outbuf_put(&out, key->campaign);
	outbuf_put(&out, key->domain);
	return outbuf_str(&out);
}

/* Views into id, which was made from key. */
static struct queue_key
key_in(struct str id, const struct queue_key *key)
{
	struct queue_key own;

	str_skip(&id, 2);
	own.tenant = str_head(id, key->tenant.len);
	str_skip(&id, own.tenant.len);
	own.campaign = str_head(id, key->campaign.len);
	str_skip(&id, own.campaign.len);
	own.domain = id;
	return own;
}

static uint32_t
find(const struct core *core, struct str id)
{
	return index_find(&core->queue_ids, (struct key){ id.ptr, id.len });
}

struct queue *
queue_get(const struct core *core, uint32_t queue)
{
	return slab_get(&core->queues, queue);
}

static struct queue *
make(struct core *core, const struct queue_key *key, struct str id)
{
	uint32_t handle = slab_alloc(&core->queues);
	struct queue *q;

	if (handle == 0)
		return NULL;
	q = queue_get(core, handle);
	q->self = handle;
	if (core_text_set(core, &q->id, id) &&
	    heap_reserve(&core->queue_due, heap_n(&core->queue_due) + 1) ==
	        ERR_OK &&
	    index_put(&core->queue_ids, (struct key){ id.ptr, id.len },
	        handle) == ERR_OK) {
		q->key = key_in(q->id, key);
		heap_push(
		    &core->queue_due, core->now_ms + QUEUE_IDLE_MS, handle);
		return q;
	}
	core_text_drop(core, &q->id);
	slab_free_item(&core->queues, handle);
	return NULL;
}

struct queue *
queue_obtain(struct core *core, const struct queue_key *wanted)
{
	struct queue_key key = *wanted;
	uint32_t tenant, campaign, handle;
	char bytes[ID_BYTES];
	struct queue *q;
	struct str id;

	handle = find(core, id_of(&key, bytes));
	if (handle != 0)
		return queue_get(core, handle);
	if (!campaign_obtain(core, &key, &tenant, &campaign))
		return NULL;
	id = id_of(&key, bytes);
	handle = find(core, id);
	q = handle != 0 ? queue_get(core, handle) : make(core, &key, id);
	if (q == NULL || handle != 0) {
		campaign_release(core, tenant, campaign);
		return q;
	}
	q->tenant = tenant;
	q->campaign = campaign;
	return q;
}

const struct core_queue_policy *
queue_policy(struct core *core, struct queue *q)
{
	if (q->policy_generation == core->policy_generation)
		return &q->policy;
	core->conf.queue_policy(core->conf.ctx, &q->key, &q->policy);
	BUG_IF(q->policy.weight == 0);
	q->policy_generation = core->policy_generation;
	return &q->policy;
}

bool
queue_is_empty(const struct queue *q)
{
	for (unsigned i = 0; i < PART_STATE_N; i++)
		if (q->n[i] > 0)
			return false;
	return true;
}

void
queue_free(struct core *core, struct queue *q)
{
	/* Q4: a queue with a part in it must not go. */
	BUG_IF(!queue_is_empty(q));
	queue_detach(core, q);
	heap_remove(&core->queue_due, q->heap_pos);
	(void)index_remove(
	    &core->queue_ids, (struct key){ q->id.ptr, q->id.len });
	campaign_release(core, q->tenant, q->campaign);
	core_text_drop(core, &q->id);
	core_text_drop(core, &q->route_text);
	slab_free_item(&core->queues, q->self);
}

void
queue_wake(struct core *core, struct queue *q, int64_t at_ms)
{
	if (heap_get(&core->queue_due, q->heap_pos).key > at_ms)
		heap_change(&core->queue_due, q->heap_pos, at_ms);
}

bool
queue_attach(struct core *core, struct queue *q, struct site *s)
{
	struct lane *lane;

	if (q->site == s->self)
		return true;
	lane = lane_obtain(core, s, q->tenant);
	if (lane == NULL)
		return false;
	queue_detach(core, q);
	q->site = s->self;
	q->lane = lane->self;
	lane->n_queues++;
	s->n_queues++;
	if (q->ready.n == 0 || q->is_out)
		return true;
	s->n_ready += q->ready.n;
	lane_activate(core, q);
	site_mark(core, s);
	return true;
}

void
queue_detach(struct core *core, struct queue *q)
{
	struct site *s;
	struct lane *lane;

	if (q->site == 0)
		return;
	s = site_get(core, q->site);
	lane = slab_get(&core->lanes, q->lane);
	if (link_is_listed(&q->in_lane))
		lane_deactivate(core, q);
	if (!q->is_out)
		s->n_ready -= q->ready.n;
	s->n_queues--;
	lane->n_queues--;
	lane_release(core, lane);
	q->site = q->lane = 0;
	if (s->n_queues == 0)
		site_reckon(core, s);
}

void
queue_more(struct core *core, struct queue *q)
{
	struct site *s;

	if (q->is_bouncing || queue_is_lost(core, q))
		queue_wake(core, q, core->now_ms);
	if (q->site == 0 || q->is_out)
		return;
	s = site_get(core, q->site);
	s->n_ready++;
	if (!link_is_listed(&q->in_lane))
		lane_activate(core, q);
	site_mark(core, s);
}

void
queue_less(struct core *core, struct queue *q)
{
	if (q->site == 0 || q->is_out)
		return;
	site_get(core, q->site)->n_ready--;
	if (q->ready.n == 0)
		lane_deactivate(core, q);
}

void
queue_set_out(struct core *core, struct queue *q, bool is_out)
{
	struct site *s;

	if (q->is_out == is_out)
		return;
	q->is_out = is_out;
	if (q->site == 0 || q->ready.n == 0)
		return;
	s = site_get(core, q->site);
	if (is_out) {
		s->n_ready -= q->ready.n;
		lane_deactivate(core, q);
		return;
	}
	s->n_ready += q->ready.n;
	lane_activate(core, q);
	site_mark(core, s);
}

void
core_queue_name(const struct queue_key *key, struct outbuf *out)
{
	if (key->campaign.len > 0) {
		outbuf_put(out, key->campaign);
		outbuf_putc(out, ':');
	}
	outbuf_put(out, key->tenant);
	if (key->campaign.len > 0 || key->tenant.len > 0)
		outbuf_putc(out, '@');
	outbuf_put(out, key->domain);
}
