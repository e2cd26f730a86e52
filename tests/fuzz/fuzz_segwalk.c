/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_segwalk: walks over any blocks: whole, and with a limit that grows. */
#include "util/spool/segwalk.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "util/base/crc32c.h"
#include "util/base/le.h"

#define RAW_MAX_BYTES 65536
#define ITEMS_MAX 64

/* Bits of the first byte of the input. */
enum { IN_OWN = 1, IN_SIGN = 2, IN_SEAL = 4 };

static struct segment_head seg = { .number = 7, .salt = 77 };
static uint8_t bytes[SEGMENT_BLOCK_BYTES + RAW_MAX_BYTES];
static char *buf;
static int fd = -1;

/* Makes salt, number and CRC of what begins like a record fit. */
static void
sign_records(size_t size)
{
	uint64_t n;
	uint32_t crc;

	for (size_t at = SEGMENT_BLOCK_BYTES; at + RECORD_HEAD_BYTES <= size;
	     at += SEGMENT_BLOCK_BYTES) {
		uint8_t *p = bytes + at;

		if (memcmp(p, "HREC", 4) != 0)
			continue;
		le_put64(p + 8, seg.salt);
		le_put64(p + 16, seg.number);
		n = le_get32(p + 32);
		if (n > size - at - RECORD_HEAD_BYTES)
			continue;
		crc = crc32c(segment_crc_begin(seg.salt), p, 124);
		crc = crc32c(crc, p + RECORD_HEAD_BYTES, (size_t)n);
		le_put32(p + 124, crc);
	}
}

/* Makes the last bytes a trailer whose CRCs fit. */
static void
sign_footer(size_t size)
{
	uint8_t *p = bytes + size - SEGMENT_TRAILER_BYTES;
	struct segment_trailer trailer = { .n = le_get32(p + 12),
		.block = le_get32(p + 16) };
	uint64_t at = (uint64_t)trailer.block * SEGMENT_BLOCK_BYTES;
	uint64_t n = (uint64_t)trailer.n * SEGMENT_ENTRY_BYTES;

	if (at + n + SEGMENT_TRAILER_BYTES != size)
		return;
	trailer.footer_crc =
	    crc32c(segment_crc_begin(seg.salt), bytes + at, (size_t)n);
	segment_trailer_encode(&trailer, &seg, p);
}

static void
check_item(const struct segwalk_item *item, uint64_t *from, size_t size)
{
	struct record_head head;
	struct str envelope;

	BUG_IF(item->offset % SEGMENT_BLOCK_BYTES != 0 &&
	    item->kind != SEGWALK_END_OPEN);
	BUG_IF(item->offset < *from || item->offset + item->bytes > size);
	*from = item->offset + item->bytes;
	if (item->kind != SEGWALK_RECORD || !item->has_head)
		return;
	BUG_IF(record_decode(&head, item->front, &seg, &envelope) != ERR_OK);
	BUG_IF(!record_is_in_place(&head, &seg, item->offset));
	BUG_IF(envelope.ptr != item->envelope.ptr ||
	    envelope.len != item->envelope.len);
}

/* Walks to the end; returns how many valid records there are. */
static unsigned
walk(struct segwalk *r, size_t size)
{
	struct segwalk_item item = { .kind = SEGWALK_GAP };
	uint64_t from = SEGMENT_BLOCK_BYTES;
	unsigned n = 0, items = 0;
	enum err err;

	while (
	    item.kind != SEGWALK_END_OPEN && item.kind != SEGWALK_END_SEALED) {
		err = segwalk_next(r, &item);
		if (err == ERR_AGAIN)
			continue;
		BUG_IF(err != ERR_OK && err != ERR_RANGE);
		if (err == ERR_RANGE)
			return n;
		BUG_IF(items++ > ITEMS_MAX * 2);
		if (item.kind != SEGWALK_END_OPEN)
			check_item(&item, &from, size);
		n += item.kind == SEGWALK_RECORD;
	}
	return n;
}

static unsigned
walk_mode(size_t size, enum segwalk_mode mode)
{
	struct segwalk_conf conf = { fd, &seg, buf, SEGWALK_ALL, mode };
	struct segwalk r;

	BUG_IF(segwalk_init(&r, &conf) != ERR_OK);
	return walk(&r, size);
}

/* The same a block at a time, as an open segment grows. */
static void
walk_growing(size_t size)
{
	struct segwalk_conf conf = { fd, &seg, buf, SEGMENT_BLOCK_BYTES,
		SEGWALK_HEADERS };
	struct segwalk r;

	BUG_IF(segwalk_init(&r, &conf) != ERR_OK);
	for (uint64_t limit = 0; limit <= size; limit += 3000) {
		segwalk_set_limit(&r, limit);
		(void)walk(&r, size);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 + SEGMENT_TRAILER_BYTES || size > RAW_MAX_BYTES)
		return 0;
	if (fd < 0)
		fd = memfd_create("segment", MFD_CLOEXEC);
	if (buf == NULL)
		buf = malloc(SEGWALK_BUF_BYTES);
	BUG_IF(fd < 0 || buf == NULL);
	seg.flags = (data[0] & IN_OWN) != 0 ? SEGMENT_OWN : 0;
	size += SEGMENT_BLOCK_BYTES - 1;
	memcpy(
	    bytes + SEGMENT_BLOCK_BYTES, data + 1, size - SEGMENT_BLOCK_BYTES);
	if ((data[0] & IN_SIGN) != 0)
		sign_records(size);
	if ((data[0] & IN_SEAL) != 0)
		sign_footer(size);
	BUG_IF(ftruncate(fd, 0) != 0);
	BUG_IF(pwrite(fd, bytes, size, 0) != (ssize_t)size);
	/* Content that is wrong can only take records away. */
	BUG_IF(walk_mode(size, SEGWALK_CONTENTS) >
	    walk_mode(size, SEGWALK_HEADERS));
	(void)walk_mode(size, SEGWALK_INDEX);
	walk_growing(size);
	return 0;
}
