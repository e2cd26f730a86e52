/* SPDX-License-Identifier: BSD-2-Clause */
/* passes: what qmgr says of its passes over the spool. */
#ifndef CTL_PASSES_H
#define CTL_PASSES_H

#include <stdbool.h>

#include "util/base/err.h"
#include "util/proto/call.h"
#include "util/proto/messages.h"

/* The pass that is on, and the one that ended last, of either kind. Without
 * any number is 0. */
struct passes {
	struct msg_pass index, last_index, bytes, last_bytes;
	struct msg_scan scan;
};

/* Asks qmgr. Errors of call_send_X() and call_next(); ERR_PROTO: another
 * answer. */
MUST_USE enum err passes_ask(
    struct passes *passes, struct call *call, const struct msg_scan_ask *ask);

#endif /* CTL_PASSES_H */
