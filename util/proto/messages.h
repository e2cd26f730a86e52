/* SPDX-License-Identifier: BSD-2-Clause */
/* messages: structs, encoders and decoders of what messages.def declares. */
#ifndef UTIL_PROTO_MESSAGES_H
#define UTIL_PROTO_MESSAGES_H

#include <stddef.h>
#include <stdint.h>

#include "util/base/err.h"
#include "util/mail/order.h"
#include "util/mail/outcome.h"
#include "util/mail/part.h"
#include "util/mail/qid.h"
#include "util/proto/terms.h"
#include "util/text/str.h"

/* Goes up with each change of messages.def: processes of two versions do not
 * talk to each other. */
#define PROTO_VERSION 3

/*
 * For MESSAGE(LEASE, lease, ...) there are MSG_LEASE and struct msg_lease, with
 * a member for each field, and msg_lease_encode, msg_lease_decode,
 * msg_lease_list_put, msg_lease_list_next (below).
 *
 * A body is its fields one behind the other, little endian: numbers in their
 * size, qids as 16 bytes, strs as a length (u16) and the bytes.
 */
enum msg_type {
	MSG_NONE,
#define MESSAGE(NAME, name, from, to, nfds) MSG_##NAME,
#define FIELD(type, name, bound)
#define MESSAGE_END(NAME)
#include "util/proto/messages.def"
#undef MESSAGE
#undef FIELD
#undef MESSAGE_END
	MSG_N
};

/* Members by the type of the field. A str is a view: into the body, after
 * decoding. */
#define MSG_MEMBER_u8 uint8_t
#define MSG_MEMBER_u16 uint16_t
#define MSG_MEMBER_u32 uint32_t
#define MSG_MEMBER_u64 uint64_t
#define MSG_MEMBER_i64 int64_t
#define MSG_MEMBER_qid struct qid
#define MSG_MEMBER_str struct str

/* The last member is not sent: a struct must have one. */
#define MESSAGE(NAME, name, from, to, nfds) struct msg_##name {
#define FIELD(type, name, bound) MSG_MEMBER_##type name;
#define MESSAGE_END(NAME) \
	uint8_t none; \
	} \
	;
#include "util/proto/messages.def"
#undef MESSAGE
#undef FIELD
#undef MESSAGE_END

/* What messages.def says of one field. */
struct msg_field {
	const char *name; /* NULL ends the table */
	enum msg_kind {
		MSG_KIND_u8,
		MSG_KIND_u16,
		MSG_KIND_u32,
		MSG_KIND_u64,
		MSG_KIND_i64,
		MSG_KIND_qid,
		MSG_KIND_str
	} kind;
	size_t offset;  /* of the member in the struct */
	uint64_t bound; /* largest number (i64: either way), longest str */
};

/* What messages.def says of one message. */
struct msg_info {
	const char *name; /* "LEASE" */
	const char *from; /* program, or "any" */
	const char *to;
	unsigned n_fds;
	const struct msg_field *(*fields)(void); /* its table */
};

/* About a type, in static storage; MSG_NONE < type < MSG_N. */
const struct msg_info *msg_info(enum msg_type type);

/* Its name, in static storage; "?" for a stray number. */
const char *msg_name(unsigned type);

/* Descriptors that a frame of the type carries; 0 for a stray number. */
unsigned msg_fds(unsigned type);

/* Length of the body that m, the struct of type, is encoded to. */
size_t msg_bytes(enum msg_type type, const void *m);

/* msg_X_encode and msg_X_decode for a type that is known when it runs. */
MUST_USE enum err msg_encode(
    enum msg_type type, struct outbuf *out, const void *m);
MUST_USE enum err msg_decode(enum msg_type type, void *m, struct str body);

/* msg_X_list_put and msg_X_list_next, likewise. */
MUST_USE enum err msg_list_put(
    enum msg_type type, struct outbuf *out, const void *m);
MUST_USE enum err msg_list_next(enum msg_type type, struct str *list, void *m);

/* Appends for the log why body is no message of type: "LEASE: standing: value
 * or length outside its limits"; as much of it as there is room for. */
void msg_explain(enum msg_type type, struct str body, struct outbuf *out);

/*
 * enum err msg_X_encode(struct outbuf *out, const struct msg_X *m)
 *	Appends the body of m.
 *	ERR_FULL	no room; nothing is appended
 *	ERR_RANGE	a field is above its bound; nothing is appended
 *
 * enum err msg_X_decode(struct msg_X *m, struct str body)
 *	Reads all of body; m holds views into it. m is set with ERR_OK only.
 *	ERR_SYNTAX	body is too short or too long for its fields
 *	ERR_RANGE	a field is above its bound
 *
 * enum err msg_X_list_put(struct outbuf *out, const struct msg_X *m)
 *	Appends m to a list; as msg_X_encode.
 *
 * enum err msg_X_list_next(struct str *list, struct msg_X *m)
 *	Takes the first element out of list; as msg_X_decode.
 *	ERR_EOF		there is none left
 */
#define MESSAGE(NAME, name, from, to, nfds) \
	MUST_USE static inline enum err msg_##name##_encode( \
	    struct outbuf *out, const struct msg_##name *m) \
	{ \
		return msg_encode(MSG_##NAME, out, m); \
	} \
	MUST_USE static inline enum err msg_##name##_decode( \
	    struct msg_##name *m, struct str body) \
	{ \
		return msg_decode(MSG_##NAME, m, body); \
	} \
	MUST_USE static inline enum err msg_##name##_list_put( \
	    struct outbuf *out, const struct msg_##name *m) \
	{ \
		return msg_list_put(MSG_##NAME, out, m); \
	} \
	MUST_USE static inline enum err msg_##name##_list_next( \
	    struct str *list, struct msg_##name *m) \
	{ \
		return msg_list_next(MSG_##NAME, list, m); \
	}
#define FIELD(type, name, bound)
#define MESSAGE_END(NAME)
#include "util/proto/messages.def"
#undef MESSAGE
#undef FIELD
#undef MESSAGE_END

#endif /* UTIL_PROTO_MESSAGES_H */
