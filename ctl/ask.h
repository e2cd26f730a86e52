/* SPDX-License-Identifier: BSD-2-Clause */
/* ask: what the commands that ask about queues and messages share. */
#ifndef CTL_ASK_H
#define CTL_ASK_H

#include <stdbool.h>
#include <stddef.h>

#include "ctl/ctl.h"
#include "util/mail/qid.h"
#include "util/spool/segread.h"
#include "util/text/json.h"
#include "util/text/str.h"

/* The limit that binds: the same four fields stand in several frames. */
struct ask_limit {
	struct str name, value, from, cause;
};

#define ASK_LIMIT(m) \
	{ \
		(m)->limit_name, (m)->limit_value, (m)->limit_from, \
		    (m)->limit_cause \
	}

/* {"name","value","from","cause"}. */
void ask_put_limit_json(struct json *j, const struct ask_limit *limit);

/* "connections 32 (holdfast.conf:9: 421 too many)"; control characters become
 * blanks: a peer's reply goes to a terminal. out has room for it. */
void ask_put_limit_text(struct outbuf *out, const struct ask_limit *limit);

/* When something happens next: "in 2m10s", "now", "never"; as JSON ms, or
 * null. */
void ask_put_next_text(struct outbuf *out, int64_t next_ms);
void ask_put_next_json(struct json *j, int64_t next_ms);

/* Appends foreign text with control characters as blanks. */
void ask_put_foreign(struct outbuf *out, struct str text);

/* Reads a queue id from the command line, or ends with usage. */
struct qid ask_qid(struct ctl *ctl, const char *text);

/* Gives the next answer its CTL_ANSWER_MS, for one call with many questions. */
void ask_renew(struct call *call);

/* A record on disk, loaded through a descriptor that qmgr passed. */
struct ask_record {
	int fd;
	uint64_t segment;
	uint32_t block;
	struct segread_record record;
	struct envelope env;
	struct outbuf buf;
};

/*
 * Asks for the record of a message and loads its header and envelope.
 * ask_record_fini() in every case.
 *
 * ERR_NOTFOUND	not in the queue (or not any more)
 * ERR_IO	its segment cannot be read now
 * ERR_SYNTAX	it is damaged
 */
MUST_USE enum err ask_record_load(
    struct call *call, const struct qid *qid, struct ask_record *r);
void ask_record_fini(struct ask_record *r);

#endif /* CTL_ASK_H */
