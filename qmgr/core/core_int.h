/* SPDX-License-Identifier: BSD-2-Clause */
/* core_int: what the files of the queue core use of each other. */
#ifndef QMGR_CORE_CORE_INT_H
#define QMGR_CORE_CORE_INT_H

#include "qmgr/core/types_int.h"

/* --- core.c --------------------------------------------------------------- */

/* A zeroed action to fill in; there is room, else it is a bug. */
struct core_action *core_emit(struct core *core, enum core_act act);

/* Whether one more step may emit what it needs. */
bool core_has_room(const struct core *core);

/* Makes *owned a copy of s, with what it was given back. False: no memory, and
 * it is as before. */
bool core_text_set(struct core *core, struct str *owned, struct str s);
void core_text_drop(struct core *core, struct str *owned);

/* --- seg.c: segments ------------------------------------------------------ */

struct seg *seg_find(const struct core *core, uint64_t number);
/* NULL: no memory. */
struct seg *seg_add(struct core *core, uint64_t number, uint16_t writer);
/* Room for n more parts and for the done bit of block; false: no memory. */
bool seg_reserve(
    struct core *core, struct seg *seg, uint32_t n, uint32_t block);
/* Enters a part that is not there; room is reserved. */
void seg_insert(struct core *core, struct seg *seg, uint32_t part);
/* Takes it out. is_done: with its last part the record is done. True: it was
 * the last one. */
bool seg_remove(
    struct core *core, struct seg *seg, const struct part *p, bool is_done);
bool seg_bit(const struct seg *seg, uint32_t block);
/* Whether a record of this writer can be in it. */
bool seg_takes_writer(struct seg *seg, uint16_t writer);
/* Index in live of the first part at or behind (block, number). */
uint32_t seg_lower(const struct core *core, const struct seg *seg,
    uint32_t block, uint32_t number);
/* The part, or 0. */
uint32_t seg_part(const struct core *core, const struct seg *seg,
    uint32_t block, uint32_t number);
bool seg_is_live(
    const struct core *core, const struct seg *seg, uint32_t block);

/* --- part.c: one part, its state and recipients --------------------------- */

/* What a new part begins with. */
struct part_new {
	struct seg *seg;
	struct queue *queue;
	const struct qid *qid;
	uint32_t block;
	uint16_t number;
	uint16_t n_rcpts;
	bool is_silent;
	bool wants_delay;
};

/* A new part, READY; seg and heap have room. 0: no memory. */
uint32_t part_make(struct core *core, const struct part_new *new);
/* Takes back part_make(), as if it had never been. */
void part_undo(struct core *core, uint32_t part);
struct part *part_get(const struct core *core, uint32_t part);
/* The one function that changes a part's state (Q1), but for part_finish. */
void part_move(
    struct core *core, uint32_t part, enum part_status to, int64_t due_ms);
/* To READY, with the end of life for a deadline. */
void part_make_ready(struct core *core, uint32_t part);
/* Into another queue, in the same state, with the same deadline; not LEASED. */
void part_change_queue(struct core *core, uint32_t part, struct queue *to);
/* The part is done, and gone. True: so is its message. */
bool part_finish(struct core *core, uint32_t part);

void part_qid(const struct core *core, const struct part *p, struct qid *qid);
void part_fill(
    const struct core *core, const struct part *p, struct part_state *state);
uint32_t part_n_rcpts(const struct core *core, const struct part *p);
enum rcpt_standing part_standing(
    const struct core *core, const struct part *p, uint32_t i);
void part_set_standing(
    struct core *core, struct part *p, uint32_t i, enum rcpt_standing to);
/* Whether some recipient is open, or owed a notice. */
bool part_is_open(const struct core *core, const struct part *p);
bool part_is_owed(const struct core *core, const struct part *p);
bool part_is_lonely(const struct part *p);
int64_t part_due_ms(const struct core *core, const struct part *p);
int64_t part_end_ms(struct core *core, const struct part *p);

void part_list_push(
    const struct core *core, struct part_list *list, uint32_t part);
void part_list_remove(
    const struct core *core, struct part_list *list, uint32_t part);

/* --- fate.c: what becomes of a part --------------------------------------- */

/* Appends its state to the ledger; freed may be NULL. */
void fate_remember(
    struct core *core, uint32_t part, const struct core_freed *freed);
void fate_note(struct core *core, uint32_t part, const char *text);
/* After recipients changed: done, waits for a notice, is tried again later, or
 * has come to its end. Remembers. */
void fate_settle(struct core *core, uint32_t part, enum part_cause cause,
    const struct core_freed *freed);
/* All that is open fails for good, for this reason, which is told to senders;
 * a view until the next call of the core. Remembers. */
void fate_fail(
    struct core *core, uint32_t part, enum part_cause cause, struct str reason);
/* Notes that the part, or its notice, may have arrived. */
void fate_doubt(struct core *core, uint32_t part, const char *text);
/* What the queue of a part wants done with it in that case. */
enum on_doubt fate_on_doubt(struct core *core, uint32_t part);
/* Ends a delivery of which nothing is known, if its queue wants it held or
 * bounced. False: it is to be tried again. Remembers. */
bool fate_end_doubt(
    struct core *core, uint32_t part, const struct core_freed *freed);
/* Waits by the schedule for tries tries; false: it is at its end. */
bool fate_wait(struct core *core, uint32_t part, uint32_t tries);

/* --- notice.c: what is owed to senders ------------------------------------ */

/* Makes the site that takes notices; false: no memory. */
bool notice_begin(struct core *core);
struct site *notice_site(const struct core *core);
bool notice_is_site(const struct core *core, const struct site *s);
/* Whether the part, once READY, is for the notice site. */
bool notice_is_due(struct core *core, const struct part *p);
/* For what a READY part would be leased. */
enum notice_kind notice_kind(const struct core *core, const struct part *p);
/* What such a lease says; a view until the next call of the core. */
struct str notice_reason(
    const struct core *core, const struct part *p, enum notice_kind kind);
/* What is told of one that may have arrived, and is not sent again. */
struct str notice_doubt(void);
/* What holds up the queue of a part, a view as above; empty: nothing that is
 * known. */
struct str notice_hold_up(const struct core *core, const struct part *p);
/* due_ms, or sooner, if the part's delay is to be told sooner. */
int64_t notice_cut_wait(
    struct core *core, const struct part *p, int64_t due_ms);
/* When a READY part is to be looked at. */
int64_t notice_look_ms(struct core *core, const struct part *p);
/* The part whose turn it is, or 0. */
uint32_t notice_pick(struct core *core);
/* What became of a lease for a notice, other than damaged. */
void notice_result(struct core *core, uint32_t part, enum notice_kind kind,
    const struct core_result *r, const struct core_freed *freed);
/* Its worker died at work; the death is still to be counted. */
void notice_took_back(struct core *core, uint32_t part, enum notice_kind kind,
    enum slot_phase phase);
/* What is owed waits, longer each time. */
void notice_wait(struct core *core, uint32_t part);
/* A READY part whose delay could not be told: it goes on without. */
void notice_give_up_delay(struct core *core, uint32_t part);

/* --- queue.c, campaign.c, lane.c ------------------------------------------ */

/* NULL: no memory. */
struct queue *queue_obtain(struct core *core, const struct queue_key *key);
struct queue *queue_get(const struct core *core, uint32_t queue);
const struct core_queue_policy *queue_policy(
    struct core *core, struct queue *q);
bool queue_is_empty(const struct queue *q);
void queue_free(struct core *core, struct queue *q);
/* Looks at it at_ms at the latest. */
void queue_wake(struct core *core, struct queue *q, int64_t at_ms);
/* Its deadline: asks for a route, bounces a slice, ends. */
void queue_visit(struct core *core, struct queue *q);
/* A question is out, and its deadline not over. */
bool queue_is_asking(const struct core *core, const struct queue *q);
/* Its route is unknown or out of date. */
bool queue_is_lost(const struct core *core, const struct queue *q);
/* The shaper's configuration changed, and its answer is due in a moment: no
 * part goes by the old route. */
bool queue_is_held(const struct core *core, const struct queue *q);
/* Wakes it if it should have asked for a route; stopped or not, it stands where
 * it belongs. */
void queue_sweep(struct core *core, struct queue *q);
/* Takes a stopped queue out of its lane, or one that is not back. */
void queue_set_out(struct core *core, struct queue *q, bool is_out);
/* A part came into, went out of q->ready. */
void queue_more(struct core *core, struct queue *q);
void queue_less(struct core *core, struct queue *q);
bool queue_attach(struct core *core, struct queue *q, struct site *s);
void queue_detach(struct core *core, struct queue *q);

/* key with its campaign made "other" when the tenant has too many. */
bool campaign_obtain(struct core *core, struct queue_key *key, uint32_t *tenant,
    uint32_t *campaign);
void campaign_release(struct core *core, uint32_t tenant, uint32_t campaign);

/* NULL: no memory. */
struct lane *lane_obtain(struct core *core, struct site *s, uint32_t tenant);
void lane_release(struct core *core, struct lane *lane);
void lane_activate(struct core *core, struct queue *q);
void lane_deactivate(struct core *core, struct queue *q);
/* The part whose turn it is; the site has ready parts. 0: none of the first few
 * may go before its last result is in the ledger. */
uint32_t lane_pick(struct core *core, struct site *s);
/* It was taken: the turn goes on. */
void lane_charge(struct core *core, struct site *s, struct queue *q);

/* --- site.c, health.c, grant.c -------------------------------------------- */

/* NULL: no memory. */
struct site *site_obtain(
    struct core *core, struct str source, struct str provider);
struct site *site_find(
    const struct core *core, struct str source, struct str provider);
struct site *site_get(const struct core *core, uint32_t site);
const struct core_site_policy *site_policy(struct core *core, struct site *s);
/* There may be something to give out. */
void site_mark(struct core *core, struct site *s);
/* Its times changed. */
void site_reckon(struct core *core, struct site *s);
void site_visit(struct core *core, struct site *s);
void site_unmark(struct core *core, struct site *s);
void site_free(struct core *core, struct site *s);

/* A connection ended with trouble, a lease was throttled, an attempt went
 * through. */
void health_conn_down(struct core *core, struct site *s, const struct conn *c,
    const struct core_conn_end *end);
void health_throttled(
    struct core *core, struct site *s, const struct core_result *r);
void health_passed(struct core *core, struct site *s);
void health_forget(struct core *core, struct site *s);
void health_visit(struct core *core, struct site *s);
/* Connections that the site may have now; 0: none new. */
uint32_t health_limit(const struct core *core, const struct site *s);

bool grant_is_valid(const struct core *core, const struct site *s);
/* Asks for one, or falls back, where there is a need. */
void grant_want(struct core *core, struct site *s);
void grant_visit(struct core *core, struct site *s);

/* --- conn.c, worker.c, lease.c, lonely.c ---------------------------------- */

struct conn *conn_find(
    const struct core *core, uint32_t worker, uint32_t number);
/* A new one, in state OPENING and not listed. NULL: no memory, or in use. */
struct conn *conn_make(
    struct core *core, struct site *s, uint32_t worker, uint32_t number);
/* Has a worker open one; false: nobody can. worker -1: the least loaded. */
bool conn_open(struct core *core, struct site *s, int worker);
void conn_close(struct core *core, struct conn *c);
/* Puts it where its state belongs. */
void conn_file(struct core *core, struct conn *c);
void conn_free(struct core *core, struct conn *c);
void conn_visit(struct core *core, struct conn *c);
/* One that can take a lease now, or NULL. */
struct conn *conn_pick(struct core *core, struct site *s);

struct worker *worker_get(struct core *core, uint32_t worker);
bool worker_is_ready(const struct worker *w);
/* The least loaded that can open one more, or -1. */
int worker_pick(const struct core *core);
bool worker_can_open(const struct core *core, uint32_t worker);
void worker_doom(struct core *core, uint32_t worker, const char *reason);
/* A slice of taking back; true: there is more. */
bool worker_drain(struct core *core, uint32_t worker);

void lease_lend(
    struct core *core, struct site *s, struct conn *c, uint32_t part);
/* The lease is over, the part still LEASED; freed names the slot. */
void lease_over(struct core *core, uint32_t worker, uint32_t slot,
    struct core_freed *freed);
void lease_clear(struct core *core, const struct core_freed *freed);
/* Its holder is gone. */
void lease_take_back(struct core *core, uint32_t worker, uint32_t slot);
/* Its deadline passed. */
void lease_overdue(struct core *core, uint32_t part);
/* Leases that were waiting for this record. */
void lease_match(struct core *core, struct seg *seg, uint32_t block);
struct slot_entry *lease_slot(
    const struct core *core, uint32_t worker, uint32_t slot);

/* One step for parts that travel alone; true: did something. */
bool lonely_run(struct core *core);
void lonely_ended(struct core *core, uint32_t worker);
void lonely_worker_gone(struct core *core, uint32_t worker);

/* --- sched.c, tick.c ------------------------------------------------------ */

/* Whether the site may be sent to now: no pause, and a grant. */
bool sched_may_send(const struct core *core, const struct site *s);
/* A due part comes to be ready; one that is late keeps its last try. */
void tick_make_due(struct core *core, uint32_t part);

/* --- stuck.c: ready parts for which nothing is under way ------------------ */

/* Something changed that only the sweep makes known: it runs soon. */
void stuck_sweep_soon(struct core *core);
/* A sweep over all sites and queues begins, and ends. */
void stuck_begin(struct core *core);
void stuck_end(struct core *core);
/* Looks at one, before the sweep puts it right. */
void stuck_look_at_site(struct core *core, const struct site *s);
void stuck_look_at_queue(struct core *core, const struct queue *q);
/* Whether nothing would ever be done for a queue's ready parts. */
bool stuck_is_queue(const struct core *core, const struct queue *q);
/* Raises the alarm, if there is one to raise. */
void stuck_tell(struct core *core);

/* --- ordertab.c: orders that are kept ------------------------------------- */

/* NULL: it is not kept. */
struct ordered *ordertab_find(const struct core *core, uint64_t number);
/* A new one, with texts of its own. NULL: no room, or no memory. */
struct ordered *ordertab_add(struct core *core, const struct order *order);
/* It says that from now on. False: no memory, and it is as before. */
bool ordertab_set(
    struct core *core, struct ordered *item, const struct order *order);
/* Something that needed it may be gone. */
void ordertab_look(struct core *core, struct ordered *item);
/* Drops a slice of those that nobody needs. */
void ordertab_reap(struct core *core);
void ordertab_free(struct core *core);
/* The order that holds the part, or NULL. */
struct ordered *ordertab_of(const struct core *core, const struct part *p);
/* The held part has it for a reason, or none any more. */
void ordertab_hold(struct part *p, struct ordered *item);
void ordertab_let_go(struct core *core, struct part *p);
/* The order with this number, of which nothing may be known yet. NULL: no
 * memory. */
struct ordered *ordertab_restore(struct core *core, uint64_t number);
/* Whether it is about this queue. */
bool ordertab_matches(const struct order_match *match, const struct queue *q);

/* --- orderpart.c, orderrun.c ---------------------------------------------- */

/* Whether it keeps what it covers from being leased: a hold or cancel that has
 * not been everywhere. */
bool orderpart_blocks(const struct ordered *item);
bool orderpart_covers(
    const struct core *core, const struct ordered *item, const struct part *p);
/* Does it to a covered part, which may be gone then. False: left as it is. */
bool orderpart_visit(struct core *core, struct ordered *item, uint32_t part);
/* The lease of a part ended, and what follows from that is emitted: orders that
 * waited for it. The part may be gone. */
void orderpart_lease_over(struct core *core, uint32_t part, uint64_t lease);
/* Whether an order that is being applied takes the part now. */
bool orderpart_takes(struct core *core, uint32_t part);
/* Whether the part must not be leased, for an order of its message. */
bool orderpart_keeps(const struct core *core, uint32_t part);

/* A slice; true: there is more. */
bool orderrun_run(struct core *core);
/* Orders wait for slices. */
bool orderrun_is_busy(const struct core *core);
/* All is restored: what was in hand goes on. */
void orderrun_restored(struct core *core);

/* --- suspend.c ------------------------------------------------------------ */

bool suspend_is_on(const struct ordered *item);
/* What stops queues is different now. */
void suspend_changed(struct core *core);
/* Ends those whose time is over. */
void suspend_run(struct core *core);
MUST_USE enum err suspend_begin(
    struct core *core, const struct order *order, uint64_t *number);
MUST_USE enum err suspend_resume(
    struct core *core, const struct order *order, uint64_t *number);
MUST_USE enum err suspend_restore(struct core *core, const struct order *order);
/* Whether nothing of the queue is leased now: it is suspended, or an order is
 * being applied to it. */
bool queue_is_stopped(struct core *core, struct queue *q);
/* Whether an order is being applied: not even its notices go. */
bool queue_is_blocked(struct core *core, struct queue *q);
/* What suspends it, or NULL. */
const struct order *queue_suspension(struct core *core, struct queue *q);

#endif /* QMGR_CORE_CORE_INT_H */
