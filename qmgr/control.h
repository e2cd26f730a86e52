/* SPDX-License-Identifier: BSD-2-Clause */
/* control: the questions of commands: status, queues, lists. */
#ifndef QMGR_CONTROL_H
#define QMGR_CONTROL_H

#include <stdint.h>

#include "qmgr/core/view.h"
#include "util/base/err.h"
#include "util/text/str.h"

struct qmgr;
struct qpeer;

/* Rows of one answer to QUEUE_ASK; the asker comes again with the cursor. */
#define CONTROL_ROWS_MAX 256
/* Queues looked at for one answer: with a pattern few of them may match. */
#define CONTROL_LOOK_MAX 4096

MUST_USE enum err control_status(struct qpeer *peer, struct str body);
MUST_USE enum err control_queue(struct qpeer *peer, struct str body);
MUST_USE enum err control_list(struct qpeer *peer, struct str body);

/* The peer is gone: nobody waits for its answers any more. */
void control_gone(struct qpeer *peer);

/* Sends ANSWER. A command that does not read is cut off by its own bound:
 * ERR_OK, or what chan_send says that ends the connection. */
MUST_USE enum err control_answer(
    struct qpeer *peer, uint8_t status, uint64_t n, struct str text);

/* Result of a send to a command, as its handler returns it: one that does not
 * read what it asked for is cut off. */
MUST_USE enum err control_sent(enum err err);

/* A number that is at least 0, for fields that know no "never". */
int64_t control_floor(int64_t ms);

/* The same for next_ms: what is negative is never. */
int64_t control_next(int64_t ms);

/* "SOURCE->PROVIDER", or nothing when there is no route yet. */
struct str control_site(
    struct outbuf *out, struct str source, struct str provider);

#endif /* QMGR_CONTROL_H */
