/* SPDX-License-Identifier: BSD-2-Clause */
/* sim_core: plays days of a relay's life on the queue core, with an oracle.
 *
 * usage: sim_core [SEED [STEPS]]
 *
 * Messages arrive; providers accept, defer, bounce, throttle, go down; workers,
 * qmgr and the power die at any moment; frames, admits and unsynced bytes are
 * lost; clocks jump. After each step the accounts balance, often the whole core
 * is checked, and in the end each accepted recipient is delivered, or failed
 * and its sender told; and more than once only where a doubt was marked.
 */
#include <inttypes.h>

#include "tests/sim/breaks.h"
#include "util/text/num.h"

#define STEPS_DEFAULT 600000
#define CHECK_EVERY 512
#define END_STEPS_MAX 4000000
#define END_HOURS 200
#define HOUR_MS INT64_C(3600000)

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
	int64_t end_ms = sim.now_ms + END_HOURS * HOUR_MS;

	calm();
	while (!order_end_all()) {
		fetch();
		step();
	}
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
	for (uint32_t i = 0; i <= SIM_PROVIDERS; i++)
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
	printf("%" PRIu64 " orders, %" PRIu64 " parts changed by them\n",
	    sim.count.orders, sim.count.ordered);
	printf("%" PRIu64 " told, %" PRIu64 " of them again (marked), %" PRIu64
	       " delays told\n",
	    sim.count.told, sim.count.told_twice, sim.count.delays);
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
