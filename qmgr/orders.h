/* SPDX-License-Identifier: BSD-2-Clause */
/* orders: what persons order: hold, release, cancel, move, suspend ... */
#ifndef QMGR_ORDERS_H
#define QMGR_ORDERS_H

#include <stdint.h>

#include "util/base/err.h"
#include "util/text/str.h"

struct core_action;
struct qmgr;
struct qpeer;

/* Rows of one answer to ORDERS_ASK; the asker comes again. */
#define ORDERS_ROWS_MAX 256
/* Orders looked at for one answer. */
#define ORDERS_LOOK_MAX 4096

/* ORDER_ASK: only from root and the relay's own user. The answer comes when the
 * order has been to all parts, and all of that is durable. */
MUST_USE enum err orders_ask(struct qpeer *peer, struct str body);

/* ORDERS_ASK: which are kept. */
MUST_USE enum err orders_list(struct qpeer *peer, struct str body);

/* CORE_ORDER: into the ledger. */
void orders_put(struct qmgr *q, const struct core_action *action);

/* CORE_APPLIED: it is logged, and whoever gave it is told. */
void orders_applied(struct qmgr *q, const struct core_action *action);

/* Facts of an entry that an order made: who, and why. Lasts until the next
 * call; empty: the order is not kept any more. */
struct str orders_facts(struct qmgr *q, uint64_t number);

/* The same for a CORE_REMEMBER that tells of a move: and where from and to. */
struct str orders_move_facts(struct qmgr *q, const struct core_action *action);

/* The peer is gone: its orders go on, and nobody waits for them. */
void orders_gone(struct qpeer *peer);

#endif /* QMGR_ORDERS_H */
