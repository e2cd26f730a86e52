/* SPDX-License-Identifier: BSD-2-Clause */
/* world: a core with a shaper and workers that do as they are told. */
#ifndef TESTS_LIB_WORLD_H
#define TESTS_LIB_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "qmgr/core/action.h"
#include "qmgr/core/core.h"
#include "qmgr/core/view.h"
#include "qmgr/core/worker.h"
#include "util/base/array.h"

#define WORLD_ACTS_MAX 16384
#define WORLD_START_MS INT64_C(1000000)
#define WORLD_WALL_MS INT64_C(1700000000000)
#define WORLD_SEGMENT 77
#define WORLD_WRITER 5
#define WORLD_SLOTS 64

/* What to leave undone is set to false. */
struct world {
	struct core *core;
	struct core_queue_policy queue_policy;
	struct core_site_policy site_policy;
	int64_t now_ms, wall_ms;
	struct core_action acts[WORLD_ACTS_MAX]; /* all since world_forget() */
	/* Of orders, as they were when the action came. */
	uint8_t stages[WORLD_ACTS_MAX];
	uint64_t parts[WORLD_ACTS_MAX];
	uint32_t n_acts;
	bool routes, grants, opens, closes, clears; /* are answered */
	uint32_t connections, per_connection;
	const char *provider;
	uint32_t next_block;
};

static struct world world = { .wall_ms = WORLD_WALL_MS };

static void
world_queue_policy(
    void *ctx, const struct queue_key *key, struct core_queue_policy *policy)
{
	struct world *w = ctx;

	*policy = w->queue_policy;
	/* Tenant "w7" has weight 7. */
	if (key->tenant.len == 2 && key->tenant.ptr[0] == 'w')
		policy->weight = (uint32_t)(key->tenant.ptr[1] - '0');
}

static void
world_site_policy(void *ctx, struct str source, struct str provider,
    struct core_site_policy *policy)
{
	struct world *w = ctx;

	(void)source;
	(void)provider;
	*policy = w->site_policy;
}

static inline void
world_conf(struct core_conf *conf)
{
	*conf = (struct core_conf){ .parts_max = 200000,
		.campaigns_max = 3,
		.conns_max = 1000,
		.ahead = 2,
		.first_lease = 1,
		.first_conn = 1,
		.notice_hosts = STR("ours"),
		.queue_policy = world_queue_policy,
		.site_policy = world_site_policy,
		.ctx = &world };
}

/* A world without workers; nothing is restored yet. */
static inline void
world_begin(void)
{
	struct core_conf conf;

	world = (struct world){ .queue_policy = { .backoff = { .base_ms = 60000,
		                                      .cap_ms = 3600000,
		                                      .life_ms = 86400000 },
		                    .weight = 1 },
		.site_policy = { .idle_reuse_ms = 5000,
		    .probe_max_ms = 300000,
		    .attempt_ms = 600000,
		    .open_ms = 60000,
		    .floor = 1 },
		.now_ms = WORLD_START_MS,
		.wall_ms = WORLD_WALL_MS,
		.routes = true,
		.grants = true,
		.opens = true,
		.closes = true,
		.clears = true,
		.connections = 4,
		.provider = "relay",
		.next_block = 1 };
	world_conf(&conf);
	world.core = core_new(&conf);
	ck_assert_ptr_nonnull(world.core);
	core_turn(world.core, world.now_ms, world.wall_ms);
}

static inline void
world_end(void)
{
	ck_assert_pstr_eq(core_check(world.core), NULL);
	core_free(&world.core);
}

static inline void
world_answer_route(const struct core_action *a)
{
	struct core_route route = { .queue = a->queue,
		.status = ROUTE_OK,
		.valid_ms = 600000,
		.source = STR("default"),
		.provider = str_from_c(world.provider),
		.hosts = STR("hosts") };

	ck_assert_int_eq(core_route(world.core, &route), ERR_OK);
}

static inline void
world_grant(struct str provider, uint32_t messages, uint32_t wait_ms)
{
	struct core_grant grant = { .source = STR("default"),
		.provider = provider,
		.connections = world.connections,
		.messages = messages,
		.per_connection = world.per_connection,
		.valid_ms = 60000,
		.wait_ms = wait_ms,
		.limit_name = STR("connections"),
		.limit_value = STR("4"),
		.limit_from = STR("test.conf:1"),
		.limit_cause = STR("") };

	core_grant(world.core, &grant);
}

static inline void
world_down(const struct core_action *open, enum conn_why why)
{
	struct core_conn_end end = { .worker = open->worker,
		.conn = open->conn,
		.why = why,
		.code = why == CONN_THROTTLED ? 421 : 0,
		.text = STR("421 too many") };

	ck_assert_int_eq(core_conn_down(world.core, &end), ERR_OK);
}

static inline void
world_answer(const struct core_action *a)
{
	if (a->act == CORE_ROUTE_ASK && world.routes)
		world_answer_route(a);
	else if (a->act == CORE_GRANT_ASK && world.grants)
		world_grant(a->provider, UINT32_MAX, 0);
	else if (a->act == CORE_OPEN && world.opens)
		ck_assert_int_eq(
		    core_conn_up(world.core, a->worker, a->conn), ERR_OK);
	else if (a->act == CORE_CLOSE && world.closes)
		world_down(a, CONN_CLOSED);
	else if ((a->act == CORE_CLEAR || a->act == CORE_REMEMBER) &&
	    a->freed.lease != 0 && world.clears)
		core_slot_cleared(world.core, a->freed.worker, a->freed.slot);
}

/* Fetches and answers what there is; false: nothing. */
static inline bool
world_fetch(void)
{
	uint32_t from = world.n_acts;

	while (core_action_next(world.core, &world.acts[world.n_acts])) {
		const struct order *order = world.acts[world.n_acts].order;

		if (order != NULL) {
			world.stages[world.n_acts] = order->stage;
			world.parts[world.n_acts] = order->parts;
		}
		ck_assert_uint_lt(++world.n_acts, WORLD_ACTS_MAX);
	}
	for (uint32_t i = from; i < world.n_acts; i++)
		world_answer(&world.acts[i]);
	return world.n_acts > from;
}

/* A turn, until all is quiet. */
static inline void
world_run(void)
{
	bool more = true;

	while (more) {
		more = world_fetch();
		more = core_tick(world.core) || more;
		more = world_fetch() || more;
		more = core_schedule(world.core) || more;
		more = world_fetch() || more;
	}
	ck_assert_pstr_eq(core_check(world.core), NULL);
}

/* Lets ms pass, second by second, as the loop does. */
static inline void
world_pass(int64_t ms)
{
	int64_t end_ms = world.now_ms + ms;

	while (world.now_ms < end_ms) {
		int64_t step_ms = end_ms - world.now_ms;

		if (step_ms > 1000)
			step_ms = 1000;
		world.now_ms += step_ms;
		world.wall_ms += step_ms;
		core_turn(world.core, world.now_ms, world.wall_ms);
		world_run();
	}
}

static inline void
world_forget(void)
{
	world.n_acts = 0;
}

static inline uint32_t
world_count(enum core_act act)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < world.n_acts; i++)
		n += world.acts[i].act == act ? 1 : 0;
	return n;
}

/* The n-th action of a kind, from 0; a test that asks for it has it. */
static inline struct core_action *
world_act(enum core_act act, uint32_t n)
{
	for (uint32_t i = 0; i < world.n_acts; i++)
		if (world.acts[i].act == act && n-- == 0)
			return &world.acts[i];
	ck_abort_msg("no such action: %d", act);
}

static inline void
world_worker(unsigned worker)
{
	uint8_t phases[WORLD_SLOTS] = { 0 };

	core_worker_up(world.core, worker);
	core_worker_held_end(world.core, worker, phases);
}

/* The usual: one worker, the shaper up, nothing from before. */
static inline void
world_start(void)
{
	world_begin();
	ck_assert_int_eq(core_worker_add(world.core, 0, WORLD_SLOTS), ERR_OK);
	ck_assert(!core_restore_end(world.core, 0, 0));
	core_shaper_up(world.core);
	world_worker(0);
	world_run();
	world_forget();
}

/* The id of the message in block: it arrives now. */
static inline struct qid
world_qid(uint32_t block)
{
	struct qid q = { { 0 } };

	for (int i = 0; i < 6; i++)
		q.b[i] = (uint8_t)(world.wall_ms >> (40 - 8 * i));
	q.b[7] = WORLD_WRITER;
	q.b[15] = (uint8_t)block;
	q.b[14] = (uint8_t)(block >> 8);
	q.b[13] = (uint8_t)(block >> 16);
	return q;
}

static inline struct core_admit
world_message(const struct core_admit_part *parts, uint32_t n)
{
	uint32_t block = world.next_block++;

	return (struct core_admit){ .qid = world_qid(block),
		.segment = WORLD_SEGMENT,
		.block = block,
		.n_parts = n,
		.parts = parts };
}

/* One message to one recipient; returns its id. */
static inline struct qid
world_admit(const char *tenant, const char *domain)
{
	struct core_admit_part part = { str_from_c(domain), 1 };
	struct core_admit admit = world_message(&part, 1);

	admit.tenant = str_from_c(tenant);
	ck_assert_int_eq(core_admit(world.core, &admit), ERR_OK);
	return admit.qid;
}

static inline struct core_result
world_result(const struct core_action *lease, enum outcome outcome)
{
	return (struct core_result){ .worker = lease->worker,
		.slot = lease->slot,
		.lease = lease->part.lease,
		.outcome = outcome,
		.code = 250 };
}

/* All recipients of a lease get one verdict; bounces want a notice. */
static inline void
world_tell(const struct core_action *lease, enum verdict verdict)
{
	struct core_rcpt rcpts[PART_RCPTS_MAX];
	struct core_result r = world_result(lease, OUTCOME_TRIED);

	for (uint16_t i = 0; i < lease->part.n_rcpts; i++)
		rcpts[i] = (struct core_rcpt){ i, verdict, 250,
			verdict == VERDICT_BOUNCED };
	r.rcpts = rcpts;
	r.n_rcpts = lease->part.n_rcpts;
	r.code = verdict == VERDICT_DELIVERED ? 250 : 450;
	ck_assert_int_eq(core_result(world.core, &r), ERR_OK);
}

static inline struct core_accounts
world_accounts(void)
{
	struct core_accounts a;

	core_accounts(world.core, &a);
	return a;
}

/* The state of the only part of a message. */
static inline struct part_state
world_state(const struct qid *qid)
{
	struct part_state state = { .state = PART_DONE };

	(void)core_part_get(world.core, core_find(world.core, qid, 0), &state);
	return state;
}

static inline struct core_why
world_why(const struct qid *qid)
{
	struct core_why why;

	ck_assert(core_why(world.core, core_find(world.core, qid, 0), &why));
	return why;
}

/* Gives an order, and returns what came of that. */
static inline enum err
world_try_order(
    enum order_kind kind, const struct order_match *match, uint64_t *number)
{
	struct order order = { .kind = (uint8_t)kind,
		.uid = 7,
		.match = *match,
		.by = STR("alice"),
		.why = STR("because") };

	return core_order(world.core, &order, number);
}

/* One that is taken; returns its number. */
static inline uint64_t
world_order(enum order_kind kind, const struct order_match *match)
{
	uint64_t number = 0;

	ck_assert_int_eq(world_try_order(kind, match, &number), ERR_OK);
	return number;
}

static inline uint64_t
world_order_tenant(enum order_kind kind, const char *tenant)
{
	struct order_match match = { .tenant = str_from_c(tenant) };

	return world_order(kind, &match);
}

static inline uint64_t
world_order_message(enum order_kind kind, const struct qid *qid)
{
	struct order_match match = { .qid = *qid };

	return world_order(kind, &match);
}

/* How often an order of this kind came to be over, or to that stage. */
static inline uint32_t
world_count_stage(enum order_stage stage)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < world.n_acts; i++)
		n += world.acts[i].act == CORE_ORDER && world.stages[i] == stage
		    ? 1
		    : 0;
	return n;
}

/* The main() of a test file: one case, each test in a process of its own. */
static inline int
world_main(const char *name, const TTest *const *tests, size_t n)
{
	Suite *suite = suite_create(name);
	TCase *tc = tcase_create(name);
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	for (size_t i = 0; i < n; i++)
		tcase_add_test(tc, tests[i]);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#define WORLD_STR_EQ(s, text) \
	ck_assert_msg(str_eq((s), STR(text)), "\"%.*s\" is not \"%s\"", \
	    STR_ARG(s), (text))

#endif /* TESTS_LIB_WORLD_H */
