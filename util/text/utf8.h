/* SPDX-License-Identifier: BSD-2-Clause */
/* utf8: tells well-formed UTF-8 from other bytes (RFC 3629). */
#ifndef UTIL_TEXT_UTF8_H
#define UTIL_TEXT_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "util/text/str.h"

/* Length of the character at the beginning of s, 1 to 4; 0 when there is none:
 * s is empty, cut off, overlong, a surrogate or above U+10FFFF. */
size_t utf8_char_len(struct str s);

/* True when s is characters from end to end; NUL is one, the empty s is. */
bool utf8_is_valid(struct str s);

#endif /* UTIL_TEXT_UTF8_H */
