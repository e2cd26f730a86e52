/* SPDX-License-Identifier: BSD-2-Clause */
/* play: a run of the simulation, step by step, and what must hold all along. */
#ifndef TESTS_SIM_PLAY_H
#define TESTS_SIM_PLAY_H

#include "tests/sim/breaks.h"

#define PLAY_CHECK_EVERY 8192
#define PLAY_END_STEPS_MAX 2000000
#define PLAY_END_HOURS 200
#define PLAY_HOUR_MS INT64_C(3600000)
/* A last try has five minutes, and a sweep comes by. */
#define PLAY_LATE_MS INT64_C(400000)
#define PLAY_STEPS_MAX 20000000

/* --- what must hold ------------------------------------------------------- */

static bool
has_pending_end(const struct sim_msg *m, uint32_t part)
{
	for (size_t i = 0; i < sim.n_pending; i++) {
		const struct sim_entry *e = &sim.pending[i].entry;

		if (e->kind == ENTRY_PART && e->part.state == PART_DONE &&
		    e->part.part == part && qid_cmp(&e->part.qid, &m->qid) == 0)
			return true;
	}
	return false;
}

/* R3: end of life comes by the clock, but for what a person or a worker has,
 * or where something is owed. What was past it at a start has a try first. */
static void
check_life(const struct sim_msg *m, const struct part_state *s)
{
	/* In the end time runs faster than workers do. */
	bool is_steady = !sim.is_calm && sim.count.jumps == 0 &&
	    sim.restarted_ms < m->came_ms + SIM_LIFE_MS &&
	    m->heard_ms < m->came_ms + SIM_LIFE_MS;

	if (!is_steady || s->state == PART_HELD || s->state == PART_LEASED ||
	    part_owes_notice(s))
		return;
	SIM_REQUIRE(sim.now_ms < m->came_ms + SIM_LIFE_MS + PLAY_LATE_MS,
	    "R3: a part lives past its end");
}

/* Q1, Q6: each part of a message is found by its qid, once and in one state;
 * or it is done, and the ledger says so or is about to. */
static void
check_message(const struct sim_msg *m)
{
	struct part_state s;
	uint32_t seen = 0;

	if (!m->is_announced || sim.segs[m->seg].is_gone)
		return;
	for (uint32_t p = 0; (p = core_find(sim.core, &m->qid, p)) != 0;) {
		SIM_REQUIRE(
		    core_part_get(sim.core, p, &s), "a part is not listed");
		SIM_REQUIRE(s.part < m->n_parts && (seen & 1u << s.part) == 0,
		    "Q1: a part is there twice");
		SIM_REQUIRE(s.state < PART_DONE, "Q1: a part without state");
		seen |= 1u << s.part;
		check_life(m, &s);
	}
	for (uint32_t k = 0; k < m->n_parts; k++)
		if ((seen & 1u << k) == 0 && !m->parts[k].is_done)
			SIM_REQUIRE(has_pending_end(m, k),
			    "ORPHANED: a part is not found, and not done");
}

/* Q6, at every step: found = admitted + unadmitted. */
static void
check_accounts(void)
{
	struct core_accounts a;

	core_accounts(sim.core, &a);
	SIM_REQUIRE(sim.found_parts == a.admitted + sim.unheard_parts,
	    "Q6: found is not admitted and unadmitted");
	history_note(a.done ^ a.ready << 20 ^ a.leased << 40);
}

/* What an operator can list is all there is. */
static void
check_lists(void)
{
	struct core_accounts a;
	struct core_queue_row row;
	uint64_t n = 0, in_queues = 0;

	core_accounts(sim.core, &a);
	for (uint32_t p = 0; (p = core_part_next(sim.core, p)) != 0;)
		n++;
	for (uint32_t q = 0; (q = core_queue_next(sim.core, q, &row)) != 0;)
		in_queues +=
		    (uint64_t)row.ready + row.waiting + row.leased + row.held;
	SIM_REQUIRE(
	    n == a.waiting + a.ready + a.leased + a.held && n == in_queues,
	    "Q6: a list misses a part");
}

static void
check_all(void)
{
	const char *wrong = core_check(sim.core);

	if (wrong != NULL)
		sim_fail(wrong);
	check_lists();
	for (uint32_t i = 0; i < sim.n_msgs; i++)
		check_message(&sim.msgs[i]);
	sim.count.checks++;
}

/* A bounded part of it at each step, all of it from time to time, and always
 * where a history is short. */
static void
check_step(void)
{
	bool is_short = history.run.kept != NULL && !sim.is_calm &&
	    history.run.n_kept < 3000;

	check_accounts();
	if (sim.n_msgs > 0 && history.step % 8 == 0) {
		sim.looked_at = (sim.looked_at + 1) % sim.n_msgs;
		check_message(&sim.msgs[sim.looked_at]);
	}
	if (is_short || history.step % PLAY_CHECK_EVERY == 0)
		check_all();
}

/* --- steps ---------------------------------------------------------------- */

static void
play_time(void)
{
	int64_t ms = sim_below(40);

	if (sim_chance(500))
		ms += sim_below(1000);
	if (sim_chance(20))
		ms += sim_below(100000);
	if (sim.is_calm && sim_chance(250000))
		ms += 200;
	sim.now_ms += ms;
	sim.wall_ms += ms;
}

/* Bursts: a third of the time nothing comes, and some fill the tables. */
static void
play_arrivals(void)
{
	uint32_t chance = history.step / 20000 % 15 == 4 ? 250000 : 50000;

	if (sim.is_calm || sim.n_msgs == sim.max_msgs ||
	    history.step / 20000 % 3 == 2 || !sim_chance(chance))
		return;
	arrive();
	fetch();
}

static void
play_breaks(void)
{
	if (sim.is_calm)
		return;
	break_something();
	fetch();
}

/* One that is filled, if there is any. */
static uint32_t
slot_draw(uint32_t w)
{
	uint32_t at = sim_below(SIM_SLOTS);

	for (uint32_t i = 0; i < SIM_SLOTS; i++)
		if (sim.workers[w].slots[(at + i) % SIM_SLOTS].is_filled)
			return (at + i) % SIM_SLOTS;
	return at;
}

/* One that is there, if there is any. */
static struct sim_conn *
conn_draw(void)
{
	uint32_t at = sim_below(SIM_CONNS);

	for (uint32_t i = 0; i < SIM_CONNS; i++)
		if (sim.conns[(at + i) % SIM_CONNS].phase != CONN_FREE)
			return &sim.conns[(at + i) % SIM_CONNS];
	return &sim.conns[at];
}

static void
play_worker(uint32_t w)
{
	struct sim_worker *worker = &sim.workers[w];

	if (!worker->is_alive && sim.now_ms >= worker->back_ms)
		worker->is_alive = true;
	else if (worker->is_alive && !worker->is_known && sim_chance(300000))
		worker_hello(w);
	for (int i = 0; i < 2 && worker->is_alive; i++) {
		slot_step(w, slot_draw(w));
		fetch();
	}
}

static void
play_conns(void)
{
	for (int i = 0; i < 2; i++) {
		conn_step(conn_draw());
		fetch();
	}
}

static void
play_disk(void)
{
	if (sim_chance(30000))
		disk_flush(false);
	if (sim_chance(20000))
		disk_sync();
	if (!sim.is_checkpointing && !sim.is_ledger_failing &&
	    (sim.ledger.n - sim.replay_from > DISK_LEDGER_MAX ||
	        sim_chance(50)))
		checkpoint_begin();
	checkpoint_slice();
	if (sim_chance(10000))
		reclaim();
	if (sim_chance(10000))
		scan();
}

static void
play_event(enum history_event event)
{
	history_event(event);
	if (history.end != NULL)
		history.end->played++;
	switch (event) {
	case EVENT_TIME:
		play_time();
		break;
	case EVENT_ARRIVE:
		play_arrivals();
		break;
	case EVENT_BREAK:
		play_breaks();
		break;
	case EVENT_CONNS:
		play_conns();
		break;
	case EVENT_DISK:
		play_disk();
		break;
	case EVENT_TURN:
		turn();
		check_step();
		break;
	case EVENT_N:
		break;
	case EVENT_WORKER:
	default:
		play_worker((uint32_t)event - EVENT_WORKER);
		break;
	}
}

static void
play_step(void)
{
	for (uint32_t e = 0; e < EVENT_N; e++)
		play_event((enum history_event)e);
	history.step++;
}

/* Only what is kept; each step that has any of it ends with a turn. */
static void
play_kept(void)
{
	const struct history *run = &history.run;

	for (size_t i = 0; i < run->n_kept; i++) {
		history.step = run->kept[i] / EVENT_N;
		play_event((enum history_event)(run->kept[i] % EVENT_N));
		if (i + 1 == run->n_kept ||
		    run->kept[i + 1] / EVENT_N != history.step)
			play_event(EVENT_TURN);
	}
	history.step = run->steps;
}

/* --- the end -------------------------------------------------------------- */

static void
calm(void)
{
	sim_say("all is well from here on");
	sim.is_calm = true;
	ledger_heal();
	if (!sim.is_shaper_up)
		core_shaper_up(sim.core);
	sim.is_shaper_up = true;
	for (uint32_t i = 0; i <= SIM_PROVIDERS; i++) {
		sim.providers[i].mood = MOOD_WELL;
		sim.providers[i].bears = SIM_CONNS;
	}
	for (uint32_t i = 0; i < sim.n_msgs; i++)
		sim.msgs[i].is_poison = false;
}

/* All is done, but what a person holds. */
static bool
is_over(void)
{
	struct core_accounts a;

	core_accounts(sim.core, &a);
	return sim.n_unheard == 0 && a.ready == 0 && a.leased == 0 &&
	    a.waiting == 0;
}

static void
check_end(void)
{
	struct core_accounts a;
	uint64_t parts = 0, done = 0;

	disk_flush(false);
	check_all();
	core_accounts(sim.core, &a);
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
	int64_t end_ms = sim.now_ms + PLAY_END_HOURS * PLAY_HOUR_MS;

	if (history.end != NULL)
		history.end->is_at_end = true;
	calm();
	while (!order_end_all()) {
		fetch();
		play_step();
	}
	for (uint32_t i = 0; !is_over(); i++) {
		SIM_REQUIRE(i < PLAY_END_STEPS_MAX && sim.now_ms < end_ms,
		    "Q3: something does not move");
		play_step();
	}
	check_end();
}

static void
play_begin(void)
{
	sim.now_ms = 1000000;
	sim.wall_ms = INT64_C(1700000000000);
	sim.max_msgs = (uint32_t)(history.run.steps / 4 + 64);
	sim.max_segs = sim.max_msgs / 16 + 64;
	sim.msgs = calloc(sim.max_msgs, sizeof(*sim.msgs));
	sim.unheard = calloc(sim.max_msgs, sizeof(*sim.unheard));
	sim.segs = calloc(sim.max_segs, sizeof(*sim.segs));
	SIM_REQUIRE(sim.msgs != NULL && sim.unheard != NULL && sim.segs != NULL,
	    "no memory");
	for (uint32_t i = 0; i <= SIM_PROVIDERS; i++)
		sim.providers[i].bears = SIM_CONNS;
	sim.is_shaper_up = true;
	begin_again(NULL);
}

static void
play_free(void)
{
	core_free(&sim.core);
	free(sim.msgs);
	free(sim.unheard);
	free(sim.segs);
	free(sim.pending);
	free(sim.ledger.entries);
	free(sim.checkpoint.entries);
	free(sim.older_checkpoint.entries);
	free(sim.next_checkpoint.entries);
}

/* A whole run, in a process of its own. */
static void
play(void)
{
	history_event(EVENT_TURN);
	play_begin();
	if (history.run.kept != NULL)
		play_kept();
	while (history.step < history.run.steps)
		play_step();
	run_out();
	if (history.end != NULL)
		history.end->hash = history.hash;
}

#endif /* TESTS_SIM_PLAY_H */
