/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_header: any content has one section, however it is cut. */
#include "util/mail/header.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/lib/split.h"

#define SECTION_MAX_BYTES 2000

static const struct header_conf conf = {
	{ STR_INIT("X-Tenant"), STR_INIT("X-T") },
	2,
	SECTION_MAX_BYTES,
};

static enum err
scan(struct header *h, struct str content, struct split split)
{
	enum err err = ERR_AGAIN;

	header_init(h, &conf);
	while (err == ERR_AGAIN && content.len > 0) {
		size_t piece = split_next(&split, content.len);

		err = header_scan(h, str_head(content, piece));
		str_skip(&content, piece);
	}
	return err == ERR_AGAIN ? header_end(h) : err;
}

/* A cut is whole lines, and begins with a name that was asked for. */
static void
check_cuts(const struct header *h, struct str content)
{
	uint32_t at = 0;

	BUG_IF(h->n_cuts > HEADER_CUTS_MAX);
	for (uint32_t i = 0; i < h->n_cuts; i++) {
		struct header_range cut = h->cuts[i];
		struct str field = { content.ptr + cut.start, cut.len };

		BUG_IF(cut.start < at || cut.len < conf.names[1].len + 1);
		at = cut.start + cut.len;
		BUG_IF(at > h->end_at);
		BUG_IF(!str_starts_nocase(field, STR("X-T")));
		BUG_IF(cut.start > 0 && field.ptr[-1] != '\n');
		BUG_IF(at < content.len && content.ptr[at - 1] != '\n');
	}
}

static void
check_section(const struct header *h, struct str content)
{
	struct str rest;

	BUG_IF(h->end_at > content.len || h->end_at > SECTION_MAX_BYTES);
	rest = str_tail(content, h->end_at);
	BUG_IF(h->has_blank != str_starts(rest, STR("\r\n")));
	check_cuts(h, content);
	for (uint32_t i = 0; i < conf.n_names; i++) {
		struct str value = header_get_value(h, i);

		BUG_IF(value.len > 0 && memchr(value.ptr, '\n', value.len));
		BUG_IF(value.len > 0 && !h->values[i].is_found);
		BUG_IF(h->values[i].is_found && h->n_cuts == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct header whole, cut;
	struct split random = { SPLIT_RANDOM, 1 };
	struct str raw;
	enum err err;

	if (size < 1)
		return 0;
	random.seed = 1u + data[0];
	raw = (struct str){ (const char *)data + 1, size - 1 };
	err = scan(&whole, raw, (struct split){ SPLIT_WHOLE, 1 });
	BUG_IF(scan(&cut, raw, random) != err);
	if (err != ERR_OK)
		return 0;
	check_section(&whole, raw);
	BUG_IF(whole.end_at != cut.end_at || whole.n_cuts != cut.n_cuts);
	BUG_IF(whole.n_received != cut.n_received);
	BUG_IF(memcmp(whole.cuts, cut.cuts, sizeof(whole.cuts)) != 0);
	for (uint32_t i = 0; i < conf.n_names; i++)
		BUG_IF(!str_eq(
		    header_get_value(&whole, i), header_get_value(&cut, i)));
	return 0;
}
