/* SPDX-License-Identifier: BSD-2-Clause */
/* test_show: fields as people read them. */
#include "util/conf/show.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "util/base/arena.h"
#include "util/base/array.h"
#include "util/conf/value.h"
#include "util/text/num.h"

static const struct {
	const char *section, *name;
	const char *texts[3]; /* more than one: a list */
	const char *shown;
} values[] = {
	{ "main", "node", { "mx1" }, "\"mx1\"" },
	{ "main", "state_dir", { "/x" }, "\"/x\"" },
	{ "main", "log_level", { "debug" }, "\"debug\"" },
	{ "site", "connections", { "60" }, "60" },
	{ "listener", "socket_mode", { "660" }, "\"0660\"" },
	{ "queue", "expire", { "5d" }, "5d" },
	{ "queue", "expire", { "48h" }, "2d" },
	{ "queue", "expire", { "90m" }, "90m" },
	{ "queue", "expire", { "120s" }, "2m" },
	{ "queue", "expire", { "1500ms" }, "1500ms" },
	{ "queue", "expire", { "0s" }, "0s" },
	{ "spool", "segment_size", { "65536K" }, "64M" },
	{ "spool", "blind_max", { "0" }, "0" },
	{ "listener", "max_line", { "1000" }, "1000" },
	{ "site", "message_rate", { "500/s" }, "500/s" },
	{ "site", "message_rate", { "3/10m" }, "3/10m" },
	{ "site", "message_rate", { "9/60s" }, "9/m" },
	{ "route", "relay", { "[::1]:25", "unix:/x" },
	    "{ \"[::1]:25\", \"unix:/x\" }" },
	{ "provider", "mx", { "*.x", "y" }, "{ \"*.x\", \"y\" }" },
	{ "listener", "relay_to", { "*.b.test", "A.test" },
	    "{ \"*.b.test\", \"a.test\" }" },
	{ "listener", "relay_from", { "10.0.0.0/8", "::1" },
	    "{ \"10.0.0.0/8\", \"::1/128\" }" },
};

/* Reads the texts of row i into field. */
static const struct conf_param *
read_row(int i, void *field, struct arena *arena)
{
	const struct conf_param *p =
	    conf_param_find(conf_section_find(str_from_c(values[i].section)),
	        str_from_c(values[i].name));
	struct conf_value items[3] = { { .kind = CONF_VALUE_TEXT } };
	struct conf_value list = { .kind = CONF_VALUE_LIST, .first = items };
	struct conf_fault fault;
	enum err err;

	for (size_t k = 0; k < 3 && values[i].texts[k] != NULL; k++) {
		items[k].kind = CONF_VALUE_TEXT;
		items[k].text = str_from_c(values[i].texts[k]);
		items[k].next = NULL;
		if (k > 0)
			items[k - 1].next = &items[k];
	}
	if (conf_type_is_word(p->type))
		items[0].kind = CONF_VALUE_WORD;
	err = conf_value_set(field, p,
	    conf_type_is_list(p->type) ? &list : &items[0], arena, &fault);
	ck_assert_int_eq(err, ERR_OK);
	return p;
}

START_TEST(value_is_shown_in_its_largest_unit)
{
	char text[128];
	struct outbuf out = { text, 0, sizeof(text) - 1 };
	const struct conf_param *p;
	struct arena arena;
	union {
		max_align_t align;
		char bytes[64];
	} field;

	arena_init(&arena, 1 << 16);
	p = read_row(_i, &field, &arena);
	ck_assert_int_eq(conf_show(&field, p, &out), ERR_OK);
	text[out.len] = '\0';
	ck_assert_str_eq(text, values[_i].shown);
	for (size_t room = 0; room < strlen(values[_i].shown); room++) {
		out = (struct outbuf){ text, 0, room };
		ck_assert_int_eq(conf_show(&field, p, &out), ERR_FULL);
	}
	arena_fini(&arena);
}
END_TEST

START_TEST(no_rate_is_none)
{
	const struct conf_param *p = conf_param_find(
	    conf_section_find(STR("site")), STR("message_rate"));
	struct rate rate = { 0, 0 };
	char text[16];
	struct outbuf out = { text, 0, sizeof(text) };

	ck_assert_int_eq(conf_show(&rate, p, &out), ERR_OK);
	ck_assert(str_eq(outbuf_str(&out), STR("none")));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("show");
	TCase *tc = tcase_create("show");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_loop_test(
	    tc, value_is_shown_in_its_largest_unit, 0, (int)COUNT_OF(values));
	tcase_add_test(tc, no_rate_is_none);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
