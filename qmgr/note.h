/* SPDX-License-Identifier: BSD-2-Clause */
/* note: what is told of a part, in the ledger and in the log. */
#ifndef QMGR_NOTE_H
#define QMGR_NOTE_H

struct core_action;
struct qmgr;

/* CORE_NOTE. */
void note_part(struct qmgr *q, const struct core_action *action);

#endif /* QMGR_NOTE_H */
