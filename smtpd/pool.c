/* SPDX-License-Identifier: BSD-2-Clause */
/* pool: bounded pool of content buffers. */
#include "smtpd/pool.h"

#include <stdlib.h>

#include "util/base/fatal.h"

/* The reserve is this part of the pool. */
#define RESERVE_PART 4

static const uint32_t bytes_of[POOL_SIZES] = {
	[POOL_SMALL] = POOL_SMALL_BYTES,
	[POOL_LARGE] = POOL_LARGE_BYTES,
};

/* Spare buffers that are kept; more go back to the heap. */
static const uint32_t spare_max[POOL_SIZES] = {
	[POOL_SMALL] = 256,
	[POOL_LARGE] = 64,
};

void
pool_init(struct pool *p, uint64_t max_bytes)
{
	*p = (struct pool){ .used_bytes = 0 };
	pool_set_max(p, max_bytes);
}

void
pool_set_max(struct pool *p, uint64_t max_bytes)
{
	p->max_bytes = max_bytes;
	p->reserve_bytes = max_bytes / RESERVE_PART;
}

void
pool_fini(struct pool *p)
{
	BUG_IF(p->used_bytes > 0);
	for (unsigned i = 0; i < POOL_SIZES; i++) {
		while (p->spare[i].first != NULL) {
			struct pool_buf *b = p->spare[i].first;

			p->spare[i].first = b->next;
			free(b);
		}
		p->spare[i].n = 0;
	}
}

static struct pool_buf *
take_spare(struct pool *p, enum pool_size size)
{
	struct pool_buf *b = p->spare[size].first;

	if (b == NULL)
		return NULL;
	p->spare[size].first = b->next;
	p->spare[size].n--;
	return b;
}

struct pool_buf *
pool_take(struct pool *p, enum pool_size size, bool from_reserve)
{
	uint64_t max = p->max_bytes - (from_reserve ? 0 : p->reserve_bytes);
	struct pool_buf *b;

	if (p->used_bytes + bytes_of[size] > max)
		return NULL;
	b = take_spare(p, size);
	if (b == NULL) {
		/* Not zeroed: only what was written is read. */
		b = malloc(bytes_of[size]);
		if (b == NULL)
			return NULL;
	}
	*b = (struct pool_buf){
		.cap = bytes_of[size] - (uint32_t)sizeof(*b),
	};
	p->used_bytes += bytes_of[size];
	return b;
}

static void
give_one(struct pool *p, struct pool_buf *b)
{
	enum pool_size size =
	    b->cap + sizeof(*b) == POOL_SMALL_BYTES ? POOL_SMALL : POOL_LARGE;

	BUG_IF(p->used_bytes < bytes_of[size]);
	p->used_bytes -= bytes_of[size];
	if (p->spare[size].n >= spare_max[size]) {
		free(b);
		return;
	}
	b->next = p->spare[size].first;
	p->spare[size].first = b;
	p->spare[size].n++;
}

void
pool_give(struct pool *p, struct pool_buf **chain)
{
	struct pool_buf *b = *chain;

	*chain = NULL;
	while (b != NULL) {
		struct pool_buf *next = b->next;

		give_one(p, b);
		b = next;
	}
}
