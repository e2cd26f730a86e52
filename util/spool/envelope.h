/* SPDX-License-Identifier: BSD-2-Clause */
/* envelope: who a message is from and for, as it lies in a record. */
#ifndef UTIL_SPOOL_ENVELOPE_H
#define UTIL_SPOOL_ENVELOPE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/base/err.h"
#include "util/mail/dsnparam.h"
#include "util/mail/part.h"
#include "util/text/str.h"

/* Bounds of the format (docs/design.md 16.1); what a client may send is
 * smtpd's to limit, and less. */
#define ENVELOPE_MAX_BYTES (4u << 20)
#define ENVELOPE_PARTS_MAX 65535    /* numbers 0 to 65534 */
#define ENVELOPE_NAME_MAX_BYTES 255 /* domain, tenant, campaign */
#define ENVELOPE_ADDRESS_MAX_BYTES 1024
#define ENVELOPE_TEXT_MAX_BYTES 512 /* client, HELO, AUTH, TLS, ... */
#define ENVELOPE_HASH_MAX_BYTES 64
#define ENVELOPE_HASHES_MAX 16

/* Bytes that each field takes besides its texts, at most. */
#define ENVELOPE_FIELD_BYTES 16

/* The single fields; empty means absent, but for sender. */
struct envelope_texts {
	struct str tenant;
	struct str campaign;
	struct str sender; /* without brackets; empty: the null path */
	struct str client; /* "192.0.2.1:4711", or of a Unix socket */
	struct str helo;
	struct str auth;     /* authenticated identity */
	struct str tls;      /* version and cipher */
	struct str protocol; /* "ESMTP" and its kin, for Received and logs */
	struct str envid;    /* RFC 3461 4.4, as the client wrote it */
	enum dsn_ret ret;
};

struct envelope_part {
	uint16_t number;
	uint16_t n_rcpts;  /* 1 to PART_RCPTS_MAX */
	struct str domain; /* lower case, never empty */
};

struct envelope_rcpt {
	uint16_t part;
	uint16_t index; /* within the part, from 0: its standing's place */
	uint8_t notify; /* NOTIFY_ bits */
	struct str address;
	struct str orcpt; /* "rfc822;..." as the client wrote it, or empty */
};

/* DKIM's hash of the body under one canonicalisation. */
struct envelope_hash {
	struct str name; /* "relaxed/sha256" */
	struct str hash; /* raw bytes */
};

/* --- building ------------------------------------------------------------- */

/*
 * Each appends one field to out. The order is: all parts by number, the texts,
 * all recipients by part, hashes. So an envelope is written in one pass over
 * recipients that are sorted by part.
 *
 * ERR_FULL	no room; out is as before
 * ERR_RANGE	a text or number is outside the bounds above; out as before
 * ERR_SYNTAX	a text holds CR, LF or NUL: it would break out of a command
 *		line later; out as before
 *
 * part->number and rcpt->index are not checked here: envelope_parse() does.
 */
MUST_USE enum err envelope_put_part(
    struct outbuf *out, const struct envelope_part *part);
MUST_USE enum err envelope_put_texts(
    struct outbuf *out, const struct envelope_texts *texts);
MUST_USE enum err envelope_put_rcpt(
    struct outbuf *out, const struct envelope_rcpt *rcpt);
MUST_USE enum err envelope_put_hash(
    struct outbuf *out, const struct envelope_hash *hash);

/* --- reading -------------------------------------------------------------- */

/* A decoded envelope: all views are into the bytes that were parsed. */
struct envelope {
	struct envelope_texts texts;
	struct str bytes;
	uint32_t n_parts; /* 1 to ENVELOPE_PARTS_MAX */
	uint32_t n_rcpts; /* of all parts */
	uint32_t n_hashes;
};

/* Goes over the fields of one kind. Others read nothing of it. */
struct envelope_iter {
	struct str left;
	uint32_t part;  /* of the last recipient */
	uint16_t index; /* of the next one in that part */
};

/*
 * Checks all of bytes, once: lengths and bounds; parts numbered from 0 without
 * a hole and before all else; a sender; recipients in order of part, as many
 * for each as it says; no field twice that stands once. Unknown fields are
 * passed over.
 *
 * ERR_SYNTAX	it is not so; *env is then undefined
 */
MUST_USE enum err envelope_parse(struct envelope *env, struct str bytes);

/* Begins at the first field of a parsed envelope. */
void envelope_iter_init(struct envelope_iter *it, const struct envelope *env);

/* The next part, recipient or hash; false: that was all. One iterator goes
 * over one kind. */
bool envelope_next_part(struct envelope_iter *it, struct envelope_part *part);
bool envelope_next_rcpt(struct envelope_iter *it, struct envelope_rcpt *rcpt);
bool envelope_next_hash(struct envelope_iter *it, struct envelope_hash *hash);

/* Finds part number; false: there is none. */
bool envelope_find_part(
    const struct envelope *env, uint16_t number, struct envelope_part *part);

#endif /* UTIL_SPOOL_ENVELOPE_H */
