/* SPDX-License-Identifier: BSD-2-Clause */
/* ledgerfile: writes files of the ledger and checkpoints; blocking, for the
 * ledger thread and the disk thread. */
#ifndef UTIL_SPOOL_LEDGERFILE_H
#define UTIL_SPOOL_LEDGERFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/base/err.h"
#include "util/spool/ledger.h"
#include "util/text/str.h"

/* A file being written. */
struct ledgerfile;

/* What all of these return when they fail: ERR_FULL, the disk is full; ERR_IO,
 * anything else, errno tells. A file is not written again after an error of a
 * write or sync. */

/*
 * Makes the file that head names (kind, number, created_ms; its salt is drawn
 * here): header written, for a ledger LEDGER_FILE_BYTES allocated. It has no
 * name yet.
 */
MUST_USE enum err ledgerfile_create(
    struct ledgerfile **f, int dir_fd, const struct ledger_head *head);

/* Syncs it and gives it its name, durably. A ledger file at once, so that it
 * is preallocated one ahead; a checkpoint when it is complete.
 * ERR_EXISTS: the name is taken. */
MUST_USE enum err ledgerfile_publish(struct ledgerfile *f);

/* Closes it. Without a name it is gone. */
void ledgerfile_free(struct ledgerfile **f);

const struct ledger_head *ledgerfile_get_head(const struct ledgerfile *f);

/* Where the next batch goes. */
struct ledger_pos ledgerfile_get_pos(const struct ledgerfile *f);

/* Bytes that still fit: a batch that is longer goes into the next file. For a
 * checkpoint UINT64_MAX. */
uint64_t ledgerfile_room_bytes(const struct ledgerfile *f);

/* Stamps a closed batch for this file and appends it. It fits. */
MUST_USE enum err ledgerfile_append(struct ledgerfile *f, struct outbuf *batch);

/* Makes durable what was appended. */
MUST_USE enum err ledgerfile_sync(struct ledgerfile *f);

#endif /* UTIL_SPOOL_LEDGERFILE_H */
