/* SPDX-License-Identifier: BSD-2-Clause */
/* peers: connections to run/qmgr: who is there, and whose frame is whose. */
#ifndef QMGR_PEERS_H
#define QMGR_PEERS_H

struct qmgr;
struct qpeer;

/* Begins to take connections. */
void peers_init(struct qmgr *q);

/* Cuts a peer off; it is gone when this returns. A handler of its frames that
 * calls this touches it no more. */
void peers_cut(struct qpeer *peer);

#endif /* QMGR_PEERS_H */
