/* SPDX-License-Identifier: BSD-2-Clause */
/* sim_core: plays days of a relay's life on the queue core, with an oracle.
 *
 * usage: sim_core [SEED [STEPS]]
 *
 * Messages arrive; providers accept, defer, bounce, throttle, go down; workers,
 * qmgr and the power die at any moment; frames, admits and unsynced bytes are
 * lost; clocks jump. After each step the accounts balance, often the whole core
 * is checked, and in the end each accepted recipient is delivered, or failed
 * with a notice owed; and more than once only where the ledger marked a doubt.
 */
#include <inttypes.h>

#include "tests/sim/disk.h"
#include "tests/sim/peers.h"
#include "tests/sim/sim.h"
#include "util/text/num.h"

#define STEPS_DEFAULT 600000
#define CHECK_EVERY 512
#define END_STEPS_MAX 4000000
#define END_HOURS 200
#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)

static void
queue_policy(
    void *ctx, const struct queue_key *key, struct core_queue_policy *policy)
{
	(void)ctx;
	*policy = (struct core_queue_policy){ .backoff = { .base_ms = 10000,
		                                  .cap_ms = 1200000,
		                                  .life_ms = SIM_LIFE_MS,
		                                  .jitter_pct = 10 },
		.weight = 1 };
	if (key->tenant.len == 2)
		policy->weight = (uint32_t)(key->tenant.ptr[1] - '0');
}

static void
site_policy(void *ctx, struct str source, struct str provider,
    struct core_site_policy *policy)
{
	(void)ctx;
	(void)source;
	(void)provider;
	*policy = (struct core_site_policy){ .idle_reuse_ms = 3000,
		.probe_max_ms = 60000,
		.attempt_ms = 120000,
		.open_ms = 30000,
		.floor = 2 };
}

static void
new_core(void)
{
	struct core_conf conf = { .parts_max = SIM_PARTS_MAX,
		.campaigns_max = 10,
		.conns_max = SIM_CONNS / 2,
		.ahead = SIM_AHEAD,
		.first_lease = 1,
		.first_conn = sim.next_conn += 1000,
		.queue_policy = queue_policy,
		.site_policy = site_policy };

	sim.core = core_new(&conf);
	SIM_REQUIRE(sim.core != NULL, "no memory");
	core_turn(sim.core, sim.now_ms, sim.wall_ms);
}

/* --- actions -------------------------------------------------------------- */

static void
act(const struct core_action *a)
{
	struct sim_entry e = { .kind = ENTRY_PART, .part = a->part };

	switch (a->act) {
	case CORE_LEASE:
		peer_lease(a);
		break;
	case CORE_OPEN:
		peer_open(a);
		break;
	case CORE_CLOSE:
		peer_close(a);
		break;
	case CORE_ROUTE_ASK:
		shaper_route(a);
		break;
	case CORE_GRANT_ASK:
		shaper_grant(a);
		break;
	case CORE_REMEMBER:
		disk_remember(&e, &a->freed);
		break;
	case CORE_CLEAR:
		disk_clear(&a->freed);
		break;
	case CORE_KILL_WORKER:
		worker_die(a->worker);
		break;
	case CORE_RETRIED:
		sim.count.retries += a->n;
		break;
	case CORE_FEEDBACK:
	case CORE_NOTE:
		break;
	}
}

static void
fetch(void)
{
	struct core_action a;

	while (core_action_next(sim.core, &a))
		act(&a);
}

static void
turn(void)
{
	core_turn(sim.core, sim.now_ms, sim.wall_ms);
	do
		fetch();
	while (core_tick(sim.core));
	do
		fetch();
	while (core_schedule(sim.core));
	fetch();
	SIM_REQUIRE(core_audit(sim.core), "Q6: the accounts do not balance");
}

/* --- arrivals ------------------------------------------------------------- */

static struct qid
next_qid(uint32_t writer)
{
	uint32_t i = sim.n_msgs;
	int64_t ms = sim.wall_ms;
	struct qid q = { { 0 } };

	if (ms < sim.last_qid_ms[writer])
		ms = sim.last_qid_ms[writer];
	sim.last_qid_ms[writer] = ms;
	for (int k = 0; k < 6; k++)
		q.b[k] = (uint8_t)(ms >> (40 - 8 * k));
	q.b[7] = (uint8_t)(writer + 1);
	for (int k = 0; k < 4; k++)
		q.b[12 + k] = (uint8_t)(i >> (24 - 8 * k));
	return q;
}

static void
seal(uint32_t seg)
{
	sim.segs[seg].is_sealed = true;
	if (sim.core != NULL && !sim_chance(100000))
		core_segment_sealed(sim.core, sim.segs[seg].number);
}

static struct sim_segment *
segment_of(uint32_t writer)
{
	struct sim_segment *s = &sim.segs[sim.open_seg[writer]];

	if (sim.n_segs > 0 && s->number != 0 && s->writer == writer + 1 &&
	    s->n_records < SIM_SEGMENT_RECORDS)
		return s;
	if (s->number != 0 && s->writer == writer + 1)
		seal(sim.open_seg[writer]);
	SIM_REQUIRE(sim.n_segs < sim.max_segs, "too many segments");
	sim.open_seg[writer] = sim.n_segs;
	s = &sim.segs[sim.n_segs++];
	*s = (struct sim_segment){ .number = sim.n_segs * 16 + 1,
		.writer = (uint16_t)(writer + 1) };
	return s;
}

static void
fill_parts(struct sim_msg *m)
{
	m->n_parts =
	    (uint8_t)(sim_chance(800000) ? 1 : 1 + sim_below(SIM_PARTS));
	for (uint32_t i = 0; i < m->n_parts; i++) {
		struct sim_part *p = &m->parts[i];

		p->domain = (uint16_t)sim_below(SIM_DOMAINS);
		p->n_rcpts =
		    (uint8_t)(sim_chance(700000) ? 1
		                                 : 1 + sim_below(SIM_RCPTS));
		for (uint32_t k = 0; k < p->n_rcpts; k++) {
			p->rcpts[k].will_bounce = sim_chance(50000);
			p->rcpts[k].defers =
			    (uint8_t)(sim_chance(900000) ? 0 : sim_below(9));
		}
	}
}

static enum err
admit(const struct sim_msg *m)
{
	struct core_admit_part parts[SIM_PARTS];
	struct core_admit a = { .qid = m->qid,
		.segment = m->segment,
		.block = m->block,
		.n_parts = m->n_parts,
		.parts = parts,
		.tenant = sim_tenant(m->tenant),
		.is_silent = m->is_silent };

	for (uint32_t i = 0; i < m->n_parts; i++)
		parts[i] =
		    (struct core_admit_part){ sim_domain(m->parts[i].domain),
			    m->parts[i].n_rcpts };
	return core_admit(sim.core, &a);
}

/* The admission's entry: all parts, with their keys. */
static void
remember_admission(const struct sim_msg *m)
{
	for (uint32_t i = 0; i < m->n_parts; i++) {
		struct sim_entry e = { .kind = ENTRY_PART,
			.has_key = true,
			.more = m->n_parts - i - 1 };

		e.part = (struct part_state){ .qid = m->qid,
			.segment = m->segment,
			.block = m->block,
			.part = (uint16_t)i,
			.n_rcpts = m->parts[i].n_rcpts,
			.is_silent = m->is_silent,
			.state = PART_READY };
		disk_remember(&e, NULL);
	}
}

/* Tells the core; false: it has no room. */
static bool
announce(struct sim_msg *m)
{
	enum err err = admit(m);

	sim.count.full += err == ERR_FULL ? 1 : 0;
	if (err == ERR_FULL)
		return false;
	SIM_REQUIRE(err == ERR_OK, "a record is refused");
	SIM_REQUIRE(admit(m) == ERR_EXISTS, "a record is taken twice");
	m->is_announced = true;
	/* An entry holds all parts: they are written together, or not. */
	if (sim.n_pending + SIM_PARTS > SIM_PENDING)
		disk_flush(false);
	remember_admission(m);
	return true;
}

static void
arrive(void)
{
	uint32_t writer = sim_below(SIM_WRITERS);
	struct sim_segment *s = segment_of(writer);
	struct sim_msg *m = &sim.msgs[sim.n_msgs];

	*m = (struct sim_msg){ .qid = next_qid(writer),
		.segment = s->number,
		.seg = (uint32_t)(s - sim.segs),
		.block = ++s->n_records,
		.tenant = (uint8_t)sim_below(4),
		.is_silent = sim.n_segs % 8 != 0,
		.is_poison = sim_chance(1000) };
	sim.n_msgs++;
	fill_parts(m);
	if (sim.core == NULL || sim_chance(20000) || !announce(m)) {
		sim.unheard[sim.n_unheard++] = (uint32_t)(m - sim.msgs);
		sim.count.unheard++;
	}
}

/* The scan: finds what no admit announced. */
static void
scan(void)
{
	uint32_t n = sim.n_unheard;

	for (uint32_t i = 0; i < n && i < 20; i++) {
		struct sim_msg *m = &sim.msgs[sim.unheard[sim.n_unheard - 1]];

		if (!announce(m))
			return;
		sim.n_unheard--;
		fetch();
	}
}

/* S4: a segment goes when its ledger is synced. */
static void
reclaim(void)
{
	uint32_t i = sim_below(sim.n_segs + 1);
	struct sim_entry e = { .kind = ENTRY_FORGET };

	if (i == sim.n_segs || sim.segs[i].is_gone || !sim.segs[i].is_sealed)
		return;
	core_segment_sealed(sim.core, sim.segs[i].number);
	for (uint32_t k = 0; k < sim.n_unheard; k++)
		if (sim.msgs[sim.unheard[k]].seg == i)
			return;
	if (!core_segment_is_done(sim.core, sim.segs[i].number))
		return;
	disk_flush(false);
	disk_sync();
	sim.segs[i].is_gone = true;
	core_segment_forget(sim.core, sim.segs[i].number);
	e.segment = sim.segs[i].number;
	disk_remember(&e, NULL);
	sim.count.forgotten++;
}

/* --- what breaks ---------------------------------------------------------- */

static void
compare_part(const struct part_state *was)
{
	struct part_state now;
	uint32_t part = 0;

	while ((part = core_find(sim.core, &was->qid, part)) != 0) {
		SIM_REQUIRE(core_part_get(sim.core, part, &now), "gone");
		if (now.part == was->part)
			break;
	}
	SIM_REQUIRE(part != 0, "Q11: a part is gone after a restart");
	SIM_REQUIRE(now.tries == was->tries && now.deaths == was->deaths,
	    "Q11: a count changed in a restart");
	SIM_REQUIRE(
	    memcmp(now.standing, was->standing, sizeof(now.standing)) == 0,
	    "Q11: a recipient changed in a restart");
	/* Due times are wall clock on disk: a jump shows in them. */
	if (sim.count.jumps == 0 && was->state == PART_WAITING &&
	    now.state == PART_WAITING)
		SIM_REQUIRE(now.due_ms >= was->due_ms - 1 &&
		        now.due_ms <= was->due_ms + PART_RCPTS_MAX * 2000,
		    "Q11: a due time changed in a restart");
}

/* A clean restart keeps everything; states are compared one by one. */
static void
compare(struct core *old)
{
	struct part_state was;
	uint32_t n = 0;

	for (uint32_t p = 0; (p = core_part_next(old, p)) != 0;) {
		SIM_REQUIRE(core_part_get(old, p, &was), "gone");
		if (n++ % 16 == 0)
			compare_part(&was);
	}
}

static void
begin_again(struct core *old)
{
	new_core();
	replay();
	replay_files();
	while (core_restore_end(sim.core, replay_done(), 0))
		fetch();
	fetch();
	replay_scan();
	if (old != NULL)
		compare(old);
	core_free(&old);
	if (sim.is_shaper_up)
		core_shaper_up(sim.core);
}

/* qmgr dies. What it had not written is gone, or just written, but no slot
 * cleared. Frames on their way are lost, or not. */
static void
kill_qmgr(bool is_clean)
{
	struct core *old = is_clean ? sim.core : NULL;

	sim.count.restarts++;
	sim.doom_step = 0;
	sim.stirred_ms = sim.now_ms;
	if (is_clean)
		disk_flush(false);
	else if (sim_chance(500000))
		disk_flush(true);
	sim.n_pending = 0;
	for (uint32_t w = 0; w < SIM_WORKERS; w++) {
		sim.workers[w].is_known = false;
		for (uint32_t i = 0; i < SIM_SLOTS; i++) {
			struct sim_slot *s = &sim.workers[w].slots[i];

			if (s->is_on_way && sim_chance(500000))
				s->is_held = true;
			s->is_on_way = false;
		}
	}
	if (!is_clean)
		core_free(&sim.core);
	begin_again(old);
}

static void
lose_power(void)
{
	sim.count.power_losses++;
	sim.stirred_ms = sim.now_ms;
	for (uint32_t w = 0; w < SIM_WORKERS; w++) {
		for (uint32_t i = 0; i < SIM_SLOTS; i++) {
			struct sim_slot *s = &sim.workers[w].slots[i];
			struct sim_part *p = &sim.msgs[s->msg].parts[s->part];

			for (uint32_t k = 0; k < SIM_RCPTS; k++)
				p->rcpts[k].doubts += s->is_filled ? 1 : 0;
			*s = (struct sim_slot){ .is_filled = false };
		}
		sim.workers[w].is_known = false;
		sim.workers[w].is_alive = false;
		sim.workers[w].back_ms = sim.now_ms + sim_below(2000);
	}
	for (uint32_t i = 0; i < SIM_CONNS; i++)
		sim.conns[i].phase = CONN_FREE;
	disk_lose();
	core_free(&sim.core);
	begin_again(NULL);
}

static void
change_mood(void)
{
	struct sim_provider *p = &sim.providers[sim_below(SIM_PROVIDERS)];

	p->mood = (enum provider_mood)sim_below(MOOD_N);
	if (sim_chance(500000))
		p->mood = MOOD_WELL;
	p->bears = sim_chance(500000) ? SIM_CONNS : 1 + sim_below(6);
}

static void
jump(void)
{
	int64_t ms = (int64_t)sim_below((uint32_t)(2 * DAY_MS)) - DAY_MS;

	sim.wall_ms += ms;
	sim.count.jumps++;
}

static void
retry(void)
{
	uint32_t op;
	enum err err = sim_chance(500000)
	    ? core_retry_all(sim.core, &op)
	    : core_retry_queues(sim.core, STR("w?@d*"), &op);

	SIM_REQUIRE(err == ERR_OK || err == ERR_FULL, "no retry");
	sim.stirred_ms = sim.now_ms;
}

static void
break_something(void)
{
	if (sim.doom_step > 0 && sim.step >= sim.doom_step)
		kill_qmgr(false);
	if (sim_chance(100))
		kill_qmgr(sim_chance(300000));
	if (sim_chance(10))
		lose_power();
	if (sim_chance(300))
		worker_die(sim_below(SIM_WORKERS));
	if (sim_chance(800))
		change_mood();
	if (sim_chance(20))
		jump();
	if (sim_chance(100))
		retry();
	if (sim_chance(200)) {
		sim.is_shaper_up = !sim.is_shaper_up;
		if (sim.is_shaper_up)
			core_shaper_up(sim.core);
		else
			core_shaper_down(sim.core);
	}
	if (sim_chance(50))
		core_shaper_stale(sim.core);
	if (sim_chance(20))
		core_reload(sim.core);
}

/* --- steps ---------------------------------------------------------------- */

static void
step_peers(void)
{
	for (uint32_t w = 0; w < SIM_WORKERS; w++) {
		struct sim_worker *worker = &sim.workers[w];

		if (!worker->is_alive && sim.now_ms >= worker->back_ms)
			worker->is_alive = true;
		else if (worker->is_alive && !worker->is_known &&
		    sim_chance(300000))
			worker_hello(w);
		for (int i = 0; i < 4 && worker->is_alive; i++) {
			slot_step(w, sim_below(SIM_SLOTS));
			fetch();
		}
	}
	for (int i = 0; i < 8; i++) {
		conn_step(&sim.conns[sim_below(SIM_CONNS)]);
		fetch();
	}
}

static void
step_disk(void)
{
	if (sim_chance(30000))
		disk_flush(false);
	if (sim_chance(20000))
		disk_sync();
	if (!sim.is_checkpointing &&
	    (sim.ledger.n > DISK_LEDGER_MAX || sim_chance(50)))
		checkpoint_begin();
	checkpoint_slice();
	if (sim_chance(10000))
		reclaim();
	if (sim_chance(10000))
		scan();
}

static void
step_time(void)
{
	int64_t ms = sim_below(40);

	if (sim_chance(500))
		ms += sim_below(1000);
	if (sim_chance(20))
		ms += sim_below(100000);
	sim.now_ms += ms;
	sim.wall_ms += ms;
}

static void
check_all(void)
{
	struct core_accounts a;
	uint64_t found = 0;
	const char *wrong = core_check(sim.core);

	if (wrong != NULL)
		sim_fail(wrong);
	for (uint32_t i = 0; i < sim.n_msgs; i++)
		found += sim.msgs[i].is_announced ? sim.msgs[i].n_parts : 0;
	core_accounts(sim.core, &a);
	SIM_REQUIRE(found == a.admitted, "Q6: found and admitted differ");
	sim.count.checks++;
}

static void
step(void)
{
	step_time();
	if (!sim.is_calm) {
		/* Bursts: a third of the time nothing comes. */
		if (sim.n_msgs < sim.max_msgs && sim.step / 20000 % 3 != 2 &&
		    sim_chance(250000))
			arrive();
		break_something();
		fetch();
	}
	step_peers();
	step_disk();
	turn();
	if (sim.step % CHECK_EVERY == 0)
		check_all();
	sim.step++;
}

/* --- the end -------------------------------------------------------------- */

static void
calm(void)
{
	sim.is_calm = true;
	if (!sim.is_shaper_up)
		core_shaper_up(sim.core);
	sim.is_shaper_up = true;
	for (uint32_t i = 0; i < SIM_PROVIDERS; i++) {
		sim.providers[i].mood = MOOD_WELL;
		sim.providers[i].bears = SIM_CONNS;
	}
	for (uint32_t i = 0; i < sim.n_msgs; i++)
		sim.msgs[i].is_poison = false;
}

static bool
has_open(uint32_t part)
{
	struct part_state s;

	SIM_REQUIRE(core_part_get(sim.core, part, &s), "gone");
	for (uint32_t i = 0; i < s.n_rcpts; i++)
		if (part_standing_get(s.standing, i) == RCPT_OPEN)
			return s.state != PART_HELD;
	return false;
}

/* Nothing moves any more but notices and what a person holds. */
static bool
is_over(void)
{
	struct core_accounts a;

	core_accounts(sim.core, &a);
	if (sim.n_unheard > 0 || a.ready > 0 || a.leased > 0 ||
	    a.waiting > a.owed)
		return false;
	for (uint32_t p = 0; (p = core_part_next(sim.core, p)) != 0;)
		if (has_open(p))
			return false;
	return true;
}

static void
check_live(uint32_t part)
{
	struct part_state s;
	const struct sim_part *p;

	SIM_REQUIRE(core_part_get(sim.core, part, &s), "gone");
	if (s.state == PART_HELD)
		return;
	p = &sim_msg_of(&s.qid)->parts[s.part];
	for (uint32_t i = 0; i < p->n_rcpts; i++) {
		enum rcpt_standing at = part_standing_get(s.standing, i);

		SIM_REQUIRE(at != RCPT_OPEN, "a part is left over");
		SIM_REQUIRE(at != RCPT_DELIVERED || p->rcpts[i].delivered > 0,
		    "LOST: told delivered, and the sink has it not");
	}
}

static void
check_end(void)
{
	struct core_accounts a;
	uint64_t parts = 0, done = 0;

	disk_flush(false);
	check_all();
	core_accounts(sim.core, &a);
	for (uint32_t p = 0; (p = core_part_next(sim.core, p)) != 0;)
		check_live(p);
	for (uint32_t i = 0; i < sim.n_msgs; i++)
		for (uint32_t k = 0; k < sim.msgs[i].n_parts; k++) {
			parts++;
			done += sim.msgs[i].parts[k].is_done ? 1 : 0;
		}
	SIM_REQUIRE(parts == a.admitted && done == a.done,
	    "LOST: parts are missing in the end");
}

static void
run_out(void)
{
	int64_t end_ms = sim.now_ms + END_HOURS * HOUR_MS;

	calm();
	for (uint32_t i = 0; !is_over(); i++) {
		SIM_REQUIRE(i < END_STEPS_MAX && sim.now_ms < end_ms,
		    "Q3: something does not move");
		if (i % 4 == 0) {
			sim.now_ms += 200;
			sim.wall_ms += 200;
		}
		step();
	}
	check_end();
}

static void
begin(uint64_t seed, uint64_t steps)
{
	sim.start_seed = sim.rng = seed;
	sim.now_ms = 1000000;
	sim.wall_ms = INT64_C(1700000000000);
	sim.max_msgs = (uint32_t)(steps / 4 + 64);
	sim.max_segs = sim.max_msgs / 16 + 64;
	sim.msgs = calloc(sim.max_msgs, sizeof(*sim.msgs));
	sim.unheard = calloc(sim.max_msgs, sizeof(*sim.unheard));
	sim.segs = calloc(sim.max_segs, sizeof(*sim.segs));
	SIM_REQUIRE(sim.msgs != NULL && sim.unheard != NULL && sim.segs != NULL,
	    "no memory");
	for (uint32_t i = 0; i < SIM_PROVIDERS; i++)
		sim.providers[i].bears = SIM_CONNS;
	sim.is_shaper_up = true;
	begin_again(NULL);
}

static void
report(void)
{
	printf("seed %" PRIu64 ": %" PRIu64 " steps, %u messages, %" PRIu64
	       " leases, %" PRIu64 " deliveries, %" PRIu64
	       " doubles (marked)\n",
	    sim.start_seed, sim.step, sim.n_msgs, sim.count.leases,
	    sim.count.deliveries, sim.count.doubles);
	printf("%" PRIu64 " restarts, %" PRIu64 " power losses, %" PRIu64
	       " deaths, %" PRIu64 " throttles, %" PRIu64 " refusals, %" PRIu64
	       " opens, %" PRIu64 " unheard, %" PRIu64 " full\n",
	    sim.count.restarts, sim.count.power_losses, sim.count.deaths,
	    sim.count.throttles, sim.count.downs, sim.count.opens,
	    sim.count.unheard, sim.count.full);
	printf("%" PRIu64 " checks, %" PRIu64 " checkpoints, %" PRIu64
	       " retried, %" PRIu64 " jumps, %" PRIu64
	       " early results, %" PRIu64 " segments gone\n",
	    sim.count.checks, sim.count.checkpoints, sim.count.retries,
	    sim.count.jumps, sim.count.orphans, sim.count.forgotten);
}

int
main(int argc, char **argv)
{
	uint64_t seed = 1, steps = STEPS_DEFAULT;

	if (argc > 1 &&
	    num_u64(str_from_c(argv[1]), UINT64_MAX, &seed) != ERR_OK)
		sim_fail("SEED is a number");
	if (argc > 2 &&
	    num_u64(str_from_c(argv[2]), UINT32_MAX, &steps) != ERR_OK)
		sim_fail("STEPS is a number");
	begin(seed, steps);
	while (sim.step < steps)
		step();
	run_out();
	report();
	core_free(&sim.core);
	free(sim.msgs);
	free(sim.unheard);
	free(sim.segs);
	free(sim.ledger.entries);
	free(sim.checkpoint.entries);
	free(sim.next_checkpoint.entries);
	return 0;
}
