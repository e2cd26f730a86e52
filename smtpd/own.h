/* SPDX-License-Identifier: BSD-2-Clause */
/* own: segment files of one record, written while its content arrives. */
#ifndef SMTPD_OWN_H
#define SMTPD_OWN_H

#include <stdbool.h>
#include <stdint.h>

#include "smtpd/seg.h"
#include "util/base/err.h"
#include "util/base/list.h"
#include "util/spool/record.h"
#include "util/text/str.h"

/* Files that were given up and wait for their next message. */
#define OWN_SPARE_MAX 16
/* Messages at once that have a file of their own; the rest of the places is
 * for shared segments. */
#define OWN_USED_MAX (PAGE_SEGMENTS_MAX - OWN_SPARE_MAX - 32)

struct own;
struct owns;

/* Who waits for a file. Embedded; idle while link is in no list. */
struct own_wait {
	struct link link;
	/* own is the waiter's; NULL: there is none to be had. */
	void (*ready)(struct own_wait *wait, struct own *own);
};

/* All own files of a process. */
struct owns {
	struct segs *segs;
	struct list spare;   /* of seg: empty, named, locked */
	struct list waiting; /* of own_wait */
	unsigned n_used;     /* in hand, wanted, or being finished */
	bool is_stopping;    /* nothing is kept for later */
};

void owns_init(struct owns *owns, struct segs *segs);

/* A file that is there already; NULL: none is. */
struct own *own_take_spare(struct owns *owns);

/* Asks for a file; wait->ready is called in a later turn. False: too many are
 * in use, or no memory. */
bool own_ask(struct owns *owns, struct own_wait *wait);

/* No longer waits. Does nothing if it does not. */
void own_ask_cancel(struct owns *owns, struct own_wait *wait);

/* Appends content. ERR_IO: the disk failed or is full; drop it. */
MUST_USE enum err own_write(struct own *own, struct str bytes);

/* Gives up what was written: the file is emptied and used again. Accepts NULL
 * in *own, and sets it. */
void own_drop(struct own **own);

/* What becomes of a finished record. Called once, in a later turn. */
struct own_finish {
	struct segment_record
	    record;       /* head.qid, arrival_ms, flags; envelope */
	uint64_t segment; /* set: the file's number */
	void (*done)(struct own_finish *fin, enum err err);
};

/* Makes the record durable; then the file is sealed. Takes *own, and fin until
 * done is called. */
void own_finish(struct own **own, struct own_finish *fin);

/* Seals the spare files, and those that become spare. */
void owns_stop(struct owns *owns);

#endif /* SMTPD_OWN_H */
