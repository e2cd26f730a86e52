/* SPDX-License-Identifier: BSD-2-Clause */
/* dsn_out: how text gets into a notice: clean, and in lines. */
#include "deliver/core/dsn_int.h"
#include "util/text/utf8.h"
#include "util/text/when.h"

/* Where a line is folded (RFC 5322 2.1.1), and where it must be: the hard
 * limit is 998, and what is put at once is short. */
#define LINE_FOLD_BYTES 76
#define LINE_MAX_BYTES 900

#define LAST_C1 0x9f
#define DEL 0x7f

void
dsn_put(struct dsn_out *o, struct str s)
{
	o->is_full = o->is_full || outbuf_add(o->out, s) != ERR_OK;
	for (; s.len > 0; str_skip(&s, 1)) {
		o->column = s.ptr[0] == '\n' ? 0 : o->column + 1;
		o->n_8bit += (unsigned char)s.ptr[0] > DEL ? 1 : 0;
	}
}

void
dsn_put_u64(struct dsn_out *o, uint64_t n)
{
	char bytes[OUTBUF_U64_BYTES];
	struct outbuf text = { bytes, 0, sizeof(bytes) };

	outbuf_put_u64(&text, n);
	dsn_put(o, outbuf_str(&text));
}

void
dsn_put_date(struct dsn_out *o, int64_t wall_ms)
{
	char bytes[WHEN_MAX_BYTES];
	struct outbuf text = { bytes, 0, sizeof(bytes) };

	if (when_rfc5322(&text, wall_ms) != ERR_OK)
		BUG_IF(when_rfc5322(&text, 0) != ERR_OK);
	dsn_put(o, outbuf_str(&text));
}

/* C0, DEL, C1, and the two line ends of Unicode; n is its length, 0: it is no
 * character. */
static bool
is_control(struct str s, size_t n)
{
	const unsigned char *b = (const unsigned char *)s.ptr;

	if (n == 1)
		return b[0] < ' ' || b[0] == DEL;
	if (n == 2)
		return b[0] == 0xc2 && b[1] <= LAST_C1;
	return n == 3 && b[0] == 0xe2 && b[1] == 0x80 &&
	    (b[2] == 0xa8 || b[2] == 0xa9);
}

/* Takes one character off s; what may stand for it in the notice. */
static struct str
take_char(const struct dsn_out *o, struct str *s)
{
	size_t n = utf8_char_len(*s);
	struct str c = str_head(*s, n > 0 ? n : 1);

	str_skip(s, c.len);
	if (n == 0 || is_control(c, n) || (n > 1 && !o->is_utf8))
		return STR("?");
	return c;
}

/* Whether the word behind the blank that s begins with is to begin a line. */
static bool
is_fold(const struct dsn_out *o, struct str s)
{
	size_t word = str_find(str_tail(s, 1), ' ');

	return o->column + 1 + word > LINE_FOLD_BYTES;
}

static void
break_line(struct dsn_out *o, struct str fold)
{
	dsn_put(o, STR("\r\n"));
	dsn_put(o, fold.len > 0 ? fold : STR(" "));
}

void
dsn_put_foreign(struct dsn_out *o, struct str s, struct str fold)
{
	if (fold.len > 0)
		s = str_trim(s);
	while (s.len > 0) {
		if (fold.len > 0 && s.ptr[0] == ' ' && is_fold(o, s)) {
			break_line(o, fold);
			str_skip(&s, 1);
			continue;
		}
		if (o->column >= LINE_MAX_BYTES)
			break_line(o, fold);
		dsn_put(o, take_char(o, &s));
	}
}
