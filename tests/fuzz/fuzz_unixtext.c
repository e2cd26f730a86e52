/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_unixtext: any text becomes content, whatever the pieces. */
#include "ctl/core/unixtext.h"

#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "tests/lib/split.h"

#define IN_MAX_BYTES 4096
#define OUT_BYTES (UNIXTEXT_ROOM_BYTES * (IN_MAX_BYTES + 1))

/* Decodes s; returns what is left of it. */
static size_t
decode(struct str s, bool keeps_dots, struct split split, struct outbuf *out)
{
	struct unixtext t;
	struct str in = { s.ptr, 0 };
	size_t given = 0;
	enum err err = ERR_AGAIN;

	unixtext_init(&t, keeps_dots);
	while (err == ERR_AGAIN && given < s.len) {
		size_t n = split_next(&split, s.len - given);

		in.len += n;
		given += n;
		err = unixtext_decode(&t, &in, out);
	}
	BUG_IF(err == ERR_FULL || (err == ERR_OK && keeps_dots));
	BUG_IF(unixtext_end(&t, out) != ERR_OK);
	return in.len + s.len - given;
}

/* Whole lines that end in CR LF, and no other CR, LF or NUL. */
static void
check(struct str content)
{
	for (size_t i = 0; i < content.len; i++) {
		char c = content.ptr[i];

		BUG_IF(c == '\0');
		BUG_IF(c == '\n' && (i == 0 || content.ptr[i - 1] != '\r'));
		BUG_IF(c == '\r' &&
		    (i + 1 == content.len || content.ptr[i + 1] != '\n'));
	}
	BUG_IF(content.len > 0 && content.ptr[content.len - 1] != '\n');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char whole[OUT_BYTES], bytes[OUT_BYTES];
	struct outbuf a = { whole, 0, sizeof(whole) };
	struct outbuf b = { bytes, 0, sizeof(bytes) };
	struct str s = { (const char *)data, size };
	bool keeps_dots;
	size_t left;

	if (size == 0 || size > IN_MAX_BYTES)
		return 0;
	keeps_dots = data[0] % 2 == 0;
	str_skip(&s, 1);
	left = decode(s, keeps_dots, (struct split){ SPLIT_WHOLE, 0 }, &a);
	BUG_IF(decode(s, keeps_dots, (struct split){ SPLIT_BYTES, 0 }, &b) !=
	    left);
	BUG_IF(!str_eq(outbuf_str(&a), outbuf_str(&b)));
	check(outbuf_str(&a));
	return 0;
}
