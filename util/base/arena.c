/* SPDX-License-Identifier: BSD-2-Clause */
/* arena: a chain of blocks, each filled from its beginning. */
#include "util/base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Blocks double from the first to the last of these: a small session costs
 * little, a large transaction few calls. */
#define BLOCK_FIRST_BYTES 1024
#define BLOCK_LAST_BYTES 65536
#define ALIGN_BYTES ((size_t)16)

struct arena_block {
	struct arena_block *next;
	size_t size_bytes; /* of what follows */
	_Alignas(16) unsigned char bytes[];
};

void
arena_init(struct arena *a, size_t max_bytes)
{
	*a = (struct arena){ .max_bytes = max_bytes };
}

static void
free_chain(struct arena *a, struct arena_block *block)
{
	struct arena_block *next;

	for (; block != NULL; block = next) {
		next = block->next;
		a->held_bytes -= sizeof(*block) + block->size_bytes;
		free(block);
	}
}

/* What the next block should hold: n at least, as much again as there is if
 * the bound allows; 0 when the bound does not allow n. */
static size_t
next_size(const struct arena *a, size_t n)
{
	size_t left = a->max_bytes - a->held_bytes;
	size_t want = a->held_bytes;

	if (left < sizeof(struct arena_block) ||
	    left - sizeof(struct arena_block) < n)
		return 0;
	if (want < BLOCK_FIRST_BYTES)
		want = BLOCK_FIRST_BYTES;
	if (want > BLOCK_LAST_BYTES)
		want = BLOCK_LAST_BYTES;
	if (want > left)
		want = left;
	want -= sizeof(struct arena_block);
	return want < n ? n : want;
}

static bool
add_block(struct arena *a, size_t n)
{
	size_t size_bytes = next_size(a, n);
	struct arena_block *block;

	if (size_bytes == 0)
		return false;
	block = malloc(sizeof(*block) + size_bytes);
	if (block == NULL)
		return false;
	*block = (struct arena_block){ .size_bytes = size_bytes };
	if (a->current == NULL)
		a->first = block;
	else
		a->current->next = block;
	a->current = block;
	a->used_bytes = 0;
	a->held_bytes += sizeof(*block) + size_bytes;
	return true;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	void *p;

	if (n > SIZE_MAX - ALIGN_BYTES)
		return NULL;
	n = n == 0 ? ALIGN_BYTES : (n + ALIGN_BYTES - 1) & ~(ALIGN_BYTES - 1);
	if (a->current == NULL || a->current->size_bytes - a->used_bytes < n)
		if (!add_block(a, n))
			return NULL;
	p = a->current->bytes + a->used_bytes;
	a->used_bytes += n;
	return memset(p, 0, n);
}

void
arena_reset(struct arena *a)
{
	if (a->first == NULL)
		return;
	free_chain(a, a->first->next);
	a->first->next = NULL;
	a->current = a->first;
	a->used_bytes = 0;
}

void
arena_fini(struct arena *a)
{
	free_chain(a, a->first);
	arena_init(a, a->max_bytes);
}
