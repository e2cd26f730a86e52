/* SPDX-License-Identifier: BSD-2-Clause */
/* why: where one message is, why, what comes next, and what has been. */
#ifndef QMGR_WHY_H
#define QMGR_WHY_H

#include "util/base/err.h"
#include "util/text/str.h"

struct qpeer;

MUST_USE enum err why_ask(struct qpeer *peer, struct str body);
MUST_USE enum err why_record(struct qpeer *peer, struct str body);

/* The peer is gone. */
void why_gone(struct qpeer *peer);

#endif /* QMGR_WHY_H */
