/* SPDX-License-Identifier: BSD-2-Clause */
/* qmgr_int: the queue manager's hands: what its files share. */
#ifndef QMGR_QMGR_INT_H
#define QMGR_QMGR_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "qmgr/checkpoint.h"
#include "qmgr/core/action.h"
#include "qmgr/core/core.h"
#include "qmgr/core/view.h"
#include "qmgr/core/worker.h"
#include "qmgr/journal.h"
#include "qmgr/store.h"
#include "util/base/list.h"
#include "util/io/acceptor.h"
#include "util/io/loop.h"
#include "util/mail/qid.h"
#include "util/proto/chan.h"
#include "util/proto/terms.h"
#include "util/svc/page.h"
#include "util/svc/peer.h"
#include "util/svc/svc.h"

/* Connections at once: smtpds and delivers, and commands. */
#define QPEERS_MAX 1024
/* What may wait for a peer that does not read: a command is cut off then, a
 * worker ended (Q5). */
#define QPEER_OUT_MAX_BYTES (8 * 1024 * 1024)

/* Facts of an entry that an order made: each byte of its texts may take six. */
#define ORDER_FACTS_BYTES \
	(6 * \
	        (ORDER_TEXT_MAX_BYTES + ORDER_BY_MAX_BYTES + \
	            2 * CORE_QUEUE_NAME_MAX_BYTES) + \
	    256)

struct control;
struct intake;
struct notices;
struct telling;
struct gauge;
struct qmgr;
struct worker;

/* One connection to run/qmgr: peers.c. */
struct qpeer {
	struct link link;
	struct qmgr *q;
	struct chan *chan;
	struct worker *worker;   /* of a deliver, after its HELLO */
	struct control *control; /* of a command that waits, or NULL */
	int64_t since_ms;
	uint32_t pid;
	enum peer_role role; /* PEER_ROLE_N until HELLO */
};

/* One slot of a worker, and the lease in it: lease.c. */
struct lease {
	struct link link;      /* in qmgr.failed */
	struct link kept_link; /* in qmgr.kept */
	char *kept;            /* RESULT that came before its record */
	size_t kept_bytes;
	struct store_open open;
	struct telling *telling; /* what a notice says; else NULL */
	struct worker *worker;
	uint64_t number; /* 0: the slot is free */
	struct qid qid;
	uint32_t conn;
	uint32_t block;
	uint16_t slot;
	uint16_t part;
	uint16_t tries;
	uint16_t n_standing; /* bytes of standing that count */
	bool is_opening;     /* open is with the store, or telling is fetched */
	bool has_place;      /* open.place is ours, to be dropped */
	bool is_over;        /* answered or taken back: not to be sent */
	bool is_freed;       /* its slot is to be cleared when open is back */
	enum outcome outcome; /* in qmgr.failed: what to tell the core */
	uint8_t standing[PART_STANDING_BYTES];
};

/* A deliver process by its number, whether it is there or not: worker.c. */
struct worker {
	struct qmgr *q;
	struct qpeer *peer; /* NULL: it is not connected */
	struct slot_page *slots;
	struct lease *leases; /* n_slots */
	uint32_t index;
	unsigned n_slots;
	bool is_killed; /* master was asked to */
	bool is_lost;   /* cut off; what it holds comes back when it is dead */
	uint32_t pid;   /* of the one that is, or was, connected last */
	/* Generation of what it was sent for each place; 0: nothing. */
	uint32_t sent[STORE_PLACES];
};

struct qmgr {
	struct svc *svc;
	struct loop *loop;
	struct core *core;
	struct journal *journal;
	struct store *store;
	struct checkpoint *checkpoint;
	struct notices *notices;
	struct intake *intake;
	struct gauge *gauge;

	struct acceptor acceptor;
	struct list peers;
	struct worker *workers[CORE_WORKERS_MAX]; /* by number; NULL: none */
	struct peer *shaper;
	struct page *smtpd_pages[SVC_WORKERS_MAX + 1];

	struct turn_end turn_end;
	struct timer timer;
	struct list failed; /* leases that could not be sent */
	struct list kept;   /* leases whose results came too early */
	struct list orders; /* struct order_wait: who waits for the end */
	struct str facts;   /* of the result in hand: for its ledger entry */
	uint64_t order_facts_of; /* what follows is of this order */
	size_t order_facts_len;
	char order_facts[ORDER_FACTS_BYTES];
	uint32_t n_leases;  /* out now */
	struct str pause;   /* why no leases are given; empty: they are */
	int64_t peers_ms;   /* when silent peers are looked for again */
	bool is_in_turn;    /* the core knows this turn's time */
	bool is_fetching;   /* actions are being done */
	bool is_unbalanced; /* the accounts were, at the last look */
	bool is_stopping;
	bool is_ending;      /* the last checkpoint is being written */
	bool is_over;        /* nothing more is done */
	struct turn_end end; /* closes all down */
};

#endif /* QMGR_QMGR_INT_H */
