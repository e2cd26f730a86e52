/* SPDX-License-Identifier: BSD-2-Clause */
/* buf: a queue of bytes in one growing piece of memory. */
#include "util/io/buf.h"

#include <errno.h>
#include <stdlib.h>

#include "util/io/sys.h"

/* First allocation; it doubles from there. */
#define FIRST_BYTES 512

void
buf_init(struct buf *b, size_t max_bytes)
{
	BUG_IF(max_bytes == 0);
	*b = (struct buf){ .max_bytes = max_bytes };
}

void
buf_fini(struct buf *b)
{
	free(b->ptr);
	buf_init(b, b->max_bytes);
}

struct str
buf_view(const struct buf *b)
{
	if (b->len == 0)
		return (struct str){ NULL, 0 };
	return (struct str){ b->ptr + b->head, b->len };
}

/* Moves the queue to the front of its memory. */
static void
close_up(struct buf *b)
{
	if (b->head == 0)
		return;
	memmove(b->ptr, b->ptr + b->head, b->len);
	b->head = 0;
}

/* The capacity for need bytes: doubled until it is enough, but never above
 * the maximum, which is. */
static size_t
next_cap(const struct buf *b, size_t need)
{
	size_t cap = b->cap > 0 ? b->cap * 2 : FIRST_BYTES;

	while (cap < need && cap < b->max_bytes)
		cap *= 2;
	return cap < b->max_bytes ? cap : b->max_bytes;
}

enum err
buf_reserve(struct buf *b, size_t n)
{
	size_t cap;
	char *ptr;

	if (n > buf_room(b))
		return ERR_FULL;
	if (b->cap - b->head - b->len >= n)
		return ERR_OK;
	/* A move is paid for by what was consumed, or cannot be helped. */
	if (b->cap - b->len >= n &&
	    (b->head >= b->len || b->cap == b->max_bytes)) {
		close_up(b);
		return ERR_OK;
	}
	close_up(b);
	cap = next_cap(b, b->len + n);
	ptr = realloc(b->ptr, cap);
	if (ptr == NULL)
		return ERR_FULL;
	b->ptr = ptr;
	b->cap = cap;
	return ERR_OK;
}

struct outbuf
buf_space(struct buf *b, size_t want)
{
	if (want > buf_room(b))
		want = buf_room(b);
	if (want == 0 || buf_reserve(b, want) != ERR_OK)
		return (struct outbuf){ NULL, 0, 0 };
	return (struct outbuf){ b->ptr + b->head + b->len, 0, want };
}

/* Memory goes with the last byte. */
static void
release_if_empty(struct buf *b)
{
	if (b->len == 0)
		buf_fini(b);
}

void
buf_commit(struct buf *b, size_t n)
{
	BUG_IF(n > b->cap - b->head - b->len);
	b->len += n;
	release_if_empty(b);
}

enum err
buf_append(struct buf *b, struct str s)
{
	struct outbuf out;
	enum err err;

	if (s.len == 0)
		return ERR_OK;
	err = buf_reserve(b, s.len);
	if (err != ERR_OK)
		return err;
	out = buf_space(b, s.len);
	outbuf_put(&out, s);
	buf_commit(b, s.len);
	return ERR_OK;
}

void
buf_consume(struct buf *b, size_t n)
{
	BUG_IF(n > b->len);
	b->head += n;
	b->len -= n;
	release_if_empty(b);
}

enum err
buf_read_fd(struct buf *b, int fd, size_t max, size_t *n)
{
	struct outbuf space = buf_space(b, max);
	ssize_t got;

	if (space.cap == 0)
		return ERR_FULL;
	do
		got = sys.read(fd, space.ptr, space.cap);
	while (got < 0 && errno == EINTR);
	buf_commit(b, got > 0 ? (size_t)got : 0);
	if (got < 0)
		return sys_err(errno);
	if (got == 0)
		return ERR_EOF;
	*n = (size_t)got;
	return ERR_OK;
}

enum err
buf_write_fd(struct buf *b, int fd)
{
	while (b->len > 0) {
		ssize_t put = sys.write(fd, b->ptr + b->head, b->len);

		if (put >= 0)
			buf_consume(b, (size_t)put);
		else if (errno != EINTR)
			return sys_err(errno);
	}
	return ERR_OK;
}
