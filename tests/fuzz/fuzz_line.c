/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_line: any bytes, cut in two ways, give the same lines and fault. */
#include "util/mail/line.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/lib/split.h"

#define RAW_MAX_BYTES 4096
#define LINE_MAX_BYTES 80

struct result {
	enum err err;
	enum line_fault fault;
	size_t rest_len;
	struct outbuf out; /* the lines, each with a bar before it */
	char out_bytes[2 * RAW_MAX_BYTES];
};

/* What the header promises of a line. */
static void
check_line(struct str line)
{
	BUG_IF(line.len + 2 > LINE_MAX_BYTES);
	for (size_t i = 0; i < line.len; i++) {
		char c = line.ptr[i];

		BUG_IF(c == '\r' || c == '\n' || c == '\0');
	}
}

static void
read_lines(struct result *r, struct str *in)
{
	struct str line, before = *in;

	while ((r->err = line_next(in, LINE_MAX_BYTES, &line, &r->fault)) ==
	    ERR_OK) {
		check_line(line);
		BUG_IF(before.len - in->len != line.len + 2);
		outbuf_put(&r->out, STR("|"));
		outbuf_put(&r->out, line);
		before = *in;
	}
	BUG_IF(in->len != before.len);
}

static void
read_all(struct result *r, struct str raw, struct split split)
{
	struct str in = { raw.ptr, 0 };

	r->err = ERR_AGAIN;
	r->fault = LINE_FINE;
	r->out = (struct outbuf){ r->out_bytes, 0, sizeof(r->out_bytes) };
	while (r->err == ERR_AGAIN && raw.len > 0) {
		size_t piece = split_next(&split, raw.len);

		in.len += piece;
		str_skip(&raw, piece);
		read_lines(r, &in);
	}
	r->rest_len = in.len + raw.len;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct result whole, cut;
	struct split random = { SPLIT_RANDOM, 1 };
	struct str raw;

	if (size < 2 || size > RAW_MAX_BYTES)
		return 0;
	random.seed = 1u + data[0];
	raw = (struct str){ (const char *)data + 1, size - 1 };
	read_all(&whole, raw, (struct split){ SPLIT_WHOLE, 1 });
	read_all(&cut, raw, random);
	BUG_IF(whole.err != cut.err || whole.fault != cut.fault);
	BUG_IF(whole.rest_len != cut.rest_len);
	BUG_IF(!str_eq(outbuf_str(&whole.out), outbuf_str(&cut.out)));
	return 0;
}
