/* SPDX-License-Identifier: BSD-2-Clause */
/* letter: the envelope and the header section that local mail is sent with. */
#ifndef CTL_CORE_LETTER_H
#define CTL_CORE_LETTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/base/arena.h"
#include "util/base/err.h"
#include "util/mail/address.h"
#include "util/text/str.h"

/* Most recipients, of the command line and the header together. */
#define LETTER_RCPTS_MAX 10000

/* Longest full name that is used. */
#define LETTER_NAME_MAX_BYTES 256

/* Room that the header section needs beyond its own length. */
#define LETTER_ROOM_BYTES 4096

/* What is known besides the text; borrowed as long as the letter lives. */
struct letter_conf {
	struct str node;      /* what addresses without domain belong to */
	struct str user;      /* login name of the sender */
	struct str full_name; /* may be empty */
	int64_t now_ms;       /* wall clock */
	uint64_t random;      /* for the Message-ID */
};

/* A letter being made; embedded. Others read the first group of fields. */
struct letter {
	struct str sender;       /* empty: the null path */
	const struct str *rcpts; /* each with its domain, none twice */
	size_t n_rcpts;
	bool is_utf8; /* an address, or the header section, is not ASCII */
	struct str culprit; /* what an error is about */

	const struct letter_conf *conf;
	struct str *list;
	struct arena arena;
};

/* Begins one from user@node. letter_fini() in every case. ERR_FULL: no memory.
 */
MUST_USE enum err letter_init(struct letter *l, const struct letter_conf *conf);
void letter_fini(struct letter *l);

/*
 * The sender that was given (sendmail -f): "ann", "ann@example.org", "Ann
 * <ann@example.org>"; "" and "<>" are the null path.
 *
 * ERR_SYNTAX	it is not one address; see culprit
 * ERR_RANGE	it is too long for one; likewise
 * ERR_FULL	no memory
 */
MUST_USE enum err letter_set_sender(struct letter *l, struct str text);

/* Adds the recipients of a list of addresses; one that is there already is
 * passed over. Errors as above; ERR_FULL: more than LETTER_RCPTS_MAX. */
MUST_USE enum err letter_add_rcpts(struct letter *l, struct str list);

/*
 * Adds the recipients that the header section names: in Resent-To, Resent-Cc
 * and Resent-Bcc where there are Resent- fields, else in To, Cc and Bcc.
 * content begins with the section. Errors as above.
 */
MUST_USE enum err letter_add_header_rcpts(struct letter *l, struct str content);

/*
 * Appends the header section as it is sent, with the empty line behind it:
 * without mbox's From line, Bcc, Return-Path and Content-Length, and with From,
 * Date and Message-ID where they are missing (their Resent- kin where there are
 * Resent- fields). *content, which begins with the section, advances past it.
 * Called when sender and recipients are known.
 *
 * ERR_RANGE	the section has no end within content, and is_whole is false
 * ERR_FULL	out has less room than the section and LETTER_ROOM_BYTES
 */
MUST_USE enum err letter_put_header(
    struct letter *l, struct str *content, bool is_whole, struct outbuf *out);

#endif /* CTL_CORE_LETTER_H */
