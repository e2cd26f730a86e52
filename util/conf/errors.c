/* SPDX-License-Identifier: BSD-2-Clause */
/* errors: collects what is wrong in a configuration. */
#include "util/conf/errors.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void
conf_errors_init(struct conf_errors *errors)
{
	*errors = (struct conf_errors){ .n = 0 };
}

void
conf_errors_fini(struct conf_errors *errors)
{
	free(errors->items);
	conf_errors_init(errors);
}

/* A place for one more, or NULL: it is only counted. */
static struct conf_error *
next_item(struct conf_errors *errors)
{
	if (errors->n == CONF_ERRORS_MAX) {
		errors->n_more++;
		return NULL;
	}
	if (errors->items == NULL)
		errors->items =
		    calloc(CONF_ERRORS_MAX, sizeof(errors->items[0]));
	if (errors->items == NULL)
		fatal("out of memory for errors of the configuration");
	errors->items[errors->n].order = errors->n;
	return &errors->items[errors->n++];
}

void
conf_errors_add(
    struct conf_errors *errors, struct conf_spot spot, const char *fmt, ...)
{
	struct conf_error *e = next_item(errors);
	struct outbuf out;
	enum err err;
	va_list ap;

	if (e == NULL)
		return;
	e->file = spot.file;
	e->line = spot.line;
	out = (struct outbuf){ e->text, 0, sizeof(e->text) };
	if (spot.line > 0)
		err = outbuf_printf(
		    &out, "%.512s:%u: ", spot.file_name, spot.line);
	else
		err = outbuf_printf(&out, "%.512s: ", spot.file_name);
	BUG_IF(err != ERR_OK);
	va_start(ap, fmt);
	(void)vsnprintf(out.ptr + out.len, outbuf_room(&out), fmt, ap);
	va_end(ap);
}

static int
compare(const void *a, const void *b)
{
	const struct conf_error *x = a, *y = b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

void
conf_errors_sort(struct conf_errors *errors)
{
	if (errors->n > 1)
		qsort(errors->items, errors->n, sizeof(errors->items[0]),
		    compare);
}

static void
put_cut(struct outbuf *out, struct str s)
{
	if (s.len > outbuf_room(out))
		s.len = outbuf_room(out);
	outbuf_put(out, s);
}

void
conf_errors_put(const struct conf_errors *errors, struct outbuf *out)
{
	char more[64];

	for (uint32_t i = 0; i < errors->n; i++) {
		put_cut(out, str_from_c(errors->items[i].text));
		put_cut(out, STR("\n"));
	}
	if (errors->n_more == 0)
		return;
	(void)snprintf(
	    more, sizeof(more), "and %u more errors\n", errors->n_more);
	put_cut(out, str_from_c(more));
}
