/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_address: what is taken keeps the promises, and is taken again. */
#include "util/mail/address.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "util/text/utf8.h"

#define FLAGS_MASK 15u

/* Lengths and bytes that the header promises; no line can be broken by it. */
static void
check_address(const struct address *a, unsigned flags)
{
	bool has_high = false;

	BUG_IF(a->local.len > ADDRESS_LOCAL_MAX_BYTES);
	BUG_IF(a->whole.len > ADDRESS_MAX_BYTES);
	BUG_IF(a->whole.len == 0 && (flags & ADDRESS_NULL_OK) == 0);
	if (a->domain.len > 0)
		BUG_IF(a->local.len + 1 + a->domain.len != a->whole.len);
	else
		BUG_IF(a->local.len != a->whole.len);
	for (size_t i = 0; i < a->whole.len; i++) {
		unsigned char c = (unsigned char)a->whole.ptr[i];

		BUG_IF(c < ' ' || c == 0x7f);
		has_high = has_high || c > 0x7f;
	}
	BUG_IF(has_high != a->is_utf8);
	BUG_IF(has_high && (flags & ADDRESS_UTF8_OK) == 0);
	BUG_IF(!utf8_is_valid(a->whole));
}

static void
check_key(struct str domain)
{
	char bytes[ADDRESS_DOMAIN_MAX_BYTES];
	struct outbuf out = { bytes, 0, sizeof(bytes) };

	BUG_IF(address_domain_key(domain, &out) != ERR_OK);
	BUG_IF(!str_eq_nocase(outbuf_str(&out), domain));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct address a, again;
	struct str in, before;
	unsigned flags;

	if (size < 1)
		return 0;
	flags = data[0] & FLAGS_MASK;
	in = (struct str){ (const char *)data + 1, size - 1 };
	before = in;
	if (address_parse_path(&a, &in, flags) != ERR_OK) {
		BUG_IF(in.ptr != before.ptr || in.len != before.len);
		return 0;
	}
	BUG_IF(before.len - in.len > ADDRESS_PATH_MAX_BYTES);
	BUG_IF(in.ptr[-1] != '>');
	check_address(&a, flags);
	check_key(a.domain);
	BUG_IF(address_parse(&again, a.whole, flags) != ERR_OK);
	BUG_IF(!str_eq(a.domain, again.domain));
	return 0;
}
