/* SPDX-License-Identifier: BSD-2-Clause */
/* ledgerread: reads a file of the ledger, or a checkpoint, entry by entry. */
#ifndef UTIL_SPOOL_LEDGERREAD_H
#define UTIL_SPOOL_LEDGERREAD_H

#include <stdint.h>

#include "util/base/err.h"
#include "util/spool/ledger.h"

/* Reading as far as there are batches: for a file that nobody writes. */
#define LEDGERREAD_ALL UINT64_MAX

/* A file being read. Holds memory for its largest batch so far, at least 64
 * KiB and at most LEDGER_BATCH_MAX_BYTES. */
struct ledgerread;

/*
 * Begins to read at the first batch of the file in fd, which stays open as
 * long as this lives. limit: up to there it is synced; or LEDGERREAD_ALL.
 *
 * ERR_SYNTAX	its header is malformed
 * ERR_RANGE	of a newer format version
 * ERR_FULL	no memory
 * ERR_IO	cannot be read now; errno tells (S6)
 */
MUST_USE enum err ledgerread_new(struct ledgerread **r, int fd, uint64_t limit);

void ledgerread_free(struct ledgerread **r);

const struct ledger_head *ledgerread_get_head(const struct ledgerread *r);

/* Goes on at offset, where a batch began once (ledgerread_get_pos()).
 * ERR_RANGE: not a multiple of LEDGER_BLOCK_BYTES behind the header. */
MUST_USE enum err ledgerread_seek(struct ledgerread *r, uint64_t offset);

/* More is synced: reading goes on behind LEDGERREAD_END. */
void ledgerread_set_limit(struct ledgerread *r, uint64_t limit);

/* Begin of the batch that the last entry is of; after LEDGERREAD_END where the
 * next one would begin. */
struct ledger_pos ledgerread_get_pos(const struct ledgerread *r);

enum ledgerread_kind {
	LEDGERREAD_ENTRY,
	LEDGERREAD_GAP,  /* malformed bytes before a valid batch */
	LEDGERREAD_TORN, /* the same, with no valid batch behind: what a crash
			  * leaves of the last write */
	LEDGERREAD_END,  /* unwritten, or at the limit */
};

struct ledgerread_item {
	enum ledgerread_kind kind;
	uint64_t offset; /* ENTRY: of its batch; else where it begins */
	uint64_t bytes;  /* GAP, TORN: up to what follows */
	struct ledger_entry entry; /* ENTRY: views until the next call */
};

/*
 * The next item. Below a limit what is malformed is always a GAP.
 *
 * ERR_OK	*item is set; END comes again when called again
 * ERR_RANGE	a batch of a newer format version
 * ERR_FULL	no memory for the next batch: call again later
 * ERR_IO	cannot be read now: call again later
 */
MUST_USE enum err ledgerread_next(
    struct ledgerread *r, struct ledgerread_item *item);

#endif /* UTIL_SPOOL_LEDGERREAD_H */
