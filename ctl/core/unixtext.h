/* SPDX-License-Identifier: BSD-2-Clause */
/* unixtext: text as programs of this machine write it, made into content. */
#ifndef CTL_CORE_UNIXTEXT_H
#define CTL_CORE_UNIXTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "util/base/err.h"
#include "util/text/str.h"

/* Room in the output that is always enough to go on. */
#define UNIXTEXT_ROOM_BYTES 3

/* Decoder of one message; embedded, no _fini. Nobody reads its fields. */
struct unixtext {
	bool keeps_dots;
	uint8_t state;
};

/* Begins a message. keeps_dots: a dot alone on its line is text, and does not
 * end the message (sendmail -i). */
void unixtext_init(struct unixtext *t, bool keeps_dots);

/*
 * Decodes as much of in as there is room for: advances in, appends to out.
 * Lines of the input end in LF or CR LF, those of out in CR LF; what out may
 * not hold, CR alone and NUL, becomes a blank.
 *
 * ERR_OK	a dot alone was seen: the rest of the input is no part of it
 * ERR_AGAIN	all of in is taken
 * ERR_FULL	out has less than UNIXTEXT_ROOM_BYTES left: empty it, call again
 */
MUST_USE enum err unixtext_decode(
    struct unixtext *t, struct str *in, struct outbuf *out);

/* The input has ended: ends its last line. ERR_FULL: out has less than
 * UNIXTEXT_ROOM_BYTES left, and nothing was written. */
MUST_USE enum err unixtext_end(struct unixtext *t, struct outbuf *out);

#endif /* CTL_CORE_UNIXTEXT_H */
