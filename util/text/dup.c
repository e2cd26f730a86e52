/* SPDX-License-Identifier: BSD-2-Clause */
/* dup: copies of views in an arena. */
#include "util/text/dup.h"

struct str
str_dup(struct str s, struct arena *a)
{
	struct str none = { NULL, 0 };
	char *copy;

	if (s.len == 0)
		return none;
	copy = arena_alloc(a, s.len);
	if (copy == NULL)
		return none;
	memcpy(copy, s.ptr, s.len);
	return (struct str){ copy, s.len };
}

const char *
cstr_dup(struct str s, struct arena *a)
{
	char *copy;

	if (s.len == SIZE_MAX || str_find(s, '\0') < s.len)
		return NULL;
	/* The arena's memory is zeroed: the terminator is there. */
	copy = arena_alloc(a, s.len + 1);
	if (copy != NULL && s.len > 0)
		memcpy(copy, s.ptr, s.len);
	return copy;
}
