/* SPDX-License-Identifier: BSD-2-Clause */
/* str: comparing, searching and formatting. */
#include "util/text/str.h"

#include <stdarg.h>
#include <stdio.h>

#include "util/text/ascii.h"

bool
str_eq_nocase(struct str a, struct str b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i]))
			return false;
	return true;
}

int
str_cmp(struct str a, struct str b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len == 0 ? 0 : memcmp(a.ptr, b.ptr, len);

	if (order != 0)
		return order;
	return (a.len > b.len) - (a.len < b.len);
}

size_t
str_find(struct str s, char c)
{
	const char *at = s.len == 0 ? NULL : memchr(s.ptr, c, s.len);

	return at == NULL ? s.len : (size_t)(at - s.ptr);
}

struct str
str_trim(struct str s)
{
	while (s.len > 0 && ascii_is_space(s.ptr[0]))
		str_skip(&s, 1);
	while (s.len > 0 && ascii_is_space(s.ptr[s.len - 1]))
		s.len--;
	return s;
}

struct str
str_take_field(struct str *s, char c)
{
	struct str field = str_head(*s, str_find(*s, c));

	str_skip(s, field.len < s->len ? field.len + 1 : field.len);
	return field;
}

void
outbuf_put_u64(struct outbuf *b, uint64_t n)
{
	char digits[OUTBUF_U64_BYTES];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	outbuf_put(b, (struct str){ digits + at, sizeof(digits) - at });
}

enum err
outbuf_add(struct outbuf *b, struct str s)
{
	if (s.len > outbuf_room(b))
		return ERR_FULL;
	outbuf_put(b, s);
	return ERR_OK;
}

enum err
outbuf_printf(struct outbuf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (outbuf_room(b) == 0)
		return ERR_FULL;
	va_start(ap, fmt);
	n = vsnprintf(b->ptr + b->len, outbuf_room(b), fmt, ap);
	va_end(ap);
	BUG_IF(n < 0);
	if ((size_t)n >= outbuf_room(b))
		return ERR_FULL;
	b->len += (size_t)n;
	return ERR_OK;
}
