/* SPDX-License-Identifier: BSD-2-Clause */
/* dotsend: puts message content into the DATA coding (RFC 5321 4.5.2). */
#ifndef UTIL_MAIL_DOTSEND_H
#define UTIL_MAIL_DOTSEND_H

#include <stdint.h>

#include "util/base/err.h"
#include "util/text/str.h"

/* Room in the output that dotsend_encode and dotsend_end always find enough
 * to go on. */
#define DOTSEND_ROOM_BYTES 5

/* Encoder for one message; embedded, no _fini. Nobody reads its field. */
struct dotsend {
	uint8_t state;
};

/* Begins a message: call after the 354 reply. */
void dotsend_init(struct dotsend *ds);

/*
 * Encodes as much of in as there is room for: advances in, appends to out.
 * Lines of the content end in CR LF. A stray LF goes through as it is, but a
 * dot behind it is doubled, so that it can end nothing anywhere.
 *
 * ERR_OK	all of in is taken
 * ERR_FULL	out is full: empty it, call again
 */
MUST_USE enum err dotsend_encode(
    struct dotsend *ds, struct str *in, struct outbuf *out);

/* Appends the end of data, and first a CR LF if the content lacks its last.
 * ERR_FULL: less than DOTSEND_ROOM_BYTES left, and nothing was written. */
MUST_USE enum err dotsend_end(struct dotsend *ds, struct outbuf *out);

#endif /* UTIL_MAIL_DOTSEND_H */
