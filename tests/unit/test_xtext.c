/* SPDX-License-Identifier: BSD-2-Clause */
/* test_xtext: both codings there and back, and parameters that are none. */
#include "util/mail/xtext.h"

#include <stdlib.h>

#include <check.h>

#include "util/base/array.h"

#define ROOM 2048

typedef enum err (*coder_fn)(struct str s, struct outbuf *out);

/* Runs coder; what it wrote, or the empty view with its error. */
static enum err
run(coder_fn coder, struct str s, struct str *result)
{
	static char bytes[ROOM];
	struct outbuf out = { bytes, 0, sizeof(bytes) };
	enum err err = coder(s, &out);

	*result = outbuf_str(&out);
	return err;
}

static const struct {
	struct str coded, plain;
} xtexts[] = {
	{ STR_INIT(""), STR_INIT("") },
	{ STR_INIT("a!~"), STR_INIT("a!~") },
	{ STR_INIT("a+2Bb+3Dc"), STR_INIT("a+b=c") },
	{ STR_INIT("+20+7F+00+FF"), STR_INIT(" \177\0\377") },
	{ STR_INIT("+0D+0A"), STR_INIT("\r\n") },
};

START_TEST(xtext_goes_there_and_back)
{
	struct str got;

	ck_assert_int_eq(run(xtext_decode, xtexts[_i].coded, &got), ERR_OK);
	ck_assert(str_eq(got, xtexts[_i].plain));
	ck_assert_int_eq(run(xtext_encode, xtexts[_i].plain, &got), ERR_OK);
	ck_assert(str_eq(got, xtexts[_i].coded));
}
END_TEST

static const struct str no_xtexts[] = {
	STR_INIT("a b"),
	STR_INIT("a=b"),
	STR_INIT("+"),
	STR_INIT("+2"),
	STR_INIT("+2b"),
	STR_INIT("+G0"),
	STR_INIT("a\177"),
	STR_INIT("a\0"),
	STR_INIT("\303\251"),
};

START_TEST(what_is_no_xtext_is_refused)
{
	struct str got;

	ck_assert_int_eq(run(xtext_decode, no_xtexts[_i], &got), ERR_SYNTAX);
	ck_assert_uint_eq(got.len, 0);
}
END_TEST

/* "\x{...}" of the last character of each length and the first of the next. */
static const struct {
	struct str coded, plain;
} utf8s[] = {
	{ STR_INIT("a@b"), STR_INIT("a@b") },
	{ STR_INIT("\\x{2B}\\x{3D}\\x{5C}\\x{20}"), STR_INIT("+=\\ ") },
	{ STR_INIT("\\x{7F}\\x{80}"), STR_INIT("\177\302\200") },
	{ STR_INIT("\\x{7FF}\\x{800}"), STR_INIT("\337\277\340\240\200") },
	{ STR_INIT("\\x{FFFF}\\x{10000}"),
	    STR_INIT("\357\277\277\360\220\200\200") },
	{ STR_INIT("\\x{D7FF}\\x{E000}"),
	    STR_INIT("\355\237\277\356\200\200") },
	{ STR_INIT("\\x{10FFFF}"), STR_INIT("\364\217\277\277") },
};

START_TEST(utf8_addresses_go_there_and_back)
{
	struct str got;

	ck_assert_int_eq(run(xtext_decode_utf8, utf8s[_i].coded, &got), ERR_OK);
	ck_assert(str_eq(got, utf8s[_i].plain));
	ck_assert_int_eq(run(xtext_encode_utf8, utf8s[_i].plain, &got), ERR_OK);
	ck_assert(str_eq(got, utf8s[_i].coded));
}
END_TEST

START_TEST(utf8_addresses_may_be_half_coded)
{
	struct str got;

	ck_assert_int_eq(
	    run(xtext_decode_utf8, STR("\303\251\\x{E9}@x"), &got), ERR_OK);
	ck_assert(str_eq(got, STR("\303\251\303\251@x")));
}
END_TEST

static const struct str no_utf8s[] = {
	STR_INIT("a b"),
	STR_INIT("a+b"),
	STR_INIT("a=b"),
	STR_INIT("\\"),
	STR_INIT("\\x"),
	STR_INIT("\\x{"),
	STR_INIT("\\x{}"),
	STR_INIT("\\x{E9"),
	STR_INIT("\\x{e9}"),
	STR_INIT("\\x{D800}"),
	STR_INIT("\\x{DFFF}"),
	STR_INIT("\\x{110000}"),
	STR_INIT("\\x{0010FFF}"),
	STR_INIT("\303"),
	STR_INIT("\300\200"),
	STR_INIT("\377"),
};

START_TEST(what_is_no_utf8_address_is_refused)
{
	struct str got;

	ck_assert_int_eq(
	    run(xtext_decode_utf8, no_utf8s[_i], &got), ERR_SYNTAX);
	ck_assert_uint_eq(got.len, 0);
}
END_TEST

START_TEST(bytes_that_are_no_utf8_are_not_coded_as_such)
{
	struct str got;

	ck_assert_int_eq(
	    run(xtext_encode_utf8, STR("a\377"), &got), ERR_SYNTAX);
	ck_assert_uint_eq(got.len, 0);
}
END_TEST

START_TEST(without_room_nothing_is_written)
{
	static const struct {
		coder_fn coder;
		struct str s;
		size_t need;
	} all[] = {
		{ xtext_decode, STR_INIT("a+2B"), 2 },
		{ xtext_encode, STR_INIT("a+"), 4 },
		{ xtext_decode_utf8, STR_INIT("a\\x{E9}"), 3 },
		{ xtext_encode_utf8, STR_INIT("a+"), 7 },
	};
	char bytes[16];
	struct outbuf out = { bytes, 1, all[_i].need };

	ck_assert_int_eq(all[_i].coder(all[_i].s, &out), ERR_FULL);
	ck_assert_uint_eq(out.len, 1);
	out.cap++;
	ck_assert_int_eq(all[_i].coder(all[_i].s, &out), ERR_OK);
	ck_assert_uint_eq(out.len, out.cap);
}
END_TEST

static const struct {
	struct str s, type, text;
	bool is_utf8;
} orcpts[] = {
	{ STR_INIT("rfc822;a+2Bb@x.test"), STR_INIT("rfc822"),
	    STR_INIT("a+2Bb@x.test"), false },
	{ STR_INIT("x-400;/C=de"), STR_INIT(""), STR_INIT(""), false },
	{ STR_INIT("UTF-8;\\x{E9}@x"), STR_INIT("UTF-8"), STR_INIT("\\x{E9}@x"),
	    true },
	{ STR_INIT("utf-8;\303\251@x"), STR_INIT("utf-8"),
	    STR_INIT("\303\251@x"), true },
	{ STR_INIT("rfc822;a;b"), STR_INIT("rfc822"), STR_INIT("a;b"), false },
	{ STR_INIT(""), STR_INIT(""), STR_INIT(""), false },
	{ STR_INIT("rfc822"), STR_INIT(""), STR_INIT(""), false },
	{ STR_INIT("rfc822;"), STR_INIT(""), STR_INIT(""), false },
	{ STR_INIT(";a"), STR_INIT(""), STR_INIT(""), false },
	{ STR_INIT("rf c;a"), STR_INIT(""), STR_INIT(""), false },
	{ STR_INIT("rf@c;a"), STR_INIT(""), STR_INIT(""), false },
	{ STR_INIT("rfc822;a+0D+0Ab"), STR_INIT(""), STR_INIT(""), false },
	{ STR_INIT("rfc822;a+00"), STR_INIT(""), STR_INIT(""), false },
	{ STR_INIT("rfc822;a+7F"), STR_INIT(""), STR_INIT(""), false },
	{ STR_INIT("rfc822;a+E9"), STR_INIT(""), STR_INIT(""), false },
	{ STR_INIT("utf-8;\\x{0A}"), STR_INIT(""), STR_INIT(""), false },
};

START_TEST(an_orcpt_has_a_type_and_a_printable_address)
{
	struct xtext_orcpt o;
	bool is_good = orcpts[_i].type.len > 0;

	ck_assert_int_eq(
	    xtext_parse_orcpt(&o, orcpts[_i].s), is_good ? ERR_OK : ERR_SYNTAX);
	if (!is_good)
		return;
	ck_assert(str_eq(o.type, orcpts[_i].type));
	ck_assert(str_eq(o.text, orcpts[_i].text));
	ck_assert_int_eq(o.is_utf8, orcpts[_i].is_utf8);
}
END_TEST

START_TEST(an_orcpt_has_at_most_500_bytes)
{
	char bytes[XTEXT_ORCPT_MAX_BYTES + 1] = "rfc822;";
	struct xtext_orcpt o;

	for (size_t i = STR("rfc822;").len; i < sizeof(bytes); i++)
		bytes[i] = 'a';
	ck_assert_int_eq(
	    xtext_parse_orcpt(&o, (struct str){ bytes, XTEXT_ORCPT_MAX_BYTES }),
	    ERR_OK);
	ck_assert_int_eq(
	    xtext_parse_orcpt(&o, (struct str){ bytes, sizeof(bytes) }),
	    ERR_SYNTAX);
}
END_TEST

START_TEST(an_envid_has_1_to_100_printable_characters)
{
	char bytes[XTEXT_ENVID_MAX_BYTES + 3];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = 'a';
	ck_assert(xtext_is_envid((struct str){ bytes, XTEXT_ENVID_MAX_BYTES }));
	ck_assert(
	    !xtext_is_envid((struct str){ bytes, XTEXT_ENVID_MAX_BYTES + 1 }));
	memcpy(bytes, "+2B", 3);
	ck_assert(
	    xtext_is_envid((struct str){ bytes, XTEXT_ENVID_MAX_BYTES + 2 }));
	ck_assert(!xtext_is_envid((struct str){ bytes, sizeof(bytes) }));
	ck_assert(!xtext_is_envid(STR("")));
	ck_assert(!xtext_is_envid(STR("a b")));
	ck_assert(!xtext_is_envid(STR("a+0Ab")));
	ck_assert(!xtext_is_envid(STR("a+E9")));
	ck_assert(xtext_is_envid(STR("a+20b")));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("xtext");
	TCase *tc = tcase_create("xtext");
	SRunner *sr = srunner_create(s);
	int n_failed;

	tcase_add_loop_test(tc, xtext_goes_there_and_back, 0, COUNT_OF(xtexts));
	tcase_add_loop_test(
	    tc, what_is_no_xtext_is_refused, 0, COUNT_OF(no_xtexts));
	tcase_add_loop_test(
	    tc, utf8_addresses_go_there_and_back, 0, COUNT_OF(utf8s));
	tcase_add_test(tc, utf8_addresses_may_be_half_coded);
	tcase_add_loop_test(
	    tc, what_is_no_utf8_address_is_refused, 0, COUNT_OF(no_utf8s));
	tcase_add_test(tc, bytes_that_are_no_utf8_are_not_coded_as_such);
	tcase_add_loop_test(tc, without_room_nothing_is_written, 0, 4);
	tcase_add_loop_test(tc, an_orcpt_has_a_type_and_a_printable_address, 0,
	    COUNT_OF(orcpts));
	tcase_add_test(tc, an_orcpt_has_at_most_500_bytes);
	tcase_add_test(tc, an_envid_has_1_to_100_printable_characters);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	n_failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
