/* SPDX-License-Identifier: BSD-2-Clause */
/* store: qmgr's segments: known, opened, walked, compared, removed. */
#ifndef QMGR_STORE_H
#define QMGR_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "qmgr/core/core.h"
#include "qmgr/journal.h"
#include "util/base/err.h"
#include "util/base/list.h"
#include "util/text/str.h"

struct job;
struct loop;
struct page;

/*
 * All that waits for the disk is done in one disk thread, a bounded slice at a
 * time. Here live: descriptors of segments for leases; the scan of segments
 * being written (every 2 s), the index pass; sealing for writers that died;
 * renaming to deferred/; the one place that removes spool files (S5).
 */
struct store;

/* How often incoming/ is looked through (DESIGN 4.5). */
#define STORE_SCAN_MS 2000
/* Descriptors of segments held at once; the place is what deliver knows. */
#define STORE_PLACES 1024

struct store_conf {
	struct loop *loop;
	struct core *core;
	struct journal *journal;
	int incoming_fd, deferred_fd, quarantine_fd, ledger_fd;
	int64_t scan_ms; /* between looks at what is being written */
	int64_t scan_cycle_ms;
	uint64_t scan_bandwidth; /* bytes a second of the byte pass */
	/* The status page of smtpd number writer, or NULL. */
	struct page *(*smtpd_page)(void *arg, uint32_t writer);
	/* A record was found that core does not know: front is its header and
	 * envelope. Admits it. ERR_FULL: not now; it comes again. */
	enum err (*found)(
	    void *arg, uint64_t segment, uint32_t block, struct str front);
	/* Whether a record waits for room outside of the queues: then it is
	 * not found, but known. */
	bool (*is_unadmitted)(void *arg, uint64_t segment, uint32_t block);
	/* core_part_lost() and core_part_found(), with what follows. */
	bool (*lost)(void *arg, uint32_t part, enum part_cause cause);
	void (*back)(void *arg, uint32_t part);
	void *arg;
};

struct store *store_new(const struct store_conf *conf);
void store_free(struct store **st);

/* Has the disk thread do what others need of it: checkpoints, searches.
 * ERR_FULL: too many jobs are under way. */
MUST_USE enum err store_submit(struct store *st, struct job *job);

/* smtpd speaks of a segment: the store begins to look after it. */
void store_heard(struct store *st, uint64_t segment);
void store_heard_sealed(struct store *st, uint64_t segment);

/* An smtpd is gone: what it left unsealed is looked for at once. */
void store_lost_writer(struct store *st);

/* Somebody who waits for a descriptor; embedded in its owner. */
struct store_open {
	struct link link;
	uint64_t segment;
	/* ERR_OK: fd (borrowed) is at place until store_drop; generation tells
	 * whether a worker that was sent this place has this segment. ERR_IO:
	 * not now, try again later (S6). ERR_NOTFOUND: the file is gone.
	 * ERR_SYNTAX: it is no segment any more. */
	void (*done)(struct store_open *open, enum err err);
	int fd;
	uint16_t place;
	uint32_t generation; /* changes whenever the place is used anew */
};

/* Asks for the descriptor of open->segment: done is called at once when it is
 * open, else later. Each success is followed by one store_drop(). */
void store_want(struct store *st, struct store_open *open);
void store_drop(struct store *st, uint16_t place);

/* Reads header and envelope of a record in the thread, then calls found() of
 * the conf: for an admit that came without them. Bounded; what does not fit is
 * found by the scan. */
void store_read_record(struct store *st, uint64_t segment, uint32_t block);

/* A part's record was found damaged by a worker: sets it aside. */
void store_damaged(struct store *st, uint64_t segment, uint32_t block);

/* Does what is due: slices, scans, removals; called each turn and by a timer.
 * Boot time of the next thing to do. */
void store_tick(struct store *st, int64_t now_ms);
int64_t store_next_ms(const struct store *st);

/* Wants a pass over everything that begins from now on; all who ask before it
 * begins share it. Its number, as in store_pass. */
uint64_t store_rescan(struct store *st);

/* The same with a byte pass. */
uint64_t store_rescan_bytes(struct store *st);

/* A pass over the spool: the one that is on, or was last. */
struct store_pass {
	uint64_t number; /* of all that began; 0: none yet */
	bool is_on;
	bool has_failed;     /* a directory could not be read */
	uint64_t segments;   /* that it has been at */
	uint64_t records;    /* in them */
	uint64_t bytes;      /* that a byte pass has read */
	uint64_t bad;        /* records that it found damaged */
	uint64_t unreadable; /* segments with a place that cannot be read */
	uint64_t foreign;    /* files that are none of ours, or in the way */
	int64_t ended_ms;    /* wall clock; 0: it has not */
	int64_t took_ms;
};

struct store_stats {
	uint64_t pass; /* finished passes, without those that failed */
	uint64_t byte_pass;
	uint64_t segments, recovered, missing, quarantined;
	struct store_pass index, bytes;           /* now */
	struct store_pass last_index, last_bytes; /* that ended */
	uint64_t free_bytes, free_inodes; /* as of the last look, each second */
	bool is_read_only;
};
void store_stats(const struct store *st, struct store_stats *stats);

#endif /* QMGR_STORE_H */
