/* SPDX-License-Identifier: BSD-2-Clause */
/* index: a red-black tree of keys, each in its node. */
#include "util/base/index.h"

#include <stdlib.h>
#include <string.h>

#include <bsd/sys/tree.h>

#include "util/base/fatal.h"

struct index_node {
	RB_ENTRY(index_node) entry;
	struct key key; /* of bytes; in a probe, what is looked for */
	uint32_t id;
	unsigned char bytes[];
};

RB_HEAD(tree, index_node);

static int
compare(struct index_node *a, struct index_node *b)
{
	size_t a_len = a->key.len, b_len = b->key.len;
	size_t len = a_len < b_len ? a_len : b_len;
	int order = len == 0 ? 0 : memcmp(a->key.ptr, b->key.ptr, len);

	if (order != 0)
		return order;
	return (a_len > b_len) - (a_len < b_len);
}

/* Not RB_GENERATE_STATIC: libbsd defines its __unused for few includers. */
RB_GENERATE_INTERNAL(
    tree, index_node, entry, compare, __attribute__((unused)) static)

void
index_init(struct index *ix, uint32_t max)
{
	*ix = (struct index){ .max = max };
}

static size_t
node_bytes(const struct index_node *node)
{
	return sizeof(*node) + node->key.len;
}

static void
remove_node(struct index *ix, struct index_node *node)
{
	struct tree tree = { ix->root };

	RB_REMOVE(tree, &tree, node);
	ix->root = RB_ROOT(&tree);
	ix->n--;
	ix->held_bytes -= node_bytes(node);
	free(node);
}

/* Root by root: no recursion, at any size. */
void
index_fini(struct index *ix)
{
	while (ix->root != NULL)
		remove_node(ix, ix->root);
	BUG_IF(ix->n != 0 || ix->held_bytes != 0);
}

static struct index_node *
find_node(const struct index *ix, struct key key)
{
	struct tree tree = { ix->root };
	struct index_node probe = { .key = key };

	return RB_FIND(tree, &tree, &probe);
}

uint32_t
index_find(const struct index *ix, struct key key)
{
	const struct index_node *node = find_node(ix, key);

	return node == NULL ? 0 : node->id;
}

enum err
index_put(struct index *ix, struct key key, uint32_t id)
{
	struct tree tree = { ix->root };
	struct index_node *node;

	BUG_IF(id == 0);
	if (key.len > INDEX_KEY_MAX_BYTES)
		return ERR_RANGE;
	if (find_node(ix, key) != NULL)
		return ERR_EXISTS;
	if (ix->n >= ix->max)
		return ERR_FULL;
	node = malloc(sizeof(*node) + key.len);
	if (node == NULL)
		return ERR_FULL;
	*node =
	    (struct index_node){ .key = { node->bytes, key.len }, .id = id };
	if (key.len > 0)
		memcpy(node->bytes, key.ptr, key.len);
	RB_INSERT(tree, &tree, node);
	ix->root = RB_ROOT(&tree);
	ix->n++;
	ix->held_bytes += node_bytes(node);
	return ERR_OK;
}

uint32_t
index_remove(struct index *ix, struct key key)
{
	struct index_node *node = find_node(ix, key);
	uint32_t id;

	if (node == NULL)
		return 0;
	id = node->id;
	remove_node(ix, node);
	return id;
}

uint32_t
index_after(const struct index *ix, struct key key)
{
	struct tree tree = { ix->root };
	struct index_node probe = { .key = key };
	struct index_node *node = RB_NFIND(tree, &tree, &probe);

	if (node != NULL && compare(node, &probe) == 0)
		node = RB_NEXT(tree, &tree, node);
	return node == NULL ? 0 : node->id;
}
