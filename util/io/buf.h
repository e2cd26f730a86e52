/* SPDX-License-Identifier: BSD-2-Clause */
/* buf: a queue of bytes with a maximum, which costs nothing while empty. */
#ifndef UTIL_IO_BUF_H
#define UTIL_IO_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "util/base/err.h"
#include "util/text/str.h"

/* Embedded in its owner; others use the functions. */
struct buf {
	char *ptr;   /* NULL while empty */
	size_t head; /* bytes already consumed, before the first in the queue */
	size_t len;  /* bytes in the queue */
	size_t cap;
	size_t max_bytes; /* bound of len */
};

/* Allocates nothing. max_bytes > 0. */
void buf_init(struct buf *b, size_t max_bytes);

void buf_fini(struct buf *b);

/* What is in the queue, in one piece; until the next change of b. */
struct str buf_view(const struct buf *b);

static inline size_t
buf_len(const struct buf *b)
{
	return b->len;
}

/* How much more it may hold. */
static inline size_t
buf_room(const struct buf *b)
{
	return b->max_bytes - b->len;
}

/* Makes room for n more bytes in one piece: ERR_FULL past max_bytes or without
 * memory, with b as it was. */
MUST_USE enum err buf_reserve(struct buf *b, size_t n);

/* The free bytes behind the queue, to be written to and then committed; want
 * of them, or fewer if there cannot be as many (cap tells: 0 is full). */
struct outbuf buf_space(struct buf *b, size_t want);

/* Puts the first n bytes of what buf_space gave into the queue. */
void buf_commit(struct buf *b, size_t n);

/* Copies s into the queue, all of it or, with ERR_FULL, nothing. */
MUST_USE enum err buf_append(struct buf *b, struct str s);

/* Takes n bytes from the front, n <= buf_len. Memory goes with the last. */
void buf_consume(struct buf *b, size_t n);

/*
 * Reads once from fd, at most max bytes, max > 0; *n is how many came.
 * ERR_AGAIN	nothing there now
 * ERR_EOF	the peer has closed, or reset the connection
 * ERR_FULL	no room in b: nothing was read
 * ERR_TIMEOUT, ERR_IO ...	as sys_err says; errno is set
 */
MUST_USE enum err buf_read_fd(struct buf *b, int fd, size_t max, size_t *n);

/*
 * Writes to fd until b is empty.
 * ERR_AGAIN	the rest must wait until fd is writable
 * ERR_EOF	the peer has gone
 * ERR_TIMEOUT, ERR_IO ...	as sys_err says; errno is set
 */
MUST_USE enum err buf_write_fd(struct buf *b, int fd);

#endif /* UTIL_IO_BUF_H */
