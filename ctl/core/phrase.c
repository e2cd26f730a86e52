/* SPDX-License-Identifier: BSD-2-Clause */
/* phrase: quotes, and encoded words of whole characters. */
#include "ctl/core/phrase.h"

#include "util/text/ascii.h"
#include "util/text/utf8.h"

/* An encoded word has at most 75 bytes (RFC 2047 2). */
#define WORD_MAX_BYTES 75

static const struct str word_begin = STR_INIT("=?UTF-8?Q?");
static const struct str word_end = STR_INIT("?=");

enum form { FORM_PLAIN, FORM_QUOTED, FORM_ENCODED };

/* atext of RFC 5322 3.2.3, and the blank between two atoms. */
static bool
is_plain(char c)
{
	static const struct str others = STR_INIT("!#$%&'*+-/=?^_`{|}~ ");

	return ascii_is_alnum(c) || str_find(others, c) < others.len;
}

static enum form
choose(struct str name)
{
	enum form form = FORM_PLAIN;

	for (size_t i = 0; i < name.len; i++) {
		if ((unsigned char)name.ptr[i] > 0x7f)
			return FORM_ENCODED;
		if (!is_plain(name.ptr[i]))
			form = FORM_QUOTED;
	}
	return form;
}

static enum err
put_quoted(struct outbuf *out, struct str name)
{
	enum err err = outbuf_add(out, STR("\""));

	for (size_t i = 0; i < name.len && err == ERR_OK; i++) {
		char c = ascii_is_print(name.ptr[i]) ? name.ptr[i] : '?';

		if (c == '"' || c == '\\')
			err = outbuf_add(out, STR("\\"));
		if (err == ERR_OK)
			err = outbuf_add(out, (struct str){ &c, 1 });
	}
	return err == ERR_OK ? outbuf_add(out, STR("\"")) : err;
}

/* One character, coded for a phrase (RFC 2047 5 (3)). room has 12 bytes. */
static struct str
encode(struct str c, char *room)
{
	static const char hex[] = "0123456789ABCDEF";
	struct outbuf code = { room, 0, 12 };

	if (c.len == 1 && ascii_is_alnum(c.ptr[0]))
		return c;
	if (c.len == 1 && c.ptr[0] == ' ')
		return STR("_");
	for (size_t i = 0; i < c.len; i++) {
		outbuf_putc(&code, '=');
		outbuf_putc(&code, hex[(unsigned char)c.ptr[i] >> 4]);
		outbuf_putc(&code, hex[(unsigned char)c.ptr[i] & 15]);
	}
	return outbuf_str(&code);
}

/* The character that s begins with. */
static struct str
first_char(struct str s)
{
	size_t len = utf8_char_len(s);

	if (len == 0 || (len == 1 && !ascii_is_print(s.ptr[0])))
		return STR("?");
	return str_head(s, len);
}

static enum err
put_encoded(struct outbuf *out, struct str name)
{
	char room[12];
	size_t used = WORD_MAX_BYTES;
	bool is_first = true;
	enum err err = ERR_OK;

	while (name.len > 0 && err == ERR_OK) {
		size_t len = utf8_char_len(name);
		struct str code = encode(first_char(name), room);

		if (used + code.len + word_end.len > WORD_MAX_BYTES) {
			if (!is_first)
				err = outbuf_add(out, STR("?= "));
			if (err == ERR_OK)
				err = outbuf_add(out, word_begin);
			used = word_begin.len;
			is_first = false;
		}
		if (err == ERR_OK)
			err = outbuf_add(out, code);
		used += code.len;
		str_skip(&name, len == 0 ? 1 : len);
	}
	return err == ERR_OK ? outbuf_add(out, word_end) : err;
}

enum err
phrase_put(struct outbuf *out, struct str name)
{
	size_t before = out->len;
	enum err err = ERR_OK;

	name = str_trim(name);
	if (name.len == 0)
		return ERR_OK;
	switch (choose(name)) {
	case FORM_PLAIN:
		err = outbuf_add(out, name);
		break;
	case FORM_QUOTED:
		err = put_quoted(out, name);
		break;
	case FORM_ENCODED:
		err = put_encoded(out, name);
		break;
	}
	if (err != ERR_OK)
		out->len = before;
	return err;
}
