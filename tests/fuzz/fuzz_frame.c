/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_frame: any bytes, cut in two ways, give the same frames, and what
 * decodes encodes to the same bytes. */
#include "util/proto/frame.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/lib/anymsg.h"
#include "tests/lib/split.h"

#define RAW_MAX_BYTES 65536

struct result {
	enum err err;
	struct frame_reader reader;
	uint64_t n_frames;
	uint64_t n_decoded;
};

static char again_bytes[RAW_MAX_BYTES];

/* Lists are decoded by hand elsewhere: here each str is tried as one. */
static void
try_list(struct str list)
{
	struct msg_host host;
	struct msg_rcpt_result rcpt;
	struct str rest = list;

	while (msg_host_list_next(&rest, &host) == ERR_OK)
		BUG_IF(host.name.len > list.len);
	rest = list;
	while (msg_rcpt_result_list_next(&rest, &rcpt) == ERR_OK)
		BUG_IF(rcpt.verdict >= VERDICT_N);
}

static void
check_frame(struct result *r, const struct frame *f)
{
	struct outbuf out = { again_bytes, 0, sizeof(again_bytes) };
	union anymsg m;
	enum err err = msg_decode(f->type, &m, f->body);

	r->n_frames++;
	try_list(f->body);
	BUG_IF(err != ERR_OK && err != ERR_SYNTAX && err != ERR_RANGE);
	if (err != ERR_OK) {
		msg_explain(f->type, f->body, &out);
		return;
	}
	r->n_decoded++;
	BUG_IF(msg_encode(f->type, &out, &m) != ERR_OK);
	BUG_IF(!str_eq(outbuf_str(&out), f->body));
}

static void
read_stream(struct result *r, struct str stream, struct split split)
{
	size_t shown = 0, taken = 0;
	struct frame f;

	*r = (struct result){ .err = ERR_AGAIN };
	frame_reader_init(&r->reader);
	while (r->err == ERR_AGAIN && shown < stream.len) {
		struct str in;

		shown += split_next(&split, stream.len - shown);
		in = str_tail(str_head(stream, shown), taken);
		while ((r->err = frame_next(&r->reader, &in, &f)) == ERR_OK)
			check_frame(r, &f);
		taken = shown - in.len;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct result whole, cut;
	struct split one = { SPLIT_WHOLE, 1 };
	struct split random = { SPLIT_RANDOM, 1 };
	struct str raw;

	if (size < 1 || size > RAW_MAX_BYTES)
		return 0;
	random.seed = 1u + data[0];
	raw = (struct str){ (const char *)data + 1, size - 1 };
	read_stream(&whole, raw, one);
	read_stream(&cut, raw, random);
	BUG_IF(whole.err != cut.err);
	BUG_IF(whole.n_frames != cut.n_frames);
	BUG_IF(whole.n_decoded != cut.n_decoded);
	BUG_IF(whole.reader.taken_bytes != cut.reader.taken_bytes);
	BUG_IF(whole.reader.fault != cut.reader.fault);
	BUG_IF(whole.reader.fault_at != cut.reader.fault_at);
	return 0;
}
