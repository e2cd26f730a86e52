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

/* Who may come by a listener. */
enum listener_kind {
	LISTENER_CLIENTS, /* a section "listener": anyone */
	LISTENER_SUBMIT,  /* run/submit: the users of this machine */
	LISTENER_NOTICE   /* run/notice: ourselves, with notices */
};

#define LISTENER_TITLE_MAX_BYTES 255
/* Client addresses that are counted at once, for each listener. */
#define LISTENER_CLIENTS_MAX 1000000

/* One section of the configuration with its sockets; lives as long as a
 * session of it. Others read conf, kind and n_sessions. */
struct listener {
	struct link link; /* of listeners->list */
	struct server *server;
	const struct conf_listener *conf; /* in force; of sections only */
	char title[LISTENER_TITLE_MAX_BYTES + 1];
	uint32_t n_sessions;
	uint32_t max_sessions; /* in force, as the next */
	uint32_t max_sessions_per_client;
	struct index clients; /* key -> sessions of it */
	enum listener_kind kind;
	bool is_gone; /* no longer in the configuration */
};

/* By what sessions are counted; empty: they are not. */
struct client_key {
	uint8_t n;
	uint8_t bytes[8];
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
    struct listener *l, const struct client_key *key, uint32_t *limit);

/* The session is over; key as of listener_enter(). May free a listener that is
 * gone. */
void listener_leave(struct listener *l, const struct client_key *key);

/* By what sessions of a client are counted: the IPv4 address; of IPv6 its
 * network of 64 bits, for a client has all of that; on run/submit the user. */
void listener_client_key(struct client_key *key, const struct listener *l,
    const struct sock_addr *peer, uint32_t uid);

#endif /* SMTPD_LISTENER_H */
