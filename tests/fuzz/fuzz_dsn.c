/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_dsn: whatever a notice is made of, it is one: whole, and in lines. */
#include "deliver/core/dsn.h"

#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "util/base/fatal.h"

#define LINE_MAX_BYTES 998

/* What stands in front of the next NUL, taken off s. */
static struct str
take(struct str *s)
{
	return str_take_field(s, '\0');
}

static void
check_lines(struct str s)
{
	BUG_IF(!str_ends(s, STR("--\r\n")));
	while (s.len > 0) {
		struct str line = str_take_field(&s, '\n');

		BUG_IF(line.len > LINE_MAX_BYTES + 1);
		BUG_IF(!str_ends(line, STR("\r")));
		BUG_IF(str_find(line, '\0') < line.len);
	}
}

/* The first byte: bits of what is said; then facts, reason, node, sender,
 * envelope id, address, original recipient; the rest is content. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = { (const char *)data, size };
	unsigned bits = size > 0 ? data[0] : 0;
	struct dsn_rcpt rcpts[2] = { { .wants = bits & 3u },
		{ .n = 7, .wants = DSN_WANTS_FAILURE } };
	struct dsn n = { .rcpts = rcpts, .n_rcpts = 2 };
	struct outbuf out = { NULL, 0, 0 };
	bool is_8bit;
	enum err err;

	if (size == 0)
		return 0;
	str_skip(&s, 1);
	n.kind = (bits & 4u) != 0 ? NOTICE_DELAY : NOTICE_FINAL;
	n.has_all = (bits & 8u) != 0;
	n.wants_full = (bits & 16u) != 0;
	n.is_utf8 = (bits & 32u) != 0;
	n.facts = take(&s);
	n.reason = take(&s);
	n.node = take(&s);
	n.sender = take(&s);
	n.envid = take(&s);
	rcpts[0].address = rcpts[1].address = take(&s);
	rcpts[0].orcpt = take(&s);
	n.content = s;
	out.cap = dsn_bytes(&n);
	out.ptr = malloc(out.cap);
	BUG_IF(out.ptr == NULL);
	err = dsn_write(&n, &out, &is_8bit);
	BUG_IF(err != ERR_OK && err != ERR_NOTFOUND);
	if (err == ERR_OK)
		check_lines(outbuf_str(&out));
	free(out.ptr);
	return 0;
}
