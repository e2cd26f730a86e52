/* SPDX-License-Identifier: BSD-2-Clause */
/* xtext: the coding of DSN parameters (RFC 3461 4, RFC 6533 3). */
#ifndef UTIL_MAIL_XTEXT_H
#define UTIL_MAIL_XTEXT_H

#include <stdbool.h>

#include "util/base/err.h"
#include "util/text/str.h"

/* Bounds of RFC 3461 4.2 and 4.4: of ORCPT as it is written, and of ENVID
 * without its coding. */
#define XTEXT_ORCPT_MAX_BYTES 500
#define XTEXT_ENVID_MAX_BYTES 100

/* Most bytes that one byte becomes: "+2B", and as utf-8 "\x{2B}". */
#define XTEXT_GROWTH 3
#define XTEXT_UTF8_GROWTH 6

/*
 * In all of these out is as before where the result is not ERR_OK.
 *
 * ERR_SYNTAX	s is not of that form
 * ERR_FULL	no room
 */

/* Appends what xtext stands for: any bytes, also controls. It is at most as
 * long as s. */
MUST_USE enum err xtext_decode(struct str s, struct outbuf *out);

/* Appends s, any bytes, as xtext: XTEXT_GROWTH * s.len at most. */
MUST_USE enum err xtext_encode(struct str s, struct outbuf *out);

/* Appends the characters that an address of type utf-8 stands for: printable
 * ASCII and UTF-8, in which "\x{E9}" is a character. At most as long as s. */
MUST_USE enum err xtext_decode_utf8(struct str s, struct outbuf *out);

/* Appends s, characters in UTF-8, as such an address that is ASCII:
 * XTEXT_UTF8_GROWTH * s.len at most. */
MUST_USE enum err xtext_encode_utf8(struct str s, struct outbuf *out);

/* Parts of an ORCPT parameter; views into it. */
struct xtext_orcpt {
	struct str type; /* an atom: "rfc822" */
	struct str text; /* the address, still coded */
	bool is_utf8;    /* by which of the two codings: the type is "utf-8" */
};

/* Takes the parameter apart and checks it. ERR_SYNTAX: type, semicolon or
 * address are missing, malformed or too long, or the address stands for
 * controls, or without being utf-8 for bytes above 127. */
MUST_USE enum err xtext_parse_orcpt(struct xtext_orcpt *o, struct str s);

/* True for xtext of at most XTEXT_ENVID_MAX_BYTES that decodes to printable
 * ASCII, and to something. */
bool xtext_is_envid(struct str s);

#endif /* UTIL_MAIL_XTEXT_H */
