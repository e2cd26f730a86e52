/* SPDX-License-Identifier: BSD-2-Clause */
/* checkpoint: writes the state of all parts, in slices, beside the ledger. */
#ifndef QMGR_CHECKPOINT_H
#define QMGR_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "qmgr/core/core.h"
#include "qmgr/journal.h"
#include "util/base/err.h"

struct checkpoint;
struct loop;
struct notices;
struct store;

struct checkpoint_conf {
	struct loop *loop;
	struct core *core;
	struct journal *journal;
	struct store *store;     /* whose thread writes */
	struct notices *notices; /* which places of the ledger are needed */
	int ledger_fd;
	uint64_t next_number;
	/* The one that replay used: number 0: none. */
	uint64_t last_number;
	struct ledger_pos last_begin;
	uint64_t last_bytes;
	/* One was begun at a turn and is durable (is_ok), or has failed. */
	void (*done)(void *arg, bool is_ok);
	void *arg;
};

/* Writes one by itself when the ledger since the last has grown beyond the
 * larger of 256 MiB and that one's size, and after a fault of the journal. Two
 * generations are kept; ledger files before the older one's begin are
 * retired. */
struct checkpoint *checkpoint_new(const struct checkpoint_conf *conf);
void checkpoint_free(struct checkpoint **c);

/* Does a slice, if one is being written or is due: once a turn. */
void checkpoint_tick(struct checkpoint *c, int64_t now_ms);

/* Begins one now, at a clean stop; done() follows. One that is being written
 * is given up. */
void checkpoint_begin(struct checkpoint *c);

/* Size of the last one: what the next needs of the disk. */
uint64_t checkpoint_bytes(const struct checkpoint *c);

#endif /* QMGR_CHECKPOINT_H */
