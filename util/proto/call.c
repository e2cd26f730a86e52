/* SPDX-License-Identifier: BSD-2-Clause */
/* call: frames over a socket, with waits that end at a deadline. */
#include "util/proto/call.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/io/clock.h"
#include "util/io/sock.h"
#include "util/io/sys.h"

enum err
call_connect(struct call *call, const char *path, int64_t deadline_ms)
{
	*call = (struct call){ .fd = -1, .deadline_ms = deadline_ms };
	inbox_init(&call->inbox);
	return sock_connect_path(path, &call->fd);
}

void
call_fini(struct call *call)
{
	inbox_done(&call->frame);
	inbox_fini(&call->inbox);
	if (call->fd >= 0)
		(void)close(call->fd);
	call->fd = -1;
}

/* Waits for POLLIN or POLLOUT. */
static enum err
wait_for(const struct call *call, short events)
{
	struct pollfd p = { .fd = call->fd, .events = events };

	for (;;) {
		int64_t left_ms = call->deadline_ms - clock_boot_ms();
		int n;

		if (left_ms <= 0)
			return ERR_TIMEOUT;
		if (left_ms > INT_MAX)
			left_ms = INT_MAX;
		n = poll(&p, 1, (int)left_ms);
		if (n > 0)
			return ERR_OK;
		if (n < 0 && errno != EINTR)
			return sys_err(errno);
	}
}

enum err
call_next(struct call *call, struct frame **f)
{
	enum err err;

	inbox_done(&call->frame);
	call->frame.n_fds = 0;
	while ((err = inbox_next(&call->inbox, &call->frame)) == ERR_AGAIN) {
		err = wait_for(call, POLLIN);
		if (err == ERR_OK)
			err = inbox_read(&call->inbox, call->fd);
		if (err != ERR_OK && err != ERR_AGAIN)
			return err;
	}
	if (err == ERR_OK)
		*f = &call->frame;
	return err;
}

static enum err
write_all(const struct call *call, struct str s)
{
	while (s.len > 0) {
		struct iovec iov = { (char *)(uintptr_t)s.ptr, s.len };
		struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
		ssize_t n = sys.sendmsg(call->fd, &msg, MSG_NOSIGNAL);
		enum err err = n < 0 ? sys_err(errno) : ERR_OK;

		if (n > 0)
			str_skip(&s, (size_t)n);
		if (err == ERR_AGAIN)
			err = wait_for(call, POLLOUT);
		if (err != ERR_OK)
			return err;
	}
	return ERR_OK;
}

enum err
call_send(struct call *call, enum msg_type type, const void *m)
{
	struct buf b;
	struct outbuf space;
	enum err err = ERR_RANGE;

	buf_init(&b, FRAME_MAX_BYTES);
	if (frame_bytes(type, m) <= FRAME_MAX_BYTES) {
		space = buf_space(&b, frame_bytes(type, m));
		err = frame_put(&space, type, m);
		if (err == ERR_OK)
			err = write_all(call, outbuf_str(&space));
	}
	buf_fini(&b);
	return err;
}
