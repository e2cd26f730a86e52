/* SPDX-License-Identifier: BSD-2-Clause */
/* call: a connection to a daemon for programs without a loop: it waits. */
#ifndef UTIL_PROTO_CALL_H
#define UTIL_PROTO_CALL_H

#include <stdint.h>

#include "util/base/err.h"
#include "util/proto/frame.h"
#include "util/proto/inbox.h"
#include "util/proto/messages.h"

/* Embedded in its owner; others read fd, deadline_ms and inbox.reader. */
struct call {
	struct inbox inbox;
	struct frame frame;  /* the last that came */
	int fd;              /* -1: not connected */
	int64_t deadline_ms; /* by clock_boot_ms; for all that follows. May be
			      * moved by the owner between calls */
};

/*
 * Connects to the Unix socket at path, of any length. errno is set on errors.
 *
 * ERR_NOTFOUND	no socket there, or nobody listens: not running
 * ERR_DENIED	no right to connect
 * ERR_AGAIN	it has too many callers that wait
 *
 * call_fini may be called in every case.
 */
MUST_USE enum err call_connect(
    struct call *call, const char *path, int64_t deadline_ms);

/* Closes. */
void call_fini(struct call *call);

/*
 * Waits for the next frame; *f and what it holds are borrowed until the next
 * call_next or call_fini (frame_take_fd keeps a descriptor).
 *
 * ERR_EOF	the other side has closed
 * ERR_TIMEOUT	not before the deadline
 * ERR_PROTO	not our protocol; see call->inbox.reader.fault
 */
MUST_USE enum err call_next(struct call *call, struct frame **f);

/* call_send_X for a type that is known when it runs; m is its struct. */
MUST_USE enum err call_send(
    struct call *call, enum msg_type type, const void *m);

/*
 * enum err call_send_X(struct call *call, const struct msg_X *m)
 *	Sends m, which carries no descriptors, and waits until it is written.
 *
 *	ERR_RANGE	a field is above its bound
 *	ERR_EOF		the other side has closed
 *	ERR_TIMEOUT	not written before the deadline
 */
#define CALL_SEND_0(NAME, name) \
	MUST_USE static inline enum err call_send_##name( \
	    struct call *call, const struct msg_##name *m) \
	{ \
		return call_send(call, MSG_##NAME, m); \
	}
#define CALL_SEND_1(NAME, name)
#define MESSAGE(NAME, name, from, to, nfds) CALL_SEND_##nfds(NAME, name)
#define FIELD(type, name, bound)
#define MESSAGE_END(NAME)
#include "util/proto/messages.def"
#undef MESSAGE
#undef FIELD
#undef MESSAGE_END

#endif /* UTIL_PROTO_CALL_H */
