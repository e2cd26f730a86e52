/* SPDX-License-Identifier: BSD-2-Clause */
/* commands: MAIL, RCPT and DATA of a transaction, as bytes. */
#ifndef DELIVER_COMMANDS_H
#define DELIVER_COMMANDS_H

#include <stddef.h>

#include "util/base/err.h"
#include "util/io/buf.h"

struct ehlo;
struct txn;

/* Most bytes that all of these together take for t. */
size_t commands_bytes(const struct txn *t);

/* Each appends one command to out. MAIL has the parameters that the server
 * offers, and RCPT too; that is of the next recipient. ERR_FULL: no memory. */
MUST_USE enum err commands_put_mail(
    const struct txn *t, const struct ehlo *ehlo, struct buf *out);
MUST_USE enum err commands_put_rcpt(
    struct txn *t, const struct ehlo *ehlo, struct buf *out);
MUST_USE enum err commands_put_data(struct buf *out);

#endif /* DELIVER_COMMANDS_H */
