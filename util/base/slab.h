/* SPDX-License-Identifier: BSD-2-Clause */
/* slab: many equal items, addressed by handles that know when they are old. */
#ifndef UTIL_BASE_SLAB_H
#define UTIL_BASE_SLAB_H

#include <stddef.h>
#include <stdint.h>

/* A handle is 8 bits of generation over 24 bits of place; 0 is none. A place
 * counts through 255 generations, and free places are used again in the order
 * in which they became free, so an old handle stays stale for long. */
#define SLAB_PLACE_BITS 24
#define SLAB_ITEMS_MAX (UINT32_C(1) << SLAB_PLACE_BITS)

struct slab_chunk;

/* Items never move, and memory is taken a chunk at a time and kept until the
 * end. Embedded in its owner; others read nothing in here. */
struct slab {
	struct slab_chunk *chunks; /* table for max_items; NULL: none yet */
	size_t item_bytes;         /* rounded up */
	unsigned chunk_shift;      /* log2 of the items of a chunk */
	uint32_t max_items;
	uint32_t n;          /* live items */
	uint32_t n_chunks;   /* that exist */
	uint32_t n_touched;  /* places that were ever used */
	uint32_t free_first; /* oldest free place + 1, 0: none */
	uint32_t free_last;  /* newest free place + 1, 0: none */
};

/* Begins an empty slab, without memory. item_bytes > 0; max_items 1 to
 * SLAB_ITEMS_MAX. Items are aligned to 8 bytes, and items of 64 bytes to cache
 * lines. */
void slab_init(struct slab *s, size_t item_bytes, uint32_t max_items);

/* Frees all items and memory. The slab is then as after slab_init(). */
void slab_fini(struct slab *s);

/* The handle of a new, zeroed item; 0 when max_items are live or the heap is
 * exhausted. */
uint32_t slab_alloc(struct slab *s);

/* The item of a live handle, until it is freed. */
void *slab_get(const struct slab *s, uint32_t handle);

/* The item of handle, or NULL when it is not live: freed, 0, or never given
 * out. For handles that were kept elsewhere, or came from a peer. */
void *slab_try(const struct slab *s, uint32_t handle);

/* Frees the item of a live handle, which goes stale. */
void slab_free_item(struct slab *s, uint32_t handle);

/* The next live handle in the order of places: after 0 the first, after the
 * last 0. handle may have gone stale meanwhile, so a loop may free items, and
 * may go on in a later turn. */
uint32_t slab_next(const struct slab *s, uint32_t handle);

/* Number of live items. */
static inline uint32_t
slab_n(const struct slab *s)
{
	return s->n;
}

/* Heap memory in use, for the accounts. */
size_t slab_bytes(const struct slab *s);

#endif /* UTIL_BASE_SLAB_H */
