/* SPDX-License-Identifier: BSD-2-Clause */
/* dsn: writes what a sender is told of a message (RFC 3464, RFC 6533). */
#ifndef DELIVER_CORE_DSN_H
#define DELIVER_CORE_DSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/base/err.h"
#include "util/mail/outcome.h"
#include "util/mail/qid.h"
#include "util/text/str.h"

/* Most bytes of the original's header section that are returned, where it is
 * not returned whole. */
#define DSN_HEADERS_MAX_BYTES 65536

/* What the sender wants to hear of a recipient; bits. */
enum {
	DSN_WANTS_FAILURE = 1,
	DSN_WANTS_SUCCESS = 2,
};

/* A recipient; views are borrowed. */
struct dsn_rcpt {
	struct str address;
	struct str orcpt; /* as the client wrote it (RFC 3461 4.2), or empty */
	uint16_t n;       /* within the part */
	uint8_t wants;    /* DSN_WANTS_ bits; a delay is wanted by each */
};

/* All that a notice is made of; views are borrowed. Whatever they hold, a
 * notice comes of it: they are foreign. */
struct dsn {
	enum notice_kind kind; /* FINAL or DELAY */
	struct str node;
	struct str sender; /* whom it is for; never empty */
	struct str envid;  /* as the client wrote it (RFC 3461 4.4), or empty */
	struct qid qid;    /* of the original */
	const struct dsn_rcpt *rcpts; /* those that may have to be told */
	uint32_t n_rcpts;
	struct str facts;   /* of the last result: see facts.h */
	struct str reason;  /* what holds it up, or why it is given up */
	struct str content; /* of the original: all, or its beginning */
	bool has_all;       /* content is all */
	bool wants_full;    /* all of it may go back with a failure */
	bool is_utf8;       /* SMTPUTF8 was asked for */
	int64_t now_ms;     /* these are wall clock */
	int64_t arrival_ms;
	int64_t tried_ms;   /* last try; 0: not known */
	int64_t expires_ms; /* end of its life; 0: not known */
	uint64_t random[2];
};

/* Room that the notice of n takes at most: a little and the content, or
 * DSN_HEADERS_MAX_BYTES of it, besides its recipients. */
size_t dsn_bytes(const struct dsn *n);

/*
 * Appends the notice, a multipart/report with CR LF at all line ends and no
 * line longer than 998 bytes. *is_8bit: it holds bytes above 127.
 *
 * ERR_NOTFOUND	nobody wants to hear of what became of any recipient
 * ERR_FULL	no room: out has less than dsn_bytes(), or no memory; out is
 *		as before
 */
MUST_USE enum err dsn_write(
    const struct dsn *n, struct outbuf *out, bool *is_8bit);

#endif /* DELIVER_CORE_DSN_H */
