/* SPDX-License-Identifier: BSD-2-Clause */
/* acceptor: a listening socket on the loop. */
#include "util/io/acceptor.h"

/* Listens unless its owner or a lack of descriptors forbids it. */
static void
set_watch(struct acceptor *a)
{
	bool is_waiting = a->again.deadline_ms != INT64_MAX;

	watch_set(&a->watch, a->is_paused || is_waiting ? 0 : WATCH_READ);
}

static void
on_again(void *arg)
{
	set_watch(arg);
}

/* Level-triggered: without a pause the loop would spin on what it cannot
 * take. */
static void
wait_for_room(struct acceptor *a)
{
	a->n_full++;
	timer_set_at(&a->again, loop_now_ms(a->watch.loop) + ACCEPTOR_PAUSE_MS);
	set_watch(a);
}

static void
on_readable(void *arg, unsigned what)
{
	struct acceptor *a = arg;
	struct sock_addr peer;
	bool is_gone = false;
	int fd;

	(void)what;
	a->is_gone = &is_gone;
	for (int i = 0; i < ACCEPTOR_TURN_MAX; i++) {
		enum err err = sock_accept(a->watch.fd, &peer, &fd);

		if (err == ERR_FULL)
			wait_for_room(a);
		if (err == ERR_FULL || err == ERR_AGAIN)
			break;
		if (err != ERR_OK)
			continue;
		a->fn(a->arg, fd, &peer);
		if (is_gone)
			return;
		if (a->is_paused)
			break;
	}
	a->is_gone = NULL;
}

void
acceptor_init(struct acceptor *a, struct loop *loop, int listen_fd,
    acceptor_fn *fn, void *arg)
{
	*a = (struct acceptor){ .fn = fn, .arg = arg };
	watch_init(&a->watch, loop, listen_fd, on_readable, a);
	timer_init(&a->again, loop, on_again, a);
	set_watch(a);
}

void
acceptor_pause(struct acceptor *a, bool is_paused)
{
	a->is_paused = is_paused;
	set_watch(a);
}

void
acceptor_fini(struct acceptor *a)
{
	if (a->is_gone != NULL)
		*a->is_gone = true;
	timer_fini(&a->again);
	watch_fini(&a->watch);
}
