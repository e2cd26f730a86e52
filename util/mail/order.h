/* SPDX-License-Identifier: BSD-2-Clause */
/* order: what a person orders for many messages: in memory, ledger, frames. */
#ifndef UTIL_MAIL_ORDER_H
#define UTIL_MAIL_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "util/base/err.h"
#include "util/mail/part.h"
#include "util/mail/qid.h"
#include "util/text/str.h"

/* The numbers are in the ledger: append only. */
#define ORDER_KIND_TABLE(X) \
	X(ORDER_NONE, "none") \
	X(ORDER_RETRY, "retry") \
	X(ORDER_HOLD, "hold") \
	X(ORDER_RELEASE, "release") \
	X(ORDER_CANCEL, "cancel") \
	X(ORDER_MOVE, "move") \
	X(ORDER_SUSPEND, "suspend") \
	X(ORDER_RESUME, "resume")

enum order_kind {
#define ORDER_KIND_ENUM(name, text) name,
	ORDER_KIND_TABLE(ORDER_KIND_ENUM)
#undef ORDER_KIND_ENUM
	    ORDER_KIND_N
};

/* The numbers are in the ledger: append only. */
enum order_stage {
	ORDER_BEGUN = 1, /* in hand; a suspension: in force */
	ORDER_WALKED,    /* all is as it says, but for what was leased */
	ORDER_OVER,
	ORDER_STAGE_N
};

/* Bounds of texts. */
#define ORDER_TEXT_MAX_BYTES 1024 /* pattern, reason, target */
#define ORDER_NAME_MAX_BYTES 255  /* tenant, campaign, domain */
#define ORDER_BY_MAX_BYTES 32

/* Which mail an order is about: what is given must match, all of it. */
struct order_match {
	struct qid qid;   /* one message; zero: any */
	struct str queue; /* glob on the printed name; empty: any */
	struct str tenant, campaign, domain; /* exactly; empty: any */
};

/* Views, but for what is a number. */
struct order {
	uint64_t number;   /* counts up; of a resume: of what it ends */
	int64_t at_ms;     /* wall clock: when it was given */
	int64_t covers_ms; /* wall clock: what arrived then or before */
	int64_t until_ms;  /* wall clock; 0: without end */
	uint64_t parts;    /* that it has changed */
	uint64_t lease;    /* WALKED: leases below it are covered; else 0 */
	uint32_t uid;      /* of who gave it, as the kernel says */
	uint8_t kind;      /* enum order_kind */
	uint8_t stage;     /* enum order_stage */
	struct order_match match;
	struct str by;  /* name, as the command says; empty: unknown */
	struct str why; /* may be empty */
	struct str
	    target; /* of a move, as order_target_put() has it; else empty */
};

/* The queue that a move leads to; what it keeps is as each part has it. */
struct order_target {
	struct queue_key key; /* views; empty where it is kept */
	bool keeps_tenant, keeps_campaign, keeps_domain;
};

/* The command's name; "?" for a stray number. */
const char *order_kind_text(unsigned kind);

/* Whether kind, stage, times and the lengths of the texts are in bounds, and a
 * move has a target. */
bool order_is_sound(const struct order *order);

/* Whether nothing is asked of the mail: all match. */
bool order_match_is_any(const struct order_match *match);

/* Whether it is about one message alone. */
bool order_match_has_qid(const struct order_match *match);

/* Whether both say the same. */
bool order_match_eq(const struct order_match *a, const struct order_match *b);

#define ORDER_MATCH_TEXT_BYTES \
	(ORDER_TEXT_MAX_BYTES + 3 * ORDER_NAME_MAX_BYTES + QID_TEXT_BYTES + 64)

/* Appends it as people write it: "tenant acme, domain a.test", "all"; out has
 * room for ORDER_MATCH_TEXT_BYTES. */
void order_match_put(struct outbuf *out, const struct order_match *match);

/*
 * Reads a queue as it is printed, CAMPAIGN:TENANT@DOMAIN; a campaign, or both
 * before the domain, may be missing: the mail is to have none. "*" keeps what
 * the mail has. The target has views into text.
 *
 * ERR_RANGE	a name is too long
 * ERR_SYNTAX	no queue is called so: names have letters, digits and ".-_",
 *		domains are lower case; or all three are kept
 */
MUST_USE enum err order_target_parse(
    struct order_target *target, struct str text);

/* Appends it with all three, as a text that reads as the same target; room as
 * for a queue's name. */
void order_target_put(struct outbuf *out, const struct order_target *target);

/* Where what is in a queue with this key goes; views into both. */
struct queue_key order_target_key(
    const struct order_target *target, const struct queue_key *from);

/* Who gave it, as a text: "alice", or "uid 1000"; room as for a name. */
void order_put_who(struct outbuf *out, const struct order *order);

#endif /* UTIL_MAIL_ORDER_H */
