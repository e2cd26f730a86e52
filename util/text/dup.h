/* SPDX-License-Identifier: BSD-2-Clause */
/* dup: copies of views in an arena, for what must outlive its buffer. */
#ifndef UTIL_TEXT_DUP_H
#define UTIL_TEXT_DUP_H

#include "util/base/arena.h"
#include "util/text/str.h"

/* A copy of s that lives as long as a's memory. {NULL, 0} for an empty s, and
 * where s is not empty: no room. */
struct str str_dup(struct str s, struct arena *a);

/* The same as a C string, for system calls and libraries; NULL: no room, or s
 * holds a NUL, behind which the C string would end early. */
const char *cstr_dup(struct str s, struct arena *a);

#endif /* UTIL_TEXT_DUP_H */
