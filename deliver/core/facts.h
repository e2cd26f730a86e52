/* SPDX-License-Identifier: BSD-2-Clause */
/* facts: what is told of an attempt, for events, notices and `why`. */
#ifndef DELIVER_CORE_FACTS_H
#define DELIVER_CORE_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "util/mail/outcome.h"
#include "util/mail/status.h"
#include "util/text/str.h"

/*
 * The facts of a result are one JSON object of at most FACTS_MAX_BYTES. Keys,
 * in this order; what is empty or does not apply is left out:
 *
 *	site		"default->192.0.2.1:25"
 *	transport	"lmtp" "discard" "notice"; not there: SMTP
 *	host		name of the host, as in the route
 *	address		"192.0.2.1:25" "unix:/run/lmtp"
 *	stage		where it was decided: "connect" "greeting" "EHLO"
 *			"MAIL" "RCPT" "DATA" "body" "dot" "RSET" "QUIT" "idle"
 *	outcome		"tried" "throttled" "returned" "damaged" "unreadable"
 *			"told"
 *	reply		the last reply that decided, as one line ("451 4.3.0
 *			not now"), or what happened instead of it
 *			("dot: connection closed; possibly delivered")
 *	doubtful	true: lost after the dot; recipients that are without a
 *			code may have arrived
 *	dsn		"passed": the host offers DSN (RFC 3461), and was told
 *			what the sender wants to hear; of the recipients that it
 *			took it is to tell
 *	tries		counted attempts before this one
 *	took_ms		from the beginning of the attempt to its result
 *	size		bytes of content
 *	sender		envelope sender, "" for the null path
 *	rcpts		array, one object for each recipient that was tried:
 *	  rcpt		address
 *	  n		number within the part
 *	  verdict	"delivered" "deferred" "throttled" "bounced"
 *	  code		reply code; left out when there was none
 *	  enhanced	"5.1.1"; ours when there was no reply
 *	  reply		as above, where it differs from the one above
 *	omitted		how many recipients found no room here
 *	delivered	which of those were delivered: hexadecimal digits,
 *			recipient 4i + j of the part is bit j of digit i
 *	notice		"final" "delay": this was no delivery, but the try to
 *			tell the sender of one
 *	to		who that is
 *	qid		queue id that the notice got
 */
#define FACTS_MAX_BYTES 16384

/* One recipient of an attempt; views are borrowed. */
struct facts_rcpt {
	struct str address;
	struct str reply;
	struct status enhanced;
	enum verdict verdict;
	uint16_t code; /* 0: there was no reply */
	uint16_t n;    /* within the part */
};

struct facts {
	struct str site, host, address;
	struct str sender, reply;
	enum transport transport;
	enum smtp_stage stage;
	enum outcome outcome;
	bool is_doubtful;
	bool is_dsn_passed;
	bool has_message; /* size and sender are known */
	uint32_t tries;
	int64_t took_ms;
	uint64_t size_bytes;
	const struct facts_rcpt *rcpts;
	uint32_t n_rcpts;
	enum notice_kind notice; /* then to and qid count */
	struct str to, qid;
};

/* Writes the object, cutting texts and leaving out recipients where they do
 * not fit. out has FACTS_MAX_BYTES of room. */
void facts_write(const struct facts *facts, struct outbuf *out);

/* The words of these keys, in static storage. */
const char *facts_transport_text(enum transport transport);
const char *facts_stage_text(enum smtp_stage stage);
const char *facts_outcome_text(enum outcome outcome);
const char *facts_verdict_text(enum verdict verdict);
const char *facts_notice_text(enum notice_kind notice);

#endif /* DELIVER_CORE_FACTS_H */
