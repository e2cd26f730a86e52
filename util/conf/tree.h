/* SPDX-License-Identifier: BSD-2-Clause */
/* tree: the sections and settings of a configuration, before their meaning. */
#ifndef UTIL_CONF_TREE_H
#define UTIL_CONF_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/base/arena.h"
#include "util/base/err.h"
#include "util/conf/errors.h"
#include "util/text/str.h"

/* Bounds of all files together; what is beyond is an error at its include. */
#define CONF_FILES_MAX 256
#define CONF_INCLUDE_DEPTH_MAX 8
#define CONF_FILE_NAME_MAX_BYTES 512
/* Memory that one generation may take; parsing takes as much for a while. */
#define CONF_ARENA_MAX_BYTES ((size_t)1 << 30)

/* Where the text of a file comes from: the disk, or a snapshot. */
struct conf_source {
	/*
	 * Sets *text; it must outlive the parsing.
	 *
	 * ERR_NOTFOUND	it cannot be had; *text is the reason, for people
	 */
	enum err (*get)(void *arg, struct str name, struct str *text);
	void *arg;
};

enum conf_value_kind {
	CONF_VALUE_WORD, /* bare: a number, true, false */
	CONF_VALUE_TEXT, /* in quotes */
	CONF_VALUE_LIST,
	CONF_VALUE_BROKEN, /* told already */
};

struct conf_value {
	struct conf_value *next; /* in a list */
	struct conf_value *first;
	struct str text; /* without quotes and escapes */
	enum conf_value_kind kind;
	struct conf_spot spot;
};

/* name = value */
struct conf_setting {
	struct conf_setting *next;
	struct str name;
	struct conf_value value;
	struct conf_spot spot;
};

/* name "title" { ... }; the first of a tree has no name and holds what stands
 * outside of all others. */
struct conf_node {
	struct conf_node *next;
	struct conf_setting *first, *last;
	struct str name, title;
	bool has_title;
	struct conf_spot spot;
};

struct conf_tree {
	struct conf_node *first;
	const char *files[CONF_FILES_MAX]; /* names, by index */
	uint32_t n_files;
	bool is_partial; /* a file could not be read */
};

/*
 * Parses the file called name and what it includes:
 *
 *	file	{ setting | section | include }
 *	setting	name "=" value
 *	section	name [ text ] "{" { setting } "}"
 *	include	"include" text
 *	value	word | text | "{" [ value { "," value } [ "," ] ] "}"
 *
 * in which a value of a list is no list. What is wrong goes to errors, and
 * parsing goes on behind it; the tree then lacks it. All memory is of arena;
 * when that is exhausted the process ends.
 */
void conf_tree_parse(struct conf_tree *tree, const struct conf_source *source,
    struct str name, struct arena *arena, struct conf_errors *errors);

/* n zeroed bytes of arena; ends the process when there are none. */
void *conf_alloc(struct arena *arena, size_t n);

/* A copy of s with a NUL behind it, likewise. */
struct str conf_dup(struct arena *arena, struct str s);

#endif /* UTIL_CONF_TREE_H */
