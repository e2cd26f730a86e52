/* SPDX-License-Identifier: BSD-2-Clause */
/* loop: the event loop: descriptors, deadlines, signals, ends of turns. */
#ifndef UTIL_IO_LOOP_H
#define UTIL_IO_LOOP_H

#include <stdint.h>

#include <event2/event_struct.h>

#include "util/base/list.h"

/*
 * A turn is: wait, call back for all that is ready, then run what was asked
 * for the turn's end. So all that came in one turn is answered, written and
 * synced as one batch.
 */
struct loop;

/* Signals that one loop can watch. */
#define LOOP_SIGNALS_MAX 8

/* New loop; ends the process when there is none to be had. Ignores SIGPIPE:
 * a peer that went away is an errno. */
struct loop *loop_new(void);

/* All watches, timers and turn ends of it are finished before. */
void loop_free(struct loop **loop);

/* Runs turns until loop_stop, or until no watch or timer is set and no signal
 * is watched. May be called again. */
void loop_run(struct loop *loop);

/* Makes loop_run return at the end of this turn, its turn ends included. */
void loop_stop(struct loop *loop);

/* Time of the last wake-up: CLOCK_BOOTTIME, for deadlines and ages. */
int64_t loop_now_ms(const struct loop *loop);

/* The same moment by CLOCK_REALTIME, for records, logs and protocol texts. */
int64_t loop_wall_ms(const struct loop *loop);

/* How long turns took, from the wake-up to the end of the turn's ends. */
struct loop_turns {
	int64_t longest_us; /* since the loop began to run */
	int64_t recent_us;  /* the longest of this minute and the one before */
};
struct loop_turns loop_turns(const struct loop *loop);

/* The library's own loop, for another library that is built upon it. */
void *loop_base(const struct loop *loop);

/* Called in the loop, not in the signal's context. */
typedef void loop_signal_fn(void *arg, int signo);

/* Calls fn for each signo, as long as the loop lives. One loop of a process
 * at a time may watch signals. */
void loop_signal(struct loop *loop, int signo, loop_signal_fn *fn, void *arg);

/* --- descriptors ---------------------------------------------------------- */

#define WATCH_READ 1u
#define WATCH_WRITE 2u

/* what is WATCH_READ or WATCH_WRITE: each has a call of its own. An error or
 * hang-up shows as what is watched. The watch may be finished, and its memory
 * freed, within. */
typedef void watch_fn(void *arg, unsigned what);

/* One descriptor: embedded in its owner; others read fd and flags only. */
struct watch {
	struct event read, write;
	struct loop *loop;
	watch_fn *fn;
	void *arg;
	int fd;
	unsigned flags; /* WATCH_*: what is waited for */
};

/* Watches nothing until watch_set. fd remains the caller's: he closes it after
 * watch_fini. */
void watch_init(
    struct watch *w, struct loop *loop, int fd, watch_fn *fn, void *arg);

/* Waits for WATCH_READ, WATCH_WRITE, both, or 0: nothing. Costs a system call
 * only when flags change. Calls come until it is set otherwise. */
void watch_set(struct watch *w, unsigned flags);

/* No call comes after it. Before the descriptor is closed; harmless when done
 * again. */
void watch_fini(struct watch *w);

/* --- deadlines ------------------------------------------------------------ */

/* The timer is stopped when it is called; it may be set again, or finished. */
typedef void timer_fn(void *arg);

/* One deadline: embedded in its owner; others read deadline_ms only. */
struct timer {
	struct event event;
	struct loop *loop;
	timer_fn *fn;
	void *arg;
	int64_t deadline_ms; /* INT64_MAX: stopped */
	int64_t armed_ms;    /* when the event fires; INT64_MAX: it does not */
};

/* Stopped until timer_set_at. */
void timer_init(struct timer *t, struct loop *loop, timer_fn *fn, void *arg);

/* Calls once, in the first turn whose loop_now_ms is at least deadline_ms;
 * replaces an earlier deadline. Moving a deadline back costs next to nothing,
 * so it may be done for each command. After the machine has slept a call may
 * be up to a minute late. */
void timer_set_at(struct timer *t, int64_t deadline_ms);

/* No call comes after either of them, until it is set again. Both are harmless
 * when done again. */
void timer_stop(struct timer *t);
void timer_fini(struct timer *t);

/* --- the end of a turn ---------------------------------------------------- */

typedef void turn_end_fn(void *arg);

/* Something to be done once, after all call-backs of a turn. */
struct turn_end {
	struct link link;
	struct loop *loop;
	turn_end_fn *fn;
	void *arg;
};

void turn_end_init(
    struct turn_end *d, struct loop *loop, turn_end_fn *fn, void *arg);

/* fn is called once at the end of this turn, however often it is asked for; in
 * order of asking. What is asked for at the end of a turn is done in the same
 * end, or, should that go on and on, in the next turn, which then comes at
 * once. */
void turn_end_ask(struct turn_end *d);

/* No call comes after it. Harmless when done again. */
void turn_end_fini(struct turn_end *d);

#endif /* UTIL_IO_LOOP_H */
