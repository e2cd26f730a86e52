/* SPDX-License-Identifier: BSD-2-Clause */
/* tell: what happened, as text: for results, reports and the log. */
#ifndef DELIVER_TELL_H
#define DELIVER_TELL_H

#include "util/base/err.h"
#include "util/mail/outcome.h"
#include "util/mail/reply.h"
#include "util/text/str.h"

struct conn;
struct input;
struct lease;
struct txn;

/* The reply as one line, or the stage and what came instead of one ("MAIL:
 * connection closed"). Until the next call. */
struct str tell_input(const struct conn *c, const struct input *in);

/* A copy of the reply as one line, cut to what events keep of it, that lives as
 * long as t; empty when there is no room. */
struct str tell_keep_reply(struct txn *t, const struct reply *reply);

/* The same of a text; for a doubtful one it says so. */
struct str tell_keep_text(struct txn *t, struct str text);

/* Gives the lease of t its result, and logs it. For OUTCOME_TRIED all its
 * recipients are decided. */
void tell_result(struct conn *c, struct txn *t, enum outcome outcome);

/* The same for a record that could not be loaded. */
void tell_unloaded(struct conn *c, struct txn *t, enum err why);

/* Logs that the lease's record is not as it was written. */
void tell_bad_record(const struct lease *l, const char *fault);

#endif /* DELIVER_TELL_H */
