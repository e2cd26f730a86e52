/* SPDX-License-Identifier: BSD-2-Clause */
/* replay: what checkpoint and ledger say, into the core; at the start. */
#ifndef QMGR_REPLAY_H
#define QMGR_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "qmgr/core/core.h"
#include "util/base/err.h"
#include "util/spool/ledger.h"

struct notices;

/* What was found, and where to go on. */
struct replay {
	uint64_t next_file; /* of the ledger */
	uint64_t next_checkpoint;
	uint64_t next_seq;
	uint64_t next_event;
	uint64_t last_lease; /* highest number ever given */
	uint64_t checkpoint; /* the one that was used, 0: none */
	struct ledger_pos checkpoint_begin;
	uint64_t checkpoint_bytes;
	uint64_t entries;
	uint64_t parts;
	uint64_t done; /* parts done since the beginning of the spool */
	uint64_t live; /* parts that are not */
	uint64_t messages_done; /* the same of messages */
	uint64_t messages;
	bool is_unbalanced; /* the sums differ: scan everything at once */
	bool is_damaged;    /* a gap in what was read */
};

/*
 * Reads the newest valid checkpoint, and the ledger behind where it began, into
 * the core, whose slots are restored before, and into notices, which may be
 * NULL. Blocks; called before the loop serves. Gaps are logged. Nothing on
 * disk is changed.
 *
 * ERR_IO	a file cannot be read now: do not start (S6, exit 111)
 * ERR_RANGE	a file of a newer format version (exit 100)
 * ERR_FULL	no memory
 */
MUST_USE enum err replay_run(struct replay *replay, struct core *core,
    struct notices *notices, int ledger_fd);

#endif /* QMGR_REPLAY_H */
