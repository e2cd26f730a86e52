/* SPDX-License-Identifier: BSD-2-Clause */
/* sim_plants: can the simulation see? Planted faults must be found and shrunk
 * to a short history that breaks the same way; and a seed must replay. */
#include <inttypes.h>

#include "tests/sim/shrink.h"
#include "util/base/array.h"

#define STEPS 20000
#define SEEDS 8

static const struct {
	const char *name, *breaks, *or_breaks;
	size_t part; /* of the history is left at most: one in so many */
} plants[] = {
	{ "lost_admit", "Q6: found", "Q6: found", 1000 },
	{ "lost_deferral", "Q11: ", "DOUBLE: ", 2 },
	{ "late_phase", "DOUBLE: ", "DOUBLE: ", 2 },
};

static void
report(void)
{
	printf("%" PRIu64 " steps, %" PRIu64 " deliveries\n", history.step,
	    sim.count.deliveries);
}

static bool
starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* The seed that breaks first, or false. */
static bool
find(struct history *run, struct history_end *end)
{
	struct history_end one;
	uint64_t best = 0;

	for (run->seed = 1; run->seed <= SEEDS; run->seed++) {
		if (shrink_run(run, SHOW_NOTHING, &one) ||
		    (best != 0 && one.step >= end->step))
			continue;
		best = run->seed;
		*end = one;
	}
	run->seed = best;
	return best != 0;
}

static bool
check_plant(size_t i)
{
	struct history run = { .steps = STEPS, .plant = plants[i].name };
	struct history_end end;
	bool is_well;

	if (!find(&run, &end)) {
		printf("%s is not found\n", plants[i].name);
		return false;
	}
	shrink(&run, &end);
	printf("%s: seed %" PRIu64 ", step %" PRIu64 ": %s; %zu events\n",
	    plants[i].name, run.seed, end.step, end.what, run.n_kept);
	is_well = (starts_with(end.what, plants[i].breaks) ||
	              starts_with(end.what, plants[i].or_breaks)) &&
	    run.n_kept < end.step * EVENT_N / plants[i].part;
	shrink_show(&run, &end);
	free(run.kept);
	return is_well;
}

/* The same seed plays the same history; another one does not. */
static bool
check_replay(void)
{
	struct history run = { .seed = 7, .steps = STEPS };
	struct history_end one, two, other;

	if (!shrink_run(&run, SHOW_SUMS, &one) ||
	    !shrink_run(&run, SHOW_SUMS, &two))
		return false;
	run.seed = 8;
	printf("hashes %016" PRIx64 " %016" PRIx64 "\n", one.hash, two.hash);
	return shrink_run(&run, SHOW_SUMS, &other) && one.hash == two.hash &&
	    one.hash != other.hash;
}

int
main(void)
{
	bool is_well;

	shrink_init();
	is_well = check_replay();
	for (size_t i = 0; i < COUNT_OF(plants); i++)
		is_well = check_plant(i) && is_well;
	return is_well ? 0 : 1;
}
