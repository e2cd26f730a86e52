/* SPDX-License-Identifier: BSD-2-Clause */
/* survey: passes over the spool: how they stand, and that one is wanted. */
#ifndef QMGR_SURVEY_H
#define QMGR_SURVEY_H

#include "util/base/err.h"
#include "util/text/str.h"

struct qpeer;

/* SCAN_ASK: wants a pass if that is said, and answers with four PASSes and
 * SCAN. Whoever waits asks again: so nobody holds up anybody. */
MUST_USE enum err survey_ask(struct qpeer *peer, struct str body);

#endif /* QMGR_SURVEY_H */
