/* SPDX-License-Identifier: BSD-2-Clause */
/* view: what can be seen of the queue core; nothing here changes it. */
#ifndef QMGR_CORE_VIEW_H
#define QMGR_CORE_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/mail/order.h"
#include "util/mail/part.h"
#include "util/mail/qid.h"
#include "util/text/str.h"

struct core;

/* --- accounts (Q6) -------------------------------------------------------- */

/* All count parts but messages. admitted = done + the four. Records that were
 * refused with ERR_FULL are the caller's to count. */
struct core_accounts {
	uint64_t admitted; /* since the beginning of the spool */
	uint64_t done;     /* the same */
	uint64_t waiting, ready, leased, held;
	uint64_t owed;     /* parts with a notice owed; part of the four */
	uint64_t messages; /* live records; admitted less done */
	uint64_t messages_admitted, messages_done; /* since the beginning */
	uint64_t segments;
	uint64_t queues, sites, conns;
	uint64_t first_lease; /* lowest number of a lease out; 0: none is */
	uint64_t last_lease;  /* highest number given so far */
	/* Wall clock; nothing that waits is due before the one, or behind the
	 * other. 0: nothing waits. */
	int64_t first_due_ms, last_due_ms;
	/* Q3, as the last sweep found them: parts that are ready, and for
	 * which nothing is under way; the age of the oldest; how many there
	 * ever were. On a healthy system all are 0. */
	uint64_t stuck, stuck_found;
	int64_t stuck_ms;
};

void core_accounts(const struct core *core, struct core_accounts *accounts);

/* Whether the sums are right: for each AUDIT. */
bool core_audit(const struct core *core);

/* Heap memory in use. */
size_t core_memory_bytes(const struct core *core);

/* Looks at everything, in time O(all): for tests. NULL: all is well, else what
 * is not, in static storage. */
const char *core_check(const struct core *core);

/* --- records and segments ------------------------------------------------- */

enum core_record { CORE_RECORD_UNKNOWN, CORE_RECORD_LIVE, CORE_RECORD_DONE };

enum core_record core_record_state(
    const struct core *core, uint64_t segment, uint32_t block);

/* True when the segment is sealed and has no live record. Whether all its
 * records are known is for the caller's walk to tell. */
bool core_segment_is_done(const struct core *core, uint64_t number);

struct core_segment_view {
	uint64_t number;
	uint16_t writer;
	bool is_sealed;
	uint32_t live;       /* parts */
	uint32_t blocks;     /* that bits stand for; the others are not done */
	const uint8_t *bits; /* done bits; until the next change */
};

/* The segment with the least number above after; false: none. */
bool core_segment_next(
    const struct core *core, uint64_t after, struct core_segment_view *segment);

/* The first live part in a segment whose record is at block or behind it;
 * 0: there is none. */
uint32_t core_segment_part(
    const struct core *core, uint64_t segment, uint32_t block);

/* --- parts ---------------------------------------------------------------- */

/* The live part behind cursor, which may be gone since: 0 begins, 0 ends. For
 * checkpoints: a part that is live all the time is seen once. */
uint32_t core_part_next(const struct core *core, uint32_t cursor);

/* The first live part of a message with cursor 0, then the one behind cursor;
 * 0: none. In order of the part numbers. */
uint32_t core_find(
    const struct core *core, const struct qid *qid, uint32_t cursor);

/* Whether it is held because its record is missing. */
bool core_part_is_missing(const struct core *core, uint32_t part);

/* State of a live part, with its key. False: it is gone. */
bool core_part_get(
    const struct core *core, uint32_t part, struct part_state *state);

/* The limit that binds; views in the core, until its next call. */
struct core_limit {
	struct str name, value, from, cause;
};

struct core_why {
	struct part_state state;
	struct str source, provider; /* the site; empty: no route yet */
	uint32_t place;          /* n-th ready of its queue, 0: is not ready */
	bool is_place_least;     /* there are too many before it to count */
	int32_t worker;          /* that has it on lease, or -1 */
	uint32_t slot;           /* there: the slot page tells the phase */
	int64_t next_ms;         /* from now; 0: now */
	struct core_limit limit; /* name empty: nothing holds it */
};

/* Where a live part is, and why. False: it is gone. */
bool core_why(struct core *core, uint32_t part, struct core_why *why);

/* --- orders --------------------------------------------------------------- */

struct core_order_view {
	struct order order; /* views in the core, until its next call */
	uint32_t held;      /* parts that it holds */
	bool is_in_hand;
};

/* False: it is not kept. */
bool core_order_get(
    const struct core *core, uint64_t number, struct core_order_view *view);

/* The order with the least number above after; false: none. */
bool core_order_next(
    const struct core *core, uint64_t after, struct core_order_view *view);

/* --- queues --------------------------------------------------------------- */

struct core_queue_row {
	struct queue_key key;
	struct str source, provider; /* the site; empty: no route yet */
	uint32_t ready, waiting, leased, held;
	int64_t oldest_ms; /* age of the oldest part (of the first 64 of each
	                    * state) */
	int64_t next_ms;   /* from now; 0: now; -1: nothing will happen */
	struct core_limit limit;
};

/* The queue behind cursor, 0 begins; returns the next cursor, 0: none left,
 * and row is untouched. */
uint32_t core_queue_next(
    struct core *core, uint32_t cursor, struct core_queue_row *row);

/* Longest printed name of a queue. */
#define CORE_QUEUE_NAME_MAX_BYTES 800

/* Appends "campaign:tenant@domain", with what is empty left out; out has
 * CORE_QUEUE_NAME_MAX_BYTES of room. */
void core_queue_name(const struct queue_key *key, struct outbuf *out);

#endif /* QMGR_CORE_VIEW_H */
