/* SPDX-License-Identifier: BSD-2-Clause */
/* utf8: well-formed byte sequences, from a table. */
#include "util/text/utf8.h"

#include "util/base/array.h"

/* RFC 3629 section 4, line by line: the bounds of the second byte keep out
 * overlong forms, surrogates and what is above U+10FFFF. Any further byte is
 * 80 to BF. */
static const struct sequence {
	unsigned char first_min, first_max, second_min, second_max;
	unsigned char len;
} sequences[] = {
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 },
	{ 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

static bool
fits(const struct sequence *q, struct str s)
{
	const unsigned char *b = (const unsigned char *)s.ptr;

	if (b[0] < q->first_min || b[0] > q->first_max || s.len < q->len)
		return false;
	if (b[1] < q->second_min || b[1] > q->second_max)
		return false;
	for (size_t i = 2; i < q->len; i++)
		if ((b[i] & 0xc0) != 0x80)
			return false;
	return true;
}

size_t
utf8_char_len(struct str s)
{
	if (s.len == 0)
		return 0;
	if ((unsigned char)s.ptr[0] < 0x80)
		return 1;
	for (size_t i = 0; i < COUNT_OF(sequences); i++)
		if (fits(&sequences[i], s))
			return sequences[i].len;
	return 0;
}

bool
utf8_is_valid(struct str s)
{
	size_t n;

	while ((n = utf8_char_len(s)) > 0)
		str_skip(&s, n);
	return s.len == 0;
}
