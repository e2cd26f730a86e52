/* SPDX-License-Identifier: BSD-2-Clause */
/* hand: which descriptors each kind of daemon is given. */
#ifndef MASTER_HAND_H
#define MASTER_HAND_H

#include <stdbool.h>
#include <stdint.h>

#include "master/master.h"
#include "util/base/err.h"
#include "util/svc/priv.h"

/* A kind of daemon. */
struct program {
	const char *name;
	unsigned needs;      /* bits, see hand.c */
	unsigned sockets;    /* of its own: bits 1 << enum run_place */
	bool is_single;      /* there is one */
	enum priv_role role; /* whose rights it has */
};

enum {
	PROGRAM_SHAPER,
	PROGRAM_QMGR,
	PROGRAM_DELIVER,
	PROGRAM_SMTPD,
	PROGRAM_N
};

/* In the order in which they are started. */
extern const struct program programs[PROGRAM_N];

/* The socket in run/ as this configuration wants it. */
struct run_socket run_socket_of(enum run_place place, const struct conf *conf);

/*
 * Sends all descriptors that the child needs, and START.
 *
 * ERR_FULL and others as of chan_send()
 */
MUST_USE enum err hand_start(struct master *m, const struct child *child);

/* Sends what a new configuration changes, and RELOAD. Errors likewise. */
MUST_USE enum err hand_reload(struct master *m, const struct child *child);

#endif /* MASTER_HAND_H */
