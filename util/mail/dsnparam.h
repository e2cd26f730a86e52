/* SPDX-License-Identifier: BSD-2-Clause */
/* dsnparam: which notices a sender asks for, in SMTP parameters (RFC 3461). */
#ifndef UTIL_MAIL_DSNPARAM_H
#define UTIL_MAIL_DSNPARAM_H

#include <stdbool.h>
#include <stdint.h>

#include "util/base/err.h"
#include "util/text/str.h"

/* Longest list of NOTIFY. */
#define DSN_NOTIFY_MAX_BYTES 21

/* When the sender wants notices of a recipient (RFC 3461 4.1); bits. */
enum {
	NOTIFY_DEFAULT = 0, /* the client said nothing */
	NOTIFY_NEVER = 1,   /* stands alone */
	NOTIFY_SUCCESS = 2,
	NOTIFY_FAILURE = 4,
	NOTIFY_DELAY = 8,
	NOTIFY_ALL = 15,
};

/* What a notice returns of the message (RFC 3461 4.3). */
enum dsn_ret { RET_DEFAULT, RET_FULL, RET_HEADERS, RET_N };

/*
 * Reads the value of NOTIFY, in any case: a list, or NEVER.
 *
 * ERR_SYNTAX	an unknown or empty word
 * ERR_EXISTS	a word stands twice
 * ERR_DENIED	NEVER does not stand alone
 */
MUST_USE enum err dsn_parse_notify(struct str value, uint8_t *notify);

/* Appends the value that dsn_parse_notify() reads; nothing for NOTIFY_DEFAULT.
 * ERR_FULL below DSN_NOTIFY_MAX_BYTES of room. */
MUST_USE enum err dsn_put_notify(uint8_t notify, struct outbuf *out);

/* Reads the value of RET, in any case. ERR_SYNTAX: it is none. */
MUST_USE enum err dsn_parse_ret(struct str value, enum dsn_ret *ret);

/* "FULL" or "HDRS"; empty for RET_DEFAULT. */
struct str dsn_ret_text(enum dsn_ret ret);

/*
 * Checks the value of ENVID, as xtext_is_envid() does, and tells why not:
 *
 * ERR_NOTFOUND	it is empty
 * ERR_SYNTAX	it is not xtext
 * ERR_FULL	it stands for more than XTEXT_ENVID_MAX_BYTES
 * ERR_RANGE	it stands for bytes that are not printable ASCII
 */
MUST_USE enum err dsn_check_envid(struct str value);

/*
 * Checks the value of ORCPT, as xtext_parse_orcpt() does. Bytes above 127 need
 * a transaction with SMTPUTF8 (RFC 6533 3).
 *
 * ERR_PROTO	the address type is missing or not an atom
 * ERR_NOTFOUND	the address is empty
 * ERR_SYNTAX	the address is not coded as its type wants it
 * ERR_FULL	longer than XTEXT_ORCPT_MAX_BYTES
 * ERR_RANGE	it stands for bytes that are not printable
 */
MUST_USE enum err dsn_check_orcpt(struct str value, bool is_smtputf8);

#endif /* UTIL_MAIL_DSNPARAM_H */
