/* SPDX-License-Identifier: BSD-2-Clause */
/* listen: the sockets that clients connect to. */
#ifndef MASTER_LISTEN_H
#define MASTER_LISTEN_H

#include <stdbool.h>
#include <stdint.h>

#include "master/state.h"
#include "util/base/err.h"
#include "util/conf/conf.h"
#include "util/io/sock.h"
#include "util/svc/priv.h"
#include "util/svc/svc.h"
#include "util/text/str.h"

#define LISTEN_TITLE_MAX_BYTES 255
/* The kernel has a bound of its own, net.core.somaxconn. */
#define LISTEN_BACKLOG 4096

struct listener {
	int fd;
	struct sock_addr addr;
	uint16_t title_len;
	char title[LISTEN_TITLE_MAX_BYTES];
};

/* Others read n and items[0 .. n - 1]. All zero is the empty set. */
struct listeners {
	uint32_t n;
	struct listener items[SVC_LISTENERS_MAX];
};

/*
 * Makes the listeners that conf asks for into *fresh. An address that old has
 * already keeps its socket, with what waits in it; the others are bound.
 *
 * On any error *fresh is empty, old as it was, and text says what is wrong:
 *
 * ERR_FULL	more than SVC_LISTENERS_MAX addresses
 * ERR_IO	an address cannot be bound
 */
MUST_USE enum err listeners_make(struct listeners *fresh,
    const struct listeners *old, const struct conf *conf, struct outbuf *text);

/* Closes what old has and fresh does not share, and removes the Unix sockets
 * among them; fresh is then all there is. */
void listeners_retire(struct listeners *old, const struct listeners *fresh);

/* The same, but for Unix sockets: their files stay for who has them next. */
void listeners_leave(struct listeners *old, const struct listeners *fresh);

/* Whether set has this address. */
bool listeners_has(const struct listeners *set, const struct listener *l);

/* Logs the addresses that fresh has and old has not. */
void listeners_log(const struct listeners *fresh, const struct listeners *old);

/* One of the sockets in run/. */
struct run_socket {
	const char *name;
	uint32_t mode;
	enum priv_role role; /* its owner */
};

/*
 * Binds it in state->run, with the group of its owner; closed by the caller.
 * *fd is one that listens there already, or -1. errno is set on errors.
 *
 * ERR_IO	and others as of sock_listen_at()
 */
MUST_USE enum err listen_run(
    const struct state *state, const struct run_socket *socket, int *fd);

/* Gives one that is there its mode and owner. ERR_IO: not done; errno is set.
 */
MUST_USE enum err listen_give(
    const struct state *state, const struct run_socket *socket);

#endif /* MASTER_LISTEN_H */
