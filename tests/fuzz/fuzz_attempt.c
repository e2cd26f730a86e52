/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_attempt: any facts become a line, and less room a beginning of it. */
#include "ctl/core/attempt.h"

#include <stdlib.h>

#include "tests/fuzz/fuzz.h"

#define LINE_BYTES 1024
#define DOTS 3

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char bytes[LINE_BYTES], few[LINE_BYTES];
	struct outbuf line = { bytes, 0, sizeof(bytes) };
	struct outbuf cut = { few, 0, 0 };
	struct attempt a;

	if (attempt_init(&a, (struct str){ (const char *)data, size }) ==
	    ERR_OK) {
		attempt_put(&a, &line);
		cut.cap = line.len / 2;
		attempt_put(&a, &cut);
		BUG_IF(cut.len != cut.cap);
		BUG_IF(cut.len > DOTS &&
		    !str_starts(outbuf_str(&line),
		        str_head(outbuf_str(&cut), cut.len - DOTS)));
	}
	attempt_fini(&a);
	return 0;
}
