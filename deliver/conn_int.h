/* SPDX-License-Identifier: BSD-2-Clause */
/* conn_int: a connection, as conn.c and opening.c share it. */
#ifndef DELIVER_CONN_INT_H
#define DELIVER_CONN_INT_H

#include "deliver/conn.h"
#include "deliver/deliver_int.h"

/* --- conn.c --------------------------------------------------------------- */

/* Changes the state, and waits for what is due in it. */
void conn_move(struct conn *c, enum conn_state to);

/* Appends to the output; without memory for it the connection ends. */
void conn_say(struct conn *c, struct str text);

/* The same, when it has turned out that there is none. */
void conn_no_memory(struct conn *c);

/* Fit for a message: takes the next lease, or waits for one. */
void conn_go_on(struct conn *c);

/* A timer's call-back: what was due did not come. */
void conn_late(void *arg);

/* --- opening.c ------------------------------------------------------------ */

/* Says EHLO, LHLO to an LMTP server; then HELO. */
void opening_greet(struct conn *c);
void opening_greet_old(struct conn *c);

/* The host takes mail. reply: to the greeting, or NULL. */
void opening_up(struct conn *c, const struct reply *reply);

/* This host is no good: the next one, or the end. */
void opening_fail(struct conn *c, const struct input *in);

#endif /* DELIVER_CONN_INT_H */
