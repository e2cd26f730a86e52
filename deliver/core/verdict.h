/* SPDX-License-Identifier: BSD-2-Clause */
/* verdict: what a reply means: for a recipient, a message, or for us. */
#ifndef DELIVER_CORE_VERDICT_H
#define DELIVER_CORE_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "util/mail/outcome.h"
#include "util/mail/reply.h"

/* Longest wait that a server may ask for: a day. */
#define VERDICT_WAIT_MAX_MS 86400000u

/* What came instead of, or as, the reply that was waited for: the columns of
 * the state tables. */
enum answer {
	ANSWER_OK,       /* 2xx */
	ANSWER_GO,       /* 3xx */
	ANSWER_TEMP,     /* 4xx */
	ANSWER_PERM,     /* 5xx */
	ANSWER_THROTTLE, /* about us, not about the message (Q9) */
	ANSWER_CLOSING,  /* 421 to MAIL: about this connection, not about us */
	ANSWER_NOISE,    /* not a reply */
	ANSWER_LOST,     /* the connection is closed or reset */
	ANSWER_LATE,     /* the deadline passed */
	ANSWER_N
};

struct ruling {
	enum answer answer;
	uint32_t wait_ms; /* a throttle asks for it; 0: it did not say */
};

/*
 * Judges the reply to what was sent at stage. A throttle is: 421 anywhere; at
 * 4xx, and before any recipient is named also at 5xx, words such as "too many
 * connections" or "rate limit"; "try again in N minutes" but for RCPT, where it
 * is about the recipient, and for greylisting, which is about the triplet.
 *
 * ANSWER_CLOSING is a 421 to MAIL that says that this connection has carried
 * enough, or was idle too long: a new one will do.
 */
struct ruling verdict_judge(const struct reply *reply, enum smtp_stage stage);

/* Whether a refusal of RCPT is one of the number of recipients: 452 or 552 with
 * X.5.3, or without a code of the kind but in words (RFC 5321 4.5.3.1.10). The
 * others may come in a transaction of their own. */
bool verdict_is_too_many(const struct reply *reply);

/* What an answer to RCPT or to the final dot makes of a recipient: the only
 * place that turns the one into the other. What is no reply defers. */
enum verdict verdict_of(enum answer answer);

/* "4xx", "lost" and the like, in static storage, for logs. */
const char *verdict_answer_text(enum answer answer);

#endif /* DELIVER_CORE_VERDICT_H */
