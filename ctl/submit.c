/* SPDX-License-Identifier: BSD-2-Clause */
/* submit: commands, replies, and waits that end. */
#include "ctl/submit.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/sendmail.h"
#include "util/io/clock.h"
#include "util/io/sock.h"
#include "util/io/sys.h"

/* RFC 5321 4.5.3.2: for a command and for a block of data; for the dot. */
#define COMMAND_MS (5 * 60 * 1000)
#define DOT_MS (10 * 60 * 1000)
#define SOCKET_NAME "run/submit"

/* --- replies -------------------------------------------------------------- */

/* What a refusal is to the caller of sendmail. */
static int
exit_status(const struct reply *reply)
{
	const struct status *st = &reply->enhanced;

	if (reply->code < 500)
		return EX_TEMPFAIL;
	if (st->subject == 1)
		switch (st->detail) {
		case 1:
		case 6:
			return EX_NOUSER;
		case 2:
			return EX_NOHOST;
		default:
			return EX_DATAERR;
		}
	if (st->subject == 7)
		return EX_NOPERM;
	if (st->subject == 6 || (st->subject == 3 && st->detail == 4))
		return EX_DATAERR;
	return EX_UNAVAILABLE;
}

static NORETURN void
die_refused(const struct reply *reply, const char *what)
{
	char bytes[REPLY_MAX_BYTES];
	struct outbuf line = { bytes, 0, sizeof(bytes) };

	(void)!reply_put_line(reply, &line);
	sendmail_die(
	    exit_status(reply), "%s: %.*s", what, STR_ARG(outbuf_str(&line)));
}

/* Waits for events of the socket, or of fd (-1: none); what has come. */
static short
await(const struct submit *s, short events, int fd, int64_t deadline_ms)
{
	struct pollfd p[2] = { { s->fd, events, 0 }, { fd, POLLIN, 0 } };

	for (;;) {
		int64_t left_ms = deadline_ms - clock_boot_ms();
		int n;

		if (left_ms <= 0)
			sendmail_die(
			    EX_TEMPFAIL, SOCKET_NAME ": no answer in time");
		n = poll(p, fd < 0 ? 1 : 2,
		    left_ms > INT_MAX ? INT_MAX : (int)left_ms);
		if (n > 0)
			return p[0].revents;
		if (n < 0 && errno != EINTR)
			sendmail_die(EX_OSERR, "poll: %s", strerror(errno));
	}
}

static void
read_more(struct submit *s, int64_t deadline_ms, const char *what)
{
	ssize_t n;

	do {
		(void)await(s, POLLIN, -1, deadline_ms);
		n = sys.read(
		    s->fd, s->in + s->in_len, sizeof(s->in) - s->in_len);
	} while (n < 0 && (errno == EAGAIN || errno == EINTR));
	if (n < 0)
		sendmail_die(EX_TEMPFAIL, "%s: %s", what, strerror(errno));
	if (n == 0)
		sendmail_die(
		    EX_TEMPFAIL, "%s: the relay closed the connection", what);
	s->in_len += (size_t)n;
}

static void
read_reply(
    struct submit *s, struct reply *reply, int64_t wait_ms, const char *what)
{
	int64_t deadline_ms = clock_boot_ms() + wait_ms;
	struct str in;
	enum err err;

	s->in_len -= s->spent.len;
	memmove(s->in, s->in + s->spent.len, s->in_len);
	s->spent.len = 0;
	for (;;) {
		in = (struct str){ s->in, s->in_len };
		err = reply_parse(reply, &in);
		if (err != ERR_AGAIN)
			break;
		read_more(s, deadline_ms, what);
	}
	if (err != ERR_OK)
		sendmail_die(
		    EX_PROTOCOL, "%s: the relay did not answer in SMTP", what);
	s->spent.len = s->in_len - in.len;
}

static void
must_reply(struct submit *s, struct reply *reply, char want, const char *what)
{
	read_reply(s, reply, COMMAND_MS, what);
	if (reply->code / 100 != want - '0')
		die_refused(reply, what);
}

/* --- sending -------------------------------------------------------------- */

/* The relay has closed, or speaks out of turn: it tells why, if it can. */
static NORETURN void
die_interrupted(struct submit *s)
{
	struct reply reply;

	read_reply(s, &reply, COMMAND_MS, SOCKET_NAME);
	die_refused(&reply, SOCKET_NAME);
}

void
submit_put(struct submit *s, struct str bytes)
{
	int64_t deadline_ms = clock_boot_ms() + COMMAND_MS;

	while (bytes.len > 0) {
		struct iovec iov = { (char *)(uintptr_t)bytes.ptr, bytes.len };
		struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
		ssize_t n = sys.sendmsg(s->fd, &msg, MSG_NOSIGNAL);

		if (n > 0)
			str_skip(&bytes, (size_t)n);
		else if (n < 0 && errno == EAGAIN)
			(void)await(s, POLLOUT, -1, deadline_ms);
		else if (n < 0 && errno != EINTR)
			die_interrupted(s);
	}
}

void
submit_await_input(struct submit *s, int input_fd)
{
	if ((await(s, POLLIN, input_fd, INT64_MAX) & (POLLIN | POLLHUP)) != 0)
		die_interrupted(s);
}

void
submit_command(struct submit *s, char want, const char *fmt, ...)
{
	char line[SUBMIT_LINE_BYTES + 3];
	struct reply reply;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(line, SUBMIT_LINE_BYTES + 1, fmt, args);
	va_end(args);
	if (n < 0 || n > SUBMIT_LINE_BYTES)
		sendmail_die(EX_DATAERR, "an address is too long");
	memcpy(line + n, "\r\n", 3);
	submit_put(s, (struct str){ line, (size_t)n + 2 });
	line[n] = '\0';
	must_reply(s, &reply, want, line);
}

/* --- the session ---------------------------------------------------------- */

void
submit_connect(struct submit *s, struct ctl *ctl)
{
	char path[CTL_PATH_BYTES];
	enum err err;

	ctl_state_path(ctl, SOCKET_NAME, path);
	s->in_len = 0;
	s->spent = (struct str){ s->in, 0 };
	err = sock_connect_path(path, &s->fd);
	if (err == ERR_NOTFOUND)
		sendmail_die(EX_TEMPFAIL,
		    SOCKET_NAME ": the relay is not running (%s)", path);
	if (err != ERR_OK)
		sendmail_die(err == ERR_DENIED ? EX_NOPERM : EX_TEMPFAIL,
		    SOCKET_NAME ": %s (%s)", strerror(errno), path);
}

/* The first word of the reply to EHLO (RFC 5321 4.1.1.1). */
static void
take_node(struct submit *s, const struct reply *reply)
{
	struct str rest = reply->raw;
	struct str text;

	if (!reply_next_text(&rest, &text))
		text.len = 0;
	text = str_head(text, str_find(text, ' '));
	if (text.len == 0 || text.len > sizeof(s->node_bytes))
		sendmail_die(EX_PROTOCOL,
		    SOCKET_NAME ": the relay did not say its name");
	memcpy(s->node_bytes, text.ptr, text.len);
	s->node = (struct str){ s->node_bytes, text.len };
}

void
submit_open(struct submit *s, struct ctl *ctl)
{
	struct reply reply;

	submit_connect(s, ctl);
	must_reply(s, &reply, '2', SOCKET_NAME);
	submit_put(s, STR("EHLO localhost\r\n"));
	must_reply(s, &reply, '2', "EHLO");
	take_node(s, &reply);
}

void
submit_finish(struct submit *s, struct reply *reply)
{
	read_reply(s, reply, DOT_MS, "all is sent, and may have been taken");
	if (reply->code / 100 != 2)
		die_refused(reply, "the message");
}

void
submit_close(struct submit *s)
{
	static const char quit[] = "QUIT\r\n";
	struct iovec iov = { (char *)(uintptr_t)quit, sizeof(quit) - 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	/* The message is safe: that a goodbye fails is no matter. */
	(void)!sys.sendmsg(s->fd, &msg, MSG_NOSIGNAL);
	(void)close(s->fd);
	s->fd = -1;
}
