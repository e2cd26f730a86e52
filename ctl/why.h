/* SPDX-License-Identifier: BSD-2-Clause */
/* why: all that is known of one message, gathered for printing. */
#ifndef CTL_WHY_H
#define CTL_WHY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ctl/ask.h"
#include "util/base/arena.h"
#include "util/base/list.h"
#include "util/mail/qid.h"
#include "util/proto/messages.h"
#include "util/spool/envelope.h"

/* Longest line about one step. */
#define WHY_DETAIL_MAX_BYTES 1024
/* Steps that are kept: beyond it the oldest but one is forgotten. */
#define WHY_STEPS_MAX 4096

/* What is on disk. */
enum why_disk {
	WHY_DISK_GONE, /* the message is done */
	WHY_DISK_GOOD, /* all of it was read, and is as it was written */
	WHY_DISK_UNREAD,
	WHY_DISK_DAMAGED,
	WHY_DISK_MISSING, /* it is not where it was */
};

/* One step of the history. */
struct why_step {
	struct link link;
	int64_t time_ms; /* wall clock */
	uint16_t part;
	uint8_t state, cause; /* after it */
	uint16_t tries, code;
	struct str detail; /* may be empty */
	char bytes[WHY_DETAIL_MAX_BYTES];
};

/* Embedded; others read the first group of fields. */
struct why {
	struct qid qid;
	char qid_text[QID_TEXT_BYTES + 1];
	bool is_known;
	int64_t history_ms;         /* the ledger goes back to then; 0: empty */
	struct msg_why_part *parts; /* those that live, by number */
	size_t n_parts;
	struct list steps; /* of struct why_step, oldest first */
	size_t n_dropped;
	struct str site; /* of the last attempt; may be empty */

	bool has_envelope;
	struct str sender;
	struct str rcpt; /* the first one */
	uint32_t n_rcpts;
	uint32_t n_all_parts; /* done ones too; 0: not known */
	struct str queue;     /* name of the first part's; may be empty */
	enum why_disk disk;
	int64_t missing_ms; /* MISSING: since when, wall clock; 0: not told */
	bool has_size;
	uint64_t size_bytes;

	size_t cap_parts;
	struct arena arena;
};

/* Asks the queue manager; what goes wrong ends the command. why_fini() in every
 * case. */
void why_load(struct why *why, struct ctl *ctl, const struct qid *qid);
void why_fini(struct why *why);

/* The last step of a part that is done; NULL: it is not, or nobody knows. */
const struct why_step *why_end_of(const struct why *why, uint16_t part);

/* Prints it, for people and for programs. */
void why_print_text(const struct why *why);
void why_print_json(const struct why *why);

#endif /* CTL_WHY_H */
