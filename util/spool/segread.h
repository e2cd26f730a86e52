/* SPDX-License-Identifier: BSD-2-Clause */
/* segread: reads segment files, in bounded slices (docs/design.md 4.1). */
#ifndef UTIL_SPOOL_SEGREAD_H
#define UTIL_SPOOL_SEGREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/base/err.h"
#include "util/spool/record.h"
#include "util/text/str.h"

/* What the first read of segread_load() takes: a small message needs one. */
#define SEGREAD_FIRST_BYTES 8192

/* Size of a walk's buffer: a window to scan through, and one front. */
#define SEGREAD_WINDOW_BYTES 65536
#define SEGREAD_BUF_BYTES (SEGREAD_WINDOW_BYTES + RECORD_FRONT_MAX_BYTES)

/* Reading as far as the file goes: for a segment that nobody has locked. */
#define SEGREAD_ALL UINT64_MAX

/*
 * In all of these: ERR_IO means that it could not be read now, for whatever
 * reason (errno tells): try again later, and conclude nothing (S6). ERR_SYNTAX
 * means that it was read, and is malformed.
 */

/*
 * Opens the segment of that number in dir_fd, read-only, and decodes its
 * header. The caller closes *fd.
 *
 * ERR_NOTFOUND	there is no such file
 * ERR_SYNTAX	not a segment, malformed, or it has another number
 * ERR_RANGE	of a newer format version
 */
MUST_USE enum err segread_open(
    int *fd, struct segment_head *seg, int dir_fd, uint64_t number);

/* Decodes the header of an open segment. Errors as above. */
MUST_USE enum err segread_head(int fd, struct segment_head *seg);

/*
 * Tells whether fd is sealed, by its trailer and the CRC of its footer; the
 * trailer goes to *trailer, which may be NULL. Reads at most 2 MiB.
 *
 * ERR_NOTFOUND	it is not sealed
 * ERR_SYNTAX	it has a trailer, but the footer is malformed
 */
MUST_USE enum err segread_is_sealed(
    int fd, const struct segment_head *seg, struct segment_trailer *trailer);

/* --- one record ----------------------------------------------------------- */

/* A record that was loaded. */
struct segread_record {
	struct record_head head;
	struct str envelope;     /* in the buffer it was read into */
	uint64_t content_offset; /* in the file */
};

/*
 * Reads and decodes header and envelope of the record at block into buf, whose
 * cap is at least SEGREAD_FIRST_BYTES. buf->len becomes what was read, from
 * the header on: small content comes with it, at the envelope's end.
 *
 * ERR_NOTFOUND	no record begins there
 * ERR_SYNTAX	it is malformed, or the file ends within it
 * ERR_RANGE	of a newer format version
 * ERR_FULL	buf is too small: it takes RECORD_HEAD_BYTES and
 *		record->head.envelope_bytes, at most RECORD_FRONT_MAX_BYTES
 */
MUST_USE enum err segread_load(int fd, const struct segment_head *seg,
    uint32_t block, struct outbuf *buf, struct segread_record *record);

/* Checks the content of a record against its CRC, piece by piece. */
struct segread_content {
	uint64_t offset;
	uint64_t left;
	uint32_t crc;
	uint32_t want;
};

void segread_content_init(
    struct segread_content *c, const struct record_head *head, uint64_t offset);

/*
 * Reads the next cap bytes into buf.
 *
 * ERR_OK	all is read, and it is as it was written
 * ERR_AGAIN	so far; call again
 * ERR_SYNTAX	the CRC is wrong, or the file ends before
 */
MUST_USE enum err segread_content_step(
    struct segread_content *c, int fd, char *buf, size_t cap);

/* --- all records ---------------------------------------------------------- */

enum segread_kind {
	SEGREAD_RECORD,     /* a valid record */
	SEGREAD_BAD_RECORD, /* one or more that are malformed */
	SEGREAD_GAP,        /* blocks in which no record begins */
	SEGREAD_TORN,       /* the same at the end of an unsealed file: never
			     * acknowledged, unless the ledger knows it */
	SEGREAD_END_OPEN,   /* no more now */
	SEGREAD_END_SEALED, /* no more ever */
};

/* What the walk met, in order of offset. */
struct segread_item {
	enum segread_kind kind;
	bool is_unreadable; /* GAP, BAD, TORN: has a place that was passed */
	bool has_head;      /* all of head and front are set */
	uint64_t offset;    /* of its first block; END: how far it went */
	uint64_t bytes;     /* up to the next; with padding */
	struct record_head head; /* RECORD; without has_head only qid, flags and
				  * crc, from the footer */
	struct str front;    /* RECORD: header and envelope, as on disk; valid
			      * until the next call */
	struct str envelope; /* the end of front */
};

enum segread_mode {
	SEGREAD_WALK,    /* reads every header */
	SEGREAD_CONTENT, /* and every content: the byte pass */
	SEGREAD_INDEX,   /* by the footer where there is one, else WALK */
};

/* What to walk. All is borrowed as long as the walk. */
struct segread_conf {
	int fd;
	const struct segment_head *seg;
	char *buf;      /* SEGREAD_BUF_BYTES; see segread_let_go() */
	uint64_t limit; /* locked segment: what its writer says is synced;
			 * else SEGREAD_ALL */
	enum segread_mode mode;
};

/* A walk; embedded, no _fini. Others read nothing of it. */
struct segread {
	struct segread_conf conf;
	struct segment_trailer trailer;
	struct segread_content content;
	struct record_head record; /* whose content is being checked */
	uint64_t offset;           /* where to look next */
	uint64_t bad_offset; /* pending: not yet known to be torn or damage */
	uint64_t bad_bytes;
	uint64_t window_offset; /* what buf holds */
	size_t window_bytes;
	uint32_t entry; /* next one of the footer */
	bool is_sealed;
	bool has_bad, has_bad_record, has_bad_data, has_unreadable;
	bool is_checking;
};

/* Begins at the first record. Reads the trailer: errors of
 * segread_is_sealed(), but an unsealed file is fine, and so is one whose
 * footer is malformed: it is walked as unsealed. */
MUST_USE enum err segread_init(
    struct segread *r, const struct segread_conf *conf);

/* The buffer was or will be used for something else: the walk forgets what it
 * holds. So many walks share one buffer. */
void segread_let_go(struct segread *r);

/* A writer has synced more: the walk goes on from SEGREAD_END_OPEN. */
void segread_set_limit(struct segread *r, uint64_t limit);

/*
 * The next item. Reads at most 1 MiB besides one header and envelope. The two
 * END kinds come again when called again.
 *
 * ERR_OK	*item is set
 * ERR_AGAIN	nothing yet: call again in the next slice
 * ERR_RANGE	a record of a newer format version: leave the file alone
 * ERR_IO	the walk stands where it stood: call again later, or
 *		segread_pass()
 *
 * What is pending as torn is told as TORN just before END_OPEN of a file
 * without limit; below a limit, and before a valid record or a footer, it is
 * BAD_RECORD or GAP. A hole or zeros at the end of an unsealed file are
 * nothing; zeros between records are a GAP: done records may be punched.
 */
MUST_USE enum err segread_next(struct segread *r, struct segread_item *item);

/* After ERR_IO: goes on behind the block that cannot be read, or behind the
 * record whose content cannot. The place becomes part of the next GAP or
 * BAD_RECORD, marked unreadable: it is no evidence, and no damage yet. */
void segread_pass(struct segread *r);

#endif /* UTIL_SPOOL_SEGREAD_H */
