/* SPDX-License-Identifier: BSD-2-Clause */
/* lease: parts lent to connections: given, ended, overdue, taken back. */
#include "qmgr/core/core_int.h"

#define LEASE_GRACE_MS 60000
#define SLOT_BITS 16
#define SLOT_MASK 0xffffu

struct slot_entry *
lease_slot(const struct core *core, uint32_t worker, uint32_t slot)
{
	if (worker >= CORE_WORKERS_MAX || slot >= core->workers[worker].n_slots)
		return NULL;
	return &core->workers[worker].slots[slot];
}

/* The worker gives an attempt up in time; what waits behind another one at the
 * connection has both their times. */
static int64_t
deadline_ms(struct core *core, struct site *s)
{
	return core->now_ms + LEASE_GRACE_MS +
	    site_policy(core, s)->attempt_ms * (int64_t)core->conf.ahead;
}

static void
emit_lease(struct core *core, const struct conn *c, uint32_t slot,
    const struct slot_entry *e)
{
	struct core_action *a = core_emit(core, CORE_LEASE);

	a->worker = c->worker;
	a->conn = c->number;
	a->slot = slot;
	part_fill(core, part_get(core, e->part), &a->part);
	a->part.lease = e->lease;
	a->notice = (enum notice_kind)e->notice;
	a->text = notice_reason(core, part_get(core, e->part), a->notice);
}

void
lease_lend(struct core *core, struct site *s, struct conn *c, uint32_t part)
{
	struct worker *w = &core->workers[c->worker];
	uint32_t slot = w->free[--w->n_free];
	struct slot_entry *e = &w->slots[slot];
	enum notice_kind kind = notice_kind(core, part_get(core, part));

	BUG_IF(e->state != CORE_SLOT_FREE);
	part_move(core, part, PART_LEASED, deadline_ms(core, s));
	part_get(core, part)->next = c->worker << SLOT_BITS | slot;
	*e = (struct slot_entry){ .lease = core->next_lease++,
		.part = part,
		.conn = c->self,
		.lost_ms = core->lost_ms,
		.state = CORE_SLOT_OUT,
		.notice = (uint8_t)kind,
		.is_held = true };
	heap_push(
	    &core->leases, (int64_t)e->lease, c->worker << SLOT_BITS | slot);
	w->n_out++;
	s->n_out++;
	c->n_out++;
	c->n_sent++;
	if (s->left != UINT32_MAX)
		s->left--;
	conn_file(core, c);
	emit_lease(core, c, slot, e);
}

/* The last lease from before the restart is over: adopted connections have
 * nothing in hand that we do not know of. */
static void
unblock(struct core *core, struct worker *w)
{
	struct link *link;

	LIST_FOREACH (link, &w->conns) {
		struct conn *c = LIST_ITEM(link, struct conn, in_worker);

		conn_file(core, c);
		site_mark(core, site_get(core, c->site));
	}
}

static void
leave_conn(struct core *core, struct conn *c)
{
	struct site *s = site_get(core, c->site);

	BUG_IF(c->n_out == 0 || s->n_out == 0);
	c->n_out--;
	s->n_out--;
	conn_file(core, c);
	site_mark(core, s);
}

void
lease_over(
    struct core *core, uint32_t worker, uint32_t slot, struct core_freed *freed)
{
	struct worker *w = &core->workers[worker];
	struct slot_entry *e = &w->slots[slot];
	struct conn *c = slab_try(&core->conns, e->conn);

	BUG_IF(e->state != CORE_SLOT_OUT || w->n_out == 0);
	*freed = (struct core_freed){ e->lease, worker, slot };
	e->state = CORE_SLOT_ENDED;
	heap_remove(&core->leases, e->heap_pos);
	w->n_out--;
	if (e->part == 0) {
		w->n_unknown--;
		core->n_unknown--;
	}
	if (c != NULL)
		leave_conn(core, c);
	if (e->conn == 0 && --w->n_restored == 0)
		unblock(core, w);
	lonely_ended(core, worker);
}

void
lease_clear(struct core *core, const struct core_freed *freed)
{
	core_emit(core, CORE_CLEAR)->freed = *freed;
}

/* Q13: its worker died while it was in transaction. */
static void
count_death(struct core *core, uint32_t part, const struct core_freed *freed)
{
	struct part *p = part_get(core, part);

	if (p->deaths >= PART_DEATHS_MAX) {
		p->cause = CAUSE_DEATHS;
		part_move(
		    core, part, PART_HELD, core->now_ms + PART_HELD_REMIND_MS);
		fate_note(core, part, "held: its workers keep dying");
	} else if (p->deaths < PART_DEATHS_LONELY) {
		part_make_ready(core, part);
	} else if (part_is_owed(core, p)) {
		notice_wait(core, part);
	} else if (!fate_wait(core, part, p->deaths)) {
		part_make_ready(core, part);
	}
	fate_remember(core, part, freed);
}

/* True: so it ends. */
static bool
died_delivering(struct core *core, uint32_t part, const struct slot_entry *e,
    const struct core_freed *freed)
{
	struct part *p = part_get(core, part);

	if (e->phase == SLOT_TRANSACTION) {
		p->cause = CAUSE_WORKER_DIED;
		return false;
	}
	p->cause = CAUSE_POSSIBLY_DELIVERED;
	if (!e->is_left)
		fate_note(core, part, "its worker died after the dot");
	return fate_end_doubt(core, part, freed);
}

static void
take_back_part(struct core *core, uint32_t part, const struct slot_entry *e,
    const struct core_freed *freed)
{
	enum notice_kind kind = (enum notice_kind)e->notice;
	enum slot_phase phase = SLOT_PHASE_N;

	if (e->phase < SLOT_PHASE_N)
		phase = (enum slot_phase)e->phase;
	if (phase <= SLOT_LEASED) {
		if (kind == NOTICE_NONE)
			part_get(core, part)->cause = CAUSE_RETURNED;
		part_make_ready(core, part);
		lease_clear(core, freed);
		return;
	}
	part_get(core, part)->deaths++;
	if (kind != NOTICE_NONE)
		notice_took_back(core, part, kind, phase);
	else if (died_delivering(core, part, e, freed))
		return;
	count_death(core, part, freed);
}

void
lease_take_back(struct core *core, uint32_t worker, uint32_t slot)
{
	struct slot_entry *e = lease_slot(core, worker, slot);
	uint32_t part = e->part;
	struct core_freed freed;

	lease_over(core, worker, slot, &freed);
	if (part == 0) {
		lease_clear(core, &freed);
		return;
	}
	take_back_part(core, part, e, &freed);
	orderpart_lease_over(core, part, freed.lease);
}

/* Q5: silence ends no lease, but its holder; and not for time in which we did
 * not listen. */
void
lease_overdue(struct core *core, uint32_t part)
{
	const struct part *p = part_get(core, part);
	uint32_t worker = p->next >> SLOT_BITS;
	struct slot_entry *e = lease_slot(core, worker, p->next & SLOT_MASK);
	int64_t lost_ms = core->lost_ms - e->lost_ms;

	e->lost_ms = core->lost_ms;
	if (lost_ms == 0)
		worker_doom(core, worker, "an attempt is past its limit");
	heap_change(&core->due, p->heap_pos,
	    core->now_ms + (lost_ms > 0 ? lost_ms : LEASE_GRACE_MS));
}

static void
match_slot(struct core *core, struct seg *seg, struct worker *w, uint32_t slot)
{
	struct slot_entry *e = &w->slots[slot];
	uint32_t part = seg_part(core, seg, e->filled.block, e->filled.part);
	struct qid qid;

	if (part == 0 || part_get(core, part)->state != PART_READY)
		return;
	part_qid(core, part_get(core, part), &qid);
	if (qid_cmp(&qid, &e->filled.qid) != 0)
		return;
	part_move(
	    core, part, PART_LEASED, core->now_ms + LEASE_RESTORED_MAX_MS);
	part_get(core, part)->next =
	    (uint32_t)(w - core->workers) << SLOT_BITS | slot;
	e->part = part;
	/* What is owed in the ledger was before the lease was given. */
	if (part_is_owed(core, part_get(core, part)))
		e->notice = NOTICE_FINAL;
	w->n_unknown--;
	core->n_unknown--;
	if (!e->is_left)
		return;
	w->is_draining = true;
	w->drain_slot = 0;
}

void
lease_match(struct core *core, struct seg *seg, uint32_t block)
{
	for (uint32_t i = 0; i < CORE_WORKERS_MAX && core->n_unknown > 0; i++) {
		struct worker *w = &core->workers[i];

		for (uint32_t n = 0; n < w->n_slots && w->n_unknown > 0; n++) {
			const struct slot_entry *e = &w->slots[n];

			if (e->state == CORE_SLOT_OUT && e->part == 0 &&
			    e->filled.segment == seg->number &&
			    e->filled.block == block)
				match_slot(core, seg, w, n);
		}
	}
}
