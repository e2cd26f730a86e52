/* SPDX-License-Identifier: BSD-2-Clause */
/* test_lex: tokens, their lines, and what is none. */
#include "util/conf/lex.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "tests/lib/split.h"
#include "util/base/array.h"

#define SHOWN_MAX_BYTES 1024

static const char *const kind_names[] = {
	[LEX_END] = "end",
	[LEX_WORD] = "word",
	[LEX_TEXT] = "text",
	[LEX_EQUALS] = "eq",
	[LEX_OPEN] = "open",
	[LEX_CLOSE] = "close",
	[LEX_COMMA] = "comma",
	[LEX_BAD] = "bad",
};

/* "1:word(node) 1:eq ..." */
static const char *
show(struct str text)
{
	static char shown[SHOWN_MAX_BYTES];
	struct outbuf out = { shown, 0, sizeof(shown) };
	struct lex_token t;
	enum err err = ERR_OK;
	struct lex lex;

	lex_init(&lex, text);
	do {
		t = lex_next(&lex);
		if (t.kind == LEX_WORD || t.kind == LEX_TEXT)
			err = outbuf_printf(&out, "%u:%s(%.*s) ", t.line,
			    kind_names[t.kind], STR_ARG(t.raw));
		else
			err = outbuf_printf(
			    &out, "%u:%s ", t.line, kind_names[t.kind]);
		ck_assert_int_eq(err, ERR_OK);
	} while (t.kind != LEX_END);
	ck_assert_int_eq(lex_next(&lex).kind, LEX_END);
	return shown;
}

static const struct {
	struct str text;
	const char *tokens;
} cases[] = {
	{ STR_INIT(""), "1:end " },
	{ STR_INIT(" \t\r\n\n"), "3:end " },
	{ STR_INIT("# only a comment"), "1:end " },
	{ STR_INIT("a=1"), "1:word(a) 1:eq 1:word(1) 1:end " },
	{ STR_INIT("a = \"x\" # = \"y\"\nb"),
	    "1:word(a) 1:eq 1:text(x) 2:word(b) 2:end " },
	{ STR_INIT("x#y\nz"), "1:word(x) 2:word(z) 2:end " },
	{ STR_INIT("{\"a\",\n\"b\"}"),
	    "1:open 1:text(a) 1:comma 2:text(b) 2:close 2:end " },
	{ STR_INIT("listener\"in\"{}"),
	    "1:word(listener) 1:text(in) 1:open 1:close 1:end " },
	{ STR_INIT("\"\""), "1:text() 1:end " },
	{ STR_INIT("\"# no comment { = }\""),
	    "1:text(# no comment { = }) 1:end " },
	{ STR_INIT("\"a\\\"b\""), "1:text(a\\\"b) 1:end " },
	{ STR_INIT("\"a\\\\\" b"), "1:text(a\\\\) 1:word(b) 1:end " },
	{ STR_INIT("\"^\\d\""), "1:text(^\\d) 1:end " },
	{ STR_INIT("\"tab\there\""), "1:text(tab\there) 1:end " },
	{ STR_INIT("\"k\xc3\xa4se\""), "1:text(k\xc3\xa4se) 1:end " },
	{ STR_INIT("10.0.0.1:25 5m -1"),
	    "1:word(10.0.0.1:25) 1:word(5m) 1:word(-1) 1:end " },
	/* What is bad ends where the reader would think. */
	{ STR_INIT("\"open\nb = 2"), "1:bad 2:word(b) 2:eq 2:word(2) 2:end " },
	{ STR_INIT("\"open\r\nb"), "1:bad 2:word(b) 2:end " },
	{ STR_INIT("\"open"), "1:bad 1:end " },
	{ STR_INIT("\"open\\\""), "1:bad 1:end " },
	{ STR_INIT("\"open\\"), "1:bad 1:end " },
	{ STR_INIT("\"a\x01"
	           "b\" c"),
	    "1:bad 1:word(c) 1:end " },
	{ STR_INIT("\"a\0b\" c"), "1:bad 1:word(c) 1:end " },
	{ STR_INIT("\"a\rb\" c"), "1:bad 1:word(c) 1:end " },
	{ STR_INIT("\"a\x7f\" c"), "1:bad 1:word(c) 1:end " },
	{ STR_INIT("\xef\xbb\xbf"
	           "a"),
	    "1:bad 1:word(a) 1:end " },
	{ STR_INIT("a\0b"), "1:word(a) 1:bad 1:word(b) 1:end " },
};

START_TEST(tokens_come_with_their_lines)
{
	ck_assert_str_eq(show(cases[_i].text), cases[_i].tokens);
}
END_TEST

START_TEST(fault_is_told)
{
	struct lex lex;

	lex_init(&lex, STR("\"open"));
	ck_assert_ptr_nonnull(strstr(lex_next(&lex).fault, "closing quote"));
	lex_init(&lex, STR("\"\x01\""));
	ck_assert_ptr_nonnull(strstr(lex_next(&lex).fault, "control"));
	lex_init(&lex, STR("\x80"));
	ck_assert_ptr_nonnull(strstr(lex_next(&lex).fault, "in quotes"));
}
END_TEST

static const struct {
	struct str raw, text;
} escapes[] = {
	{ STR_INIT(""), STR_INIT("") },
	{ STR_INIT("plain"), STR_INIT("plain") },
	{ STR_INIT("a\\\"b"), STR_INIT("a\"b") },
	{ STR_INIT("a\\\\b"), STR_INIT("a\\b") },
	{ STR_INIT("\\\\\\\""), STR_INIT("\\\"") },
	{ STR_INIT("^\\d+\\."), STR_INIT("^\\d+\\.") },
	{ STR_INIT("\\"), STR_INIT("\\") },
};

START_TEST(escapes_are_two)
{
	char bytes[32];
	struct outbuf out = { bytes, 0, escapes[_i].raw.len };

	lex_put_text(&out, escapes[_i].raw);
	ck_assert(str_eq(outbuf_str(&out), escapes[_i].text));
}
END_TEST

/* Any bytes: the tokens go forward, and lines count line ends. */
START_TEST(any_bytes_come_to_an_end)
{
	static const char alphabet[] = "a1\"\"\\={},#\n\n \x01\x80\r";
	uint64_t seed = 11;
	char text[64];
	struct lex lex;

	for (int round = 0; round < 20000; round++) {
		struct str s = { text, sizeof(text) };
		uint32_t lines = 1;
		size_t left;

		for (size_t i = 0; i < sizeof(text); i++) {
			text[i] =
			    alphabet[split_draw(&seed) % sizeof(alphabet)];
			lines += text[i] == '\n';
		}
		lex_init(&lex, s);
		do {
			left = lex.rest.len;
		} while (lex_next(&lex).kind != LEX_END && lex.rest.len < left);
		ck_assert_uint_eq(lex.rest.len, 0);
		ck_assert_uint_eq(lex.line, lines);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("lex");
	TCase *tc = tcase_create("lex");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_loop_test(
	    tc, tokens_come_with_their_lines, 0, (int)COUNT_OF(cases));
	tcase_add_test(tc, fault_is_told);
	tcase_add_loop_test(tc, escapes_are_two, 0, (int)COUNT_OF(escapes));
	tcase_add_test(tc, any_bytes_come_to_an_end);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
