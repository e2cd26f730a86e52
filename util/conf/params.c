/* SPDX-License-Identifier: BSD-2-Clause */
/* params: the table of sections and parameters. */
#include "util/conf/params.h"

#include "util/base/array.h"
#include "util/conf/conf.h"

#define REQUIRED NULL

/* static const struct conf_param params_SECTION[] = { ... }; */
#define SECTION_ONE(section, doc) \
	static const struct conf_param params_##section[] = {
#define SECTION_MANY(section, title, doc) SECTION_ONE(section, doc)
#define PARAM(section, nam, typ, dfl, mi, ma, exampl, docu) \
	{ .name = #nam, \
		.dflt = dfl, \
		.min = mi, \
		.max = ma, \
		.example = exampl, \
		.doc = docu, \
		.words = "", \
		.type = CONF_IS_##typ, \
		.offset = \
		    offsetof(struct conf_##section, CONF_NAME_##typ(nam)) },
#define CHOICE(section, nam, tag, word, dfl, docu) \
	{ .name = #nam, \
		.dflt = dfl, \
		.min = "", \
		.max = "", \
		.example = dfl, \
		.doc = docu, \
		.words = word, \
		.type = CONF_IS_choice, \
		.offset = offsetof(struct conf_##section, nam) },
#define SECTION_END(section) \
	} \
	;
#include "util/conf/params.def"

/* Choices are stored through unsigned. */
#define CHOICE(section, name, tag, words, dflt, doc) \
	_Static_assert(sizeof(enum tag) == sizeof(unsigned), #tag);
#include "util/conf/params.def"

#define SECTION_ROW(section) \
	.name = #section, .params = params_##section, .n = CONF_N_##section, \
	.bytes = sizeof(struct conf_##section), \
	.place_offset = offsetof(struct conf_##section, place), \
	.conf_offset = offsetof(struct conf, section)

static const struct conf_section sections[] = {
#define SECTION_ONE(section, docu) \
	{ SECTION_ROW(section), .title = "", .doc = docu },
#define SECTION_MANY(section, titl, docu) \
	{ SECTION_ROW(section), .title = titl, .doc = docu, .is_many = true, \
		.conf_n_offset = offsetof(struct conf, n_##section) },
#include "util/conf/params.def"
};

static const struct {
	const char *takes; /* before the bounds, if it has such */
	size_t bytes;
	bool is_list, is_word, has_bounds;
} types[CONF_TYPE_N] = {
	[CONF_IS_host] = { "a name of letters, digits, \"-\" and \".\"",
	    sizeof(CONF_TYPE_host), false, false, false },
	[CONF_IS_path] = { "a path that begins with \"/\"",
	    sizeof(CONF_TYPE_path), false, false, false },
	[CONF_IS_field] = { "the name of a header field",
	    sizeof(CONF_TYPE_field), false, false, false },
	[CONF_IS_number] = { "a whole number", sizeof(CONF_TYPE_number), false,
	    true, true },
	[CONF_IS_mode] = { "three or four octal digits in quotes",
	    sizeof(CONF_TYPE_mode), false, false, false },
	[CONF_IS_duration] = { "a duration", sizeof(CONF_TYPE_duration), false,
	    false, true },
	[CONF_IS_size] = { "a size", sizeof(CONF_TYPE_size), false, false,
	    true },
	[CONF_IS_rate] = { "a rate, its count", sizeof(CONF_TYPE_rate), false,
	    false, true },
	[CONF_IS_addresses] = { "a list of addresses with ports",
	    sizeof(CONF_TYPE_addresses), true, false, false },
	[CONF_IS_relays] = { "a list of addresses or host names with ports",
	    sizeof(CONF_TYPE_relays), true, false, false },
	[CONF_IS_domains] = { "a list of domains", sizeof(CONF_TYPE_domains),
	    true, false, false },
	[CONF_IS_patterns] = { "a list of patterns", sizeof(CONF_TYPE_patterns),
	    true, false, false },
	[CONF_IS_networks] = { "a list of networks", sizeof(CONF_TYPE_networks),
	    true, false, false },
	[CONF_IS_choice] = { "one of", sizeof(unsigned), false, false, false },
};

const struct conf_section *
conf_sections(size_t *n)
{
	*n = COUNT_OF(sections);
	return sections;
}

const struct conf_section *
conf_section_find(struct str name)
{
	for (size_t i = 0; i < COUNT_OF(sections); i++)
		if (str_eq(str_from_c(sections[i].name), name))
			return &sections[i];
	return NULL;
}

const struct conf_param *
conf_param_find(const struct conf_section *section, struct str name)
{
	for (size_t i = 0; i < section->n; i++)
		if (str_eq(str_from_c(section->params[i].name), name))
			return &section->params[i];
	return NULL;
}

size_t
conf_type_bytes(enum conf_type type)
{
	return types[type].bytes;
}

bool
conf_type_is_list(enum conf_type type)
{
	return types[type].is_list;
}

bool
conf_type_is_word(enum conf_type type)
{
	return types[type].is_word;
}

struct str
conf_choice_word(const struct conf_param *param, unsigned i)
{
	struct str words = str_from_c(param->words);
	struct str word = STR("");

	for (unsigned k = 0; k <= i; k++)
		word = str_take_field(&words, ' ');
	return word;
}

static enum err
put_words(const struct conf_param *param, struct outbuf *out)
{
	struct str word = conf_choice_word(param, 0);
	enum err err = ERR_OK;

	for (unsigned i = 1; word.len > 0 && err == ERR_OK; i++) {
		err = outbuf_printf(
		    out, "%s\"%.*s\"", i > 1 ? ", " : " ", STR_ARG(word));
		word = conf_choice_word(param, i);
	}
	return err;
}

enum err
conf_param_put_range(const struct conf_param *param, struct outbuf *out)
{
	const char *quote = conf_type_is_word(param->type) ? "" : "\"";
	enum err err = outbuf_printf(out, "%s", types[param->type].takes);

	if (err != ERR_OK)
		return err;
	if (param->type == CONF_IS_choice)
		return put_words(param, out);
	if (!types[param->type].has_bounds)
		return ERR_OK;
	if (param->type == CONF_IS_rate)
		quote = "";
	return outbuf_printf(out, " from %s%s%s to %s%s%s", quote, param->min,
	    quote, quote, param->max, quote);
}

enum err
conf_param_put_line(
    const struct conf_param *param, const char *value, struct outbuf *out)
{
	const char *fmt = "%s = \"%s\"";

	if (conf_type_is_list(param->type))
		fmt = "%s = { \"%s\" }";
	else if (conf_type_is_word(param->type))
		fmt = "%s = %s";
	return outbuf_printf(out, fmt, param->name, value);
}
