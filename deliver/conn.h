/* SPDX-License-Identifier: BSD-2-Clause */
/* conn: one connection to a host of a route: opened, used, closed. The way to
 * the host that takes mail is in opening.c. */
#ifndef DELIVER_CONN_H
#define DELIVER_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "deliver/core/verdict.h"
#include "util/base/err.h"
#include "util/mail/outcome.h"
#include "util/mail/reply.h"
#include "util/proto/messages.h"
#include "util/text/str.h"

struct conn;
struct deliver;
struct lease;

void conn_init_all(struct deliver *d);
void conn_fini_all(struct deliver *d);

/*
 * Begins to open a connection; CONN_UP or CONN_DOWN follows.
 *
 * ERR_SYNTAX, ERR_RANGE	the list of hosts is malformed
 * ERR_PROTO			the number is in use
 */
MUST_USE enum err conn_open(struct deliver *d, const struct msg_conn_open *m);

/* The connection of that number, or NULL: it never was, or is gone. */
struct conn *conn_find(const struct deliver *d, uint32_t number);

/* Gives a lease to its connection; one that has none is returned. */
void conn_give(struct deliver *d, struct lease *l);

/* Ends it when nothing is in hand. */
void conn_close(struct conn *c);

/* To stop: as conn_close for all, and what was not begun is returned. */
void conn_close_all(struct deliver *d);

/* Tells a new qmgr of the connections that take mail. */
void conn_tell_held(struct deliver *d);

/* Ends those that were never greeted, without a word. */
void conn_drop_opening(struct deliver *d);

/* Ends it now, with a reset; text says why, for the log. */
void conn_break_off(struct conn *c, const char *text);

/* --- for wire.c ----------------------------------------------------------- */

/* What came: a reply; the end of connecting; or something else, with its text
 * ("connection closed"). c may be GONE, or at another host, afterwards. */
void conn_reply(struct conn *c, const struct reply *reply);
void conn_connected(struct conn *c);
void conn_fail(struct conn *c, enum answer answer, const char *text);

/* --- for txn.c ------------------------------------------------------------ */

/* Why a connection ends. */
struct conn_end {
	enum conn_why why;
	enum smtp_stage stage;
	uint16_t code;
	uint32_t wait_ms;
	struct str text;
	bool is_late;  /* the peer went silent */
	bool is_reset; /* not in order: with RST instead of FIN */
};

/* Ends it now. What is in hand is given back or deferred, and told first. */
void conn_down(struct conn *c, const struct conn_end *end);

/* The transaction is over, the connection is fit for another one; or, after
 * needs_rset, will be. */
void conn_txn_over(struct conn *c, bool needs_rset);

/* The host is lost before a message was begun: whether another one may be
 * tried in its place. */
bool conn_can_move(const struct conn *c);

/* Goes on to the next host, with the leases that wait; after the last one the
 * connection ends, for the most telling reason of all. end: what became of
 * this one; its why is not read. */
void conn_try_next(struct conn *c, struct conn_end *end);

/* Moves the deadline: the reply or progress of this stage is due. */
void conn_await(struct conn *c, enum smtp_stage stage);

/* The attempt has its time from now on (Q12). */
void conn_begin_attempt(struct conn *c);

/* Where the connection is, for replies and reports. */
enum smtp_stage conn_stage(const struct conn *c);

#endif /* DELIVER_CONN_H */
