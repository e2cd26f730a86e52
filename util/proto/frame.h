/* SPDX-License-Identifier: BSD-2-Clause */
/* frame: the unit that processes exchange; reader and writer of its bytes. */
#ifndef UTIL_PROTO_FRAME_H
#define UTIL_PROTO_FRAME_H

#include <stdint.h>

#include "util/base/err.h"
#include "util/proto/messages.h"
#include "util/text/str.h"

/*
 * A frame is a head of 8 bytes and a body. Little endian.
 *
 *	length	u32	of the whole frame
 *	type	u16	enum msg_type
 *	version	u8	PROTO_VERSION
 *	nfds	u8	descriptors that come with its first byte
 */
#define FRAME_HEAD_BYTES 8
#define FRAME_MAX_BYTES (128 * 1024)

/* Descriptors that one frame may carry. */
#define FRAME_FDS_MAX 4

/* One frame as it came in. Views and descriptors are borrowed until the
 * receiving function returns or is called again. */
struct frame {
	enum msg_type type;     /* one that messages.def has: below MSG_N */
	struct str body;        /* for msg_X_decode */
	unsigned n_fds;         /* as many as the type says */
	int fds[FRAME_FDS_MAX]; /* frame_take_fd; what is left is closed */
};

/* The receiver owns descriptor i of f from here on; i < f->n_fds. */
int frame_take_fd(struct frame *f, unsigned i);

/* Why a stream of frames cannot be read on. */
enum frame_fault {
	FRAME_FINE,
	FRAME_SHORT,    /* length below that of a head */
	FRAME_LONG,     /* length above FRAME_MAX_BYTES */
	FRAME_TYPE,     /* a type that is not known */
	FRAME_VERSION,  /* another PROTO_VERSION */
	FRAME_N_FDS,    /* nfds is not what the type carries */
	FRAME_FDS_LACK, /* its descriptors did not come */
	FRAME_FDS_LEFT, /* descriptors came that no frame carries */
};

/* Reader of one stream; embedded, no memory of its own, so no _fini. Others
 * read all of it. */
struct frame_reader {
	uint64_t taken_bytes; /* whole frames taken so far */
	uint64_t fault_at;    /* offset in the stream of the frame at fault */
	enum frame_fault fault;
};

/* Begins a stream. */
static inline void
frame_reader_init(struct frame_reader *r)
{
	*r = (struct frame_reader){ .fault = FRAME_FINE };
}

/*
 * Takes one whole frame from in, and advances in past it. Its fds are all -1:
 * whoever has the descriptors fills them in. A head is looked at as soon as it
 * is there, so a wrong length does not wait for its body.
 *
 * ERR_AGAIN	in holds no whole frame: come again with these bytes and more
 * ERR_PROTO	for good; see fault, fault_at
 */
MUST_USE enum err frame_next(
    struct frame_reader *r, struct str *in, struct frame *f);

/* How many bytes in must have for frame_next to get on: the length of the
 * frame that it begins with, or of a head. At most FRAME_MAX_BYTES. */
size_t frame_want(struct str in);

/* Notes a fault of the frame that follows the last one taken. */
void frame_fail(struct frame_reader *r, enum frame_fault fault);

/* English for a fault, in static storage. */
const char *frame_fault_text(enum frame_fault fault);

/* Length of the frame that frame_put makes of m; m is the struct of type. */
size_t frame_bytes(enum msg_type type, const void *m);

/*
 * Appends the frame of m, which is the struct of type.
 * ERR_FULL	out has less room than frame_bytes; nothing is appended
 * ERR_RANGE	a field is above its bound; nothing is appended
 */
MUST_USE enum err frame_put(
    struct outbuf *out, enum msg_type type, const void *m);

#endif /* UTIL_PROTO_FRAME_H */
