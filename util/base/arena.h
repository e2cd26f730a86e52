/* SPDX-License-Identifier: BSD-2-Clause */
/* arena: memory of things that end together, freed in one call. */
#ifndef UTIL_BASE_ARENA_H
#define UTIL_BASE_ARENA_H

#include <stddef.h>

struct arena_block;

/* Embedded in its session, transaction or generation; holds no heap memory
 * until the first allocation. Others read held_bytes, nothing else. */
struct arena {
	struct arena_block *first;   /* the one that a reset keeps, or NULL */
	struct arena_block *current; /* the last of the chain, or NULL */
	size_t used_bytes;           /* of current */
	size_t held_bytes;           /* taken from the heap, all blocks */
	size_t max_bytes;            /* bound of held_bytes */
};

/* Begins an empty arena. max_bytes bounds all that it takes from the heap,
 * its own overhead included (16 bytes a block, and the unused end of each). */
void arena_init(struct arena *a, size_t max_bytes);

/* n zeroed bytes (0 counts as 1), aligned for any type, until the reset or the
 * end of the arena; NULL when the bound is reached or the heap is exhausted. */
void *arena_alloc(struct arena *a, size_t n);

/* Forgets all that was allocated. Keeps the first block for the next use. */
void arena_reset(struct arena *a);

/* Gives all memory back. The arena is then as after arena_init(). */
void arena_fini(struct arena *a);

#endif /* UTIL_BASE_ARENA_H */
