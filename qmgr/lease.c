/* SPDX-License-Identifier: BSD-2-Clause */
/* lease: slots, descriptors, and the order between them. */
#include "qmgr/lease.h"

#include <string.h>

#include "qmgr/notices.h"
#include "qmgr/qmgr_int.h"
#include "qmgr/turn.h"
#include "qmgr/worker.h"
#include "util/base/fatal.h"
#include "util/log/log.h"

static struct lease *
get_lease(struct qmgr *q, uint32_t worker, uint32_t slot)
{
	struct worker *w;

	BUG_IF(worker >= CORE_WORKERS_MAX || q->workers[worker] == NULL);
	w = q->workers[worker];
	BUG_IF(slot >= w->n_slots);
	return &w->leases[slot];
}

/* The worker lacks the descriptor: it goes before the lease. FULL: there is no
 * room for it, or no descriptor left to send. */
static enum err
send_segment(struct worker *w, const struct store_open *open)
{
	struct msg_segment_fd m = {
		.place = open->place,
		.segment = open->segment,
	};
	enum err err;

	if (w->sent[open->place] == open->generation)
		return ERR_OK;
	err = chan_send_segment_fd(w->peer->chan, &m, open->fd);
	if (err == ERR_OK)
		w->sent[open->place] = open->generation;
	return err;
}

static enum err
put_lease(struct lease *l)
{
	struct worker *w = l->worker;
	struct msg_lease m = {
		.conn = l->conn,
		.slot = l->slot,
		.lease = l->number,
		.qid = l->qid,
		.part = l->part,
		.place = l->open.place,
		.segment = l->open.segment,
		.block = l->block,
		.tries = l->tries,
		.standing = { (const char *)l->standing, l->n_standing },
	};

	if (l->telling != NULL) {
		m.notice = (uint8_t)l->telling->kind;
		m.facts = l->telling->facts;
		m.facts_ms = l->telling->facts_ms;
		m.reason = l->telling->reason;
	}
	return chan_send_lease(w->peer->chan, &m);
}

/* The core is told at the end of its actions: it may be at work just now. */
static void
fail_later(struct lease *l, enum outcome outcome)
{
	struct qmgr *q = l->worker->q;

	l->outcome = outcome;
	list_push_back(&q->failed, &l->link);
	turn_begin(q);
}

bool
lease_fail_next(struct qmgr *q)
{
	struct link *link = list_first(&q->failed);
	struct lease *l;
	struct core_result result;
	enum err err;

	if (link == NULL)
		return false;
	list_remove(&q->failed, link);
	l = LIST_ITEM(link, struct lease, link);
	if (l->number == 0 || l->is_over)
		return true;
	result = (struct core_result){
		.worker = l->worker->index,
		.slot = l->slot,
		.lease = l->number,
		.outcome = l->outcome,
	};
	lease_end(l);
	/* EXISTS: the core has taken it back itself. */
	err = core_result(q->core, &result);
	BUG_IF(err != ERR_OK && err != ERR_EXISTS);
	return true;
}

static void
clear(struct lease *l)
{
	struct worker *w = l->worker;
	struct msg_result_ack ack = { .slot = l->slot, .lease = l->number };

	worker_drop_kept(l);
	notices_tell_free(&l->telling);
	slot_clear(w->slots, l->slot);
	/* A worker that does not hear it holds its result, and sends it again
	 * when it is back: then it is acknowledged as one seen before. */
	if (w->peer != NULL &&
	    chan_send_result_ack(w->peer->chan, &ack) == ERR_FULL)
		worker_is_full(w);
	l->number = 0;
	l->is_freed = false;
	core_slot_cleared(w->q->core, w->index, l->slot);
}

/* EOF: its worker is gone, and take_back() comes. RANGE: numbers and lengths
 * are the core's. */
static void
send_lease(struct lease *l)
{
	enum err err = send_segment(l->worker, &l->open);

	if (err == ERR_FULL) {
		fail_later(l, OUTCOME_UNREADABLE);
		return;
	}
	if (err == ERR_OK)
		err = put_lease(l);
	BUG_IF(err == ERR_RANGE);
	if (err == ERR_FULL)
		worker_is_full(l->worker);
}

/* It is over, and what it waited for is back. */
static void
clear_late(struct lease *l)
{
	struct qmgr *q = l->worker->q;

	if (l->has_place)
		store_drop(q->store, l->open.place);
	l->has_place = false;
	if (!l->is_freed)
		return;
	turn_begin(q);
	clear(l);
	turn_act(q);
}

static void
on_open(struct store_open *open, enum err err)
{
	struct lease *l = LIST_ITEM(open, struct lease, open);
	struct worker *w = l->worker;

	l->is_opening = false;
	l->has_place = err == ERR_OK;
	if (l->is_over) {
		clear_late(l);
		return;
	}
	if (err == ERR_SYNTAX)
		fail_later(l, OUTCOME_DAMAGED);
	else if (err != ERR_OK)
		fail_later(l, OUTCOME_UNREADABLE);
	else if (w->peer == NULL)
		fail_later(l, OUTCOME_RETURNED);
	else
		send_lease(l);
	turn_act(w->q);
}

static void
on_told(struct telling *t)
{
	struct lease *l = t->arg;
	struct qmgr *q = l->worker->q;

	if (q->is_over)
		return;
	if (!l->is_over) {
		store_want(q->store, &l->open);
		return;
	}
	l->is_opening = false;
	clear_late(l);
}

/* A notice says what the ledger knows; then all goes as with any lease. */
static void
begin(struct lease *l, const struct core_action *action)
{
	struct qmgr *q = l->worker->q;

	l->is_opening = true;
	if (action->notice != NOTICE_NONE) {
		l->telling =
		    notices_tell(q->notices, q->store, action, on_told, l);
		if (l->telling == NULL) {
			l->is_opening = false;
			fail_later(l, OUTCOME_UNREADABLE);
			return;
		}
		if (!l->telling->is_ready)
			return;
	}
	store_want(q->store, &l->open);
}

void
lease_give(struct qmgr *q, const struct core_action *action)
{
	struct lease *l = get_lease(q, action->worker, action->slot);
	const struct part_state *part = &action->part;
	struct slot slot = {
		.lease = part->lease,
		.segment = part->segment,
		.qid = part->qid,
		.block = part->block,
		.part = part->part,
	};

	BUG_IF(l->number != 0 || l->is_opening);
	l->number = part->lease;
	l->qid = part->qid;
	l->conn = action->conn;
	l->block = part->block;
	l->part = part->part;
	l->tries = part->tries;
	l->n_standing = (uint16_t)((part->n_rcpts + 3) / 4);
	memcpy(l->standing, part->standing, l->n_standing);
	l->is_over = l->is_freed = l->has_place = false;
	l->open = (struct store_open){
		.segment = part->segment,
		.done = on_open,
	};
	q->n_leases++;
	slot_fill(l->worker->slots, l->slot, &slot);
	begin(l, action);
}

void
lease_restore(struct lease *l, const struct slot *slot)
{
	l->number = slot->lease;
	l->qid = slot->qid;
	l->open.segment = slot->segment;
	l->block = slot->block;
	l->part = slot->part;
	l->worker->q->n_leases++;
}

void
lease_end(struct lease *l)
{
	struct qmgr *q = l->worker->q;

	if (l->number == 0 || l->is_over)
		return;
	l->is_over = true;
	BUG_IF(q->n_leases == 0);
	q->n_leases--;
	if (l->has_place)
		store_drop(q->store, l->open.place);
	l->has_place = false;
}

void
lease_freed(struct qmgr *q, const struct core_freed *freed)
{
	struct lease *l;

	if (freed->lease == 0)
		return;
	l = get_lease(q, freed->worker, freed->slot);
	BUG_IF(l->number != freed->lease);
	lease_end(l);
	/* The store still has it: cleared when it comes back. */
	l->is_freed = l->is_opening;
	if (!l->is_opening)
		clear(l);
}
