/* SPDX-License-Identifier: BSD-2-Clause */
/* session: input, output and states of one client's connection. */
#include "smtpd/session.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "smtpd/cmd.h"
#include "smtpd/data.h"
#include "smtpd/server.h"
#include "smtpd/session_int.h"
#include "smtpd/txn.h"
#include "util/conf/conf.h"
#include "util/io/sys.h"
#include "util/log/log.h"
#include "util/mail/command.h"
#include "util/mail/line.h"
#include "util/svc/svc.h"

/*
 * What each verb meets; without a row a state reads no commands.
 *
 *		HELO EHLO  MAIL		RCPT	    DATA	others
 * GREETED	run	   hello first	hello first hello first	run
 * READY	run	   run		mail first  mail first	run
 * MAIL		run	   nested	run	    rcpt first	run
 * RCPT		run	   nested	run	    run		run
 *
 * HELO, EHLO and RSET end a transaction (RFC 5321 4.1.4).
 */
enum meets { RUN, HELLO_FIRST, MAIL_FIRST, NESTED, RCPT_FIRST, MEETS_N };

#define VERBS_N (VERB_BDAT + 1)
#define ROWS_N (SS_RCPT + 1)

static const uint8_t meets[ROWS_N][VERBS_N] = {
	[SS_GREETED] = {
		[VERB_MAIL] = HELLO_FIRST,
		[VERB_RCPT] = HELLO_FIRST,
		[VERB_DATA] = HELLO_FIRST,
	},
	[SS_READY] = { [VERB_RCPT] = MAIL_FIRST, [VERB_DATA] = MAIL_FIRST },
	[SS_MAIL] = { [VERB_MAIL] = NESTED, [VERB_DATA] = RCPT_FIRST },
	[SS_RCPT] = { [VERB_MAIL] = NESTED },
};

static const struct str order_replies[MEETS_N] = {
	[HELLO_FIRST] = STR_INIT("503 5.5.1 Say EHLO or HELO first"),
	[MAIL_FIRST] = STR_INIT("503 5.5.1 Say MAIL FROM first"),
	[NESTED] = STR_INIT("503 5.5.1 A transaction is open; say RSET first"),
	[RCPT_FIRST] = STR_INIT("503 5.5.1 Say RCPT TO first"),
};

static cmd_fn *const commands[VERBS_N] = {
	[VERB_HELO] = cmd_helo,
	[VERB_EHLO] = cmd_helo,
	[VERB_MAIL] = cmd_mail,
	[VERB_RCPT] = cmd_rcpt,
	[VERB_DATA] = cmd_data,
	[VERB_RSET] = cmd_rset,
	[VERB_NOOP] = cmd_noop,
	[VERB_VRFY] = cmd_vrfy,
	[VERB_EXPN] = cmd_refused,
	[VERB_HELP] = cmd_help,
	[VERB_QUIT] = cmd_quit,
	[VERB_STARTTLS] = cmd_refused,
	[VERB_AUTH] = cmd_refused,
	[VERB_BDAT] = cmd_refused,
};

#define TO(state) (1u << (state))

/* Where each state may lead; SS_LAST from everywhere. */
static const uint16_t moves[SS_N] = {
	[SS_GREETED] = TO(SS_READY),
	[SS_READY] = TO(SS_READY) | TO(SS_MAIL) | TO(SS_SLOW),
	[SS_SLOW] = TO(SS_MAIL),
	[SS_MAIL] = TO(SS_READY) | TO(SS_RCPT),
	[SS_RCPT] = TO(SS_READY) | TO(SS_DATA),
	[SS_DATA] = TO(SS_READY) | TO(SS_OWN) | TO(SS_COMMIT),
	[SS_OWN] = TO(SS_DATA),
	[SS_COMMIT] = TO(SS_READY),
	[SS_LAST] = 0,
};

static const char *const state_names[SS_N] = {
	[SS_GREETED] = "greeted",
	[SS_READY] = "ready",
	[SS_SLOW] = "slow",
	[SS_MAIL] = "mail",
	[SS_RCPT] = "rcpt",
	[SS_DATA] = "data",
	[SS_OWN] = "own",
	[SS_COMMIT] = "commit",
	[SS_LAST] = "last",
};

/* A disk that takes longer than clients wait (RFC 5321 4.5.3.2.6). */
#define DISK_MAX_MS (10 * 60 * 1000)
/* How long a client gets to read the last reply and hang up. */
#define LAST_MAX_MS 5000

static int64_t
now(const struct session *s)
{
	return loop_now_ms(svc_loop(s->server->svc));
}

static bool
is_waiting(const struct session *s)
{
	return s->state == SS_SLOW || s->state == SS_OWN ||
	    s->state == SS_COMMIT;
}

/* --- states --------------------------------------------------------------- */

/* How long the session may stay as it is. */
static int64_t
wait_ms(const struct session *s)
{
	switch ((enum session_state)s->state) {
	case SS_SLOW:
		return INTAKE_SLOW_MS;
	case SS_OWN:
	case SS_COMMIT:
		return DISK_MAX_MS;
	case SS_LAST:
		return LAST_MAX_MS;
	case SS_DATA:
		return s->limits->data_timeout_ms;
	case SS_GREETED:
	case SS_READY:
	case SS_MAIL:
	case SS_RCPT:
	case SS_N:
		break;
	}
	return s->limits->command_timeout_ms;
}

void
session_touch(struct session *s)
{
	int64_t deadline = now(s) + wait_ms(s);

	if (s->state == SS_DATA && s->txn->content_ms < deadline)
		deadline = s->txn->content_ms;
	timer_set_at(&s->timer, deadline);
}

void
session_move(struct session *s, enum session_state to)
{
	BUG_IF(to != SS_LAST && (moves[s->state] & TO(to)) == 0);
	LOG(EV_STATE_CHANGED, KV_CSTR("machine", "session"),
	    KV_NUM("id", s->id), KV_CSTR("from", state_names[s->state]),
	    KV_CSTR("to", state_names[to]));
	s->state = (uint8_t)to;
	session_touch(s);
}

void
session_reset(struct session *s)
{
	txn_free(&s->txn);
	if (s->state != SS_GREETED)
		session_move(s, SS_READY);
}

void
session_close(struct session *s)
{
	if (s->state != SS_LAST)
		session_move(s, SS_LAST);
}

/* --- output --------------------------------------------------------------- */

static void
put_reply(struct session *s, struct str text)
{
	struct outbuf *out = &s->server->out;

	/* step_all() sees to the room. */
	outbuf_put(out, text);
	outbuf_put(out, STR("\r\n"));
}

static void
count_error(struct session *s)
{
	char text[128];
	struct outbuf out = { text, 0, sizeof(text) };

	if (++s->n_errors <= s->limits->max_errors || s->state == SS_LAST)
		return;
	if (outbuf_printf(&out, "421 4.7.0 Too many errors (max_errors = %u)",
	        s->limits->max_errors) == ERR_OK)
		put_reply(s, outbuf_str(&out));
	session_close(s);
}

void
session_reply(struct session *s, struct str text)
{
	put_reply(s, text);
	if (text.len > 0 && text.ptr[0] == '5')
		count_error(s);
}

void
session_replyf(struct session *s, const char *fmt, ...)
{
	char text[SESSION_REPLY_MAX_BYTES / 2];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* Texts are ours, and what they quote is bounded. */
	BUG_IF(n < 0 || (size_t)n >= sizeof(text));
	session_reply(s, (struct str){ text, (size_t)n });
}

void
session_refuse(
    struct session *s, const char *command, const char *limit, struct str text)
{
	LOG(EV_COMMAND_REFUSED, KV_NUM("session", s->id),
	    KV_CSTR("client", s->client), KV_CSTR("command", command),
	    KV_CSTR("limit", limit),
	    KV_STR("code", str_head(text, text.len < 3 ? text.len : 3)));
	session_reply(s, text);
}

void
session_refuse_pressure(struct session *s, const char *command)
{
	char text[SESSION_REPLY_MAX_BYTES / 2];
	struct outbuf out = { text, 0, sizeof(text) };
	const char *reason = intake_reason(&s->server->intake);

	if (outbuf_printf(
	        &out, "452 4.3.1 Not accepting mail now: %s", reason) == ERR_OK)
		session_refuse(s, command, reason, outbuf_str(&out));
}

/* Writes the replies in hand. ERR_AGAIN: the client does not read; ERR_EOF: it
 * has gone. */
static enum err
flush(struct session *s)
{
	struct str left = outbuf_str(&s->server->out);
	ssize_t n = 0;
	enum err err;

	s->server->out.len = 0;
	if (left.len > 0 && buf_len(&s->out) == 0) {
		n = sys.write(s->watch.fd, left.ptr, left.len);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return ERR_EOF;
	}
	if (n > 0)
		str_skip(&left, (size_t)n);
	if (left.len > 0 && buf_append(&s->out, left) != ERR_OK)
		return ERR_EOF;
	if (buf_len(&s->out) == 0)
		return ERR_OK;
	err = buf_write_fd(&s->out, s->watch.fd);
	return err == ERR_OK || err == ERR_AGAIN ? err : ERR_EOF;
}

/* --- commands ------------------------------------------------------------- */

static void
run_command(struct session *s, struct str line)
{
	struct command cmd;
	bool utf8 = s->txn != NULL && (s->txn->flags & RECORD_SMTPUTF8) != 0;
	enum meets met;

	if (command_parse(&cmd, line, utf8) != ERR_OK) {
		session_refuse(s, verb_text(cmd.verb), "syntax",
		    command_fault_reply(cmd.fault));
		return;
	}
	met = (enum meets)meets[s->state][cmd.verb];
	if (met != RUN)
		session_refuse(
		    s, verb_text(cmd.verb), "order", order_replies[met]);
	else if (cmd.has_dsn && !s->is_esmtp)
		session_refuse(s, verb_text(cmd.verb), "EHLO",
		    STR("555 5.5.4 RET, ENVID, NOTIFY and ORCPT need EHLO"));
	else
		commands[cmd.verb](s, &cmd);
}

static void
line_failed(struct session *s, enum line_fault fault)
{
	LOG(EV_SESSION_FAULT, KV_NUM("session", s->id),
	    KV_CSTR("client", s->client), KV_CSTR("command", "line"),
	    KV_CSTR("fault", line_fault_text(fault)), KV_NUM("code", 500));
	session_replyf(
	    s, "500 5.5.2 Command line: %s; closing", line_fault_text(fault));
	session_close(s);
}

/* One command. False: its line is not complete. */
static bool
step_command(struct session *s, struct str *in)
{
	enum line_fault fault = LINE_FINE;
	struct str line;
	enum err err;

	if (s->server->is_stopping) {
		session_reply(s, STR("421 4.3.2 This server is stopping"));
		session_close(s);
		return true;
	}
	err = line_next(in, SESSION_LINE_MAX_BYTES, &line, &fault);
	if (err == ERR_AGAIN)
		return false;
	if (err != ERR_OK) {
		line_failed(s, fault);
		return true;
	}
	session_touch(s);
	run_command(s, line);
	return true;
}

/* One step on. False: nothing more can be done now. */
static bool
step(struct session *s, struct str *in)
{
	switch ((enum session_state)s->state) {
	case SS_GREETED:
	case SS_READY:
	case SS_MAIL:
	case SS_RCPT:
		return step_command(s, in);
	case SS_DATA:
		return data_feed(s, in);
	case SS_LAST:
		str_skip(in, in->len);
		return false;
	case SS_SLOW:
	case SS_OWN:
	case SS_COMMIT:
	case SS_N:
		break;
	}
	return false;
}

/* All that can be done with in. Errors as flush(). */
static enum err
step_all(struct session *s, struct str *in)
{
	enum err err;

	do {
		if (outbuf_room(&s->server->out) < SESSION_REPLY_MAX_BYTES) {
			err = flush(s);
			if (err != ERR_OK)
				return err;
		}
	} while (step(s, in));
	return flush(s);
}

/* --- input ---------------------------------------------------------------- */

/* The last reply is out. What the client still sends is read and dropped for
 * a moment: closing with unread input would reset the connection, and the
 * reply could be lost on its way. */
static void
linger(struct session *s)
{
	if (s->is_eof) {
		session_free(&s, "closed");
		return;
	}
	(void)shutdown(s->watch.fd, SHUT_WR);
	watch_set(&s->watch, WATCH_READ);
}

/* Keeps what in has left, and waits for what is needed next. May free s. */
static void
settle(struct session *s, struct str in, enum err err)
{
	buf_consume(&s->in, buf_len(&s->in));
	if (err == ERR_EOF || buf_append(&s->in, in) != ERR_OK)
		session_free(&s, "lost");
	else if (err == ERR_AGAIN)
		watch_set(&s->watch, WATCH_WRITE);
	else if (s->state == SS_LAST)
		linger(s);
	else if (is_waiting(s))
		watch_set(&s->watch, s->watch.flags & WATCH_READ);
	else if (s->is_eof)
		session_free(&s, "client hung up");
	else
		watch_set(&s->watch, WATCH_READ);
}

/* Goes on with the input that is kept, and n bytes behind it in scratch. */
static void
run(struct session *s, size_t n)
{
	struct str kept = buf_view(&s->in);
	struct str in = { s->server->in, kept.len + n };
	enum err err = step_all(s, &in);

	settle(s, in, err);
}

static void
load_kept(struct session *s)
{
	struct str kept = buf_view(&s->in);

	if (kept.len > 0)
		memcpy(s->server->in, kept.ptr, kept.len);
}

void
session_resume(struct session *s)
{
	load_kept(s);
	run(s, 0);
}

static void
on_readable(struct session *s)
{
	size_t kept = buf_len(&s->in);
	size_t max = s->state == SS_DATA ? SERVER_READ_BYTES
	                                 : SERVER_READ_COMMANDS_BYTES;
	ssize_t n;

	if (is_waiting(s)) {
		/* The client is ahead of us, or has hung up: later. */
		watch_set(&s->watch, 0);
		return;
	}
	load_kept(s);
	n = sys.read(s->watch.fd, s->server->in + kept, max);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		session_free(&s, "connection failed");
		return;
	}
	if (n == 0)
		s->is_eof = true;
	run(s, (size_t)n);
}

static void
on_writable(struct session *s)
{
	enum err err = buf_write_fd(&s->out, s->watch.fd);

	if (err == ERR_AGAIN)
		return;
	if (err != ERR_OK)
		session_free(&s, "connection failed");
	else
		session_resume(s);
}

void
session_on_event(void *arg, unsigned what)
{
	if (what == WATCH_WRITE)
		on_writable(arg);
	else
		on_readable(arg);
}

static const struct {
	const char *limit;
	struct str reply;
} timeouts[SS_N] = {
	[SS_DATA] = { "data_timeout",
	    STR_INIT("421 4.4.2 Too slow (data_timeout, message_timeout)") },
	[SS_OWN] = { "disk", STR_INIT("421 4.3.0 The disk is too slow") },
	[SS_COMMIT] = { "disk", STR_INIT("421 4.3.0 The disk is too slow") },
};

void
session_on_timer(void *arg)
{
	struct session *s = arg;
	const char *limit = timeouts[s->state].limit;
	struct str reply = timeouts[s->state].reply;

	if (s->state == SS_SLOW) {
		cmd_mail_go_on(s);
		session_resume(s);
		return;
	}
	if (s->state == SS_LAST || buf_len(&s->out) > 0) {
		session_free(&s, "client does not read");
		return;
	}
	if (limit == NULL) {
		limit = "command_timeout";
		reply = STR("421 4.4.2 No command came (command_timeout)");
	}
	session_refuse(s, "timeout", limit, reply);
	(void)flush(s);
	session_free(&s, limit);
}

void
session_stop(struct session *s)
{
	if (!is_waiting(s) && s->state != SS_DATA)
		session_resume(s);
}
