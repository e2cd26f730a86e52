/* SPDX-License-Identifier: BSD-2-Clause */
/* action: what the queue core wants done. */
#ifndef QMGR_CORE_ACTION_H
#define QMGR_CORE_ACTION_H

#include <stdbool.h>
#include <stdint.h>

#include "util/mail/order.h"
#include "util/mail/outcome.h"
#include "util/mail/part.h"
#include "util/text/str.h"

struct core;

enum core_act {
	CORE_LEASE,       /* fill the slot, then send it */
	CORE_OPEN,        /* a connection */
	CORE_CLOSE,       /* a connection */
	CORE_ROUTE_ASK,   /* of the shaper */
	CORE_GRANT_ASK,   /* of the shaper */
	CORE_FEEDBACK,    /* to the shaper */
	CORE_REMEMBER,    /* append the part's state to the ledger */
	CORE_CLEAR,       /* nothing to be remembered: clear the slot now */
	CORE_NOTE,        /* append a NOTE about the part */
	CORE_KILL_WORKER, /* it broke its word: have master end it (Q5) */
	CORE_ORDER,       /* append the order to the ledger, as it now stands */
	CORE_APPLIED,     /* an order has been to all parts: tell who gave it */
	CORE_STUCK,       /* Q3 is broken: raise the alarm; it is put right */
};

/* The worker's slot that an entry or CORE_CLEAR sets free: once the entry is
 * written, clear it, acknowledge the result if the worker is there, and call
 * core_slot_cleared(). lease 0: none. */
struct core_freed {
	uint64_t lease;
	uint32_t worker;
	uint32_t slot;
};

/* Fields by kind; those not named are zero. Views last until the next call of
 * the core other than core_action_next(). */
struct core_action {
	enum core_act act;
	uint32_t worker; /* LEASE, OPEN, CLOSE, KILL_WORKER */
	uint32_t conn;   /* LEASE, OPEN, CLOSE */
	uint32_t slot;   /* LEASE */
	uint32_t queue;  /* ROUTE_ASK: comes back in the answer */

	/* LEASE: the part, with the lease's number; REMEMBER: its new state,
	 * without a key, unless it was moved; NOTE: the part that it is
	 * about. */
	struct part_state part;
	struct core_freed freed; /* REMEMBER, CLEAR */

	struct queue_key key;      /* ROUTE_ASK; REMEMBER that tells of a move:
	                            * where the part was */
	struct str source;         /* OPEN, GRANT_ASK, FEEDBACK */
	struct str provider;       /* OPEN, GRANT_ASK, FEEDBACK */
	enum transport transport;  /* OPEN */
	struct str hosts;          /* OPEN: as the route gave them */
	struct str text;           /* FEEDBACK, NOTE, KILL_WORKER; LEASE of a
	                           * notice: its reason, may be empty; REMEMBER:
	                           * why it failed, where no worker says so */
	bool is_end;               /* REMEMBER: its life is over with this */
	enum notice_kind notice;   /* LEASE */
	uint32_t ready;            /* GRANT_ASK */
	uint32_t connections;      /* GRANT_ASK, FEEDBACK: open now */
	uint32_t unused;           /* GRANT_ASK: messages given back */
	enum conn_why why;         /* FEEDBACK */
	uint16_t code;             /* FEEDBACK */
	const struct order *order; /* ORDER, APPLIED; REMEMBER: the move of
	                            * which it tells, or NULL */
	/* APPLIED: parts out now that it is for, at most; STUCK: parts found,
	 * of which part, with its key, is the oldest. */
	uint64_t n;
	uint64_t n_stuck; /* APPLIED: that could not be moved */
	int64_t age_ms;   /* STUCK: of the oldest */
	bool is_last;     /* REMEMBER: with the part its message is done */
};

/* Takes out the next action; false: there is none. */
bool core_action_next(struct core *core, struct core_action *action);

#endif /* QMGR_CORE_ACTION_H */
