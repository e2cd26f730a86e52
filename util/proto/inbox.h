/* SPDX-License-Identifier: BSD-2-Clause */
/* inbox: the receiving half of a connection: bytes, descriptors, frames. */
#ifndef UTIL_PROTO_INBOX_H
#define UTIL_PROTO_INBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "util/base/err.h"
#include "util/io/buf.h"
#include "util/proto/frame.h"

/* Bytes asked for in one read. */
#define INBOX_READ_BYTES (64 * 1024)

/* Descriptors that came and whose frame did not. One read brings at most 253
 * (the kernel's SCM_MAX_FD), and ends there. */
#define INBOX_FDS_MAX 512

/* Embedded in its owner; others read reader only. */
struct inbox {
	struct buf bytes;
	struct buf fds; /* int each, in order of arrival */
	struct frame_reader reader;
	size_t lent_bytes; /* at the front, of the last frame taken */
};

void inbox_init(struct inbox *in);

/* Closes the descriptors that no frame has taken. */
void inbox_fini(struct inbox *in);

/*
 * Reads once from the socket fd. Call it when inbox_next has said ERR_AGAIN:
 * then there is room.
 *
 * ERR_AGAIN	nothing there now
 * ERR_EOF	the peer has closed
 * ERR_PROTO	descriptors were lost, or are too many; see reader
 * ERR_FULL	no room, or no memory
 * ERR_IO ...	as sys_err says; errno is set
 */
MUST_USE enum err inbox_read(struct inbox *in, int fd);

/*
 * Takes the next frame, with its descriptors; f is good until the next call of
 * any function of in.
 *
 * ERR_AGAIN	no whole frame is there
 * ERR_PROTO	for good; see reader
 */
MUST_USE enum err inbox_next(struct inbox *in, struct frame *f);

/* Closes the descriptors of f that nobody took. */
void inbox_done(struct frame *f);

/* Whether part of a frame is there. */
bool inbox_has_part(const struct inbox *in);

#endif /* UTIL_PROTO_INBOX_H */
