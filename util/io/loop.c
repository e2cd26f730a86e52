/* SPDX-License-Identifier: BSD-2-Clause */
/* loop: turns over libevent, which waits and finds out what is ready. */
#include "util/io/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "util/io/clock.h"

/* Ends of a turn may ask for further ends so many times over; then the next
 * turn comes first, so that input is not starved. */
#define END_ROUNDS_MAX 8

/* libevent counts in CLOCK_MONOTONIC, which stands still while the machine
 * sleeps. No timer is armed for longer than this, and each looks at
 * CLOCK_BOOTTIME when it fires. */
#define HOP_MAX_MS 60000

#define NEVER_MS INT64_MAX
#define MINUTE_US INT64_C(60000000)

struct signal_watch {
	struct event event;
	struct loop *loop;
	loop_signal_fn *fn;
	void *arg;
};

struct loop {
	struct event_base *base;
	int64_t now_ms;
	int64_t wall_ms;
	struct list ends; /* struct turn_end that are asked for */
	struct signal_watch signals[LOOP_SIGNALS_MAX];
	size_t n_signals;
	int64_t wake_us;   /* when this turn began */
	int64_t minute_us; /* when this minute of turns began */
	int64_t longest_us, minute_longest_us, before_longest_us;
	bool is_awake; /* the clocks were read in this turn */
	bool is_stopping;
};

/* Each call-back begins with this: the first one of a turn reads the clocks. */
static void
wake(struct loop *loop)
{
	if (loop->is_awake)
		return;
	loop->is_awake = true;
	loop->wake_us = clock_mono_us();
	loop->now_ms = clock_boot_ms();
	loop->wall_ms = clock_wall_ms();
}

/* No changelist: it loses changes of duplicated descriptors. */
static struct event_base *
new_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config != NULL &&
	    event_config_set_flag(config,
	        EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV) == 0)
		base = event_base_new_with_config(config);
	if (base == NULL)
		fatal("cannot make an event loop: %s", strerror(errno));
	event_config_free(config);
	return base;
}

struct loop *
loop_new(void)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct loop *loop = malloc(sizeof(*loop));

	if (loop == NULL)
		fatal("out of memory for an event loop");
	*loop = (struct loop){ .base = new_base() };
	list_init(&loop->ends);
	wake(loop);
	BUG_IF(sigaction(SIGPIPE, &ignore, NULL) != 0);
	return loop;
}

void *
loop_base(const struct loop *loop)
{
	return loop->base;
}

void
loop_free(struct loop **loop)
{
	struct loop *l = *loop;

	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n_signals; i++)
		(void)event_del(&l->signals[i].event);
	event_base_free(l->base);
	free(l);
	*loop = NULL;
}

/* The ends that are there when a round begins are done in it. */
static void
run_round(struct loop *loop)
{
	struct link *link;
	size_t n = loop->ends.n;

	while (n-- > 0 && (link = list_first(&loop->ends)) != NULL) {
		struct turn_end *d = LIST_ITEM(link, struct turn_end, link);

		list_remove(&loop->ends, link);
		d->fn(d->arg);
	}
}

static void
run_ends(struct loop *loop)
{
	for (int i = 0; i < END_ROUNDS_MAX && !list_is_empty(&loop->ends); i++)
		run_round(loop);
}

/* Two minutes are kept, so that what was long is seen for a minute at least. */
static void
measure_turn(struct loop *loop)
{
	int64_t now_us = clock_mono_us();
	int64_t took_us = now_us - loop->wake_us;

	if (now_us - loop->minute_us >= MINUTE_US) {
		loop->minute_us = now_us;
		loop->before_longest_us = loop->minute_longest_us;
		loop->minute_longest_us = 0;
	}
	if (took_us > loop->minute_longest_us)
		loop->minute_longest_us = took_us;
	if (took_us > loop->longest_us)
		loop->longest_us = took_us;
}

struct loop_turns
loop_turns(const struct loop *loop)
{
	return (struct loop_turns){ loop->longest_us,
		loop->minute_longest_us > loop->before_longest_us
		    ? loop->minute_longest_us
		    : loop->before_longest_us };
}

void
loop_run(struct loop *loop)
{
	bool is_idle = false;

	/* What was before the loop is no turn. */
	loop->wake_us = loop->minute_us = clock_mono_us();

	/* The first thing is the end of what happened before the loop. */
	for (;;) {
		int flags = EVLOOP_ONCE;
		int rc;

		run_ends(loop);
		measure_turn(loop);
		if (!list_is_empty(&loop->ends))
			flags |= EVLOOP_NONBLOCK;
		else if (is_idle || loop->is_stopping)
			break;
		loop->is_awake = false;
		rc = event_base_loop(loop->base, flags);
		if (rc < 0)
			fatal("cannot wait for events: %s", strerror(errno));
		wake(loop);
		is_idle = rc == 1;
	}
	loop->is_stopping = false;
}

void
loop_stop(struct loop *loop)
{
	loop->is_stopping = true;
}

int64_t
loop_now_ms(const struct loop *loop)
{
	return loop->now_ms;
}

int64_t
loop_wall_ms(const struct loop *loop)
{
	return loop->wall_ms;
}

/* An event that cannot be added would be a wait without an end. */
static void
add_event(struct event *event, const struct timeval *after)
{
	if (event_add(event, after) != 0)
		fatal("cannot wait for an event: %s", strerror(errno));
}

static void
on_signal(evutil_socket_t signo, short what, void *arg)
{
	struct signal_watch *s = arg;

	(void)what;
	wake(s->loop);
	s->fn(s->arg, (int)signo);
}

void
loop_signal(struct loop *loop, int signo, loop_signal_fn *fn, void *arg)
{
	struct signal_watch *s = &loop->signals[loop->n_signals];

	BUG_IF(loop->n_signals == LOOP_SIGNALS_MAX);
	loop->n_signals++;
	s->loop = loop;
	s->fn = fn;
	s->arg = arg;
	BUG_IF(event_assign(&s->event, loop->base, signo,
	           EV_SIGNAL | EV_PERSIST, on_signal, s) != 0);
	add_event(&s->event, NULL);
}

/* w may be gone when fn returns. */
static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;

	(void)fd;
	(void)what;
	wake(w->loop);
	w->fn(w->arg, WATCH_READ);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;

	(void)fd;
	(void)what;
	wake(w->loop);
	w->fn(w->arg, WATCH_WRITE);
}

void
watch_init(struct watch *w, struct loop *loop, int fd, watch_fn *fn, void *arg)
{
	*w = (struct watch){ .loop = loop, .fn = fn, .arg = arg, .fd = fd };
	BUG_IF(event_assign(&w->read, loop->base, fd, EV_READ | EV_PERSIST,
	           on_readable, w) != 0);
	BUG_IF(event_assign(&w->write, loop->base, fd, EV_WRITE | EV_PERSIST,
	           on_writable, w) != 0);
}

static void
set_event(struct event *event, bool is_on)
{
	if (is_on)
		add_event(event, NULL);
	else
		(void)event_del(event);
}

void
watch_set(struct watch *w, unsigned flags)
{
	unsigned change = w->flags ^ flags;

	if ((change & WATCH_READ) != 0)
		set_event(&w->read, (flags & WATCH_READ) != 0);
	if ((change & WATCH_WRITE) != 0)
		set_event(&w->write, (flags & WATCH_WRITE) != 0);
	w->flags = flags;
}

void
watch_fini(struct watch *w)
{
	watch_set(w, 0);
}

/* Arms the event for the deadline, or for a hop towards it. An event that
 * fires earlier than needed stays: it will see, and be armed again then. */
static void
arm(struct timer *t)
{
	int64_t now_ms = t->loop->now_ms;
	int64_t wait_ms = 0;
	struct timeval after;

	if (t->armed_ms <= t->deadline_ms)
		return;
	if (t->deadline_ms > now_ms)
		wait_ms = t->deadline_ms - now_ms;
	if (wait_ms > HOP_MAX_MS)
		wait_ms = HOP_MAX_MS;
	t->armed_ms = now_ms + wait_ms;
	after.tv_sec = (time_t)(wait_ms / 1000);
	after.tv_usec = (suseconds_t)(wait_ms % 1000 * 1000);
	add_event(&t->event, &after);
}

/* t may be gone when fn returns. */
static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct timer *t = arg;

	(void)fd;
	(void)what;
	wake(t->loop);
	t->armed_ms = NEVER_MS;
	if (t->deadline_ms > t->loop->now_ms) {
		arm(t);
		return;
	}
	t->deadline_ms = NEVER_MS;
	t->fn(t->arg);
}

void
timer_init(struct timer *t, struct loop *loop, timer_fn *fn, void *arg)
{
	*t = (struct timer){
		.loop = loop,
		.fn = fn,
		.arg = arg,
		.deadline_ms = NEVER_MS,
		.armed_ms = NEVER_MS,
	};
	BUG_IF(event_assign(&t->event, loop->base, -1, 0, on_timer, t) != 0);
}

void
timer_set_at(struct timer *t, int64_t deadline_ms)
{
	if (deadline_ms == NEVER_MS) {
		timer_stop(t);
		return;
	}
	t->deadline_ms = deadline_ms;
	arm(t);
}

void
timer_stop(struct timer *t)
{
	t->deadline_ms = NEVER_MS;
	t->armed_ms = NEVER_MS;
	(void)event_del(&t->event);
}

void
timer_fini(struct timer *t)
{
	timer_stop(t);
}

void
turn_end_init(struct turn_end *d, struct loop *loop, turn_end_fn *fn, void *arg)
{
	*d = (struct turn_end){ .loop = loop, .fn = fn, .arg = arg };
}

void
turn_end_ask(struct turn_end *d)
{
	if (!link_is_listed(&d->link))
		list_push_back(&d->loop->ends, &d->link);
}

void
turn_end_fini(struct turn_end *d)
{
	if (link_is_listed(&d->link))
		list_remove(&d->loop->ends, &d->link);
}
