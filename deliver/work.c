/* SPDX-License-Identifier: BSD-2-Clause */
/* work: what qmgr asks for, what it is told, and the end. */
#include "deliver/work.h"

#include <stdlib.h>

#include "deliver/conn.h"
#include "deliver/deliver_int.h"
#include "deliver/lease.h"
#include "deliver/txn.h"
#include "util/base/fatal.h"
#include "util/proto/chan.h"

/* Never reached: see work.h. */
#define OUT_MAX_BYTES (256u * 1024 * 1024)
#define LEAVE_AGAIN_MS 50

/* --- frames to qmgr ------------------------------------------------------- */

/* EOF: on_down comes, and all that matters is said again. */
static void
must_send(enum err err)
{
	BUG_IF(err == ERR_RANGE);
	if (err == ERR_FULL)
		fatal("no memory for a frame to qmgr");
}

static struct chan *
linked_chan(const struct deliver *d)
{
	return d->is_linked ? peer_chan(d->qmgr) : NULL;
}

void
work_send_result(struct deliver *d, const struct msg_result *m)
{
	struct chan *chan = linked_chan(d);

	if (chan != NULL)
		must_send(chan_send_result(chan, m));
}

void
work_send_hold(struct deliver *d, const struct lease *l)
{
	struct msg_hold_lease m = { .slot = l->slot, .lease = l->number };

	must_send(chan_send_hold_lease(peer_chan(d->qmgr), &m));
}

void
work_send_hold_conn(struct deliver *d, const struct conn *c)
{
	struct msg_hold_conn m = {
		.conn = c->number,
		.source = c->source,
		.provider = c->provider,
	};

	must_send(chan_send_hold_conn(peer_chan(d->qmgr), &m));
}

void
work_send_up(struct deliver *d, const struct msg_conn_up *m)
{
	struct chan *chan = linked_chan(d);

	if (chan != NULL)
		must_send(chan_send_conn_up(chan, m));
}

void
work_send_down(struct deliver *d, const struct msg_conn_down *m)
{
	struct chan *chan = linked_chan(d);

	if (chan != NULL)
		must_send(chan_send_conn_down(chan, m));
}

/* --- frames from qmgr ----------------------------------------------------- */

static enum err
on_segment_fd(struct deliver *d, struct frame *f)
{
	struct msg_segment_fd m;
	enum err err = msg_segment_fd_decode(&m, f->body);

	if (err == ERR_OK)
		segments_put(
		    &d->segments, m.place, m.segment, frame_take_fd(f, 0));
	return err;
}

static enum err
on_conn_open(struct deliver *d, struct frame *f)
{
	struct msg_conn_open m;
	enum err err = msg_conn_open_decode(&m, f->body);

	return err == ERR_OK ? conn_open(d, &m) : err;
}

static enum err
on_conn_close(struct deliver *d, struct frame *f)
{
	struct msg_conn_close m;
	enum err err = msg_conn_close_decode(&m, f->body);
	struct conn *c;

	if (err != ERR_OK)
		return err;
	c = conn_find(d, m.conn);
	/* It may have gone while this was on its way. */
	if (c != NULL)
		conn_close(c);
	return ERR_OK;
}

static enum err
on_lease(struct deliver *d, struct frame *f)
{
	struct msg_lease m;
	enum err err = msg_lease_decode(&m, f->body);
	struct lease *l;

	if (err != ERR_OK)
		return err;
	l = lease_take(d, &m);
	if (l == NULL)
		return ERR_PROTO;
	conn_give(d, l);
	return ERR_OK;
}

static enum err
on_result_ack(struct deliver *d, struct frame *f)
{
	struct msg_result_ack m;
	enum err err = msg_result_ack_decode(&m, f->body);

	if (err == ERR_OK)
		lease_acknowledge(d, &m);
	return err;
}

/* A frame that makes no sense is our own mistake, here or in qmgr: what is out
 * can be trusted to nobody but the slots. */
static enum err
on_frame(void *arg, struct frame *f)
{
	static enum err (*const on[MSG_N])(struct deliver *, struct frame *) = {
		[MSG_SEGMENT_FD] = on_segment_fd,
		[MSG_CONN_OPEN] = on_conn_open,
		[MSG_CONN_CLOSE] = on_conn_close,
		[MSG_LEASE] = on_lease,
		[MSG_RESULT_ACK] = on_result_ack,
	};
	enum err err = ERR_PROTO;

	if (on[f->type] != NULL)
		err = on[f->type](arg, f);
	if (err != ERR_OK)
		fatal(
		    "frame %s from qmgr: %s", msg_name(f->type), err_text(err));
	return ERR_OK;
}

/* --- the link ------------------------------------------------------------- */

static void
on_up(void *arg)
{
	static const struct msg_hold_end end = { 0 };
	struct deliver *d = arg;

	lease_tell_held(d);
	conn_tell_held(d);
	must_send(chan_send_hold_end(peer_chan(d->qmgr), &end));
	d->is_linked = true;
	lease_send_kept(d);
	work_conn_gone(d);
}

/* qmgr died. What is in hand goes on; what is being opened is for nobody, since
 * its successor does not know of it. But where the link broke at this end, qmgr
 * lives, and takes what it hears now for our death (Q5): so it must be. */
static void
on_down(void *arg, enum err why)
{
	struct deliver *d = arg;

	if (why != ERR_EOF)
		fatal("the connection to qmgr failed: %s", err_text(why));
	d->is_linked = false;
	conn_drop_opening(d);
	work_conn_gone(d);
}

/* --- start and stop ------------------------------------------------------- */

static void
leave(struct deliver *d)
{
	peer_free(&d->qmgr);
	d->is_linked = false;
	timer_fini(&d->leave);
	lease_fini_all(d);
	segments_fini(&d->segments);
	txn_fini_all(d);
	conn_fini_all(d);
	slot_page_free(&d->slots);
	svc_done(d->svc);
	free(d);
}

/* Hangs up when qmgr has been told all: its EOF says that we are gone. Without
 * a qmgr, results wait for one as long as the stop may take. */
static void
try_leave(void *arg)
{
	struct deliver *d = arg;

	if (!svc_is_stopping(d->svc) || !list_is_empty(&d->conns))
		return;
	if (!d->is_linked && d->n_done > 0)
		return;
	if (d->is_linked && chan_flush(peer_chan(d->qmgr)) == ERR_AGAIN) {
		timer_set_at(&d->leave, loop_now_ms(d->loop) + LEAVE_AGAIN_MS);
		return;
	}
	leave(d);
}

void
work_conn_gone(struct deliver *d)
{
	if (svc_is_stopping(d->svc))
		timer_set_at(&d->leave, loop_now_ms(d->loop));
}

void
work_start(struct svc *svc)
{
	struct deliver *d = calloc(1, sizeof(*d));
	struct peer_conf conf = {
		.name = "qmgr",
		.run_dir = svc_run_dir(svc),
		.role = PEER_DELIVER,
		.index = svc_index(svc),
		.out_max_bytes = OUT_MAX_BYTES,
		.on_up = on_up,
		.on_frame = on_frame,
		.on_down = on_down,
		.arg = d,
	};

	if (d == NULL)
		fatal("no memory to begin with");
	d->svc = svc;
	d->loop = svc_loop(svc);
	svc_set_state(svc, d);
	if (slot_page_map(&d->slots, svc_fd(svc, HAND_SLOTS, svc_index(svc))) !=
	    ERR_OK)
		fatal("the slot page cannot be mapped");
	lease_init_all(d);
	conn_init_all(d);
	list_init(&d->txn_pool);
	timer_init(&d->leave, d->loop, try_leave, d);
	d->qmgr = peer_new(d->loop, &conf);
	svc_ready(svc);
}

/* Connections ask for their limits when they are opened. */
void
work_reload(struct svc *svc)
{
	(void)svc;
}

void
work_stop(struct svc *svc)
{
	struct deliver *d = svc_get_state(svc);

	conn_close_all(d);
	work_conn_gone(d);
}
