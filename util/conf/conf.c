/* SPDX-License-Identifier: BSD-2-Clause */
/* conf: builds the typed configuration from the tree. */
#include "util/conf/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/base/array.h"
#include "util/conf/conf_int.h"
#include "util/conf/near.h"
#include "util/conf/params.h"
#include "util/conf/snapshot.h"
#include "util/conf/value.h"
#include "util/text/ascii.h"

#define TITLE_MAX_BYTES 255
/* Of a section's name and title in front of an error. */
#define LABEL_MAX_BYTES (TITLE_MAX_BYTES + 80)
/* Of what a parameter takes, and an example. */
#define HELP_MAX_BYTES 256

/* Sections that the design has and this version has not. */
static const struct str later[] = { STR_INIT("rule"), STR_INIT("source"),
	STR_INIT("pool"), STR_INIT("log"), STR_INIT("webhook") };

struct builder {
	struct conf *conf;
	struct arena *arena;
	struct conf_errors *errors;
	bool is_partial; /* what is missing may be in a file we lack */
};

/* A section that is being filled. */
struct filler {
	const struct conf_section *kind;
	const struct conf_node *node;
	char *bytes;                 /* the struct */
	char label[LABEL_MAX_BYTES]; /* "in site \"google\": " */
};

/* --- errors --------------------------------------------------------------- */

static void
set_label(struct filler *f)
{
	struct str title = f->node->title;

	f->label[0] = '\0';
	if (title.len > TITLE_MAX_BYTES)
		title.len = TITLE_MAX_BYTES;
	if (f->node->has_title)
		(void)snprintf(f->label, sizeof(f->label),
		    "in %s \"%.*s\": ", f->kind->name, STR_ARG(title));
	else if (f->node->name.len > 0)
		(void)snprintf(
		    f->label, sizeof(f->label), "in %s: ", f->kind->name);
}

/* "takes a whole number from 1 to 10, for example: n = 5" */
static void
put_help(const struct conf_param *param, char help[HELP_MAX_BYTES])
{
	struct outbuf out = { help, 0, HELP_MAX_BYTES - 1 };
	enum err err = outbuf_add(&out, STR("takes "));

	if (err == ERR_OK)
		err = conf_param_put_range(param, &out);
	if (err == ERR_OK)
		err = outbuf_add(&out, STR(", for example: "));
	if (err == ERR_OK)
		err = conf_param_put_line(param, param->example, &out);
	BUG_IF(err != ERR_OK);
	help[out.len] = '\0';
}

static void
tell_bad_value(struct builder *b, const struct filler *f,
    const struct conf_param *param, const struct conf_setting *s,
    const struct conf_fault *fault)
{
	bool is_item = s->value.kind == CONF_VALUE_LIST &&
	    fault->text.len > 0 && fault->text.ptr[0] != '{';
	bool is_quoted = is_item || s->value.kind == CONF_VALUE_TEXT;
	char help[HELP_MAX_BYTES];

	put_help(param, help);
	conf_errors_add(b->errors, s->spot, "%s%s%s%s%.200s%s %s.\n  %s %s",
	    f->label, param->name, is_item ? ": " : " = ",
	    is_quoted ? "\"" : "", fault->text.len > 0 ? fault->text.ptr : "",
	    is_quoted ? "\"" : "", fault->what, param->name, help);
}

static void
tell_missing(
    struct builder *b, const struct filler *f, const struct conf_param *param)
{
	char help[HELP_MAX_BYTES];

	put_help(param, help);
	conf_errors_add(b->errors, f->node->spot, "%s%s is missing.\n  %s %s",
	    f->label, param->name, param->name, help);
}

/* Appends the sections that have such a parameter, as far as there is room. */
static void
put_homes(struct outbuf *out, struct str name)
{
	const struct conf_section *sections;
	enum err err = ERR_OK;
	size_t n;

	sections = conf_sections(&n);
	for (size_t i = 0; i < n && err == ERR_OK; i++)
		if (conf_param_find(&sections[i], name) != NULL)
			err = outbuf_printf(out, "%s%s",
			    out->len > 0 ? ", " : "",
			    i == 0 ? "outside of sections" : sections[i].name);
}

static void
tell_unknown(
    struct builder *b, const struct filler *f, const struct conf_setting *s)
{
	const char *near = near_param(f->kind, s->name);
	const char *far = near_any(s->name);
	char homes[HELP_MAX_BYTES];
	struct outbuf out = { homes, 0, sizeof(homes) };

	put_homes(&out, far != NULL ? str_from_c(far) : s->name);
	if (far != NULL && str_eq(str_from_c(far), s->name))
		conf_errors_add(b->errors, s->spot,
		    "%s%s: unknown parameter here; it belongs in: %s.",
		    f->label, s->name.ptr, homes);
	else if (conf_section_find(s->name) != NULL)
		conf_errors_add(b->errors, s->spot,
		    "%s%s is a section: write %s { ... }", f->label,
		    s->name.ptr, s->name.ptr);
	else if (near != NULL)
		conf_errors_add(b->errors, s->spot,
		    "%s%s: unknown parameter; did you mean %s?", f->label,
		    s->name.ptr, near);
	else if (far != NULL)
		conf_errors_add(b->errors, s->spot,
		    "%s%s: unknown parameter; did you mean %s, which belongs "
		    "in: %s?",
		    f->label, s->name.ptr, far, homes);
	else
		conf_errors_add(b->errors, s->spot,
		    "%s%s: unknown parameter; holdfast.conf(5) has them all.",
		    f->label, s->name.ptr);
}

/* --- one section ---------------------------------------------------------- */

static struct conf_place
place_of(struct conf_spot spot)
{
	return (struct conf_place){ spot.line, (uint16_t)spot.file };
}

static struct conf_place *
places(const struct filler *f)
{
	/* Aligned: it is the member of the struct that bytes holds. */
	return (struct conf_place *)(void *)(f->bytes + f->kind->place_offset);
}

void
conf_section_init(
    void *section, const struct conf_section *kind, struct arena *arena)
{
	char *bytes = section;

	memset(bytes, 0, kind->bytes);
	for (size_t i = 0; i < kind->n; i++)
		if (kind->params[i].dflt != NULL)
			conf_value_set_default(bytes + kind->params[i].offset,
			    &kind->params[i], arena);
}

static void
fill_one(
    struct builder *b, const struct filler *f, const struct conf_setting *s)
{
	const struct conf_param *param = conf_param_find(f->kind, s->name);
	struct conf_fault fault;
	struct conf_place *place;

	if (param == NULL) {
		tell_unknown(b, f, s);
		return;
	}
	place = &places(f)[param - f->kind->params];
	if (place->line != 0) {
		conf_errors_add(b->errors, s->spot,
		    "%s%s is set twice, first in line %u.", f->label,
		    param->name, place->line);
		return;
	}
	*place = place_of(s->spot);
	if (s->value.kind == CONF_VALUE_BROKEN)
		return;
	if (conf_value_set(f->bytes + param->offset, param, &s->value, b->arena,
	        &fault) != ERR_OK)
		tell_bad_value(b, f, param, s, &fault);
}

static void
fill_section(struct builder *b, struct filler *f)
{
	struct conf_head head = { conf_dup(b->arena, f->node->title),
		place_of(f->node->spot) };

	set_label(f);
	conf_section_init(f->bytes, f->kind, b->arena);
	memcpy(f->bytes, &head, sizeof(head));
	for (const struct conf_setting *s = f->node->first; s != NULL;
	     s = s->next)
		fill_one(b, f, s);
	if (b->is_partial && f->node->name.len == 0)
		return;
	for (size_t i = 0; i < f->kind->n; i++)
		if (f->kind->params[i].dflt == NULL && places(f)[i].line == 0)
			tell_missing(b, f, &f->kind->params[i]);
}

/* --- all sections --------------------------------------------------------- */

static bool
is_later(struct str name)
{
	for (size_t i = 0; i < COUNT_OF(later); i++)
		if (str_eq(later[i], name))
			return true;
	return false;
}

static void
tell_unknown_section(struct builder *b, const struct conf_node *node)
{
	const char *near = near_section(node->name);

	if (is_later(node->name))
		conf_errors_add(b->errors, node->spot,
		    "%s: not in this version; remove the section.",
		    node->name.ptr);
	else if (near != NULL)
		conf_errors_add(b->errors, node->spot,
		    "%s: unknown section; did you mean %s?", node->name.ptr,
		    near);
	else
		conf_errors_add(b->errors, node->spot,
		    "%s: unknown section; holdfast.conf(5) has them all.",
		    node->name.ptr);
}

/* The kind of a node if its head is as it must be, else NULL with errors. */
static const struct conf_section *
kind_of(struct builder *b, const struct conf_node *node)
{
	const struct conf_section *kind = conf_section_find(node->name);

	if (kind == NULL || str_eq(node->name, STR("main"))) {
		tell_unknown_section(b, node);
		return NULL;
	}
	if (node->has_title && !kind->is_many) {
		conf_errors_add(b->errors, node->spot,
		    "%s has no title: write %s { ... }", kind->name,
		    kind->name);
	} else if (!node->has_title && kind->is_many) {
		conf_errors_add(b->errors, node->spot,
		    "%s needs a title: write %s \"%s\" { ... }", kind->name,
		    kind->name, kind->title);
	} else if (kind->is_many &&
	    (node->title.len == 0 || node->title.len > TITLE_MAX_BYTES)) {
		conf_errors_add(b->errors, node->spot,
		    "%s: a title has 1 to 255 bytes.", kind->name);
	}
	return kind;
}

/* As lookups do: whatever the case. */
static int
compare_titles(struct str a, struct str b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	char x, y;

	for (size_t i = 0; i < n; i++) {
		x = ascii_lower(a.ptr[i]);
		y = ascii_lower(b.ptr[i]);
		if (x != y)
			return x < y ? -1 : 1;
	}
	return a.len < b.len ? -1 : a.len > b.len;
}

static int
compare_nodes(const void *a, const void *b)
{
	const struct conf_node *x = *(const struct conf_node *const *)a;
	const struct conf_node *y = *(const struct conf_node *const *)b;
	int order = compare_titles(x->title, y->title);

	if (order != 0)
		return order;
	if (x->spot.file != y->spot.file)
		return x->spot.file < y->spot.file ? -1 : 1;
	return x->spot.line < y->spot.line ? -1 : x->spot.line > y->spot.line;
}

/* Tells of sections of one kind with one title. Sorts nodes. */
static void
check_twins(struct builder *b, const struct conf_section *kind,
    const struct conf_node **nodes, size_t n)
{
	qsort(nodes, n, sizeof(nodes[0]), compare_nodes);
	for (size_t i = 1; i < n; i++) {
		if (!str_eq_nocase(nodes[i - 1]->title, nodes[i]->title))
			continue;
		conf_errors_add(b->errors, nodes[i]->spot,
		    "%s%s%s%s stands twice, first at %s:%u.", kind->name,
		    kind->is_many ? " \"" : "",
		    nodes[i]->title.len > 0 ? nodes[i]->title.ptr : "",
		    kind->is_many ? "\"" : "", nodes[i - 1]->spot.file_name,
		    nodes[i - 1]->spot.line);
	}
}

/* Fills all sections of one kind: nodes[0 .. n - 1], in the file's order. */
static void
fill_kind(struct builder *b, const struct conf_section *kind,
    const struct conf_node **nodes, size_t n)
{
	char *conf = (char *)b->conf;
	struct filler f = { .kind = kind };
	uint32_t count = (uint32_t)n;
	char *array;

	if (kind->is_many) {
		array = conf_alloc(b->arena, n * kind->bytes);
		memcpy(conf + kind->conf_offset, &array, sizeof(array));
		memcpy(conf + kind->conf_n_offset, &count, sizeof(count));
	} else {
		array = conf + kind->conf_offset;
		conf_section_init(array, kind, b->arena);
	}
	for (size_t i = 0; i < n; i++) {
		f.node = nodes[i];
		f.bytes = array + (kind->is_many ? i * kind->bytes : 0);
		fill_section(b, &f);
	}
	if (n > 1)
		check_twins(b, kind, nodes, n);
}

static void
build(struct builder *b, const struct conf_tree *tree)
{
	const struct conf_section *kinds, *kind;
	const struct conf_node **nodes;
	size_t n_kinds, n = 0;

	for (const struct conf_node *node = tree->first; node;
	     node = node->next)
		n++;
	nodes = conf_alloc(b->arena, n * sizeof(nodes[0]));
	kinds = conf_sections(&n_kinds);
	nodes[0] = tree->first;
	fill_kind(b, &kinds[0], nodes, 1);
	for (const struct conf_node *node = tree->first->next; node != NULL;
	     node = node->next)
		(void)kind_of(b, node); /* tells of what is none */
	for (size_t k = 1; k < n_kinds; k++) {
		kind = &kinds[k];
		n = 0;
		for (const struct conf_node *node = tree->first->next;
		     node != NULL; node = node->next)
			if (str_eq(node->name, str_from_c(kind->name)))
				nodes[n++] = node;
		fill_kind(b, kind, nodes, n);
	}
}

/* --- public --------------------------------------------------------------- */

static void
keep_files(struct conf_index *index, const struct conf_tree *tree)
{
	index->n_files = tree->n_files;
	index->files =
	    conf_alloc(&index->arena, tree->n_files * sizeof(index->files[0]));
	for (uint32_t i = 0; i < tree->n_files; i++)
		index->files[i] =
		    conf_dup(&index->arena, str_from_c(tree->files[i])).ptr;
}

/* An empty generation; its memory is in its own arena. */
static struct conf *
new_empty(void)
{
	struct arena arena;
	struct conf *conf;

	arena_init(&arena, CONF_ARENA_MAX_BYTES);
	conf = conf_alloc(&arena, sizeof(*conf));
	conf->index = conf_alloc(&arena, sizeof(*conf->index));
	conf->index->arena = arena;
	return conf;
}

enum err
conf_new(struct conf **conf, struct str blob, struct conf_errors *errors)
{
	struct conf_source source = conf_snapshot_source(&blob);
	struct arena tree_arena;
	struct conf_tree *tree;
	struct builder b = { .errors = errors };
	struct str name;

	if (conf_snapshot_main(blob, &name) != ERR_OK) {
		conf_errors_add(errors,
		    (struct conf_spot){ "(snapshot)", 0, 0 },
		    "this is no snapshot of a configuration.");
		return ERR_SYNTAX;
	}
	arena_init(&tree_arena, CONF_ARENA_MAX_BYTES);
	tree = conf_alloc(&tree_arena, sizeof(*tree));
	conf_tree_parse(tree, &source, name, &tree_arena, errors);
	b.is_partial = tree->is_partial;
	b.conf = new_empty();
	b.arena = &b.conf->index->arena;
	keep_files(b.conf->index, tree);
	build(&b, tree);
	conf_check(b.conf, b.is_partial, errors);
	arena_fini(&tree_arena);
	if (errors->n > 0) {
		conf_errors_sort(errors);
		conf_free(&b.conf);
		return ERR_SYNTAX;
	}
	conf_index_build(b.conf);
	*conf = b.conf;
	return ERR_OK;
}

void
conf_free(struct conf **conf)
{
	struct arena arena;

	if (*conf == NULL)
		return;
	arena = (*conf)->index->arena; /* which holds itself */
	*conf = NULL;
	arena_fini(&arena);
}

struct conf_spot
conf_spot_of(const struct conf *conf, struct conf_place place)
{
	BUG_IF(place.file >= conf->index->n_files);
	return (struct conf_spot){ conf->index->files[place.file], place.file,
		place.line };
}

void
conf_put_place(
    const struct conf *conf, struct conf_place place, struct outbuf *out)
{
	char text[CONF_FILE_NAME_MAX_BYTES + 32];
	struct conf_spot spot = conf_spot_of(conf, place);
	struct str s = STR("default");

	if (place.line > 0) {
		(void)snprintf(
		    text, sizeof(text), "%s:%u", spot.file_name, spot.line);
		s = str_from_c(text);
	}
	if (s.len > outbuf_room(out))
		s.len = outbuf_room(out);
	outbuf_put(out, s);
}
