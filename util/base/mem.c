/* SPDX-License-Identifier: BSD-2-Clause */
/* mem: heap memory that is counted. */
#include "util/base/mem.h"

#include <stdlib.h>
#include <string.h>

#include "util/base/fatal.h"

void *
mem_take(struct mem *m, size_t n)
{
	return mem_grow(m, NULL, 0, n > 0 ? n : 1);
}

void
mem_give(struct mem *m, void *p, size_t n)
{
	if (p == NULL)
		return;
	n = n > 0 ? n : 1;
	BUG_IF(n > m->held_bytes);
	m->held_bytes -= n;
	free(p);
}

void *
mem_grow(struct mem *m, void *p, size_t from, size_t to)
{
	char *bigger;

	BUG_IF(to <= from || (p == NULL) != (from == 0));
	bigger = realloc(p, to);
	if (bigger == NULL)
		return NULL;
	memset(bigger + from, 0, to - from);
	m->held_bytes += to - from;
	return bigger;
}
