/* SPDX-License-Identifier: BSD-2-Clause */
/* worker: what the queue core is told of workers, connections and results. */
#ifndef QMGR_CORE_WORKER_H
#define QMGR_CORE_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "util/base/err.h"
#include "util/mail/outcome.h"
#include "util/text/str.h"

struct core;

#define CORE_WORKERS_MAX 256 /* numbers 0 to 255 */

/* ERR_FULL: no memory. ERR_EXISTS: it was added. */
MUST_USE enum err core_worker_add(
    struct core *core, unsigned worker, unsigned n_slots);

/* It has said HELLO; what it holds follows, then core_worker_held_end(). */
void core_worker_up(struct core *core, unsigned worker);

/* It holds this lease. ERR_NOTFOUND: we do not know it (any more). */
MUST_USE enum err core_worker_hold(
    struct core *core, unsigned worker, unsigned slot, uint64_t lease);

/* It has this connection. ERR_EXISTS: the number is in use, ERR_FULL: too
 * many; have the worker close it. */
MUST_USE enum err core_conn_adopt(struct core *core, unsigned worker,
    uint32_t conn, struct str source, struct str provider);

/* That was all it holds; what it does not hold is taken back, and it gets
 * work. phases: enum slot_phase of each of its slots, as read just now. */
void core_worker_held_end(
    struct core *core, unsigned worker, const uint8_t *phases);

/* It gets nothing more until it says HELLO again; what it holds stays its own
 * (Q5). May be called while actions are fetched, and emits none. */
void core_worker_lost(struct core *core, unsigned worker);

/* It is dead (its EOF came after its last word): takes back all it held, in
 * slices, and forgets its connections (Q5, Q13). */
void core_worker_down(
    struct core *core, unsigned worker, const uint8_t *phases);

/* The slot that an action named is clear, and can be filled again. May be
 * called while actions are fetched, and emits none. */
void core_slot_cleared(struct core *core, unsigned worker, unsigned slot);

/* ERR_NOTFOUND: it has no such connection. */
MUST_USE enum err core_conn_up(
    struct core *core, unsigned worker, uint32_t conn);

struct core_conn_end {
	unsigned worker;
	uint32_t conn;
	enum conn_why why;
	enum smtp_stage stage;
	uint16_t code;    /* 0: none */
	uint32_t wait_ms; /* the peer asks for it; 0: did not */
	struct str text;
};

/* ERR_NOTFOUND: as above. */
MUST_USE enum err core_conn_down(
    struct core *core, const struct core_conn_end *end);

struct core_rcpt {
	uint16_t rcpt; /* below n_rcpts, else ignored */
	enum verdict verdict;
	uint16_t code;
	bool needs_notice; /* when bounced */
};

struct core_result {
	unsigned worker, slot;
	uint64_t lease;
	enum outcome outcome;
	uint16_t code;
	bool is_doubtful, is_after_mail;
	const struct core_rcpt *rcpts;
	uint32_t n_rcpts;
	struct str text; /* of a throttle: for the shaper; may be empty */
};

/*
 * ERR_EXISTS	not (or no longer) on lease there: acknowledge and ignore
 * ERR_AGAIN	on lease, but its record is not admitted yet: keep it, and give
 *		it again once it is
 */
MUST_USE enum err core_result(
    struct core *core, const struct core_result *result);

#endif /* QMGR_CORE_WORKER_H */
