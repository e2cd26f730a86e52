/* SPDX-License-Identifier: BSD-2-Clause */
/* heading: where a field ends. */
#include "ctl/core/heading.h"

#include "util/text/ascii.h"

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Length of the name that a line begins with; 0: none. */
static size_t
name_len(struct str line)
{
	size_t n = 0;

	while (n < line.len && ascii_is_print(line.ptr[n]) &&
	    line.ptr[n] != ' ' && line.ptr[n] != ':')
		n++;
	return n;
}

/* Bytes up to and with the first LF. */
static size_t
line_len(struct str s)
{
	size_t n = str_find(s, '\n');

	return n < s.len ? n + 1 : n;
}

bool
heading_next(struct str *content, struct heading_field *f)
{
	struct str left = *content;
	size_t name = name_len(left);
	size_t colon = name;
	size_t len;

	while (colon < left.len && is_blank(left.ptr[colon]))
		colon++;
	if (name == 0 || colon == left.len || left.ptr[colon] != ':')
		return false;
	len = line_len(left);
	while (len < left.len && is_blank(left.ptr[len]))
		len += line_len(str_tail(left, len));
	f->whole = str_head(left, len);
	f->name = str_head(left, name);
	f->value = str_tail(f->whole, colon + 1);
	str_skip(content, len);
	return true;
}
