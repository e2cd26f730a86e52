/* SPDX-License-Identifier: BSD-2-Clause */
/* worker: the delivery processes: there, gone, and what they held (Q5). */
#include "qmgr/core/worker.h"

#include "qmgr/core/core_int.h"

#define DRAIN_SLICE 64
#define SLOTS_MAX 65536
#define WORKER_DOOM_MS 50000 /* then it is asked for again */

struct worker *
worker_get(struct core *core, uint32_t worker)
{
	if (worker >= CORE_WORKERS_MAX || !core->workers[worker].is_known)
		return NULL;
	return &core->workers[worker];
}

bool
worker_is_ready(const struct worker *w)
{
	return w->is_up && w->is_told && !w->is_draining && w->doom_ms == 0;
}

bool
worker_can_open(const struct core *core, uint32_t worker)
{
	const struct worker *w = &core->workers[worker];

	return worker_is_ready(w) && (int)worker != core->lonely_worker &&
	    (w->conns.n + 1) * core->conf.ahead <= w->n_slots;
}

int
worker_pick(const struct core *core)
{
	int best = -1;

	for (uint32_t i = 0; i < CORE_WORKERS_MAX; i++) {
		if (!worker_can_open(core, i))
			continue;
		if (best < 0 ||
		    core->workers[i].conns.n < core->workers[best].conns.n)
			best = (int)i;
	}
	return best;
}

void
worker_doom(struct core *core, uint32_t worker, const char *reason)
{
	struct worker *w = &core->workers[worker];
	struct core_action *a;

	if (w->doom_ms > 0 && core->now_ms < w->doom_ms + WORKER_DOOM_MS)
		return;
	w->doom_ms = core->now_ms;
	a = core_emit(core, CORE_KILL_WORKER);
	a->worker = worker;
	a->text = str_from_c(reason);
}

enum err
core_worker_add(struct core *core, unsigned worker, unsigned n_slots)
{
	struct worker *w = &core->workers[worker];

	BUG_IF(worker >= CORE_WORKERS_MAX || n_slots == 0);
	BUG_IF(n_slots >= SLOTS_MAX);
	if (w->is_known)
		return ERR_EXISTS;
	if (heap_reserve(&core->leases, core->n_slots + n_slots) != ERR_OK)
		return ERR_FULL;
	w->slots = mem_take(&core->mem, n_slots * sizeof(*w->slots));
	if (w->slots == NULL)
		return ERR_FULL;
	w->free = mem_take(&core->mem, n_slots * sizeof(*w->free));
	if (w->free == NULL) {
		mem_give(&core->mem, w->slots, n_slots * sizeof(*w->slots));
		w->slots = NULL;
		return ERR_FULL;
	}
	w->is_known = true;
	w->n_slots = n_slots;
	core->n_slots += n_slots;
	for (uint32_t i = n_slots; i > 0; i--)
		w->free[w->n_free++] = (uint16_t)(i - 1);
	return ERR_OK;
}

void
core_worker_up(struct core *core, unsigned worker)
{
	struct worker *w = worker_get(core, worker);

	BUG_IF(w == NULL);
	w->is_up = true;
	w->is_told = false;
	w->doom_ms = 0;
}

enum err
core_worker_hold(
    struct core *core, unsigned worker, unsigned slot, uint64_t lease)
{
	struct slot_entry *e = lease_slot(core, worker, slot);

	if (e == NULL || e->state != CORE_SLOT_OUT || e->lease != lease)
		return ERR_NOTFOUND;
	e->is_held = true;
	return ERR_OK;
}

static void
begin_drain(struct worker *w, const uint8_t *phases)
{
	for (uint32_t i = 0; i < w->n_slots; i++)
		w->slots[i].phase = phases[i];
	w->is_draining = true;
	w->drain_slot = 0;
}

void
core_worker_held_end(struct core *core, unsigned worker, const uint8_t *phases)
{
	struct worker *w = worker_get(core, worker);

	BUG_IF(w == NULL || !w->is_up);
	w->is_told = true;
	begin_drain(w, phases);
}

void
core_worker_lost(struct core *core, unsigned worker)
{
	struct worker *w = worker_get(core, worker);

	BUG_IF(w == NULL);
	w->is_told = false;
	lonely_worker_gone(core, worker);
}

void
core_worker_down(struct core *core, unsigned worker, const uint8_t *phases)
{
	struct worker *w = worker_get(core, worker);
	struct link *link, *tmp;

	BUG_IF(w == NULL);
	w->is_up = w->is_told = false;
	w->doom_ms = 0;
	LIST_FOREACH_SAFE (link, tmp, &w->conns)
		conn_free(core, LIST_ITEM(link, struct conn, in_worker));
	for (uint32_t i = 0; i < w->n_slots; i++)
		w->slots[i].is_held = false;
	begin_drain(w, phases);
	lonely_worker_gone(core, worker);
}

/* A part that is not known yet: its doubt is told at once, for slots may be
 * gone by the time that its record is found. */
static void
note_left(struct core *core, const struct slot_entry *e)
{
	struct core_action *a = core_emit(core, CORE_NOTE);

	a->part = (struct part_state){ .qid = e->filled.qid,
		.part = e->filled.part,
		.cause = CAUSE_POSSIBLY_DELIVERED };
	a->text = str_from_c("its worker died after the dot");
}

/* Takes back what nobody holds. What may have arrived, but is of no part yet,
 * stays: when its record is admitted, that must be told. */
static void
drain_slot(struct core *core, uint32_t worker, uint32_t slot)
{
	struct slot_entry *e = &core->workers[worker].slots[slot];

	if (e->state != CORE_SLOT_OUT || e->is_held)
		return;
	if (e->part != 0 || e->phase <= SLOT_LEASED) {
		lease_take_back(core, worker, slot);
		return;
	}
	if (!e->is_left && e->phase > SLOT_TRANSACTION)
		note_left(core, e);
	e->is_left = true;
}

bool
worker_drain(struct core *core, uint32_t worker)
{
	struct worker *w = &core->workers[worker];
	int slice = DRAIN_SLICE;

	while (w->is_draining && slice-- > 0 && core_has_room(core)) {
		drain_slot(core, worker, w->drain_slot);
		if (++w->drain_slot < w->n_slots)
			continue;
		w->is_draining = false;
		stuck_sweep_soon(core);
	}
	return w->is_draining;
}

/* The part's result is in the ledger: it may be lent again. */
static void
set_written(struct core *core, uint32_t part)
{
	struct part *p = slab_try(&core->parts, part);
	const struct queue *q;

	if (p == NULL || !p->is_unwritten)
		return;
	p->is_unwritten = false;
	q = queue_get(core, p->queue);
	if (p->is_notice)
		site_mark(core, notice_site(core));
	else if (q->site != 0)
		site_mark(core, site_get(core, q->site));
}

void
core_slot_cleared(struct core *core, unsigned worker, unsigned slot)
{
	struct slot_entry *e = lease_slot(core, worker, slot);
	struct worker *w;

	if (e == NULL || e->state != CORE_SLOT_ENDED)
		return;
	w = &core->workers[worker];
	set_written(core, e->part);
	*e = (struct slot_entry){ .state = CORE_SLOT_FREE };
	/* Whoever found none looks again. */
	if (w->n_free == 0)
		stuck_sweep_soon(core);
	w->free[w->n_free++] = (uint16_t)slot;
}
