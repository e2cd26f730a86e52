/* SPDX-License-Identifier: BSD-2-Clause */
/* test_tree: the grammar, its errors, and how parsing goes on behind them. */
#include "util/conf/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "util/base/array.h"
#include "util/base/fatal.h"

#define SHOWN_MAX_BYTES 4096
#define TEST_FILES 4

static struct arena arena;
static struct conf_errors errors;
static struct conf_tree tree;

/* Files that exist: name, text, name, text ... */
static const char *files[2 * TEST_FILES];

static void
enter(void)
{
	arena_init(&arena, 1 << 20);
	conf_errors_init(&errors);
	memset(files, 0, sizeof(files));
}

static void
leave(void)
{
	conf_errors_fini(&errors);
	arena_fini(&arena);
}

static enum err
get(void *arg, struct str name, struct str *text)
{
	ck_assert_ptr_eq(arg, files);
	for (size_t i = 0; i < COUNT_OF(files) && files[i] != NULL; i += 2)
		if (str_eq(str_from_c(files[i]), name)) {
			*text = str_from_c(files[i + 1]);
			return ERR_OK;
		}
	*text = STR("gone");
	return ERR_NOTFOUND;
}

static void
parse_files(void)
{
	struct conf_source source = { get, files };

	conf_tree_parse(&tree, &source, STR("a.conf"), &arena, &errors);
	conf_errors_sort(&errors);
}

static void
parse(const char *text)
{
	files[0] = "a.conf";
	files[1] = text;
	parse_files();
}

/* --- the tree as text ----------------------------------------------------- */

static char shown[SHOWN_MAX_BYTES];
static struct outbuf out;

static void
put(const char *fmt, const char *what, struct str s)
{
	ck_assert_int_eq(outbuf_printf(&out, fmt, what, STR_ARG(s)), ERR_OK);
}

static void
show_value(const struct conf_value *v)
{
	switch (v->kind) {
	case CONF_VALUE_WORD:
		put("%s%.*s", "", v->text);
		break;
	case CONF_VALUE_TEXT:
		put("%s\"%.*s\"", "", v->text);
		break;
	case CONF_VALUE_BROKEN:
		put("%s?%.*s", "", STR(""));
		break;
	case CONF_VALUE_LIST:
		put("%s{%.*s", "", STR(""));
		for (v = v->first; v != NULL; v = v->next)
			put("%s\"%.*s\"",
			    v->kind == CONF_VALUE_WORD ? "bare " : "", v->text);
		put("%s}%.*s", "", STR(""));
		break;
	}
}

/* "a=1 queue[x]( b={"c"} )" */
static const char *
show(void)
{
	out = (struct outbuf){ shown, 0, sizeof(shown) };
	for (const struct conf_node *n = tree.first; n; n = n->next) {
		if (n != tree.first)
			put("%s%.*s", "", n->name);
		if (n->has_title)
			put("%s[%.*s]", "", n->title);
		put("%s(%.*s", "", STR(""));
		for (const struct conf_setting *s = n->first; s; s = s->next) {
			put("%s %.*s=", "", s->name);
			show_value(&s->value);
		}
		put("%s )%.*s", "", STR(""));
	}
	shown[out.len] = '\0';
	return shown;
}

/* All errors, one a line. */
static const char *
show_errors(void)
{
	static char text[SHOWN_MAX_BYTES];
	struct outbuf o = { text, 0, sizeof(text) - 1 };

	conf_errors_put(&errors, &o);
	text[o.len] = '\0';
	return text;
}

/* --- tests ---------------------------------------------------------------- */

static const struct {
	const char *text, *shown;
} good[] = {
	{ "", "( )" },
	{ "node = \"mx1\" n=1 ok = true", "( node=\"mx1\" n=1 ok=true )" },
	{ "a\n=\n1", "( a=1 )" },
	{ "l = { } m = { \"a\" } n = { \"a\", \"b\", }",
	    "( l={} m={\"a\"} n={\"a\"\"b\"} )" },
	{ "l = { 1, true }", "( l={bare \"1\"bare \"true\"} )" },
	{ "s { }", "( )s( )" },
	{ "s \"t\" { a = 1 b = 2 }", "( )s[t]( a=1 b=2 )" },
	{ "s \"\" { }", "( )s[]( )" },
	{ "a = 1 s \"t\" { b = 2 } c = 3", "( a=1 c=3 )s[t]( b=2 )" },
	{ "s \"1\" {} s \"1\" {}", "( )s[1]( )s[1]( )" },
	{ "a = \"q\\\"b\\\\\"", "( a=\"q\"b\\\" )" },
	{ "include_x = 1", "( include_x=1 )" },
};

START_TEST(grammar_is_read)
{
	parse(good[_i].text);
	ck_assert_str_eq(show_errors(), "");
	ck_assert_str_eq(show(), good[_i].shown);
}
END_TEST

static const struct {
	const char *text, *error, *shown;
} bad[] = {
	{ "a =", "a.conf:1: a = has no value", "( a=? )" },
	{ "a = \nb = 2", "a.conf:2: here must stand", "( a=b )" },
	{ "a = } b = 1", "a.conf:1: a = has no value: here is }.",
	    "( a=? b=1 )" },
	{ "a\nb = 1", "a.conf:1: here must stand NAME = VALUE", "( b=1 )" },
	{ "x y z\nb = 1", "a.conf:1: here must stand", "( b=1 )" },
	{ "\"x\" = 1 b = 1", "a.conf:1: here must stand", "( b=1 )" },
	{ "= 1\nb = 1", "a.conf:1: here must stand", "( b=1 )" },
	{ "5x = 1 b = 1", "a.conf:1: here must stand", "( b=1 )" },
	{ "a-b = 1 c = 1", "a.conf:1: here must stand", "( c=1 )" },
	{ "l = { \"a\" \"b\" } c = 1", "a.conf:1: a list has \",\"",
	    "( l=? c=1 )" },
	{ "l = { \"a\",\nc = 1", "a.conf:2: a list has \",\"", "( l=? )" },
	{ "l = { { \"a\" } } c = 1", "a.conf:1: the list that begins in line 1",
	    "( l=? c=1 )" },
	{ "l = { , } c = 1", "a.conf:1: the list", "( l=? c=1 )" },
	{ "l = {\n\"a\"", "a.conf:2: a list has \",\"", "( l=? )" },
	{ "}\nb = 1", "a.conf:1: this \"}\" closes nothing", "( b=1 )" },
	{ "s {\nb = 1", "a.conf:1: section s is not closed", "( )s( b=1 )" },
	{ "s {\nt { a = 1 }\n}",
	    "a.conf:2: t stands in section s, which is not closed",
	    "( )s( )t( a=1 )" },
	{ "s \"t\"\nb = 1", "a.conf:1: here must stand", "( b=1 )" },
	{ "s \"t { }\nb = 1", "a.conf:1: a text has no closing quote",
	    "( b=1 )" },
	{ "a = \x80 1", "a.conf:1: only texts in quotes", "( a=1 )" },
	{ "include", "a.conf:1: include needs the name", "( )" },
	{ "include x = 1", "a.conf:1: include needs the name", "( x=1 )" },
	{ "include \"\" b = 1", "a.conf:1: include \"\": the name", "( b=1 )" },
	{ "include \"none\"\nb = 1",
	    "a.conf:1: include \"none\": cannot be read: gone.", "( b=1 )" },
	{ "s { include \"x\" } b = 1",
	    "a.conf:1: include \"x\": it must stand outside", "( b=1 )s( )" },
	{ "include \"a.conf\" b = 1",
	    "a.conf:1: include \"a.conf\": a file can be included once",
	    "( b=1 )" },
};

START_TEST(error_is_told_and_the_rest_is_read)
{
	parse(bad[_i].text);
	ck_assert_msg(
	    strncmp(show_errors(), bad[_i].error, strlen(bad[_i].error)) == 0,
	    "%s", show_errors());
	ck_assert_str_eq(show(), bad[_i].shown);
}
END_TEST

START_TEST(each_value_knows_its_line)
{
	const struct conf_node *s;

	parse("a = 1\n\ns \"t\" {\n l = {\n\"x\",\n\"y\" }\n}\n");
	ck_assert_uint_eq(tree.first->first->spot.line, 1);
	s = tree.first->next;
	ck_assert_uint_eq(s->spot.line, 3);
	ck_assert_uint_eq(s->first->spot.line, 4);
	ck_assert_uint_eq(s->first->value.first->spot.line, 5);
	ck_assert_uint_eq(s->first->value.first->next->spot.line, 6);
	ck_assert_str_eq(s->spot.file_name, "a.conf");
}
END_TEST

START_TEST(included_file_stands_in_place)
{
	files[2] = "sub/b.conf";
	files[3] = "b = 2\ninclude \"c.conf\"\ns { }";
	files[4] = "sub/c.conf";
	files[5] = "c = 3";
	parse("a = 1 include \"sub/b.conf\" d = 4");
	ck_assert_str_eq(show_errors(), "");
	ck_assert_str_eq(show(), "( a=1 b=2 c=3 d=4 )s( )");
	ck_assert_uint_eq(tree.n_files, 3);
	ck_assert_str_eq(tree.files[2], "sub/c.conf");
	ck_assert(!tree.is_partial);
}
END_TEST

START_TEST(absolute_name_stays)
{
	files[0] = "a.conf";
	files[1] = "include \"sub/b.conf\"";
	files[2] = "sub/b.conf";
	files[3] = "include \"/etc/c.conf\"";
	files[4] = "/etc/c.conf";
	files[5] = "c = 3";
	parse_files();
	ck_assert_str_eq(show_errors(), "");
	ck_assert_str_eq(show(), "( c=3 )");
}
END_TEST

START_TEST(error_in_an_included_file_names_it)
{
	files[2] = "b.conf";
	files[3] = "\ns {";
	parse("include \"b.conf\"\na = 1 }");
	ck_assert_str_eq(show_errors(),
	    "a.conf:2: this \"}\" closes nothing.\n"
	    "b.conf:2: section s is not closed by \"}\".\n");
	ck_assert_str_eq(show(), "( a=1 )s( )");
}
END_TEST

START_TEST(missing_main_file_is_one_error)
{
	parse_files();
	ck_assert_str_eq(show_errors(), "a.conf: cannot be read: gone.\n");
	ck_assert(tree.is_partial);
	ck_assert_str_eq(show(), "( )");
}
END_TEST

/* A chain of files that are made as they are asked for: "0.conf" includes
 * "1.conf" and so on. */
static enum err
get_chain(void *arg, struct str name, struct str *text)
{
	unsigned *n = arg;
	char *bytes = conf_alloc(&arena, 64);

	ck_assert_uint_gt(name.len, 0);
	(void)snprintf(bytes, 64, "include \"%u.conf\" x%u = 1", *n + 1, *n);
	(*n)++;
	*text = str_from_c(bytes);
	return ERR_OK;
}

START_TEST(depth_of_includes_is_bounded)
{
	unsigned n = 0;
	struct conf_source source = { get_chain, &n };

	conf_tree_parse(&tree, &source, STR("0.conf"), &arena, &errors);
	ck_assert_uint_eq(tree.n_files, CONF_INCLUDE_DEPTH_MAX);
	ck_assert_str_eq(show_errors(),
	    "7.conf:1: include \"8.conf\": files include each other more "
	    "than 8 deep.\n");
	ck_assert(tree.is_partial);
}
END_TEST

/* One file that includes 300 others. */
static enum err
get_wide(void *arg, struct str name, struct str *text)
{
	(void)arg;
	*text = STR("");
	if (str_eq(name, STR("main")))
		*text = str_from_c(shown);
	return ERR_OK;
}

START_TEST(number_of_files_is_bounded)
{
	struct conf_source source = { get_wide, NULL };

	out = (struct outbuf){ shown, 0, sizeof(shown) };
	for (unsigned i = 1; i <= CONF_FILES_MAX; i++)
		ck_assert_int_eq(
		    outbuf_printf(&out, "include\"%u\"", i), ERR_OK);
	shown[out.len] = '\0';
	conf_tree_parse(&tree, &source, STR("main"), &arena, &errors);
	ck_assert_uint_eq(tree.n_files, CONF_FILES_MAX);
	ck_assert_str_eq(show_errors(),
	    "main:1: include \"256\": there are more than 256 files.\n");
}
END_TEST

START_TEST(long_name_of_a_file_is_refused)
{
	char text[CONF_FILE_NAME_MAX_BYTES + 32];

	(void)snprintf(text, sizeof(text), "include \"%0*d\"",
	    CONF_FILE_NAME_MAX_BYTES + 1, 0);
	parse(text);
	ck_assert_uint_eq(errors.n, 1);
	ck_assert_ptr_nonnull(
	    strstr(show_errors(), "the name of a file has 1 to 512 bytes"));
}
END_TEST

START_TEST(copies_end_in_nul)
{
	struct str s = conf_dup(&arena, (struct str){ "abc", 2 });

	ck_assert_str_eq(s.ptr, "ab");
	ck_assert_str_eq(conf_dup(&arena, STR("")).ptr, "");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tree");
	TCase *tc = tcase_create("tree");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, enter, leave);
	tcase_add_loop_test(tc, grammar_is_read, 0, (int)COUNT_OF(good));
	tcase_add_loop_test(
	    tc, error_is_told_and_the_rest_is_read, 0, (int)COUNT_OF(bad));
	tcase_add_test(tc, each_value_knows_its_line);
	tcase_add_test(tc, included_file_stands_in_place);
	tcase_add_test(tc, absolute_name_stays);
	tcase_add_test(tc, error_in_an_included_file_names_it);
	tcase_add_test(tc, missing_main_file_is_one_error);
	tcase_add_test(tc, depth_of_includes_is_bounded);
	tcase_add_test(tc, number_of_files_is_bounded);
	tcase_add_test(tc, long_name_of_a_file_is_refused);
	tcase_add_test(tc, copies_end_in_nul);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
