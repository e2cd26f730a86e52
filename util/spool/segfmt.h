/* SPDX-License-Identifier: BSD-2-Clause */
/* segfmt: header and footer of a segment file (docs/design.md 16.1). */
#ifndef UTIL_SPOOL_SEGFMT_H
#define UTIL_SPOOL_SEGFMT_H

#include <stdint.h>

#include "util/base/err.h"
#include "util/mail/qid.h"
#include "util/text/str.h"

#define SEGMENT_VERSION 1
#define SEGMENT_BLOCK_BYTES 4096
#define SEGMENT_HEAD_BYTES 48
/* In block 0: a second one, for when the first is damaged. */
#define SEGMENT_COPY_AT 2048
#define SEGMENT_ENTRY_BYTES 32
#define SEGMENT_TRAILER_BYTES 64

/* Bound of a segment that many records share; so its index has a bound. */
#define SEGMENT_MAX_BYTES (256u << 20)
#define SEGMENT_RECORDS_MAX (SEGMENT_MAX_BYTES / SEGMENT_BLOCK_BYTES)

enum { SEGMENT_OWN = 1 }; /* one record, in a file of its own */

/* The file header, decoded. */
struct segment_head {
	uint64_t number;
	uint64_t salt; /* under every CRC of the file; a secret of the spool */
	int64_t created_ms; /* wall clock */
	uint32_t writer;    /* number of the smtpd */
	uint32_t flags;     /* SEGMENT_OWN */
	bool is_mended; /* it was damaged, and its copy was read; not written */
};

/* One record in the footer. */
struct segment_entry {
	struct qid qid;
	uint32_t block;
	uint32_t blocks; /* header, envelope and what content follows them */
	uint16_t flags;  /* RECORD_ bits */
	uint32_t crc;    /* of the record's header */
};

/* The trailer, decoded: the last bytes of a sealed file. */
struct segment_trailer {
	uint32_t n;          /* entries before it */
	uint32_t block;      /* where they begin */
	uint32_t footer_crc; /* of all entries, salted */
};

/* CRC to begin with for all that is salted. */
uint32_t segment_crc_begin(uint64_t salt);

/* Blocks that n bytes take; n < 2^44. */
uint32_t segment_blocks(uint64_t n);

/* Writes the file header, SEGMENT_HEAD_BYTES; it stands in block 0 twice, and
 * all else there is zero. */
void segment_head_encode(const struct segment_head *head, uint8_t *p);

/*
 * Decodes the header at the beginning of bytes.
 *
 * ERR_SYNTAX	not a segment, or malformed
 * ERR_RANGE	a segment of a newer format version: *version says which
 *
 * version may be NULL.
 */
MUST_USE enum err segment_head_decode(
    struct segment_head *head, struct str bytes, uint32_t *version);

/* One entry, SEGMENT_ENTRY_BYTES. Decoding only takes it apart: what it says
 * is proved by the footer's CRC, and checked where it is used. */
void segment_entry_encode(const struct segment_entry *entry, uint8_t *p);
void segment_entry_decode(struct segment_entry *entry, const uint8_t *p);

/* The trailer, SEGMENT_TRAILER_BYTES. */
void segment_trailer_encode(const struct segment_trailer *trailer,
    const struct segment_head *head, uint8_t *p);

/*
 * Decodes the trailer of the file that head is of and that has file_bytes.
 *
 * ERR_NOTFOUND	no trailer: the file is not sealed
 */
MUST_USE enum err segment_trailer_decode(struct segment_trailer *trailer,
    const struct segment_head *head, const uint8_t *p, uint64_t file_bytes);

#endif /* UTIL_SPOOL_SEGFMT_H */
