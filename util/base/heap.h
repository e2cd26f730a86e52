/* SPDX-License-Identifier: BSD-2-Clause */
/* heap: ids in the order of their keys (deadlines); least key first. */
#ifndef UTIL_BASE_HEAP_H
#define UTIL_BASE_HEAP_H

#include <stddef.h>
#include <stdint.h>

#include "util/base/err.h"

/* Packed to 12 bytes: there is one for each queued part. */
struct heap_item {
	int64_t key;
	uint32_t id; /* the owner's, any value; a slab handle as a rule */
} __attribute__((packed, aligned(4)));

/* Tells the owner that id stands at pos from now on. Called for each item that
 * a push, pop, change or removal moved, a pushed one included, a removed one
 * not. Must not call back into the heap. */
typedef void heap_moved_fn(void *ctx, uint32_t id, uint32_t pos);

/* A 4-ary heap. Items of one key come in no particular, but repeatable order.
 * Others read nothing in here. */
struct heap {
	struct heap_item *items;
	uint32_t n;
	uint32_t cap;
	heap_moved_fn *moved; /* NULL: nobody asks for positions */
	void *ctx;
};

/* Begins an empty heap; moved may be NULL. */
void heap_init(struct heap *h, heap_moved_fn *moved, void *ctx);

/* Frees the items. The heap is then as after heap_init(). */
void heap_fini(struct heap *h);

/* Makes room for n items in all; grows by a quarter at least, never shrinks.
 * The only call that allocates: ERR_FULL when the heap memory is exhausted,
 * with all as it was. The caller bounds n. */
MUST_USE enum err heap_reserve(struct heap *h, uint32_t n);

/* Adds id. There is reserved room for it. */
void heap_push(struct heap *h, int64_t key, uint32_t id);

/* The item with the least key; it stays. The heap is not empty. */
struct heap_item heap_top(const struct heap *h);

/* Takes out the item with the least key. The heap is not empty. */
struct heap_item heap_pop(struct heap *h);

/* The item at pos, which is less than heap_n(). */
struct heap_item heap_get(const struct heap *h, uint32_t pos);

/* Gives the item at pos another key, and so another place. */
void heap_change(struct heap *h, uint32_t pos, int64_t key);

/* Takes out the item at pos. */
void heap_remove(struct heap *h, uint32_t pos);

/* Number of items. */
static inline uint32_t
heap_n(const struct heap *h)
{
	return h->n;
}

#endif /* UTIL_BASE_HEAP_H */
