/* SPDX-License-Identifier: BSD-2-Clause */
/* why: parts from memory, the past from the ledger, the record from disk. */
#include "qmgr/why.h"

#include <stdlib.h>

#include "qmgr/control.h"
#include "qmgr/past.h"
#include "qmgr/peers.h"
#include "qmgr/qmgr_int.h"
#include "qmgr/turn.h"
#include "util/base/fatal.h"
#include "util/spool/segread.h"

#define EXIT_LATER 111
/* Longest wait until the ledger has what memory has. */
#define PATIENCE_MS 2000

/* Of a message with very many parts the first are told: the answer must find
 * room, and a turn must end. */
#define PARTS_MAX 4096

/*
 * One question in hand. It outlives its asker, whose connection may end while
 * the disk thread works: then peer is NULL, and the answer goes nowhere.
 *
 *	why:	parts -> ledger is durable -> past (rows come) -> open -> look,
 *		in the disk thread -> WHY_END
 *	cat:	open -> RECORD
 */
struct control {
	struct journal_wait durable;
	struct timer patience;
	struct past past;
	struct store_open open;
	struct job look;
	struct qmgr *q;
	struct qpeer *peer;
	struct qid qid;
	uint32_t block;
	bool is_live;   /* has parts in memory */
	bool has_past;  /* the ledger knows it */
	bool is_record; /* asked for by RECORD_ASK */
	bool is_readable;
	int64_t history_ms;
};

static void
control_free(struct control *c)
{
	if (c->peer != NULL)
		c->peer->control = NULL;
	journal_cancel(c->q->journal, &c->durable);
	timer_fini(&c->patience);
	free(c);
}

void
why_gone(struct qpeer *peer)
{
	struct control *c = peer->control;

	if (c == NULL)
		return;
	peer->control = NULL;
	c->peer = NULL;
	if (link_is_listed(&c->durable.link))
		control_free(c);
}

/* A command that does not read what it asked for is cut off; then c has no
 * peer any more. */
static void
cut_unless(struct control *c, enum err err)
{
	if (err != ERR_OK && err != ERR_EOF)
		peers_cut(c->peer);
}

/* --- parts ---------------------------------------------------------------- */

static uint8_t
lease_phase(struct qmgr *q, const struct core_why *why)
{
	struct slot slot;

	if (why->worker < 0 || q->workers[why->worker] == NULL ||
	    !slot_get(q->workers[why->worker]->slots, why->slot, &slot))
		return SLOT_FREE;
	return (uint8_t)slot.phase;
}

static enum err
send_part(struct qpeer *peer, const struct core_why *why)
{
	const struct part_state *s = &why->state;
	char queue_text[CORE_QUEUE_NAME_MAX_BYTES];
	char site_text[2 * CORE_NAME_MAX_BYTES + 2];
	struct outbuf queue = { queue_text, 0, sizeof(queue_text) };
	struct outbuf site = { site_text, 0, sizeof(site_text) };
	struct msg_why_part m = {
		.part = s->part,
		.state = s->state,
		.cause = s->cause,
		.tries = s->tries,
		.last_code = s->last_code,
		.place = why->place,
		.phase = lease_phase(peer->q, why),
		.worker = why->worker < 0 ? 0 : (uint32_t)why->worker,
		.next_ms = control_next(why->next_ms),
		.first_try_ms = s->first_try_ms,
		.last_try_ms = s->last_try_ms,
		.segment = s->segment,
		.block = s->block,
		.n_rcpts = s->n_rcpts,
		.standing = { (const char *)s->standing,
		    (s->n_rcpts + 3u) / 4u },
		.site = control_site(&site, why->source, why->provider),
		.limit_name = why->limit.name,
		.limit_value = why->limit.value,
		.limit_from = why->limit.from,
		.limit_cause = why->limit.cause,
	};

	core_queue_name(&s->key, &queue);
	m.queue = outbuf_str(&queue);
	return chan_send_why_part(peer->chan, &m);
}

static enum err
send_parts(struct control *c)
{
	struct qmgr *q = c->q;
	struct core_why why;
	uint32_t part = 0;
	enum err err = ERR_OK;

	for (int i = 0; i < PARTS_MAX && err == ERR_OK; i++) {
		part = core_find(q->core, &c->qid, part);
		if (part == 0 || !core_why(q->core, part, &why))
			break;
		c->is_live = true;
		c->open.segment = why.state.segment;
		c->block = why.state.block;
		err = send_part(c->peer, &why);
	}
	return err;
}

/* --- the end: the record on disk ------------------------------------------ */

/* In the thread: reads the header and the envelope. */
static void
run_look(struct job *job)
{
	struct control *c = LIST_ITEM(job, struct control, look);
	char bytes[SEGREAD_FIRST_BYTES];
	struct outbuf buf = { bytes, 0, sizeof(bytes) };
	struct segment_head head;
	struct segread_record record;
	enum err err = segread_head(c->open.fd, &head);

	if (err == ERR_OK)
		err = segread_load(c->open.fd, &head, c->block, &buf, &record);
	/* FULL: a long envelope; its header was read, and is good. */
	c->is_readable = err == ERR_FULL ||
	    (err == ERR_OK && qid_cmp(&record.head.qid, &c->qid) == 0);
}

static void
finish_why(struct control *c)
{
	struct msg_why_end end = {
		.is_known = c->is_live || c->has_past,
		.is_readable = c->is_readable,
		.history_ms = c->history_ms,
	};

	if (c->peer != NULL)
		cut_unless(c, chan_send_why_end(c->peer->chan, &end));
	control_free(c);
}

static void
on_looked(struct job *job)
{
	struct control *c = LIST_ITEM(job, struct control, look);

	store_drop(c->q->store, c->open.place);
	finish_why(c);
}

static void
finish_record(struct control *c, enum err err)
{
	struct msg_record m = { .segment = c->open.segment, .block = c->block };

	if (c->peer == NULL)
		err = ERR_EOF;
	else if (err == ERR_OK)
		err = chan_send_record(c->peer->chan, &m, c->open.fd);
	else
		err = control_answer(c->peer, EXIT_LATER, 0,
		    STR("its segment cannot be opened"));
	cut_unless(c, err);
	control_free(c);
}

static void
on_open(struct store_open *open, enum err err)
{
	struct control *c = LIST_ITEM(open, struct control, open);
	struct qmgr *q = c->q;
	uint16_t place = open->place;

	if (c->is_record)
		finish_record(c, err);
	else if (err == ERR_OK && store_submit(q->store, &c->look) == ERR_OK)
		return;
	else
		/* Not opened; or the thread has too much to do, and what cannot
		 * be looked at is not said to be good. */
		finish_why(c);
	if (err == ERR_OK)
		store_drop(q->store, place);
}

/* --- the past ------------------------------------------------------------- */

static void
on_past_row(struct past *past, const struct msg_why_past *row)
{
	struct control *c = LIST_ITEM(past, struct control, past);

	c->has_past = true;
	if (c->peer != NULL)
		cut_unless(c, chan_send_why_past(c->peer->chan, row));
}

static void
on_past_done(struct past *past, int64_t history_ms)
{
	struct control *c = LIST_ITEM(past, struct control, past);

	c->history_ms = control_floor(history_ms);
	if (c->is_live)
		store_want(c->q->store, &c->open);
	else
		finish_why(c);
}

/* What memory says is in the ledger now, or does not come to be in it. */
static void
search(struct control *c)
{
	struct qpeer *peer = c->peer;

	journal_cancel(c->q->journal, &c->durable);
	timer_stop(&c->patience);
	c->past = (struct past){
		.store = c->q->store,
		.qid = c->qid,
		.ledger_fd = svc_fd(c->q->svc, HAND_LEDGER, 0),
		.row = on_past_row,
		.done = on_past_done,
	};
	if (past_ask(&c->past) == ERR_OK)
		return;
	control_free(c);
	if (control_answer(peer, EXIT_LATER, 0,
	        STR("too many searches are in hand")) != ERR_OK)
		peers_cut(peer);
}

static void
on_durable(struct journal_wait *wait)
{
	search(LIST_ITEM(wait, struct control, durable));
}

static void
on_patience(void *arg)
{
	search(arg);
}

/* --- questions ------------------------------------------------------------ */

/* NULL: the peer has a question in hand already, or there is no memory. */
static struct control *
control_new(struct qpeer *peer, const struct qid *qid)
{
	struct control *c;

	if (peer->control != NULL)
		return NULL;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	c->q = peer->q;
	c->peer = peer;
	c->qid = *qid;
	c->open.done = on_open;
	c->look = (struct job){ .run = run_look, .done = on_looked };
	c->durable.done = on_durable;
	timer_init(&c->patience, c->q->loop, on_patience, c);
	peer->control = c;
	return c;
}

enum err
why_ask(struct qpeer *peer, struct str body)
{
	struct msg_why_ask ask;
	struct control *c;
	enum err err = msg_why_ask_decode(&ask, body);

	if (err != ERR_OK)
		return err;
	c = control_new(peer, &ask.qid);
	if (c == NULL)
		return control_answer(
		    peer, EXIT_LATER, 0, STR("one question at a time"));
	turn_begin(peer->q);
	err = send_parts(c);
	if (err != ERR_OK) {
		control_free(c);
		return control_sent(err);
	}
	timer_set_at(&c->patience, loop_now_ms(c->q->loop) + PATIENCE_MS);
	journal_wait(c->q->journal, &c->durable);
	return ERR_OK;
}

enum err
why_record(struct qpeer *peer, struct str body)
{
	struct msg_record_ask ask;
	struct control *c;
	struct part_state state;
	uint32_t part;
	enum err err = msg_record_ask_decode(&ask, body);

	if (err != ERR_OK)
		return err;
	part = core_find(peer->q->core, &ask.qid, 0);
	if (part == 0 || !core_part_get(peer->q->core, part, &state))
		return control_answer(
		    peer, 1, 0, STR("there is no such message in the queue"));
	c = control_new(peer, &ask.qid);
	if (c == NULL)
		return control_answer(
		    peer, EXIT_LATER, 0, STR("one question at a time"));
	c->is_record = true;
	c->block = state.block;
	c->open.segment = state.segment;
	store_want(peer->q->store, &c->open);
	return ERR_OK;
}
