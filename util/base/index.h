/* SPDX-License-Identifier: BSD-2-Clause */
/* index: finds the id of a name; names may come from strangers. */
#ifndef UTIL_BASE_INDEX_H
#define UTIL_BASE_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "util/base/err.h"

/* Longest key; a queue's tenant, campaign and domain fit. */
#define INDEX_KEY_MAX_BYTES 1024

/* Borrowed bytes, any values. */
struct key {
	const void *ptr;
	size_t len;
};

struct index_node;

/* A balanced tree, not a hash table: no choice of names makes it slow. Keys
 * are ordered as bytes, a prefix before what it begins. Embedded in its owner;
 * others read n and held_bytes, nothing else. */
struct index {
	struct index_node *root;
	uint32_t n;        /* entries */
	uint32_t max;      /* bound of n */
	size_t held_bytes; /* heap memory in use, for the accounts */
};

/* Begins an empty index of at most max entries. */
void index_init(struct index *ix, uint32_t max);

/* Frees all entries. The index is then as after index_init(). */
void index_fini(struct index *ix);

/* The id of key, or 0. */
uint32_t index_find(const struct index *ix, struct key key);

/*
 * Enters a copy of key with id, which is not 0.
 *
 * ERR_EXISTS	the key is there already; its id stays
 * ERR_FULL	max entries are there, or the heap is exhausted
 * ERR_RANGE	the key is longer than INDEX_KEY_MAX_BYTES
 */
MUST_USE enum err index_put(struct index *ix, struct key key, uint32_t id);

/* Takes key out; returns the id that it had, or 0 when it was not there. */
uint32_t index_remove(struct index *ix, struct key key);

/* The id of the first entry behind key, or 0: a walk in order, which may go on
 * in a later turn from the last key that it saw. {NULL, 0} comes first, but
 * for the empty key itself. */
uint32_t index_after(const struct index *ix, struct key key);

#endif /* UTIL_BASE_INDEX_H */
