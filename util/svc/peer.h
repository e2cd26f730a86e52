/* SPDX-License-Identifier: BSD-2-Clause */
/* peer: a daemon's connection to another one, made again whenever it ends. */
#ifndef UTIL_SVC_PEER_H
#define UTIL_SVC_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "util/base/err.h"
#include "util/proto/chan.h"
#include "util/proto/terms.h"

struct loop;

/* Wait before a new attempt; doubles up to the second while nobody answers. */
#define PEER_WAIT_MIN_MS 100
#define PEER_WAIT_MAX_MS 2000

/* One that takes the connection and then cuts it waits like one away. */
#define PEER_SETTLED_MS 5000

struct peer;

struct peer_conf {
	const char *name;    /* "qmgr": of the socket; outlives the peer */
	const char *run_dir; /* svc_run_dir(); outlives the peer */
	enum peer_role role; /* ours, for HELLO */
	uint32_t index;      /* svc_index() of a worker, else 0 */
	size_t out_max_bytes;

	/* Connected, and HELLO is sent; peer_chan() is set. */
	void (*on_up)(void *arg);

	/* As in struct chan_conf; an error ends the connection. */
	enum err (*on_frame)(void *arg, struct frame *f);

	/* The connection has ended, after all its frames; peer_chan() is NULL.
	 * why: EOF if the other side hung up; anything else is of this side.
	 * What was asked of the other side is to be asked again on_up. */
	void (*on_down)(void *arg, enum err why);
	void *arg;
};

/* Begins to connect; on_up comes in a later turn. Copies conf. Ends the
 * process when memory runs out. */
struct peer *peer_new(struct loop *loop, const struct peer_conf *conf);

/* Hangs up, at once: chan_flush() before if it matters. No call after it; may
 * be called in any of the three. */
void peer_free(struct peer **peer);

/* The connection, borrowed until on_down or peer_free; NULL while down. */
struct chan *peer_chan(struct peer *peer);

#endif /* UTIL_SVC_PEER_H */
