/* SPDX-License-Identifier: BSD-2-Clause */
/* heap: a 4-ary heap in one array. */
#include "util/base/heap.h"

#include <stdlib.h>

#include "util/base/fatal.h"

/* Four children share a cache line or two, and the tree is half as deep as a
 * binary one: the millionth item is ten steps from the top. */
#define HEAP_ARITY 4
#define HEAP_CAP_FIRST 16

_Static_assert(sizeof(struct heap_item) == 12, "one for each queued part");

void
heap_init(struct heap *h, heap_moved_fn *moved, void *ctx)
{
	*h = (struct heap){ .moved = moved, .ctx = ctx };
}

void
heap_fini(struct heap *h)
{
	free(h->items);
	heap_init(h, h->moved, h->ctx);
}

enum err
heap_reserve(struct heap *h, uint32_t n)
{
	uint64_t cap = (uint64_t)h->cap + h->cap / 4;
	struct heap_item *items;

	if (n <= h->cap)
		return ERR_OK;
	if (cap < HEAP_CAP_FIRST)
		cap = HEAP_CAP_FIRST;
	if (cap < n)
		cap = n;
	if (cap > UINT32_MAX)
		cap = UINT32_MAX;
	items = reallocarray(h->items, (size_t)cap, sizeof(*items));
	if (items == NULL)
		return ERR_FULL;
	h->items = items;
	h->cap = (uint32_t)cap;
	return ERR_OK;
}

static void
place(struct heap *h, struct heap_item item, uint32_t pos)
{
	h->items[pos] = item;
	if (h->moved != NULL)
		h->moved(h->ctx, item.id, pos);
}

/* Puts item at pos, or above, where its key is not below the parent's. */
static void
sift_up(struct heap *h, struct heap_item item, uint32_t pos)
{
	uint32_t parent;

	while (pos > 0) {
		parent = (pos - 1) / HEAP_ARITY;
		if (h->items[parent].key <= item.key)
			break;
		place(h, h->items[parent], pos);
		pos = parent;
	}
	place(h, item, pos);
}

/* Position of the least child of pos; 0 when it has none. */
static uint32_t
least_child(const struct heap *h, uint32_t pos)
{
	uint64_t first = (uint64_t)pos * HEAP_ARITY + 1;
	uint64_t end = first + HEAP_ARITY;
	uint32_t least;

	if (first >= h->n)
		return 0;
	if (end > h->n)
		end = h->n;
	least = (uint32_t)first;
	for (uint32_t i = least + 1; i < end; i++)
		if (h->items[i].key < h->items[least].key)
			least = i;
	return least;
}

/* Puts item at pos, or below, where no child has a lesser key. */
static void
sift_down(struct heap *h, struct heap_item item, uint32_t pos)
{
	uint32_t child;

	while ((child = least_child(h, pos)) != 0) {
		if (h->items[child].key >= item.key)
			break;
		place(h, h->items[child], pos);
		pos = child;
	}
	place(h, item, pos);
}

/* Fills the hole at pos with item. */
static void
settle(struct heap *h, struct heap_item item, uint32_t pos)
{
	if (pos > 0 && h->items[(pos - 1) / HEAP_ARITY].key > item.key)
		sift_up(h, item, pos);
	else
		sift_down(h, item, pos);
}

void
heap_push(struct heap *h, int64_t key, uint32_t id)
{
	BUG_IF(h->n >= h->cap);
	h->n++;
	sift_up(h, (struct heap_item){ key, id }, h->n - 1);
}

struct heap_item
heap_get(const struct heap *h, uint32_t pos)
{
	BUG_IF(pos >= h->n);
	return h->items[pos];
}

struct heap_item
heap_top(const struct heap *h)
{
	return heap_get(h, 0);
}

void
heap_change(struct heap *h, uint32_t pos, int64_t key)
{
	struct heap_item item = heap_get(h, pos);

	item.key = key;
	settle(h, item, pos);
}

void
heap_remove(struct heap *h, uint32_t pos)
{
	struct heap_item last;

	BUG_IF(pos >= h->n);
	h->n--;
	last = h->items[h->n];
	if (pos < h->n)
		settle(h, last, pos);
}

struct heap_item
heap_pop(struct heap *h)
{
	struct heap_item top = heap_top(h);

	heap_remove(h, 0);
	return top;
}
