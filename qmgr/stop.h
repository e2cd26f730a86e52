/* SPDX-License-Identifier: BSD-2-Clause */
/* stop: the orderly end: after the last worker, with a checkpoint. */
#ifndef QMGR_STOP_H
#define QMGR_STOP_H

#include <stdbool.h>

struct qmgr;

/* Once, at the start. */
void stop_init(struct qmgr *q);

/* No more leases; the end comes when smtpds and workers have hung up. */
void stop_begin(struct qmgr *q);

/* A peer has gone: perhaps it was the last that mattered. */
void stop_look(struct qmgr *q);

/* The checkpoint is written, or could not be: then the ledger does. At the end
 * of the turn all is closed, the ledger written, and svc_done() called. */
void stop_checkpointed(struct qmgr *q, bool is_ok);

#endif /* QMGR_STOP_H */
