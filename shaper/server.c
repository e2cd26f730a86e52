/* SPDX-License-Identifier: BSD-2-Clause */
/* server: takes questions, gives answers. */
#include "shaper/server.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shaper/answer.h"
#include "shaper/buckets.h"
#include "shaper/route.h"
#include "shaper/routes.h"
#include "util/base/array.h"
#include "util/base/fatal.h"
#include "util/base/list.h"
#include "util/conf/lookup.h"
#include "util/io/acceptor.h"
#include "util/log/log.h"
#include "util/proto/chan.h"
#include "util/svc/page.h"
#include "util/svc/svc.h"

/* qmgr, its successor while it dies, and a few more. */
#define PEERS_MAX 16
#define OUT_MAX_BYTES (16 * 1024 * 1024)
/* Questions that wait for a look-up; qmgr has one out for each queue. */
#define QUESTIONS_MAX 262144
#define DOMAIN_MAX_BYTES 255

struct server {
	struct svc *svc;
	struct acceptor acceptor;
	struct list peers;
	struct answers answers;
	struct routes *routes;
	uint64_t n_routes;    /* answered, for `status` */
	uint32_t n_questions; /* for a route, that wait */
};

/* A question for a route that waits for a look-up. */
struct question {
	struct route_question base;
	struct link link; /* in peer.questions */
	struct peer *peer;
	const struct conf_route *section;
	uint32_t queue;
	uint16_t domain_len;
	char domain[DOMAIN_MAX_BYTES];
};

struct peer {
	struct link link;
	struct server *server;
	struct list questions;
	struct chan *chan;
	uint32_t pid;
	bool is_known; /* has said HELLO */
};

/* Takes it from its peer; it is the caller's to free. */
static void
question_leave(struct question *q)
{
	list_remove(&q->peer->questions, &q->link);
	q->peer->server->n_questions--;
}

static void
peer_free(struct peer *p)
{
	struct server *s = p->server;
	struct link *link;

	while ((link = list_first(&p->questions)) != NULL) {
		struct question *q = LIST_ITEM(link, struct question, link);

		routes_forget(&q->base);
		question_leave(q);
		free(q);
	}
	list_remove(&s->peers, &p->link);
	chan_free(&p->chan);
	free(p);
	if (svc_is_stopping(s->svc) && list_is_empty(&s->peers))
		svc_done(s->svc);
}

/* An answer that finds no room is not owed: the question comes again at its
 * deadline. A peer that does not read is seen in the log. */
static enum err
sent(struct peer *p, enum err err)
{
	if (err == ERR_FULL)
		LOG(EV_PEER_SLOW, KV_CSTR("peer", "qmgr"),
		    KV_NUM("pid", p->pid),
		    KV_NUM("pending", chan_out_bytes(p->chan)));
	/* EOF: on_close comes. RANGE: names were bounded when they came. */
	return err == ERR_FULL || err == ERR_EOF ? ERR_OK : err;
}

static enum err
on_hello(struct peer *p, struct str body)
{
	struct msg_hello m;
	enum err err = msg_hello_decode(&m, body);

	if (err != ERR_OK)
		return err;
	if (p->is_known || m.role != PEER_QMGR)
		return ERR_PROTO;
	p->is_known = true;
	p->pid = m.pid;
	return ERR_OK;
}

/* Sends the answer for a domain; what is not OK is logged as well. */
static enum err
send_route(struct peer *p, struct str domain, const struct msg_route *route)
{
	struct server *s = p->server;

	if (route->status != ROUTE_OK)
		LOG(EV_ROUTE_FAILED, KV_STR("domain", domain),
		    KV_NUM("code", route->code),
		    KV_NUM("wait_ms", route->valid_ms),
		    KV_STR("msg", route->text));
	page_set_figure(svc_page(s->svc), ++s->n_routes);
	return sent(p, chan_send_route(p->chan, route));
}

static void
on_route(struct route_question *base, const struct found *found)
{
	struct question *q = LIST_ITEM(base, struct question, base);
	struct str domain = { q->domain, q->domain_len };
	struct peer *p = q->peer;
	struct route_room room;
	struct msg_route route;

	route_found(&room, p->server->answers.conf, q->section, found, &route);
	route.queue = q->queue;
	question_leave(q);
	/* RANGE: a name from the DNS is longer than a frame may hold. */
	BUG_IF(send_route(p, domain, &route) == ERR_RANGE);
	free(q);
}

static enum err
on_route_ask(struct peer *p, struct str body)
{
	struct server *s = p->server;
	const struct conf_route *section;
	struct msg_route_ask m;
	struct msg_route route;
	struct question *q = NULL;
	enum err err = msg_route_ask_decode(&m, body);

	if (err != ERR_OK)
		return err;
	section = conf_route_find(s->answers.conf, m.domain);
	if (route_at_once(section, &route)) {
		route.queue = m.queue;
		return send_route(p, m.domain, &route);
	}
	if (s->n_questions < QUESTIONS_MAX)
		q = calloc(1, sizeof(*q));
	/* Not answered: qmgr asks again at its deadline. */
	if (q == NULL)
		return ERR_OK;
	q->base.fn = on_route;
	q->peer = p;
	q->section = section;
	q->queue = m.queue;
	q->domain_len = (uint16_t)m.domain.len;
	memcpy(q->domain, m.domain.ptr, m.domain.len);
	list_push_back(&p->questions, &q->link);
	s->n_questions++;
	routes_ask(s->routes, section, m.domain, &q->base);
	return ERR_OK;
}

static enum err
on_grant_ask(struct peer *p, struct str body)
{
	struct server *s = p->server;
	struct msg_grant_ask m;
	struct msg_grant grant;
	enum err err = msg_grant_ask_decode(&m, body);

	if (err != ERR_OK)
		return err;
	s->answers.now_ms = loop_now_ms(svc_loop(s->svc));
	answer_grant(&s->answers, &m, &grant);
	return sent(p, chan_send_grant(p->chan, &grant));
}

/* Limits are not learned in this version: qmgr slows the site by itself, and
 * the log has what happened. */
static enum err
on_feedback(struct peer *p, struct str body)
{
	struct msg_feedback m;

	(void)p;
	return msg_feedback_decode(&m, body);
}

static enum err
on_frame(void *arg, struct frame *f)
{
	static enum err (*const on[MSG_N])(struct peer *, struct str) = {
		[MSG_HELLO] = on_hello,
		[MSG_ROUTE_ASK] = on_route_ask,
		[MSG_GRANT_ASK] = on_grant_ask,
		[MSG_FEEDBACK] = on_feedback,
	};

	struct peer *p = arg;

	if (on[f->type] == NULL || (f->type != MSG_HELLO && !p->is_known))
		return ERR_PROTO;
	return on[f->type](p, f->body);
}

static void
on_close(void *arg, enum err why, const char *text)
{
	struct peer *p = arg;

	if (why == ERR_PROTO)
		LOG(EV_PEER_BROKEN, KV_CSTR("peer", "qmgr"),
		    KV_NUM("pid", p->pid), KV_CSTR("fault", text));
	else if (!svc_is_stopping(p->server->svc))
		LOG(EV_PEER_LOST, KV_CSTR("peer", "qmgr"),
		    KV_NUM("pid", p->pid), KV_CSTR("error", text));
	peer_free(p);
}

/* Who takes a place and says nothing leaves it to the next. False: all have
 * said who they are. */
static bool
cut_silent(struct server *s)
{
	struct link *link;

	LIST_FOREACH (link, &s->peers) {
		struct peer *p = LIST_ITEM(link, struct peer, link);

		if (p->is_known)
			continue;
		peer_free(p);
		return true;
	}
	return false;
}

static void
on_accept(void *arg, int fd, const struct sock_addr *addr)
{
	struct server *s = arg;
	struct chan_conf conf = {
		.on_frame = on_frame,
		.on_close = on_close,
		.out_max_bytes = OUT_MAX_BYTES,
	};
	struct peer *p;

	(void)addr;
	if (s->peers.n == PEERS_MAX && !cut_silent(s)) {
		(void)close(fd);
		return;
	}
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		fatal("no memory for a connection");
	p->server = s;
	list_init(&p->questions);
	conf.arg = p;
	p->chan = chan_new(svc_loop(s->svc), fd, &conf);
	list_push_back(&s->peers, &p->link);
}

void
server_start(struct svc *svc)
{
	struct server *s = calloc(1, sizeof(*s));

	if (s == NULL)
		fatal("no memory to begin with");
	s->svc = svc;
	s->answers.conf = svc_conf(svc);
	s->answers.buckets = buckets_new();
	s->routes = routes_new(svc_loop(svc), svc_conf(svc));
	list_init(&s->peers);
	svc_set_state(svc, s);
	acceptor_init(&s->acceptor, svc_loop(svc), svc_fd(svc, HAND_SOCKET, 0),
	    on_accept, s);
	svc_ready(svc);
}

void
server_reload(struct svc *svc)
{
	struct server *s = svc_get_state(svc);
	const struct msg_stale stale = { 0 };
	struct link *link;

	s->answers.conf = svc_conf(svc);
	routes_reset(s->routes, svc_conf(svc));
	LIST_FOREACH (link, &s->peers) {
		struct peer *p = LIST_ITEM(link, struct peer, link);

		/* FULL: a peer that does not read asks again in time. */
		if (chan_send_stale(p->chan, &stale) == ERR_FULL)
			LOG(EV_PEER_SLOW, KV_CSTR("peer", "qmgr"),
			    KV_NUM("pid", p->pid),
			    KV_NUM("pending", chan_out_bytes(p->chan)));
	}
}

void
server_stop(struct svc *svc)
{
	struct server *s = svc_get_state(svc);

	if (list_is_empty(&s->peers))
		svc_done(svc);
}
