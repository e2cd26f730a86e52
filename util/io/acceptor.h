/* SPDX-License-Identifier: BSD-2-Clause */
/* acceptor: takes connections from a listening socket, a few each turn. */
#ifndef UTIL_IO_ACCEPTOR_H
#define UTIL_IO_ACCEPTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "util/io/loop.h"
#include "util/io/sock.h"

/* Connections taken in one turn: what more there is waits for the next, where
 * another process may take it. */
#define ACCEPTOR_TURN_MAX 16

/* How long nothing is taken after descriptors have run out. */
#define ACCEPTOR_PAUSE_MS 500

/* Receives a new connection, which is its own from here on. The acceptor may
 * be paused or finished within. */
typedef void acceptor_fn(void *arg, int fd, const struct sock_addr *peer);

/* Embedded in its owner. Others read n_full only. */
struct acceptor {
	struct watch watch;
	struct timer again; /* after descriptors ran out */
	acceptor_fn *fn;
	void *arg;
	bool *is_gone;   /* set by acceptor_fini during fn */
	uint64_t n_full; /* how often descriptors or memory ran out */
	bool is_paused;  /* by its owner */
};

/* Begins to take connections from listen_fd, which remains the caller's. For
 * several addresses there are several acceptors. */
void acceptor_init(struct acceptor *a, struct loop *loop, int listen_fd,
    acceptor_fn *fn, void *arg);

/* Stops taking, or goes on; clients wait in the kernel's queue meanwhile. */
void acceptor_pause(struct acceptor *a, bool is_paused);

void acceptor_fini(struct acceptor *a);

#endif /* UTIL_IO_ACCEPTOR_H */
