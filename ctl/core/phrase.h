/* SPDX-License-Identifier: BSD-2-Clause */
/* phrase: a person's name as it may stand before an address in From. */
#ifndef CTL_CORE_PHRASE_H
#define CTL_CORE_PHRASE_H

#include "util/base/err.h"
#include "util/text/str.h"

/*
 * Appends name as a phrase (RFC 5322 3.2.5): as it is where it may be, quoted
 * where it has special characters, encoded where it is not ASCII (RFC 2047).
 * Control characters, and bytes that are no UTF-8, become "?". Nothing is
 * appended for an empty name.
 *
 * ERR_FULL	no room; out is as before
 */
MUST_USE enum err phrase_put(struct outbuf *out, struct str name);

#endif /* CTL_CORE_PHRASE_H */
