/* SPDX-License-Identifier: BSD-2-Clause */
/* test_order: bounds and texts of orders. */
#include "util/mail/order.h"

#include <stdlib.h>

#include <check.h>

static char long_text[ORDER_TEXT_MAX_BYTES + 1];

static struct order
sound(void)
{
	return (struct order){
		.number = 1, .kind = ORDER_HOLD, .stage = ORDER_BEGUN
	};
}

static void
check_length(struct order *o, struct str *text, size_t max)
{
	*text = (struct str){ long_text, max };
	ck_assert(order_is_sound(o));
	text->len++;
	ck_assert(!order_is_sound(o));
	text->len = 0;
}

START_TEST(each_text_has_its_bound)
{
	struct order o = sound();

	check_length(&o, &o.match.queue, ORDER_TEXT_MAX_BYTES);
	check_length(&o, &o.match.tenant, ORDER_NAME_MAX_BYTES);
	check_length(&o, &o.match.campaign, ORDER_NAME_MAX_BYTES);
	check_length(&o, &o.match.domain, ORDER_NAME_MAX_BYTES);
	check_length(&o, &o.by, ORDER_BY_MAX_BYTES);
	check_length(&o, &o.why, ORDER_TEXT_MAX_BYTES);
	check_length(&o, &o.target, ORDER_TEXT_MAX_BYTES);
}
END_TEST

START_TEST(numbers_have_their_bounds)
{
	struct order o = sound();

	o.kind = ORDER_NONE;
	ck_assert(!order_is_sound(&o));
	o.kind = ORDER_RESUME;
	ck_assert(order_is_sound(&o));
	o.kind = ORDER_KIND_N;
	ck_assert(!order_is_sound(&o));
	o = sound();
	o.stage = 0;
	ck_assert(!order_is_sound(&o));
	o.stage = ORDER_OVER;
	ck_assert(order_is_sound(&o));
	o.stage = ORDER_STAGE_N;
	ck_assert(!order_is_sound(&o));
	o = sound();
	o.at_ms = -1;
	ck_assert(!order_is_sound(&o));
	o = sound();
	o.covers_ms = -1;
	ck_assert(!order_is_sound(&o));
	o = sound();
	o.until_ms = -1;
	ck_assert(!order_is_sound(&o));
}
END_TEST

static void
check_text(const struct order_match *match, const char *text)
{
	char bytes[ORDER_MATCH_TEXT_BYTES];
	struct outbuf out = { bytes, 0, sizeof(bytes) };

	order_match_put(&out, match);
	ck_assert_msg(str_eq(outbuf_str(&out), str_from_c(text)),
	    "\"%.*s\" is not \"%s\"", STR_ARG(outbuf_str(&out)), text);
}

START_TEST(a_condition_has_a_text)
{
	struct order_match m = { .tenant = { NULL, 0 } };

	check_text(&m, "all");
	ck_assert(order_match_is_any(&m));
	m.tenant = STR("acme");
	check_text(&m, "tenant acme");
	ck_assert(!order_match_is_any(&m));
	m.queue = STR("*@a.test");
	m.campaign = STR("spring");
	m.domain = STR("a.test");
	check_text(
	    &m, "queue *@a.test, tenant acme, campaign spring, domain a.test");
	ck_assert(!order_match_has_qid(&m));
	m = (struct order_match){ .qid = { { 1 } } };
	ck_assert(order_match_has_qid(&m));
	check_text(&m, "01000000000000000000000000");
}
END_TEST

START_TEST(the_longest_condition_has_room)
{
	struct str name = { long_text, ORDER_NAME_MAX_BYTES };
	struct order_match m = { .qid = { { 1 } },
		.queue = { long_text, ORDER_TEXT_MAX_BYTES },
		.tenant = name,
		.campaign = name,
		.domain = name };
	char bytes[ORDER_MATCH_TEXT_BYTES];
	struct outbuf out = { bytes, 0, sizeof(bytes) };

	order_match_put(&out, &m);
	ck_assert_uint_gt(outbuf_room(&out), 0);
}
END_TEST

START_TEST(conditions_are_equal_when_all_of_them_is)
{
	const struct order_match a = { .qid = { { 1 } },
		.queue = STR("q"),
		.tenant = STR("t"),
		.campaign = STR("c"),
		.domain = STR("d") };
	struct order_match b = a;

	ck_assert(order_match_eq(&a, &b));
	b.qid.b[15] = 1;
	ck_assert(!order_match_eq(&a, &b));
	b = a;
	b.queue = STR("Q");
	ck_assert(!order_match_eq(&a, &b));
	b = a;
	b.tenant = STR("");
	ck_assert(!order_match_eq(&a, &b));
	b = a;
	b.campaign = STR("x");
	ck_assert(!order_match_eq(&a, &b));
	b = a;
	b.domain = STR("dd");
	ck_assert(!order_match_eq(&a, &b));
}
END_TEST

START_TEST(who_is_a_name_or_a_number)
{
	struct order o = sound();
	char bytes[64];
	struct outbuf out = { bytes, 0, sizeof(bytes) };

	o.uid = 4294967295u;
	order_put_who(&out, &o);
	ck_assert(str_eq(outbuf_str(&out), STR("uid 4294967295")));
	out.len = 0;
	o.by = STR("alice");
	order_put_who(&out, &o);
	ck_assert(str_eq(outbuf_str(&out), STR("alice")));
	ck_assert_str_eq(order_kind_text(ORDER_CANCEL), "cancel");
	ck_assert_str_eq(order_kind_text(ORDER_KIND_N), "?");
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { each_text_has_its_bound,
		numbers_have_their_bounds, a_condition_has_a_text,
		the_longest_condition_has_room,
		conditions_are_equal_when_all_of_them_is,
		who_is_a_name_or_a_number };
	Suite *suite = suite_create("order");
	TCase *tc = tcase_create("order");
	SRunner *runner = srunner_create(suite);
	int failed;

	memset(long_text, 'x', sizeof(long_text));
	suite_add_tcase(suite, tc);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(tc, tests[i]);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
