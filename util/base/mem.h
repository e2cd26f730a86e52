/* SPDX-License-Identifier: BSD-2-Clause */
/* mem: heap memory that is counted, for those who must not exceed a budget. */
#ifndef UTIL_BASE_MEM_H
#define UTIL_BASE_MEM_H

#include <stddef.h>

/* Embedded in the owner; others read held_bytes, nothing else. All zero is
 * empty. What was taken is given back piece by piece, with its size. */
struct mem {
	size_t held_bytes;
};

/* n zeroed bytes, aligned for any type (n = 0 counts as 1); NULL when the heap
 * is exhausted. */
void *mem_take(struct mem *m, size_t n);

/* Gives n bytes back that were taken from m. p may be NULL, with n = 0. */
void mem_give(struct mem *m, void *p, size_t n);

/* Makes p, of from bytes (NULL and 0: none yet), to > from bytes long; the new
 * bytes are zero, and p is where the result says. NULL when the heap is
 * exhausted, with p as it was. */
void *mem_grow(struct mem *m, void *p, size_t from, size_t to);

#endif /* UTIL_BASE_MEM_H */
