/* SPDX-License-Identifier: BSD-2-Clause */
/* peer: a daemon's connection to another one, made again whenever it ends. */
#include "util/svc/peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "util/base/fatal.h"
#include "util/io/loop.h"
#include "util/io/sock.h"
#include "util/log/log.h"

#define PATH_MAX_BYTES 4352 /* run_dir of START, and a name */

/*
 * Waiting (timer set), connecting (fd >= 0), or up (chan set): one of them at
 * any time.
 */
struct peer {
	struct peer_conf conf;
	struct loop *loop;
	struct timer timer;
	struct watch watch; /* while fd >= 0 */
	struct chan *chan;
	int fd;
	int64_t wait_ms;  /* before the next attempt */
	int64_t since_ms; /* when the connection came up */
};

/* Doubles the wait for the attempt after the next one. */
static void
wait_again(struct peer *p)
{
	timer_set_at(&p->timer, loop_now_ms(p->loop) + p->wait_ms);
	p->wait_ms *= 2;
	if (p->wait_ms > PEER_WAIT_MAX_MS)
		p->wait_ms = PEER_WAIT_MAX_MS;
}

static enum err
handle_frame(void *arg, struct frame *f)
{
	struct peer *p = arg;

	return p->conf.on_frame(p->conf.arg, f);
}

static void
handle_close(void *arg, enum err why, const char *text)
{
	struct peer *p = arg;

	LOG(EV_PEER_LOST, KV_CSTR("peer", p->conf.name),
	    KV_CSTR("error", err_text(why)), KV_CSTR("msg", text));
	chan_free(&p->chan);
	if (loop_now_ms(p->loop) - p->since_ms >= PEER_SETTLED_MS)
		p->wait_ms = PEER_WAIT_MIN_MS;
	wait_again(p);
	p->conf.on_down(p->conf.arg, why);
}

/* HELLO is the first frame: there is always room for it. */
static void
go_up(struct peer *p, int fd)
{
	struct chan_conf conf = { .on_frame = handle_frame,
		.on_close = handle_close,
		.arg = p,
		.out_max_bytes = p->conf.out_max_bytes };
	struct msg_hello hello = { .role = (uint8_t)p->conf.role,
		.index = p->conf.index,
		.pid = (uint32_t)getpid() };
	enum err err;

	p->chan = chan_new(p->loop, fd, &conf);
	p->since_ms = loop_now_ms(p->loop);
	err = chan_send_hello(p->chan, &hello);
	BUG_IF(err != ERR_OK);
	p->conf.on_up(p->conf.arg);
}

static void
handle_connected(void *arg, unsigned what)
{
	struct peer *p = arg;
	int fd = p->fd;

	BUG_IF(what != WATCH_WRITE);
	watch_fini(&p->watch);
	p->fd = -1;
	if (sock_connect_result(fd) == ERR_OK) {
		go_up(p, fd);
		return;
	}
	(void)close(fd);
	wait_again(p);
}

/* A socket that is not there, or a full queue behind it, is what waiting is
 * for; the other side's absence shows in `status`. */
static void
try_now(void *arg)
{
	struct peer *p = arg;
	char path[PATH_MAX_BYTES];
	int n;

	n = snprintf(
	    path, sizeof(path), "%s/%s", p->conf.run_dir, p->conf.name);
	BUG_IF(n < 0 || (size_t)n >= sizeof(path));
	if (sock_connect_path(path, &p->fd) != ERR_OK) {
		p->fd = -1;
		wait_again(p);
		return;
	}
	watch_init(&p->watch, p->loop, p->fd, handle_connected, p);
	watch_set(&p->watch, WATCH_WRITE);
}

struct peer *
peer_new(struct loop *loop, const struct peer_conf *conf)
{
	struct peer *p = malloc(sizeof(*p));

	if (p == NULL)
		fatal("no memory for the connection to %s", conf->name);
	*p = (struct peer){ .conf = *conf,
		.loop = loop,
		.fd = -1,
		.wait_ms = PEER_WAIT_MIN_MS };
	timer_init(&p->timer, loop, try_now, p);
	timer_set_at(&p->timer, loop_now_ms(loop));
	return p;
}

void
peer_free(struct peer **peer)
{
	struct peer *p = *peer;

	if (p == NULL)
		return;
	timer_fini(&p->timer);
	if (p->fd >= 0) {
		watch_fini(&p->watch);
		(void)close(p->fd);
	}
	chan_free(&p->chan);
	free(p);
	*peer = NULL;
}

struct chan *
peer_chan(struct peer *peer)
{
	return peer->chan;
}
