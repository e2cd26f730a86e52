/* SPDX-License-Identifier: BSD-2-Clause */
/* txn: one mail transaction: MAIL, RCPT, DATA, content, dot. */
#ifndef DELIVER_TXN_H
#define DELIVER_TXN_H

#include "util/mail/outcome.h"

struct conn;
struct conn_end;
struct deliver;
struct input;
struct txn;

/* Begins waiting leases of c, as far as it can: one when there is none, and
 * one more behind the dot of that. Commands are put into c->out. Leases that
 * cannot be sent get their result. */
void txn_begin_more(struct conn *c);

/* Something came for the transaction whose turn it is: c->txn. */
void txn_input(struct conn *c, const struct input *in);

/* c->has_content, and there is room for more of it. */
void txn_put_content(struct conn *c);

/* The dot is written. */
void txn_dot_is_out(struct conn *c);

/* The connection has ended: all its transactions get their results. */
void txn_lost(struct conn *c, const struct conn_end *end);

/* Stage of c->txn. */
enum smtp_stage txn_stage(const struct txn *t);

void txn_fini_all(struct deliver *d);

#endif /* DELIVER_TXN_H */
