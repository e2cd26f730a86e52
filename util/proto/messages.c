/* SPDX-License-Identifier: BSD-2-Clause */
/* messages: one encoder and one decoder, driven by the table of fields. */
#include "util/proto/messages.h"

#include "util/base/array.h"

#define LEN_BYTES 2         /* before a str, and before an element of a list */
#define MSG_MAX_BYTES 65535 /* of a str and an element: what LEN_BYTES say */

/* The largest message as a struct. */
union any_message {
#define MESSAGE(NAME, name, from, to, nfds) struct msg_##name name;
#define FIELD(type, name, bound)
#define MESSAGE_END(NAME)
#include "util/proto/messages.def"
#undef MESSAGE
#undef FIELD
#undef MESSAGE_END
};

/* A field does not know which message it is of: a type local to the function
 * tells it. */
#define MESSAGE(NAME, name, from, to, nfds) \
	static const struct msg_field *fields_##NAME(void) \
	{ \
		typedef struct msg_##name self; \
		static const struct msg_field fields[] = {
#define FIELD(type, name, bound) \
	{ #name, MSG_KIND_##type, offsetof(self, name), (bound) },
#define MESSAGE_END(NAME) \
	{ \
		NULL, MSG_KIND_u8, sizeof(self), 0 \
	} \
	} \
	; \
	return fields; \
	}
#include "util/proto/messages.def"
#undef MESSAGE
#undef FIELD
#undef MESSAGE_END

static const struct msg_info infos[MSG_N] = {
#define MESSAGE(NAME, name, from, to, nfds) \
	[MSG_##NAME] = { #NAME, #from, #to, nfds, fields_##NAME },
#define FIELD(type, name, bound)
#define MESSAGE_END(NAME)
#include "util/proto/messages.def"
#undef MESSAGE
#undef FIELD
#undef MESSAGE_END
};

/* Bytes of each kind; of a str without the bytes of its own. */
static const uint8_t kind_bytes[] = {
	[MSG_KIND_u8] = 1,
	[MSG_KIND_u16] = 2,
	[MSG_KIND_u32] = 4,
	[MSG_KIND_u64] = 8,
	[MSG_KIND_i64] = 8,
	[MSG_KIND_qid] = QID_BYTES,
	[MSG_KIND_str] = LEN_BYTES,
};

const struct msg_info *
msg_info(enum msg_type type)
{
	BUG_IF(type <= MSG_NONE || type >= MSG_N);
	return &infos[type];
}

const char *
msg_name(unsigned type)
{
	return type > MSG_NONE && type < MSG_N ? infos[type].name : "?";
}

unsigned
msg_fds(unsigned type)
{
	return type > MSG_NONE && type < MSG_N ? infos[type].n_fds : 0;
}

static const void *
member_of(const void *m, const struct msg_field *f)
{
	return (const char *)m + f->offset;
}

static const struct str *
member_str(const void *m, const struct msg_field *f)
{
	return member_of(m, f);
}

static uint64_t
member_number(const void *m, const struct msg_field *f)
{
	const void *p = member_of(m, f);

	switch (f->kind) {
	case MSG_KIND_u8:
		return *(const uint8_t *)p;
	case MSG_KIND_u16:
		return *(const uint16_t *)p;
	case MSG_KIND_u32:
		return *(const uint32_t *)p;
	case MSG_KIND_u64:
		return *(const uint64_t *)p;
	case MSG_KIND_i64:
		return (uint64_t) * (const int64_t *)p;
	case MSG_KIND_qid:
	case MSG_KIND_str:
		break;
	}
	return 0;
}

/* n fits the kind: it was read from as many bytes. */
static void
set_number(void *p, enum msg_kind kind, uint64_t n)
{
	switch (kind) {
	case MSG_KIND_u8:
		*(uint8_t *)p = (uint8_t)n;
		break;
	case MSG_KIND_u16:
		*(uint16_t *)p = (uint16_t)n;
		break;
	case MSG_KIND_u32:
		*(uint32_t *)p = (uint32_t)n;
		break;
	case MSG_KIND_u64:
		*(uint64_t *)p = n;
		break;
	case MSG_KIND_i64:
		*(int64_t *)p = (int64_t)n;
		break;
	case MSG_KIND_qid:
	case MSG_KIND_str:
		break;
	}
}

static bool
is_within(const struct msg_field *f, uint64_t n)
{
	if (f->kind == MSG_KIND_i64 && n > INT64_MAX)
		n = 0 - n;
	return n <= f->bound;
}

size_t
msg_bytes(enum msg_type type, const void *m)
{
	const struct msg_field *f;
	size_t n = 0;

	for (f = msg_info(type)->fields(); f->name != NULL; f++) {
		n += kind_bytes[f->kind];
		if (f->kind == MSG_KIND_str)
			n += member_str(m, f)->len;
	}
	return n;
}

static enum err
put_number(struct outbuf *out, uint64_t n, size_t bytes)
{
	if (outbuf_room(out) < bytes)
		return ERR_FULL;
	for (size_t i = 0; i < bytes; i++)
		outbuf_putc(out, (char)(n >> (8 * i) & 0xff));
	return ERR_OK;
}

static enum err
put_field(struct outbuf *out, const struct msg_field *f, const void *m)
{
	uint64_t n;
	struct str s;
	enum err err;

	switch (f->kind) {
	case MSG_KIND_qid:
		s = (struct str){ member_of(m, f), QID_BYTES };
		return outbuf_add(out, s);
	case MSG_KIND_str:
		s = *member_str(m, f);
		if (s.len > f->bound)
			return ERR_RANGE;
		err = put_number(out, s.len, LEN_BYTES);
		return err == ERR_OK ? outbuf_add(out, s) : err;
	case MSG_KIND_u8:
	case MSG_KIND_u16:
	case MSG_KIND_u32:
	case MSG_KIND_u64:
	case MSG_KIND_i64:
		break;
	}
	n = member_number(m, f);
	if (!is_within(f, n))
		return ERR_RANGE;
	return put_number(out, n, kind_bytes[f->kind]);
}

enum err
msg_encode(enum msg_type type, struct outbuf *out, const void *m)
{
	const struct msg_field *f;
	struct outbuf at = *out;
	enum err err = ERR_OK;

	for (f = msg_info(type)->fields(); f->name != NULL; f++) {
		err = put_field(&at, f, m);
		if (err != ERR_OK)
			return err;
	}
	*out = at;
	return ERR_OK;
}

static enum err
get_bytes(struct str *in, size_t n, struct str *bytes)
{
	if (n > in->len)
		return ERR_SYNTAX;
	*bytes = str_head(*in, n);
	str_skip(in, n);
	return ERR_OK;
}

static enum err
get_number(struct str *in, size_t bytes, uint64_t *n)
{
	struct str s;
	enum err err = get_bytes(in, bytes, &s);

	if (err != ERR_OK)
		return err;
	*n = 0;
	for (size_t i = bytes; i-- > 0;)
		*n = *n << 8 | (unsigned char)s.ptr[i];
	return ERR_OK;
}

/* A str or list element behind its length. */
static enum err
get_counted(struct str *in, uint64_t max, struct str *s)
{
	uint64_t n;
	enum err err = get_number(in, LEN_BYTES, &n);

	if (err != ERR_OK)
		return err;
	return n > max ? ERR_RANGE : get_bytes(in, (size_t)n, s);
}

static enum err
get_field(struct str *in, const struct msg_field *f, void *m)
{
	void *p = (char *)m + f->offset;
	struct str s;
	uint64_t n;
	enum err err;

	switch (f->kind) {
	case MSG_KIND_qid:
		err = get_bytes(in, QID_BYTES, &s);
		if (err == ERR_OK)
			memcpy(p, s.ptr, QID_BYTES);
		return err;
	case MSG_KIND_str:
		return get_counted(in, f->bound, p);
	case MSG_KIND_u8:
	case MSG_KIND_u16:
	case MSG_KIND_u32:
	case MSG_KIND_u64:
	case MSG_KIND_i64:
		break;
	}
	err = get_number(in, kind_bytes[f->kind], &n);
	if (err != ERR_OK)
		return err;
	if (!is_within(f, n))
		return ERR_RANGE;
	set_number(p, f->kind, n);
	return ERR_OK;
}

/* Decodes into m; *f is the field at which it failed, or the table's end. */
static enum err
get_fields(enum msg_type type, union any_message *m, struct str body,
    const struct msg_field **f)
{
	enum err err;

	for (*f = msg_info(type)->fields(); (*f)->name != NULL; (*f)++) {
		err = get_field(&body, *f, m);
		if (err != ERR_OK)
			return err;
	}
	return body.len > 0 ? ERR_SYNTAX : ERR_OK;
}

enum err
msg_decode(enum msg_type type, void *m, struct str body)
{
	union any_message any;
	const struct msg_field *f;
	enum err err = get_fields(type, &any, body, &f);

	if (err != ERR_OK)
		return err;
	/* The end of the table has the size of the struct. */
	memcpy(m, &any, f->offset);
	return ERR_OK;
}

void
msg_explain(enum msg_type type, struct str body, struct outbuf *out)
{
	union any_message any;
	const struct msg_field *f;
	enum err err = get_fields(type, &any, body, &f);
	const char *what = "more bytes than its fields";

	if (err == ERR_OK)
		what = "not expected here";
	else if (f->name != NULL)
		what = err == ERR_RANGE ? "above its bound" : "cut short";
	if (f->name == NULL)
		err = outbuf_printf(out, "%s: %s", msg_name(type), what);
	else
		err = outbuf_printf(
		    out, "%s: %s: %s", msg_name(type), f->name, what);
	/* Too long for the line: it still has the type, in the log. */
	(void)err;
}

enum err
msg_list_put(enum msg_type type, struct outbuf *out, const void *m)
{
	struct outbuf at = *out;
	size_t n = msg_bytes(type, m);
	enum err err;

	if (n > MSG_MAX_BYTES)
		return ERR_RANGE;
	err = put_number(&at, n, LEN_BYTES);
	if (err == ERR_OK)
		err = msg_encode(type, &at, m);
	if (err == ERR_OK)
		*out = at;
	return err;
}

enum err
msg_list_next(enum msg_type type, struct str *list, void *m)
{
	struct str rest = *list;
	struct str body;
	enum err err;

	if (rest.len == 0)
		return ERR_EOF;
	err = get_counted(&rest, MSG_MAX_BYTES, &body);
	if (err == ERR_OK)
		err = msg_decode(type, m, body);
	if (err == ERR_OK)
		*list = rest;
	return err;
}
