/* SPDX-License-Identifier: BSD-2-Clause */
/* balance: that the accounts of core, ledger and intake agree (Q6). */
#ifndef QMGR_BALANCE_H
#define QMGR_BALANCE_H

#include <stdbool.h>

struct core;
struct entry_audit;
struct qmgr;

/* What an AUDIT says of the core; records unadmitted are not in it. */
void balance_fill(const struct core *core, struct entry_audit *audit);

/* At each AUDIT, in the midst of a turn: does the core balance? If not, that
 * is told once, and everything is scanned. */
void balance_look(struct qmgr *q);

/* The same at the end of a turn, when the ledger has been given all that the
 * core has done: so also after each bulk operation. */
void balance_turn(struct qmgr *q);

/* As the last look found it. */
bool balance_is_right(const struct qmgr *q);

#endif /* QMGR_BALANCE_H */
