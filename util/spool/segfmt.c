/* SPDX-License-Identifier: BSD-2-Clause */
/* segfmt: header and footer of a segment file. */
#include "util/spool/segfmt.h"

#include <string.h>

#include "util/base/crc32c.h"
#include "util/base/le.h"

#define MAGIC_BYTES 8

static const char head_magic[MAGIC_BYTES] = "HFSEG\r\n\x1a";
static const char trailer_magic[MAGIC_BYTES] = "HFEND\r\n\x1a";

/* Offsets in the file header. */
enum {
	H_VERSION = 8,
	H_WRITER = 12,
	H_NUMBER = 16,
	H_SALT = 24,
	H_CREATED = 32,
	H_FLAGS = 40,
	H_CRC = 44,
};

/* Offsets in a footer entry. */
enum { E_BLOCK = 0, E_BLOCKS = 4, E_QID = 8, E_FLAGS = 24, E_CRC = 28 };

/* Offsets in the trailer. */
enum {
	T_VERSION = 8,
	T_COUNT = 12,
	T_BLOCK = 16,
	T_NUMBER = 24,
	T_FOOTER_CRC = 56,
	T_CRC = 60,
};

uint32_t
segment_crc_begin(uint64_t salt)
{
	uint8_t p[8];

	le_put64(p, salt);
	return crc32c(0, p, sizeof(p));
}

uint32_t
segment_blocks(uint64_t n)
{
	return (uint32_t)((n + SEGMENT_BLOCK_BYTES - 1) / SEGMENT_BLOCK_BYTES);
}

void
segment_head_encode(const struct segment_head *head, uint8_t *p)
{
	memcpy(p, head_magic, MAGIC_BYTES);
	le_put32(p + H_VERSION, SEGMENT_VERSION);
	le_put32(p + H_WRITER, head->writer);
	le_put64(p + H_NUMBER, head->number);
	le_put64(p + H_SALT, head->salt);
	le_put64(p + H_CREATED, (uint64_t)head->created_ms);
	le_put32(p + H_FLAGS, head->flags);
	le_put32(p + H_CRC, crc32c(0, p, H_CRC));
}

enum err
segment_head_decode(
    struct segment_head *head, struct str bytes, uint32_t *version)
{
	const uint8_t *p = (const uint8_t *)bytes.ptr;
	uint32_t v;

	if (bytes.len < SEGMENT_HEAD_BYTES ||
	    memcmp(p, head_magic, MAGIC_BYTES) != 0 ||
	    le_get32(p + H_CRC) != crc32c(0, p, H_CRC))
		return ERR_SYNTAX;
	v = le_get32(p + H_VERSION);
	if (version != NULL)
		*version = v;
	if (v != SEGMENT_VERSION)
		return v > SEGMENT_VERSION ? ERR_RANGE : ERR_SYNTAX;
	*head = (struct segment_head){
		.writer = le_get32(p + H_WRITER),
		.number = le_get64(p + H_NUMBER),
		.salt = le_get64(p + H_SALT),
		.created_ms = (int64_t)le_get64(p + H_CREATED),
		.flags = le_get32(p + H_FLAGS),
	};
	if (head->created_ms < 0 || (head->flags & ~(uint32_t)SEGMENT_OWN) != 0)
		return ERR_SYNTAX;
	return ERR_OK;
}

void
segment_entry_encode(const struct segment_entry *entry, uint8_t *p)
{
	memset(p, 0, SEGMENT_ENTRY_BYTES);
	le_put32(p + E_BLOCK, entry->block);
	le_put32(p + E_BLOCKS, entry->blocks);
	memcpy(p + E_QID, entry->qid.b, QID_BYTES);
	le_put16(p + E_FLAGS, entry->flags);
	le_put32(p + E_CRC, entry->crc);
}

void
segment_entry_decode(struct segment_entry *entry, const uint8_t *p)
{
	*entry = (struct segment_entry){
		.block = le_get32(p + E_BLOCK),
		.blocks = le_get32(p + E_BLOCKS),
		.flags = le_get16(p + E_FLAGS),
		.crc = le_get32(p + E_CRC),
	};
	memcpy(entry->qid.b, p + E_QID, QID_BYTES);
}

static uint32_t
trailer_crc(const struct segment_head *head, const uint8_t *p)
{
	return crc32c(segment_crc_begin(head->salt), p, T_CRC);
}

void
segment_trailer_encode(const struct segment_trailer *trailer,
    const struct segment_head *head, uint8_t *p)
{
	memset(p, 0, SEGMENT_TRAILER_BYTES);
	memcpy(p, trailer_magic, MAGIC_BYTES);
	le_put32(p + T_VERSION, SEGMENT_VERSION);
	le_put32(p + T_COUNT, trailer->n);
	le_put32(p + T_BLOCK, trailer->block);
	le_put64(p + T_NUMBER, head->number);
	le_put32(p + T_FOOTER_CRC, trailer->footer_crc);
	le_put32(p + T_CRC, trailer_crc(head, p));
}

enum err
segment_trailer_decode(struct segment_trailer *trailer,
    const struct segment_head *head, const uint8_t *p, uint64_t file_bytes)
{
	uint64_t want;

	if (memcmp(p, trailer_magic, MAGIC_BYTES) != 0 ||
	    le_get32(p + T_VERSION) != SEGMENT_VERSION ||
	    le_get64(p + T_NUMBER) != head->number ||
	    le_get32(p + T_CRC) != trailer_crc(head, p))
		return ERR_NOTFOUND;
	*trailer = (struct segment_trailer){
		.n = le_get32(p + T_COUNT),
		.block = le_get32(p + T_BLOCK),
		.footer_crc = le_get32(p + T_FOOTER_CRC),
	};
	want = (uint64_t)trailer->block * SEGMENT_BLOCK_BYTES +
	    (uint64_t)trailer->n * SEGMENT_ENTRY_BYTES + SEGMENT_TRAILER_BYTES;
	if (trailer->n > SEGMENT_RECORDS_MAX || trailer->block == 0 ||
	    want != file_bytes)
		return ERR_NOTFOUND;
	return ERR_OK;
}
