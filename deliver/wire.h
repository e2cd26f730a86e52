/* SPDX-License-Identifier: BSD-2-Clause */
/* wire: the socket of a connection: bytes in, bytes out. */
#ifndef DELIVER_WIRE_H
#define DELIVER_WIRE_H

#include <stdbool.h>

#include "deliver/body.h"
#include "util/mail/reply.h"

struct conn;

/* What came of a reply, and one read more. */
#define WIRE_IN_MAX_BYTES (2 * REPLY_MAX_BYTES)
/* A step of content with its dot, and the commands of a transaction behind it,
 * which take a little over 2 KiB for each of 256 recipients at most; doubled by
 * growth. */
#define WIRE_OUT_MAX_BYTES (BODY_ROOM_BYTES + (1200u << 10))

/* Begins to connect to c->address: conn_connected() or conn_fail() follows.
 * Returns NULL, or why not, in static storage. */
const char *wire_connect(struct conn *c);

/* Closes the socket if there is one; what waits to be written is dropped.
 * is_reset: with RST, so that the peer takes nothing for an end. */
void wire_close(struct conn *c, bool is_reset);

/* Writes what waits, and content behind it, as far as the socket takes it.
 * Called at the end of all that puts bytes into c->out; c may be GONE. */
void wire_flush(struct conn *c);

#endif /* DELIVER_WIRE_H */
