/* SPDX-License-Identifier: BSD-2-Clause */
/* segwalk: goes over all records of a segment, in bounded slices. */
#ifndef UTIL_SPOOL_SEGWALK_H
#define UTIL_SPOOL_SEGWALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/base/err.h"
#include "util/spool/record.h"
#include "util/spool/segread.h"
#include "util/text/str.h"

/* Size of a walk's buffer: a window to scan through, and one front. */
#define SEGWALK_WINDOW_BYTES 65536
#define SEGWALK_BUF_BYTES (SEGWALK_WINDOW_BYTES + RECORD_FRONT_MAX_BYTES)

/* Reading as far as the file goes: for a segment that nobody has locked. */
#define SEGWALK_ALL UINT64_MAX

enum segwalk_kind {
	SEGWALK_RECORD,     /* a valid record */
	SEGWALK_BAD_RECORD, /* one or more that are malformed */
	SEGWALK_GAP,        /* blocks in which no record begins */
	SEGWALK_TORN,       /* the same at the end of an unsealed file: never
			     * acknowledged, unless the ledger knows it */
	SEGWALK_END_OPEN,   /* no more now */
	SEGWALK_END_SEALED, /* no more ever */
};

/* What the walk met, in order of offset. */
struct segwalk_item {
	enum segwalk_kind kind;
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

enum segwalk_mode {
	SEGWALK_HEADERS,  /* reads every header */
	SEGWALK_CONTENTS, /* and every content: the byte pass */
	SEGWALK_INDEX, /* by the footer where there is one, else HEADERS: tells
			  * of valid records only */
};

/* What to walk. All is borrowed as long as the walk. */
struct segwalk_conf {
	int fd;
	const struct segment_head *seg;
	char *buf;      /* SEGWALK_BUF_BYTES; see segwalk_let_go() */
	uint64_t limit; /* locked segment: what its writer says is synced;
			 * else SEGWALK_ALL */
	enum segwalk_mode mode;
};

/* A walk; embedded, no _fini. Others read nothing of it. */
struct segwalk {
	struct segwalk_conf conf;
	struct segment_trailer trailer;
	struct segread_content content;
	struct record_head record; /* whose content is being checked */
	uint64_t offset;           /* where to look next */
	uint64_t bad_offset;       /* pending: not yet known to be torn */
	uint64_t bad_end;          /* behind its last byte that is not zero */
	uint64_t window_offset;    /* what the window holds */
	size_t window_bytes;
	uint32_t entry; /* next one of the footer */
	bool is_sealed;
	bool is_checking;
	bool has_bad;        /* something is pending, and in it: */
	bool has_bad_record; /* a malformed record */
	bool has_bad_data;   /* bytes that are not zero */
	bool has_unreadable; /* a place that was passed */
};

/* Begins at the first record. Reads the footer, if there is one: ERR_IO. A
 * file whose footer is malformed is walked as unsealed. A file that is sealed
 * meanwhile wants a new walk. */
MUST_USE enum err segwalk_init(
    struct segwalk *r, const struct segwalk_conf *conf);

/* The buffer was or will be used for something else: the walk forgets what it
 * holds. So many walks share one buffer. */
void segwalk_let_go(struct segwalk *r);

/* A writer has synced more: the walk goes on from SEGWALK_END_OPEN. */
void segwalk_set_limit(struct segwalk *r, uint64_t limit);

/*
 * The next item. Reads at most 1 MiB besides one header and envelope. The two
 * END kinds come again when called again.
 *
 * ERR_OK	*item is set
 * ERR_AGAIN	nothing yet: call again in the next slice
 * ERR_RANGE	a record of a newer format version: leave the file alone
 * ERR_IO	the walk stands where it stood: call again later, or
 *		segwalk_pass()
 *
 * What is pending as torn is told as TORN just before END_OPEN of a file
 * without limit; below a limit, and before a valid record or a footer, it is
 * BAD_RECORD or GAP. A hole or zeros at the end of an unsealed file are
 * nothing; zeros between records are a GAP: done records may be punched.
 */
MUST_USE enum err segwalk_next(struct segwalk *r, struct segwalk_item *item);

/* After ERR_IO: goes on behind the block that cannot be read, or behind the
 * record whose content cannot. The place becomes part of the next GAP or
 * BAD_RECORD, marked unreadable: it is no evidence, and no damage yet. */
void segwalk_pass(struct segwalk *r);

#endif /* UTIL_SPOOL_SEGWALK_H */
