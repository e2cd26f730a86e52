/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_addrlist: any field ends, and yields addresses that are ones. */
#include "util/mail/addrlist.h"

#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned flags = ADDRESS_LOCAL_OK | ADDRESS_UTF8_OK;
	struct addrlist list;
	struct address a, again;
	size_t n = 0;
	enum err err;

	addrlist_init(&list, (struct str){ (const char *)data, size });
	while ((err = addrlist_next(&list, &a)) != ERR_EOF) {
		BUG_IF(++n > size);
		BUG_IF(err != ERR_OK && err != ERR_SYNTAX && err != ERR_RANGE);
		if (err != ERR_OK)
			continue;
		BUG_IF(a.whole.len == 0);
		BUG_IF(address_parse(&again, a.whole, flags) != ERR_OK);
		BUG_IF(!str_eq(a.domain, again.domain));
	}
	BUG_IF(addrlist_next(&list, &a) != ERR_EOF);
	return 0;
}
