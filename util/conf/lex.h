/* SPDX-License-Identifier: BSD-2-Clause */
/* lex: cuts the text of a configuration file into tokens. */
#ifndef UTIL_CONF_LEX_H
#define UTIL_CONF_LEX_H

#include <stdint.h>

#include "util/text/str.h"

/*
 * Tokens stand apart by blanks, tabs, line ends and comments (# to the end of
 * the line), which mean nothing else.
 */
enum lex_kind {
	LEX_END,
	LEX_WORD,   /* a name, a number, true, false */
	LEX_TEXT,   /* "in quotes", on one line */
	LEX_EQUALS, /* = */
	LEX_OPEN,   /* { */
	LEX_CLOSE,  /* } */
	LEX_COMMA,  /* , */
	LEX_BAD,    /* none of these; fault says why */
};

struct lex_token {
	enum lex_kind kind;
	uint32_t line;
	struct str raw;    /* as written, a view; of a text without quotes */
	const char *fault; /* of LEX_BAD, in static storage */
};

/* Where we are; embedded, no _fini. */
struct lex {
	struct str rest;
	uint32_t line;
};

/* Begins with text, which must outlive the tokens. */
void lex_init(struct lex *lex, struct str text);

/* The next token. Goes on behind a LEX_BAD; after LEX_END stays there. */
struct lex_token lex_next(struct lex *lex);

/* Appends the bytes that a LEX_TEXT stands for: \" is a quote and \\ one
 * backslash; before anything else a backslash is itself. There are raw.len
 * bytes of room: the caller has looked. */
void lex_put_text(struct outbuf *out, struct str raw);

#endif /* UTIL_CONF_LEX_H */
