/* SPDX-License-Identifier: BSD-2-Clause */
/* body: reads, checks, codes. */
#include "deliver/body.h"

#include <string.h>

#include "util/spool/disk.h"
#include "util/spool/record.h"
#include "util/spool/segfmt.h"

/* What of the content came with header and envelope. */
static struct str
part_in_front(const struct segread_record *record, struct str front)
{
	size_t head = RECORD_HEAD_BYTES + record->head.envelope_bytes;

	if ((record->head.flags & RECORD_OWN) != 0 || front.len <= head)
		return (struct str){ NULL, 0 };
	return str_tail(front, head);
}

enum err
body_init(struct body *b, int fd, const struct segread_record *record,
    struct str front)
{
	const struct record_head *head = &record->head;
	struct str part = part_in_front(record, front);

	*b = (struct body){
		.offset = record->content_offset,
		.left = head->content_bytes,
		.crc = segment_crc_begin(head->salt),
		.want_crc = head->content_crc,
		.fd = fd,
		.is_raw = (head->flags & RECORD_NO_DOT) != 0,
		.last = { '\r', '\n' },
	};
	dotsend_init(&b->ds);
	if (part.len < b->left)
		return ERR_OK;
	b->whole = str_head(part, (size_t)b->left);
	b->left = 0;
	b->crc = record_content_crc(b->crc, b->whole.ptr, b->whole.len);
	return b->crc == b->want_crc ? ERR_OK : ERR_SYNTAX;
}

void
body_init_whole(struct body *b, struct str content)
{
	*b = (struct body){
		.whole = content,
		.fd = -1,
		.last = { '\r', '\n' },
	};
	dotsend_init(&b->ds);
}

static void
note_last(struct body *b, const char *p, size_t n)
{
	if (n == 1)
		b->last[0] = b->last[1];
	else
		b->last[0] = p[n - 2];
	b->last[1] = p[n - 1];
}

/* Reads n bytes to p, and checks them: the last step's CRC is that of all. */
static enum err
read_step(struct body *b, char *p, size_t n)
{
	size_t got;

	if (disk_read(b->fd, p, n, b->offset, &got) != ERR_OK)
		return ERR_IO;
	if (got < n)
		return ERR_SYNTAX;
	b->crc = record_content_crc(b->crc, p, n);
	b->offset += n;
	b->left -= n;
	if (b->left > 0)
		return ERR_AGAIN;
	return b->crc == b->want_crc ? ERR_OK : ERR_SYNTAX;
}

/* Nothing to be doubled: read where it is sent from. */
static enum err
put_raw(struct body *b, struct buf *out, size_t n)
{
	struct outbuf space = buf_space(out, n);
	enum err err;

	if (space.cap < n)
		return ERR_FULL;
	err = read_step(b, space.ptr, n);
	if (err != ERR_OK && err != ERR_AGAIN) {
		buf_commit(out, 0);
		return err;
	}
	note_last(b, space.ptr, n);
	buf_commit(out, n);
	return err;
}

static enum err
put_coded(struct body *b, struct buf *out, struct str content)
{
	struct outbuf space = buf_space(out, 2 * content.len);

	if (space.cap < 2 * content.len)
		return ERR_FULL;
	/* Each byte takes two at most. */
	BUG_IF(dotsend_encode(&b->ds, &content, &space) != ERR_OK);
	buf_commit(out, space.len);
	return ERR_OK;
}

static enum err
put_whole(struct body *b, struct buf *out)
{
	size_t n =
	    b->whole.len < BODY_STEP_BYTES ? b->whole.len : BODY_STEP_BYTES;
	struct str s = str_head(b->whole, n);
	enum err err = ERR_OK;

	if (n == 0)
		return ERR_OK;
	if (b->is_raw) {
		note_last(b, s.ptr, s.len);
		err = buf_append(out, s);
	} else {
		err = put_coded(b, out, s);
	}
	str_skip(&b->whole, n);
	if (err != ERR_OK)
		return err;
	return b->whole.len > 0 ? ERR_AGAIN : ERR_OK;
}

enum err
body_put(struct body *b, struct buf *out)
{
	static char step[BODY_STEP_BYTES];
	size_t n = b->left < sizeof(step) ? (size_t)b->left : sizeof(step);
	enum err err, put_err;

	if (b->left == 0)
		return put_whole(b, out);
	if (b->is_raw)
		return put_raw(b, out, n);
	err = read_step(b, step, n);
	if (err != ERR_OK && err != ERR_AGAIN)
		return err;
	put_err = put_coded(b, out, (struct str){ step, n });
	return put_err == ERR_OK ? err : put_err;
}

enum err
body_put_end(struct body *b, struct buf *out)
{
	struct outbuf space;

	if (b->is_raw)
		return buf_append(out,
		    memcmp(b->last, "\r\n", sizeof(b->last)) == 0
		        ? STR(".\r\n")
		        : STR("\r\n.\r\n"));
	space = buf_space(out, DOTSEND_ROOM_BYTES);
	if (space.cap < DOTSEND_ROOM_BYTES)
		return ERR_FULL;
	BUG_IF(dotsend_end(&b->ds, &space) != ERR_OK);
	buf_commit(out, space.len);
	return ERR_OK;
}
