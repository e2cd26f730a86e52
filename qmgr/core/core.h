/* SPDX-License-Identifier: BSD-2-Clause */
/* core: the queue manager without its hands: what goes in. */
#ifndef QMGR_CORE_CORE_H
#define QMGR_CORE_CORE_H

#include <stdbool.h>
#include <stdint.h>

#include "qmgr/core/backoff.h"
#include "util/base/err.h"
#include "util/mail/order.h"
#include "util/mail/outcome.h"
#include "util/mail/part.h"
#include "util/mail/qid.h"
#include "util/text/str.h"

/*
 * All parts of all queues, who may deliver them, and when. Pure: time and
 * events come in here, actions go out (action.h), and can be looked at
 * (view.h). Invariants Q1 to Q13 of docs/design.md 4.6 live here.
 *
 * A turn: core_turn(); what came from peers (here and in worker.h); then
 * core_tick() and core_schedule() as long as they return true. After each call
 * that is not in view.h, fetch the actions until there are none: views in them
 * last until the next call, and their number is bounded by that.
 *
 * Restart: core_new(), core_turn(), core_worker_add() for each slot page,
 * core_restore_lease() for each filled slot; then checkpoint and ledger in the
 * order in which they were written: core_restore(), core_segment_add() and the
 * like; then core_restore_end(). Nothing is leased before that.
 */
struct core;

#define CORE_BLOCK_MAX 0xffffff    /* of a record: files end before 64 GiB */
#define CORE_NAME_MAX_BYTES 255    /* tenant, campaign, domain, provider */
#define CORE_HOSTS_MAX_BYTES 16384 /* of a site */

/* Retry schedule of a queue, and the share of its tenant. */
struct core_queue_policy {
	struct backoff_policy backoff; /* has passed backoff_check() */
	int64_t delay_notice_ms; /* age at which a delay is told; 0: never */
	enum on_doubt on_doubt;
	uint32_t weight; /* of the tenant, 1 to 1000 */
};

struct core_site_policy {
	int64_t idle_reuse_ms; /* a connection without work stays so long */
	int64_t probe_max_ms;  /* longest wait between probes; >= 1000 */
	int64_t attempt_ms;    /* total limit of one attempt in a worker */
	int64_t open_ms;       /* total limit of opening a connection */
	uint32_t floor;        /* connections while the shaper is silent */
};

/* Pure look-ups in the configuration; called again after core_reload(). */
typedef void core_queue_policy_fn(
    void *ctx, const struct queue_key *key, struct core_queue_policy *policy);
typedef void core_site_policy_fn(void *ctx, struct str source,
    struct str provider, struct core_site_policy *policy);

struct core_conf {
	uint32_t parts_max;     /* 1 to SLAB_ITEMS_MAX: the memory bound */
	uint32_t campaigns_max; /* of a tenant; further ones share "other" */
	uint32_t conns_max;     /* open at once, of all workers */
	uint32_t ahead;         /* leases at a connection, 1 to 16; 2 is good */
	uint64_t first_lease;   /* above each lease ever given; not 0 */
	uint32_t first_conn;    /* unlike those a predecessor left open */
	struct str notice_hosts; /* of the site that takes notices; borrowed */
	core_queue_policy_fn *queue_policy;
	core_site_policy_fn *site_policy;
	void *ctx; /* of both */
};

/* NULL: no memory. */
struct core *core_new(const struct core_conf *conf);
void core_free(struct core **core);

/* The configuration is another one: policies are asked for again. */
void core_reload(struct core *core);

/* Time of this loop turn, before its other calls: boot time, which never goes
 * back, and the wall clock, which may do as it likes. Also once at the start,
 * before anything is restored. */
void core_turn(struct core *core, int64_t now_ms, int64_t wall_ms);

/* Does a slice of what is due; true: more is. */
bool core_tick(struct core *core);

/* Gives out a slice of leases and connections; true: there is more to give. */
bool core_schedule(struct core *core);

/* Boot time at which core_tick() has work again; at most a second ahead. */
int64_t core_next_ms(const struct core *core);

/* No leases are given until it is called with an empty reason. Also says so to
 * whoever asks why (63 bytes are kept). */
void core_pause_leases(struct core *core, struct str reason);

/* --- segments and messages ------------------------------------------------ */

/*
 * A segment exists. Known ones are ERR_OK too.
 *
 * ERR_FULL	no memory
 */
MUST_USE enum err core_segment_add(
    struct core *core, uint64_t number, uint16_t writer);

/* Its writer has closed it. Unknown numbers are ignored. */
void core_segment_sealed(struct core *core, uint64_t number);

/* It is unlinked. It has no live record (S4). Unknown: ignored. */
void core_segment_forget(struct core *core, uint64_t number);

struct core_admit_part {
	struct str domain; /* lower case, 1 to CORE_NAME_MAX_BYTES */
	uint16_t n_rcpts;  /* 1 to PART_RCPTS_MAX */
};

/* One record, all its parts; part numbers are the places in the array. */
struct core_admit {
	struct qid qid; /* holds the time of arrival */
	uint64_t segment;
	uint32_t block;
	uint32_t n_parts; /* 1 to 65535 */
	const struct core_admit_part *parts;
	struct str tenant;   /* may be empty */
	struct str campaign; /* may be empty */
	bool is_silent;      /* null sender: no notice is ever owed */
	bool wants_delay;    /* a recipient asks to be told of a delay */
};

/*
 * Takes a message, all of it or nothing (Q6). The ledger entry is the caller's.
 * Adds the segment if need be, with the writer of the qid.
 *
 * ERR_EXISTS	the record is known, live or done
 * ERR_FULL	no room: it stays unadmitted, try again later
 * ERR_RANGE	a number or length is out of its limits
 */
MUST_USE enum err core_admit(struct core *core, const struct core_admit *admit);

/*
 * The record of a live part is CAUSE_MISSING, or read and CAUSE_DAMAGED: the
 * part is HELD until a person comes, or core_part_found(). A leased one is left
 * alone. False: nothing changed. At most one NOTE and one REMEMBER each, so the
 * actions are fetched between two calls.
 */
bool core_part_lost(struct core *core, uint32_t part, enum part_cause cause);

/* Its record is where it belongs: a part that is held because it was missing
 * goes on; what else holds it goes on holding it. False: nothing changed. */
bool core_part_found(struct core *core, uint32_t part);

/* --- restart -------------------------------------------------------------- */

/*
 * One part state from checkpoint or ledger, in the order in which they were
 * written; the later wins, and again is as once. A due time becomes a wait of
 * at most the longest interval; a part past its life gets one attempt first.
 *
 * ERR_NOTFOUND	ignored: says nothing of its queue, and the part is unknown or
 *		done. A record that is known only so is unknown: the scan has
 *		it admitted, since a second attempt is better than none.
 * ERR_FULL	no memory, or more than parts_max
 * ERR_RANGE	not a part state
 */
MUST_USE enum err core_restore(
    struct core *core, const struct part_state *state);

/*
 * Done bits of a known segment from a checkpoint: bit n % 8 of byte n / 8
 * stands for block n. Its parts were written before, so that no record is
 * missing from both.
 *
 * ERR_FULL	no memory
 * ERR_NOTFOUND	the segment was not added
 * ERR_RANGE	more than CORE_BLOCK_MAX + 1 blocks
 */
MUST_USE enum err core_restore_done(
    struct core *core, uint64_t number, const uint8_t *bits, uint32_t blocks);

/* A filled slot. */
struct core_slot {
	uint64_t lease;
	uint64_t segment;
	struct qid qid;
	uint32_t block;
	uint16_t part;
};

/*
 * The worker's slot is filled. What becomes of it is decided in
 * core_restore_end(): the part is leased; or will be as soon as its record is
 * admitted; or its result is in the ledger already, and CORE_CLEAR says so.
 *
 * ERR_EXISTS	another slot has this lease: clear this one
 * ERR_FULL	no memory
 * ERR_RANGE	no such worker or slot, or it was filled
 */
MUST_USE enum err core_restore_lease(struct core *core, unsigned worker,
    unsigned slot, const struct core_slot *filled);

/* Messages done since the beginning of the spool, as the last AUDIT has it;
 * before core_restore_end(). */
void core_restore_messages(struct core *core, uint64_t done);

/* All is restored. done: parts since the beginning of the spool, last_lease:
 * the highest number ever given, both as the last AUDIT has them, or 0. True:
 * call again once the actions are fetched. */
bool core_restore_end(struct core *core, uint64_t done, uint64_t last_lease);

/* --- shaper --------------------------------------------------------------- */

/* What was asked of it is asked again when it is up. */
void core_shaper_up(struct core *core);
void core_shaper_down(struct core *core);

/* Its configuration changed: each queue asks for its route again before its
 * next part goes, which waits up to two seconds for it, each site for its grant
 * before its next lease; until the answer comes, the old ones hold. O(1). */
void core_shaper_stale(struct core *core);

struct core_route {
	uint32_t queue; /* as in the question; a stale one is ignored */
	enum route_status status;
	uint32_t valid_ms;
	enum transport transport;           /* ROUTE_OK; of the site */
	struct str source, provider, hosts; /* ROUTE_OK; the site */
	uint16_t code;                      /* ROUTE_NONE */
	struct str text;                    /* not OK: the reason */
};

/* ERR_RANGE: names or hosts too long. ERR_FULL: no memory; asked again. */
MUST_USE enum err core_route(struct core *core, const struct core_route *route);

struct core_grant {
	struct str source, provider;
	uint32_t connections;
	uint32_t messages;       /* UINT32_MAX: no limit */
	uint32_t per_connection; /* 0 or UINT32_MAX: no limit */
	uint32_t valid_ms;
	uint32_t wait_ms; /* above 0: nothing until then */
	struct str limit_name, limit_value, limit_from, limit_cause;
};

/* Unknown sites are ignored. */
void core_grant(struct core *core, const struct core_grant *grant);

/* --- operators ------------------------------------------------------------ */

#define CORE_ORDERS_MAX 10000     /* kept: then no more holds */
#define CORE_IN_HAND_MAX 256      /* orders that are not over */
#define CORE_SUSPENSIONS_MAX 1000 /* in force */

/*
 * Takes an order of a person (Q8). Given: kind, match, uid, by, why, until_ms
 * of a suspension, number of what a resume ends (0: the suspension with the
 * same match). *number: of the order, or of what it ended.
 *
 * A retry makes waiting parts due now (and, where it asks for all, forgets
 * back-off and down state of all sites); a hold puts parts into HELD, a release
 * puts held ones back, a cancel ends parts without notice. Each covers what
 * arrived by now, is applied in slices, and to leased parts when their lease
 * ends; meanwhile a hold or cancel keeps what it matches from being leased.
 * CORE_APPLIED tells that all parts were looked at, at once where nothing has
 * to be. A suspension keeps queues from delivering, while it lasts; one with
 * the same match takes its place.
 *
 * ERR_NOTFOUND	no such message; no such suspension
 * ERR_AGAIN	CORE_IN_HAND_MAX are not over
 * ERR_FULL	too many are kept or in force, or no memory
 * ERR_RANGE	a bound is broken, or a match is missing: only a retry may be
 *		of all
 */
MUST_USE enum err core_order(
    struct core *core, const struct order *given, uint64_t *number);

/* An order from the ledger, in its place between the part states. ERR_FULL,
 * ERR_RANGE as above. */
MUST_USE enum err core_restore_order(
    struct core *core, const struct order *order);

#endif /* QMGR_CORE_CORE_H */
