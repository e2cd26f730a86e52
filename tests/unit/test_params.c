/* SPDX-License-Identifier: BSD-2-Clause */
/* test_params: the table is well formed and says what it means. */
#include "util/conf/params.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "util/base/array.h"
#include "util/conf/conf.h"
#include "util/text/ascii.h"

static const struct conf_param *
find(const char *section, const char *name)
{
	const struct conf_section *s = conf_section_find(str_from_c(section));

	ck_assert_ptr_nonnull(s);
	return conf_param_find(s, str_from_c(name));
}

static const char *
range(const struct conf_param *param)
{
	static char text[256];
	struct outbuf out = { text, 0, sizeof(text) - 1 };

	ck_assert_int_eq(conf_param_put_range(param, &out), ERR_OK);
	text[out.len] = '\0';
	return text;
}

START_TEST(sections_and_parameters_are_found)
{
	ck_assert_str_eq(find("site", "connections")->dflt, "32");
	ck_assert_ptr_null(find("site", "connection"));
	ck_assert_ptr_null(find("site", ""));
	ck_assert_ptr_null(conf_section_find(STR("sit")));
	ck_assert_ptr_eq(
	    &conf_section_find(STR("site"))->params[CONF_site_connections],
	    find("site", "connections"));
}
END_TEST

START_TEST(offsets_lead_to_the_fields)
{
	ck_assert_uint_eq(find("queue", "expire")->offset,
	    offsetof(struct conf_queue, expire_ms));
	ck_assert_uint_eq(find("listener", "bare_line_ends")->offset,
	    offsetof(struct conf_listener, bare_line_ends));
	ck_assert_uint_eq(conf_section_find(STR("queue"))->conf_offset,
	    offsetof(struct conf, queue));
	ck_assert_uint_eq(conf_section_find(STR("queue"))->conf_n_offset,
	    offsetof(struct conf, n_queue));
}
END_TEST

static const struct {
	const char *section, *name, *range;
} ranges[] = {
	{ "site", "connections", "a whole number from 1 to 100000" },
	{ "site", "message_rate", "a rate, its count from 1 to 1000000" },
	{ "queue", "expire", "a duration from \"0s\" to \"365d\"" },
	{ "spool", "segment_size", "a size from \"1M\" to \"1G\"" },
	{ "listener", "bare_line_ends", "one of \"reject\", \"normalise\"" },
	{ "listener", "relay_from", "a list of networks" },
};

START_TEST(range_is_told)
{
	ck_assert_str_eq(
	    range(find(ranges[_i].section, ranges[_i].name)), ranges[_i].range);
}
END_TEST

START_TEST(lines_are_written_as_their_type_wants)
{
	char text[64];
	struct outbuf out = { text, 0, sizeof(text) };
	enum err err;

	err = conf_param_put_line(find("site", "connections"), "5", &out);
	ck_assert_int_eq(err, ERR_OK);
	err = conf_param_put_line(find("queue", "expire"), "5d", &out);
	ck_assert_int_eq(err, ERR_OK);
	err = conf_param_put_line(find("route", "relay"), "x:1", &out);
	ck_assert_int_eq(err, ERR_OK);
	ck_assert(str_eq(outbuf_str(&out),
	    STR("connections = 5expire = \"5d\"relay = { \"x:1\" }")));
	out.cap = out.len;
	ck_assert_int_eq(
	    conf_param_put_range(find("route", "relay"), &out), ERR_FULL);
	ck_assert_int_eq(
	    conf_param_put_line(find("route", "relay"), "x", &out), ERR_FULL);
}
END_TEST

START_TEST(words_of_a_choice_are_in_its_order)
{
	const struct conf_param *p = find("main", "log_level");

	for (unsigned i = 0; i <= LOG_LEVEL_DEBUG; i++)
		ck_assert(str_eq(conf_choice_word(p, i),
		    str_from_c(log_level_text((enum log_level)i))));
	ck_assert_uint_eq(conf_choice_word(p, LOG_LEVEL_DEBUG + 1).len, 0);
	ck_assert_uint_eq(conf_choice_word(p, 1000).len, 0);
}
END_TEST

static void
assert_name(const char *name)
{
	for (; *name != '\0'; name++)
		ck_assert(*name == '_' ||
		    (ascii_is_alnum(*name) && ascii_lower(*name) == *name));
}

/* Printable lines that fit into 80 columns behind an indent. */
static void
assert_doc(const char *doc)
{
	struct str rest = str_from_c(doc);
	size_t len = rest.len;

	ck_assert_uint_gt(len, 0);
	ck_assert(doc[len - 1] == '.' || strchr(doc, ':') != NULL);
	while (rest.len > 0)
		ck_assert_uint_le(str_take_field(&rest, '\n').len, 70);
}

START_TEST(rows_are_well_formed)
{
	const struct conf_section *sections;
	const struct conf_param *p;
	size_t n;

	sections = conf_sections(&n);
	ck_assert_str_eq(sections[0].name, "main");
	for (size_t i = 0; i < n; i++) {
		assert_name(sections[i].name);
		assert_doc(sections[i].doc);
		ck_assert_int_eq(
		    sections[i].is_many, sections[i].title[0] != '\0');
		for (size_t k = 0; k < sections[i].n; k++) {
			p = &sections[i].params[k];
			assert_name(p->name);
			assert_doc(p->doc);
			ck_assert_uint_gt(strlen(p->example), 0);
			ck_assert_uint_le(p->offset + conf_type_bytes(p->type),
			    sections[i].bytes);
			ck_assert_ptr_eq(p,
			    conf_param_find(&sections[i], str_from_c(p->name)));
			/* A list has no default other than none. */
			ck_assert(!conf_type_is_list(p->type) ||
			    p->dflt == NULL || p->dflt[0] == '\0');
		}
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("params");
	TCase *tc = tcase_create("params");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_test(tc, sections_and_parameters_are_found);
	tcase_add_test(tc, offsets_lead_to_the_fields);
	tcase_add_loop_test(tc, range_is_told, 0, (int)COUNT_OF(ranges));
	tcase_add_test(tc, lines_are_written_as_their_type_wants);
	tcase_add_test(tc, words_of_a_choice_are_in_its_order);
	tcase_add_test(tc, rows_are_well_formed);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
