/* SPDX-License-Identifier: BSD-2-Clause */
/* past: the history of a message, as the ledger has it. */
#ifndef QMGR_PAST_H
#define QMGR_PAST_H

#include <stdbool.h>
#include <stdint.h>

#include "qmgr/store.h"
#include "util/io/thread.h"
#include "util/mail/qid.h"
#include "util/proto/messages.h"

/* Searches in hand at once; further ones are refused. */
#define PAST_MAX 4

/*
 * One search through all ledger files for a message, in the disk thread, a
 * file's slice at a time, so that leases need not wait for it. Embedded in its
 * owner, which stays until done. For a person's question: it reads up to the
 * whole ledger.
 */
struct past {
	struct job job;
	struct store *store;
	struct qid qid;
	int ledger_fd;
	/* One entry about the message, oldest first; views until it returns. */
	void (*row)(struct past *past, const struct msg_why_past *row);
	/* The end. history_ms: wall time of the oldest entry that there is; 0:
	 * none. */
	void (*done)(struct past *past, int64_t history_ms);
	void *state; /* of the search itself */
};

/* Begins. ERR_FULL: too many are in hand. */
MUST_USE enum err past_ask(struct past *past);

#endif /* QMGR_PAST_H */
