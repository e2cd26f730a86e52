/* SPDX-License-Identifier: BSD-2-Clause */
/* turn: drives the core. */
#include "qmgr/turn.h"

#include "qmgr/balance.h"
#include "qmgr/control.h"
#include "qmgr/gauge.h"
#include "qmgr/intake.h"
#include "qmgr/lease.h"
#include "qmgr/note.h"
#include "qmgr/notices.h"
#include "qmgr/orders.h"
#include "qmgr/peers.h"
#include "qmgr/qmgr_int.h"
#include "qmgr/shaper.h"
#include "qmgr/worker.h"
#include "util/base/fatal.h"
#include "util/log/log.h"
#include "util/mail/status.h"
#include "util/text/json.h"

/* Slices of the core in one turn: a few hundred microseconds. */
#define TURN_SLICES 8
/* A reason of at most 1024 bytes, each written as six. */
#define OWN_FACTS_BYTES 8192
/* Leases for which there must be room before they are given again. */
#define RESUME_LEASES 256

/* What no worker has said, under the keys that it would have used: the reason,
 * and the enhanced code that it begins with. */
static struct str
own_facts(struct outbuf *out, struct str reason)
{
	struct str code = str_head(reason, str_find(reason, ' '));
	struct str rest = reason;
	struct status status;
	struct json j;

	json_init(&j, out);
	json_open_object(&j);
	if (status_parse(&status, &rest) == ERR_OK) {
		json_key(&j, STR("enhanced"));
		json_str(&j, code);
	}
	json_key(&j, STR("reply"));
	json_str(&j, reason);
	json_close_object(&j);
	return json_end(&j) == ERR_OK ? outbuf_str(out) : STR("");
}

/* What a worker told goes with the entry that frees its slot; what an order
 * did, with who gave it: but the last facts of a part that owes a notice are
 * those that tell why. */
static struct str
facts_of(struct qmgr *q, const struct core_action *a, struct outbuf *out)
{
	if (a->freed.lease == 0 && a->order != NULL)
		return part_owes_notice(&a->part) ? STR("")
		                                  : orders_move_facts(q, a);
	if (a->freed.lease == 0 && a->part.order != 0)
		return part_owes_notice(&a->part)
		    ? STR("")
		    : orders_facts(q, a->part.order);
	if (q->facts.len == 0 && a->text.len > 0)
		return own_facts(out, a->text);
	return q->facts;
}

static void
remember(struct qmgr *q, const struct core_action *a)
{
	char bytes[OWN_FACTS_BYTES];
	struct outbuf out = { bytes, 0, sizeof(bytes) };
	uint64_t seq, event;

	journal_put_part(
	    q->journal, &a->part, facts_of(q, a, &out), &a->freed, a->is_last);
	journal_next(q->journal, &seq, &event);
	notices_put(q->notices, &a->part, seq - 1);
	if (a->is_end)
		LOG(EV_PART_EXPIRED, KV_QID("qid", &a->part.qid),
		    KV_NUM("part", a->part.part),
		    KV_NUM("tries", a->part.tries));
}

/* Q3 */
static void
tell_stuck(const struct core_action *a)
{
	char name[CORE_QUEUE_NAME_MAX_BYTES];
	struct outbuf queue = { name, 0, sizeof(name) };

	core_queue_name(&a->part.key, &queue);
	LOG(EV_PART_STUCK, KV_QID("qid", &a->part.qid),
	    KV_STR("queue", outbuf_str(&queue)), KV_NUM("age_ms", a->age_ms),
	    KV_NUM("n", a->n));
}

static void
act(struct qmgr *q, const struct core_action *a)
{
	switch (a->act) {
	case CORE_LEASE:
		lease_give(q, a);
		break;
	case CORE_OPEN:
		worker_open(q, a);
		break;
	case CORE_CLOSE:
		worker_close(q, a);
		break;
	case CORE_ROUTE_ASK:
		shaper_ask_route(q, a);
		break;
	case CORE_GRANT_ASK:
		shaper_ask_grant(q, a);
		break;
	case CORE_FEEDBACK:
		shaper_feed_back(q, a);
		break;
	case CORE_REMEMBER:
		remember(q, a);
		break;
	case CORE_CLEAR:
		lease_freed(q, &a->freed);
		break;
	case CORE_NOTE:
		note_part(q, a);
		break;
	case CORE_KILL_WORKER:
		worker_kill(q, a->worker, a->text);
		break;
	case CORE_ORDER:
		orders_put(q, a);
		break;
	case CORE_APPLIED:
		orders_applied(q, a);
		break;
	case CORE_STUCK:
		tell_stuck(a);
		break;
	}
}

void
turn_act(struct qmgr *q)
{
	struct core_action action;

	if (q->is_fetching)
		return;
	q->is_fetching = true;
	do {
		while (core_action_next(q->core, &action))
			act(q, &action);
	} while (lease_fail_next(q));
	q->is_fetching = false;
}

void
turn_begin(struct qmgr *q)
{
	if (q->is_in_turn)
		return;
	q->is_in_turn = true;
	core_turn(q->core, loop_now_ms(q->loop), loop_wall_ms(q->loop));
	turn_act(q);
	turn_end_ask(&q->turn_end);
}

/* The largest results of all leases out must find room in the ledger. */
static void
look_at_pause(struct qmgr *q)
{
	uint32_t n = q->n_leases;
	struct str reason = STR("");

	if (q->pause.len > 0)
		n += RESUME_LEASES;
	if (!journal_can_lease(q->journal, n))
		reason = STR("ledger");
	if (q->is_stopping)
		reason = STR("stopping");
	if (str_eq(reason, q->pause))
		return;
	q->pause = reason;
	core_pause_leases(q->core, reason);
}

/* Slices of what is due and of what can be given out; true: there is more. */
static bool
run_slices(struct qmgr *q)
{
	bool is_more = true;

	for (int i = 0; i < TURN_SLICES && is_more; i++) {
		is_more = core_tick(q->core);
		turn_act(q);
		look_at_pause(q);
		is_more = core_schedule(q->core) || is_more;
		turn_act(q);
	}
	return is_more;
}

static void
on_turn_end(void *arg)
{
	struct qmgr *q = arg;
	int64_t now_ms = loop_now_ms(q->loop);
	int64_t next_ms;
	bool is_more;

	turn_begin(q);
	is_more = run_slices(q);
	store_tick(q->store, now_ms);
	checkpoint_tick(q->checkpoint, now_ms);
	gauge_tick(q->gauge, now_ms);
	intake_tick(q->intake, now_ms);
	peers_tick(q, now_ms);
	balance_turn(q);
	q->is_in_turn = false;
	if (is_more)
		next_ms = now_ms;
	else {
		next_ms = core_next_ms(q->core);
		if (store_next_ms(q->store) < next_ms)
			next_ms = store_next_ms(q->store);
	}
	timer_set_at(&q->timer, next_ms);
}

static void
on_timer(void *arg)
{
	turn_begin(arg);
}

void
turn_init(struct qmgr *q)
{
	list_init(&q->failed);
	turn_end_init(&q->turn_end, q->loop, on_turn_end, q);
	timer_init(&q->timer, q->loop, on_timer, q);
	turn_begin(q);
}

void
turn_fini(struct qmgr *q)
{
	timer_fini(&q->timer);
	turn_end_fini(&q->turn_end);
}
