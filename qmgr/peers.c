/* SPDX-License-Identifier: BSD-2-Clause */
/* peers: accepts, learns the role, and hands frames on. */
#include "qmgr/peers.h"

#include <stdlib.h>
#include <unistd.h>

#include "qmgr/control.h"
#include "qmgr/intake.h"
#include "qmgr/orders.h"
#include "qmgr/qmgr_int.h"
#include "qmgr/stop.h"
#include "qmgr/survey.h"
#include "qmgr/turn.h"
#include "qmgr/why.h"
#include "qmgr/worker.h"
#include "util/base/fatal.h"
#include "util/log/log.h"

/* How often silent peers are looked for. */
#define LOOK_MS 1000

typedef enum err handler_fn(struct qpeer *peer, struct str body);

/* What each role may say: the rows of messages.def that end at qmgr. */
static handler_fn *const handlers[PEER_ROLE_N][MSG_N] = {
	[PEER_SMTPD] = {
		[MSG_ADMIT] = intake_admit,
		[MSG_SEALED] = intake_sealed,
	},
	[PEER_DELIVER] = {
		[MSG_HOLD_LEASE] = worker_hold_lease,
		[MSG_HOLD_CONN] = worker_hold_conn,
		[MSG_HOLD_END] = worker_hold_end,
		[MSG_CONN_UP] = worker_conn_up,
		[MSG_CONN_DOWN] = worker_conn_down,
		[MSG_RESULT] = worker_result,
	},
	[PEER_CTL] = {
		[MSG_STATUS_ASK] = control_status,
		[MSG_QUEUE_ASK] = control_queue,
		[MSG_LIST_ASK] = control_list,
		[MSG_SCAN_ASK] = survey_ask,
		[MSG_ORDER_ASK] = orders_ask,
		[MSG_ORDERS_ASK] = orders_list,
		[MSG_WHY_ASK] = why_ask,
		[MSG_RECORD_ASK] = why_record,
	},
};

static const char *
role_name(enum peer_role role)
{
	switch (role) {
	case PEER_SMTPD:
		return "smtpd";
	case PEER_DELIVER:
		return "deliver";
	case PEER_QMGR:
		return "qmgr";
	case PEER_CTL:
		return "holdfast";
	case PEER_ROLE_N:
		break;
	}
	return "unknown";
}

static void
peer_gone(struct qpeer *peer, bool is_dead)
{
	struct qmgr *q = peer->q;

	list_remove(&q->peers, &peer->link);
	if (peer->role == PEER_SMTPD) {
		store_lost_writer(q->store);
		turn_begin(q); /* its end asks the store for its next time */
	}
	worker_gone(peer, is_dead);
	control_gone(peer);
	chan_free(&peer->chan);
	free(peer);
	stop_look(q);
}

void
peers_cut(struct qpeer *peer)
{
	peer_gone(peer, false);
}

bool
peers_is_ours(const struct qpeer *peer, uint32_t *uid)
{
	struct sock_cred cred;

	*uid = UINT32_MAX;
	if (chan_peer_cred(peer->chan, &cred) != ERR_OK)
		return false;
	*uid = cred.uid;
	return svc_is_user_of(peer->q->svc, PEER_CTL, cred.uid);
}

static bool
has_role(const struct qpeer *peer, enum peer_role role)
{
	struct sock_cred cred;

	return chan_peer_cred(peer->chan, &cred) == ERR_OK &&
	    svc_is_user_of(peer->q->svc, role, cred.uid);
}

static enum err
on_hello(struct qpeer *peer, struct str body)
{
	struct msg_hello m;
	enum err err = msg_hello_decode(&m, body);

	if (err != ERR_OK)
		return err;
	if (peer->role != PEER_ROLE_N)
		return ERR_PROTO;
	if (m.role != PEER_CTL && !has_role(peer, m.role))
		return ERR_DENIED;
	peer->role = m.role;
	peer->pid = m.pid;
	return m.role == PEER_DELIVER ? worker_hello(peer, m.index) : ERR_OK;
}

static enum err
on_frame(void *arg, struct frame *f)
{
	struct qpeer *peer = arg;
	handler_fn *handler;

	if (f->type == MSG_HELLO)
		return on_hello(peer, f->body);
	if (peer->role == PEER_ROLE_N)
		return ERR_PROTO;
	handler = handlers[peer->role][f->type];
	if (handler == NULL)
		return ERR_PROTO;
	return handler(peer, f->body);
}

static void
on_close(void *arg, enum err why, const char *text)
{
	struct qpeer *peer = arg;

	if (why != ERR_EOF && why != ERR_AGAIN) {
		LOG(EV_PEER_BROKEN, KV_CSTR("peer", role_name(peer->role)),
		    KV_NUM("pid", peer->pid), KV_CSTR("fault", text));
	} else if (peer->role != PEER_CTL && !peer->q->is_stopping) {
		LOG(EV_PEER_LOST, KV_CSTR("peer", role_name(peer->role)),
		    KV_NUM("pid", peer->pid));
	}
	peer_gone(peer, why == ERR_EOF);
}

static void
on_accept(void *arg, int fd, const struct sock_addr *addr)
{
	struct qmgr *q = arg;
	struct chan_conf conf = {
		.on_frame = on_frame,
		.on_close = on_close,
		.out_max_bytes = QPEER_OUT_MAX_BYTES,
	};
	struct qpeer *peer;

	(void)addr;
	if (q->peers.n == QPEERS_MAX) {
		(void)close(fd);
		return;
	}
	peer = calloc(1, sizeof(*peer));
	if (peer == NULL)
		fatal("no memory for a connection");
	peer->q = q;
	peer->role = PEER_ROLE_N;
	peer->since_ms = loop_now_ms(q->loop);
	conf.arg = peer;
	peer->chan = chan_new(q->loop, fd, &conf);
	list_push_back(&q->peers, &peer->link);
}

void
peers_tick(struct qmgr *q, int64_t now_ms)
{
	struct link *link, *tmp;

	if (now_ms < q->peers_ms)
		return;
	q->peers_ms = now_ms + LOOK_MS;
	LIST_FOREACH_SAFE (link, tmp, &q->peers) {
		struct qpeer *peer = LIST_ITEM(link, struct qpeer, link);

		if (peer->role == PEER_ROLE_N &&
		    now_ms - peer->since_ms >= PEERS_HELLO_MS)
			peers_cut(peer);
	}
}

void
peers_init(struct qmgr *q)
{
	acceptor_init(&q->acceptor, q->loop, svc_fd(q->svc, HAND_SOCKET, 0),
	    on_accept, q);
}
