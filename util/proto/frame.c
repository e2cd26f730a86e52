/* SPDX-License-Identifier: BSD-2-Clause */
/* frame: heads and bodies in a stream of bytes. */
#include "util/proto/frame.h"

/* Offsets in the head. */
enum { AT_LENGTH = 0, AT_TYPE = 4, AT_VERSION = 6, AT_N_FDS = 7 };

int
frame_take_fd(struct frame *f, unsigned i)
{
	int fd;

	BUG_IF(i >= f->n_fds);
	fd = f->fds[i];
	f->fds[i] = -1;
	return fd;
}

static uint32_t
get_le(struct str in, size_t at, size_t bytes)
{
	uint32_t n = 0;

	for (size_t i = bytes; i-- > 0;)
		n = n << 8 | (unsigned char)in.ptr[at + i];
	return n;
}

/* in has a head. */
static enum frame_fault
check_head(struct str in)
{
	uint32_t length = get_le(in, AT_LENGTH, 4);
	uint32_t type = get_le(in, AT_TYPE, 2);

	if (get_le(in, AT_VERSION, 1) != PROTO_VERSION)
		return FRAME_VERSION;
	if (length < FRAME_HEAD_BYTES)
		return FRAME_SHORT;
	if (length > FRAME_MAX_BYTES)
		return FRAME_LONG;
	if (type <= MSG_NONE || type >= MSG_N)
		return FRAME_TYPE;
	if (get_le(in, AT_N_FDS, 1) != msg_fds(type))
		return FRAME_N_FDS;
	return FRAME_FINE;
}

void
frame_fail(struct frame_reader *r, enum frame_fault fault)
{
	if (r->fault != FRAME_FINE)
		return;
	r->fault = fault;
	r->fault_at = r->taken_bytes;
}

enum err
frame_next(struct frame_reader *r, struct str *in, struct frame *f)
{
	uint32_t length;
	enum frame_fault fault;

	if (r->fault != FRAME_FINE)
		return ERR_PROTO;
	if (in->len < FRAME_HEAD_BYTES)
		return ERR_AGAIN;
	fault = check_head(*in);
	if (fault != FRAME_FINE) {
		frame_fail(r, fault);
		return ERR_PROTO;
	}
	length = get_le(*in, AT_LENGTH, 4);
	if (in->len < length)
		return ERR_AGAIN;
	f->type = (enum msg_type)get_le(*in, AT_TYPE, 2);
	f->body = str_tail(str_head(*in, length), FRAME_HEAD_BYTES);
	f->n_fds = msg_fds(f->type);
	for (unsigned i = 0; i < FRAME_FDS_MAX; i++)
		f->fds[i] = -1;
	str_skip(in, length);
	r->taken_bytes += length;
	return ERR_OK;
}

size_t
frame_want(struct str in)
{
	uint32_t length;

	if (in.len < FRAME_HEAD_BYTES)
		return FRAME_HEAD_BYTES;
	length = get_le(in, AT_LENGTH, 4);
	if (length < FRAME_HEAD_BYTES)
		return FRAME_HEAD_BYTES;
	return length < FRAME_MAX_BYTES ? length : FRAME_MAX_BYTES;
}

const char *
frame_fault_text(enum frame_fault fault)
{
	switch (fault) {
	case FRAME_FINE:
		return "no fault";
	case FRAME_SHORT:
		return "length below that of a head";
	case FRAME_LONG:
		return "frame too long";
	case FRAME_TYPE:
		return "unknown type";
	case FRAME_VERSION:
		return "other version of the protocol";
	case FRAME_N_FDS:
		return "wrong number of descriptors for its type";
	case FRAME_FDS_LACK:
		return "its descriptors did not come";
	case FRAME_FDS_LEFT:
		return "descriptors that no frame carries";
	}
	return "unknown fault";
}

size_t
frame_bytes(enum msg_type type, const void *m)
{
	return FRAME_HEAD_BYTES + msg_bytes(type, m);
}

static void
put_le(struct outbuf *out, size_t n, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		outbuf_putc(out, (char)(n >> (8 * i) & 0xff));
}

enum err
frame_put(struct outbuf *out, enum msg_type type, const void *m)
{
	struct outbuf at = *out;
	size_t length = frame_bytes(type, m);
	enum err err;

	if (length > FRAME_MAX_BYTES)
		return ERR_RANGE;
	if (outbuf_room(out) < length)
		return ERR_FULL;
	put_le(&at, length, 4);
	put_le(&at, type, 2);
	put_le(&at, PROTO_VERSION, 1);
	put_le(&at, msg_fds(type), 1);
	err = msg_encode(type, &at, m);
	if (err == ERR_OK)
		*out = at;
	return err;
}
