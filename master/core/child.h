/* SPDX-License-Identifier: BSD-2-Clause */
/* child: what master does with a daemon, whatever happens to it. */
#ifndef MASTER_CORE_CHILD_H
#define MASTER_CORE_CHILD_H

#include <stdbool.h>
#include <stdint.h>

/* A death so soon after the start counts towards the back-off. */
#define CHILD_SOON_MS 5000
/* Wait before the next start; doubles with each soon death in a row. */
#define CHILD_WAIT_MIN_MS 1000
#define CHILD_WAIT_MAX_MS 60000

enum child_state {
	CHILD_DOWN,     /* not running, and not wanted */
	CHILD_STARTING, /* runs; not ready yet */
	CHILD_OK,
	CHILD_STOPPING, /* was told to end; due_ms: then it is killed */
	CHILD_BACKOFF,  /* could not be started; due_ms: the next attempt */
	CHILD_FAILING,  /* died soon again; due_ms: the next attempt */
	CHILD_BROKEN,   /* its configuration cannot work: waits for a reload */
	CHILD_STATE_N
};

enum child_event {
	CHILD_EV_START,    /* it is wanted */
	CHILD_EV_NO_START, /* it could not be executed */
	CHILD_EV_READY,    /* it says so */
	CHILD_EV_DIED,     /* ended, by itself or killed */
	CHILD_EV_REFUSED,  /* ended with EXIT_PERM */
	CHILD_EV_DUE,      /* due_ms has come */
	CHILD_EV_STOP,     /* it is wanted no longer */
	CHILD_EV_RELOAD,   /* there is a new configuration */
};

/* What master is to do now. */
enum child_act {
	CHILD_ACT_NONE,
	CHILD_ACT_SPAWN,
	CHILD_ACT_CLOSE, /* its end of the status pair: it sees the end of it */
	CHILD_ACT_KILL,
	CHILD_ACT_TELL, /* the new configuration */
};

/* What is remembered of one daemon; all zero is CHILD_DOWN. */
struct child_fate {
	enum child_state state;
	uint32_t n_soon;   /* soon deaths in a row */
	uint32_t restarts; /* starts after the first */
	int64_t started_ms;
	int64_t due_ms; /* INT64_MAX: nothing is due */
};

/*
 * Moves the fate by one event. stop_ms is how long a daemon may take to end
 * once it was told. What cannot happen in a state changes nothing.
 */
enum child_act child_step(struct child_fate *fate, enum child_event event,
    int64_t now_ms, int64_t stop_ms);

/* The state to show: one that died soon twice is failing until it has lived
 * for CHILD_SOON_MS. */
enum child_state child_shown(const struct child_fate *fate, int64_t now_ms);

/* Whether a process runs in this state. */
bool child_is_running(const struct child_fate *fate);

/* "starting", "ok" ...: static storage. */
const char *child_state_text(enum child_state state);

#endif /* MASTER_CORE_CHILD_H */
