/* SPDX-License-Identifier: BSD-2-Clause */
/* data: the content of a session's message, from the 354 to its reply. */
#ifndef SMTPD_DATA_H
#define SMTPD_DATA_H

#include <stdbool.h>

#include "util/base/err.h"
#include "util/text/str.h"

struct session;
struct txn;

/* Begins to take content in: after the 354. False: no memory. */
bool data_begin(struct session *s);

/* Takes in what it can of in; at its end the message is on its way, or is
 * refused. False: it needs more, or waits. */
bool data_feed(struct session *s, struct str *in);

/* The session ends: what has come is forgotten, and the log says so. */
void data_lose(struct session *s);

/* What became of a transaction: for commit->done. */
void data_done(struct txn *txn, enum err err);

#endif /* SMTPD_DATA_H */
