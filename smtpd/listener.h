/* SPDX-License-Identifier: BSD-2-Clause */
/* listener: the sockets that clients come by, and how many may come. */
#ifndef SMTPD_LISTENER_H
#define SMTPD_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "util/base/index.h"
#include "util/base/list.h"
#include "util/io/acceptor.h"
#include "util/text/str.h"

struct conf_listener;
struct server;

/* Title of the listener on run/submit, which needs no configuration. */
#define LISTENER_SUBMIT "submit"
#define LISTENER_TITLE_MAX_BYTES 255
/* Client addresses that are counted at once, for each listener. */
#define LISTENER_CLIENTS_MAX 1000000

/* One section of the configuration with its sockets; lives as long as a
 * session of it. Others read conf, is_submit and n_sessions. */
struct listener {
	struct link link; /* of listeners->list */
	struct server *server;
	const struct conf_listener *conf; /* in force */
	char title[LISTENER_TITLE_MAX_BYTES + 1];
	uint32_t n_sessions;
	struct index clients; /* address -> sessions of it */
	bool is_submit;
	bool is_gone; /* no longer in the configuration */
};

struct listener_port;

struct listeners {
	struct server *server;
	struct list list;
	struct listener_port *ports;
	unsigned n_ports;
};

/* Begins without any. */
void listeners_init(struct listeners *ls, struct server *server);

/* Takes the sockets and the configuration that are in force. Sessions go on
 * as they began. */
void listeners_load(struct listeners *ls);

/* Takes no more connections. */
void listeners_close(struct listeners *ls);

/* The limit that forbids one more session of a client: the name of a
 * parameter, and its value. NULL: none, and it is counted from here on. */
const char *listener_enter(
    struct listener *l, const struct sock_addr *peer, uint32_t *limit);

/* The session is over; ip is its client's address, as of listener_enter(). May
 * free a listener that is gone. */
void listener_leave(struct listener *l, struct str ip);

/* The bytes by which sessions of a client are counted: of IPv6 its network of
 * 64 bits, for a client has all of that. Empty: of this machine. */
struct str listener_client_key(const struct sock_addr *peer);

#endif /* SMTPD_LISTENER_H */
