/* SPDX-License-Identifier: BSD-2-Clause */
/* inuse: which process has an address that is in use. */
#ifndef MASTER_INUSE_H
#define MASTER_INUSE_H

#include "util/io/sock.h"

enum inuse {
	INUSE_OURS,    /* the process that was asked for */
	INUSE_KEPT,    /* process 1: sockets that it keeps for services */
	INUSE_OTHER,   /* *pid */
	INUSE_UNKNOWN, /* nobody that we can see */
};

/* Who listens at the IP address; ours: the pid to ask for first, 0: none.
 * Reads /proc: for commands. */
enum inuse inuse_find(const struct sock_addr *a, long ours, long *pid);

#endif /* MASTER_INUSE_H */
