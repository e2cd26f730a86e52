/* SPDX-License-Identifier: BSD-2-Clause */
/* chan: a connection to another process: frames, descriptors, batches. */
#ifndef UTIL_PROTO_CHAN_H
#define UTIL_PROTO_CHAN_H

#include <stdbool.h>
#include <stddef.h>

#include "util/base/err.h"
#include "util/io/loop.h"
#include "util/io/sock.h"
#include "util/proto/frame.h"
#include "util/proto/messages.h"

struct chan;

/* Descriptors that wait to be sent; past it ERR_FULL. */
#define CHAN_OUT_FDS_MAX 2048

/* How a connection is served. */
struct chan_conf {
	/*
	 * One frame came. f and what it holds are borrowed until it returns
	 * (frame_take_fd keeps a descriptor). Anything but ERR_OK, such as
	 * what msg_X_decode returned, or ERR_PROTO for a type that has no
	 * business here, ends the connection: on_close follows. A table of
	 * handlers by f->type, which is below MSG_N, is the usual way.
	 */
	enum err (*on_frame)(void *arg, struct frame *f);

	/*
	 * The connection is over, once, after all frames that came. why is
	 * ERR_EOF: the peer closed; ERR_PROTO: it broke the protocol; else as
	 * sys_err says, and errno is set. text says more, for the log, and is
	 * borrowed. chan_free is still to be called, here or later.
	 */
	void (*on_close)(void *arg, enum err why, const char *text);
	void *arg;

	/* Bound of what waits to be written. A frame that is larger can never
	 * be sent. */
	size_t out_max_bytes;
};

/* Takes the stream socket fd, which is non-blocking. Copies conf. Reads once a
 * turn, at most INBOX_READ_BYTES, so that others have their turn. Ends the
 * process when memory runs out. */
struct chan *chan_new(struct loop *loop, int fd, const struct chan_conf *conf);

/* Closes at once; what was not written is dropped. May be called in on_frame
 * and on_close; neither is called after it. */
void chan_free(struct chan **chan);

/* Writes what waits, as far as the peer takes it now: for a process about to
 * end. ERR_AGAIN: some is left; ERR_EOF: nobody will read it. */
MUST_USE enum err chan_flush(struct chan *chan);

/* Bytes that wait to be written. */
size_t chan_out_bytes(const struct chan *chan);

/* Stops or goes on to read: for a receiver that cannot take more. The peer's
 * end is not seen while paused. Not in on_frame: what was read already is
 * delivered. */
void chan_pause(struct chan *chan, bool is_paused);

/* Who has the other end. */
MUST_USE enum err chan_peer_cred(
    const struct chan *chan, struct sock_cred *cred);

/* chan_send_X for a type that is known when it runs; m is its struct, fds has
 * as many as msg_fds says (NULL for none). */
MUST_USE enum err chan_send(
    struct chan *chan, enum msg_type type, const void *m, const int *fds);

/*
 * enum err chan_send_X(struct chan *chan, const struct msg_X *m)
 * enum err chan_send_X(struct chan *chan, const struct msg_X *m, int fd)
 *	Sends m; the second form is that of messages with a descriptor, which
 *	is duplicated: the caller keeps his own. Written with all else at the
 *	end of the turn. Never calls back.
 *
 *	ERR_FULL	past out_max_bytes, or no descriptor left: not sent
 *	ERR_RANGE	a field is above its bound: not sent
 *	ERR_EOF		the connection is over; on_close comes or came
 */
#define CHAN_SEND_0(NAME, name) \
	MUST_USE static inline enum err chan_send_##name( \
	    struct chan *chan, const struct msg_##name *m) \
	{ \
		return chan_send(chan, MSG_##NAME, m, NULL); \
	}
#define CHAN_SEND_1(NAME, name) \
	MUST_USE static inline enum err chan_send_##name( \
	    struct chan *chan, const struct msg_##name *m, int fd) \
	{ \
		return chan_send(chan, MSG_##NAME, m, &fd); \
	}
#define MESSAGE(NAME, name, from, to, nfds) CHAN_SEND_##nfds(NAME, name)
#define FIELD(type, name, bound)
#define MESSAGE_END(NAME)
#include "util/proto/messages.def"
#undef MESSAGE
#undef FIELD
#undef MESSAGE_END

#endif /* UTIL_PROTO_CHAN_H */
