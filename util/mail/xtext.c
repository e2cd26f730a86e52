/* SPDX-License-Identifier: BSD-2-Clause */
/* xtext: both codings, and the parameters that use them. */
#include "util/mail/xtext.h"

#include <stdint.h>

#include "util/text/ascii.h"
#include "util/text/utf8.h"

#define HEX_BITS 4
#define HEX_DIGITS_MAX 6 /* of a character: 10FFFF */
#define NO_DIGIT 16u
#define DEL 0x7f
#define UTF8_MAX_BYTES 4
/* Last character of one, two and three bytes (RFC 3629 3), and of all. */
#define UTF8_1_MAX 0x7fu
#define UTF8_2_MAX 0x7ffu
#define UTF8_3_MAX 0xffffu
#define UTF8_4_MAX 0x10ffffu

static const char digits[] = "0123456789ABCDEF";

/* Only capitals are digits here; NO_DIGIT for all else. */
static unsigned
hex_value(char c)
{
	if (ascii_is_digit(c))
		return (unsigned)(c - '0');
	if (c >= 'A' && c <= 'F')
		return (unsigned)(c - 'A') + 10;
	return NO_DIGIT;
}

/* "!" to "~" without "+" and "=". */
static bool
is_xchar(char c)
{
	return ascii_is_print(c) && c != ' ' && c != '+' && c != '=';
}

/* --- xtext ---------------------------------------------------------------- */

/* The byte that s begins with, taken off it. */
static enum err
decode_byte(struct str *s, char *byte)
{
	unsigned high, low;

	*byte = s->ptr[0];
	if (is_xchar(*byte)) {
		str_skip(s, 1);
		return ERR_OK;
	}
	if (*byte != '+' || s->len < STR("+2B").len)
		return ERR_SYNTAX;
	high = hex_value(s->ptr[1]);
	low = hex_value(s->ptr[2]);
	if (high == NO_DIGIT || low == NO_DIGIT)
		return ERR_SYNTAX;
	*byte = (char)(high << HEX_BITS | low);
	str_skip(s, STR("+2B").len);
	return ERR_OK;
}

enum err
xtext_decode(struct str s, struct outbuf *out)
{
	size_t before = out->len;
	enum err err = ERR_OK;
	char byte;

	while (s.len > 0 && err == ERR_OK) {
		err = decode_byte(&s, &byte);
		if (err == ERR_OK)
			err = outbuf_add(out, (struct str){ &byte, 1 });
	}
	if (err != ERR_OK)
		out->len = before;
	return err;
}

enum err
xtext_encode(struct str s, struct outbuf *out)
{
	size_t before = out->len;
	enum err err = ERR_OK;

	for (; s.len > 0 && err == ERR_OK; str_skip(&s, 1)) {
		unsigned char c = (unsigned char)s.ptr[0];
		char coded[] = { '+', digits[c >> HEX_BITS], digits[c & 15u] };

		if (is_xchar(s.ptr[0]))
			err = outbuf_add(out, str_head(s, 1));
		else
			err = outbuf_add(
			    out, (struct str){ coded, sizeof(coded) });
	}
	if (err != ERR_OK)
		out->len = before;
	return err;
}

/* --- addresses of type utf-8 ---------------------------------------------- */

/* Appends c, which is no surrogate, as UTF-8. */
static enum err
put_char(struct outbuf *out, uint32_t c)
{
	char b[UTF8_MAX_BYTES];
	size_t n = 1;

	if (c > UTF8_1_MAX)
		n = c <= UTF8_2_MAX ? 2 : c <= UTF8_3_MAX ? 3 : 4;
	for (size_t i = n - 1; i > 0; i--, c >>= 6)
		b[i] = (char)(0x80u | (c & 0x3fu));
	b[0] = (char)(n == 1 ? c : (0xf00u >> n & 0xf0u) | c);
	return outbuf_add(out, (struct str){ b, n });
}

/* The character of "\x{...}" that s begins with, taken off it. */
static enum err
decode_escape(struct str *s, uint32_t *c)
{
	struct str text;
	size_t end;

	if (!str_starts(*s, STR("\\x{")))
		return ERR_SYNTAX;
	text = str_tail(*s, STR("\\x{").len);
	end = str_find(text, '}');
	if (end == text.len || end == 0 || end > HEX_DIGITS_MAX)
		return ERR_SYNTAX;
	*c = 0;
	for (size_t i = 0; i < end; i++) {
		unsigned value = hex_value(text.ptr[i]);

		if (value == NO_DIGIT)
			return ERR_SYNTAX;
		*c = *c << HEX_BITS | value;
	}
	if (*c > UTF8_4_MAX || (*c >= 0xd800u && *c <= 0xdfffu))
		return ERR_SYNTAX;
	*s = str_tail(text, end + 1);
	return ERR_OK;
}

/* Takes one character of s to out. */
static enum err
decode_char(struct str *s, struct outbuf *out)
{
	size_t n = utf8_char_len(*s);
	uint32_t c;
	enum err err;

	if (s->ptr[0] == '\\') {
		err = decode_escape(s, &c);
		return err == ERR_OK ? put_char(out, c) : err;
	}
	if (n == 0 || (n == 1 && !is_xchar(s->ptr[0])))
		return ERR_SYNTAX;
	err = outbuf_add(out, str_head(*s, n));
	str_skip(s, n);
	return err;
}

enum err
xtext_decode_utf8(struct str s, struct outbuf *out)
{
	size_t before = out->len;
	enum err err = ERR_OK;

	while (s.len > 0 && err == ERR_OK)
		err = decode_char(&s, out);
	if (err != ERR_OK)
		out->len = before;
	return err;
}

/* Number of the well-formed character of n bytes that s begins with. */
static uint32_t
char_number(struct str s, size_t n)
{
	uint32_t c = (unsigned char)s.ptr[0];

	if (n > 1)
		c &= 0x7fu >> n;
	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)s.ptr[i] & 0x3fu);
	return c;
}

enum err
xtext_encode_utf8(struct str s, struct outbuf *out)
{
	size_t before = out->len, n;
	enum err err = ERR_OK;

	for (; s.len > 0 && err == ERR_OK; str_skip(&s, n)) {
		char bytes[XTEXT_UTF8_GROWTH * UTF8_MAX_BYTES];
		struct outbuf coded = { bytes, 0, sizeof(bytes) };

		n = utf8_char_len(s);
		if (n == 0) {
			err = ERR_SYNTAX;
			break;
		}
		if (is_xchar(s.ptr[0]) && s.ptr[0] != '\\')
			outbuf_put(&coded, str_head(s, n));
		else
			BUG_IF(outbuf_printf(&coded, "\\x{%02X}",
			           (unsigned)char_number(s, n)) != ERR_OK);
		err = outbuf_add(out, outbuf_str(&coded));
	}
	if (err != ERR_OK)
		out->len = before;
	return err;
}

/* --- parameters ----------------------------------------------------------- */

/* RFC 5322 3.2.3. */
static bool
is_atom(struct str s)
{
	static const struct str specials = STR_INIT("()<>[]:;@\\,.\"");

	for (size_t i = 0; i < s.len; i++)
		if (!ascii_is_print(s.ptr[i]) || s.ptr[i] == ' ' ||
		    str_find(specials, s.ptr[i]) < specials.len)
			return false;
	return s.len > 0;
}

static bool
is_shown(struct str s, bool is_utf8)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if (c < ' ' || c == DEL || (c > DEL && !is_utf8))
			return false;
	}
	return s.len > 0;
}

enum err
xtext_parse_orcpt(struct xtext_orcpt *o, struct str s)
{
	char bytes[XTEXT_ORCPT_MAX_BYTES];
	struct outbuf plain = { bytes, 0, sizeof(bytes) };
	struct xtext_orcpt found = { .text = s };
	enum err err;

	found.type = str_take_field(&found.text, ';');
	found.is_utf8 = str_eq_nocase(found.type, STR("utf-8"));
	if (s.len > XTEXT_ORCPT_MAX_BYTES || !is_atom(found.type))
		return ERR_SYNTAX;
	err = found.is_utf8 ? xtext_decode_utf8(found.text, &plain)
	                    : xtext_decode(found.text, &plain);
	if (err != ERR_OK || !is_shown(outbuf_str(&plain), found.is_utf8))
		return ERR_SYNTAX;
	*o = found;
	return ERR_OK;
}

bool
xtext_is_envid(struct str s)
{
	char bytes[XTEXT_ENVID_MAX_BYTES];
	struct outbuf plain = { bytes, 0, sizeof(bytes) };

	return xtext_decode(s, &plain) == ERR_OK &&
	    is_shown(outbuf_str(&plain), false);
}
