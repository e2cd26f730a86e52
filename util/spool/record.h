/* SPDX-License-Identifier: BSD-2-Clause */
/* record: header of a message in a segment (docs/design.md 16.1). */
#ifndef UTIL_SPOOL_RECORD_H
#define UTIL_SPOOL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/base/err.h"
#include "util/mail/qid.h"
#include "util/spool/envelope.h"
#include "util/spool/segfmt.h"
#include "util/text/str.h"

#define RECORD_VERSION 1
#define RECORD_HEAD_BYTES 128
#define RECORD_CONTENT_MAX_BYTES (UINT64_C(1) << 32)

/* Largest header and envelope together: a buffer of this size takes any. */
#define RECORD_FRONT_MAX_BYTES (RECORD_HEAD_BYTES + ENVELOPE_MAX_BYTES)

enum {
	RECORD_OWN = 1,      /* content in blocks 1.. before the header */
	RECORD_NO_DOT = 2,   /* no line starts with a dot */
	RECORD_8BITMIME = 4, /* BODY=8BITMIME was said */
	RECORD_SMTPUTF8 = 8,
	RECORD_REQUIRETLS = 16,   /* RFC 8689 */
	RECORD_NOTIFY_DELAY = 32, /* a recipient has NOTIFY=DELAY */
	RECORD_FLAGS_ALL = 63
};

/* The header, decoded. */
struct record_head {
	struct qid qid;
	uint64_t salt;   /* of the segment */
	uint64_t number; /* of the segment */
	uint64_t content_bytes;
	int64_t arrival_ms; /* wall clock */
	uint32_t envelope_bytes;
	uint32_t content_crc; /* salted; see record_content_crc() */
	uint32_t crc;         /* as in the header; stands in the footer too */
	uint16_t flags;       /* RECORD_ bits */
};

/* Writes the header (RECORD_HEAD_BYTES at p) with the CRC over it and the
 * envelope, which is head->envelope_bytes long; sets head->crc. */
void record_encode(struct record_head *head, struct str envelope, uint8_t *p);

/*
 * Looks at the first RECORD_HEAD_BYTES of bytes, for what must be read to
 * decode the record. The CRC is not checked: believe the lengths only so far
 * as to read that much. seg: the file's header; NULL takes salt and number
 * from the record itself, for one that came in a frame.
 *
 * ERR_NOTFOUND	no record begins here: magic, salt or number are not there
 * ERR_SYNTAX	one began here, but a field breaks its bound
 */
MUST_USE enum err record_peek(
    struct record_head *head, struct str bytes, const struct segment_head *seg);

/*
 * Decodes the record that bytes begin with; envelope becomes a view into them.
 * bytes hold header and envelope, and may hold more. Errors of record_peek()
 * and:
 *
 * ERR_AGAIN	bytes end within header and envelope
 * ERR_SYNTAX	the CRC is wrong
 * ERR_RANGE	a record of a newer format version
 */
MUST_USE enum err record_decode(struct record_head *head, struct str bytes,
    const struct segment_head *seg, struct str *envelope);

/* Bytes of header, envelope and the content that follows: without padding. */
uint64_t record_total_bytes(const struct record_head *head);

/* The same in blocks: where the next record can begin. */
uint32_t record_blocks(const struct record_head *head);

/* Where the content begins in the file, for a record at that offset. */
uint64_t record_content_offset(
    const struct record_head *head, uint64_t record_offset);

/* Where a record lies that has its content before it: behind that. */
uint64_t record_own_offset(uint64_t content_bytes);

/* True where a record may lie: one with its content before it stands where that
 * ends, in a file of its own, and nowhere else, whatever its header says. */
bool record_is_in_place(const struct record_head *head,
    const struct segment_head *seg, uint64_t record_offset);

/* Checksum of content so far, for a piece more of it. Begin with
 * segment_crc_begin(salt); the last result is head.content_crc. */
uint32_t record_content_crc(uint32_t crc, const void *p, size_t n);

#endif /* UTIL_SPOOL_RECORD_H */
