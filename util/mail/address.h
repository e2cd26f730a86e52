/* SPDX-License-Identifier: BSD-2-Clause */
/* address: mail addresses as the envelope has them (RFC 5321 4.1.2). */
#ifndef UTIL_MAIL_ADDRESS_H
#define UTIL_MAIL_ADDRESS_H

#include <stdbool.h>

#include "util/base/err.h"
#include "util/text/str.h"

/* Limits of RFC 5321 4.5.3.1; a path has its brackets and its route. */
#define ADDRESS_LOCAL_MAX_BYTES 64
#define ADDRESS_DOMAIN_MAX_BYTES 255
#define ADDRESS_PATH_MAX_BYTES 256
#define ADDRESS_MAX_BYTES (ADDRESS_PATH_MAX_BYTES - 2)

/* What is allowed beyond local@domain. */
enum {
	ADDRESS_NULL_OK = 1,       /* nothing: the reverse-path of bounces */
	ADDRESS_POSTMASTER_OK = 2, /* "postmaster" alone, in any case */
	ADDRESS_LOCAL_OK = 4,      /* any local part alone: command line */
	ADDRESS_UTF8_OK = 8,       /* UTF-8: SMTPUTF8 was asked for */
};

/* Views into what was parsed; unchanged, so quotes and case are kept. */
struct address {
	struct str whole;  /* local@domain, without brackets and route */
	struct str local;  /* empty for the null path alone */
	struct str domain; /* no dot at its end; empty: none was given */
	bool is_utf8;      /* holds bytes above 127 */
	bool is_literal;   /* domain is [1.2.3.4] or [IPv6:...] */
};

/*
 * Parses the path that in begins with, brackets included; advances in past
 * the ">". A source route is checked and dropped (RFC 5321 C).
 *
 * ERR_SYNTAX	not a path, or one that flags do not allow
 * ERR_RANGE	longer than the limits above
 * ERR_DENIED	well formed, but UTF-8 without ADDRESS_UTF8_OK
 *
 * On error in is as before. An underscore is taken in a domain: such names
 * are in use, against RFC 1123 2.1.
 */
MUST_USE enum err address_parse_path(
    struct address *a, struct str *in, unsigned flags);

/* Parses all of s as an address without brackets; else as above. */
MUST_USE enum err address_parse(
    struct address *a, struct str s, unsigned flags);

/* Appends the form of a domain that names its queue: ASCII in lower case,
 * UTF-8 as it is, no dot at the end. ERR_FULL if it does not fit: then out is
 * as before. */
MUST_USE enum err address_domain_key(struct str domain, struct outbuf *out);

#endif /* UTIL_MAIL_ADDRESS_H */
