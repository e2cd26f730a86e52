/* SPDX-License-Identifier: BSD-2-Clause */
/* retry: an operator makes parts due now: one message, or many in slices (Q8).
 *
 * A queue's waiting parts stand in the order in which they came to wait. When
 * a retry reaches a queue, it counts them, and takes so many from the front:
 * what comes to wait meanwhile stands behind, and is left alone.
 */
#include "qmgr/core/core_int.h"

#include "util/text/glob.h"

#define RETRY_SLICE 256
#define RETRY_QUEUES_SLICE 4096

static struct retry *
begin(struct core *core, uint32_t *op)
{
	struct retry *r;

	if (core->n_retries == CORE_RETRIES_MAX)
		return NULL;
	r = &core->retries[(core->retry_first + core->n_retries) %
	    CORE_RETRIES_MAX];
	core->n_retries++;
	*r = (struct retry){ .op = ++core->next_op };
	*op = r->op;
	return r;
}

enum err
core_retry_all(struct core *core, uint32_t *op)
{
	struct retry *r = begin(core, op);

	if (r == NULL)
		return ERR_FULL;
	r->is_all = true;
	return ERR_OK;
}

enum err
core_retry_queues(struct core *core, struct str match, uint32_t *op)
{
	struct retry *r;

	if (match.len > CORE_MATCH_MAX_BYTES)
		return ERR_RANGE;
	r = begin(core, op);
	if (r == NULL)
		return ERR_FULL;
	r->is_sites_done = true;
	if (match.len > 0)
		memcpy(r->match, match.ptr, match.len);
	r->match_len = (uint32_t)match.len;
	return ERR_OK;
}

static bool
retry_part(struct core *core, uint32_t part)
{
	const struct part *p = part_get(core, part);

	if (p->state != PART_WAITING)
		return false;
	tick_make_due(core, part);
	return true;
}

uint32_t
core_retry_message(struct core *core, const struct qid *qid)
{
	uint32_t n = 0;

	for (uint32_t part = 0; (part = core_find(core, qid, part)) != 0;)
		if (retry_part(core, part))
			n++;
	return n;
}

static bool
is_match(const struct retry *r, const struct queue *q)
{
	char bytes[CORE_QUEUE_NAME_MAX_BYTES];
	struct outbuf out = { bytes, 0, sizeof(bytes) };

	if (r->is_all)
		return true;
	core_queue_name(&q->key, &out);
	return glob_match(
	    (struct str){ r->match, r->match_len }, outbuf_str(&out));
}

static void
sites_slice(struct core *core, struct retry *r)
{
	for (int i = 0; i < RETRY_SLICE; i++) {
		r->site = slab_next(&core->sites, r->site);
		if (r->site == 0) {
			r->is_sites_done = true;
			return;
		}
		health_forget(core, site_get(core, r->site));
	}
}

/* Takes r->left parts from the front of the queue, as far as the slice goes.
 * Returns how many it looked at. */
static int
parts_slice(struct core *core, struct retry *r, struct queue *q, int slice)
{
	int n = 0;

	while (n < slice && r->left > 0 && q->waiting.n > 0) {
		uint32_t part = q->waiting.first;

		n++;
		r->left--;
		if (retry_part(core, part)) {
			r->n++;
			continue;
		}
		part_list_remove(core, &q->waiting, part);
		part_list_push(core, &q->waiting, part);
	}
	if (q->waiting.n == 0)
		r->left = 0;
	return n;
}

/* The next queue that matches; false: none within the slice. */
static bool
next_queue(struct core *core, struct retry *r)
{
	for (int i = 0; i < RETRY_QUEUES_SLICE; i++) {
		const struct queue *q;

		r->queue = slab_next(&core->queues, r->queue);
		if (r->queue == 0)
			return false;
		q = queue_get(core, r->queue);
		if (q->waiting.n == 0 || !is_match(r, q))
			continue;
		r->left = q->waiting.n;
		return true;
	}
	return false;
}

static void
finish(struct core *core, const struct retry *r)
{
	struct core_action *a = core_emit(core, CORE_RETRIED);

	a->op = r->op;
	a->n = r->n;
	core->retry_first = (core->retry_first + 1) % CORE_RETRIES_MAX;
	core->n_retries--;
}

static void
queues_slice(struct core *core, struct retry *r)
{
	int slice = RETRY_SLICE;

	while (slice > 0) {
		struct queue *q = NULL;

		if (r->left > 0)
			q = slab_try(&core->queues, r->queue);
		if (q != NULL) {
			slice -= parts_slice(core, r, q, slice);
			continue;
		}
		r->left = 0;
		if (next_queue(core, r))
			continue;
		if (r->queue == 0)
			finish(core, r);
		return;
	}
}

bool
retry_run(struct core *core)
{
	struct retry *r = &core->retries[core->retry_first];

	if (core->n_retries == 0)
		return false;
	if (r->is_sites_done)
		queues_slice(core, r);
	else
		sites_slice(core, r);
	return core->n_retries > 0;
}
