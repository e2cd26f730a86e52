/* SPDX-License-Identifier: BSD-2-Clause */
/* worker: frames between qmgr and deliver. */
#include "qmgr/worker.h"

#include <stdlib.h>
#include <string.h>

#include "qmgr/lease.h"
#include "qmgr/qmgr_int.h"
#include "qmgr/turn.h"
#include "util/base/fatal.h"
#include "util/log/log.h"

/* --- beginning ------------------------------------------------------------ */

static struct worker *
worker_new(struct qmgr *q, uint32_t index, int slots_fd)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (w == NULL)
		fatal("no memory for worker %u", index);
	w->q = q;
	w->index = index;
	if (slot_page_map(&w->slots, slots_fd) != ERR_OK)
		fatal("the slot page of deliver/%u cannot be mapped", index);
	w->n_slots = slot_page_n(w->slots);
	w->leases = calloc(w->n_slots, sizeof(*w->leases));
	if (w->leases == NULL)
		fatal("no memory for the leases of worker %u", index);
	for (unsigned i = 0; i < w->n_slots; i++) {
		w->leases[i].worker = w;
		w->leases[i].slot = (uint16_t)i;
	}
	if (core_worker_add(q->core, index, w->n_slots) != ERR_OK)
		fatal("no memory for worker %u", index);
	return w;
}

void
worker_init_all(struct qmgr *q)
{
	for (uint32_t i = 1; i < CORE_WORKERS_MAX; i++) {
		int fd = svc_fd(q->svc, HAND_SLOTS, i);

		if (fd >= 0)
			q->workers[i] = worker_new(q, i, fd);
	}
}

static void
restore_slot(struct worker *w, unsigned i)
{
	struct slot slot;
	struct core_slot filled;
	enum err err;

	if (!slot_get(w->slots, i, &slot))
		return;
	filled = (struct core_slot){
		.lease = slot.lease,
		.segment = slot.segment,
		.qid = slot.qid,
		.block = slot.block,
		.part = slot.part,
	};
	err = core_restore_lease(w->q->core, w->index, i, &filled);
	if (err == ERR_FULL)
		fatal("no memory for the leases of worker %u", w->index);
	if (err == ERR_OK)
		lease_restore(&w->leases[i], &slot);
	else
		/* What the slot says cannot be: foreign input, of no part. */
		slot_clear(w->slots, i);
}

void
worker_restore_slots(struct qmgr *q)
{
	for (unsigned n = 0; n < CORE_WORKERS_MAX; n++)
		for (unsigned i = 0;
		     q->workers[n] != NULL && i < q->workers[n]->n_slots; i++)
			restore_slot(q->workers[n], i);
}

/* --- results that came before their record -------------------------------- */

/* A predecessor gave the lease, and its record is not admitted yet: the result
 * is looked at again when it may be. One for each slot, so it is bounded. */
static void
keep(struct lease *l, struct str body)
{
	char *copy = malloc(body.len);

	if (copy == NULL)
		fatal("no memory for a result");
	memcpy(copy, body.ptr, body.len);
	free(l->kept);
	l->kept = copy;
	l->kept_bytes = body.len;
	if (!link_is_listed(&l->kept_link))
		list_push_back(&l->worker->q->kept, &l->kept_link);
}

void
worker_drop_kept(struct lease *l)
{
	if (link_is_listed(&l->kept_link))
		list_remove(&l->worker->q->kept, &l->kept_link);
	free(l->kept);
	l->kept = NULL;
}

/* --- hello and holds ------------------------------------------------------ */

/* Enum slot_phase of each slot, for the core; until the next call. */
static const uint8_t *
read_phases(struct worker *w)
{
	static uint8_t phases[PAGE_SLOTS_MAX];
	struct slot slot;

	for (unsigned i = 0; i < w->n_slots; i++)
		phases[i] = slot_get(w->slots, i, &slot) ? (uint8_t)slot.phase
		                                         : (uint8_t)SLOT_FREE;
	return phases;
}

/* All that it held is over; the core clears the slots. */
static void
take_back(struct worker *w)
{
	uint32_t before = w->q->n_leases;

	for (unsigned i = 0; i < w->n_slots; i++) {
		lease_end(&w->leases[i]);
		worker_drop_kept(&w->leases[i]);
	}
	LOG(EV_WORKER_DOWN, KV_NUM("worker", w->index), KV_NUM("pid", w->pid),
	    KV_NUM("leases", before - w->q->n_leases));
	w->is_lost = false;
	turn_begin(w->q);
	core_worker_down(w->q->core, w->index, read_phases(w));
	turn_act(w->q);
}

enum err
worker_hello(struct qpeer *peer, uint32_t index)
{
	struct qmgr *q = peer->q;
	struct worker *w = index < CORE_WORKERS_MAX ? q->workers[index] : NULL;

	if (w == NULL)
		return ERR_PROTO;
	/* master starts a worker when the one before is gone, whose end of file
	 * may still be on its way. */
	if (w->peer != NULL)
		return ERR_AGAIN;
	/* It was cut off, or hung up and lives: what it held is not its own
	 * any more, and it may be at work on it. */
	if (w->pid == peer->pid) {
		worker_kill(q, index, STR("broke the protocol"));
		return ERR_AGAIN;
	}
	if (w->is_lost)
		take_back(w);
	w->peer = peer;
	w->pid = peer->pid;
	w->is_killed = false;
	peer->worker = w;
	memset(w->sent, 0, sizeof(w->sent));
	turn_begin(q);
	core_worker_up(q->core, index);
	turn_act(q);
	LOG(EV_WORKER_UP, KV_NUM("worker", index), KV_NUM("pid", peer->pid));
	return ERR_OK;
}

enum err
worker_hold_lease(struct qpeer *peer, struct str body)
{
	struct worker *w = peer->worker;
	struct msg_hold_lease m;
	enum err err = msg_hold_lease_decode(&m, body);

	if (err != ERR_OK)
		return err;
	if (m.slot >= w->n_slots)
		return ERR_PROTO;
	turn_begin(peer->q);
	err = core_worker_hold(peer->q->core, w->index, m.slot, m.lease);
	turn_act(peer->q);
	/* One that is over: its result will be acknowledged and ignored. */
	return err == ERR_NOTFOUND ? ERR_OK : err;
}

static enum err
tell_close(struct worker *w, uint32_t conn)
{
	struct msg_conn_close m = { .conn = conn };
	enum err err = chan_send_conn_close(w->peer->chan, &m);

	if (err == ERR_FULL)
		worker_is_full(w);
	return err == ERR_FULL || err == ERR_EOF ? ERR_OK : err;
}

enum err
worker_hold_conn(struct qpeer *peer, struct str body)
{
	struct worker *w = peer->worker;
	struct msg_hold_conn m;
	enum err err = msg_hold_conn_decode(&m, body);

	if (err != ERR_OK)
		return err;
	turn_begin(peer->q);
	err = core_conn_adopt(
	    peer->q->core, w->index, m.conn, m.source, m.provider);
	turn_act(peer->q);
	return err == ERR_OK ? ERR_OK : tell_close(w, m.conn);
}

enum err
worker_hold_end(struct qpeer *peer, struct str body)
{
	struct worker *w = peer->worker;
	struct msg_hold_end m;
	enum err err = msg_hold_end_decode(&m, body);

	if (err != ERR_OK)
		return err;
	turn_begin(peer->q);
	core_worker_held_end(peer->q->core, w->index, read_phases(w));
	turn_act(peer->q);
	return ERR_OK;
}

/* --- connections ---------------------------------------------------------- */

enum err
worker_conn_up(struct qpeer *peer, struct str body)
{
	struct msg_conn_up m;
	enum err err = msg_conn_up_decode(&m, body);

	if (err != ERR_OK)
		return err;
	turn_begin(peer->q);
	err = core_conn_up(peer->q->core, peer->worker->index, m.conn);
	turn_act(peer->q);
	return err == ERR_OK ? ERR_OK : tell_close(peer->worker, m.conn);
}

enum err
worker_conn_down(struct qpeer *peer, struct str body)
{
	struct msg_conn_down m;
	struct core_conn_end end;
	enum err err = msg_conn_down_decode(&m, body);

	if (err != ERR_OK)
		return err;
	end = (struct core_conn_end){
		.worker = peer->worker->index,
		.conn = m.conn,
		.why = m.why,
		.stage = m.stage,
		.code = m.code,
		.wait_ms = m.wait_ms,
		.text = m.text,
	};
	turn_begin(peer->q);
	err = core_conn_down(peer->q->core, &end);
	turn_act(peer->q);
	return err == ERR_NOTFOUND ? ERR_OK : err;
}

void
worker_open(struct qmgr *q, const struct core_action *action)
{
	struct worker *w = q->workers[action->worker];
	struct msg_conn_open m = {
		.conn = action->conn,
		.source = action->source,
		.provider = action->provider,
		.transport = (uint8_t)action->transport,
		.hosts = action->hosts,
	};

	/* Between its end and the core's hearing of it: the connection goes
	 * with the worker. */
	if (w->peer == NULL)
		return;
	if (chan_send_conn_open(w->peer->chan, &m) == ERR_FULL)
		worker_is_full(w);
}

void
worker_close(struct qmgr *q, const struct core_action *action)
{
	struct worker *w = q->workers[action->worker];
	enum err err;

	if (w->peer == NULL)
		return;
	err = tell_close(w, action->conn);
	BUG_IF(err != ERR_OK);
}

/* --- results -------------------------------------------------------------- */

/* The list of recipients, for the core. ERR_PROTO: too many. */
static enum err
read_rcpts(struct str list, struct core_rcpt *rcpts, uint32_t *n)
{
	struct msg_rcpt_result m;
	enum err err;

	for (*n = 0; (err = msg_rcpt_result_list_next(&list, &m)) == ERR_OK;
	     (*n)++) {
		if (*n == PART_RCPTS_MAX)
			return ERR_PROTO;
		rcpts[*n] = (struct core_rcpt){
			.rcpt = m.rcpt,
			.verdict = m.verdict,
			.code = m.code,
			.needs_notice = m.needs_notice != 0,
		};
	}
	return err == ERR_EOF ? ERR_OK : err;
}

/* One that was seen before, or taken back meanwhile: the worker may forget. */
static enum err
acknowledge(struct worker *w, const struct msg_result *m)
{
	struct msg_result_ack ack = { .slot = m->slot, .lease = m->lease };
	enum err err;

	/* One that was kept, of a worker that is cut off. */
	if (w->peer == NULL)
		return ERR_OK;
	err = chan_send_result_ack(w->peer->chan, &ack);
	if (err == ERR_FULL)
		worker_is_full(w);
	return err == ERR_FULL || err == ERR_EOF ? ERR_OK : err;
}

static enum err
take_result(struct worker *w, struct str body)
{
	static struct core_rcpt rcpts[PART_RCPTS_MAX];
	struct qmgr *q = w->q;
	struct msg_result m;
	struct core_result result;
	enum err err = msg_result_decode(&m, body);

	if (err != ERR_OK)
		return err;
	if (m.slot >= w->n_slots)
		return ERR_PROTO;
	result = (struct core_result){
		.worker = w->index,
		.slot = m.slot,
		.lease = m.lease,
		.outcome = m.outcome,
		.code = m.code,
		.is_doubtful = m.is_doubtful != 0,
		.is_after_mail = m.is_after_mail != 0,
		.rcpts = rcpts,
	};
	err = read_rcpts(m.rcpts, rcpts, &result.n_rcpts);
	if (err != ERR_OK)
		return err;
	turn_begin(q);
	err = core_result(q->core, &result);
	if (err == ERR_OK)
		lease_end(&w->leases[m.slot]);
	q->facts = m.facts;
	turn_act(q);
	q->facts = (struct str){ NULL, 0 };
	if (err == ERR_OK && m.outcome == OUTCOME_DAMAGED)
		store_damaged(q->store, w->leases[m.slot].open.segment,
		    w->leases[m.slot].block);
	if (err == ERR_AGAIN) {
		keep(&w->leases[m.slot], body);
		return ERR_OK;
	}
	return err == ERR_EXISTS ? acknowledge(w, &m) : err;
}

enum err
worker_result(struct qpeer *peer, struct str body)
{
	return take_result(peer->worker, body);
}

void
worker_retry_kept(struct qmgr *q)
{
	struct list again;
	struct link *link;

	list_init(&again);
	while ((link = list_first(&q->kept)) != NULL) {
		list_remove(&q->kept, link);
		list_push_back(&again, link);
	}
	while ((link = list_first(&again)) != NULL) {
		struct lease *l = LIST_ITEM(link, struct lease, kept_link);
		char *bytes = l->kept;
		enum err err;

		list_remove(&again, link);
		l->kept = NULL;
		err = take_result(
		    l->worker, (struct str){ bytes, l->kept_bytes });
		/* It was well-formed when it came. */
		BUG_IF(err != ERR_OK);
		free(bytes);
	}
}

/* --- the end -------------------------------------------------------------- */

void
worker_gone(struct qpeer *peer, bool is_dead)
{
	struct worker *w = peer->worker;

	if (w == NULL)
		return;
	peer->worker = NULL;
	w->peer = NULL;
	if (is_dead) {
		take_back(w);
		return;
	}
	w->is_lost = true;
	worker_kill(w->q, w->index, STR("broke the protocol"));
}

/* Each time it is asked for: the one before may have got lost. */
void
worker_kill(struct qmgr *q, uint32_t index, struct str reason)
{
	struct worker *w = q->workers[index];

	w->is_killed = true;
	LOG(EV_PROCESS_KILLED, KV_CSTR("name", "deliver"),
	    KV_NUM("index", index), KV_NUM("pid", w->pid),
	    KV_STR("reason", reason));
	core_worker_lost(q->core, index);
	svc_kill_worker(q->svc, index, reason);
}

void
worker_is_full(struct worker *w)
{
	if (!w->is_killed)
		worker_kill(w->q, w->index, STR("does not read its frames"));
}
