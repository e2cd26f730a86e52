/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_glob: any pattern and any bytes, against the rules as a table. */
#include "util/text/glob.h"

#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "util/text/ascii.h"

#define SIDE_MAX_BYTES 128

/* Cell i, k tells whether the first i bytes of the pattern describe the first
 * k of s. */
static bool
oracle(struct str pattern, struct str s)
{
	static bool is_match[SIDE_MAX_BYTES + 1][SIDE_MAX_BYTES + 1];

	is_match[0][0] = true;
	for (size_t k = 1; k <= s.len; k++)
		is_match[0][k] = false;
	for (size_t i = 1; i <= pattern.len; i++) {
		char c = ascii_lower(pattern.ptr[i - 1]);

		is_match[i][0] = c == '*' && is_match[i - 1][0];
		for (size_t k = 1; k <= s.len; k++)
			is_match[i][k] = c == '*'
			    ? is_match[i - 1][k] || is_match[i][k - 1]
			    : is_match[i - 1][k - 1] &&
			        (c == '?' || c == ascii_lower(s.ptr[k - 1]));
	}
	return is_match[pattern.len][s.len];
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = { (const char *)data, size };
	struct str pattern = str_take_field(&s, '\n');

	if (pattern.len > SIDE_MAX_BYTES || s.len > SIDE_MAX_BYTES)
		return 0;
	BUG_IF(glob_match(pattern, s) != oracle(pattern, s));
	return 0;
}
