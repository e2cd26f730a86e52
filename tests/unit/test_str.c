/* SPDX-License-Identifier: BSD-2-Clause */
/* test_str: views and buffers at their borders. */
#include "util/text/str.h"

#include <signal.h>
#include <stdlib.h>

#include <check.h>

#include "util/base/array.h"

static const struct str none = { NULL, 0 };

static void
assert_str(struct str got, const char *want)
{
	ck_assert_uint_eq(got.len, strlen(want));
	ck_assert(str_eq(got, str_from_c(want)));
}

START_TEST(equal_means_every_byte)
{
	ck_assert(str_eq(STR("a\0b"), STR("a\0b")));
	ck_assert(!str_eq(STR("a\0b"), STR("a\0c")));
	ck_assert(!str_eq(STR("ab"), STR("a")));
	ck_assert(!str_eq(STR("a"), STR("A")));
	ck_assert(str_eq(none, STR("")));
	ck_assert(!str_eq(none, STR("a")));
}
END_TEST

START_TEST(case_is_that_of_ascii_letters_alone)
{
	ck_assert(str_eq_nocase(STR("aBz[Z`"), STR("AbZ[z`")));
	ck_assert(!str_eq_nocase(STR("["), STR("{")));
	ck_assert(!str_eq_nocase(STR("@"), STR("`")));
	ck_assert(!str_eq_nocase(STR("\xc3\x84"), STR("\xc3\xa4")));
	ck_assert(!str_eq_nocase(STR("ab"), STR("abc")));
	ck_assert(str_eq_nocase(none, none));
}
END_TEST

START_TEST(order_is_that_of_unsigned_bytes)
{
	ck_assert_int_lt(str_cmp(STR("a"), STR("b")), 0);
	ck_assert_int_gt(str_cmp(STR("\xff"), STR("b")), 0);
	ck_assert_int_lt(str_cmp(STR("a"), STR("ab")), 0);
	ck_assert_int_gt(str_cmp(STR("ab"), STR("a")), 0);
	ck_assert_int_eq(str_cmp(STR("ab"), STR("ab")), 0);
	ck_assert_int_lt(str_cmp(none, STR("a")), 0);
	ck_assert_int_eq(str_cmp(none, none), 0);
}
END_TEST

START_TEST(beginnings_and_ends_are_told)
{
	ck_assert(str_starts(STR("abc"), STR("ab")));
	ck_assert(str_starts(STR("abc"), STR("abc")));
	ck_assert(!str_starts(STR("abc"), STR("abcd")));
	ck_assert(!str_starts(STR("abc"), STR("b")));
	ck_assert(str_starts(none, none));
	ck_assert(str_starts_nocase(STR("AbC"), STR("aB")));
	ck_assert(!str_starts_nocase(STR("AbC"), STR("b")));
	ck_assert(str_ends(STR("abc"), STR("bc")));
	ck_assert(str_ends(STR("abc"), none));
	ck_assert(!str_ends(STR("abc"), STR("ab")));
	ck_assert(!str_ends(STR("bc"), STR("abc")));
}
END_TEST

START_TEST(byte_is_found_or_the_length)
{
	ck_assert_uint_eq(str_find(STR("a,b,c"), ','), 1);
	ck_assert_uint_eq(str_find(STR("abc"), ','), 3);
	ck_assert_uint_eq(str_find(STR("a\0b"), '\0'), 1);
	ck_assert_uint_eq(str_find(none, 'a'), 0);
}
END_TEST

START_TEST(trimming_spares_the_middle)
{
	assert_str(str_trim(STR(" \t\r\na b\t ")), "a b");
	assert_str(str_trim(STR("a")), "a");
	assert_str(str_trim(STR(" \n ")), "");
	assert_str(str_trim(STR("\va\v")), "\va\v");
	assert_str(str_trim(none), "");
}
END_TEST

START_TEST(fields_are_taken_one_by_one)
{
	struct str s = STR("a,,bc,");

	assert_str(str_take_field(&s, ','), "a");
	assert_str(str_take_field(&s, ','), "");
	assert_str(str_take_field(&s, ','), "bc");
	assert_str(s, "");
	s = STR("abc");
	assert_str(str_take_field(&s, ','), "abc");
	ck_assert_uint_eq(s.len, 0);
	assert_str(str_take_field(&s, ','), "");
}
END_TEST

START_TEST(parts_and_c_strings_are_views)
{
	const char *c = "abc";

	ck_assert_ptr_eq(str_from_c(c).ptr, c);
	ck_assert_uint_eq(str_from_c(NULL).len, 0);
	assert_str(str_head(STR("abc"), 2), "ab");
	assert_str(str_tail(STR("abc"), 2), "c");
	assert_str(str_tail(STR("abc"), 3), "");
	assert_str(str_tail(none, 0), "");
}
END_TEST

static const struct {
	uint64_t n;
	const char *text;
} numbers[] = {
	{ 0, "0" },
	{ 9, "9" },
	{ 10, "10" },
	{ 1234567890, "1234567890" },
	{ UINT64_MAX, "18446744073709551615" },
};

START_TEST(number_is_put_in_decimal)
{
	char bytes[OUTBUF_U64_BYTES];
	struct outbuf b = { bytes, 0, strlen(numbers[_i].text) };

	outbuf_put_u64(&b, numbers[_i].n);
	assert_str(outbuf_str(&b), numbers[_i].text);
}
END_TEST

START_TEST(add_fits_to_the_last_byte)
{
	char bytes[4];
	struct outbuf b = { bytes, 0, sizeof(bytes) };

	ck_assert_int_eq(outbuf_add(&b, STR("abc")), ERR_OK);
	ck_assert_int_eq(outbuf_add(&b, STR("de")), ERR_FULL);
	assert_str(outbuf_str(&b), "abc");
	outbuf_putc(&b, 'd');
	assert_str(outbuf_str(&b), "abcd");
	ck_assert_int_eq(outbuf_add(&b, none), ERR_OK);
}
END_TEST

START_TEST(printf_needs_room_for_the_terminator)
{
	char bytes[6];
	struct outbuf b = { bytes, 0, sizeof(bytes) };

	ck_assert_int_eq(outbuf_printf(&b, "%s", "123456"), ERR_FULL);
	ck_assert_uint_eq(b.len, 0);
	ck_assert_int_eq(outbuf_printf(&b, "%d-", 12), ERR_OK);
	ck_assert_int_eq(outbuf_printf(&b, "%d", 34), ERR_OK);
	assert_str(outbuf_str(&b), "12-34");
	ck_assert_int_eq(outbuf_printf(&b, "%d", 5), ERR_FULL);
	assert_str(outbuf_str(&b), "12-34");
	outbuf_putc(&b, '5');
	ck_assert_int_eq(outbuf_printf(&b, "%s", ""), ERR_FULL);
	assert_str(outbuf_str(&b), "12-345");
}
END_TEST

START_TEST(printf_takes_views)
{
	char bytes[16];
	struct outbuf b = { bytes, 0, sizeof(bytes) };
	struct str s = str_head(STR("abcdef"), 3);

	ck_assert_int_eq(
	    outbuf_printf(&b, "<%.*s|%.*s>", STR_ARG(s), STR_ARG(none)),
	    ERR_OK);
	assert_str(outbuf_str(&b), "<abc|>");
}
END_TEST

START_TEST(putting_past_the_end_is_a_bug)
{
	char bytes[2];
	struct outbuf b = { bytes, 0, sizeof(bytes) };

	outbuf_put(&b, STR("ab"));
	outbuf_putc(&b, 'c');
}
END_TEST

START_TEST(skipping_past_the_end_is_a_bug)
{
	struct str s = STR("ab");

	str_skip(&s, 3);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("str");
	TCase *tc = tcase_create("str");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_test(tc, equal_means_every_byte);
	tcase_add_test(tc, case_is_that_of_ascii_letters_alone);
	tcase_add_test(tc, order_is_that_of_unsigned_bytes);
	tcase_add_test(tc, beginnings_and_ends_are_told);
	tcase_add_test(tc, byte_is_found_or_the_length);
	tcase_add_test(tc, trimming_spares_the_middle);
	tcase_add_test(tc, fields_are_taken_one_by_one);
	tcase_add_test(tc, parts_and_c_strings_are_views);
	tcase_add_loop_test(
	    tc, number_is_put_in_decimal, 0, (int)COUNT_OF(numbers));
	tcase_add_test(tc, add_fits_to_the_last_byte);
	tcase_add_test(tc, printf_needs_room_for_the_terminator);
	tcase_add_test(tc, printf_takes_views);
	tcase_add_test_raise_signal(tc, putting_past_the_end_is_a_bug, SIGABRT);
	tcase_add_test_raise_signal(
	    tc, skipping_past_the_end_is_a_bug, SIGABRT);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
