/* SPDX-License-Identifier: BSD-2-Clause */
/* listener: listening sockets, and the counts of sessions. */
#include "smtpd/listener.h"

#include <stdlib.h>
#include <unistd.h>

#include "smtpd/limits.h"
#include "smtpd/server.h"
#include "smtpd/session.h"
#include "util/base/array.h"
#include "util/base/fatal.h"
#include "util/conf/conf.h"
#include "util/svc/svc.h"

#define IP4_BYTES 4
#define IP6_NET_BYTES 8

/* The sockets of this machine, in the order of HAND_SOCKET. */
static const struct {
	struct str title;
	enum listener_kind kind;
} local[] = {
	{ STR_INIT("submit"), LISTENER_SUBMIT },
	{ STR_INIT("notice"), LISTENER_NOTICE },
};

struct listener_port {
	struct acceptor acceptor;
	struct listener *listener;
};

void
listeners_init(struct listeners *ls, struct server *server)
{
	*ls = (struct listeners){ .server = server };
	list_init(&ls->list);
}

static void
free_listener(struct listener *l)
{
	list_remove(&l->server->listeners.list, &l->link);
	index_fini(&l->clients);
	free(l);
}

void
listeners_close(struct listeners *ls)
{
	struct link *l, *tmp;

	for (unsigned i = 0; i < ls->n_ports; i++)
		acceptor_fini(&ls->ports[i].acceptor);
	free(ls->ports);
	ls->ports = NULL;
	ls->n_ports = 0;
	LIST_FOREACH_SAFE (l, tmp, &ls->list) {
		struct listener *one = LIST_ITEM(l, struct listener, link);

		one->is_gone = true;
		one->conf = NULL;
		if (one->n_sessions == 0)
			free_listener(one);
	}
}

static struct listener *
find(struct listeners *ls, struct str title, enum listener_kind kind)
{
	struct link *l;

	LIST_FOREACH (l, &ls->list) {
		struct listener *one = LIST_ITEM(l, struct listener, link);

		if (str_eq(str_from_c(one->title), title) && one->kind == kind)
			return one;
	}
	return NULL;
}

static struct listener *
new_listener(struct listeners *ls, struct str title)
{
	struct listener *l = calloc(1, sizeof(*l));

	if (l == NULL || title.len > LISTENER_TITLE_MAX_BYTES)
		fatal("no memory for a listener");
	*l = (struct listener){ .server = ls->server };
	memcpy(l->title, title.ptr, title.len);
	index_init(&l->clients, LISTENER_CLIENTS_MAX);
	list_push_back(&ls->list, &l->link);
	return l;
}

static void
on_accept(void *arg, int fd, const struct sock_addr *peer)
{
	struct listener_port *port = arg;
	struct session_start start = { port->listener, peer, fd, 0 };
	struct sock_cred cred;

	if (port->listener->kind != LISTENER_CLIENTS) {
		if (sock_peer_cred(fd, &cred) != ERR_OK) {
			(void)close(fd);
			return;
		}
		start.uid = cred.uid;
	}
	session_new(port->listener->server, &start);
}

/* Where a port's socket comes from. */
struct port_of {
	struct str title;
	int fd;
	enum listener_kind kind;
};

/* Takes what is in force. */
static void
set_limits(struct listener *l, const struct conf *conf)
{
	struct conf_listener limits;

	l->conf = NULL;
	switch (l->kind) {
	case LISTENER_CLIENTS:
		l->conf = limits_find(conf, str_from_c(l->title));
		limits = *l->conf;
		break;
	case LISTENER_SUBMIT:
		limits_of_submit(conf, &limits);
		break;
	case LISTENER_NOTICE:
		limits_of_notice(&limits);
		break;
	}
	l->max_sessions = limits.max_sessions;
	l->max_sessions_per_client = limits.max_sessions_per_client;
}

static void
add_port(struct listeners *ls, const struct port_of *of)
{
	struct svc *svc = ls->server->svc;
	struct listener_port *port = &ls->ports[ls->n_ports++];
	struct listener *l = find(ls, of->title, of->kind);

	if (l == NULL)
		l = new_listener(ls, of->title);
	l->kind = of->kind;
	set_limits(l, svc_conf(svc));
	l->is_gone = false;
	port->listener = l;
	acceptor_init(&port->acceptor, svc_loop(svc), of->fd, on_accept, port);
}

void
listeners_load(struct listeners *ls)
{
	struct svc *svc = ls->server->svc;
	struct port_of of = { .kind = LISTENER_CLIENTS };

	listeners_close(ls);
	ls->ports =
	    calloc(SVC_LISTENERS_MAX + COUNT_OF(local), sizeof(*ls->ports));
	if (ls->ports == NULL)
		fatal("no memory for listeners");
	for (unsigned i = 0; i < SVC_LISTENERS_MAX; i++) {
		of.fd = svc_listener(svc, i, &of.title);
		if (of.fd < 0)
			break;
		add_port(ls, &of);
	}
	for (uint32_t i = 0; i < COUNT_OF(local); i++) {
		of = (struct port_of){ .title = local[i].title,
			.fd = svc_fd(svc, HAND_SOCKET, i),
			.kind = local[i].kind };
		if (of.fd >= 0)
			add_port(ls, &of);
	}
}

static void
set_key(struct client_key *key, const void *bytes, size_t n)
{
	key->n = (uint8_t)n;
	memcpy(key->bytes, bytes, n);
}

void
listener_client_key(struct client_key *key, const struct listener *l,
    const struct sock_addr *peer, uint32_t uid)
{
	*key = (struct client_key){ .n = 0 };
	if (l->kind == LISTENER_SUBMIT)
		set_key(key, &uid, sizeof(uid));
	else if (peer->family == SOCK_IP4)
		set_key(key, peer->ip, IP4_BYTES);
	else if (peer->family == SOCK_IP6)
		set_key(key, peer->ip, IP6_NET_BYTES);
}

/* Sets how many sessions a client has. False: no memory to count it. */
static bool
set_count(struct listener *l, struct key key, uint32_t n)
{
	(void)index_remove(&l->clients, key);
	return n == 0 || index_put(&l->clients, key, n) == ERR_OK;
}

const char *
listener_enter(
    struct listener *l, const struct client_key *client, uint32_t *limit)
{
	struct key key = { (const char *)client->bytes, client->n };
	uint32_t n = key.len == 0 ? 0 : index_find(&l->clients, key);

	*limit = l->max_sessions;
	if (l->n_sessions >= l->max_sessions)
		return "max_sessions";
	/* A client that cannot be counted for want of memory may not come. */
	*limit = l->max_sessions_per_client;
	if (n >= l->max_sessions_per_client ||
	    (key.len > 0 && !set_count(l, key, n + 1)))
		return l->kind == LISTENER_SUBMIT ? "max_sessions_per_user"
		                                  : "max_sessions_per_client";
	l->n_sessions++;
	return NULL;
}

void
listener_leave(struct listener *l, const struct client_key *client)
{
	struct key key = { (const char *)client->bytes, client->n };

	/* Fewer always fit: the entry's own memory was just given back. If
	 * not, the client is merely counted as one less. */
	if (key.len > 0)
		(void)set_count(l, key, index_find(&l->clients, key) - 1);
	l->n_sessions--;
	if (l->is_gone && l->n_sessions == 0)
		free_listener(l);
}
