/* SPDX-License-Identifier: BSD-2-Clause */
/* notices: where the ledger says why a notice is owed, and what it says. */
#ifndef QMGR_NOTICES_H
#define QMGR_NOTICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qmgr/core/action.h"
#include "util/base/err.h"
#include "util/io/thread.h"
#include "util/mail/part.h"
#include "util/spool/ledger.h"
#include "util/text/str.h"

struct core;
struct store;

/*
 * For each part that owes a notice the place in the ledger of the entry that
 * made it owed: its facts are what the notice tells. What is owed stays so
 * until an entry of the part says otherwise; entries between change nothing.
 * Memory goes with the parts that owe. Without memory for one its notice has no
 * facts, which is all that is lost.
 */
struct notices;

/* Ends the process without memory. */
struct notices *notices_new(int ledger_fd);
void notices_free(struct notices **n);

/* --- what the ledger says ------------------------------------------------- */

/* At the start: a state from the ledger, at pos; of a checkpoint pos is what
 * the state says itself, or {0, 0}. */
void notices_restore(
    struct notices *n, const struct part_state *state, struct ledger_pos pos);

/* At the end of the start: what of it is not in the core, or owes nothing
 * there, is dropped. */
void notices_prune(struct notices *n, const struct core *core);

/* A state was put into the journal, as entry seq. */
void notices_put(
    struct notices *n, const struct part_state *state, uint64_t seq);

/* Entries first to last are in the ledger at pos: also when they are written
 * once more, elsewhere. */
void notices_written(
    struct notices *n, uint64_t first, uint64_t last, struct ledger_pos pos);

/* All entries up to seq are durable: they stay where they are. */
void notices_synced(struct notices *n, uint64_t seq);

/* Adds to a state of a checkpoint where its facts are, if it owes a notice. */
void notices_locate(const struct notices *n, struct part_state *state);

/*
 * A copy of the numbers of the ledger files that are needed, in rising order,
 * for the caller to free; NULL with *count 0: none is.
 *
 * ERR_FULL	no memory
 */
MUST_USE enum err notices_dup_files(
    const struct notices *n, uint64_t **files, size_t *count);

/* Parts that owe. */
uint32_t notices_count(const struct notices *n);

/* --- telling -------------------------------------------------------------- */

/* Of the facts of a result, and of a reason: as in LEASE. */
#define NOTICES_FACTS_MAX_BYTES 16384
#define NOTICES_REASON_MAX_BYTES 1024

/* What one lease of a notice says. */
struct telling {
	struct link link; /* waits for its entry to be written */
	struct job job;
	void (*done)(struct telling *t);
	void *arg;
	enum notice_kind kind;
	bool is_ready;    /* facts are as they will be */
	struct str facts; /* empty: not to be had */
	int64_t facts_ms; /* last try by then, wall clock; 0: none */
	struct str reason;
	/* for notices.c alone */
	struct qid qid;
	uint64_t segment;
	uint32_t block;
	uint16_t part;
	struct ledger_pos pos;
	int ledger_fd;
	char bytes[NOTICES_FACTS_MAX_BYTES];
	char reason_bytes[NOTICES_REASON_MAX_BYTES];
};

/*
 * Begins to fetch what the lease in action is to say; done(t) follows in the
 * loop, in a later call, unless t->is_ready is true at once. The facts are read
 * by the disk thread of st when their entry is written; what cannot be read is
 * not to be had. NULL: no memory, or the thread has too much to do.
 */
struct telling *notices_tell(struct notices *n, struct store *st,
    const struct core_action *action, void (*done)(struct telling *t),
    void *arg);

/* Not while it waits for done(). NULL is fine. */
void notices_tell_free(struct telling **t);

/* The store goes: nothing that waits is begun any more, nor done. */
void notices_stop(struct notices *n);

#endif /* QMGR_NOTICES_H */
