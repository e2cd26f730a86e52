/* SPDX-License-Identifier: BSD-2-Clause */
/* content: takes in the content of one message: decodes, checks, keeps. */
#ifndef SMTPD_CONTENT_H
#define SMTPD_CONTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "smtpd/pool.h"
#include "util/base/err.h"
#include "util/mail/dotstuff.h"
#include "util/mail/header.h"
#include "util/text/str.h"

struct own;

/* Most buffers of one message: so its pieces fit into one write. */
#define CONTENT_BUFS_MAX 400

/* Why content is refused; CONTENT_BARE and CONTENT_LONG_LINE end the session,
 * for the end of the data is then unknown. */
enum content_fault {
	CONTENT_FINE,
	CONTENT_TOO_BIG,
	CONTENT_HEADER_TOO_BIG,
	CONTENT_TOO_MANY_TAGS, /* tenant or campaign fields without end */
	CONTENT_LOOP,
	CONTENT_NO_BUFFER,
	CONTENT_DISK,
	CONTENT_BARE,
	CONTENT_LONG_LINE,
};

struct content_conf {
	struct pool *pool;     /* outlives the content */
	struct outbuf scratch; /* shared by all, empty between calls */
	uint64_t max_bytes;
	uint64_t own_above_bytes; /* more than this gets a file of its own */
	uint64_t declared_bytes;  /* SIZE= of the client, 0: none */
	uint32_t max_received;
	uint32_t max_header_bytes;
	uint32_t max_line_bytes;
	enum dotstuff_bare bare;
	struct str tenant_field; /* empty: none is read */
	struct str campaign_field;
};

/* Content of one message. Others read size_bytes, fault, ds.fault_at and
 * ds.dot_line only. */
struct content {
	struct content_conf conf;
	struct header_conf header_conf;
	struct header header;
	struct dotstuff ds;
	struct pool_buf *first, *last; /* content in hand */
	struct own *own;               /* it goes there; NULL: into buffers */
	uint64_t size_bytes;           /* decoded, cut fields included */
	enum content_fault fault;      /* the first */
	uint32_t n_bufs;               /* taken so far */
	bool in_header;
	bool wants_own;
};

/* Begins a message: after the 354. c is at its place for good. */
void content_init(struct content *c, const struct content_conf *conf);

/* Gives the buffers, and the file of its own, back. */
void content_fini(struct content *c);

/*
 * Takes in as much of in as it can; advances in. What is refused is read on
 * to its end, and forgotten: see c->fault after ERR_OK.
 *
 * ERR_OK	the end of the data was seen; in holds the next command
 * ERR_AGAIN	all of in is taken
 * ERR_FULL	it needs a file of its own: content_set_own, then again
 * ERR_SYNTAX	CONTENT_BARE or CONTENT_LONG_LINE: the end cannot be found
 */
MUST_USE enum err content_feed(struct content *c, struct str *in);

/* Moves what is in buffers into own, and all that follows. c owns it from here
 * on. A failed write is CONTENT_DISK. */
void content_set_own(struct content *c, struct own **own);

/* Refuses what has come and what comes. */
void content_refuse(struct content *c, enum content_fault fault);

/* The own file, which then is the caller's. */
struct own *content_take_own(struct content *c);

/* Whether the content begins with a blank, so that it would be taken for a
 * part of the field before it. */
bool content_begins_folded(const struct content *c);

/* Value of the tenant's or campaign's field as the client wrote it. */
struct str content_tenant(const struct content *c);
struct str content_campaign(const struct content *c);

/* Bytes that are kept: without the fields that were cut out. */
uint64_t content_kept_bytes(const struct content *c);

/* Goes over what is kept in buffers, once it has ended. */
struct content_iter {
	const struct content *c;
	const struct pool_buf *buf;
	uint64_t at;   /* offset of buf in the content */
	uint32_t used; /* bytes of buf gone over */
	uint32_t cut;  /* next of header.cuts */
};
void content_iter_init(struct content_iter *it, const struct content *c);
bool content_iter_next(struct content_iter *it, struct str *span);

#endif /* SMTPD_CONTENT_H */
