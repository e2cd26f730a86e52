/* SPDX-License-Identifier: BSD-2-Clause */
/* journal: qmgr's pen for the ledger: entries in, durable positions out. */
#ifndef QMGR_JOURNAL_H
#define QMGR_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "qmgr/core/action.h"
#include "util/base/err.h"
#include "util/base/list.h"
#include "util/spool/entry.h"
#include "util/text/str.h"

struct loop;

/*
 * Entries are collected in the loop, and written and synced by the ledger
 * thread: written within JOURNAL_WRITE_MS, durable within JOURNAL_SYNC_MS.
 * Each batch ends with an AUDIT. After a failed write or sync (S2) the file is
 * left alone, a new one is begun with what was not durable, and journal_fault()
 * holds until a checkpoint is complete.
 *
 * All put functions copy what they need. They never fail for want of memory:
 * the room is kept by journal_can_lease() and journal_can_admit(), which are
 * asked before (Q10: deferring cannot fail).
 */
#define JOURNAL_WRITE_MS 5
#define JOURNAL_SYNC_MS 50

struct journal;

/* Since the beginning of the spool, by the entries that were put: the core may
 * be some actions ahead of them. For the AUDITs. */
struct journal_sums {
	uint64_t messages_admitted, messages_done;
	uint64_t admitted, done; /* parts */
};

struct journal_conf {
	struct loop *loop;
	int ledger_fd;            /* the directory */
	uint64_t next_file;       /* number of the first file to write */
	uint64_t next_seq;        /* of the first entry */
	uint64_t next_event;      /* event number */
	struct journal_sums sums; /* up to now */
	/* Fills in what there is now, for the AUDIT of a batch; the sums are
	 * the journal's own. */
	void (*audit)(void *arg, struct entry_audit *audit);
	/* The entry that frees this slot is written: clear it, acknowledge. */
	void (*freed)(void *arg, const struct core_freed *freed);
	/* Entries first to last are at pos; again, elsewhere, when they are
	 * written once more. Before synced() and freed(). May be NULL, as the
	 * next. */
	void (*written)(void *arg, uint64_t first_seq, uint64_t last_seq,
	    struct ledger_pos pos);
	/* All entries up to seq are durable. */
	void (*synced)(void *arg, uint64_t seq);
	/* Failed (reason not empty) or well again (empty). */
	void (*state)(void *arg, struct str reason);
	void *arg;
};

/* Makes the first file, which blocks; entries may be put at once. */
struct journal *journal_new(const struct journal_conf *conf);

/* Ends the thread, after all that was put is durable or has failed. */
void journal_free(struct journal **j);

/* Bytes of the ledger that one lease may need, for its result. */
#define JOURNAL_RESULT_MAX_BYTES (20 * 1024)

/* Whether leases may be given, while n are out: what is allocated on disk
 * holds the largest results of them all, and of some more. */
bool journal_can_lease(const struct journal *j, uint32_t n_leases);

/* Whether a message whose entry is so long may be admitted besides. */
bool journal_can_admit(
    const struct journal *j, uint32_t n_leases, size_t bytes);

void journal_put_parts(struct journal *j, const struct entry_parts *parts,
    struct str facts, uint32_t n_events);

/* A changed part; freed->lease 0: no slot goes with it. is_last: with it its
 * message is done. */
void journal_put_part(struct journal *j, const struct part_state *part,
    struct str facts, const struct core_freed *freed, bool is_last);

/* An order as it now stands. */
void journal_put_policy(struct journal *j, const struct order *order);

void journal_put_note(struct journal *j, const struct entry_note *note);
void journal_put_segment(
    struct journal *j, const struct entry_segment *segment);

/* Somebody who waits until all that was put so far is durable; embedded in its
 * owner, called once, in order; in the loop. */
struct journal_wait {
	struct link link;
	uint64_t seq;
	void (*done)(struct journal_wait *wait);
};
void journal_wait(struct journal *j, struct journal_wait *wait);
void journal_cancel(struct journal *j, struct journal_wait *wait);

/* Position behind the last durable batch; at first the beginning of the first
 * file, since replay has synced what lies before. */
struct ledger_pos journal_synced(const struct journal *j);

void journal_sums(const struct journal *j, struct journal_sums *sums);

/* Numbers of the next entry and event. */
void journal_next(const struct journal *j, uint64_t *seq, uint64_t *event);

/* Entries put and not yet durable: a measure of lag. */
uint64_t journal_lag(const struct journal *j);

/* Why the ledger cannot be trusted to be complete; NULL: it can. No segment
 * is removed while it is set. journal_clear_fault: a full checkpoint, begun
 * after the fault, is durable. */
const char *journal_fault(const struct journal *j);
/* How often a write or sync has failed: tells whether a fault is a new one. */
uint64_t journal_failures(const struct journal *j);
void journal_clear_fault(struct journal *j);

/* Ledger files older than pos may go, but for the n in keep, in rising order,
 * which are the journal's from here on, to be freed; those in use never. In the
 * thread. */
void journal_retire(
    struct journal *j, struct ledger_pos pos, uint64_t *keep, size_t n);

#endif /* QMGR_JOURNAL_H */
