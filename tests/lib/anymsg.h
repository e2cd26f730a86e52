/* SPDX-License-Identifier: BSD-2-Clause */
/* anymsg: a message of any type, filled to its bounds. */
#ifndef TESTS_LIB_ANYMSG_H
#define TESTS_LIB_ANYMSG_H

#include <string.h>

#include "util/proto/messages.h"

#define ANYMSG_MAX_BYTES 65535

union anymsg {
#define MESSAGE(NAME, name, from, to, nfds) struct msg_##name name;
#define FIELD(type, name, bound)
#define MESSAGE_END(NAME)
#include "util/proto/messages.def"
#undef MESSAGE
#undef FIELD
#undef MESSAGE_END
};

/* Sets the member of f: a number to n, a str to n bytes. */
static inline void
anymsg_set(union anymsg *m, const struct msg_field *f, uint64_t n)
{
	static char bytes[ANYMSG_MAX_BYTES + 1];
	char *p = (char *)m + f->offset;
	struct str s = { bytes, (size_t)n };
	uint8_t u8 = (uint8_t)n;
	uint16_t u16 = (uint16_t)n;
	uint32_t u32 = (uint32_t)n;

	switch (f->kind) {
	case MSG_KIND_u8:
		memcpy(p, &u8, sizeof(u8));
		break;
	case MSG_KIND_u16:
		memcpy(p, &u16, sizeof(u16));
		break;
	case MSG_KIND_u32:
		memcpy(p, &u32, sizeof(u32));
		break;
	case MSG_KIND_u64:
	case MSG_KIND_i64:
		memcpy(p, &n, sizeof(n));
		break;
	case MSG_KIND_qid:
		memset(p, (int)(n & 0xff), QID_BYTES);
		break;
	case MSG_KIND_str:
		memset(bytes, 's', sizeof(bytes));
		memcpy(p, &s, sizeof(s));
		break;
	}
}

/* Every field at its bound. */
static inline void
anymsg_fill(union anymsg *m, enum msg_type type)
{
	const struct msg_field *f;

	memset(m, 0, sizeof(*m));
	for (f = msg_info(type)->fields(); f->name != NULL; f++)
		anymsg_set(m, f, f->bound);
}

#endif /* TESTS_LIB_ANYMSG_H */
