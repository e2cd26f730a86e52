/* SPDX-License-Identifier: BSD-2-Clause */
/* entry: what the entries of the ledger say (docs/design.md 16.2). */
#ifndef UTIL_SPOOL_ENTRY_H
#define UTIL_SPOOL_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/base/err.h"
#include "util/mail/order.h"
#include "util/mail/part.h"
#include "util/spool/ledger.h"
#include "util/text/str.h"

#define ENTRY_VERSION 1

/* The numbers are in the ledger: append only. */
enum entry_type {
	ENTRY_PART = 1,
	ENTRY_POLICY,
	ENTRY_NOTE,
	ENTRY_SEGMENT,
	ENTRY_AUDIT,
	ENTRY_MARK,
	ENTRY_TYPE_N
};

/* Bounds of texts in entries. */
#define ENTRY_TEXT_MAX_BYTES 1024
/* Of the done bits: a segment of its own for the largest message. */
#define ENTRY_BLOCKS_MAX (1u << 21)

/*
 * The put functions add one entry to a batch; facts may be empty.
 *
 * ERR_FULL	no room: write this batch and begin another; in an empty batch:
 *		its buffer is too small. The batch is as before.
 * ERR_RANGE	what was given breaks a bound above, or one of struct
 *		part_state; the batch is as before
 *
 * The parse functions take an entry of that type and check all of it.
 *
 * ERR_SYNTAX	malformed, or of another type
 * ERR_RANGE	of a newer version
 */

/* --- PART: states of parts of one message --------------------------------- */

/*
 * All have one qid, segment and block; where keys are set, one tenant and
 * campaign, and each its domain: all of them or none.
 */
struct entry_parts {
	const struct part_state *parts;
	size_t n;        /* 1 to 65535 */
	uint32_t blocks; /* of the record: on admission and in checkpoints;
			  * 0: as known */
};

MUST_USE enum err entry_put_parts(struct ledger_batch *b,
    const struct ledger_stamp *stamp, const struct entry_parts *parts,
    struct str facts);

/* A decoded PART: common things, and a cursor over the parts. */
struct entry_part {
	struct part_state common; /* qid, segment, block, tenant, campaign */
	uint32_t blocks;          /* 0: not given */
	uint32_t n;               /* parts in the entry */
	struct str left;          /* for entry_next_part() alone */
	bool has_keys;
};

MUST_USE enum err entry_parse_part(
    struct entry_part *p, const struct ledger_entry *entry);

/* The next state; its key views into the batch. False: that was all. */
bool entry_next_part(struct entry_part *p, struct part_state *state);

/* --- POLICY: what a person ordered for many ------------------------------- */

/* The order as it stands: begun, or over; parts is what it has changed. */
MUST_USE enum err entry_put_policy(struct ledger_batch *b,
    const struct ledger_stamp *stamp, const struct order *order,
    struct str facts);
MUST_USE enum err entry_parse_policy(
    struct order *order, const struct ledger_entry *entry);

/* --- NOTE: told, but changes nothing -------------------------------------- */

/* The numbers are in the ledger: append only. */
enum note_kind {
	NOTE_DELAYED = 1,
	NOTE_MISSING,
	NOTE_QUARANTINED,
	NOTE_POSSIBLY_DELIVERED,
	NOTE_RECOVERED,
	NOTE_SCAN, /* findings of a pass or a replay */
	NOTE_KIND_N
};

struct entry_note {
	struct qid qid; /* zero: of no message */
	uint16_t part;
	uint8_t kind; /* enum note_kind */
	struct str text;
};

MUST_USE enum err entry_put_note(struct ledger_batch *b,
    const struct ledger_stamp *stamp, const struct entry_note *note,
    struct str facts);
MUST_USE enum err entry_parse_note(
    struct entry_note *note, const struct ledger_entry *entry);

/* --- SEGMENT: what became of a segment ------------------------------------ */

/* The numbers are in the ledger: append only. */
enum segment_what {
	SEGMENT_SEEN = 1,
	SEGMENT_SEALED,
	SEGMENT_UNLINKED,
	SEGMENT_LIVE, /* checkpoint: exists, with its done bits */
	SEGMENT_WHAT_N
};

struct entry_segment {
	uint64_t number;
	int64_t created_ms; /* wall clock */
	uint32_t writer;
	uint8_t what;    /* enum segment_what */
	uint32_t blocks; /* LIVE: bits in done; else 0; at most
			  * ENTRY_BLOCKS_MAX */
	struct str done; /* (blocks + 7) / 8 bytes: block b is bit b % 8 of byte
			  * b / 8; set: the record in it is done */
};

MUST_USE enum err entry_put_segment(struct ledger_batch *b,
    const struct ledger_stamp *stamp, const struct entry_segment *segment);
MUST_USE enum err entry_parse_segment(
    struct entry_segment *segment, const struct ledger_entry *entry);

/* --- AUDIT: the sums, at the end of each batch ---------------------------- */

struct entry_audit {
	uint64_t messages_admitted; /* since the beginning of the spool */
	uint64_t messages_done;
	uint64_t admitted; /* from here on parts */
	uint64_t done;
	uint64_t waiting; /* now */
	uint64_t ready;
	uint64_t leased;
	uint64_t held;
	uint64_t unadmitted;  /* records, now */
	uint64_t first_lease; /* lowest number of a lease out; 0: none is */
	uint64_t last_lease;  /* highest number ever given */
	int64_t first_due_ms; /* of the parts that wait: wall clock; 0: none */
	int64_t last_due_ms;
};

/* Bytes of the entry: ledger_batch_init() keeps them free. */
#define ENTRY_AUDIT_BYTES (LEDGER_ENTRY_HEAD_BYTES + 13 * 8)

/* Never ERR_FULL, for room is kept for one. */
void entry_put_audit(struct ledger_batch *b, const struct ledger_stamp *stamp,
    const struct entry_audit *audit);
MUST_USE enum err entry_parse_audit(
    struct entry_audit *audit, const struct ledger_entry *entry);

/* --- MARK: first and last entry of a checkpoint --------------------------- */

struct entry_mark {
	bool is_end;             /* the last entry: the checkpoint is whole */
	struct ledger_pos begin; /* of the ledger, when it was begun */
	struct ledger_pos end;   /* is_end: when it was ended; else {0, 0} */
};

MUST_USE enum err entry_put_mark(struct ledger_batch *b,
    const struct ledger_stamp *stamp, const struct entry_mark *mark);
MUST_USE enum err entry_parse_mark(
    struct entry_mark *mark, const struct ledger_entry *entry);

#endif /* UTIL_SPOOL_ENTRY_H */
