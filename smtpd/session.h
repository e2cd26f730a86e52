/* SPDX-License-Identifier: BSD-2-Clause */
/* session: one client's connection, from its greeting to its end. */
#ifndef SMTPD_SESSION_H
#define SMTPD_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "smtpd/listener.h"
#include "util/base/list.h"
#include "util/io/buf.h"
#include "util/io/loop.h"
#include "util/io/sock.h"
#include "util/text/str.h"

struct conf;
struct conf_listener;
struct local;
struct server;
struct txn;

/* Longest command line with its CR LF: RFC 5321 4.5.3.1.4 asks for 512, and
 * parameters come on top: the longest are ORCPT with 507, NOTIFY with 29 (RFC
 * 3461 4) and ENVID with 307, all of whose characters may be coded. */
#define SESSION_LINE_MAX_BYTES 2048
/* Longest reply to one command, all its lines. */
#define SESSION_REPLY_MAX_BYTES 2048
/* Longest address of a client as text, with port or brackets, and a NUL. */
#define SESSION_CLIENT_MAX_BYTES 64

enum session_state {
	SS_GREETED, /* 220 sent; no HELO or EHLO yet */
	SS_READY,   /* introduced, no transaction */
	SS_SLOW,    /* MAIL is taken; its reply waits (back-pressure) */
	SS_MAIL,    /* sender known, no recipient yet */
	SS_RCPT,    /* one recipient at least */
	SS_DATA,    /* 354 sent, content arrives */
	SS_OWN,     /* content waits for a segment file of its own */
	SS_COMMIT,  /* the message is on its way to the disk */
	SS_LAST,    /* the last reply is out or on its way; nothing is read */
	SS_N
};

/* Others than session.c change nothing in here but helo, is_esmtp and txn, and
 * those from the commands. */
struct session {
	struct link link; /* of server->sessions */
	struct server *server;
	struct listener *listener;
	const struct conf *conf;            /* held */
	const struct conf_listener *limits; /* of conf, or of local */
	struct local *local;                /* NULL: not by a socket in run/ */
	struct txn *txn;                    /* NULL: no transaction */
	char *helo;                         /* NULL: not introduced */
	uint64_t id;                        /* counts up, for logs */
	int64_t opened_ms;
	uint32_t n_messages;
	uint32_t n_errors; /* since the last message */
	uint8_t state;     /* enum session_state */
	bool is_esmtp;     /* EHLO was said */
	bool may_relay;    /* to any domain */
	bool is_notice;    /* by run/notice */
	bool is_eof;       /* the client sends no more */
	struct client_key key;
	char client[SESSION_CLIENT_MAX_BYTES];  /* address and port */
	char literal[SESSION_CLIENT_MAX_BYTES]; /* [192.0.2.1] */
	struct watch watch;
	struct timer timer;
	struct buf in;  /* input that is not yet understood */
	struct buf out; /* replies that the client did not take yet */
};

/* What a new session comes with. */
struct session_start {
	struct listener *listener;
	const struct sock_addr *peer;
	int fd;
	uint32_t uid; /* of the client, on a socket in run/ */
};

/* Begins a session, which owns start->fd, and greets, or refuses with 421 if
 * the process is under pressure. It ends by itself. Without memory the
 * connection is closed at once. */
void session_new(struct server *server, const struct session_start *start);

/* Ends it now: the transaction is dropped, or goes on alone when it is on its
 * way to the disk. reason is for the log. */
void session_free(struct session **session, const char *reason);

/* Says 421 and ends once that is out; a transaction in hand is finished first.
 * For the end of the process. */
void session_stop(struct session *s);

/* Queues one reply line, or lines, without the last CR LF. Counts errors: with
 * too many the session is closed. text is at most SESSION_REPLY_MAX_BYTES. */
void session_reply(struct session *s, struct str text);
void session_replyf(struct session *s, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The same, and logs the refusal: limit is the parameter that binds, or what
 * is wrong. */
void session_refuse(
    struct session *s, const char *command, const char *limit, struct str text);

/* Refuses a command because of back-pressure, with the reason for it. */
void session_refuse_pressure(struct session *s, const char *command);

/* The reply is the last: what the client sends is no longer looked at. */
void session_close(struct session *s);

/* Moves it; a move that the table does not have is a bug. */
void session_move(struct session *s, enum session_state to);

/* The client has done something: its time begins anew. */
void session_touch(struct session *s);

/* Drops the transaction, if any, and goes back to before MAIL. */
void session_reset(struct session *s);

/* Goes on with what has come in meanwhile, after something that it waited for
 * is there. May free the session. */
void session_resume(struct session *s);

#endif /* SMTPD_SESSION_H */
