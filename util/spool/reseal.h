/* SPDX-License-Identifier: BSD-2-Clause */
/* reseal: seals a segment whose writer is lost. For qmgr. */
#ifndef UTIL_SPOOL_RESEAL_H
#define UTIL_SPOOL_RESEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "util/base/err.h"

/* What was found. */
struct reseal {
	uint32_t records;
	uint32_t bad;        /* damaged ranges between records: a walk of the
			      * sealed file tells which */
	uint64_t torn_bytes; /* cut off: never acknowledged */
	bool was_sealed;     /* nothing was left to do */
};

/*
 * Takes the lock of segment number in dir_fd, syncs it, walks it with its
 * contents, writes the footer behind its last valid record, cuts the rest,
 * syncs, and gives the lock up. known_bytes: up to there the ledger knows
 * records, so nothing below is cut; 0: it knows none. buf has
 * SEGWALK_BUF_BYTES. Blocks for as long as reading the whole file takes.
 *
 * ERR_AGAIN	the lock is held: the writer lives
 * ERR_NOTFOUND	there is no such file
 * ERR_SYNTAX	its header is malformed
 * ERR_RANGE	of a newer format version
 * ERR_FULL	the disk is full; the file is as before, try again
 * ERR_IO	something failed; errno tells; try again (S6)
 */
MUST_USE enum err segment_reseal(struct reseal *result, int dir_fd,
    uint64_t number, uint64_t known_bytes, char *buf);

/*
 * Tells whether a segment has lost its writer, without keeping the lock.
 *
 * ERR_OK	nobody holds the lock
 * ERR_AGAIN	the writer lives
 * ERR_NOTFOUND	there is no such file
 */
MUST_USE enum err segment_is_orphan(int dir_fd, uint64_t number);

#endif /* UTIL_SPOOL_RESEAL_H */
