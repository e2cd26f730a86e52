/* SPDX-License-Identifier: BSD-2-Clause */
/* commit: group commit: records of a turn in one write, then one sync. */
#ifndef SMTPD_COMMIT_H
#define SMTPD_COMMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "smtpd/store.h"
#include "smtpd/txn.h"
#include "util/base/list.h"
#include "util/io/loop.h"
#include "util/io/thread.h"

/* Records, and pieces of content, of one write. */
#define COMMIT_RECORDS_MAX 64
#define COMMIT_PIECES_MAX 512
/* Longest content that is appended to a shared segment, whatever the
 * configuration says: its pieces must be few enough. */
#define COMMIT_CONTENT_MAX_BYTES (16u << 20)

struct admit;
struct intake;

/* Others use the functions. */
struct commit {
	struct store *store;
	struct owns *owns;
	struct admit *admit;
	struct intake *intake;
	struct bgthread *thread; /* syncs, and nothing else */
	struct turn_end end;
	struct list waiting; /* of txn: not written yet */
	struct list dirty;   /* of seg: written, and no sync covers it */
	struct batch {
		struct job job;
		struct seg *seg; /* NULL: no sync is under way */
		struct list txns;
		uint64_t bytes; /* what it covers */
		enum err err;
		int errnum;
	} batch;
	unsigned n_own; /* on their way in files of their own */
	struct segment_record records[COMMIT_RECORDS_MAX];
	struct iovec pieces[COMMIT_PIECES_MAX];
	/* What became of txn; ERR_FULL: the disk is full. */
	void (*done)(struct txn *txn, enum err err);
};

struct commit_parts {
	struct loop *loop;
	struct store *store;
	struct owns *owns;
	struct admit *admit;
	struct intake *intake;
	struct bgthread *thread;
	void (*done)(struct txn *txn, enum err err);
};

/* Begins. All parts are borrowed. done is called once for each transaction,
 * never within commit_add(). */
void commit_init(struct commit *c, const struct commit_parts *parts);
void commit_fini(struct commit *c);

/* Takes a transaction that is closed and stamped. It is done when its record
 * is durable (S1), or when it cannot be. */
void commit_add(struct commit *c, struct txn *txn);

/* Tries again to write what waits: for store->changed. */
void commit_kick(struct commit *c);

/* Whether nothing is on its way. */
bool commit_is_idle(const struct commit *c);

#endif /* SMTPD_COMMIT_H */
