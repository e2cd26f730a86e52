/* SPDX-License-Identifier: BSD-2-Clause */
/* segimage: segments in memory, written without the code that writes them. */
#ifndef TESTS_LIB_SEGIMAGE_H
#define TESTS_LIB_SEGIMAGE_H

#include <stdlib.h>

#include <check.h>

#include "tests/lib/spool.h"
#include "util/io/sys.h"
#include "util/spool/footer.h"
#include "util/spool/segwalk.h"

#define BLOCK 4096
#define IMAGE_BYTES (64 * BLOCK)

static const struct segment_head seg = { .number = 0x1234,
	.salt = UINT64_C(0xfeedfacecafebeef) };
static const struct segment_head own_seg = { .number = 0x1234,
	.salt = UINT64_C(0xfeedfacecafebeef),
	.flags = SEGMENT_OWN };

/* A segment file in memory, written without the code that writes them. */
struct image {
	char bytes[IMAGE_BYTES];
	size_t len;
	struct segment_entry entries[16];
	unsigned n;
};

static struct image image;
static char *walk_buf;

static inline void
set_up(void)
{
	walk_buf = malloc(SEGWALK_BUF_BYTES);
	ck_assert_ptr_nonnull(walk_buf);
	image = (struct image){ .len = BLOCK };
	segment_head_encode(&seg, (uint8_t *)image.bytes);
	segment_head_encode(&seg, (uint8_t *)image.bytes + SEGMENT_COPY_AT);
}

static inline void
tear_down(void)
{
	ck_assert_int_eq(sys_fault_init(""), ERR_OK);
	free(walk_buf);
}

static inline void
put_record(unsigned n, struct str content, bool is_own)
{
	struct spool_message m;
	struct record_head *head = &m.record.head;
	struct str envelope;
	char *p = image.bytes + image.len;
	size_t at = RECORD_HEAD_BYTES;

	spool_message_init(&m, n, content);
	envelope = m.record.envelope;
	head->salt = seg.salt;
	head->number = seg.number;
	head->envelope_bytes = (uint32_t)envelope.len;
	head->content_bytes = content.len;
	head->flags |= is_own ? RECORD_OWN : 0;
	head->content_crc = record_content_crc(
	    segment_crc_begin(seg.salt), content.ptr, content.len);
	record_encode(head, envelope, (uint8_t *)p);
	memcpy(p + at, envelope.ptr, envelope.len);
	at += envelope.len;
	if (!is_own && content.len > 0)
		memcpy(p + at, content.ptr, content.len);
	image.entries[image.n++] = (struct segment_entry){
		.qid = head->qid,
		.block = (uint32_t)(image.len / BLOCK),
		.blocks = record_blocks(head),
		.flags = head->flags,
		.crc = head->crc,
	};
	image.len += record_blocks(head) * BLOCK;
}

static inline void
put(unsigned n, struct str content)
{
	put_record(n, content, false);
}

static inline void
seal(int fd, const struct segment_head *head)
{
	struct footer footer = { image.entries, image.n,
		(uint32_t)(image.len / BLOCK) };

	ck_assert_int_eq(footer_write(fd, head, &footer), ERR_OK);
}

static inline int
open_image(void)
{
	return spool_memfd((struct str){ image.bytes, image.len });
}

/* What a walk told, as text: R7 a record, B a bad one, G a gap, T torn, U in
 * front of what has an unreadable place; with block+blocks; E or S the end. */
struct told {
	char text[512];
	size_t len;
	enum err err;
};

static inline void
tell(struct told *t, const struct segwalk_item *item)
{
	static const char kinds[] = "RBGTES";
	int n;

	if (item->is_unreadable)
		t->text[t->len++] = 'U';
	t->text[t->len++] = kinds[item->kind];
	if (item->kind == SEGWALK_RECORD)
		n = snprintf(t->text + t->len, 16, "%u",
		    spool_message_number(&item->head));
	else
		n = snprintf(t->text + t->len, 32, "%u+%u",
		    (unsigned)(item->offset / BLOCK),
		    (unsigned)((item->bytes + BLOCK - 1) / BLOCK));
	t->len += (size_t)n;
	t->text[t->len++] = ' ';
	t->text[t->len] = '\0';
}

static inline void
walk_on(struct told *t, struct segwalk *r)
{
	struct segwalk_item item = { .kind = SEGWALK_GAP };

	*t = (struct told){ .err = ERR_OK };
	while (item.kind != SEGWALK_END_OPEN &&
	    item.kind != SEGWALK_END_SEALED && t->len < 400) {
		t->err = segwalk_next(r, &item);
		if (t->err == ERR_AGAIN)
			continue;
		if (t->err != ERR_OK)
			return;
		tell(t, &item);
	}
}

static inline void
begin(struct segwalk *r, int fd, const struct segment_head *head,
    enum segwalk_mode mode)
{
	struct segwalk_conf conf = { fd, head, walk_buf, SEGWALK_ALL, mode };

	ck_assert_int_eq(segwalk_init(r, &conf), ERR_OK);
}

static inline void
walk(struct told *t, int fd, const struct segment_head *head,
    enum segwalk_mode mode)
{
	struct segwalk r;

	begin(&r, fd, head, mode);
	walk_on(t, &r);
}

/* Walks the image as a file, with contents. */
static inline void
walk_image(struct told *t)
{
	int fd = open_image();

	walk(t, fd, &seg, SEGWALK_CONTENTS);
	(void)close(fd);
}

static inline void
put_three(void)
{
	put(1, STR("one\r\n"));
	put(2, STR("two\r\n"));
	put(3, STR("three\r\n"));
}

#endif /* TESTS_LIB_SEGIMAGE_H */
