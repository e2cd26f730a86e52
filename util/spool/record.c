/* SPDX-License-Identifier: BSD-2-Clause */
/* record: header of a message in a segment. */
#include "util/spool/record.h"

#include <string.h>

#include "util/base/crc32c.h"
#include "util/base/le.h"

#define MAGIC_BYTES 4

static const char magic[MAGIC_BYTES] = { 'H', 'R', 'E', 'C' };

/* Offsets in the header. */
enum {
	R_VERSION = 4,
	R_FLAGS = 6,
	R_SALT = 8,
	R_NUMBER = 16,
	R_TOTAL = 24,
	R_ENVELOPE = 32,
	R_CONTENT = 40,
	R_QID = 48,
	R_ARRIVAL = 64,
	R_CONTENT_CRC = 72,
	R_CRC = 124,
};

static uint32_t
head_crc(const uint8_t *p, struct str envelope)
{
	uint32_t crc = segment_crc_begin(le_get64(p + R_SALT));

	crc = crc32c(crc, p, R_CRC);
	return crc32c(crc, envelope.ptr, envelope.len);
}

void
record_encode(struct record_head *head, struct str envelope, uint8_t *p)
{
	BUG_IF(head->envelope_bytes != envelope.len);
	BUG_IF(envelope.len > ENVELOPE_MAX_BYTES);
	BUG_IF(head->content_bytes > RECORD_CONTENT_MAX_BYTES);
	memset(p, 0, RECORD_HEAD_BYTES);
	memcpy(p, magic, MAGIC_BYTES);
	le_put16(p + R_VERSION, RECORD_VERSION);
	le_put16(p + R_FLAGS, head->flags);
	le_put64(p + R_SALT, head->salt);
	le_put64(p + R_NUMBER, head->number);
	le_put64(p + R_TOTAL, record_total_bytes(head));
	le_put32(p + R_ENVELOPE, head->envelope_bytes);
	le_put64(p + R_CONTENT, head->content_bytes);
	memcpy(p + R_QID, head->qid.b, QID_BYTES);
	le_put64(p + R_ARRIVAL, (uint64_t)head->arrival_ms);
	le_put32(p + R_CONTENT_CRC, head->content_crc);
	head->crc = head_crc(p, envelope);
	le_put32(p + R_CRC, head->crc);
}

static void
take_fields(struct record_head *head, const uint8_t *p)
{
	*head = (struct record_head){
		.flags = le_get16(p + R_FLAGS),
		.salt = le_get64(p + R_SALT),
		.number = le_get64(p + R_NUMBER),
		.envelope_bytes = le_get32(p + R_ENVELOPE),
		.content_bytes = le_get64(p + R_CONTENT),
		.arrival_ms = (int64_t)le_get64(p + R_ARRIVAL),
		.content_crc = le_get32(p + R_CONTENT_CRC),
		.crc = le_get32(p + R_CRC),
	};
	memcpy(head->qid.b, p + R_QID, QID_BYTES);
}

/* Only these bound what is read before the CRC is known. */
static bool
lengths_are_bounded(const struct record_head *head)
{
	return head->envelope_bytes <= ENVELOPE_MAX_BYTES &&
	    head->content_bytes <= RECORD_CONTENT_MAX_BYTES;
}

enum err
record_peek(
    struct record_head *head, struct str bytes, const struct segment_head *seg)
{
	const uint8_t *p = (const uint8_t *)bytes.ptr;

	if (bytes.len < RECORD_HEAD_BYTES || memcmp(p, magic, MAGIC_BYTES) != 0)
		return ERR_NOTFOUND;
	take_fields(head, p);
	if (seg != NULL &&
	    (head->salt != seg->salt || head->number != seg->number))
		return ERR_NOTFOUND;
	return lengths_are_bounded(head) ? ERR_OK : ERR_SYNTAX;
}

/* What the CRC does not prove: that the writer kept to the format. */
static enum err
check_fields(const struct record_head *head, const uint8_t *p)
{
	uint16_t version = le_get16(p + R_VERSION);

	if (version != RECORD_VERSION)
		return version > RECORD_VERSION ? ERR_RANGE : ERR_SYNTAX;
	if ((head->flags & ~RECORD_FLAGS_ALL) != 0 || head->arrival_ms < 0 ||
	    le_get64(p + R_TOTAL) != record_total_bytes(head))
		return ERR_SYNTAX;
	return ERR_OK;
}

enum err
record_decode(struct record_head *head, struct str bytes,
    const struct segment_head *seg, struct str *envelope)
{
	const uint8_t *p = (const uint8_t *)bytes.ptr;
	enum err err;

	err = record_peek(head, bytes, seg);
	if (err != ERR_OK)
		return err;
	if (bytes.len - RECORD_HEAD_BYTES < head->envelope_bytes)
		return ERR_AGAIN;
	*envelope =
	    (struct str){ bytes.ptr + RECORD_HEAD_BYTES, head->envelope_bytes };
	if (head_crc(p, *envelope) != head->crc)
		return ERR_SYNTAX;
	return check_fields(head, p);
}

uint64_t
record_total_bytes(const struct record_head *head)
{
	uint64_t total = RECORD_HEAD_BYTES + (uint64_t)head->envelope_bytes;

	if ((head->flags & RECORD_OWN) == 0)
		total += head->content_bytes;
	return total;
}

uint32_t
record_blocks(const struct record_head *head)
{
	return segment_blocks(record_total_bytes(head));
}

uint64_t
record_content_offset(const struct record_head *head, uint64_t record_offset)
{
	if ((head->flags & RECORD_OWN) != 0)
		return SEGMENT_BLOCK_BYTES;
	return record_offset + RECORD_HEAD_BYTES + head->envelope_bytes;
}

uint64_t
record_own_offset(uint64_t content_bytes)
{
	return SEGMENT_BLOCK_BYTES +
	    (uint64_t)segment_blocks(content_bytes) * SEGMENT_BLOCK_BYTES;
}

bool
record_is_in_place(const struct record_head *head,
    const struct segment_head *seg, uint64_t record_offset)
{
	bool is_own = (seg->flags & SEGMENT_OWN) != 0;

	if (((head->flags & RECORD_OWN) != 0) != is_own)
		return false;
	return !is_own ||
	    record_offset == record_own_offset(head->content_bytes);
}

uint32_t
record_content_crc(uint32_t crc, const void *p, size_t n)
{
	return crc32c(crc, p, n);
}
