/* SPDX-License-Identifier: BSD-2-Clause */
/* status: reads and writes enhanced status codes. */
#include "util/mail/status.h"

#include <stdbool.h>

#include "util/text/ascii.h"

#define NUMBER_MAX_DIGITS 3

static bool
take_number(struct str *s, uint16_t *number)
{
	unsigned v = 0;
	size_t n = 0;

	while (n < s->len && n < NUMBER_MAX_DIGITS && ascii_is_digit(s->ptr[n]))
		v = v * 10 + (unsigned)(s->ptr[n++] - '0');
	*number = (uint16_t)v;
	str_skip(s, n);
	return n > 0;
}

static bool
take_dot(struct str *s)
{
	if (s->len == 0 || s->ptr[0] != '.')
		return false;
	str_skip(s, 1);
	return true;
}

static bool
is_class(uint16_t n)
{
	return n == 2 || n == 4 || n == 5;
}

enum err
status_parse(struct status *st, struct str *in)
{
	struct str s = *in;
	uint16_t klass, subject, detail;

	*st = (struct status){ 0 };
	if (!take_number(&s, &klass) || !is_class(klass) || !take_dot(&s))
		return ERR_SYNTAX;
	if (!take_number(&s, &subject) || !take_dot(&s))
		return ERR_SYNTAX;
	if (!take_number(&s, &detail))
		return ERR_SYNTAX;
	if (s.len > 0 && s.ptr[0] != ' ' && s.ptr[0] != '\t')
		return ERR_SYNTAX;
	if (s.len > 0)
		str_skip(&s, 1);
	*st = (struct status){ (uint8_t)klass, subject, detail };
	*in = s;
	return ERR_OK;
}

enum err
status_put(const struct status *st, struct outbuf *out)
{
	if (st->klass == 0)
		return ERR_OK;
	return outbuf_printf(out, "%u.%u.%u", (unsigned)st->klass,
	    (unsigned)st->subject, (unsigned)st->detail);
}
