/* SPDX-License-Identifier: BSD-2-Clause */
/* tree: parser of the configuration's grammar. */
#include "util/conf/tree.h"

#include <string.h>

#include "util/base/fatal.h"
#include "util/conf/lex.h"
#include "util/text/ascii.h"

#define NAME_MAX_BYTES 64

/* A file that is being read. */
struct frame {
	struct lex lex;
	uint32_t file;
};

struct parser {
	struct conf_tree *tree;
	const struct conf_source *source;
	struct arena *arena;
	struct conf_errors *errors;
	struct conf_node *node; /* that settings go to */
	struct conf_node *last; /* of the tree */
	struct frame stack[CONF_INCLUDE_DEPTH_MAX];
	unsigned depth;         /* frames in use; the last one is read */
	struct lex_token token; /* in hand: not used up */
};

void *
conf_alloc(struct arena *arena, size_t n)
{
	void *p = arena_alloc(arena, n);

	if (p == NULL)
		fatal("out of memory for the configuration");
	return p;
}

struct str
conf_dup(struct arena *arena, struct str s)
{
	char *p = conf_alloc(arena, s.len + 1);

	if (s.len > 0)
		memcpy(p, s.ptr, s.len);
	return (struct str){ p, s.len };
}

/* --- tokens --------------------------------------------------------------- */

static struct frame *
top(struct parser *p)
{
	return &p->stack[p->depth - 1];
}

static struct conf_spot
spot_of(struct parser *p, uint32_t line)
{
	uint32_t file = top(p)->file;

	return (struct conf_spot){ p->tree->files[file], file, line };
}

/* Where the token in hand is. */
static struct conf_spot
here(struct parser *p)
{
	return spot_of(p, p->token.line);
}

static void
advance(struct parser *p)
{
	for (;;) {
		p->token = lex_next(&top(p)->lex);
		if (p->token.kind != LEX_BAD)
			return;
		conf_errors_add(p->errors, here(p), "%s.", p->token.fault);
	}
}

static bool
is_at(const struct parser *p, enum lex_kind kind)
{
	return p->token.kind == kind;
}

static bool
is_word(const struct parser *p, struct str word)
{
	return is_at(p, LEX_WORD) && str_eq(p->token.raw, word);
}

/* How the token in hand is called in errors. */
static struct str
token_text(const struct parser *p)
{
	if (is_at(p, LEX_END))
		return STR("the end of the file");
	if (is_at(p, LEX_TEXT))
		return STR("a text");
	return p->token.raw;
}

static struct str
unescape(struct parser *p, struct str raw)
{
	char *bytes = conf_alloc(p->arena, raw.len + 1);
	struct outbuf out = { bytes, 0, raw.len };

	lex_put_text(&out, raw);
	return outbuf_str(&out);
}

/* A name and nothing else: small letters, digits, "_". */
static bool
is_name(struct str s)
{
	if (s.len == 0 || s.len > NAME_MAX_BYTES || !ascii_is_alpha(s.ptr[0]))
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!ascii_is_alnum(s.ptr[i]) && s.ptr[i] != '_')
			return false;
	return true;
}

/* --- files ---------------------------------------------------------------- */

/* name as seen from the folder of the file that is read. */
static struct str
resolve(struct parser *p, struct str name)
{
	struct str from = str_from_c(p->tree->files[top(p)->file]);
	struct outbuf out;

	while (from.len > 0 && from.ptr[from.len - 1] != '/')
		from.len--;
	if (name.ptr[0] == '/')
		from.len = 0;
	out.cap = from.len + name.len;
	out.ptr = conf_alloc(p->arena, out.cap + 1);
	out.len = 0;
	outbuf_put(&out, from);
	outbuf_put(&out, name);
	return outbuf_str(&out);
}

static bool
is_known_file(const struct parser *p, struct str name)
{
	for (uint32_t i = 0; i < p->tree->n_files; i++)
		if (str_eq(str_from_c(p->tree->files[i]), name))
			return true;
	return false;
}

/* Goes on with the text of a new file. */
static void
push(struct parser *p, struct str text)
{
	p->depth++;
	*top(p) = (struct frame){ .file = p->tree->n_files - 1 };
	lex_init(&top(p)->lex, text);
}

/* Reads name next; spot is where it was asked for. */
static void
open_file(struct parser *p, struct str name, struct conf_spot spot)
{
	struct conf_tree *tree = p->tree;
	struct str text;

	tree->files[tree->n_files++] = name.ptr;
	if (p->source->get(p->source->arg, name, &text) == ERR_OK) {
		push(p, text);
		return;
	}
	tree->is_partial = true;
	if (tree->n_files == 1)
		conf_errors_add(p->errors, (struct conf_spot){ name.ptr, 0, 0 },
		    "cannot be read: %.*s.", STR_ARG(text));
	else
		conf_errors_add(p->errors, spot,
		    "include \"%s\": cannot be read: %.*s.", name.ptr,
		    STR_ARG(text));
}

/* Why name must not be included, or NULL. */
static const char *
include_fault(struct parser *p, struct str name)
{
	if (name.len == 0 || name.len > CONF_FILE_NAME_MAX_BYTES ||
	    memchr(name.ptr, '\0', name.len) != NULL)
		return "the name of a file has 1 to 512 bytes";
	if (p->node != p->tree->first)
		return "it must stand outside of sections";
	if (p->depth == CONF_INCLUDE_DEPTH_MAX)
		return "files include each other more than 8 deep";
	if (p->tree->n_files == CONF_FILES_MAX)
		return "there are more than 256 files";
	return NULL;
}

/* "include" is in hand. */
static void
parse_include(struct parser *p)
{
	struct conf_spot spot = here(p);
	const char *fault;
	struct str name;

	advance(p);
	if (!is_at(p, LEX_TEXT)) {
		conf_errors_add(p->errors, spot,
		    "include needs the name of a file, for example: "
		    "include \"routes.conf\"");
		return;
	}
	name = unescape(p, p->token.raw);
	fault = include_fault(p, name);
	if (fault == NULL) {
		name = resolve(p, name);
		if (name.len > CONF_FILE_NAME_MAX_BYTES)
			fault = "the name of a file has 1 to 512 bytes";
		else if (is_known_file(p, name))
			fault = "a file can be included once only";
	}
	if (fault == NULL) {
		open_file(p, name, spot);
	} else {
		p->tree->is_partial = true;
		conf_errors_add(p->errors, spot, "include \"%.*s\": %s.",
		    STR_ARG(name), fault);
	}
	advance(p);
}

/* --- values --------------------------------------------------------------- */

/* A word or text is in hand. */
static void
parse_scalar(struct parser *p, struct conf_value *value)
{
	value->spot = here(p);
	if (is_at(p, LEX_TEXT)) {
		value->kind = CONF_VALUE_TEXT;
		value->text = unescape(p, p->token.raw);
	} else {
		value->kind = CONF_VALUE_WORD;
		value->text = conf_dup(p->arena, p->token.raw);
	}
	advance(p);
}

/* "{" is in hand. False, with an error, when it is no list. */
static bool
parse_list(struct parser *p, struct conf_value *list)
{
	struct conf_value **end = &list->first;

	list->kind = CONF_VALUE_LIST;
	list->spot = here(p);
	advance(p);
	while (is_at(p, LEX_WORD) || is_at(p, LEX_TEXT)) {
		*end = conf_alloc(p->arena, sizeof(**end));
		parse_scalar(p, *end);
		end = &(*end)->next;
		if (is_at(p, LEX_CLOSE))
			break;
		if (!is_at(p, LEX_COMMA)) {
			conf_errors_add(p->errors, here(p),
			    "a list has \",\" between its values and ends in "
			    "\"}\", but here is %.*s.",
			    STR_ARG(token_text(p)));
			return false;
		}
		advance(p);
	}
	if (!is_at(p, LEX_CLOSE)) {
		conf_errors_add(p->errors, here(p),
		    "the list that begins in line %u is not closed by \"}\".",
		    list->spot.line);
		return false;
	}
	advance(p);
	return true;
}

/* --- recovery ------------------------------------------------------------- */

/* Whether the token in hand and the next one begin a setting or section. Looks
 * ahead by a copy of the lexer. */
static bool
is_at_start(struct parser *p)
{
	struct lex ahead = top(p)->lex;
	struct lex_token next;

	if (!is_at(p, LEX_WORD) || !is_name(p->token.raw))
		return false;
	next = lex_next(&ahead);
	return next.kind == LEX_EQUALS || next.kind == LEX_OPEN ||
	    (next.kind == LEX_TEXT && lex_next(&ahead).kind == LEX_OPEN);
}

/* Behind an error: to where something new begins, or a section ends. A list
 * that was broken off ends in a "}" of its own. */
static void
skip_broken(struct parser *p, bool is_in_list)
{
	while (!is_at(p, LEX_END) && !is_at_start(p)) {
		if (is_at(p, LEX_CLOSE) && !is_in_list)
			return;
		if (is_at(p, LEX_CLOSE))
			is_in_list = false;
		else if (is_at(p, LEX_OPEN))
			is_in_list = true;
		advance(p);
	}
}

/* --- settings and sections ------------------------------------------------ */

static void
add_setting(struct parser *p, const struct conf_setting *setting)
{
	struct conf_setting *s = conf_alloc(p->arena, sizeof(*s));

	*s = *setting;
	if (p->node->last == NULL)
		p->node->first = s;
	else
		p->node->last->next = s;
	p->node->last = s;
}

/* "=" is in hand. */
static void
parse_setting(struct parser *p, struct str name, struct conf_spot spot)
{
	struct conf_setting s = { .name = name, .spot = spot };
	bool is_list, is_whole;

	advance(p);
	is_list = is_at(p, LEX_OPEN);
	is_whole = true;
	if (is_list) {
		is_whole = parse_list(p, &s.value);
	} else if (is_at(p, LEX_WORD) || is_at(p, LEX_TEXT)) {
		parse_scalar(p, &s.value);
	} else {
		is_whole = false;
		conf_errors_add(p->errors, spot,
		    "%.*s = has no value: here is %.*s.", STR_ARG(name),
		    STR_ARG(token_text(p)));
	}
	if (!is_whole) {
		s.value.kind = CONF_VALUE_BROKEN;
		skip_broken(p, is_list);
	}
	add_setting(p, &s);
}

/* "{" or the title is in hand. */
static void
parse_section(struct parser *p, struct str name, struct conf_spot spot)
{
	struct conf_node *node = conf_alloc(p->arena, sizeof(*node));

	node->name = name;
	node->spot = spot;
	node->has_title = is_at(p, LEX_TEXT);
	if (node->has_title) {
		node->title = unescape(p, p->token.raw);
		advance(p);
	}
	if (p->node != p->tree->first) {
		conf_errors_add(p->errors, spot,
		    "%.*s stands in section %.*s, which is not closed: write "
		    "\"}\" before it.",
		    STR_ARG(name), STR_ARG(p->node->name));
	}
	p->last->next = node;
	p->last = node;
	p->node = node;
	advance(p);
}

/* "name" is in hand, or what should be one. */
static void
parse_item(struct parser *p)
{
	struct conf_spot spot = here(p);
	struct str name = conf_dup(p->arena, p->token.raw);
	bool has_name = is_at(p, LEX_WORD) && is_name(name);
	bool is_section = is_at_start(p);

	advance(p);
	if (has_name && is_at(p, LEX_EQUALS)) {
		parse_setting(p, name, spot);
		return;
	}
	if (has_name && is_section) {
		parse_section(p, name, spot);
		return;
	}
	conf_errors_add(p->errors, spot,
	    "here must stand NAME = VALUE or NAME \"TITLE\" { ... }, but it is "
	    "%.60s.",
	    name.len > 0 ? name.ptr : "an empty text");
	skip_broken(p, is_at(p, LEX_OPEN));
}

/* "}" is in hand. */
static void
end_section(struct parser *p)
{
	if (p->node == p->tree->first)
		conf_errors_add(
		    p->errors, here(p), "this \"}\" closes nothing.");
	p->node = p->tree->first;
	advance(p);
}

/* A file is used up: back to the one that includes it. */
static void
end_file(struct parser *p)
{
	if (p->node != p->tree->first)
		conf_errors_add(p->errors, p->node->spot,
		    "section %.*s is not closed by \"}\".",
		    STR_ARG(p->node->name));
	p->node = p->tree->first;
	p->depth--;
	if (p->depth > 0)
		advance(p);
}

void
conf_tree_parse(struct conf_tree *tree, const struct conf_source *source,
    struct str name, struct arena *arena, struct conf_errors *errors)
{
	struct parser p = {
		.tree = tree, .source = source, .arena = arena, .errors = errors
	};

	*tree = (struct conf_tree){ .n_files = 0 };
	tree->first = conf_alloc(arena, sizeof(*tree->first));
	p.node = p.last = tree->first;
	name = conf_dup(arena, name);
	open_file(&p, name, (struct conf_spot){ name.ptr, 0, 0 });
	tree->first->spot = (struct conf_spot){ name.ptr, 0, 0 };
	if (p.depth > 0)
		advance(&p);
	while (p.depth > 0) {
		if (is_at(&p, LEX_END))
			end_file(&p);
		else if (is_at(&p, LEX_CLOSE))
			end_section(&p);
		else if (is_word(&p, STR("include")))
			parse_include(&p);
		else
			parse_item(&p);
	}
}
