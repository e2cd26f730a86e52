/* SPDX-License-Identifier: BSD-2-Clause */
/* unixtext: line ends, the dot alone, and bytes that mail cannot hold. */
#include "ctl/core/unixtext.h"

/*
 * A row is where in a line we are, a column the next byte. What is put before
 * the byte stands in quotes; "byte" is the byte itself.
 *
 *	   dot		     CR	       LF	     NUL	other
 * BOL	   ->DOT	     ->CR      "\r\n"	     " "	byte
 * TEXT	   byte		     ->CR      "\r\n"	     " "	byte
 * CR	   " " byte	     " "       "\r\n"	     "  "	" " byte
 * DOT	   "." byte	     ->DOT_CR  ->END	     ". "	"." byte
 * DOT_CR  ". " byte	     ". "->CR  ->END	     ".  "	". " byte
 *
 * LF leads to BOL, NUL and the others to TEXT. With -i a dot is as any other.
 */
enum state { ST_BOL, ST_TEXT, ST_CR, ST_DOT, ST_DOT_CR, ST_END, ST_N = ST_END };
enum byte_class { C_DOT, C_CR, C_LF, C_NUL, C_OTHER, C_N };

struct step {
	const char *text;
	bool has_byte;
	uint8_t next;
};

#define PUT(text) \
	{ \
		text, false, ST_TEXT \
	}
#define PUT_BYTE(text) \
	{ \
		text, true, ST_TEXT \
	}
#define TO(state) \
	{ \
		"", false, state \
	}
#define LINE_END \
	{ \
		"\r\n", false, ST_BOL \
	}

static const struct step steps[ST_N][C_N] = {
	[ST_BOL] = {
		[C_DOT] = TO(ST_DOT),
		[C_CR] = TO(ST_CR),
		[C_LF] = LINE_END,
		[C_NUL] = PUT(" "),
		[C_OTHER] = PUT_BYTE(""),
	},
	[ST_TEXT] = {
		[C_DOT] = PUT_BYTE(""),
		[C_CR] = TO(ST_CR),
		[C_LF] = LINE_END,
		[C_NUL] = PUT(" "),
		[C_OTHER] = PUT_BYTE(""),
	},
	[ST_CR] = {
		[C_DOT] = PUT_BYTE(" "),
		[C_CR] = { " ", false, ST_CR },
		[C_LF] = LINE_END,
		[C_NUL] = PUT("  "),
		[C_OTHER] = PUT_BYTE(" "),
	},
	[ST_DOT] = {
		[C_DOT] = PUT_BYTE("."),
		[C_CR] = TO(ST_DOT_CR),
		[C_LF] = TO(ST_END),
		[C_NUL] = PUT(". "),
		[C_OTHER] = PUT_BYTE("."),
	},
	[ST_DOT_CR] = {
		[C_DOT] = PUT_BYTE(". "),
		[C_CR] = { ". ", false, ST_CR },
		[C_LF] = TO(ST_END),
		[C_NUL] = PUT(".  "),
		[C_OTHER] = PUT_BYTE(". "),
	},
};

void
unixtext_init(struct unixtext *t, bool keeps_dots)
{
	*t = (struct unixtext){ .keeps_dots = keeps_dots, .state = ST_BOL };
}

static enum byte_class
classify(const struct unixtext *t, char c)
{
	switch (c) {
	case '.':
		return t->keeps_dots ? C_OTHER : C_DOT;
	case '\r':
		return C_CR;
	case '\n':
		return C_LF;
	case '\0':
		return C_NUL;
	default:
		return C_OTHER;
	}
}

enum err
unixtext_decode(struct unixtext *t, struct str *in, struct outbuf *out)
{
	while (t->state != ST_END && in->len > 0) {
		char c = in->ptr[0];
		const struct step *step = &steps[t->state][classify(t, c)];

		if (outbuf_room(out) < UNIXTEXT_ROOM_BYTES)
			return ERR_FULL;
		outbuf_put(out, str_from_c(step->text));
		if (step->has_byte)
			outbuf_putc(out, c);
		t->state = step->next;
		str_skip(in, 1);
	}
	return t->state == ST_END ? ERR_OK : ERR_AGAIN;
}

enum err
unixtext_end(struct unixtext *t, struct outbuf *out)
{
	if (outbuf_room(out) < UNIXTEXT_ROOM_BYTES)
		return ERR_FULL;
	/* A dot, or CR, that nothing follows is a whole line. */
	if (t->state == ST_TEXT || t->state == ST_CR)
		outbuf_put(out, STR("\r\n"));
	t->state = ST_END;
	return ERR_OK;
}
