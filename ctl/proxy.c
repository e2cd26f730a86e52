/* SPDX-License-Identifier: BSD-2-Clause */
/* proxy: two directions, each with a buffer. */
#include "ctl/proxy.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "ctl/sendmail.h"
#include "util/io/sys.h"
#include "util/text/str.h"

#define PROXY_BYTES 65536

/* Bytes on their way; those of used are in the buffer. */
struct way {
	int from, to;
	bool is_ended; /* from has no more */
	struct str used;
	char bytes[PROXY_BYTES];
};

/* Reads, once the buffer is empty. False: from failed. */
static bool
take(struct way *w)
{
	ssize_t n = sys.read(w->from, w->bytes, sizeof(w->bytes));

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	w->is_ended = n == 0;
	w->used = (struct str){ w->bytes, (size_t)n };
	return true;
}

/* Writes some: a pipe that is ready takes so much at least, and does not block.
 * False: to failed. */
static bool
give(struct way *w)
{
	size_t some = w->used.len < PIPE_BUF ? w->used.len : PIPE_BUF;
	ssize_t n = sys.write(w->to, w->used.ptr, some);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	str_skip(&w->used, (size_t)n);
	return true;
}

/* What a way waits for: to be written if it has bytes, else to be read. */
static struct pollfd
wish(const struct way *w)
{
	if (w->used.len > 0)
		return (struct pollfd){ w->to, POLLOUT, 0 };
	return (struct pollfd){ w->is_ended ? -1 : w->from, POLLIN, 0 };
}

static bool
move(struct way *w, const struct pollfd *p)
{
	if (p->revents == 0)
		return true;
	return w->used.len > 0 ? give(w) : take(w);
}

static void
drop(struct way *w)
{
	w->is_ended = true;
	w->used.len = 0;
}

static bool
is_done(const struct way *w)
{
	return w->is_ended && w->used.len == 0;
}

int
proxy_run(int input, int output, int fd)
{
	static struct way in, out;
	bool is_told = false;

	in = (struct way){ .from = input, .to = fd };
	out = (struct way){ .from = fd, .to = output };
	while (!is_done(&out)) {
		struct pollfd p[2] = { wish(&in), wish(&out) };

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return EX_OSERR;
		/* What the relay does not want to hear it has told why. */
		if (!move(&in, &p[0]))
			drop(&in);
		if (!move(&out, &p[1]))
			return EX_IOERR;
		if (is_done(&in) && !is_told)
			(void)shutdown(fd, SHUT_WR);
		is_told = is_told || is_done(&in);
	}
	return EX_OK;
}
