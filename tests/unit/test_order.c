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

/* --- where a move leads --------------------------------------------------- */

static void
check_target(const char *text, const char *canonical)
{
	const struct queue_key from = { STR("t0"), STR("c0"), STR("d0.test") };
	char bytes[1024], again[1024];
	struct outbuf out = { bytes, 0, sizeof(bytes) };
	struct outbuf twice = { again, 0, sizeof(again) };
	struct order_target t;
	struct queue_key key;

	ck_assert_int_eq(order_target_parse(&t, str_from_c(text)), ERR_OK);
	order_target_put(&out, &t);
	ck_assert_msg(str_eq(outbuf_str(&out), str_from_c(canonical)),
	    "%s: %.*s", text, STR_ARG(outbuf_str(&out)));
	ck_assert_int_eq(order_target_parse(&t, outbuf_str(&out)), ERR_OK);
	order_target_put(&twice, &t);
	ck_assert(str_eq(outbuf_str(&out), outbuf_str(&twice)));
	key = order_target_key(&t, &from);
	ck_assert(
	    str_eq(key.tenant, t.keeps_tenant ? STR("t0") : t.key.tenant));
	ck_assert(str_eq(
	    key.campaign, t.keeps_campaign ? STR("c0") : t.key.campaign));
	ck_assert(
	    str_eq(key.domain, t.keeps_domain ? STR("d0.test") : t.key.domain));
}

START_TEST(a_target_is_a_queue_as_it_is_printed)
{
	check_target("a.test", ":@a.test");
	check_target("acme@a.test", ":acme@a.test");
	check_target("spring:acme@a.test", "spring:acme@a.test");
	check_target("spring:@a.test", "spring:@a.test");
	check_target("*:*@a.test", "*:*@a.test");
	check_target("*:beta@*", "*:beta@*");
	check_target(":*@*", ":*@*");
	check_target("[ipv6:2001:db8::1]", ":@[ipv6:2001:db8::1]");
	check_target("x@[192.0.2.1]", ":x@[192.0.2.1]");
	check_target("\xc3\xbc.test", ":@\xc3\xbc.test");
}
END_TEST

START_TEST(what_names_no_queue_is_no_target)
{
	static const char *const bad[] = { "", "@", "acme@", "*:*@*", "a b@x",
		"a@B.test", "a:b:c@x", "a@b@c", "sp*:acme@x", "a\n@x", "*@ x",
		"acme@*.test", "a/b:c@x" };
	struct order o = sound();
	struct order_target t;
	char text[ORDER_NAME_MAX_BYTES + 3];
	struct str s = { text, 0 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(
		    order_target_parse(&t, str_from_c(bad[i])) == ERR_SYNTAX,
		    "\"%s\"", bad[i]);
	memset(text, 'x', sizeof(text));
	s.len = ORDER_NAME_MAX_BYTES;
	ck_assert_int_eq(order_target_parse(&t, s), ERR_OK);
	s.len++;
	ck_assert_int_eq(order_target_parse(&t, s), ERR_RANGE);
	s.len = ORDER_NAME_MAX_BYTES + 2;
	text[ORDER_NAME_MAX_BYTES] = '@';
	ck_assert_int_eq(order_target_parse(&t, s), ERR_OK);
	text[ORDER_NAME_MAX_BYTES] = 'x';
	text[ORDER_NAME_MAX_BYTES + 1] = '@';
	s.len++;
	ck_assert_int_eq(order_target_parse(&t, s), ERR_RANGE);
	o.kind = ORDER_MOVE;
	ck_assert(!order_is_sound(&o));
	o.target = STR("a.test");
	ck_assert(order_is_sound(&o));
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { each_text_has_its_bound,
		numbers_have_their_bounds, a_condition_has_a_text,
		the_longest_condition_has_room,
		conditions_are_equal_when_all_of_them_is,
		who_is_a_name_or_a_number, a_target_is_a_queue_as_it_is_printed,
		what_names_no_queue_is_no_target };
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
