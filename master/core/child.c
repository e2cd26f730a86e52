/* SPDX-License-Identifier: BSD-2-Clause */
/* child: what master does with a daemon, whatever happens to it. */
#include "master/core/child.h"

#include "util/base/fatal.h"

/*
 * A row is the state, a column what happens. An event that a state does not
 * know has a dash: it comes late, from a process that is gone.
 *
 *	      start    no start ready late     once     again   refused due
 * DOWN       STARTING -        -     -        -        -       -       -
 * STARTING   -        BACKOFF  OK    STARTING STARTING FAILING BROKEN  -
 * OK         -        -        OK    STARTING STARTING FAILING BROKEN  -
 * STOPPING   -        -        -     DOWN     DOWN     DOWN    DOWN    kill
 * BACKOFF    -        -        -     -        -        -       -       STARTING
 * FAILING    -        -        -     -        -        -       -       STARTING
 * BROKEN     -        -        -     -        -        -       -       -
 *
 *	    stop      reload
 * DOWN	    -	      -
 * STARTING STOPPING  tell
 * OK	    STOPPING  tell
 * STOPPING -	      -
 * BACKOFF  DOWN      -
 * FAILING  DOWN      STARTING
 * BROKEN   DOWN      STARTING
 *
 * late	 died after CHILD_SOON_MS; once: sooner, the first time in a row;
 * again: sooner once more. Moves to STARTING spawn; to STOPPING close.
 */
enum column {
	C_START,
	C_NO_START,
	C_READY,
	C_LATE,
	C_ONCE,
	C_AGAIN,
	C_REFUSED,
	C_DUE,
	C_STOP,
	C_RELOAD,
	C_N
};

struct step {
	uint8_t act;
	uint8_t next;
};

#define SPAWN \
	{ \
		CHILD_ACT_SPAWN, CHILD_STARTING \
	}
#define STAY(state) \
	{ \
		CHILD_ACT_NONE, state \
	}

static const struct step steps[CHILD_STATE_N][C_N] = {
	[CHILD_DOWN] = {
		[C_START] = SPAWN,
		[C_NO_START] = STAY(CHILD_DOWN),
		[C_READY] = STAY(CHILD_DOWN),
		[C_LATE] = STAY(CHILD_DOWN),
		[C_ONCE] = STAY(CHILD_DOWN),
		[C_AGAIN] = STAY(CHILD_DOWN),
		[C_REFUSED] = STAY(CHILD_DOWN),
		[C_DUE] = STAY(CHILD_DOWN),
		[C_STOP] = STAY(CHILD_DOWN),
		[C_RELOAD] = STAY(CHILD_DOWN),
	},
	[CHILD_STARTING] = {
		[C_START] = STAY(CHILD_STARTING),
		[C_NO_START] = STAY(CHILD_BACKOFF),
		[C_READY] = STAY(CHILD_OK),
		[C_LATE] = SPAWN,
		[C_ONCE] = SPAWN,
		[C_AGAIN] = STAY(CHILD_FAILING),
		[C_REFUSED] = STAY(CHILD_BROKEN),
		[C_DUE] = STAY(CHILD_STARTING),
		[C_STOP] = { CHILD_ACT_CLOSE, CHILD_STOPPING },
		[C_RELOAD] = { CHILD_ACT_TELL, CHILD_STARTING },
	},
	[CHILD_OK] = {
		[C_START] = STAY(CHILD_OK),
		[C_NO_START] = STAY(CHILD_OK),
		[C_READY] = STAY(CHILD_OK),
		[C_LATE] = SPAWN,
		[C_ONCE] = SPAWN,
		[C_AGAIN] = STAY(CHILD_FAILING),
		[C_REFUSED] = STAY(CHILD_BROKEN),
		[C_DUE] = STAY(CHILD_OK),
		[C_STOP] = { CHILD_ACT_CLOSE, CHILD_STOPPING },
		[C_RELOAD] = { CHILD_ACT_TELL, CHILD_OK },
	},
	[CHILD_STOPPING] = {
		[C_START] = STAY(CHILD_STOPPING),
		[C_NO_START] = STAY(CHILD_STOPPING),
		[C_READY] = STAY(CHILD_STOPPING),
		[C_LATE] = STAY(CHILD_DOWN),
		[C_ONCE] = STAY(CHILD_DOWN),
		[C_AGAIN] = STAY(CHILD_DOWN),
		[C_REFUSED] = STAY(CHILD_DOWN),
		[C_DUE] = { CHILD_ACT_KILL, CHILD_STOPPING },
		[C_STOP] = STAY(CHILD_STOPPING),
		[C_RELOAD] = STAY(CHILD_STOPPING),
	},
	[CHILD_BACKOFF] = {
		[C_START] = STAY(CHILD_BACKOFF),
		[C_NO_START] = STAY(CHILD_BACKOFF),
		[C_READY] = STAY(CHILD_BACKOFF),
		[C_LATE] = STAY(CHILD_BACKOFF),
		[C_ONCE] = STAY(CHILD_BACKOFF),
		[C_AGAIN] = STAY(CHILD_BACKOFF),
		[C_REFUSED] = STAY(CHILD_BACKOFF),
		[C_DUE] = SPAWN,
		[C_STOP] = STAY(CHILD_DOWN),
		[C_RELOAD] = STAY(CHILD_BACKOFF),
	},
	[CHILD_FAILING] = {
		[C_START] = STAY(CHILD_FAILING),
		[C_NO_START] = STAY(CHILD_FAILING),
		[C_READY] = STAY(CHILD_FAILING),
		[C_LATE] = STAY(CHILD_FAILING),
		[C_ONCE] = STAY(CHILD_FAILING),
		[C_AGAIN] = STAY(CHILD_FAILING),
		[C_REFUSED] = STAY(CHILD_FAILING),
		[C_DUE] = SPAWN,
		[C_STOP] = STAY(CHILD_DOWN),
		[C_RELOAD] = SPAWN,
	},
	[CHILD_BROKEN] = {
		[C_START] = STAY(CHILD_BROKEN),
		[C_NO_START] = STAY(CHILD_BROKEN),
		[C_READY] = STAY(CHILD_BROKEN),
		[C_LATE] = STAY(CHILD_BROKEN),
		[C_ONCE] = STAY(CHILD_BROKEN),
		[C_AGAIN] = STAY(CHILD_BROKEN),
		[C_REFUSED] = STAY(CHILD_BROKEN),
		[C_DUE] = STAY(CHILD_BROKEN),
		[C_STOP] = STAY(CHILD_DOWN),
		[C_RELOAD] = SPAWN,
	},
};

/* The kind of a death: counts the soon ones. */
static enum column
death_column(struct child_fate *fate, int64_t now_ms)
{
	if (now_ms - fate->started_ms >= CHILD_SOON_MS) {
		fate->n_soon = 0;
		return C_LATE;
	}
	if (fate->n_soon < UINT32_MAX)
		fate->n_soon++;
	return fate->n_soon == 1 ? C_ONCE : C_AGAIN;
}

static enum column
event_column(struct child_fate *fate, enum child_event event, int64_t now_ms)
{
	switch (event) {
	case CHILD_EV_START:
		return C_START;
	case CHILD_EV_NO_START:
		return C_NO_START;
	case CHILD_EV_READY:
		return C_READY;
	case CHILD_EV_DIED:
		if (!child_is_running(fate))
			return C_LATE;
		return death_column(fate, now_ms);
	case CHILD_EV_REFUSED:
		return C_REFUSED;
	case CHILD_EV_DUE:
		return C_DUE;
	case CHILD_EV_STOP:
		return C_STOP;
	case CHILD_EV_RELOAD:
		return C_RELOAD;
	}
	BUG_IF(event > CHILD_EV_RELOAD);
	return C_DUE;
}

/* 1 s after the second soon death, doubled with each further one. */
static int64_t
wait_ms(const struct child_fate *fate)
{
	int64_t ms = CHILD_WAIT_MIN_MS;
	uint32_t i;

	for (i = 2; i < fate->n_soon && ms < CHILD_WAIT_MAX_MS; i++)
		ms *= 2;
	return ms < CHILD_WAIT_MAX_MS ? ms : CHILD_WAIT_MAX_MS;
}

/* What a state waits for, once it is entered. */
static int64_t
due_ms(const struct child_fate *fate, int64_t now_ms, int64_t stop_ms)
{
	switch (fate->state) {
	case CHILD_STOPPING:
		return now_ms + stop_ms;
	case CHILD_BACKOFF:
	case CHILD_FAILING:
		return now_ms + wait_ms(fate);
	case CHILD_DOWN:
	case CHILD_STARTING:
	case CHILD_OK:
	case CHILD_BROKEN:
	case CHILD_STATE_N:
		break;
	}
	return INT64_MAX;
}

enum child_act
child_step(struct child_fate *fate, enum child_event event, int64_t now_ms,
    int64_t stop_ms)
{
	enum column column = event_column(fate, event, now_ms);
	const struct step *st = &steps[fate->state][column];
	bool is_first = fate->state == CHILD_DOWN;
	bool is_move = st->next != fate->state;

	if (st->act == CHILD_ACT_SPAWN) {
		if (!is_first)
			fate->restarts++;
		fate->started_ms = now_ms;
	}
	fate->state = (enum child_state)st->next;
	if (is_move)
		fate->due_ms = due_ms(fate, now_ms, stop_ms);
	/* Once is enough; a process in the kernel's hands ends later. */
	if (st->act == CHILD_ACT_KILL)
		fate->due_ms = INT64_MAX;
	return (enum child_act)st->act;
}

enum child_state
child_shown(const struct child_fate *fate, int64_t now_ms)
{
	bool is_up = fate->state == CHILD_STARTING || fate->state == CHILD_OK;

	if (is_up && fate->n_soon > 1 &&
	    now_ms - fate->started_ms < CHILD_SOON_MS)
		return CHILD_FAILING;
	return fate->state;
}

bool
child_is_running(const struct child_fate *fate)
{
	return fate->state == CHILD_STARTING || fate->state == CHILD_OK ||
	    fate->state == CHILD_STOPPING;
}

const char *
child_state_text(enum child_state state)
{
	static const char *const texts[CHILD_STATE_N] = {
		[CHILD_DOWN] = "down",
		[CHILD_STARTING] = "starting",
		[CHILD_OK] = "ok",
		[CHILD_STOPPING] = "stopping",
		[CHILD_BACKOFF] = "back-off",
		[CHILD_FAILING] = "failing",
		[CHILD_BROKEN] = "broken",
	};

	BUG_IF(state >= CHILD_STATE_N);
	return texts[state];
}
