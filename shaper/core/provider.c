/* SPDX-License-Identifier: BSD-2-Clause */
/* provider: makes one name of many. */
#include "shaper/core/provider.h"

#include "util/base/crc32c.h"

#define SUM_DIGITS 8

static void
put_part(struct outbuf *out, struct str s, uint32_t *sum)
{
	*sum = crc32c(*sum, s.ptr, s.len);
	if (s.len > outbuf_room(out))
		s.len = outbuf_room(out);
	outbuf_put(out, s);
}

/* "+1a2b3c4d" over the end of what has no room left. */
static void
put_sum(struct outbuf *out, uint32_t sum)
{
	static const char digits[] = "0123456789abcdef";

	out->len -= SUM_DIGITS + 1;
	outbuf_putc(out, '+');
	for (unsigned i = SUM_DIGITS; i > 0; i--)
		outbuf_putc(out, digits[sum >> (i - 1) * 4 & 15]);
}

void
provider_put_name(
    struct outbuf *out, struct str prefix, const struct str *names, uint32_t n)
{
	struct outbuf own = { out->ptr + out->len, 0, PROVIDER_MAX_BYTES };
	uint32_t sum = 0;

	outbuf_put(&own, prefix);
	for (uint32_t i = 0; i < n; i++) {
		if (i > 0 && str_eq(names[i], names[i - 1]))
			continue;
		if (i > 0)
			put_part(&own, STR(","), &sum);
		put_part(&own, names[i], &sum);
	}
	if (outbuf_room(&own) == 0)
		put_sum(&own, sum);
	out->len += own.len;
}
