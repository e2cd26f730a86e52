/* SPDX-License-Identifier: BSD-2-Clause */
/* shrink: runs in child processes; a broken one is made as short as it can be:
 * ranges of its events are dropped, as long as the same still breaks. */
#ifndef TESTS_SIM_SHRINK_H
#define TESTS_SIM_SHRINK_H

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "tests/sim/play.h"

#define SHRINK_EVENTS_MAX UINT64_C(8000000) /* played in all: the bound */
#define SHRINK_TRIAL_S 60
#define SHRINK_SHOWN 400

enum shrink_show { SHOW_NOTHING, SHOW_SUMS, SHOW_STEPS };

static struct history_end *shrink_end;

static void
shrink_init(void)
{
	shrink_end = mmap(NULL, sizeof(*shrink_end), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	SIM_REQUIRE(shrink_end != MAP_FAILED, "no memory to share");
}

static void report(void);

static _Noreturn void
shrink_child(const struct history *run, enum shrink_show show)
{
	int fd;

	history.run = *run;
	history.end = shrink_end;
	history.is_told = show == SHOW_STEPS;
	if (show == SHOW_NOTHING) {
		/* What BUG_IF says is said again when it is shown. */
		fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
		SIM_REQUIRE(
		    fd >= 0 && dup2(fd, STDERR_FILENO) >= 0, "no /dev/null");
		(void)alarm(SHRINK_TRIAL_S);
	}
	play();
	if (show == SHOW_SUMS)
		report();
	play_free();
	fflush(stdout);
	_exit(0);
}

/* True: it is well; else *end tells what broke. */
static bool
shrink_run(
    const struct history *run, enum shrink_show show, struct history_end *end)
{
	int status;
	pid_t pid;

	memset(shrink_end, 0, sizeof(*shrink_end));
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		shrink_child(run, show);
	SIM_REQUIRE(pid > 0 && waitpid(pid, &status, 0) == pid, "no process");
	*end = *shrink_end;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	if (end->what[0] == '\0')
		(void)snprintf(end->what, sizeof(end->what), "ended by %d",
		    WIFSIGNALED(status) ? WTERMSIG(status) : status);
	return false;
}

/* What a shorter history must break, and events played to find it. */
struct shrink_work {
	const struct history_end *want;
	struct history spare;
	uint64_t played;
};

/* One that breaks, without its events from at on. True: so does the rest. */
static bool
shrink_try(
    struct shrink_work *work, const struct history *run, size_t at, size_t n)
{
	struct history *out = &work->spare;
	struct history_end end;
	bool is_well;

	memcpy(out->kept, run->kept, at * sizeof(*run->kept));
	memcpy(out->kept + at, run->kept + at + n,
	    (run->n_kept - at - n) * sizeof(*run->kept));
	out->n_kept = run->n_kept - n;
	is_well = shrink_run(out, SHOW_NOTHING, &end);
	work->played += end.played;
	return !is_well && strcmp(end.what, work->want->what) == 0;
}

static void
shrink_pass(struct shrink_work *work, struct history *run, size_t chunk)
{
	size_t at = 0;

	while (at < run->n_kept && work->played < SHRINK_EVENTS_MAX) {
		size_t n = run->n_kept - at < chunk ? run->n_kept - at : chunk;

		if (shrink_try(work, run, at, n)) {
			uint64_t *kept = run->kept;

			run->kept = work->spare.kept;
			run->n_kept = work->spare.n_kept;
			work->spare.kept = kept;
		} else {
			at += n;
		}
	}
}

/* All events up to where it broke. */
static void
shrink_begin(struct history *run, const struct history_end *end)
{
	uint64_t steps = end->is_at_end ? run->steps : end->step + 1;

	run->kept = calloc((size_t)(steps * EVENT_N), sizeof(*run->kept));
	SIM_REQUIRE(run->kept != NULL, "no memory");
	run->n_kept = 0;
	for (uint64_t i = 0; i < steps * EVENT_N; i++)
		if (i % EVENT_N != EVENT_TURN)
			run->kept[run->n_kept++] = i;
	if (!end->is_at_end)
		run->steps = steps;
}

/* Makes of a run that broke a short one that breaks the same way; kept is to be
 * freed. */
static void
shrink(struct history *run, const struct history_end *end)
{
	struct shrink_work work = { .want = end };
	size_t before;

	shrink_begin(run, end);
	work.spare = *run;
	work.spare.kept = calloc(run->n_kept, sizeof(*run->kept));
	SIM_REQUIRE(work.spare.kept != NULL, "no memory");
	for (size_t chunk = run->n_kept / 2; chunk > 1; chunk /= 2)
		shrink_pass(&work, run, chunk);
	do {
		before = run->n_kept;
		shrink_pass(&work, run, 1);
	} while (run->n_kept < before && work.played < SHRINK_EVENTS_MAX);
	free(work.spare.kept);
}

/* The steps in words, and how to see them again. */
static void
shrink_show(const struct history *run, const struct history_end *end)
{
	struct history_end again;

	fprintf(stderr,
	    "broken: %s\nthe shortest history found has %zu events:\n",
	    end->what, run->n_kept);
	(void)shrink_run(run, SHOW_STEPS, &again);
	fprintf(stderr, "replay: %s%s%ssim_core %llu %llu",
	    run->plant != NULL ? "SIM_PLANT=" : "",
	    run->plant != NULL ? run->plant : "", run->plant != NULL ? " " : "",
	    (unsigned long long)run->seed, (unsigned long long)run->steps);
	for (size_t i = 0; i < run->n_kept && i < SHRINK_SHOWN; i++)
		fprintf(stderr, " %llu", (unsigned long long)run->kept[i]);
	fprintf(stderr, run->n_kept > SHRINK_SHOWN ? " ...\n" : "\n");
}

#endif /* TESTS_SIM_SHRINK_H */
