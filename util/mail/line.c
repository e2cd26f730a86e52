/* SPDX-License-Identifier: BSD-2-Clause */
/* line: the strict line reader. */
#include "util/mail/line.h"

/* What a byte at offset i ends: ERR_OK a line, ERR_AGAIN nothing. */
static enum err
look_at(
    const struct str *in, size_t i, uint32_t max_bytes, enum line_fault *fault)
{
	char c = in->ptr[i];

	if (c == '\r' && i + 1 == in->len)
		return ERR_AGAIN;
	if (c == '\r' && in->ptr[i + 1] == '\n')
		return ERR_OK;
	*fault = LINE_FINE;
	if (c == '\r')
		*fault = LINE_BARE_CR;
	else if (c == '\n')
		*fault = LINE_BARE_LF;
	else if (c == '\0')
		*fault = LINE_NUL;
	if (*fault != LINE_FINE)
		return ERR_SYNTAX;
	if (i < max_bytes - 2)
		return ERR_AGAIN;
	*fault = LINE_LONG;
	return ERR_RANGE;
}

/* The first byte that ends the line or is at fault decides, not the order in
 * which pieces came: one result for all cuts. */
enum err
line_next(struct str *in, uint32_t max_bytes, struct str *line,
    enum line_fault *fault)
{
	enum err err = ERR_AGAIN;
	size_t i;

	BUG_IF(max_bytes <= 2);
	*fault = LINE_FINE;
	for (i = 0; i < in->len && err == ERR_AGAIN; i++)
		err = look_at(in, i, max_bytes, fault);
	if (err != ERR_OK)
		return err;
	*line = (struct str){ in->ptr, i - 1 };
	str_skip(in, i + 1);
	return ERR_OK;
}

const char *
line_fault_text(enum line_fault fault)
{
	switch (fault) {
	case LINE_FINE:
		return "no fault";
	case LINE_BARE_CR:
		return "CR without LF";
	case LINE_BARE_LF:
		return "LF without CR";
	case LINE_NUL:
		return "NUL byte";
	case LINE_LONG:
		return "line too long";
	}
	return "unknown fault";
}
