/* SPDX-License-Identifier: BSD-2-Clause */
/* slab: chunks of items, with a bitmap of the live ones and generations. */
#include "util/base/slab.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "util/base/fatal.h"

/* A chunk is about this large, but holds 64 items at least, so that its bitmap
 * has whole words. Pages of it that were never touched cost nothing. */
#define CHUNK_BYTES 65536
#define CHUNK_SHIFT_MIN 6
#define CHUNK_SHIFT_MAX 12
#define WORD_BITS 64
#define LINE_BYTES 64
#define ITEM_ALIGN ((size_t)8)
#define PLACE_MASK (SLAB_ITEMS_MAX - 1)

/* Three arrays in one piece of memory, which begins with the items. */
struct slab_chunk {
	unsigned char *items; /* a free one begins with the next free + 1 */
	uint64_t *live;       /* bitmap */
	uint8_t *generations; /* 0: never used */
};

void
slab_init(struct slab *s, size_t item_bytes, uint32_t max_items)
{
	unsigned shift = CHUNK_SHIFT_MIN;

	BUG_IF(item_bytes == 0 || item_bytes > SIZE_MAX / SLAB_ITEMS_MAX);
	BUG_IF(max_items == 0 || max_items > SLAB_ITEMS_MAX);
	item_bytes = (item_bytes + ITEM_ALIGN - 1) & ~(ITEM_ALIGN - 1);
	while (
	    shift < CHUNK_SHIFT_MAX && item_bytes << (shift + 1) <= CHUNK_BYTES)
		shift++;
	*s = (struct slab){ .item_bytes = item_bytes,
		.max_items = max_items,
		.chunk_shift = shift };
}

void
slab_fini(struct slab *s)
{
	for (uint32_t i = 0; i < s->n_chunks; i++)
		free(s->chunks[i].items);
	free(s->chunks);
	slab_init(s, s->item_bytes, s->max_items);
}

/* Entries of the chunk table: enough for max_items. */
static size_t
table_len(const struct slab *s)
{
	return ((s->max_items - 1) >> s->chunk_shift) + 1;
}

/* Memory of one chunk, without its entry in the table. */
static size_t
chunk_bytes(const struct slab *s)
{
	size_t n = (size_t)1 << s->chunk_shift;

	return n * s->item_bytes + n / WORD_BITS * sizeof(uint64_t) + n;
}

static bool
add_chunk(struct slab *s)
{
	size_t n = (size_t)1 << s->chunk_shift;
	struct slab_chunk *c;

	if (s->chunks == NULL)
		s->chunks = calloc(table_len(s), sizeof(*s->chunks));
	if (s->chunks == NULL)
		return false;
	c = &s->chunks[s->n_chunks];
	c->items = NULL;
	if (posix_memalign((void **)&c->items, LINE_BYTES, chunk_bytes(s)) != 0)
		return false;
	c->live = (uint64_t *)(void *)(c->items + n * s->item_bytes);
	c->generations = (uint8_t *)(c->live + n / WORD_BITS);
	memset(c->live, 0, n / WORD_BITS * sizeof(uint64_t) + n);
	s->n_chunks++;
	return true;
}

static struct slab_chunk *
chunk_of(const struct slab *s, uint32_t place)
{
	return &s->chunks[place >> s->chunk_shift];
}

/* Place within its chunk. */
static uint32_t
slot_of(const struct slab *s, uint32_t place)
{
	return place & ((UINT32_C(1) << s->chunk_shift) - 1);
}

static unsigned char *
item_at(const struct slab *s, uint32_t place)
{
	return chunk_of(s, place)->items + slot_of(s, place) * s->item_bytes;
}

static uint8_t *
generation_at(const struct slab *s, uint32_t place)
{
	return &chunk_of(s, place)->generations[slot_of(s, place)];
}

static uint64_t *
live_word_at(const struct slab *s, uint32_t place)
{
	return &chunk_of(s, place)->live[slot_of(s, place) / WORD_BITS];
}

static uint64_t
live_bit(uint32_t place)
{
	return UINT64_C(1) << place % WORD_BITS;
}

static uint32_t
handle_of(const struct slab *s, uint32_t place)
{
	return (uint32_t)*generation_at(s, place) << SLAB_PLACE_BITS | place;
}

static uint32_t
take_free_place(struct slab *s)
{
	uint32_t place = s->free_first - 1;

	memcpy(&s->free_first, item_at(s, place), sizeof(s->free_first));
	if (s->free_first == 0)
		s->free_last = 0;
	return place;
}

static void
give_free_place(struct slab *s, uint32_t place)
{
	uint32_t none = 0, link = place + 1;

	memcpy(item_at(s, place), &none, sizeof(none));
	if (s->free_last == 0)
		s->free_first = link;
	else
		memcpy(item_at(s, s->free_last - 1), &link, sizeof(link));
	s->free_last = link;
}

uint32_t
slab_alloc(struct slab *s)
{
	uint32_t place;

	if (s->n == s->max_items)
		return 0;
	if (s->free_first != 0) {
		place = take_free_place(s);
	} else {
		place = s->n_touched;
		if (place >> s->chunk_shift == s->n_chunks && !add_chunk(s))
			return 0;
		s->n_touched++;
		*generation_at(s, place) = 1;
	}
	memset(item_at(s, place), 0, s->item_bytes);
	*live_word_at(s, place) |= live_bit(place);
	s->n++;
	return handle_of(s, place);
}

void *
slab_try(const struct slab *s, uint32_t handle)
{
	uint32_t place = handle & PLACE_MASK;

	if (place >= s->n_touched || handle != handle_of(s, place))
		return NULL;
	if ((*live_word_at(s, place) & live_bit(place)) == 0)
		return NULL;
	return item_at(s, place);
}

void *
slab_get(const struct slab *s, uint32_t handle)
{
	void *item = slab_try(s, handle);

	BUG_IF(item == NULL);
	return item;
}

void
slab_free_item(struct slab *s, uint32_t handle)
{
	uint32_t place = handle & PLACE_MASK;
	uint8_t *generation;

	BUG_IF(slab_try(s, handle) == NULL);
	generation = generation_at(s, place);
	*generation = *generation == UINT8_MAX ? 1 : *generation + 1;
	*live_word_at(s, place) &= ~live_bit(place);
	give_free_place(s, place);
	s->n--;
}

uint32_t
slab_next(const struct slab *s, uint32_t handle)
{
	uint32_t place = handle == 0 ? 0 : (handle & PLACE_MASK) + 1;
	uint64_t word;

	while (place < s->n_touched) {
		word = *live_word_at(s, place) >> place % WORD_BITS;
		if (word != 0)
			return handle_of(
			    s, place + (uint32_t)__builtin_ctzll(word));
		place = (place / WORD_BITS + 1) * WORD_BITS;
	}
	return 0;
}

size_t
slab_bytes(const struct slab *s)
{
	if (s->chunks == NULL)
		return 0;
	return table_len(s) * sizeof(*s->chunks) + s->n_chunks * chunk_bytes(s);
}
