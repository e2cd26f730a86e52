/* SPDX-License-Identifier: BSD-2-Clause */
/* pool: the buffers that content waits in until it goes to disk. */
#ifndef SMTPD_POOL_H
#define SMTPD_POOL_H

#include <stdbool.h>
#include <stdint.h>

/* Memory of a buffer: most messages fit into a small one. */
#define POOL_SMALL_BYTES (8 * 1024)
#define POOL_LARGE_BYTES (64 * 1024)

enum pool_size { POOL_SMALL, POOL_LARGE, POOL_SIZES };

struct pool_buf {
	struct pool_buf *next;
	uint32_t len; /* bytes in use */
	uint32_t cap;
	char bytes[];
};

/* Shared by all sessions of a process. Others read used_bytes only. */
struct pool {
	struct {
		struct pool_buf *first; /* given back last: in the cache */
		uint32_t n;
	} spare[POOL_SIZES];
	uint64_t used_bytes;
	uint64_t max_bytes;
	uint64_t reserve_bytes; /* for content that cannot go to disk yet */
};

/* Begins an empty pool; a quarter of it is the reserve. */
void pool_init(struct pool *p, uint64_t max_bytes);

/* Frees the spare buffers. None is in use. */
void pool_fini(struct pool *p);

/* A new bound; what is in use above it comes back in time. */
void pool_set_max(struct pool *p, uint64_t max_bytes);

/* An empty buffer; NULL when there is none, or no memory. from_reserve: the
 * caller has no way to do without it. */
struct pool_buf *pool_take(
    struct pool *p, enum pool_size size, bool from_reserve);

/* Takes a chain of buffers back; *chain becomes NULL. Accepts NULL in it. */
void pool_give(struct pool *p, struct pool_buf **chain);

#endif /* SMTPD_POOL_H */
