/* SPDX-License-Identifier: BSD-2-Clause */
/* worker: delivery workers: what they say, what they are told. */
#ifndef QMGR_WORKER_H
#define QMGR_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "util/base/err.h"
#include "util/proto/frame.h"
#include "util/text/str.h"

struct core_action;
struct lease;
struct qmgr;
struct qpeer;
struct worker;

/* Makes the workers that master has slot pages for, and tells the core. */
void worker_init_all(struct qmgr *q);

/* Their filled slots, to the core: before it has read the ledger, which tells
 * whose results are in. */
void worker_restore_slots(struct qmgr *q);

/*
 * HELLO of a worker.
 *
 * ERR_AGAIN	not now: the one before has not hung up, and its last words come
 *		first; or this one was cut off and is still to be killed
 * ERR_PROTO	there is no such number
 */
MUST_USE enum err worker_hello(struct qpeer *peer, uint32_t index);

/* The frames of a worker. */
MUST_USE enum err worker_hold_lease(struct qpeer *peer, struct str body);
MUST_USE enum err worker_hold_conn(struct qpeer *peer, struct str body);
MUST_USE enum err worker_hold_end(struct qpeer *peer, struct str body);
MUST_USE enum err worker_conn_up(struct qpeer *peer, struct str body);
MUST_USE enum err worker_conn_down(struct qpeer *peer, struct str body);
MUST_USE enum err worker_result(struct qpeer *peer, struct str body);

/* Looks again at results that came before their record was admitted. */
void worker_retry_kept(struct qmgr *q);

/*
 * Its connection is over. is_dead: by its end of file, so what it held comes
 * back. Else it broke a bound and may still be sending: master ends it, and
 * what it held comes back when its successor says hello (Q5).
 */
void worker_gone(struct qpeer *peer, bool is_dead);

/* CORE_OPEN, CORE_CLOSE. */
void worker_open(struct qmgr *q, const struct core_action *action);
void worker_close(struct qmgr *q, const struct core_action *action);

/* Q5: has master end it; what it holds comes back with its EOF. Until then it
 * gets nothing more. */
void worker_kill(struct qmgr *q, uint32_t index, struct str reason);

/* What was to be sent found no room: it is ended, once. */
void worker_is_full(struct worker *w);

/* A lease is over: a result that was kept for it is of no use. */
void worker_drop_kept(struct lease *l);

#endif /* QMGR_WORKER_H */
