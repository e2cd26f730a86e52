/* SPDX-License-Identifier: BSD-2-Clause */
/* seg: segment files that this process writes, and their blocking calls. */
#ifndef SMTPD_SEG_H
#define SMTPD_SEG_H

#include <stdbool.h>
#include <stdint.h>

#include "util/base/list.h"
#include "util/io/thread.h"
#include "util/spool/segment.h"
#include "util/svc/page.h"

struct admit;
struct seg;
struct svc;

typedef void seg_fn(struct seg *seg);

/* All segment files of a process. Others read n only. */
struct segs {
	struct svc *svc;
	struct admit *admit;
	struct bgthread *thread;        /* all but syncs of shared segments */
	struct segment_numbers numbers; /* the thread's */
	bool used[PAGE_SEGMENTS_MAX];   /* places in the status page */
	unsigned n;                     /* files open or in the making */
	void (*emptied)(void *arg); /* the last one is closed; may be NULL */
	void *arg;
};

/* One file, from the wish for it to its close. The first two groups are its
 * owner's; the others read file. */
struct seg {
	struct link link; /* of a list of its owner */
	struct segment *file;
	void *arg;    /* NULL until the owner sets it */
	enum err err; /* of the job that is done; ERR_OK before */

	struct list appended;  /* of txn: written, not synced */
	uint64_t synced_bytes; /* as published */
	int64_t first_ms;      /* of the first record, 0: none */
	uint32_t n_records;
	bool is_closing; /* takes no more records */

	struct segs *segs;
	struct job job;
	seg_fn *run, *done, *opened;
	uint64_t max_bytes; /* 0: a record's own */
	int64_t wall_ms;
	uint64_t number;
	unsigned place;
	int errnum; /* with err */
};

/* Most jobs that the files of a process have in the thread at once. */
#define SEGS_JOBS_MAX PAGE_SEGMENTS_MAX

/* Begins; thread and admit are borrowed. */
void segs_init(struct segs *segs, struct svc *svc, struct bgthread *thread,
    struct admit *admit);

/*
 * Begins to make a file of at most max_bytes, 0: for one record of any size.
 * opened is called in a later turn, with seg->err; on an error the owner calls
 * seg_forget(). NULL: PAGE_SEGMENTS_MAX files are open, or no memory.
 */
struct seg *seg_open(struct segs *segs, uint64_t max_bytes, seg_fn *opened);

/* Runs run in the thread, then done in the loop. The file belongs to it
 * meanwhile. run leaves its result in seg->err, and errno. */
void seg_work(struct seg *seg, seg_fn *run, seg_fn *done);

/* Publishes up to where the file is synced, before any 250 (S1). */
void seg_publish(struct seg *seg, uint64_t synced_bytes);

/* Seals the file in the thread, tells qmgr, and frees *seg. */
void seg_seal(struct seg **seg);

/* Gives the file up after a failed write or sync (S2): nobody writes to it
 * again, and qmgr seals it. Frees *seg. */
void seg_give_up(struct seg **seg);

/* Frees *seg, whose file was not made. */
void seg_forget(struct seg **seg);

/* Logs the failure of a call; n_refused: of messages. errnum 0: not known. */
void seg_log_failed(
    const struct seg *seg, const char *call, unsigned n_refused);

#endif /* SMTPD_SEG_H */
