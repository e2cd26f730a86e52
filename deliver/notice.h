/* SPDX-License-Identifier: BSD-2-Clause */
/* notice: transactions that tell a sender what became of a message. */
#ifndef DELIVER_NOTICE_H
#define DELIVER_NOTICE_H

#include <stdbool.h>

#include "util/base/err.h"
#include "util/mail/outcome.h"

struct conn;
struct envelope;
struct txn;

/* Whether t's lease is one of a notice. */
bool notice_is(const struct txn *t);

/*
 * Makes t, whose record and envelope are loaded, the transaction of the notice
 * that its lease asks for: from the null path to the sender, with the notice as
 * content. t->n is 0 where nobody wants to hear.
 *
 * ERR_SYNTAX	the record has no such part, or its content is damaged
 * ERR_IO	not readable now
 * ERR_FULL	no memory
 */
MUST_USE enum err notice_load(
    const struct conn *c, struct txn *t, const struct envelope *env);

/* Gives the lease of t its result, and logs it. What was taken is OUTCOME_TOLD,
 * as is what nobody wants to hear. */
void notice_tell(struct conn *c, struct txn *t, enum outcome outcome);

#endif /* DELIVER_NOTICE_H */
