/* SPDX-License-Identifier: BSD-2-Clause */
/* journal_int: what the loop's and the thread's half of journal share. */
#ifndef QMGR_JOURNAL_INT_H
#define QMGR_JOURNAL_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "qmgr/journal.h"
#include "util/io/loop.h"
#include "util/io/thread.h"
#include "util/spool/ledgerfile.h"

/* One batch, from its first entry until it is durable. */
struct batch {
	struct link link;
	struct ledger_batch batch;
	char *bytes;
	uint64_t last_seq;
	struct core_freed *freed; /* slots to free once it is written */
	uint32_t n_freed, cap_freed;
};

/* What the thread is asked for, and what it answers. Between submission and
 * done all of it, and the files, are the thread's. */
struct write_job {
	struct job job;
	bool is_out;
	/* asked */
	struct batch *batch; /* NULL: only a sync */
	bool wants_sync;
	int64_t wall_ms;
	/* answered */
	enum err err;
	const char *call;     /* that failed */
	int error;            /* its errno */
	struct ledger_pos at; /* of the batch */
	bool is_synced; /* all that was written is durable, up to synced */
	struct ledger_pos synced;
	uint64_t room_bytes; /* allocated on disk and not written */
	bool lacks_next;     /* there is no file ahead */
	/* the thread's own */
	struct ledgerfile *file; /* being written, or NULL */
	struct ledgerfile *next; /* the one ahead, or NULL */
	uint64_t next_number;
	int dir_fd;
};

struct retire_job {
	struct job job;
	bool is_out;
	uint64_t before; /* files with lower numbers go */
	uint64_t *keep;  /* but these */
	size_t n_keep;
	int dir_fd;
};

struct journal {
	struct journal_conf conf;
	struct bgthread *thread;
	struct timer timer;
	struct batch *filling; /* NULL: the next put begins one */
	struct list waiting;
	struct list written;
	struct list waits; /* struct journal_wait, by seq */
	struct write_job writing;
	struct retire_job retiring;
	uint64_t waiting_bytes;
	uint64_t room_bytes;
	uint64_t next_seq, next_event;
	struct journal_sums sums;
	uint64_t written_seq, synced_seq; /* last entries */
	struct ledger_pos synced;
	int64_t sync_ms;   /* when the last sync was asked for */
	int64_t failed_ms; /* since when it fails */
	const char *fault;
	uint64_t failures;
	bool is_failing;
	bool is_ending;
};

/* Sets up the jobs. */
void journal_hands_init(struct journal *j, uint64_t next_file);
void journal_hands_fini(struct journal *j);

#endif /* QMGR_JOURNAL_INT_H */
