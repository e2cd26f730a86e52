/* SPDX-License-Identifier: BSD-2-Clause */
/* arrival: how a client's session begins, and what is left when it ends. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "smtpd/data.h"
#include "smtpd/listener.h"
#include "smtpd/local.h"
#include "smtpd/server.h"
#include "smtpd/session.h"
#include "smtpd/session_int.h"
#include "smtpd/txn.h"
#include "util/conf/conf.h"
#include "util/io/sys.h"
#include "util/log/log.h"
#include "util/svc/svc.h"

static void
copy_text(char *to, size_t cap, const struct outbuf *from)
{
	size_t n = from->len < cap ? from->len : cap - 1;

	memcpy(to, from->ptr, n);
	to[n] = '\0';
}

/* How the client is called in logs. There is room for any address. */
static void
put_client(struct outbuf *out, const struct session_start *start)
{
	enum err err = ERR_OK;

	if (start->listener->kind == LISTENER_NOTICE)
		outbuf_put(out, STR("notice"));
	else if (start->listener->kind == LISTENER_SUBMIT)
		err = outbuf_printf(out, "uid %u", (unsigned)start->uid);
	else if (start->peer->family == SOCK_UNIX)
		outbuf_put(out, STR("unix"));
	else
		err = sock_format(out, start->peer);
	BUG_IF(err != ERR_OK);
}

/* The client in the Received field: [192.0.2.1]; empty for a user of this
 * machine. */
static void
put_literal(struct outbuf *out, const struct session_start *start)
{
	const struct sock_addr *peer = start->peer;

	if (start->listener->kind == LISTENER_SUBMIT)
		return;
	if (start->listener->kind == LISTENER_NOTICE) {
		outbuf_put(out, STR("notice, MAILER-DAEMON"));
	} else if (peer->family == SOCK_UNIX) {
		outbuf_put(out, STR("unix"));
	} else {
		outbuf_put(
		    out, peer->family == SOCK_IP6 ? STR("[IPv6:") : STR("["));
		BUG_IF(sock_format_ip(out, peer) != ERR_OK);
		outbuf_putc(out, ']');
	}
}

static void
set_client(struct session *s, const struct session_start *start)
{
	char text[SOCK_TEXT_MAX_BYTES + 16];
	struct outbuf out = { text, 0, sizeof(text) };

	put_client(&out, start);
	copy_text(s->client, sizeof(s->client), &out);
	out.len = 0;
	put_literal(&out, start);
	copy_text(s->literal, sizeof(s->literal), &out);
}

static bool
is_relay_client(const struct session *s, const struct sock_addr *peer)
{
	const struct conf_nets *nets = &s->limits->relay_from;
	int family = peer->family == SOCK_IP6 ? AF_INET6 : AF_INET;

	/* Who can open a Unix socket is of this machine. */
	if (peer->family == SOCK_UNIX)
		return true;
	return conf_net_match(nets->items, nets->n, family, peer->ip);
}

/* Says one line to a connection that gets no session. */
static void
turn_away(const struct session_start *start, const char *limit, uint32_t value)
{
	char text[SESSION_REPLY_MAX_BYTES];
	char client[SOCK_TEXT_MAX_BYTES];
	struct outbuf out = { text, 0, sizeof(text) };
	struct outbuf who = { client, 0, sizeof(client) };
	enum err err;

	if (value > 0)
		err = outbuf_printf(&out,
		    "421 4.7.0 Too many sessions (%s = %u)\r\n", limit, value);
	else
		err = outbuf_printf(
		    &out, "421 4.3.1 Not accepting mail: %s\r\n", limit);
	/* A fresh socket takes a line; the client will ask again if not. */
	if (err == ERR_OK)
		(void)sys.write(start->fd, out.ptr, out.len);
	put_client(&who, start);
	LOG(EV_SESSION_REFUSED, KV_STR("client", outbuf_str(&who)),
	    KV_CSTR("listener", start->listener->title),
	    KV_CSTR("limit", limit), KV_NUM("value", value));
	(void)close(start->fd);
}

/* False: no memory. */
static bool
make_local(struct session *s, const struct session_start *start)
{
	enum listener_kind kind = start->listener->kind;

	if (kind == LISTENER_CLIENTS)
		return true;
	s->local = local_new(kind, s->server->svc, start->uid);
	if (s->local == NULL)
		return false;
	s->limits = &s->local->limits;
	return true;
}

static struct session *
make(struct server *server, const struct session_start *start,
    const struct client_key *key)
{
	struct loop *loop = svc_loop(server->svc);
	struct session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	*s = (struct session){
		.server = server,
		.listener = start->listener,
		.limits = start->listener->conf,
		.id = server->n_sessions_ever + 1,
		.opened_ms = loop_now_ms(loop),
		.key = *key,
		.is_notice = start->listener->kind == LISTENER_NOTICE,
	};
	if (!make_local(s, start)) {
		free(s);
		return NULL;
	}
	server->n_sessions_ever++;
	s->conf = svc_hold_conf(server->svc);
	s->may_relay = is_relay_client(s, start->peer);
	set_client(s, start);
	watch_init(&s->watch, loop, start->fd, session_on_event, s);
	timer_init(&s->timer, loop, session_on_timer, s);
	buf_init(&s->in, sizeof(server->in) - SERVER_READ_BYTES);
	buf_init(&s->out, 2 * SERVER_REPLIES_BYTES);
	list_push_back(&server->sessions, &s->link);
	return s;
}

void
session_new(struct server *server, const struct session_start *start)
{
	struct listener *listener = start->listener;
	struct client_key key;
	struct session *s;
	uint32_t value = 0;
	const char *limit;

	listener_client_key(&key, listener, start->peer, start->uid);
	limit = listener_enter(listener, &key, &value);
	if (limit != NULL) {
		turn_away(start, limit, value);
		return;
	}
	if (intake_pressure(&server->intake,
	        listener->kind == LISTENER_NOTICE) == PRESSURE_REFUSE)
		limit = intake_reason(&server->intake);
	s = limit == NULL ? make(server, start, &key) : NULL;
	if (s == NULL) {
		turn_away(start, limit != NULL ? limit : "no memory", 0);
		listener_leave(listener, &key);
		return;
	}
	LOG(EV_SESSION_OPENED, KV_NUM("session", s->id),
	    KV_CSTR("client", s->client),
	    KV_CSTR("listener", s->listener->title),
	    KV_NUM("sessions", server->sessions.n));
	session_touch(s);
	session_replyf(
	    s, "220 %.*s ESMTP Holdfast", STR_ARG(s->conf->main.node));
	session_resume(s);
	server_note_change(server);
}

/* A message on its way to the disk goes on without its client. */
static void
let_txn_go(struct session *s)
{
	if (s->txn == NULL)
		return;
	if (s->state == SS_DATA || s->state == SS_OWN)
		data_lose(s);
	if (s->state == SS_COMMIT) {
		s->txn->session = NULL;
		s->txn = NULL;
	}
	txn_free(&s->txn);
}

void
session_free(struct session **session, const char *reason)
{
	struct session *s = *session;
	struct server *server = s->server;

	*session = NULL;
	LOG(EV_SESSION_CLOSED, KV_NUM("session", s->id),
	    KV_CSTR("client", s->client), KV_NUM("messages", s->n_messages),
	    KV_NUM("errors", s->n_errors),
	    KV_NUM(
	        "took_ms", loop_now_ms(svc_loop(server->svc)) - s->opened_ms),
	    KV_CSTR("reason", reason));
	let_txn_go(s);
	watch_fini(&s->watch);
	timer_fini(&s->timer);
	(void)close(s->watch.fd);
	buf_fini(&s->in);
	buf_fini(&s->out);
	listener_leave(s->listener, &s->key);
	local_free(&s->local);
	svc_drop_conf(server->svc, s->conf);
	list_remove(&server->sessions, &s->link);
	free(s->helo);
	free(s);
	server_note_change(server);
}
