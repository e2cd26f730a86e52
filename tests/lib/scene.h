/* SPDX-License-Identifier: BSD-2-Clause */
/* scene: qmgr's hands around a real core, on real sockets; ledger, store,
 * shaper and master are of the test, and do what it says, when it says it. */
#ifndef TESTS_LIB_SCENE_H
#define TESTS_LIB_SCENE_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "qmgr/gauge.h"
#include "qmgr/intake.h"
#include "qmgr/lease.h"
#include "qmgr/notices.h"
#include "qmgr/past.h"
#include "qmgr/peers.h"
#include "qmgr/qmgr_int.h"
#include "qmgr/shaper.h"
#include "qmgr/stop.h"
#include "qmgr/turn.h"
#include "qmgr/worker.h"
#include "tests/lib/spool.h"
#include "util/base/array.h"
#include "util/base/fatal.h"
#include "util/io/sock.h"

/* The pass that is wanted next. */
#define SHELL_PASS 7
#define SHELL_SLOTS 8
#define SHELL_OUT_BYTES (16 * 1024 * 1024)
#define SHELL_LOG_MAX 64
#define SHELL_TURNS 30
#define SHELL_SEGMENT UINT64_C(0x1a2b3c)
#define SHELL_KEPT_BYTES 4096

/* A process at the other end of run/qmgr. */
struct client {
	struct chan *chan;      /* NULL: it was hung up on */
	unsigned n[MSG_N];      /* frames that came, by type */
	struct msg_lease lease; /* the last of each */
	struct msg_conn_open conn_open;
	struct msg_result_ack ack;
	struct msg_answer answer;
	struct msg_scan scan;
};

/* What the hands were seen to do. The rings hold what waits for the test. */
struct shell {
	struct qmgr q;
	struct spool_dir dir;
	struct page *page;
	int listen_fd, slots_fd, page_fd;
	struct timer tick;
	uint32_t queue; /* of the last question for a route */
	bool has_asked; /* a route; answered in the next turn */
	bool is_silent; /* the shaper: not answered */
	uint32_t next_block;
	int64_t wall_ms; /* when all messages arrived */
	/* ledger */
	unsigned n_parts, n_notes, n_orders;
	unsigned n_lost;         /* results that did not come to it */
	struct order last_order; /* its texts are of the core */
	struct part_state last_part;
	struct str last_facts;
	struct core_freed freed[SHELL_LOG_MAX]; /* not written yet */
	unsigned n_freed;
	struct list waits;
	bool is_ledger_full;
	/* store */
	bool is_slow; /* store_want() waits for shell_open() */
	struct store_open *opens[SHELL_LOG_MAX];
	unsigned n_opens;
	unsigned n_places; /* given and not dropped */
	uint32_t generation;
	struct job *look;
	unsigned n_reads, n_damaged, n_lost_writers, n_rescans;
	unsigned n_byte_rescans;
	/* others */
	struct past *past;
	bool is_past_full;
	unsigned n_kills, n_checkpoints, n_done;
	uint32_t killed;
	const char *closed[SHELL_LOG_MAX]; /* in this order */
	unsigned n_closed;
};

static struct shell shell;

/* --- ledger --------------------------------------------------------------- */

bool
journal_can_lease(const struct journal *j, uint32_t n_leases)
{
	(void)j;
	(void)n_leases;
	return !shell.is_ledger_full;
}

bool
journal_can_admit(const struct journal *j, uint32_t n_leases, size_t bytes)
{
	(void)j;
	(void)n_leases;
	(void)bytes;
	return !shell.is_ledger_full;
}

void
journal_put_parts(struct journal *j, const struct entry_parts *parts,
    struct str facts, uint32_t n_events)
{
	(void)j;
	(void)facts;
	(void)n_events;
	shell.n_parts += (unsigned)parts->n;
}

void
journal_put_part(struct journal *j, const struct part_state *part,
    struct str facts, const struct core_freed *freed, bool is_last)
{
	(void)j;
	(void)is_last;
	shell.n_parts++;
	shell.last_part = *part;
	shell.last_facts.len = facts.len;
	if (freed->lease == 0)
		return;
	BUG_IF(shell.n_freed == SHELL_LOG_MAX);
	shell.freed[shell.n_freed++] = *freed;
}

void
journal_sums(const struct journal *j, struct journal_sums *sums)
{
	struct core_accounts a;

	(void)j;
	core_accounts(shell.q.core, &a);
	*sums = (struct journal_sums){ a.messages_admitted, a.messages_done,
		a.admitted, a.done - shell.n_lost };
}

void
journal_put_policy(struct journal *j, const struct order *order)
{
	(void)j;
	shell.n_orders++;
	shell.last_order = *order;
}

void
journal_put_note(struct journal *j, const struct entry_note *note)
{
	(void)j;
	(void)note;
	shell.n_notes++;
}

void
journal_next(const struct journal *j, uint64_t *seq, uint64_t *event)
{
	(void)j;
	*seq = shell.n_parts + 1;
	*event = 0;
}

void
journal_wait(struct journal *j, struct journal_wait *wait)
{
	(void)j;
	list_push_back(&shell.waits, &wait->link);
}

void
journal_cancel(struct journal *j, struct journal_wait *wait)
{
	(void)j;
	if (link_is_listed(&wait->link))
		list_remove(&shell.waits, &wait->link);
}

void
journal_free(struct journal **j)
{
	*j = NULL;
	shell.closed[shell.n_closed++] = "journal";
}

/* --- store ---------------------------------------------------------------- */

static inline void
shell_give(struct store_open *open, enum err err)
{
	if (err == ERR_OK) {
		open->fd = shell.slots_fd;
		open->place = 7;
		open->generation = shell.generation;
		shell.n_places++;
	}
	open->done(open, err);
}

void
store_want(struct store *st, struct store_open *open)
{
	(void)st;
	if (!shell.is_slow) {
		shell_give(open, ERR_OK);
		return;
	}
	BUG_IF(shell.n_opens == SHELL_LOG_MAX);
	shell.opens[shell.n_opens++] = open;
}

void
store_drop(struct store *st, uint16_t place)
{
	(void)st;
	BUG_IF(place != 7 || shell.n_places == 0);
	shell.n_places--;
}

MUST_USE enum err
store_submit(struct store *st, struct job *job)
{
	(void)st;
	if (shell.look != NULL)
		return ERR_FULL;
	shell.look = job;
	return ERR_OK;
}

void
store_read_record(struct store *st, uint64_t segment, uint32_t block)
{
	(void)st;
	(void)segment;
	(void)block;
	shell.n_reads++;
}

uint64_t
store_rescan(struct store *st)
{
	(void)st;
	shell.n_rescans++;
	return SHELL_PASS;
}

uint64_t
store_rescan_bytes(struct store *st)
{
	(void)st;
	shell.n_byte_rescans++;
	return SHELL_PASS + 1;
}

void
store_damaged(struct store *st, uint64_t segment, uint32_t block)
{
	(void)st;
	ck_assert_uint_eq(segment, SHELL_SEGMENT);
	ck_assert_uint_lt(block, shell.next_block);
	shell.n_damaged++;
}

void
store_stats(const struct store *st, struct store_stats *stats)
{
	(void)st;
	*stats = (struct store_stats){ .pass = 1 };
}

void
store_heard(struct store *st, uint64_t segment)
{
	(void)st;
	(void)segment;
}

void
store_heard_sealed(struct store *st, uint64_t segment)
{
	(void)st;
	(void)segment;
}

void
store_lost_writer(struct store *st)
{
	(void)st;
	shell.n_lost_writers++;
}

void
store_tick(struct store *st, int64_t now_ms)
{
	(void)st;
	(void)now_ms;
}

int64_t
store_next_ms(const struct store *st)
{
	(void)st;
	return INT64_MAX;
}

void
store_free(struct store **st)
{
	*st = NULL;
	shell.closed[shell.n_closed++] = "store";
}

/* --- others --------------------------------------------------------------- */

MUST_USE enum err
past_ask(struct past *past)
{
	if (shell.is_past_full)
		return ERR_FULL;
	shell.past = past;
	return ERR_OK;
}

void
checkpoint_begin(struct checkpoint *c)
{
	(void)c;
	shell.n_checkpoints++;
}

void
checkpoint_tick(struct checkpoint *c, int64_t now_ms)
{
	(void)c;
	(void)now_ms;
}

void
checkpoint_free(struct checkpoint **c)
{
	*c = NULL;
	shell.closed[shell.n_closed++] = "checkpoint";
}

void
gauge_tick(struct gauge *p, int64_t now_ms)
{
	(void)p;
	(void)now_ms;
}

enum pressure
gauge_get(const struct gauge *p, struct str *reason)
{
	(void)p;
	*reason = STR("");
	return PRESSURE_ACCEPT;
}

void
shaper_ask_route(struct qmgr *q, const struct core_action *action)
{
	(void)q;
	shell.queue = action->queue;
	shell.has_asked = true;
}

void
shaper_ask_grant(struct qmgr *q, const struct core_action *action)
{
	(void)q;
	(void)action;
}

void
shaper_feed_back(struct qmgr *q, const struct core_action *action)
{
	(void)q;
	(void)action;
}

int
svc_fd(const struct svc *svc, enum hand_kind kind, uint32_t index)
{
	(void)svc;
	if (kind == HAND_SOCKET)
		return shell.listen_fd;
	if (kind == HAND_SLOTS && index == 1)
		return shell.slots_fd;
	return -1;
}

bool
svc_is_user_of(const struct svc *svc, enum peer_role role, uint32_t uid)
{
	(void)svc;
	(void)role;
	return uid == 0 || uid == geteuid();
}

void
svc_kill_worker(struct svc *svc, uint32_t index, struct str reason)
{
	(void)svc;
	(void)reason;
	shell.n_kills++;
	shell.killed = index;
}

void
svc_done(struct svc *svc)
{
	(void)svc;
	shell.n_done++;
	shell.closed[shell.n_closed++] = "svc";
}

/* --- turns ---------------------------------------------------------------- */

static inline void
shell_ticked(void *arg)
{
	loop_stop(arg);
}

static inline void
shell_answer_route(void)
{
	struct core_route route = { .queue = shell.queue,
		.status = ROUTE_OK,
		.valid_ms = 600000,
		.source = STR("default"),
		.provider = STR("relay"),
		.hosts = STR("") };
	struct core_grant grant = { .source = STR("default"),
		.provider = STR("relay"),
		.connections = 4,
		.messages = UINT32_MAX,
		.valid_ms = 600000 };

	shell.has_asked = false;
	turn_begin(&shell.q);
	ck_assert_int_eq(core_route(shell.q.core, &route), ERR_OK);
	turn_act(&shell.q);
	core_grant(shell.q.core, &grant);
	turn_act(&shell.q);
}

static inline void
shell_turn(void)
{
	timer_set_at(&shell.tick, loop_now_ms(shell.q.loop));
	loop_run(shell.q.loop);
	if (shell.has_asked && !shell.is_silent && !shell.q.is_over)
		shell_answer_route();
}

/* Until all that was sent has arrived, and what follows from it. */
static inline void
shell_run(void)
{
	for (int i = 0; i < SHELL_TURNS; i++)
		shell_turn();
	if (!shell.q.is_over)
		ck_assert_pstr_eq(core_check(shell.q.core), NULL);
}

/* The ledger thread has written all there was. */
static inline void
shell_write(void)
{
	unsigned n = shell.n_freed;

	shell.n_freed = 0;
	for (unsigned i = 0; i < n; i++) {
		turn_begin(&shell.q);
		lease_freed(&shell.q, &shell.freed[i]);
		turn_act(&shell.q);
	}
	shell_run();
}

/* And synced. */
static inline void
shell_sync(void)
{
	struct link *link;

	while ((link = list_first(&shell.waits)) != NULL) {
		struct journal_wait *wait =
		    LIST_ITEM(link, struct journal_wait, link);

		list_remove(&shell.waits, link);
		wait->done(wait);
	}
	shell_run();
}

/* The disk thread has opened all that was wanted. */
static inline void
shell_open(enum err err)
{
	unsigned n = shell.n_opens;

	shell.n_opens = 0;
	for (unsigned i = 0; i < n; i++)
		shell_give(shell.opens[i], err);
	shell_run();
}

/* --- clients -------------------------------------------------------------- */

static inline enum err
shell_frame(void *arg, struct frame *f)
{
	struct client *c = arg;
	enum err err = ERR_OK;

	c->n[f->type]++;
	if (f->type == MSG_LEASE)
		err = msg_lease_decode(&c->lease, f->body);
	else if (f->type == MSG_CONN_OPEN)
		err = msg_conn_open_decode(&c->conn_open, f->body);
	else if (f->type == MSG_RESULT_ACK)
		err = msg_result_ack_decode(&c->ack, f->body);
	else if (f->type == MSG_ANSWER)
		err = msg_answer_decode(&c->answer, f->body);
	else if (f->type == MSG_SCAN)
		err = msg_scan_decode(&c->scan, f->body);
	ck_assert_int_eq(err, ERR_OK);
	return ERR_OK;
}

static inline void
shell_closed(void *arg, enum err why, const char *text)
{
	struct client *c = arg;

	(void)why;
	(void)text;
	chan_free(&c->chan);
}

static inline void
client_connect(struct client *c)
{
	struct chan_conf conf = { .on_frame = shell_frame,
		.on_close = shell_closed,
		.arg = c,
		.out_max_bytes = SHELL_OUT_BYTES };
	int fd;

	*c = (struct client){ .chan = NULL };
	ck_assert_int_eq(sock_connect_at(shell.dir.fd, "qmgr", &fd), ERR_OK);
	c->chan = chan_new(shell.q.loop, fd, &conf);
}

static inline void
client_hello(
    struct client *c, enum peer_role role, uint32_t index, uint32_t pid)
{
	struct msg_hello m = {
		.role = (uint8_t)role, .index = index, .pid = pid
	};

	client_connect(c);
	ck_assert_int_eq(chan_send_hello(c->chan, &m), ERR_OK);
	shell_run();
}

static inline void
client_hang_up(struct client *c)
{
	if (c->chan != NULL)
		(void)!chan_flush(c->chan);
	chan_free(&c->chan);
	shell_run();
}

/* A worker that holds nothing, number 1. */
static inline void
client_worker(struct client *c, uint32_t pid)
{
	struct msg_hold_end end = { 0 };

	client_hello(c, PEER_DELIVER, 1, pid);
	if (c->chan == NULL)
		return;
	ck_assert_int_eq(chan_send_hold_end(c->chan, &end), ERR_OK);
	shell_run();
}

/* Its first connection is up. */
static inline void
client_up(struct client *c)
{
	struct msg_conn_up up = { .conn = c->conn_open.conn,
		.host = STR("relay"),
		.address = STR("127.0.0.1:25") };

	ck_assert_uint_gt(c->n[MSG_CONN_OPEN], 0);
	ck_assert_int_eq(chan_send_conn_up(c->chan, &up), ERR_OK);
	shell_run();
}

static inline void
client_result(struct client *c, enum outcome outcome)
{
	char bytes[64];
	struct outbuf list = { bytes, 0, sizeof(bytes) };
	struct msg_rcpt_result rcpt = { .verdict = VERDICT_DELIVERED,
		.code = 250 };
	struct msg_result m = { .conn = c->lease.conn,
		.slot = c->lease.slot,
		.lease = c->lease.lease,
		.qid = c->lease.qid,
		.outcome = (uint8_t)outcome,
		.code = 250,
		.facts = STR("facts") };

	ck_assert_int_eq(msg_rcpt_result_list_put(&list, &rcpt), ERR_OK);
	if (outcome == OUTCOME_TRIED)
		m.rcpts = outbuf_str(&list);
	ck_assert_int_eq(chan_send_result(c->chan, &m), ERR_OK);
	shell_run();
}

/* --- messages ------------------------------------------------------------- */

static inline struct qid
shell_qid(uint32_t block)
{
	int64_t ms = shell.wall_ms;
	struct qid qid = { { 0 } };

	for (int i = 0; i < 6; i++)
		qid.b[i] = (uint8_t)(ms >> (40 - 8 * i));
	qid.b[7] = 1;
	qid.b[15] = (uint8_t)block;
	return qid;
}

/* One message to one recipient; the block is its number. */
static inline struct qid
shell_admit(uint32_t block)
{
	struct core_admit_part part = { STR("example.org"), 1 };
	struct core_admit admit = { .qid = shell_qid(block),
		.segment = SHELL_SEGMENT,
		.block = block,
		.n_parts = 1,
		.parts = &part };

	if (block >= shell.next_block)
		shell.next_block = block + 1;
	turn_begin(&shell.q);
	ck_assert_int_eq(core_admit(shell.q.core, &admit), ERR_OK);
	/* As if it had come by there. */
	intake_begin(shell.q.intake);
	turn_act(&shell.q);
	shell_run();
	return admit.qid;
}

static inline enum part_status
shell_state(const struct qid *qid)
{
	struct part_state state;
	uint32_t part = core_find(shell.q.core, qid, 0);

	if (part == 0)
		return PART_DONE;
	ck_assert(core_part_get(shell.q.core, part, &state));
	return (enum part_status)state.state;
}

static inline uint64_t
shell_leased(void)
{
	struct core_accounts a;

	core_accounts(shell.q.core, &a);
	return a.leased;
}

/* --- begin and end -------------------------------------------------------- */

static void
shell_queue_policy(
    void *ctx, const struct queue_key *key, struct core_queue_policy *policy)
{
	(void)ctx;
	(void)key;
	*policy = (struct core_queue_policy){
		.backoff = { .base_ms = 60000,
		    .cap_ms = 3600000,
		    .life_ms = 86400000 },
		.weight = 1,
	};
}

static void
shell_site_policy(void *ctx, struct str source, struct str provider,
    struct core_site_policy *policy)
{
	(void)ctx;
	(void)source;
	(void)provider;
	*policy = (struct core_site_policy){ .idle_reuse_ms = 60000,
		.probe_max_ms = 300000,
		.attempt_ms = 600000,
		.open_ms = 60000,
		.floor = 1 };
}

/* All but the start: slots can be filled between it and shell_start(). */
static inline void
shell_begin(void)
{
	struct core_conf conf = { .parts_max = 1000,
		.campaigns_max = 3,
		.conns_max = 1000,
		.ahead = 2,
		.first_lease = 1,
		.first_conn = 1,
		.queue_policy = shell_queue_policy,
		.site_policy = shell_site_policy };
	struct qmgr *q = &shell.q;

	shell = (struct shell){ .listen_fd = -1, .generation = 1 };
	spool_dir_init(&shell.dir);
	ck_assert_int_eq(
	    sock_listen_at(shell.dir.fd, "qmgr", 64, &shell.listen_fd), ERR_OK);
	ck_assert_int_eq(
	    slot_page_create(&shell.slots_fd, SHELL_SLOTS), ERR_OK);
	q->loop = loop_new();
	shell.wall_ms = loop_wall_ms(q->loop);
	timer_init(&shell.tick, q->loop, shell_ticked, q->loop);
	list_init(&q->peers);
	list_init(&q->kept);
	list_init(&q->orders);
	list_init(&shell.waits);
	q->core = core_new(&conf);
	ck_assert_ptr_nonnull(q->core);
	core_turn(q->core, loop_now_ms(q->loop), loop_wall_ms(q->loop));
	q->intake = intake_new(q);
	q->notices = notices_new(shell.dir.fd);
}

static inline void
shell_start(void)
{
	struct qmgr *q = &shell.q;

	worker_init_all(q);
	worker_restore_slots(q);
	stop_init(q);
	turn_init(q);
	while (core_restore_end(q->core, 0, 0))
		turn_act(q);
	turn_act(q);
	intake_begin(q->intake);
	core_shaper_up(q->core);
	peers_init(q);
	shell_run();
}

static inline void
shell_fini(void)
{
	struct qmgr *q = &shell.q;
	struct link *link;

	if (!q->is_over) {
		while ((link = list_first(&q->peers)) != NULL)
			peers_cut(LIST_ITEM(link, struct qpeer, link));
		acceptor_fini(&q->acceptor);
		turn_fini(q);
		turn_end_fini(&q->end);
	}
	timer_fini(&shell.tick);
	loop_free(&q->loop);
	core_free(&q->core);
	notices_free(&q->notices);
	(void)close(shell.listen_fd);
	(void)close(shell.slots_fd);
	spool_dir_fini(&shell.dir);
}

#endif /* TESTS_LIB_SCENE_H */
