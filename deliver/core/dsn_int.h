/* SPDX-License-Identifier: BSD-2-Clause */
/* dsn_int: the parts of a notice, for the files that write them. */
#ifndef DELIVER_CORE_DSN_INT_H
#define DELIVER_CORE_DSN_INT_H

#include "deliver/core/dsn.h"
#include "util/mail/part.h"
#include "util/mail/status.h"

struct json_t;

/* Of any text of the facts, and of the reason. */
#define DSN_TEXT_MAX_BYTES 512

/* --- writing -------------------------------------------------------------- */

/* A notice being written. What finds no room is noted, and the rest left. */
struct dsn_out {
	struct outbuf *out;
	size_t column; /* bytes of the line so far */
	size_t n_8bit; /* bytes above 127 so far */
	bool is_utf8;  /* characters above 127 may stand in it */
	bool is_full;
};

/* Appends our own text as it is: line ends are CR LF. */
void dsn_put(struct dsn_out *o, struct str s);
void dsn_put_u64(struct dsn_out *o, uint64_t n);
void dsn_put_date(struct dsn_out *o, int64_t wall_ms);

/* Appends foreign text: controls, and what is not to be had in this notice,
 * become "?". Where the line gets long it goes on, at a blank, in the next one
 * behind fold (blanks that begin it); an empty fold keeps blanks as they are,
 * and breaks only what would be too long for any line. */
void dsn_put_foreign(struct dsn_out *o, struct str s, struct str fold);

/* --- what became of each -------------------------------------------------- */

enum dsn_action {
	DSN_FAILED,
	DSN_DELAYED,
	DSN_RELAYED,   /* to a host that does not tell of deliveries */
	DSN_DELIVERED, /* for good */
	DSN_ACTION_N
};

/* What is to be told of one recipient; views are into the facts. */
struct dsn_fate {
	enum dsn_action action;
	struct status status;
	bool was_tried;  /* the facts' host said or did this */
	bool is_refused; /* FAILED: for good, by that host */
	uint16_t code;   /* of reply; 0: it is a text of ours */
	struct str reply;
};

/* The facts, read; without any all is empty. */
struct dsn_facts {
	struct json_t *json;
	const struct json_t *of[PART_RCPTS_MAX]; /* by number within the part */
	struct str host, address;
	struct str reply;     /* common to those that have none */
	struct str delivered; /* digits, as in facts.h */
	bool has_rcpts;       /* some are named */
	bool is_final;        /* who took it has delivered it for good */
};

/* ERR_FULL: no memory. dsn_facts_fini() in every case. */
MUST_USE enum err dsn_facts_init(struct dsn_facts *f, struct str text);
void dsn_facts_fini(struct dsn_facts *f);

/* What became of r. False: the sender does not want to hear of it. */
bool dsn_facts_fate(const struct dsn_facts *f, const struct dsn *n,
    const struct dsn_rcpt *r, struct dsn_fate *fate);

/* --- the parts ------------------------------------------------------------ */

/* Body of the part that people read. */
void dsn_put_text(
    struct dsn_out *o, const struct dsn *n, const struct dsn_facts *f);

/* Body of the part that programs read. */
void dsn_put_status(
    struct dsn_out *o, const struct dsn *n, const struct dsn_facts *f);

#endif /* DELIVER_CORE_DSN_INT_H */
