/* SPDX-License-Identifier: BSD-2-Clause */
/* store: the shared segment in use, and the next one, opened ahead. */
#ifndef SMTPD_STORE_H
#define SMTPD_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "smtpd/seg.h"
#include "util/base/err.h"
#include "util/io/loop.h"

/* Wait before a file is tried to be made again. */
#define STORE_RETRY_MS 1000

/* Others read err only; the functions say the rest. */
struct store {
	struct segs *segs;
	struct seg *current; /* NULL: none yet, or it failed */
	struct seg *next;
	struct timer age;   /* of current */
	struct timer retry; /* of a file that could not be made */
	enum err err; /* of the last file that could not be made, ERR_OK: it
		       * could; ERR_FULL: the disk is full */
	bool is_opening;
	bool is_stopping;
	void (*changed)(void *arg); /* ask again */
	void *arg;
};

/* Begins to make the first files. changed(arg) is called when there is a new
 * one, or when there cannot be one. */
void store_init(struct store *store, struct segs *segs,
    void (*changed)(void *arg), void *arg);
void store_fini(struct store *store);

/* The segment that has room for need_bytes: goes on to the next one when the
 * current one is full. NULL: none now; with store->err the disk is to blame,
 * else it comes. */
struct seg *store_get(struct store *store, uint64_t need_bytes);

/* Whether nothing can be written: there is no segment, and none to be had. */
bool store_is_down(const struct store *store);

/* Most bytes that a record may take to fit into any segment. */
uint64_t store_record_max_bytes(const struct store *store);

/* seg took its first record, or what was appended to it is all synced: it is
 * sealed when it is closing. May free seg. */
void store_note_record(struct store *store, struct seg *seg);
void store_note_synced(struct store *store, struct seg *seg);

/* seg failed: nothing is appended to it any more. */
void store_forget(struct store *store, struct seg *seg);

/* Seals what is open. All that was appended is synced. */
void store_stop(struct store *store);

#endif /* SMTPD_STORE_H */
