/* SPDX-License-Identifier: BSD-2-Clause */
/* sim_core: plays days of a relay's life on the queue core, with an oracle.
 *
 * usage: sim_core [SEED [STEPS [EVENT...]]]
 *
 * Messages arrive; providers accept, defer, bounce, throttle, go down; workers,
 * qmgr and the power die at any moment; frames, admits and unsynced bytes are
 * lost; the ledger fails; checkpoints are damaged; clocks jump. After each step
 * the accounts balance, often the whole core is checked, and in the end each
 * accepted recipient is delivered, or failed and its sender told; and more than
 * once only where a doubt was marked. What breaks is shown by the shortest
 * history that breaks it: of that, EVENTs are a part. SIM_PLANT=NAME plants a
 * fault (sim_plants.c).
 */
#include <inttypes.h>

#include "tests/sim/shrink.h"
#include "util/text/num.h"

#define STEPS_DEFAULT 200000
#define SEEDS_DEFAULT 4

static void
report(void)
{
	printf("seed %" PRIu64 ": %" PRIu64 " steps, %u messages, %" PRIu64
	       " leases, %" PRIu64 " deliveries, %" PRIu64
	       " doubles (marked)\n",
	    history.run.seed, history.step, sim.n_msgs, sim.count.leases,
	    sim.count.deliveries, sim.count.doubles);
	printf("%" PRIu64 " restarts, %" PRIu64 " power losses, %" PRIu64
	       " deaths, %" PRIu64 " throttles, %" PRIu64 " refusals, %" PRIu64
	       " opens, %" PRIu64 " unheard, %" PRIu64 " full\n",
	    sim.count.restarts, sim.count.power_losses, sim.count.deaths,
	    sim.count.throttles, sim.count.downs, sim.count.opens,
	    sim.count.unheard, sim.count.full);
	printf("%" PRIu64 " checks, %" PRIu64 " checkpoints, %" PRIu64
	       " passed over, %" PRIu64 " ledger faults, %" PRIu64
	       " retried, %" PRIu64 " jumps, %" PRIu64
	       " early results, %" PRIu64 " segments gone\n",
	    sim.count.checks, sim.count.checkpoints, sim.count.passed_over,
	    sim.count.ledger_faults, sim.count.retries, sim.count.jumps,
	    sim.count.orphans, sim.count.forgotten);
	printf("%" PRIu64 " orders, %" PRIu64 " parts changed by them\n",
	    sim.count.orders, sim.count.ordered);
	printf("%" PRIu64 " told, %" PRIu64 " of them again (marked), %" PRIu64
	       " delays told\n",
	    sim.count.told, sim.count.told_twice, sim.count.delays);
}

/* False: it broke, and what broke it was shown. */
static bool
shrink_play(const struct history *run)
{
	struct history_end end;
	struct history least = *run;

	if (shrink_run(run, run->kept == NULL ? SHOW_SUMS : SHOW_STEPS, &end))
		return true;
	fprintf(stderr, "seed %llu, step %llu: %s\n",
	    (unsigned long long)run->seed, (unsigned long long)end.step,
	    end.what);
	if (run->kept != NULL)
		return false;
	shrink(&least, &end);
	shrink_show(&least, &end);
	free(least.kept);
	return false;
}

static uint64_t
read_number(const char *text, uint64_t max)
{
	uint64_t n;

	SIM_REQUIRE(num_u64(str_from_c(text), max, &n) == ERR_OK,
	    "usage: sim_core [SEED [STEPS [EVENT...]]]");
	return n;
}

static bool
play_args(int argc, char **argv)
{
	struct history run = { .seed = read_number(argv[1], UINT64_MAX),
		.steps = STEPS_DEFAULT,
		.plant = getenv("SIM_PLANT") };
	bool is_well;

	if (argc > 2)
		run.steps = read_number(argv[2], PLAY_STEPS_MAX);
	if (argc > 3) {
		run.kept = calloc((size_t)argc, sizeof(*run.kept));
		SIM_REQUIRE(run.kept != NULL, "no memory");
	}
	for (int i = 3; i < argc; i++)
		run.kept[run.n_kept++] = read_number(argv[i], UINT64_MAX);
	is_well = shrink_play(&run);
	free(run.kept);
	return is_well;
}

int
main(int argc, char **argv)
{
	shrink_init();
	if (argc > 1)
		return play_args(argc, argv) ? 0 : 1;
	for (uint64_t seed = 2; seed <= SEEDS_DEFAULT; seed++) {
		struct history run = { .seed = seed, .steps = STEPS_DEFAULT };

		if (!shrink_play(&run))
			return 1;
	}
	return 0;
}
