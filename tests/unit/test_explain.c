/* SPDX-License-Identifier: BSD-2-Clause */
/* test_explain: explanations, the sample file, the manual page. */
#include "util/conf/explain.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "tests/lib/conftext.h"
#include "tests/lib/golden.h"

static struct conf *conf;
static char text[CONF_TEXT_MAX_BYTES + 1];
static struct outbuf out;

static void
enter(void)
{
	conf = NULL;
	out = (struct outbuf){ text, 0, CONF_TEXT_MAX_BYTES };
}

static void
leave(void)
{
	conf_free(&conf);
}

static const char *
explain(const char *name, enum err want)
{
	out.len = 0;
	ck_assert_int_eq(conf_explain(conf, str_from_c(name), &out), want);
	text[out.len] = '\0';
	return text;
}

START_TEST(parameter_is_explained_with_its_places)
{
	ck_assert_str_eq(
	    conftext_new(&conf,
	        CONFTEXT_HEAD "site \"*\" { connections = 50 }\n"
	                      "provider \"google\" { mx = { \"x\" }\n"
	                      " connections = 60 }\n"),
	    "");
	ck_assert_str_eq(explain("connections", ERR_OK),
	    "connections   a whole number from 1 to 100000, default: none   "
	    "section: provider\n"
	    "  Most connections open at once.\n"
	    "  here: 60, set in provider \"google\", a.conf:6\n"
	    "connections   a whole number from 1 to 100000, default 32   "
	    "section: site\n"
	    "  Most connections open at once.\n"
	    "  here: 50, set in site \"*\", a.conf:4\n");
	ck_assert_str_eq(explain("node", ERR_OK),
	    "node   a name of letters, digits, \"-\" and \".\", must be given"
	    "   outside of sections\n"
	    "  Name of this relay: in greetings, EHLO, Received fields, "
	    "events.\n"
	    "  here: \"mx1\", set a.conf:1\n");
}
END_TEST

START_TEST(without_configuration_there_are_no_places)
{
	ck_assert_str_eq(explain("segment_age", ERR_OK),
	    "segment_age   a duration from \"1s\" to \"1h\", default 60s   "
	    "section: spool\n"
	    "  A segment file is sealed at this age.\n");
}
END_TEST

START_TEST(places_are_bounded)
{
	static char many[8192] = CONFTEXT_HEAD;
	struct outbuf o = { many, strlen(many), sizeof(many) - 1 };
	const char *shown;

	for (int i = 0; i < 22; i++)
		ck_assert_int_eq(
		    outbuf_printf(&o, "site \"%d\" { connections = 5 }\n", i),
		    ERR_OK);
	ck_assert_str_eq(conftext_new(&conf, many), "");
	shown = explain("connections", ERR_OK);
	ck_assert_ptr_nonnull(strstr(shown, "in site \"19\""));
	ck_assert_ptr_null(strstr(shown, "in site \"20\""));
	ck_assert_ptr_nonnull(strstr(shown, "  and in 2 more places\n"));
}
END_TEST

START_TEST(unknown_parameter_is_guessed)
{
	ck_assert_str_eq(explain("conections", ERR_NOTFOUND),
	    "conections: no such parameter; did you mean connections?\n");
	ck_assert_str_eq(
	    explain("carrots", ERR_NOTFOUND), "carrots: no such parameter\n");
}
END_TEST

/* The largest text that does not fit, and the first that does. */
static void assert_room(enum err (*make)(struct outbuf *))
{
	size_t len;

	out = (struct outbuf){ text, 0, CONF_TEXT_MAX_BYTES };
	ck_assert_int_eq(make(&out), ERR_OK);
	len = out.len;
	for (size_t room = 0; room < len; room += len / 7) {
		out = (struct outbuf){ text, 0, room };
		ck_assert_int_eq(make(&out), ERR_FULL);
	}
}

START_TEST(short_room_is_told)
{
	assert_room(conf_sample);
	assert_room(conf_mdoc);
	out = (struct outbuf){ text, 0, 20 };
	ck_assert_int_eq(
	    conf_explain(NULL, STR("connections"), &out), ERR_FULL);
	ck_assert_int_eq(
	    conf_explain(NULL, STR("carrots and peas"), &out), ERR_FULL);
}
END_TEST

START_TEST(sample_file_is_the_one_in_the_tree)
{
	ck_assert_int_eq(conf_sample(&out), ERR_OK);
	golden_check("etc/holdfast.conf", outbuf_str(&out));
}
END_TEST

START_TEST(sample_file_is_a_configuration)
{
	ck_assert_int_eq(conf_sample(&out), ERR_OK);
	text[out.len] = '\0';
	ck_assert_str_eq(conftext_new(&conf, text), "");
	ck_assert_uint_eq(conf->n_listener, 1);
	ck_assert_uint_eq(conf->n_route, 1);
	ck_assert_uint_eq(conf->n_provider, 0);
}
END_TEST

/* "#name = value" and "#section {", but not "# comment". */
static void
uncomment(char *s)
{
	char *to = s;

	for (; *s != '\0'; s++)
		if (*s != '#' || s[1] == ' ')
			*to++ = *s;
	*to = '\0';
}

START_TEST(sample_file_without_its_comment_signs_is_one_as_well)
{
	ck_assert_int_eq(conf_sample(&out), ERR_OK);
	text[out.len] = '\0';
	uncomment(text);
	ck_assert_str_eq(conftext_new(&conf, text), "");
	ck_assert_uint_eq(conf->n_provider, 1);
	ck_assert_uint_gt(conf->memory.place[CONF_memory_queue_memory].line, 0);
}
END_TEST

/* The page holds the generated part between two marks. */
START_TEST(manual_page_has_all_parameters)
{
	static char page[GOLDEN_MAX_BYTES], want[GOLDEN_MAX_BYTES];
	struct outbuf all = { want, 0, sizeof(want) };
	struct str begin = STR(".\\\" begin of what is made of params.def\n");
	struct str end = STR(".\\\" end of it\n");
	const char *from, *to;

	golden_read("man/holdfast.conf.5", page);
	from = strstr(page, begin.ptr);
	to = strstr(page, end.ptr);
	ck_assert(from != NULL && to != NULL && from < to);
	from += begin.len;
	outbuf_put(&all, (struct str){ page, (size_t)(from - page) });
	ck_assert_int_eq(conf_mdoc(&all), ERR_OK);
	ck_assert_int_eq(outbuf_add(&all, str_from_c(to)), ERR_OK);
	golden_check("man/holdfast.conf.5", outbuf_str(&all));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("explain");
	TCase *tc = tcase_create("explain");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, enter, leave);
	tcase_add_test(tc, parameter_is_explained_with_its_places);
	tcase_add_test(tc, without_configuration_there_are_no_places);
	tcase_add_test(tc, places_are_bounded);
	tcase_add_test(tc, unknown_parameter_is_guessed);
	tcase_add_test(tc, short_room_is_told);
	tcase_add_test(tc, sample_file_is_the_one_in_the_tree);
	tcase_add_test(tc, sample_file_is_a_configuration);
	tcase_add_test(
	    tc, sample_file_without_its_comment_signs_is_one_as_well);
	tcase_add_test(tc, manual_page_has_all_parameters);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
