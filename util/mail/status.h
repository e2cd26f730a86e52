/* SPDX-License-Identifier: BSD-2-Clause */
/* status: enhanced status codes such as 5.1.1 (RFC 3463). */
#ifndef UTIL_MAIL_STATUS_H
#define UTIL_MAIL_STATUS_H

#include <stdint.h>

#include "util/base/err.h"
#include "util/text/str.h"

/* Longest text of a code: "5.999.999". */
#define STATUS_TEXT_MAX_BYTES 9

struct status {
	uint8_t klass;    /* 2, 4 or 5; 0: no code */
	uint16_t subject; /* 0 to 999 */
	uint16_t detail;  /* 0 to 999 */
};

/* Parses the code that in begins with; advances in past it and the blank
 * behind it. ERR_SYNTAX: there is none, or it goes on without a blank; then in
 * is as before, and st is all 0. */
MUST_USE enum err status_parse(struct status *st, struct str *in);

/* Appends the code; nothing for class 0. ERR_FULL if it does not fit. */
MUST_USE enum err status_put(const struct status *st, struct outbuf *out);

#endif /* UTIL_MAIL_STATUS_H */
