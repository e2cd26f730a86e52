/* SPDX-License-Identifier: BSD-2-Clause */
/* restore: from checkpoint, ledger and slots back to what was (Q11).
 *
 * A part of a known record that is not live is done: admissions are atomic, a
 * checkpoint lists all live parts. A record of which only an end is known is
 * unknown: what else was in it nobody can tell, so the scan admits it.
 */
#include "qmgr/core/core_int.h"

#define MS_PER_S 1000

static struct key
lease_key(const uint64_t *lease)
{
	return (struct key){ lease, sizeof(*lease) };
}

static bool
is_sound(const struct part_state *s)
{
	return s->segment != 0 && s->block <= CORE_BLOCK_MAX &&
	    s->n_rcpts > 0 && s->n_rcpts <= PART_RCPTS_MAX &&
	    s->state < PART_STATE_N && s->cause < PART_CAUSE_N &&
	    s->deaths <= PART_DEATHS_MAX && s->throttles < PART_THROTTLES_MAX &&
	    s->part < UINT16_MAX && s->order != UINT64_MAX &&
	    s->key.tenant.len <= CORE_NAME_MAX_BYTES &&
	    s->key.campaign.len <= CORE_NAME_MAX_BYTES &&
	    s->key.domain.len <= CORE_NAME_MAX_BYTES;
}

/* A slot whose lease's result is in the ledger is only to be cleared. */
static void
mark_ended(struct core *core, uint64_t lease)
{
	uint32_t at;

	if (lease == 0)
		return;
	if (lease >= core->next_lease)
		core->next_lease = lease + 1;
	at = index_find(&core->lease_ids, lease_key(&lease));
	if (at == 0)
		return;
	at--;
	lease_slot(core, at >> 16, at & 0xffff)->is_ended = true;
}

static uint32_t
create(struct core *core, struct seg *seg, const struct part_state *s)
{
	uint32_t n = slab_n(&core->parts);
	struct part_new new = { .seg = seg,
		.qid = &s->qid,
		.block = s->block,
		.number = s->part,
		.n_rcpts = s->n_rcpts,
		.is_silent = s->is_silent != 0,
		.wants_delay = s->wants_delay != 0 };

	if (n == core->conf.parts_max ||
	    heap_reserve(&core->due, n + 1) != ERR_OK ||
	    !seg_reserve(core, seg, 1, s->block))
		return 0;
	new.queue = queue_obtain(core, &s->key);
	return new.queue == NULL ? 0 : part_make(core, &new);
}

static uint32_t
wall_s(int64_t ms)
{
	if (ms <= 0)
		return 0;
	return ms / MS_PER_S < UINT32_MAX ? (uint32_t)(ms / MS_PER_S)
	                                  : UINT32_MAX;
}

/* A stored due time becomes a wait, of at most the longest interval. */
static int64_t
wait_until(struct core *core, const struct part *p, int64_t due_ms)
{
	const struct backoff_policy *policy =
	    &queue_policy(core, queue_get(core, p->queue))->backoff;
	int64_t max_ms =
	    policy->cap_ms + policy->cap_ms * policy->jitter_pct / 100;
	int64_t wait_ms = due_ms - core->wall_ms;

	if (wait_ms > max_ms)
		wait_ms = max_ms;
	return core->now_ms + (wait_ms > 0 ? wait_ms : 0);
}

/* A part past its life gets one attempt before it expires: it lives one
 * longest interval more. */
static void
spare(struct core *core, uint32_t part)
{
	struct part *p = part_get(core, part);
	int64_t cap_ms =
	    queue_policy(core, queue_get(core, p->queue))->backoff.cap_ms;
	int64_t over_ms = core->now_ms + cap_ms - part_end_ms(core, p);

	if (core->now_ms < part_end_ms(core, p))
		return;
	p->born_s += (int32_t)(over_ms / MS_PER_S);
}

static void
place(struct core *core, uint32_t part, const struct part_state *s)
{
	struct part *p = part_get(core, part);

	if (s->state == PART_HELD) {
		heap_change(&core->due, p->heap_pos,
		    core->now_ms + PART_HELD_REMIND_MS);
		return;
	}
	/* What is owed is tried at once: a wait for it begins anew. */
	if (part_is_owed(core, p)) {
		part_make_ready(core, part);
		return;
	}
	spare(core, part);
	if (s->state == PART_WAITING)
		part_move(
		    core, part, PART_WAITING, wait_until(core, p, s->due_ms));
	else
		part_make_ready(core, part);
}

/* All but what the part has had since it was made. HELD is where a part can
 * change without a list taking notice. */
static void
apply(struct core *core, uint32_t part, const struct part_state *s,
    struct ordered *order, struct queue *to)
{
	struct part *p = part_get(core, part);

	ordertab_let_go(core, p);
	if (p->state != PART_HELD)
		part_move(core, part, PART_HELD, core->now_ms);
	if (to->self != p->queue)
		part_change_queue(core, part, to);
	p->cause = s->cause & 0x7fu;
	p->deaths = s->deaths & 7u;
	p->throttles = s->throttles & 3u;
	p->wants_delay = s->wants_delay & 1u;
	p->tries = s->tries;
	p->last_code = s->last_code;
	p->first_try_s = wall_s(s->first_try_ms);
	p->last_try_s = wall_s(s->last_try_ms);
	for (uint32_t i = 0; i < part_n_rcpts(core, p); i++)
		part_set_standing(
		    core, p, i, part_standing_get(s->standing, i));
	if (!part_is_open(core, p) && !part_is_owed(core, p)) {
		(void)part_finish(core, part);
		return;
	}
	if (order != NULL)
		ordertab_hold(p, order);
	place(core, part, s);
}

/* The part that the state is of; 0 with why not. */
static uint32_t
obtain(struct core *core, const struct part_state *s, enum err *err)
{
	struct seg *seg = seg_find(core, s->segment);
	/* A move tells of one part alone. */
	bool can_make =
	    s->key.domain.len > 0 && s->state != PART_DONE && !s->is_moved;
	uint32_t part = 0;

	*err = ERR_NOTFOUND;
	if (seg == NULL && !can_make)
		return 0;
	*err = ERR_FULL;
	if (seg == NULL)
		seg = seg_add(core, s->segment, qid_writer(&s->qid));
	if (seg == NULL)
		return 0;
	*err = ERR_NOTFOUND;
	if (seg_bit(seg, s->block))
		return 0;
	part = seg_part(core, seg, s->block, s->part);
	if (part != 0 || !can_make)
		return part;
	*err = ERR_RANGE;
	if (!seg_takes_writer(seg, qid_writer(&s->qid)))
		return 0;
	*err = ERR_FULL;
	return create(core, seg, s);
}

enum err
core_restore(struct core *core, const struct part_state *s)
{
	struct ordered *order = NULL;
	struct queue *to;
	uint32_t part;
	enum err err;
	struct qid qid;

	if (!is_sound(s) || core->is_restored)
		return ERR_RANGE;
	mark_ended(core, s->lease);
	part = obtain(core, s, &err);
	if (part == 0)
		return err;
	part_qid(core, part_get(core, part), &qid);
	if (qid_cmp(&qid, &s->qid) != 0 ||
	    part_n_rcpts(core, part_get(core, part)) != s->n_rcpts)
		return ERR_RANGE;
	if (s->state == PART_HELD && s->order != 0) {
		order = ordertab_restore(core, s->order);
		if (order == NULL)
			return ERR_FULL;
	}
	to = queue_get(core, part_get(core, part)->queue);
	if (s->is_moved && s->key.domain.len > 0)
		to = queue_obtain(core, &s->key);
	if (to == NULL)
		return ERR_FULL;
	if (s->state == PART_DONE)
		(void)part_finish(core, part);
	else
		apply(core, part, s, order, to);
	return ERR_OK;
}

/* Parts of records that were done when the bits were written. */
static void
finish_done(struct core *core, struct seg *seg)
{
	uint32_t i = seg->first;

	while (i < seg->first + seg->n) {
		uint32_t part = seg->live[i].part;

		if (!seg_bit(seg, seg->live[i].block)) {
			i++;
			continue;
		}
		(void)part_finish(core, part);
		if (i < seg->first)
			i = seg->first;
	}
}

enum err
core_restore_done(
    struct core *core, uint64_t number, const uint8_t *bits, uint32_t blocks)
{
	struct seg *seg = seg_find(core, number);

	if (blocks > CORE_BLOCK_MAX + 1)
		return ERR_RANGE;
	if (seg == NULL)
		return ERR_NOTFOUND;
	if (blocks == 0)
		return ERR_OK;
	if (!seg_reserve(core, seg, 0, blocks - 1))
		return ERR_FULL;
	for (uint32_t i = 0; i < blocks; i++)
		if ((bits[i / 8] & 1u << i % 8) != 0)
			seg->done[i / 8] |= (uint8_t)(1u << i % 8);
	finish_done(core, seg);
	return ERR_OK;
}

enum err
core_restore_lease(struct core *core, unsigned worker, unsigned slot,
    const struct core_slot *filled)
{
	struct slot_entry *e = lease_slot(core, worker, slot);
	struct worker *w = worker_get(core, worker);
	enum err err;

	if (w == NULL || e == NULL || e->state != CORE_SLOT_FREE ||
	    filled->lease == 0 || core->is_restored)
		return ERR_RANGE;
	err = index_put(&core->lease_ids, lease_key(&filled->lease),
	    (worker << 16 | slot) + 1);
	if (err != ERR_OK)
		return err;
	if (filled->lease >= core->next_lease)
		core->next_lease = filled->lease + 1;
	*e = (struct slot_entry){ .lease = filled->lease,
		.filled = *filled,
		.state = CORE_SLOT_FILLED };
	for (uint32_t i = 0; i < w->n_free; i++) {
		if (w->free[i] != slot)
			continue;
		w->free[i] = w->free[--w->n_free];
		break;
	}
	return ERR_OK;
}

/* Whether the slot's part is over, or not where a lease could have it. */
static bool
is_over(const struct core *core, const struct slot_entry *e)
{
	const struct seg *seg = seg_find(core, e->filled.segment);
	uint32_t part;
	struct qid qid;

	if (e->is_ended)
		return true;
	if (seg == NULL)
		return false;
	if (seg_bit(seg, e->filled.block))
		return true;
	if (!seg_is_live(core, seg, e->filled.block))
		return false;
	part = seg_part(core, seg, e->filled.block, e->filled.part);
	if (part == 0)
		return true;
	part_qid(core, part_get(core, part), &qid);
	return qid_cmp(&qid, &e->filled.qid) != 0 ||
	    part_get(core, part)->state == PART_LEASED;
}

static void
resolve(struct core *core, uint32_t worker, uint32_t slot)
{
	struct worker *w = &core->workers[worker];
	struct slot_entry *e = &w->slots[slot];
	struct core_freed freed = { e->lease, worker, slot };
	struct seg *seg;
	uint32_t part = 0;

	if (is_over(core, e)) {
		e->state = CORE_SLOT_ENDED;
		lease_clear(core, &freed);
		return;
	}
	e->state = CORE_SLOT_OUT;
	e->lost_ms = core->lost_ms;
	heap_push(&core->leases, (int64_t)e->lease, worker << 16 | slot);
	w->n_out++;
	w->n_restored++;
	w->n_unknown++;
	core->n_unknown++;
	seg = seg_find(core, e->filled.segment);
	if (seg != NULL)
		part = seg_part(core, seg, e->filled.block, e->filled.part);
	if (part == 0)
		return;
	/* What was held was released and lent, and only the slot tells: the
	 * entry of a hold at the end of a lease names the lease. */
	if (part_get(core, part)->state != PART_READY)
		part_make_ready(core, part);
	lease_match(core, seg, e->filled.block);
}

void
core_restore_messages(struct core *core, uint64_t done)
{
	core->messages_done = done;
}

bool
core_restore_end(struct core *core, uint64_t done, uint64_t last_lease)
{
	for (uint32_t i = 0; i < CORE_WORKERS_MAX; i++) {
		struct worker *w = &core->workers[i];

		for (uint32_t n = 0; n < w->n_slots; n++) {
			if (w->slots[n].state != CORE_SLOT_FILLED)
				continue;
			if (!core_has_room(core))
				return true;
			resolve(core, i, n);
		}
	}
	index_fini(&core->lease_ids);
	orderrun_restored(core);
	if (last_lease >= core->next_lease)
		core->next_lease = last_lease + 1;
	/* Q6: what was admitted is done or here. */
	core->done = done;
	core->admitted = done + slab_n(&core->parts);
	core->messages_admitted = core->messages_done + core->messages;
	core->is_restored = true;
	stuck_sweep_soon(core);
	return false;
}
