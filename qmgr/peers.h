/* SPDX-License-Identifier: BSD-2-Clause */
/* peers: connections to run/qmgr: who is there, and whose frame is whose. */
#ifndef QMGR_PEERS_H
#define QMGR_PEERS_H

#include <stdbool.h>
#include <stdint.h>

struct qmgr;
struct qpeer;

/* A connection that has not said who it is is closed after this. */
#define PEERS_HELLO_MS 10000

/* Begins to take connections. */
void peers_init(struct qmgr *q);

/* Closes those that say nothing: once a turn. */
void peers_tick(struct qmgr *q, int64_t now_ms);

/* Whether it runs as root or as the user that we run as: others may ask, and
 * change nothing (DESIGN 12). */
bool peers_is_ours(const struct qpeer *peer, uint32_t *uid);

/* Cuts a peer off; it is gone when this returns. A handler of its frames that
 * calls this touches it no more. */
void peers_cut(struct qpeer *peer);

#endif /* QMGR_PEERS_H */
