/* SPDX-License-Identifier: BSD-2-Clause */
/* attempt: what deliver told of an attempt, as a line for people. */
#ifndef CTL_CORE_ATTEMPT_H
#define CTL_CORE_ATTEMPT_H

#include "util/base/err.h"
#include "util/text/str.h"

struct json_t;

/* Facts of an attempt: a JSON object, as docs/design.md has it. Embedded;
 * others read site, which may be empty. */
struct attempt {
	struct json_t *facts;
	struct str site;
};

/* Reads facts. ERR_SYNTAX: they are no such object; ERR_FULL: no memory.
 * attempt_fini() in every case. */
MUST_USE enum err attempt_init(struct attempt *a, struct str facts);
void attempt_fini(struct attempt *a);

/*
 * Appends "HOST (ADDRESS): STAGE: REPLY; RCPT: VERDICT REPLY; ...": what is
 * missing is left out, and what finds no room cut off, with "..." at the end.
 * Of what a person did: "COMMAND by NAME (uid N): WHY"; a move says "from QUEUE
 * to QUEUE" as well.
 * Of a notice: "the sender was told: notice QID", or "notice to SENDER: HOST
 * (ADDRESS): STAGE: REPLY" where it was not taken.
 * A single recipient is named when its reply is not the common one.
 */
void attempt_put(const struct attempt *a, struct outbuf *out);

#endif /* CTL_CORE_ATTEMPT_H */
