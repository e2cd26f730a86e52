/* SPDX-License-Identifier: BSD-2-Clause */
/* txn: one mail transaction, from MAIL to the reply to its content. */
#ifndef SMTPD_TXN_H
#define SMTPD_TXN_H

#include <stdbool.h>
#include <stdint.h>

#include "smtpd/content.h"
#include "smtpd/own.h"
#include "util/base/arena.h"
#include "util/base/list.h"
#include "util/mail/address.h"
#include "util/mail/qid.h"
#include "util/spool/envelope.h"
#include "util/spool/segment.h"
#include "util/text/str.h"

struct commit;
struct server;
struct session;

/* Longest Received field, with its CR LF and one more behind it. */
#define TXN_RECEIVED_MAX_BYTES 1536

struct txn_rcpt {
	struct str address;
	struct str domain; /* of its queue */
	struct str orcpt;  /* empty: none */
	uint32_t order;    /* of arrival, from 0 */
	uint16_t part;     /* by txn_close() */
	uint16_t index;    /* within the part */
	uint8_t notify;
};

/* Lives as long as its session wants it, and longer while it is on its way to
 * the disk. */
struct txn {
	struct link link;        /* of commit's lists */
	struct session *session; /* NULL: the client has gone */
	struct server *server;
	struct arena arena;
	int64_t begun_ms; /* boot time */

	struct str sender; /* empty: the null path */
	struct str envid;  /* empty: none */
	enum dsn_ret ret;
	uint64_t declared_bytes;
	uint16_t flags; /* RECORD_ bits but for those of the content */

	struct txn_rcpt *rcpts; /* by arrival; by part after txn_close() */
	uint32_t n_rcpts;
	uint32_t rcpts_cap;
	size_t envelope_bytes; /* at most, as far as known */

	struct content *content;  /* from DATA on */
	int64_t content_ms;       /* deadline of all of it; boot time */
	uint64_t progress_bytes;  /* content when its deadline last moved */
	struct own_wait own_wait; /* for a file of its own */
	struct own_finish finish; /* of that */
	struct commit *commit;    /* while finish is under way */
	struct qid qid;           /* zero: none yet */
	struct str received;      /* field that goes before the content */
	struct str tenant, campaign;

	char *front; /* RECORD_HEAD_BYTES and the envelope, by txn_close() */
	uint32_t n_parts;
	struct segment_record record;
	uint64_t segment; /* where it lies */
};

/* Begins a transaction of s; n_rcpts bounds its memory. NULL: no memory. */
struct txn *txn_new(struct session *s, uint32_t max_rcpts);

/* Drops it: its content is forgotten. Not while it is in commit's hands. */
void txn_free(struct txn **txn);

/* Sets the sender, and his name for the transaction. ERR_FULL: no memory. */
MUST_USE enum err txn_set_sender(
    struct txn *txn, struct str sender, struct str envid);

/*
 * Adds a copy of a recipient: address, domain, orcpt and notify are set.
 *
 * ERR_FULL	no memory, or the envelope would exceed ENVELOPE_MAX_BYTES
 */
MUST_USE enum err txn_add_rcpt(struct txn *txn, const struct txn_rcpt *rcpt);

/* Texts of the envelope, besides sender and tags. */
struct txn_origin {
	struct str client;
	struct str helo;
	struct str auth; /* empty: nobody in particular */
	struct str protocol;
};

/* Numbers the parts, reads the tags, and builds the envelope: the content has
 * ended. ERR_FULL: no memory. */
MUST_USE enum err txn_close(struct txn *txn, const struct txn_origin *origin);

/* Gives it a queue id, and the Received field that names it. */
struct txn_stamp {
	struct qid qid;
	int64_t wall_ms;
	struct str node;
	struct str from;            /* name of the client's host */
	struct str address_literal; /* of the client, with brackets; empty: */
	uint32_t uid;               /* it is a user of this machine */
	struct str protocol;
};
MUST_USE enum err txn_stamp(struct txn *txn, const struct txn_stamp *stamp);

/* Header and envelope as on disk, once the record was appended. */
struct str txn_head(struct txn *txn);

#endif /* SMTPD_TXN_H */
