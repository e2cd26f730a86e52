/* SPDX-License-Identifier: BSD-2-Clause */
/* test_address: paths that RFC 5321 has, and those that it has not. */
#include "util/mail/address.h"

#include <stdlib.h>

#include <check.h>

#include "tests/lib/split.h"
#include "util/base/array.h"

#define NONE 0

#define LABEL_10 "abcdefghij"
#define LOCAL_60 LABEL_10 LABEL_10 LABEL_10 LABEL_10 LABEL_10 LABEL_10
#define LABEL_60 LOCAL_60

static const struct {
	struct str in;
	unsigned flags;
	struct str whole, local, domain;
	bool is_utf8, is_literal;
} good[] = {
	{ STR_INIT("<a@b>"), NONE, STR_INIT("a@b"), STR_INIT("a"),
	    STR_INIT("b"), false, false },
	{ STR_INIT("<Joe.User+x=y@Mx-1.Example.ORG>"), NONE,
	    STR_INIT("Joe.User+x=y@Mx-1.Example.ORG"), STR_INIT("Joe.User+x=y"),
	    STR_INIT("Mx-1.Example.ORG"), false, false },
	{ STR_INIT("<!#$%&'*+-/=?^_`{|}~@x>"), NONE,
	    STR_INIT("!#$%&'*+-/=?^_`{|}~@x"), STR_INIT("!#$%&'*+-/=?^_`{|}~"),
	    STR_INIT("x"), false, false },
	/* The null path and the postmaster. */
	{ STR_INIT("<>"), ADDRESS_NULL_OK, STR_INIT(""), STR_INIT(""),
	    STR_INIT(""), false, false },
	{ STR_INIT("<PostMaster>"), ADDRESS_POSTMASTER_OK,
	    STR_INIT("PostMaster"), STR_INIT("PostMaster"), STR_INIT(""), false,
	    false },
	{ STR_INIT("<root>"), ADDRESS_LOCAL_OK, STR_INIT("root"),
	    STR_INIT("root"), STR_INIT(""), false, false },
	/* Source routes. */
	{ STR_INIT("<@a:b@c>"), NONE, STR_INIT("b@c"), STR_INIT("b"),
	    STR_INIT("c"), false, false },
	{ STR_INIT("<@a.x,@[1.2.3.4]:b@c>"), NONE, STR_INIT("b@c"),
	    STR_INIT("b"), STR_INIT("c"), false, false },
	/* Quoted local parts stay quoted. */
	{ STR_INIT("<\"a b\"@c>"), NONE, STR_INIT("\"a b\"@c"),
	    STR_INIT("\"a b\""), STR_INIT("c"), false, false },
	{ STR_INIT("<\"\"@c>"), NONE, STR_INIT("\"\"@c"), STR_INIT("\"\""),
	    STR_INIT("c"), false, false },
	{ STR_INIT("<\"@>\\\"\\\\\"@c>"), NONE, STR_INIT("\"@>\\\"\\\\\"@c"),
	    STR_INIT("\"@>\\\"\\\\\""), STR_INIT("c"), false, false },
	/* Domains as they are used. */
	{ STR_INIT("<a@b_c.d_>"), NONE, STR_INIT("a@b_c.d_"), STR_INIT("a"),
	    STR_INIT("b_c.d_"), false, false },
	{ STR_INIT("<a@b.c.>"), NONE, STR_INIT("a@b.c"), STR_INIT("a"),
	    STR_INIT("b.c"), false, false },
	{ STR_INIT("<a@1.2>"), NONE, STR_INIT("a@1.2"), STR_INIT("a"),
	    STR_INIT("1.2"), false, false },
	/* Literals. */
	{ STR_INIT("<a@[1.2.3.255]>"), NONE, STR_INIT("a@[1.2.3.255]"),
	    STR_INIT("a"), STR_INIT("[1.2.3.255]"), false, true },
	{ STR_INIT("<a@[IPv6:2001:db8::1]>"), NONE,
	    STR_INIT("a@[IPv6:2001:db8::1]"), STR_INIT("a"),
	    STR_INIT("[IPv6:2001:db8::1]"), false, true },
	{ STR_INIT("<a@[ipv6:::ffff:1.2.3.4]>"), NONE,
	    STR_INIT("a@[ipv6:::ffff:1.2.3.4]"), STR_INIT("a"),
	    STR_INIT("[ipv6:::ffff:1.2.3.4]"), false, true },
	/* UTF-8, where it is allowed. */
	{ STR_INIT("<j\xc3\xb6@\xe4\xbe\x8b.test>"), ADDRESS_UTF8_OK,
	    STR_INIT("j\xc3\xb6@\xe4\xbe\x8b.test"), STR_INIT("j\xc3\xb6"),
	    STR_INIT("\xe4\xbe\x8b.test"), true, false },
	{ STR_INIT("<\"\xf0\x9f\x93\xa8 \"@x>"), ADDRESS_UTF8_OK,
	    STR_INIT("\"\xf0\x9f\x93\xa8 \"@x"),
	    STR_INIT("\"\xf0\x9f\x93\xa8 \""), STR_INIT("x"), true, false },
};

START_TEST(good_paths_are_taken_apart)
{
	struct str in = good[_i].in;
	struct address a;

	ck_assert_int_eq(address_parse_path(&a, &in, good[_i].flags), ERR_OK);
	ck_assert_uint_eq(in.len, 0);
	ck_assert(str_eq(a.whole, good[_i].whole));
	ck_assert(str_eq(a.local, good[_i].local));
	ck_assert(str_eq(a.domain, good[_i].domain));
	ck_assert_int_eq(a.is_utf8, good[_i].is_utf8);
	ck_assert_int_eq(a.is_literal, good[_i].is_literal);
}
END_TEST

/* Without brackets and route it is the same address. */
START_TEST(good_addresses_stand_alone)
{
	struct address a;

	ck_assert_int_eq(
	    address_parse(&a, good[_i].whole, good[_i].flags), ERR_OK);
	ck_assert(str_eq(a.whole, good[_i].whole));
	ck_assert(str_eq(a.domain, good[_i].domain));
}
END_TEST

START_TEST(what_follows_a_path_is_left)
{
	struct str in = STR("<a@b> SIZE=1");
	struct address a;

	ck_assert_int_eq(address_parse_path(&a, &in, NONE), ERR_OK);
	ck_assert(str_eq(in, STR(" SIZE=1")));
	ck_assert_int_eq(address_parse(&a, STR("a@b "), NONE), ERR_SYNTAX);
}
END_TEST

static const struct {
	struct str in;
	unsigned flags;
	enum err err;
} bad[] = {
	{ STR_INIT(""), ~0u, ERR_SYNTAX },
	{ STR_INIT("a@b"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<a@b"), ~0u, ERR_SYNTAX },
	{ STR_INIT(" <a@b>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("< a@b>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<a@b >"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<<a@b>>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<>"), ADDRESS_POSTMASTER_OK, ERR_SYNTAX },
	{ STR_INIT("<postmaster>"), ADDRESS_NULL_OK, ERR_SYNTAX },
	{ STR_INIT("<postmaste>"), ADDRESS_POSTMASTER_OK, ERR_SYNTAX },
	{ STR_INIT("<\"postmaster\">"), ADDRESS_POSTMASTER_OK, ERR_SYNTAX },
	{ STR_INIT("<@b>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<a@>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<.a@b>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<a.@b>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<a..b@c>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<a@b@c>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<a b@c>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<a(b)@c>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<a,b@c>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<a\0b@c>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<a\x7f@c>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<a\t@c>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<\"a@b>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<\"a\"b@c>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<b\"a\"@c>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<\"a\\"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<\"a\tb\"@c>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<\"a\\\xc3\xb6\"@c>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<a@.b>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<a@b..c>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<a@b..>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<a@-b>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<a@b-.c>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<a@b!c>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<a@[1.2.3]>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<a@[1.2.3.256]>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<a@[1.2.3.4>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<a@[1.2.3.4\0]>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<a@[]>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<a@[1.2.3.4].b>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<a@[::1]>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<a@[IPv6:]>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<a@[IPv6:1.2.3.4]>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<a@[tag:x]>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<@a:>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<@a b@c>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<@a,b:c@d>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<@:c@d>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<a:c@d>"), ~0u, ERR_SYNTAX },
	/* UTF-8: not asked for, or none. */
	{ STR_INIT("<j\xc3\xb6@x>"), ~0u & ~(unsigned)ADDRESS_UTF8_OK,
	    ERR_DENIED },
	{ STR_INIT("<j@\xc3\xb6>"), NONE, ERR_DENIED },
	{ STR_INIT("<j\xc3@x>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<j\xb6@x>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<j\xc0\xaf@x>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<j\xed\xa0\x80@x>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<j\xc2\x9f@x>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<j@x\xff>"), ~0u, ERR_SYNTAX },
	{ STR_INIT("<\"\xff\"@x>"), ~0u, ERR_SYNTAX },
};

START_TEST(bad_paths_are_refused_and_nothing_taken)
{
	struct str in = bad[_i].in;
	struct address a = { .is_literal = true };

	ck_assert_int_eq(
	    address_parse_path(&a, &in, bad[_i].flags), bad[_i].err);
	ck_assert(str_eq(in, bad[_i].in));
	ck_assert(a.is_literal);
}
END_TEST

static const struct {
	struct str in;
	enum err err;
} lengths[] = {
	{ STR_INIT("<" LOCAL_60 "1234@b>"), ERR_OK },
	{ STR_INIT("<" LOCAL_60 "12345@b>"), ERR_RANGE },
	{ STR_INIT("<a@" LABEL_60 "123>"), ERR_OK },
	{ STR_INIT("<a@" LABEL_60 "1234>"), ERR_SYNTAX },
	/* 254 and 255 bytes between the brackets. */
	{ STR_INIT("<" LABEL_10 "@" LABEL_60 "." LABEL_60 "." LABEL_60
	           "." LABEL_60 ">"),
	    ERR_OK },
	{ STR_INIT("<" LABEL_10 "a@" LABEL_60 "." LABEL_60 "." LABEL_60
	           "." LABEL_60 ">"),
	    ERR_RANGE },
	/* A route counts, although it is dropped. */
	{ STR_INIT("<@" LABEL_60 "." LABEL_60 ",@" LABEL_60 "." LABEL_60
	           ":123456@b>"),
	    ERR_OK },
	{ STR_INIT("<@" LABEL_60 "." LABEL_60 ",@" LABEL_60 "." LABEL_60
	           ":1234567@b>"),
	    ERR_RANGE },
};

START_TEST(lengths_are_bounded)
{
	struct str in = lengths[_i].in;
	struct address a;

	ck_assert_int_eq(
	    address_parse_path(&a, &in, ADDRESS_NULL_OK), lengths[_i].err);
}
END_TEST

START_TEST(length_without_brackets_is_bounded)
{
	struct str longest =
	    STR(LABEL_10 "a@" LABEL_60 "." LABEL_60 "." LABEL_60 "." LABEL_60);
	struct address a;

	ck_assert_int_eq(address_parse(&a, longest, NONE), ERR_RANGE);
	str_skip(&longest, 1);
	ck_assert_uint_eq(longest.len, ADDRESS_MAX_BYTES);
	ck_assert_int_eq(address_parse(&a, longest, NONE), ERR_OK);
}
END_TEST

START_TEST(domain_key_is_lower_case_without_last_dot)
{
	char bytes[8];
	struct outbuf out = { bytes, 0, sizeof(bytes) };

	ck_assert_int_eq(address_domain_key(STR("ExA.Z."), &out), ERR_OK);
	ck_assert(str_eq(outbuf_str(&out), STR("exa.z")));
	ck_assert_int_eq(address_domain_key(STR("\xc3\x84."), &out), ERR_OK);
	ck_assert(str_eq(outbuf_str(&out), STR("exa.z\xc3\x84")));
	ck_assert_int_eq(address_domain_key(STR("ab"), &out), ERR_FULL);
	ck_assert_uint_eq(out.len, 7);
	ck_assert_int_eq(address_domain_key(STR("B."), &out), ERR_OK);
	ck_assert_int_eq(bytes[7], 'b');
	ck_assert_int_eq(address_domain_key(STR(""), &out), ERR_OK);
	ck_assert_uint_eq(out.len, 8);
}
END_TEST

/* Bytes that matter, in any order; what is taken must hold what it promises
 * and be taken again when it is written out anew. */
START_TEST(what_is_taken_is_taken_again)
{
	static const char alphabet[] = "<>@@..aab\"\\[]:,1 -\xc3\xb6";
	uint64_t seed = 41;
	char raw[24];
	int taken = 0;

	for (int i = 0; i < 60000; i++) {
		struct str in = { raw, 5 + split_draw(&seed) % 8 };
		struct address a, again;

		raw[0] = '<';
		for (size_t k = 1; k < in.len; k++)
			raw[k] = alphabet[split_draw(&seed) %
			    (sizeof(alphabet) - 1)];
		raw[in.len - 1] = '>';
		if (address_parse_path(&a, &in, ADDRESS_UTF8_OK) != ERR_OK)
			continue;
		taken++;
		ck_assert_int_eq(in.ptr[-1], '>');
		ck_assert_int_eq(
		    address_parse(&again, a.whole, ADDRESS_UTF8_OK), ERR_OK);
		ck_assert(str_eq(again.local, a.local));
		ck_assert(str_eq(again.domain, a.domain));
		ck_assert_uint_eq(a.local.len + 1 + a.domain.len, a.whole.len);
	}
	ck_assert_int_gt(taken, 100);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("address");
	TCase *tc = tcase_create("address");
	SRunner *runner = srunner_create(suite);
	int n_good = (int)COUNT_OF(good);
	int n_bad = (int)COUNT_OF(bad);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_loop_test(tc, good_paths_are_taken_apart, 0, n_good);
	tcase_add_loop_test(tc, good_addresses_stand_alone, 0, n_good);
	tcase_add_test(tc, what_follows_a_path_is_left);
	tcase_add_loop_test(
	    tc, bad_paths_are_refused_and_nothing_taken, 0, n_bad);
	tcase_add_loop_test(tc, lengths_are_bounded, 0, (int)COUNT_OF(lengths));
	tcase_add_test(tc, length_without_brackets_is_bounded);
	tcase_add_test(tc, domain_key_is_lower_case_without_last_dot);
	tcase_add_test(tc, what_is_taken_is_taken_again);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
