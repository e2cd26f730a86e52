/* SPDX-License-Identifier: BSD-2-Clause */
/* lease: from the core's word to the worker's slot, and back. */
#ifndef QMGR_LEASE_H
#define QMGR_LEASE_H

#include <stdbool.h>

struct core_action;
struct core_freed;
struct lease;
struct qmgr;
struct slot;

/* CORE_LEASE: fills the slot, then sends the lease when its segment's
 * descriptor is there. */
void lease_give(struct qmgr *q, const struct core_action *action);

/* Takes over a filled slot that a predecessor left. */
void lease_restore(struct lease *l, const struct slot *slot);

/* The lease was answered or taken back: its descriptor is not needed. */
void lease_end(struct lease *l);

/* What ended it is in the ledger, or need not be: clears the slot, and
 * acknowledges the result. */
void lease_freed(struct qmgr *q, const struct core_freed *freed);

/* Tells the core of the next lease that could not be sent; false: none. */
bool lease_fail_next(struct qmgr *q);

#endif /* QMGR_LEASE_H */
