/* SPDX-License-Identifier: BSD-2-Clause */
/* wire: reads replies, writes commands and content. */
#include "deliver/wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "deliver/conn.h"
#include "deliver/deliver_int.h"
#include "deliver/txn.h"
#include "util/base/fatal.h"
#include "util/io/sock.h"
#include "util/io/sys.h"

/* --- input ---------------------------------------------------------------- */

/* Hands out whole replies. False: the connection is gone, or another host's. */
static bool
take_replies(struct conn *c, struct str *in)
{
	struct reply reply;
	enum err err;

	while (in->len > 0) {
		err = reply_parse(&reply, in);
		if (err == ERR_AGAIN)
			return true;
		c->has_more = in->len > 0;
		if (err == ERR_OK)
			conn_reply(c, &reply);
		else
			conn_fail(c, ANSWER_NOISE,
			    err == ERR_FULL ? "reply too long"
			                    : "not an SMTP reply");
		if (c->state <= CONN_GREETING || c->state == CONN_GONE)
			return false;
	}
	return true;
}

/* Bytes are parsed where they were read to; only the beginning of a reply is
 * kept, and goes before the next bytes. */
static void
take_input(struct conn *c, struct str bytes)
{
	size_t kept = buf_len(&c->in);
	struct str in = bytes;

	if (kept > 0) {
		if (buf_append(&c->in, bytes) != ERR_OK) {
			conn_fail(c, ANSWER_LOST, "no memory");
			return;
		}
		in = buf_view(&c->in);
	}
	if (!take_replies(c, &in))
		return;
	if (kept > 0)
		buf_consume(&c->in, buf_len(&c->in) - in.len);
	else if (buf_append(&c->in, in) != ERR_OK)
		conn_fail(c, ANSWER_LOST, "no memory");
}

static void
read_input(struct conn *c)
{
	static char bytes[REPLY_MAX_BYTES];
	ssize_t n;

	do
		n = sys.read(c->fd, bytes, sizeof(bytes));
	while (n < 0 && errno == EINTR);
	if (n > 0)
		take_input(c, (struct str){ bytes, (size_t)n });
	else if (n == 0)
		conn_fail(c, ANSWER_LOST, "connection closed");
	else if (errno != EAGAIN)
		conn_fail(c, ANSWER_LOST, strerror(errno));
}

/* --- output --------------------------------------------------------------- */

/* Counts what was written; the dot may be among it. */
static void
note_progress(struct conn *c, size_t n)
{
	if (n == 0)
		return;
	if (c->until_dot > n) {
		c->until_dot -= (uint32_t)n;
	} else if (c->until_dot > 0) {
		c->until_dot = 0;
		txn_dot_is_out(c);
		return;
	}
	if (conn_stage(c) == STAGE_BODY)
		conn_await(c, STAGE_BODY);
}

/* What the server said before it closed is worth more than the errno. */
static void
fail_write(struct conn *c, int errnum)
{
	buf_fini(&c->out);
	read_input(c);
	/* Unless that has ended it, or led to another host. */
	if (c->state > CONN_CONNECTING && c->state < CONN_GONE)
		conn_fail(c, ANSWER_LOST, strerror(errnum));
}

static void
write_some(struct conn *c)
{
	size_t before = buf_len(&c->out);
	enum err err = buf_write_fd(&c->out, c->fd);
	int errnum = errno;

	note_progress(c, before - buf_len(&c->out));
	if (err != ERR_OK && err != ERR_AGAIN)
		fail_write(c, errnum);
}

/* Content beyond the first step waits for its turn, so that a long message
 * does not hold up the others. */
void
wire_flush(struct conn *c)
{
	unsigned flags = WATCH_READ;

	if (c->fd < 0 || c->state == CONN_CONNECTING)
		return;
	if (buf_len(&c->out) > 0)
		write_some(c);
	if (c->fd < 0 || c->state == CONN_CONNECTING)
		return;
	if (buf_len(&c->out) > 0 || c->has_content)
		flags |= WATCH_WRITE;
	watch_set(&c->watch, flags);
}

/* --- the socket ----------------------------------------------------------- */

static void
end_connect(struct conn *c)
{
	if (sock_connect_result(c->fd) != ERR_OK)
		conn_fail(c, ANSWER_LOST, strerror(errno));
	else
		conn_connected(c);
}

static void
on_ready(void *arg, unsigned what)
{
	struct conn *c = arg;

	if (c->state == CONN_CONNECTING)
		end_connect(c);
	else if (what == WATCH_READ)
		read_input(c);
	else if (c->has_content && buf_len(&c->out) == 0)
		txn_put_content(c);
	wire_flush(c);
}

const char *
wire_connect(struct conn *c)
{
	struct sock_addr to;

	if (sock_parse(&to, c->address) != ERR_OK)
		return "not an address";
	if (sock_connect(&to, NULL, &c->fd) != ERR_OK) {
		c->fd = -1;
		return strerror(errno);
	}
	watch_init(&c->watch, c->d->loop, c->fd, on_ready, c);
	watch_set(&c->watch, WATCH_WRITE);
	return NULL;
}

void
wire_close(struct conn *c, bool is_reset)
{
	static const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	buf_fini(&c->in);
	buf_fini(&c->out);
	c->until_dot = 0;
	c->has_content = c->has_more = false;
	if (c->fd < 0)
		return;
	watch_fini(&c->watch);
	if (is_reset)
		/* Without it the end is a FIN: the peer sees it all the same,
		 * for the dot is missing. */
		(void)setsockopt(
		    c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	(void)close(c->fd);
	c->fd = -1;
}
