/* SPDX-License-Identifier: BSD-2-Clause */
/* addrlist: a walk over the addresses of a header field. */
#include "util/mail/addrlist.h"

#include <stdbool.h>
#include <stdint.h>

#include "util/text/ascii.h"

/*
 * A row is where in an entry we are, a column the next token; blanks and
 * comments are none.
 *
 *	   word	 . @   <	   >	      :	    ,	  ;	end    other
 * BARE	   add	 add   new->ANGLE  bad	      new   give  give	give   bad
 * ANGLE   add	 add   bad	   ->CLOSED   new   add	  give*	give*  bad
 * CLOSED  bad	 bad   bad	   bad	      bad   give  give	give   bad
 * SKIP	   -	 -     -	   -	      -	    give  give	give   -
 *
 * add	append to the address
 * new	what was there is a display name, a group's name or a route: forget it
 * bad	the entry is none -> SKIP
 * give	the entry ends -> BARE; * it is bad as well
 */
enum state { ST_BARE, ST_ANGLE, ST_CLOSED, ST_SKIP, ST_N };
enum token {
	T_WORD,
	T_DOT,
	T_AT,
	T_LT,
	T_GT,
	T_COLON,
	T_COMMA,
	T_SEMI,
	T_END,
	T_OTHER,
	T_N
};
enum action { A_NONE, A_ADD, A_NEW, A_BAD, A_GIVE, A_BAD_GIVE };

struct step {
	uint8_t action;
	uint8_t next;
};

#define BAD \
	{ \
		A_BAD, ST_SKIP \
	}
#define GIVE \
	{ \
		A_GIVE, ST_BARE \
	}
#define SKIPPED \
	{ \
		A_NONE, ST_SKIP \
	}

static const struct step steps[ST_N][T_N] = {
	[ST_BARE] = {
		[T_WORD] = { A_ADD, ST_BARE },
		[T_DOT] = { A_ADD, ST_BARE },
		[T_AT] = { A_ADD, ST_BARE },
		[T_LT] = { A_NEW, ST_ANGLE },
		[T_GT] = BAD,
		[T_COLON] = { A_NEW, ST_BARE },
		[T_COMMA] = GIVE,
		[T_SEMI] = GIVE,
		[T_END] = GIVE,
		[T_OTHER] = BAD,
	},
	[ST_ANGLE] = {
		[T_WORD] = { A_ADD, ST_ANGLE },
		[T_DOT] = { A_ADD, ST_ANGLE },
		[T_AT] = { A_ADD, ST_ANGLE },
		[T_LT] = BAD,
		[T_GT] = { A_NONE, ST_CLOSED },
		[T_COLON] = { A_NEW, ST_ANGLE },
		[T_COMMA] = { A_ADD, ST_ANGLE },
		[T_SEMI] = { A_BAD_GIVE, ST_BARE },
		[T_END] = { A_BAD_GIVE, ST_BARE },
		[T_OTHER] = BAD,
	},
	[ST_CLOSED] = {
		[T_WORD] = BAD,
		[T_DOT] = BAD,
		[T_AT] = BAD,
		[T_LT] = BAD,
		[T_GT] = BAD,
		[T_COLON] = BAD,
		[T_COMMA] = GIVE,
		[T_SEMI] = GIVE,
		[T_END] = GIVE,
		[T_OTHER] = BAD,
	},
	[ST_SKIP] = {
		[T_WORD] = SKIPPED,
		[T_DOT] = SKIPPED,
		[T_AT] = SKIPPED,
		[T_LT] = SKIPPED,
		[T_GT] = SKIPPED,
		[T_COLON] = SKIPPED,
		[T_COMMA] = GIVE,
		[T_SEMI] = GIVE,
		[T_END] = GIVE,
		[T_OTHER] = SKIPPED,
	},
};

/* One entry while it is read. */
struct entry {
	struct outbuf text;
	bool is_bad;
	bool is_long;
	bool ends_in_word;
};

void
addrlist_init(struct addrlist *l, struct str value)
{
	*l = (struct addrlist){ .rest = value };
}

/* Length up to and with the end of what s opens: a quoted string, a literal;
 * a backslash takes the next byte with it. 0: it does not end. */
static size_t
span_to(struct str s, char end)
{
	for (size_t i = 1; i < s.len; i++) {
		if (s.ptr[i] == '\\')
			i++;
		else if (s.ptr[i] == end)
			return i + 1;
	}
	return 0;
}

/* The same for a comment, which may hold comments. */
static size_t
span_comment(struct str s)
{
	size_t depth = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '\\')
			i++;
		else if (s.ptr[i] == '(')
			depth++;
		else if (s.ptr[i] == ')' && --depth == 0)
			return i + 1;
	}
	return 0;
}

/* Skips blanks and comments. False: a comment does not end. */
static bool
skip_space(struct str *s)
{
	while (s->len > 0) {
		size_t n = 0;

		if (ascii_is_space(s->ptr[0]))
			n = 1;
		else if (s->ptr[0] != '(')
			return true;
		else
			n = span_comment(*s);
		if (n == 0)
			return false;
		str_skip(s, n);
	}
	return true;
}

static bool
is_word_char(char c)
{
	return c < 0 || (unsigned char)c > '~' ||
	    (ascii_is_print(c) && memchr(" ()<>[]:;@\\,.\"", c, 14) == NULL);
}

static enum token
one_char_token(char c)
{
	switch (c) {
	case '.':
		return T_DOT;
	case '@':
		return T_AT;
	case '<':
		return T_LT;
	case '>':
		return T_GT;
	case ':':
		return T_COLON;
	case ',':
		return T_COMMA;
	case ';':
		return T_SEMI;
	default:
		return T_OTHER;
	}
}

/* Takes the next token off s; text is its bytes. What opens and does not end
 * takes all of s with it. */
static enum token
take_token(struct str *s, struct str *text)
{
	enum token token = T_WORD;
	size_t n = 0;

	if (!skip_space(s))
		n = 0;
	else if (s->len == 0)
		return T_END;
	else if (s->ptr[0] == '"')
		n = span_to(*s, '"');
	else if (s->ptr[0] == '[')
		n = span_to(*s, ']');
	else
		while (n < s->len && is_word_char(s->ptr[n]))
			n++;
	if (n == 0) {
		token = one_char_token(s->ptr[0]);
		n = token == T_OTHER ? s->len : 1;
	}
	*text = str_head(*s, n);
	str_skip(s, n);
	return token;
}

/* Two words in a row are no address: the blank between them says so, unless
 * they prove to be a display name. */
static void
add(struct entry *e, enum token token, struct str text)
{
	bool needs_blank = e->ends_in_word && token == T_WORD;

	e->ends_in_word = token == T_WORD;
	if (text.len + needs_blank > outbuf_room(&e->text)) {
		e->is_long = true;
		return;
	}
	if (needs_blank)
		outbuf_putc(&e->text, ' ');
	outbuf_put(&e->text, text);
}

/* Reads on to the end of an entry. */
static enum token
read_entry(struct str *rest, struct entry *e)
{
	struct str text = { 0 };
	uint8_t state = ST_BARE;
	const struct step *st;
	enum token token;

	do {
		token = take_token(rest, &text);
		st = &steps[state][token];
		if (st->action == A_ADD)
			add(e, token, text);
		if (st->action == A_NEW)
			*e = (struct entry){ .text = { e->text.ptr, 0,
				                 e->text.cap } };
		if (st->action == A_BAD || st->action == A_BAD_GIVE)
			e->is_bad = true;
		state = st->next;
	} while (st->action != A_GIVE && st->action != A_BAD_GIVE);
	return token;
}

enum err
addrlist_next(struct addrlist *l, struct address *a)
{
	unsigned flags = ADDRESS_LOCAL_OK | ADDRESS_UTF8_OK;

	for (;;) {
		struct entry e = { .text = { l->text, 0, sizeof(l->text) } };
		enum token token = read_entry(&l->rest, &e);

		if (e.is_bad)
			return ERR_SYNTAX;
		if (e.is_long)
			return ERR_RANGE;
		if (e.text.len > 0)
			return address_parse(a, outbuf_str(&e.text), flags);
		if (token == T_END)
			return ERR_EOF;
	}
}
