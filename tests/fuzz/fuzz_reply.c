/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_reply: a reply is the same however its bytes come. */
#include "util/mail/reply.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/lib/split.h"

static void
check_reply(const struct reply *r)
{
	static char bytes[REPLY_MAX_BYTES];
	struct outbuf out = { bytes, 0, sizeof(bytes) };
	struct str rest = r->raw, text;

	BUG_IF(r->code < 200 || r->code > 599);
	BUG_IF(r->raw.len < 4 || r->raw.len > REPLY_MAX_BYTES);
	BUG_IF(r->raw.ptr[r->raw.len - 1] != '\n');
	BUG_IF(r->enhanced.klass != 0 && r->enhanced.klass != r->code / 100);
	while (reply_next_text(&rest, &text))
		BUG_IF(text.len > 0 && memchr(text.ptr, '\n', text.len));
	BUG_IF(rest.len > 0);
	BUG_IF(reply_put_text(r, &out) != ERR_OK);
	out.len = 0;
	BUG_IF(reply_put_line(r, &out) != ERR_OK);
	BUG_IF(memchr(bytes, '\n', out.len) != NULL);
}

/* Parses the first reply of raw, which comes in pieces; in.len is what is left
 * of it. */
static enum err
parse(struct reply *r, struct str raw, struct split split, size_t *left)
{
	struct str in = { raw.ptr, 0 };
	enum err err = ERR_AGAIN;

	while (err == ERR_AGAIN && in.len < raw.len) {
		in.len += split_next(&split, raw.len - in.len);
		err = reply_parse(r, &in);
	}
	*left = (size_t)(raw.ptr + raw.len - in.ptr);
	return err;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct split random = { SPLIT_RANDOM, 1 };
	struct reply whole, cut;
	size_t whole_left, cut_left;
	struct str raw;
	enum err err;

	if (size < 2)
		return 0;
	random.seed = 1u + data[0];
	raw = (struct str){ (const char *)data + 1, size - 1 };
	err = parse(&whole, raw, (struct split){ SPLIT_WHOLE, 1 }, &whole_left);
	BUG_IF(parse(&cut, raw, random, &cut_left) != err);
	BUG_IF(whole_left != cut_left);
	if (err != ERR_OK) {
		BUG_IF(whole_left != raw.len);
		return 0;
	}
	BUG_IF(whole.code != cut.code || !str_eq(whole.raw, cut.raw));
	BUG_IF(whole_left + whole.raw.len != raw.len);
	check_reply(&whole);
	return 0;
}
