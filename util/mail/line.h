/* SPDX-License-Identifier: BSD-2-Clause */
/* line: command lines out of a stream: CR LF ends one, nothing else does. */
#ifndef UTIL_MAIL_LINE_H
#define UTIL_MAIL_LINE_H

#include <stdint.h>

#include "util/base/err.h"
#include "util/text/str.h"

/* Why there is no line. */
enum line_fault {
	LINE_FINE,
	LINE_BARE_CR,
	LINE_BARE_LF,
	LINE_NUL,
	LINE_LONG,
};

/*
 * Takes the next line off in; *line is a view of it, without its CR LF.
 * max_bytes counts the CR LF and is above 2.
 *
 * ERR_AGAIN	no line end yet; call again with the same bytes and more
 * ERR_SYNTAX	bare CR, bare LF or NUL: *fault says which
 * ERR_RANGE	longer than max_bytes: *fault is LINE_LONG
 *
 * in advances with ERR_OK alone. What follows a fault has no known beginning:
 * close the session once the reply is out.
 */
MUST_USE enum err line_next(struct str *in, uint32_t max_bytes,
    struct str *line, enum line_fault *fault);

/* English for a fault, in static storage; for the reply text and the log. */
const char *line_fault_text(enum line_fault fault);

#endif /* UTIL_MAIL_LINE_H */
