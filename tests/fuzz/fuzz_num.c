/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_num: what is read as a number is one, and prints as what was read. */
#include "util/text/num.h"

#include <stdlib.h>

#include "tests/fuzz/fuzz.h"

/* s without the zeros in front of its last digit. */
static struct str
strip_zeros(struct str s)
{
	while (s.len > 1 && s.ptr[0] == '0')
		str_skip(&s, 1);
	return s;
}

static void
check_plain(struct str s)
{
	char text[OUTBUF_U64_BYTES];
	struct outbuf b = { text, 0, sizeof(text) };
	uint64_t n;

	if (num_u64(s, UINT64_MAX, &n) != ERR_OK)
		return;
	outbuf_put_u64(&b, n);
	BUG_IF(!str_eq(outbuf_str(&b), strip_zeros(s)));
	BUG_IF(num_u64(s, n, &n) != ERR_OK);
	BUG_IF(n > 0 && num_u64(s, n - 1, &n) != ERR_RANGE);
}

static void
check_units(struct str s)
{
	uint64_t bytes;
	struct rate rate;
	int64_t ms;

	if (num_duration_ms(s, &ms) == ERR_OK)
		BUG_IF(ms < 0 || ms > NUM_DURATION_MAX_MS);
	if (num_size_bytes(s, &bytes) == ERR_OK)
		BUG_IF(bytes > NUM_SIZE_MAX_BYTES);
	if (num_rate(s, &rate) == ERR_OK)
		BUG_IF(
		    rate.period_ms < 1 || rate.period_ms > NUM_DURATION_MAX_MS);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = { (const char *)data, size };
	uint64_t n;

	check_plain(s);
	check_units(s);
	if (num_hex_u64(s, UINT32_MAX, &n) == ERR_OK)
		BUG_IF(n > UINT32_MAX);
	return 0;
}
