/* SPDX-License-Identifier: BSD-2-Clause */
/* lex: tokens of the configuration. */
#include "util/conf/lex.h"

#include <stdbool.h>

#include "util/text/ascii.h"

void
lex_init(struct lex *lex, struct str text)
{
	*lex = (struct lex){ .rest = text, .line = 1 };
}

static void
skip_blanks(struct lex *lex)
{
	bool in_comment = false;
	char c;

	for (; lex->rest.len > 0; str_skip(&lex->rest, 1)) {
		c = lex->rest.ptr[0];
		if (c == '#')
			in_comment = true;
		if (!in_comment && !ascii_is_space(c))
			return;
		if (c == '\n') {
			in_comment = false;
			lex->line++;
		}
	}
}

static bool
is_word_char(char c)
{
	return ascii_is_print(c) && c != ' ' && c != '=' && c != '{' &&
	    c != '}' && c != ',' && c != '"' && c != '#';
}

static void
take(struct lex *lex, struct lex_token *t, size_t n)
{
	t->raw = str_head(lex->rest, n);
	str_skip(&lex->rest, n);
}

static void
take_word(struct lex *lex, struct lex_token *t)
{
	size_t n = 0;

	while (n < lex->rest.len && is_word_char(lex->rest.ptr[n]))
		n++;
	t->kind = LEX_WORD;
	take(lex, t, n);
}

/* Takes a run of bytes that no token begins with. */
static void
take_bad(struct lex *lex, struct lex_token *t)
{
	size_t n = 0;
	char c;

	for (; n < lex->rest.len; n++) {
		c = lex->rest.ptr[n];
		if (ascii_is_print(c) || ascii_is_space(c))
			break;
	}
	t->kind = LEX_BAD;
	t->fault = "only texts in quotes may have such characters";
	take(lex, t, n);
}

static bool
is_control(char c)
{
	return ((unsigned char)c < ' ' && c != '\t') || c == 0x7f;
}

/* From the opening quote on. A text that does not end ends with its line, so
 * that the rest of the file is still looked at. */
static void
take_text(struct lex *lex, struct lex_token *t)
{
	struct str s = str_tail(lex->rest, 1);
	size_t n = 0;
	char c;

	t->kind = LEX_TEXT;
	for (; n < s.len && s.ptr[n] != '"' && s.ptr[n] != '\n'; n++) {
		c = s.ptr[n];
		if (is_control(c) && c != '\r') {
			t->kind = LEX_BAD;
			t->fault = "a text holds a control character";
		}
		if (c == '\\' && n + 1 < s.len &&
		    (s.ptr[n + 1] == '"' || s.ptr[n + 1] == '\\'))
			n++;
	}
	t->raw = str_head(s, n);
	if (n == s.len || s.ptr[n] == '\n') {
		t->kind = LEX_BAD;
		t->fault = "a text has no closing quote on its line";
		str_skip(&lex->rest, n + 1);
		return;
	}
	if (str_find(t->raw, '\r') < n) {
		t->kind = LEX_BAD;
		t->fault = "a text holds a control character";
	}
	str_skip(&lex->rest, n + 2);
}

struct lex_token
lex_next(struct lex *lex)
{
	struct lex_token t = { .kind = LEX_END };
	char c;

	skip_blanks(lex);
	t.line = lex->line;
	if (lex->rest.len == 0)
		return t;
	c = lex->rest.ptr[0];
	if (is_word_char(c)) {
		take_word(lex, &t);
		return t;
	}
	switch (c) {
	case '"':
		take_text(lex, &t);
		return t;
	case '=':
		t.kind = LEX_EQUALS;
		break;
	case '{':
		t.kind = LEX_OPEN;
		break;
	case '}':
		t.kind = LEX_CLOSE;
		break;
	case ',':
		t.kind = LEX_COMMA;
		break;
	default:
		take_bad(lex, &t);
		return t;
	}
	take(lex, &t, 1);
	return t;
}

void
lex_put_text(struct outbuf *out, struct str raw)
{
	while (raw.len > 0) {
		if (raw.len > 1 && raw.ptr[0] == '\\' &&
		    (raw.ptr[1] == '"' || raw.ptr[1] == '\\'))
			str_skip(&raw, 1);
		outbuf_putc(out, raw.ptr[0]);
		str_skip(&raw, 1);
	}
}
