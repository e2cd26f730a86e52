/* SPDX-License-Identifier: BSD-2-Clause */
/* reply: SMTP replies as a client reads them (RFC 5321 4.2). */
#ifndef UTIL_MAIL_REPLY_H
#define UTIL_MAIL_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "util/base/err.h"
#include "util/mail/status.h"
#include "util/text/str.h"

/* Longest reply, all its lines and their ends together. */
#define REPLY_MAX_BYTES 8192

struct reply {
	uint16_t code;          /* 200 to 599 */
	struct status enhanced; /* of the first line; class 0: none */
	struct str raw;         /* all lines, as they came */
};

/*
 * Parses the reply to one command; advances in past it. A line may end in LF
 * alone and have no text, as some servers write them.
 *
 * ERR_AGAIN	the last line is not here yet; in is as before: call again with
 *		the same bytes and more
 * ERR_SYNTAX	not a reply: no code of 200 to 599, a stray byte behind it, or
 *		codes that differ between lines
 * ERR_FULL	more than REPLY_MAX_BYTES; close the session
 *
 * reply->raw is a view into in's buffer: dup what must outlive it. An enhanced
 * code whose class is not the code's first digit is text, not a code.
 */
MUST_USE enum err reply_parse(struct reply *reply, struct str *in);

/* Takes the next line off rest, which begins as reply->raw: text is what is
 * behind the code and its blank or dash (an EHLO keyword with its arguments),
 * trimmed. False: there is none left. */
bool reply_next_text(struct str *rest, struct str *text);

/* Appends the text of all lines, joined by blanks, without code, and without
 * enhanced code where it is reply->enhanced. REPLY_MAX_BYTES are always room
 * enough. ERR_FULL: what fits was written. */
MUST_USE enum err reply_put_text(const struct reply *reply, struct outbuf *out);

/* Appends the reply as one line: code, enhanced code if any, text; without a
 * line end. What rules match, and logs show. Room and ERR_FULL as above. */
MUST_USE enum err reply_put_line(const struct reply *reply, struct outbuf *out);

/* What a code means, in a few words (RFC 5321 4.2.3): for those who have only
 * the code. Never NULL. */
const char *reply_code_text(unsigned code);

#endif /* UTIL_MAIL_REPLY_H */
