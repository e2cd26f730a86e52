/* SPDX-License-Identifier: BSD-2-Clause */
/* glob: matches by going back to the last star only. */
#include "util/text/glob.h"

#include "util/text/ascii.h"

/*
 * What a star took is lengthened one byte at a time. Only the last star that
 * was met need be asked again: what an earlier one could gain by taking more,
 * the later one gains as well. So there is one place to go back to, and no
 * recursion.
 */
bool
glob_match(struct str pattern, struct str s)
{
	size_t p = 0, i = 0;
	size_t after_star = 0; /* in pattern; 0: no star yet */
	size_t star_end = 0;   /* in s: what the star takes ends here */

	while (i < s.len) {
		if (p < pattern.len && pattern.ptr[p] == '*') {
			after_star = ++p;
			star_end = i;
		} else if (p < pattern.len &&
		    (pattern.ptr[p] == '?' ||
		        ascii_lower(pattern.ptr[p]) == ascii_lower(s.ptr[i]))) {
			p++;
			i++;
		} else if (after_star > 0) {
			p = after_star;
			i = ++star_end;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.ptr[p] == '*')
		p++;
	return p == pattern.len;
}
