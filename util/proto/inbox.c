/* SPDX-License-Identifier: BSD-2-Clause */
/* inbox: what recvmsg brings, put together to frames. */
#include "util/proto/inbox.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/io/sys.h"

/* The kernel passes at most so many with one message. */
#define SCM_FDS_MAX 253

/* One more read fits behind any part of a frame. */
#define BYTES_MAX (FRAME_MAX_BYTES + INBOX_READ_BYTES)

/* Aligned for a struct cmsghdr. */
union control {
	struct cmsghdr head;
	char bytes[CMSG_SPACE(SCM_FDS_MAX * sizeof(int))];
};

void
inbox_init(struct inbox *in)
{
	buf_init(&in->bytes, BYTES_MAX);
	buf_init(&in->fds, INBOX_FDS_MAX * sizeof(int));
	frame_reader_init(&in->reader);
}

/* Takes the oldest descriptor; -1: there is none. */
static int
pop_fd(struct inbox *in)
{
	int fd;

	if (buf_len(&in->fds) == 0)
		return -1;
	memcpy(&fd, buf_view(&in->fds).ptr, sizeof(fd));
	buf_consume(&in->fds, sizeof(fd));
	return fd;
}

void
inbox_fini(struct inbox *in)
{
	int fd;

	while ((fd = pop_fd(in)) >= 0)
		(void)close(fd);
	buf_fini(&in->fds);
	buf_fini(&in->bytes);
}

/* Owns fd from here on. */
static enum err
push_fd(struct inbox *in, int fd)
{
	struct str s = { (const char *)&fd, sizeof(fd) };

	if (buf_append(&in->fds, s) == ERR_OK)
		return ERR_OK;
	(void)close(fd);
	frame_fail(&in->reader, FRAME_FDS_LEFT);
	return ERR_PROTO;
}

/* All descriptors are looked at, also after an error: they are open. */
static enum err
keep_fds(struct inbox *in, struct msghdr *msg)
{
	enum err err = ERR_OK;
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (push_fd(in, fd) != ERR_OK)
				err = ERR_PROTO;
		}
	}
	return err;
}

enum err
inbox_read(struct inbox *in, int fd)
{
	struct outbuf space = buf_space(&in->bytes, INBOX_READ_BYTES);
	struct iovec iov = { space.ptr, space.cap };
	union control control;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t got;

	if (space.cap == 0)
		return ERR_FULL;
	do
		got = sys.recvmsg(fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	buf_commit(&in->bytes, got > 0 ? (size_t)got : 0);
	if (got < 0)
		return sys_err(errno);
	if (got == 0)
		return ERR_EOF;
	/* Cut off: this process is out of descriptors, and some are lost. */
	if (keep_fds(in, &msg) == ERR_OK && (msg.msg_flags & MSG_CTRUNC) == 0)
		return ERR_OK;
	frame_fail(&in->reader, FRAME_FDS_LACK);
	return ERR_PROTO;
}

/* A descriptor comes with the first byte of its frame, so with the frame whole
 * they are all there; and with no byte left, none is. */
static enum err
match_fds(struct inbox *in, struct frame *f)
{
	for (unsigned i = 0; i < f->n_fds; i++) {
		f->fds[i] = pop_fd(in);
		if (f->fds[i] >= 0)
			continue;
		inbox_done(f);
		in->reader.taken_bytes -= FRAME_HEAD_BYTES + f->body.len;
		frame_fail(&in->reader, FRAME_FDS_LACK);
		return ERR_PROTO;
	}
	return ERR_OK;
}

enum err
inbox_next(struct inbox *in, struct frame *f)
{
	struct str all, rest;
	enum err err;

	buf_consume(&in->bytes, in->lent_bytes);
	in->lent_bytes = 0;
	all = rest = buf_view(&in->bytes);
	err = frame_next(&in->reader, &rest, f);
	if (err == ERR_AGAIN && all.len == 0 && buf_len(&in->fds) > 0) {
		frame_fail(&in->reader, FRAME_FDS_LEFT);
		return ERR_PROTO;
	}
	if (err != ERR_OK)
		return err;
	in->lent_bytes = all.len - rest.len;
	return match_fds(in, f);
}

void
inbox_done(struct frame *f)
{
	for (unsigned i = 0; i < f->n_fds; i++) {
		int fd = frame_take_fd(f, i);

		if (fd >= 0)
			(void)close(fd);
	}
}

bool
inbox_has_part(const struct inbox *in)
{
	return buf_len(&in->bytes) > in->lent_bytes;
}
