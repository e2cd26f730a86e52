/* SPDX-License-Identifier: BSD-2-Clause */
/* ehlo: what a server offers in its reply to EHLO (RFC 5321 4.1.1.1). */
#ifndef DELIVER_CORE_EHLO_H
#define DELIVER_CORE_EHLO_H

#include <stdint.h>

#include "util/mail/reply.h"

/* Extensions that we use; bits. */
enum {
	EHLO_PIPELINING = 1, /* RFC 2920 */
	EHLO_8BITMIME = 2,   /* RFC 6152 */
	EHLO_SMTPUTF8 = 4,   /* RFC 6531 */
	EHLO_SIZE = 8,       /* RFC 1870 */
	EHLO_DSN = 16,       /* RFC 3461 */
};

struct ehlo {
	uint8_t offers;      /* EHLO_ bits */
	uint64_t size_bytes; /* largest message; 0: it does not say */
};

/* Reads a 2xx reply to EHLO or LHLO. Words that are not known are passed over,
 * and so is a SIZE that is no number. */
void ehlo_read(struct ehlo *ehlo, const struct reply *reply);

#endif /* DELIVER_CORE_EHLO_H */
