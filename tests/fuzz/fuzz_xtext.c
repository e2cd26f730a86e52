/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_xtext: what decodes comes back, and what is printed can be. */
#include "util/mail/xtext.h"

#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "util/base/fatal.h"
#include "util/text/utf8.h"

#define MAX 1024

typedef enum err (*coder_fn)(struct str s, struct outbuf *out);

/* Decodes s; if that can be, encodes and decodes it again. */
static void
turn(coder_fn decode, coder_fn encode, struct str s, bool is_utf8)
{
	static char bytes[3][XTEXT_UTF8_GROWTH * MAX];
	struct outbuf plain = { bytes[0], 0, s.len };
	struct outbuf coded = { bytes[1], 0, sizeof(bytes[1]) };
	struct outbuf again = { bytes[2], 0, s.len };
	enum err err = decode(s, &plain);

	BUG_IF(err != ERR_OK && err != ERR_SYNTAX);
	if (err != ERR_OK) {
		BUG_IF(plain.len != 0);
		return;
	}
	BUG_IF(is_utf8 && !utf8_is_valid(outbuf_str(&plain)));
	BUG_IF(encode(outbuf_str(&plain), &coded) != ERR_OK);
	BUG_IF(decode(outbuf_str(&coded), &again) != ERR_OK);
	BUG_IF(!str_eq(outbuf_str(&plain), outbuf_str(&again)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = { (const char *)data, size };
	struct xtext_orcpt o;

	if (size > MAX)
		return 0;
	turn(xtext_decode, xtext_encode, s, false);
	turn(xtext_decode_utf8, xtext_encode_utf8, s, true);
	if (xtext_parse_orcpt(&o, s) == ERR_OK)
		BUG_IF(o.type.len + 1 + o.text.len != s.len);
	(void)xtext_is_envid(s);
	return 0;
}
