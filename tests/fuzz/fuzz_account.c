/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_account: a line that is taken is the one that is written again. */
#include "util/svc/account.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char bytes[ACCOUNT_LINE_MAX_BYTES];
	struct outbuf out = { bytes, 0, sizeof(bytes) };
	struct account account, again;
	struct str line = { (const char *)data, size };

	if (account_parse(&account, line) != ERR_OK)
		return 0;
	BUG_IF(account_format(&account, &out) != ERR_OK);
	BUG_IF(account_parse(&again, outbuf_str(&out)) != ERR_OK);
	BUG_IF(memcmp(&account, &again, sizeof(account)) != 0);
	/* Zeros in front are all that may differ. */
	BUG_IF(out.len > size);
	return 0;
}
