/* SPDX-License-Identifier: BSD-2-Clause */
/* glob: patterns of the configuration: "*.google.com", "promo:*@*". */
#ifndef UTIL_TEXT_GLOB_H
#define UTIL_TEXT_GLOB_H

#include <stdbool.h>

#include "util/text/str.h"

/* True when pattern describes the whole of s: * stands for any bytes or none,
 * ? for one byte, ASCII letters for both their cases, all else for itself.
 * Needs no memory, and at most pattern.len * s.len steps. */
bool glob_match(struct str pattern, struct str s);

#endif /* UTIL_TEXT_GLOB_H */
