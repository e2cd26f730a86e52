/* SPDX-License-Identifier: BSD-2-Clause */
/* segread: opens segment files and reads single records of them. */
#include "util/spool/segread.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/base/crc32c.h"
#include "util/base/fatal.h"
#include "util/io/sys.h"
#include "util/spool/disk.h"
#include "util/spool/segname.h"

/* --- files ---------------------------------------------------------------- */

enum err
segread_head(int fd, struct segment_head *seg)
{
	char p[SEGMENT_COPY_AT + SEGMENT_HEAD_BYTES];
	struct str bytes = { p, 0 };
	enum err err;

	err = disk_read(fd, p, sizeof(p), 0, &bytes.len);
	if (err != ERR_OK)
		return err;
	err = segment_head_decode(seg, bytes, NULL);
	if (err != ERR_SYNTAX || bytes.len < sizeof(p))
		return err;
	err = segment_head_decode(seg, str_tail(bytes, SEGMENT_COPY_AT), NULL);
	seg->is_mended = err == ERR_OK;
	return err;
}

enum err
segread_open_err(void)
{
	if (errno == ENOENT)
		return ERR_NOTFOUND;
	/* A symbolic link; a socket. */
	return errno == ELOOP || errno == ENXIO ? ERR_SYNTAX : ERR_IO;
}

enum err
segread_is_file(int fd)
{
	struct stat s;

	if (sys.fstat(fd, &s) != 0)
		return ERR_IO;
	return S_ISREG(s.st_mode) ? ERR_OK : ERR_SYNTAX;
}

enum err
segread_open(int *fd, struct segment_head *seg, int dir_fd, uint64_t number)
{
	char name[SEGNAME_BYTES + 1];
	enum err err;

	segname_format(number, name);
	*fd = sys.openat(dir_fd, name, O_RDONLY | SEGREAD_OPEN_FLAGS, 0);
	if (*fd < 0)
		return segread_open_err();
	err = segread_is_file(*fd);
	if (err == ERR_OK)
		err = segread_head(*fd, seg);
	if (err == ERR_OK && seg->number != number)
		err = ERR_SYNTAX;
	if (err == ERR_OK)
		return ERR_OK;
	(void)close(*fd);
	*fd = -1;
	return err;
}

/* --- the footer ----------------------------------------------------------- */

static uint64_t
footer_offset(const struct segment_trailer *trailer)
{
	return (uint64_t)trailer->block * SEGMENT_BLOCK_BYTES;
}

/* Records stand in order and do not overlap: who walks the index relies on
 * that. *from is the first block that is free. */
static bool
entry_fits(
    const struct segment_trailer *trailer, const uint8_t *p, uint32_t *from)
{
	struct segment_entry entry;

	segment_entry_decode(&entry, p);
	if (entry.block < *from || entry.blocks == 0 ||
	    entry.block >= trailer->block ||
	    entry.blocks > trailer->block - entry.block)
		return false;
	*from = entry.block + entry.blocks;
	return true;
}

static enum err
check_footer(int fd, const struct segment_head *seg,
    const struct segment_trailer *trailer)
{
	uint8_t chunk[SEGMENT_BLOCK_BYTES];
	uint64_t offset = footer_offset(trailer);
	uint64_t left = (uint64_t)trailer->n * SEGMENT_ENTRY_BYTES;
	uint32_t crc = segment_crc_begin(seg->salt);
	uint32_t from = 1;
	size_t n, got;

	for (; left > 0; left -= n, offset += n) {
		n = left < sizeof(chunk) ? (size_t)left : sizeof(chunk);
		if (disk_read(fd, chunk, n, offset, &got) != ERR_OK)
			return ERR_IO;
		if (got < n)
			return ERR_SYNTAX;
		crc = crc32c(crc, chunk, n);
		for (size_t i = 0; i < n; i += SEGMENT_ENTRY_BYTES)
			if (!entry_fits(trailer, chunk + i, &from))
				return ERR_SYNTAX;
	}
	return crc == trailer->footer_crc ? ERR_OK : ERR_SYNTAX;
}

enum err
segread_is_sealed(
    int fd, const struct segment_head *seg, struct segment_trailer *trailer)
{
	struct segment_trailer t;
	uint8_t p[SEGMENT_TRAILER_BYTES];
	uint64_t bytes;
	size_t got;
	enum err err;

	if (trailer == NULL)
		trailer = &t;
	err = disk_size(fd, &bytes);
	if (err != ERR_OK)
		return err;
	if (bytes < SEGMENT_BLOCK_BYTES + sizeof(p))
		return ERR_NOTFOUND;
	err = disk_read(fd, p, sizeof(p), bytes - sizeof(p), &got);
	if (err != ERR_OK)
		return err;
	if (got < sizeof(p))
		return ERR_NOTFOUND;
	err = segment_trailer_decode(trailer, seg, p, bytes);
	return err == ERR_OK ? check_footer(fd, seg, trailer) : err;
}

/* --- one record ----------------------------------------------------------- */

/* Reads on until buf holds the whole front. */
static enum err
load_rest(int fd, uint64_t offset, struct outbuf *buf, size_t want)
{
	size_t got;
	enum err err;

	if (want > buf->cap)
		return ERR_FULL;
	err = disk_read(
	    fd, buf->ptr + buf->len, want - buf->len, offset + buf->len, &got);
	if (err != ERR_OK)
		return err;
	buf->len += got;
	return buf->len < want ? ERR_SYNTAX : ERR_OK;
}

enum err
segread_load(int fd, const struct segment_head *seg, uint32_t block,
    struct outbuf *buf, struct segread_record *record)
{
	struct record_head *head = &record->head;
	uint64_t offset = (uint64_t)block * SEGMENT_BLOCK_BYTES;
	enum err err;

	BUG_IF(buf->cap < SEGREAD_FIRST_BYTES);
	err = disk_read(fd, buf->ptr, SEGREAD_FIRST_BYTES, offset, &buf->len);
	if (err != ERR_OK)
		return err;
	err = record_decode(head, outbuf_str(buf), seg, &record->envelope);
	if (err == ERR_AGAIN) {
		err = load_rest(fd, offset, buf,
		    RECORD_HEAD_BYTES + (size_t)head->envelope_bytes);
		if (err != ERR_OK)
			return err;
		err = record_decode(
		    head, outbuf_str(buf), seg, &record->envelope);
	}
	if (err == ERR_OK && !record_is_in_place(head, seg, offset))
		err = ERR_SYNTAX;
	record->content_offset = record_content_offset(head, offset);
	return err;
}

void
segread_content_init(
    struct segread_content *c, const struct record_head *head, uint64_t offset)
{
	*c = (struct segread_content){
		.offset = offset,
		.left = head->content_bytes,
		.crc = segment_crc_begin(head->salt),
		.want = head->content_crc,
	};
}

enum err
segread_content_step(struct segread_content *c, int fd, char *buf, size_t cap)
{
	size_t n = c->left < cap ? (size_t)c->left : cap;
	size_t got;
	enum err err;

	err = disk_read(fd, buf, n, c->offset, &got);
	if (err != ERR_OK)
		return err;
	if (got < n)
		return ERR_SYNTAX;
	c->crc = record_content_crc(c->crc, buf, n);
	c->offset += n;
	c->left -= n;
	if (c->left > 0)
		return ERR_AGAIN;
	return c->crc == c->want ? ERR_OK : ERR_SYNTAX;
}
