/* SPDX-License-Identifier: BSD-2-Clause */
/* test_value: each type, its borders, and what is wrong with a value. */
#include "util/conf/value.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <check.h>

#include "util/base/array.h"
#include "util/conf/conf.h"

static struct arena arena;
static struct conf_fault fault;

static void
enter(void)
{
	arena_init(&arena, 1 << 20);
}

static void
leave(void)
{
	arena_fini(&arena);
}

static const struct conf_param *
find(const char *section, const char *name)
{
	return conf_param_find(
	    conf_section_find(str_from_c(section)), str_from_c(name));
}

/* A word, a text, or with n > 0 a list of n texts. */
static struct conf_value
make(enum conf_value_kind kind, const char *const *texts, size_t n)
{
	static struct conf_value items[8];
	struct conf_value v = { .kind = kind, .text = STR("") };

	ck_assert_uint_le(n, COUNT_OF(items));
	if (kind != CONF_VALUE_LIST)
		v.text = str_from_c(texts[0]);
	for (size_t i = 0; kind == CONF_VALUE_LIST && i < n; i++) {
		items[i] = (struct conf_value){ .kind = CONF_VALUE_TEXT,
			.text = str_from_c(texts[i]) };
		items[i].next = i + 1 < n ? &items[i + 1] : NULL;
		v.first = &items[0];
	}
	return v;
}

static enum err
set(void *field, const char *section, const char *name, const char *text)
{
	const struct conf_param *param = find(section, name);
	struct conf_value v = make(
	    conf_type_is_word(param->type) ? CONF_VALUE_WORD : CONF_VALUE_TEXT,
	    &text, 1);

	return conf_value_set(field, param, &v, &arena, &fault);
}

static enum err
set_list(void *field, const char *section, const char *name,
    const char *const *texts, size_t n)
{
	struct conf_value v = make(CONF_VALUE_LIST, texts, n);

	return conf_value_set(field, find(section, name), &v, &arena, &fault);
}

START_TEST(number_has_both_borders)
{
	uint32_t n = 7;

	ck_assert_int_eq(set(&n, "site", "connections", "1"), ERR_OK);
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(set(&n, "site", "connections", "100000"), ERR_OK);
	ck_assert_uint_eq(n, 100000);
	ck_assert_int_eq(set(&n, "site", "connections", "0"), ERR_RANGE);
	ck_assert_int_eq(set(&n, "site", "connections", "100001"), ERR_RANGE);
	ck_assert_int_eq(
	    set(&n, "site", "connections", "4294967297"), ERR_RANGE);
	ck_assert_str_eq(fault.what, "is out of range");
	ck_assert_uint_eq(n, 100000);
}
END_TEST

static const char *const no_numbers[] = { "true", "-1", "1.5", "0x10", "60s",
	"many" };

START_TEST(what_is_no_number_is_refused)
{
	uint32_t n;

	ck_assert_int_eq(
	    set(&n, "site", "connections", no_numbers[_i]), ERR_SYNTAX);
	ck_assert_str_eq(fault.what, "is not a number");
	ck_assert(str_eq(fault.text, str_from_c(no_numbers[_i])));
}
END_TEST

START_TEST(quotes_belong_to_texts_alone)
{
	static const char *const text[] = { "60" };
	struct conf_value v = make(CONF_VALUE_TEXT, text, 1);
	uint64_t field;

	ck_assert_int_eq(conf_value_set(&field, find("site", "connections"), &v,
	                     &arena, &fault),
	    ERR_SYNTAX);
	ck_assert_str_eq(fault.what, "is not a number");
	v.kind = CONF_VALUE_WORD;
	ck_assert_int_eq(
	    conf_value_set(&field, find("queue", "expire"), &v, &arena, &fault),
	    ERR_SYNTAX);
	ck_assert_str_eq(fault.what, "must stand in quotes");
}
END_TEST

START_TEST(duration_is_ms)
{
	int64_t ms = 0;

	ck_assert_int_eq(set(&ms, "queue", "retry_first", "100ms"), ERR_OK);
	ck_assert_int_eq(ms, 100);
	ck_assert_int_eq(set(&ms, "queue", "retry_first", "7d"), ERR_OK);
	ck_assert_int_eq(ms, INT64_C(7) * 86400 * 1000);
	ck_assert_int_eq(set(&ms, "queue", "retry_first", "99ms"), ERR_RANGE);
	ck_assert_int_eq(set(&ms, "queue", "retry_first", "169h"), ERR_RANGE);
	ck_assert_int_eq(set(&ms, "queue", "retry_first", "5"), ERR_SYNTAX);
	ck_assert_str_eq(fault.what, "is not a duration");
}
END_TEST

START_TEST(size_is_bytes)
{
	uint64_t n = 0;

	ck_assert_int_eq(set(&n, "listener", "max_line", "1000"), ERR_OK);
	ck_assert_uint_eq(n, 1000);
	ck_assert_int_eq(set(&n, "listener", "max_line", "1M"), ERR_OK);
	ck_assert_uint_eq(n, 1 << 20);
	ck_assert_int_eq(set(&n, "listener", "max_line", "999"), ERR_RANGE);
	ck_assert_int_eq(set(&n, "listener", "max_line", "1025K"), ERR_RANGE);
	ck_assert_int_eq(set(&n, "listener", "max_line", "1 M"), ERR_SYNTAX);
	ck_assert_str_eq(fault.what, "is not a size");
}
END_TEST

START_TEST(rate_is_count_and_period)
{
	struct rate rate = { 0, 0 };

	ck_assert_int_eq(set(&rate, "site", "message_rate", "500/s"), ERR_OK);
	ck_assert_uint_eq(rate.count, 500);
	ck_assert_int_eq(rate.period_ms, 1000);
	ck_assert_int_eq(set(&rate, "site", "message_rate", "3/10m"), ERR_OK);
	ck_assert_int_eq(rate.period_ms, 600000);
	ck_assert_int_eq(set(&rate, "site", "message_rate", "0/s"), ERR_RANGE);
	ck_assert_int_eq(
	    set(&rate, "site", "message_rate", "1000001/s"), ERR_RANGE);
	ck_assert_int_eq(set(&rate, "site", "message_rate", "5"), ERR_SYNTAX);
	ck_assert_str_eq(fault.what, "is not a rate");
}
END_TEST

START_TEST(mode_is_octal)
{
	uint32_t mode = 0;

	ck_assert_int_eq(set(&mode, "listener", "socket_mode", "0660"), ERR_OK);
	ck_assert_uint_eq(mode, 0660);
	ck_assert_int_eq(set(&mode, "listener", "socket_mode", "777"), ERR_OK);
	ck_assert_uint_eq(mode, 0777);
	ck_assert_int_eq(
	    set(&mode, "listener", "socket_mode", "1777"), ERR_RANGE);
	ck_assert_int_eq(
	    set(&mode, "listener", "socket_mode", "068"), ERR_SYNTAX);
	ck_assert_int_eq(
	    set(&mode, "listener", "socket_mode", "66"), ERR_SYNTAX);
	ck_assert_int_eq(
	    set(&mode, "listener", "socket_mode", "00660"), ERR_SYNTAX);
}
END_TEST

START_TEST(choice_is_one_of_its_words)
{
	enum conf_bare bare = CONF_BARE_REJECT;

	ck_assert_int_eq(
	    set(&bare, "listener", "bare_line_ends", "normalise"), ERR_OK);
	ck_assert_int_eq(bare, CONF_BARE_NORMALISE);
	ck_assert_int_eq(
	    set(&bare, "listener", "bare_line_ends", "reject"), ERR_OK);
	ck_assert_int_eq(bare, CONF_BARE_REJECT);
	ck_assert_int_eq(
	    set(&bare, "listener", "bare_line_ends", "Reject"), ERR_SYNTAX);
	ck_assert_int_eq(
	    set(&bare, "listener", "bare_line_ends", ""), ERR_SYNTAX);
	ck_assert_int_eq(
	    set(&bare, "listener", "bare_line_ends", "reject normalise"),
	    ERR_SYNTAX);
}
END_TEST

static const struct {
	const char *section, *name, *text;
	enum err err;
} texts[] = {
	{ "main", "node", "mx1", ERR_OK },
	{ "main", "node", "mx1.example.org", ERR_OK },
	{ "main", "node", "mx_1", ERR_OK },
	{ "main", "node", "", ERR_SYNTAX },
	{ "main", "node", "mx 1", ERR_SYNTAX },
	{ "main", "node", "-mx", ERR_SYNTAX },
	{ "main", "node", "mx.", ERR_SYNTAX },
	{ "main", "node", "m\xc3\xa4x", ERR_SYNTAX },
	{ "main", "state_dir", "/x", ERR_OK },
	{ "main", "state_dir", "/", ERR_SYNTAX },
	{ "main", "state_dir", "x", ERR_SYNTAX },
	{ "main", "state_dir", "", ERR_SYNTAX },
	{ "listener", "tenant_header", "X-Tenant", ERR_OK },
	{ "listener", "tenant_header", "X-Tenant:", ERR_SYNTAX },
	{ "listener", "tenant_header", "X Tenant", ERR_SYNTAX },
	{ "listener", "tenant_header", "", ERR_SYNTAX },
};

START_TEST(texts_are_of_their_form)
{
	struct str s = STR("");

	ck_assert_int_eq(
	    set(&s, texts[_i].section, texts[_i].name, texts[_i].text),
	    texts[_i].err);
	if (texts[_i].err == ERR_OK)
		ck_assert_str_eq(s.ptr, texts[_i].text);
}
END_TEST

START_TEST(lists_keep_their_order)
{
	static const char *const relays[] = { "192.0.2.2:25", "192.0.2.1:25",
		"unix:/x" };
	struct conf_strs strs = { NULL, 0 };

	ck_assert_int_eq(set_list(&strs, "route", "relay", relays, 3), ERR_OK);
	ck_assert_uint_eq(strs.n, 3);
	for (int i = 0; i < 3; i++)
		ck_assert_str_eq(strs.items[i].ptr, relays[i]);
}
END_TEST

START_TEST(bad_item_is_named)
{
	static const char *const relays[] = { "192.0.2.2:25", "mx.test:25" };
	static const char *const nets[] = { "::/0", "10.0.0.1/8" };
	struct conf_strs strs = { NULL, 0 };

	ck_assert_int_eq(
	    set_list(&strs, "listener", "address", relays, 2), ERR_SYNTAX);
	ck_assert(str_eq(fault.text, STR("mx.test:25")));
	ck_assert_int_eq(
	    set_list(&strs, "listener", "relay_from", nets, 2), ERR_RANGE);
	ck_assert(str_eq(fault.text, STR("10.0.0.1/8")));
	ck_assert_uint_eq(strs.n, 0);
}
END_TEST

START_TEST(list_that_must_be_given_is_not_empty)
{
	struct conf_strs strs = { NULL, 7 };

	ck_assert_int_eq(
	    set_list(&strs, "listener", "address", NULL, 0), ERR_SYNTAX);
	ck_assert_str_eq(fault.what, "has nothing in it");
	ck_assert_int_eq(
	    set_list(&strs, "listener", "relay_to", NULL, 0), ERR_OK);
	ck_assert_uint_eq(strs.n, 0);
}
END_TEST

START_TEST(list_and_single_value_are_told_apart)
{
	static const char *const one[] = { "192.0.2.1:25" };
	struct conf_strs strs;
	int64_t ms;

	ck_assert_int_eq(set(&strs, "route", "relay", one[0]), ERR_SYNTAX);
	ck_assert_str_eq(fault.what, "is not a list in { }");
	ck_assert_int_eq(set_list(&ms, "queue", "expire", one, 1), ERR_SYNTAX);
	ck_assert_str_eq(fault.what, "is a list, but one value is wanted");
}
END_TEST

START_TEST(bare_word_in_a_list_is_refused)
{
	static const char *const word[] = { "x" };
	struct conf_value v = make(CONF_VALUE_LIST, word, 1);
	struct conf_strs strs;

	v.first->kind = CONF_VALUE_WORD;
	ck_assert_int_eq(conf_value_set(&strs, find("listener", "relay_to"), &v,
	                     &arena, &fault),
	    ERR_SYNTAX);
	ck_assert_str_eq(fault.what, "must stand in quotes");
	ck_assert(str_eq(fault.text, STR("x")));
}
END_TEST

static const struct {
	const char *text;
	bool is_domain;
} domains[] = {
	{ "example.org", true },
	{ "*.example.org", true },
	{ "*", true },
	{ "k\xc3\xa4se.test", true },
	{ "[192.0.2.1]", true },
	{ "", false },
	{ "*.", false },
	{ "*.*.org", false },
	{ "mx*.org", false },
	{ "mx?.org", false },
	{ ".org", false },
	{ "a b", false },
	{ "kim@example.org", false },
};

START_TEST(domains_are_told_from_others)
{
	ck_assert_int_eq(conf_is_domain_pattern(str_from_c(domains[_i].text)),
	    domains[_i].is_domain);
}
END_TEST

START_TEST(long_domain_is_none)
{
	char text[256];

	memset(text, 'x', sizeof(text));
	ck_assert(conf_is_domain_pattern((struct str){ text, 255 }));
	ck_assert(!conf_is_domain_pattern((struct str){ text, 256 }));
}
END_TEST

START_TEST(domains_are_small_and_sorted)
{
	static const char *const list[] = { "Example.ORG", "*.A.test", "*" };
	struct conf_strs strs;

	ck_assert_int_eq(
	    set_list(&strs, "listener", "relay_to", list, 3), ERR_OK);
	ck_assert_str_eq(strs.items[0].ptr, "*");
	ck_assert_str_eq(strs.items[1].ptr, ".a.test");
	ck_assert_str_eq(strs.items[2].ptr, "example.org");
}
END_TEST

/* Every default and example of the table is a value of its type. */
START_TEST(defaults_and_examples_are_values)
{
	const struct conf_section *sections;
	const struct conf_param *p;
	union {
		max_align_t align;
		char bytes[64];
	} field;
	size_t n;

	sections = conf_sections(&n);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < sections[i].n; k++) {
			p = &sections[i].params[k];
			if (p->dflt != NULL)
				conf_value_set_default(&field, p, &arena);
			if (conf_type_is_list(p->type))
				ck_assert_int_eq(
				    set_list(&field, sections[i].name, p->name,
				        &p->example, 1),
				    ERR_OK);
			else
				ck_assert_int_eq(set(&field, sections[i].name,
				                     p->name, p->example),
				    ERR_OK);
		}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("value");
	TCase *tc = tcase_create("value");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, enter, leave);
	tcase_add_test(tc, number_has_both_borders);
	tcase_add_loop_test(
	    tc, what_is_no_number_is_refused, 0, (int)COUNT_OF(no_numbers));
	tcase_add_test(tc, quotes_belong_to_texts_alone);
	tcase_add_test(tc, duration_is_ms);
	tcase_add_test(tc, size_is_bytes);
	tcase_add_test(tc, rate_is_count_and_period);
	tcase_add_test(tc, mode_is_octal);
	tcase_add_test(tc, choice_is_one_of_its_words);
	tcase_add_loop_test(
	    tc, texts_are_of_their_form, 0, (int)COUNT_OF(texts));
	tcase_add_test(tc, lists_keep_their_order);
	tcase_add_test(tc, bad_item_is_named);
	tcase_add_test(tc, list_that_must_be_given_is_not_empty);
	tcase_add_test(tc, list_and_single_value_are_told_apart);
	tcase_add_test(tc, bare_word_in_a_list_is_refused);
	tcase_add_loop_test(
	    tc, domains_are_told_from_others, 0, (int)COUNT_OF(domains));
	tcase_add_test(tc, long_domain_is_none);
	tcase_add_test(tc, domains_are_small_and_sorted);
	tcase_add_test(tc, defaults_and_examples_are_values);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
