/* SPDX-License-Identifier: BSD-2-Clause */
/* history: the decisions of a run: drawn by event, so that a run can be played
 * again without some of its events, and all others draw what they drew. */
#ifndef TESTS_SIM_HISTORY_H
#define TESTS_SIM_HISTORY_H

#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/text/str.h"

/* What a step is made of, in this order. The turn of the queue manager that
 * ends it is always played. */
enum history_event {
	EVENT_TIME,
	EVENT_ARRIVE,
	EVENT_BREAK,
	EVENT_WORKER, /* and the two others behind it */
	EVENT_CONNS = EVENT_WORKER + 3,
	EVENT_DISK,
	EVENT_TURN,
	EVENT_N
};

/* How a run ended, told by the process that played it. */
struct history_end {
	char what[128]; /* empty: well */
	uint64_t step;
	uint64_t played; /* events */
	uint64_t hash;   /* of all that was drawn and wanted */
	bool is_at_end;  /* the events were over */
};

/* A run: all events of so many steps, or those that are kept of them. */
struct history {
	uint64_t seed, steps;
	const char *plant; /* the planted fault, or NULL */
	uint64_t *kept;    /* step * EVENT_N + event, rising; NULL: all */
	size_t n_kept;
};

static struct {
	struct history run;
	struct history_end *end; /* shared with the parent */
	uint64_t rng;
	uint64_t hash;
	uint64_t step;
	bool is_told; /* each thing that happens is printed */
} history;

static inline uint64_t
history_mix(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* What is drawn from here on belongs to this event. */
static inline void
history_event(enum history_event event)
{
	uint64_t id = history.step * EVENT_N + (uint64_t)event;

	history.rng = history_mix(history.run.seed ^ history_mix(id + 1));
}

/* SplitMix64 (Steele, Lea and Flood, 2014). */
static inline uint64_t
sim_draw(void)
{
	history.rng += UINT64_C(0x9e3779b97f4a7c15);
	return history_mix(history.rng);
}

/* 0 to n - 1. */
static inline uint32_t
sim_below(uint32_t n)
{
	return (uint32_t)(sim_draw() % n);
}

/* True n times in a million. */
static inline bool
sim_chance(uint32_t n)
{
	return sim_below(1000000) < n;
}

static inline bool
sim_is_planted(const char *name)
{
	return history.run.plant != NULL &&
	    strcmp(history.run.plant, name) == 0;
}

/* Part of what must be the same when the seed is the same. */
static inline void
history_note(uint64_t x)
{
	history.hash = (history.hash ^ x) * UINT64_C(0x100000001b3);
}

/* Prints what happens, where somebody wants to read it. */
__attribute__((format(printf, 1, 2))) static inline void
sim_say(const char *format, ...)
{
	va_list args;

	if (!history.is_told)
		return;
	fprintf(stderr, "%8llu  ", (unsigned long long)history.step);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

/* Ends the run, which is broken. */
static _Noreturn inline void
sim_fail(const char *what)
{
	size_t n = strlen(what);

	sim_say("BROKEN: %s", what);
	if (history.end == NULL) {
		fprintf(stderr, "broken: %s\n", what);
		abort();
	}
	if (n >= sizeof(history.end->what))
		n = sizeof(history.end->what) - 1;
	memcpy(history.end->what, what, n);
	history.end->what[n] = '\0';
	history.end->step = history.step;
	_exit(2);
}

#define SIM_REQUIRE(cond, what) \
	do { \
		if (!(cond)) \
			sim_fail(what); \
	} while (0)

#endif /* TESTS_SIM_HISTORY_H */
