/* SPDX-License-Identifier: BSD-2-Clause */
/* types_int: what the queue core consists of. */
#ifndef QMGR_CORE_TYPES_INT_H
#define QMGR_CORE_TYPES_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "qmgr/core/action.h"
#include "qmgr/core/core.h"
#include "qmgr/core/view.h"
#include "qmgr/core/worker.h"
#include "util/base/heap.h"
#include "util/base/index.h"
#include "util/base/list.h"
#include "util/base/mem.h"
#include "util/base/slab.h"

/* Objects name each other by slab handle, 0 is none. */

#define CORE_NEVER_MS (INT64_MAX / 4)

/* A part in READY outlives its end by so much: its last try is due then. */
#define PART_LAST_TRY_MS INT64_C(300000)
#define PART_OWED_REMIND_MS INT64_C(300000)
#define PART_HELD_REMIND_MS INT64_C(86400000)
#define PART_UNREADABLE_WAIT_MS INT64_C(60000)
#define LEASE_RESTORED_MAX_MS INT64_C(90000000) /* limits are unknown then */
#define QUEUE_IDLE_MS INT64_C(60000)            /* an empty one stays so long */
#define PART_DEATHS_MAX 5                       /* then it is held (Q13) */
#define PART_DEATHS_LONELY 2 /* from then on it travels alone (Q13) */
#define PART_THROTTLES_MAX 3 /* then it may count as an attempt (Q9) */

/* In memory for each queued part; the deadline stands in core->due alone. */
struct part {
	uint64_t qid_low;
	uint32_t qid_ms_low; /* of 48 bits; the writer is the segment's */
	uint16_t qid_ms_high;
	uint16_t number; /* within the message */
	uint32_t segment;
	uint32_t block : 24;
	uint32_t state : 3;       /* enum part_status */
	uint32_t wants_delay : 1; /* its delay is to be told, and was not yet */
	uint32_t is_notice : 1;   /* READY: it stands among the notices */
	uint32_t queue;
	uint32_t heap_pos; /* in core->due */
	uint32_t next;     /* LEASED: worker << 16 | slot */
	uint32_t prev;
	uint32_t rcpts;       /* 0: one recipient, its standing is in here */
	int32_t born_s;       /* arrival in boot time; before boot: negative */
	uint32_t first_try_s; /* wall clock, 0: none yet */
	uint32_t last_try_s;
	uint16_t tries;
	uint16_t last_code;
	uint8_t cause : 7;        /* enum part_cause */
	uint8_t is_unwritten : 1; /* its last result is not in the ledger yet:
	                           * no new lease before it is */
	uint8_t deaths : 3;
	uint8_t throttles : 2;
	uint8_t standing : 2; /* of the one recipient */
	uint8_t is_silent : 1;
	uint16_t mark; /* HELD: place of the order that holds it, 0: none;
	                * throttles > 0: site->passes at the first; notice owed:
	                * how often it was refused */
};

_Static_assert(PART_STATE_N <= 8, "three bits for the state");
_Static_assert(sizeof(struct part) <= 64, "one cache line a part");

/* Standing of each recipient, where there are several. */
struct rcpts {
	uint16_t n, n_open, n_owed;
	uint8_t standing[PART_STANDING_BYTES];
};

/* Parts linked by next and prev; added at the end. */
struct part_list {
	uint32_t first, last, n;
};

struct seg_entry {
	uint32_t block;
	uint32_t part;
};

/* Live parts sorted by (block, part number), from live[first] on, so that the
 * oldest leave without a move of all others. */
struct seg {
	uint32_t self;
	uint32_t first, n, cap;
	uint32_t n_records; /* with a live part */
	uint32_t done_bytes;
	uint64_t number;
	int64_t first_ms, last_ms; /* of the qids that it ever had */
	uint16_t writer;
	bool is_sealed;
	bool has_records; /* ever had: its writer is known for sure */
	struct seg_entry *live;
	uint8_t *done; /* a bit for each block */
};

struct tenant {
	uint32_t self;
	uint32_t n_queues;
	uint32_t n_campaigns;
	struct str name; /* owned */
};

struct campaign {
	uint32_t self;
	uint32_t tenant;
	uint32_t n_queues;
	struct str name; /* owned */
};

struct queue {
	uint32_t self;
	uint32_t tenant, campaign;
	uint32_t site; /* of the last good route */
	uint32_t lane;
	uint32_t heap_pos; /* in core->queue_due */
	uint32_t n[PART_STATE_N];
	uint32_t n_notices; /* READY ones for the notice site, not in ready */
	struct part_list waiting, ready, held; /* lonely ones: core->lonely */
	struct link in_lane; /* listed: has something for the lane */
	struct queue_key key;
	struct str id; /* owned: the key in the index */

	int64_t route_until_ms; /* stale from then on */
	int64_t route_ask_ms;   /* deadline of a question, 0: none is out */
	int64_t route_wait_ms;  /* no question before */
	uint32_t route_generation;
	uint32_t route_life;
	uint16_t bounce_code;
	bool is_bouncing;      /* no route for good, until route_until_ms */
	struct str route_text; /* owned: why there is none */

	uint32_t policy_generation;
	struct core_queue_policy policy;

	uint32_t stop_generation; /* what follows is of that */
	uint64_t suspension;      /* number of one that applies; 0: none */
	uint64_t suspension_seen; /* none up to it applies */
	bool is_blocked;          /* by a hold or cancel that is applied */
	bool is_out; /* stopped: its ready parts do not count at the site */
};

/* A tenant at a site. */
struct lane {
	uint32_t self;
	uint32_t site, tenant;
	uint32_t n_queues;
	uint32_t weight;
	uint32_t credit;     /* parts that it may still send in its turn */
	struct list queues;  /* with ready parts, next to serve first */
	struct link in_site; /* listed: has such queues */
};

struct site {
	uint32_t self;
	uint32_t heap_pos; /* in core->site_due */
	uint32_t n_queues;
	uint32_t n_ready; /* in its lanes */
	uint32_t n_out;   /* leases at its connections */
	uint32_t n_opening, n_up;
	struct list lanes; /* with ready parts, next to serve first */
	struct list idle;  /* connections without lease */
	struct list busy;  /* with some, but room for more */
	struct list other; /* opening, full, used up, closing */
	struct link in_work;
	struct str source, provider;
	struct str id;    /* owned: holds both */
	struct str hosts; /* owned */
	enum transport transport;

	/* grant */
	uint32_t connections, per_connection;
	uint32_t left; /* messages; UINT32_MAX: no limit */
	int64_t valid_ms, renew_ms, wait_ms;
	int64_t ask_ms; /* deadline of a question, 0: none is out */
	uint32_t grant_generation;
	uint32_t grant_life;
	struct core_limit limit;
	struct str limit_text; /* owned: what limit points to */

	/* how it fares */
	uint8_t passes; /* attempts that the site let through, counted round */
	uint32_t cut;   /* connections that it bears; UINT32_MAX: no cut */
	int64_t cut_grow_ms;
	uint32_t cut_proven;   /* the cut with which something passed last */
	int64_t pause_ms;      /* throttled until */
	int64_t pause_step_ms; /* length of the last pause, 0: all is well */
	int64_t down_ms;       /* since, 0: is not down */
	int64_t probe_ms;      /* next probe */
	struct str trouble;    /* owned: last reply that slowed or stopped it */
	uint16_t trouble_code;

	uint32_t policy_generation;
	struct core_site_policy policy;
};

enum conn_state { CORE_CONN_OPENING, CORE_CONN_UP, CORE_CONN_CLOSING };

struct conn {
	uint32_t self;
	uint32_t number;
	uint32_t site;
	uint32_t worker;
	uint32_t heap_pos; /* in core->conn_due */
	uint32_t n_out;
	uint32_t n_sent;
	enum conn_state state;
	bool was_up;
	bool has_passed;
	bool is_adopted; /* and may hold what was leased before */
	struct list *in; /* of its site */
	struct link in_site;
	struct link in_worker;
};

enum slot_state {
	CORE_SLOT_FREE,
	CORE_SLOT_FILLED, /* restored, not looked at yet */
	CORE_SLOT_OUT,
	CORE_SLOT_ENDED, /* its result is in; not cleared yet */
};

struct slot_entry {
	uint64_t lease;
	uint32_t part;           /* OUT: 0 while its record is not admitted */
	uint32_t conn;           /* handle; 0: restored */
	uint32_t heap_pos;       /* OUT: in core->leases */
	int64_t lost_ms;         /* core->lost_ms when it was given */
	struct core_slot filled; /* FILLED, or OUT without part */
	uint8_t state;           /* enum slot_state */
	uint8_t notice;          /* enum notice_kind */
	uint8_t phase; /* enum slot_phase, as read when its holder was gone */
	bool is_held;  /* by a worker that lives */
	bool is_ended; /* FILLED: the ledger has its result */
	bool is_left;  /* its holder died, its record is not admitted yet */
};

struct worker {
	bool is_known, is_up, is_told, is_draining;
	int64_t doom_ms; /* when its end was asked for, 0: was not */
	uint32_t n_slots;
	uint32_t n_out;
	uint32_t n_restored; /* leases from before the restart */
	uint32_t n_unknown;  /* of these, without part */
	uint32_t drain_slot; /* next to look at */
	uint32_t n_free;
	uint16_t *free; /* numbers of free slots, a stack */
	struct slot_entry *slots;
	struct list conns;
};

/* While it is restored, a suspension may be met before its end. */
#define CORE_SUSPENSIONS_ROOM (2 * CORE_SUSPENSIONS_MAX)

/* What ends holds must find room when there are no more. */
#define CORE_ORDERS_ROOM \
	(CORE_ORDERS_MAX + CORE_SUSPENSIONS_ROOM + 2 * CORE_IN_HAND_MAX)

/* How far an order in hand is. */
enum walk {
	WALK_SITES,   /* a retry of all: they are forgiven */
	WALK_QUEUES,  /* parts by the lists of queues */
	WALK_COMMON,  /* by the lists that queues have in common */
	WALK_MESSAGE, /* instead: the parts of one message */
	WALK_SLOTS,   /* waits for what was leased */
};

/* An order, while it is in hand, in force, or the reason of a held part. */
struct ordered {
	struct order order;         /* its texts lie in text */
	struct order_target target; /* of a move; views into the order's */
	struct str text;            /* owned */
	uint16_t place;             /* in core->orders */
	uint32_t refs;              /* held parts that name it */
	int64_t end_ms;             /* of a suspension; CORE_NEVER_MS: none */
	struct link in_hand;
	struct link in_spent; /* listed: nobody may need it any more */

	enum walk walk;
	uint32_t cursor;         /* site or queue */
	unsigned list;           /* of the queue: next; common: this */
	uint32_t left;           /* parts to look at in that list */
	uint32_t segment, block; /* of the message */
	uint32_t part;           /* of it, to be looked at next */
	uint32_t worker, slot;   /* those before are waited for no more */
	uint64_t n_leased;       /* seen on the way */
	uint64_t n_stuck; /* not moved: no memory for where they should go */
	bool is_rest;     /* of a cancel: only what it holds */
};

/* Ready parts for which nothing is under way (Q3): stuck.c. */
struct stuck {
	uint64_t news;        /* things after which only the sweep looks */
	uint64_t begin_news;  /* when this sweep began */
	uint64_t swept_news;  /* when the last one began that came to an end */
	int64_t begin_ms[2];  /* of this sweep, and of the one before */
	int64_t no_room_ms;   /* a connection could not be opened, last */
	uint64_t n, n_before; /* found in this sweep, in the last one */
	int64_t oldest_ms, oldest_before_ms; /* when the oldest was born */
	uint32_t part, part_before;          /* that one */
	uint64_t found;                      /* ever */
	bool is_news;                        /* to be told */
};

#define CORE_ACTIONS_MAX 512
#define CORE_ACTIONS_INPUT 8 /* most that one input or step emits */
#define CORE_PAUSE_MAX_BYTES 63
#define CORE_SAY_BYTES 512

struct core {
	struct core_conf conf;
	struct mem mem;
	int64_t now_ms, wall_ms;
	int64_t lost_ms; /* in which qmgr did not run (Q5) */
	int64_t sweep_ms;
	uint32_t sweep_site, sweep_queue;
	bool is_sweeping;
	bool is_sites_swept;
	struct stuck stuck;
	bool is_restored;
	bool is_shaper_up;
	uint32_t policy_generation;
	uint32_t shaper_generation; /* answers of an older one are stale */
	uint32_t shaper_life;       /* questions to an older one are void */

	struct slab parts, rcpts, segs, queues, tenants, campaigns;
	struct slab sites, lanes, conns;
	struct index seg_ids, queue_ids, tenant_ids, campaign_ids;
	struct index site_ids, lane_ids, conn_ids;
	struct index lease_ids; /* of filled slots, during the restart */
	struct heap due, queue_due, site_due, conn_due;
	struct list work; /* sites that may have something to give */

	uint64_t admitted, done, owed;
	uint64_t messages; /* with a live part */
	uint64_t messages_admitted, messages_done;
	int64_t last_due_ms; /* latest of what waits, or later */
	struct heap leases;  /* out, by number: worker << 16 | slot */
	uint64_t n[PART_STATE_N];
	struct part_list notices; /* READY, for the notice site */
	uint32_t notice_site;
	struct part_list lonely; /* READY, for a worker with nothing else */
	int lonely_worker;       /* kept free or busy for one; -1: none */
	bool is_lonely_out;

	uint64_t next_lease;
	uint32_t next_conn;
	struct worker workers[CORE_WORKERS_MAX];
	uint32_t n_unknown; /* sum of the workers' */
	uint32_t n_slots;   /* the same */

	struct ordered *orders[CORE_ORDERS_ROOM + 1]; /* by place, from 1 */
	uint16_t order_list[CORE_ORDERS_ROOM];        /* places, by number */
	uint16_t order_free[CORE_ORDERS_ROOM];        /* places, a stack */
	uint32_t n_orders, n_order_free, order_places;
	struct list in_hand;       /* in the order in which they were given */
	struct list spent;         /* orders */
	uint32_t n_blocks;         /* in hand, and keep queues from leasing */
	uint32_t n_message_blocks; /* the same, for single messages */
	uint16_t suspensions[CORE_SUSPENSIONS_ROOM]; /* places, by number */
	uint32_t n_suspensions;
	int64_t suspended_ms;     /* when the first of them ends */
	uint32_t stop_generation; /* what stops queues changed */
	uint64_t next_order;
	int64_t newest_ms; /* arrival of the newest message ever seen */

	struct core_action actions[CORE_ACTIONS_MAX]; /* a ring */
	uint32_t action_first, n_actions;

	char pause[CORE_PAUSE_MAX_BYTES + 1];
	uint32_t pause_len;
	char say[CORE_SAY_BYTES]; /* texts of the last view */
};

#endif /* QMGR_CORE_TYPES_INT_H */
