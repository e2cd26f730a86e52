/* SPDX-License-Identifier: BSD-2-Clause */
/* segment: writes a segment file, from birth to seal (docs/design.md 4.1). */
#ifndef UTIL_SPOOL_SEGMENT_H
#define UTIL_SPOOL_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "util/base/err.h"
#include "util/spool/record.h"
#include "util/spool/segname.h"
#include "util/text/str.h"

/* Most pieces of content that one record may come in. */
#define SEGMENT_PIECES_MAX 512

/*
 * One file being written; its lock is held as long as this lives (S3).
 *
 * Two threads may share it: while the loop appends, a background thread may
 * be in segment_sync(). All else needs it alone: create, own_finish, refuse,
 * seal and free run in the background while the loop has no job on it.
 */
struct segment;

struct segment_conf {
	int dir_fd;           /* incoming/ */
	uint32_t flags;       /* SEGMENT_OWN, or 0 */
	uint64_t alloc_bytes; /* space to take at once; 0: as it grows */
	uint64_t max_bytes;   /* shared: at most SEGMENT_MAX_BYTES; own: 0 */
};

/* A record to append. The caller sets head's qid, arrival_ms, flags (without
 * RECORD_OWN), and the rest here; the segment sets the rest of head. */
struct segment_record {
	struct record_head head;
	struct str envelope;
	const struct iovec *pieces; /* the content, in order */
	size_t n_pieces;            /* at most SEGMENT_PIECES_MAX */
	uint32_t block;             /* set: where the record lies */
};

/*
 * Makes a segment: locked, its header synced, and then its name, durable as
 * well. Blocks. A number whose name exists is passed over.
 *
 * ERR_FULL	the disk is full
 * ERR_IO	anything else that failed; errno tells
 */
MUST_USE enum err segment_create(struct segment **seg,
    const struct segment_conf *conf, struct segment_numbers *numbers,
    int64_t wall_ms);

/* Closes the file, which gives the lock up; sealed or not. */
void segment_free(struct segment **seg);

uint64_t segment_get_number(const struct segment *seg);

/* Bytes from the beginning to the end of the last record, with padding: what
 * a sync that begins now will cover. */
uint64_t segment_get_bytes(const struct segment *seg);

/* True once a write or sync has failed, or it is sealed or refused: nothing is
 * written any more (S2, S3). */
bool segment_is_dead(const struct segment *seg);

/* Bytes that a record takes in a shared segment, with padding. */
uint64_t segment_record_bytes(size_t envelope_bytes, uint64_t content_bytes);

/* Bytes that still fit into a shared segment. */
uint64_t segment_room_bytes(const struct segment *seg);

/*
 * Appends n records with one write, or as few as the limits of one allow.
 * Computes their lengths and CRCs. For shared segments.
 *
 * ERR_RANGE	they do not all fit, or one breaks a bound of the format;
 *		nothing was written, the segment is as before
 * ERR_FULL	the disk is full; the segment is dead
 * ERR_IO	the write failed; the segment is dead. errno tells
 */
MUST_USE enum err segment_append(
    struct segment *seg, struct segment_record *records, size_t n);

/*
 * Makes durable what was appended before the call (S1). Never called again
 * after an error: the caller takes its word to segment_refuse(). Blocks; reads
 * only what never changes, so it may run beside segment_append().
 *
 * ERR_IO	fdatasync failed, or the file has lost its name
 */
MUST_USE enum err segment_sync(const struct segment *seg);

/* Gives the segment up (S2): overwrites the headers of all records from
 * synced_bytes on, as well as it can, and lets nothing more be written. What
 * is synced stays: qmgr seals it. */
void segment_refuse(struct segment *seg, uint64_t synced_bytes);

/*
 * Writes the footer, cuts what was allocated behind it, syncs. Only when all
 * records are synced. The segment can only be freed afterwards, also after an
 * error: then qmgr seals it.
 *
 * ERR_FULL	the disk is full
 * ERR_IO	anything else that failed; errno tells
 */
MUST_USE enum err segment_seal(struct segment *seg);

/* --- a record in a file of its own ---------------------------------------- */

/*
 * Appends content as it comes.
 *
 * ERR_RANGE	more than RECORD_CONTENT_MAX_BYTES, or than
 *		SEGMENT_PIECES_MAX pieces; nothing was written
 * ERR_FULL	the disk is full; the segment is dead
 * ERR_IO	the write failed; the segment is dead. errno tells
 */
MUST_USE enum err segment_own_write(
    struct segment *seg, const struct iovec *pieces, size_t n);

/* Content so far. */
uint64_t segment_own_content_bytes(const struct segment *seg);

/* Forgets content that nobody will acknowledge: the file is cut, and is as
 * new. Not after segment_own_finish(). Errors as above. */
MUST_USE enum err segment_own_reset(struct segment *seg);

/*
 * Syncs the content, then writes the header behind it and syncs that: with
 * ERR_OK the record is durable. record->pieces is not looked at. Blocks.
 *
 * ERR_RANGE	a bound of the format is broken; nothing was written
 * ERR_FULL	the disk is full; the segment is dead
 * ERR_IO	anything else that failed; the segment is dead
 *
 * Once dead: segment_refuse(seg, 0).
 */
MUST_USE enum err segment_own_finish(
    struct segment *seg, struct segment_record *record);

#endif /* UTIL_SPOOL_SEGMENT_H */
