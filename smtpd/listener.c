/* SPDX-License-Identifier: BSD-2-Clause */
/* listener: listening sockets, and the counts of sessions. */
#include "smtpd/listener.h"

#include <stdlib.h>

#include "smtpd/limits.h"
#include "smtpd/server.h"
#include "smtpd/session.h"
#include "util/base/fatal.h"
#include "util/conf/conf.h"
#include "util/svc/svc.h"

#define IP4_BYTES 4
#define IP6_NET_BYTES 8

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
find(struct listeners *ls, struct str title, bool is_submit)
{
	struct link *l;

	LIST_FOREACH (l, &ls->list) {
		struct listener *one = LIST_ITEM(l, struct listener, link);

		if (str_eq(str_from_c(one->title), title) &&
		    one->is_submit == is_submit)
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
	struct session_start start = { port->listener, peer, fd };

	session_new(port->listener->server, &start);
}

/* Where a port's socket comes from. */
struct port_of {
	struct str title;
	int fd;
	bool is_submit;
};

static void
add_port(struct listeners *ls, const struct port_of *of)
{
	struct svc *svc = ls->server->svc;
	struct listener_port *port = &ls->ports[ls->n_ports++];
	struct listener *l = find(ls, of->title, of->is_submit);

	if (l == NULL)
		l = new_listener(ls, of->title);
	l->conf = limits_find(svc_conf(svc), of->title);
	l->is_submit = of->is_submit;
	l->is_gone = false;
	port->listener = l;
	acceptor_init(&port->acceptor, svc_loop(svc), of->fd, on_accept, port);
}

void
listeners_load(struct listeners *ls)
{
	struct svc *svc = ls->server->svc;
	struct port_of of = { .is_submit = false };

	listeners_close(ls);
	ls->ports = calloc(SVC_LISTENERS_MAX + 1, sizeof(*ls->ports));
	if (ls->ports == NULL)
		fatal("no memory for listeners");
	for (unsigned i = 0; i < SVC_LISTENERS_MAX; i++) {
		of.fd = svc_listener(svc, i, &of.title);
		if (of.fd < 0)
			break;
		add_port(ls, &of);
	}
	of = (struct port_of){
		.title = STR(LISTENER_SUBMIT),
		.fd = svc_fd(svc, HAND_SOCKET, 0),
		.is_submit = true,
	};
	if (of.fd >= 0)
		add_port(ls, &of);
}

struct str
listener_client_key(const struct sock_addr *peer)
{
	switch (peer->family) {
	case SOCK_IP4:
		return (struct str){ (const char *)peer->ip, IP4_BYTES };
	case SOCK_IP6:
		return (struct str){ (const char *)peer->ip, IP6_NET_BYTES };
	case SOCK_NONE:
	case SOCK_UNIX:
		break;
	}
	return STR("");
}

/* Sets how many sessions a client has. False: no memory to count it. */
static bool
set_count(struct listener *l, struct str ip, uint32_t n)
{
	struct key key = { ip.ptr, ip.len };

	(void)index_remove(&l->clients, key);
	return n == 0 || index_put(&l->clients, key, n) == ERR_OK;
}

const char *
listener_enter(
    struct listener *l, const struct sock_addr *peer, uint32_t *limit)
{
	struct str ip = listener_client_key(peer);
	struct key key = { ip.ptr, ip.len };
	uint32_t n = ip.len == 0 ? 0 : index_find(&l->clients, key);

	*limit = l->conf->max_sessions;
	if (l->n_sessions >= l->conf->max_sessions)
		return "max_sessions";
	/* A client that cannot be counted for want of memory may not come. */
	*limit = l->conf->max_sessions_per_client;
	if (n >= l->conf->max_sessions_per_client ||
	    (ip.len > 0 && !set_count(l, ip, n + 1)))
		return "max_sessions_per_client";
	l->n_sessions++;
	return NULL;
}

void
listener_leave(struct listener *l, struct str ip)
{
	struct key key = { ip.ptr, ip.len };

	/* Fewer always fit: the entry's own memory was just given back. If
	 * not, the client is merely counted as one less. */
	if (ip.len > 0)
		(void)set_count(l, ip, index_find(&l->clients, key) - 1);
	l->n_sessions--;
	if (l->is_gone && l->n_sessions == 0)
		free_listener(l);
}
