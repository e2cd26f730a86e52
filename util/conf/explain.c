/* SPDX-License-Identifier: BSD-2-Clause */
/* explain: texts for people, made from the table of parameters. */
#include "util/conf/explain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/conf/near.h"
#include "util/conf/params.h"
#include "util/conf/show.h"
#include "util/text/ascii.h"

/* Places of one parameter that are listed. */
#define HERE_MAX 20
/* What a parameter takes, and a setting of it. */
#define LINE_MAX_BYTES 256

/* Output with a sticky error: the texts are long, and each line may fail. */
struct writer {
	struct outbuf *out;
	enum err err;
};

static void PRINTF_LIKE(2, 3) say(struct writer *w, const char *fmt, ...)
{
	size_t room = outbuf_room(w->out);
	va_list ap;
	int n;

	if (w->err != ERR_OK)
		return;
	va_start(ap, fmt);
	n = vsnprintf(w->out->ptr + w->out->len, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room)
		w->err = ERR_FULL;
	else
		w->out->len += (size_t)n;
}

/* Each line of doc behind prefix. */
static void
say_doc(struct writer *w, const char *prefix, const char *doc)
{
	struct str rest = str_from_c(doc);
	struct str line;

	while (rest.len > 0) {
		line = str_take_field(&rest, '\n');
		say(w, "%s%.*s\n", prefix, STR_ARG(line));
	}
}

static void
say_range(struct writer *w, const struct conf_param *p)
{
	if (w->err == ERR_OK)
		w->err = conf_param_put_range(p, w->out);
}

static void
say_line(struct writer *w, const struct conf_param *p, const char *value)
{
	if (w->err == ERR_OK)
		w->err = conf_param_put_line(p, value, w->out);
}

static const char *
default_text(const struct conf_param *p)
{
	if (p->dflt == NULL)
		return "must be given";
	return p->dflt[0] == '\0' ? "default: none" : NULL;
}

static void
say_default(struct writer *w, const struct conf_param *p)
{
	const char *text = default_text(p);

	if (text != NULL)
		say(w, "%s", text);
	else
		say(w, "default %s", p->dflt);
}

/* --- explain -------------------------------------------------------------- */

/* Section number i of a kind in conf; NULL: there are no more. */
static const char *
section_at(const struct conf *conf, const struct conf_section *kind, uint32_t i)
{
	const char *bytes = (const char *)conf, *array;
	uint32_t n;

	if (!kind->is_many)
		return i == 0 ? bytes + kind->conf_offset : NULL;
	memcpy(&array, bytes + kind->conf_offset, sizeof(array));
	memcpy(&n, bytes + kind->conf_n_offset, sizeof(n));
	return i < n ? array + i * kind->bytes : NULL;
}

static struct conf_place
place_in(const char *section, const struct conf_section *kind,
    const struct conf_param *p)
{
	size_t i = (size_t)(p - kind->params);
	struct conf_place place;

	memcpy(&place, section + kind->place_offset + i * sizeof(place),
	    sizeof(place));
	return place;
}

static void
say_here(struct writer *w, const struct conf *conf, const char *section,
    const struct conf_section *kind, const struct conf_param *p)
{
	struct conf_head head;

	memcpy(&head, section, sizeof(head));
	say(w, "  here: ");
	if (w->err == ERR_OK)
		w->err = conf_show(section + p->offset, p, w->out);
	say(w, ", set ");
	if (kind->is_many)
		say(w, "in %s \"%.*s\", ", kind->name, STR_ARG(head.title));
	if (w->err == ERR_OK)
		conf_put_place(conf, place_in(section, kind, p), w->out);
	say(w, "\n");
}

static void
say_places(struct writer *w, const struct conf *conf,
    const struct conf_section *kind, const struct conf_param *p)
{
	const char *section;
	uint32_t n = 0;

	for (uint32_t i = 0; (section = section_at(conf, kind, i)) != NULL; i++)
		if (place_in(section, kind, p).line != 0 && n++ < HERE_MAX)
			say_here(w, conf, section, kind, p);
	if (n > HERE_MAX)
		say(w, "  and in %u more places\n", n - HERE_MAX);
}

static void
explain_one(struct writer *w, const struct conf *conf,
    const struct conf_section *kind, const struct conf_param *p)
{
	say(w, "%s   ", p->name);
	say_range(w, p);
	say(w, ", ");
	say_default(w, p);
	if (strcmp(kind->name, "main") == 0)
		say(w, "   outside of sections\n");
	else
		say(w, "   section: %s\n", kind->name);
	say_doc(w, "  ", p->doc);
	if (conf != NULL)
		say_places(w, conf, kind, p);
}

enum err
conf_explain(const struct conf *conf, struct str name, struct outbuf *out)
{
	struct writer w = { out, ERR_OK };
	const struct conf_section *sections;
	const struct conf_param *p;
	bool is_found = false;
	const char *near;
	size_t n;

	sections = conf_sections(&n);
	for (size_t i = 0; i < n; i++) {
		p = conf_param_find(&sections[i], name);
		if (p != NULL)
			explain_one(&w, conf, &sections[i], p);
		is_found = is_found || p != NULL;
	}
	if (is_found)
		return w.err;
	near = near_any(name);
	say(&w, "%.*s: no such parameter", STR_ARG(name));
	if (near != NULL)
		say(&w, "; did you mean %s?", near);
	say(&w, "\n");
	return w.err == ERR_OK ? ERR_NOTFOUND : w.err;
}

/* --- sample file ---------------------------------------------------------- */

/* Whether the sample has it in force: without it nothing would work. */
static bool
is_in_force(const struct conf_section *kind, const struct conf_param *p)
{
	return p->dflt == NULL ||
	    (strcmp(kind->name, "listener") == 0 &&
	        strcmp(p->name, "relay_from") == 0);
}

static void
sample_param(struct writer *w, const struct conf_section *kind,
    const struct conf_param *p, bool is_off)
{
	const char *indent = strcmp(kind->name, "main") == 0 ? "" : "\t";
	const char *value = p->example;
	char prefix[8];

	if (p->dflt != NULL && p->dflt[0] != '\0')
		value = p->dflt;
	(void)snprintf(prefix, sizeof(prefix), "%s# ", indent);
	say_doc(w, prefix, p->doc);
	is_off = is_off || !is_in_force(kind, p);
	say(w, "%s%s", indent, is_off ? "#" : "");
	say_line(w, p, value);
	say(w, "\n");
}

static void
sample_section(struct writer *w, const struct conf_section *kind)
{
	/* A listener and a route must be there. */
	bool is_off = strcmp(kind->name, "listener") != 0 &&
	    strcmp(kind->name, "route") != 0;
	bool is_main = strcmp(kind->name, "main") == 0;

	if (!is_main) {
		say_doc(w, "# ", kind->doc);
		say(w, "%s%s ", is_off ? "#" : "", kind->name);
		if (kind->is_many)
			say(w, "\"%s\" ", kind->title);
		say(w, "{\n");
	}
	for (size_t i = 0; i < kind->n; i++)
		sample_param(w, kind, &kind->params[i], is_off && !is_main);
	if (!is_main)
		say(w, "%s}\n", is_off ? "#" : "");
	say(w, "\n");
}

enum err
conf_sample(struct outbuf *out)
{
	struct writer w = { out, ERR_OK };
	const struct conf_section *sections;
	size_t n;

	say(&w,
	    "# holdfast.conf: every parameter. What is commented out shows "
	    "its default, or\n"
	    "# an example where there is none; the rest must be given. See "
	    "holdfast.conf(5).\n\n");
	sections = conf_sections(&n);
	for (size_t i = 0; i < n; i++)
		sample_section(&w, &sections[i]);
	if (w.err == ERR_OK)
		out->len--; /* the last of the blank lines between */
	return w.err;
}

/* --- manual page ---------------------------------------------------------- */

/* Quotes would be taken for those of arguments, and each sentence begins a
 * line (mdoc(7)). */
static void
mdoc_text(struct writer *w, struct str s)
{
	for (; s.len > 0; str_skip(&s, 1)) {
		if (s.ptr[0] == '"')
			say(w, "\\(dq");
		else if (str_starts(s, STR(". ")))
			say(w, ".\n");
		else if (s.ptr[0] != ' ' || w->out->len == 0 ||
		    w->out->ptr[w->out->len - 1] != '\n')
			say(w, "%c", s.ptr[0]);
	}
}

static void
mdoc_range(struct writer *w, const struct conf_param *p)
{
	char bytes[LINE_MAX_BYTES];
	struct outbuf out = { bytes, 0, sizeof(bytes) };

	if (w->err == ERR_OK)
		w->err = conf_param_put_range(p, &out);
	mdoc_text(w, outbuf_str(&out));
}

static void
mdoc_example(struct writer *w, const struct conf_param *p)
{
	char bytes[LINE_MAX_BYTES];
	struct outbuf out = { bytes, 0, sizeof(bytes) };

	if (w->err == ERR_OK)
		w->err = conf_param_put_line(p, p->example, &out);
	say(w, ".Dl ");
	mdoc_text(w, outbuf_str(&out));
	say(w, "\n");
}

static void
mdoc_section(struct writer *w, const struct conf_section *kind)
{
	const struct conf_param *p;

	if (strcmp(kind->name, "main") == 0)
		say(w, ".Ss Outside of sections\n");
	else if (kind->is_many)
		say(w, ".Ss %s \\(dqTITLE\\(dq\n", kind->name);
	else
		say(w, ".Ss %s\n", kind->name);
	mdoc_text(w, str_from_c(kind->doc));
	say(w, "\n.Bl -tag -width Ds\n");
	for (size_t i = 0; i < kind->n; i++) {
		p = &kind->params[i];
		say(w, ".It Ic %s\n", p->name);
		mdoc_text(w, str_from_c(p->doc));
		say(w, "\n.br\nTakes ");
		mdoc_range(w, p);
		say(w, "; ");
		say_default(w, p);
		say(w, ".\nExample:\n");
		mdoc_example(w, p);
	}
	say(w, ".El\n");
}

enum err
conf_mdoc(struct outbuf *out)
{
	struct writer w = { out, ERR_OK };
	const struct conf_section *sections;
	size_t n;

	sections = conf_sections(&n);
	for (size_t i = 0; i < n; i++)
		mdoc_section(&w, &sections[i]);
	return w.err;
}
