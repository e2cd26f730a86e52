/* SPDX-License-Identifier: BSD-2-Clause */
/* test_utf8: every character, and each kind of what is none. */
#include "util/text/utf8.h"

#include <stdint.h>
#include <stdlib.h>

#include <check.h>

#include "util/base/array.h"

/* Encodes any number up to 0x1fffff by the scheme, well-formed or not. */
static struct str
encode(uint32_t c, char *bytes)
{
	if (c < 0x80) {
		bytes[0] = (char)c;
		return (struct str){ bytes, 1 };
	}
	if (c < 0x800) {
		bytes[0] = (char)(0xc0 | c >> 6);
		bytes[1] = (char)(0x80 | (c & 0x3f));
		return (struct str){ bytes, 2 };
	}
	if (c < 0x10000) {
		bytes[0] = (char)(0xe0 | c >> 12);
		bytes[1] = (char)(0x80 | (c >> 6 & 0x3f));
		bytes[2] = (char)(0x80 | (c & 0x3f));
		return (struct str){ bytes, 3 };
	}
	bytes[0] = (char)(0xf0 | c >> 18);
	bytes[1] = (char)(0x80 | (c >> 12 & 0x3f));
	bytes[2] = (char)(0x80 | (c >> 6 & 0x3f));
	bytes[3] = (char)(0x80 | (c & 0x3f));
	return (struct str){ bytes, 4 };
}

START_TEST(every_number_is_a_character_or_not)
{
	char bytes[4];

	for (uint32_t c = 0; c <= 0x1fffff; c++) {
		struct str s = encode(c, bytes);
		bool is_surrogate = c >= 0xd800 && c <= 0xdfff;
		size_t want = is_surrogate || c > 0x10ffff ? 0 : s.len;

		if (utf8_char_len(s) != want)
			ck_abort_msg("U+%X", (unsigned)c);
		if (s.len > 1 && utf8_char_len(str_head(s, s.len - 1)) != 0)
			ck_abort_msg("U+%X, cut off", (unsigned)c);
	}
}
END_TEST

static const struct str bad[] = {
	STR_INIT("\x80"),
	STR_INIT("\xbf"),
	STR_INIT("\xc0\x80"),
	STR_INIT("\xc1\xbf"),
	STR_INIT("\xe0\x80\x80"),
	STR_INIT("\xe0\x9f\xbf"),
	STR_INIT("\xf0\x80\x80\x80"),
	STR_INIT("\xf0\x8f\xbf\xbf"),
	STR_INIT("\xf8\x88\x80\x80\x80"),
	STR_INIT("\xfe"),
	STR_INIT("\xff"),
	STR_INIT("\xc3("),
	STR_INIT("\xe2\x82("),
	STR_INIT("\xe2(\xac"),
	STR_INIT("\xf0\x9f\x98("),
	STR_INIT("\xf0\x9f(\x80"),
	STR_INIT("\xc3\xc3"),
};

START_TEST(malformed_bytes_are_no_character)
{
	ck_assert_uint_eq(utf8_char_len(bad[_i]), 0);
	ck_assert(!utf8_is_valid(bad[_i]));
}
END_TEST

START_TEST(text_is_valid_to_its_end)
{
	struct str text = STR("a\0\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z");

	ck_assert(utf8_is_valid(text));
	ck_assert(utf8_is_valid(str_head(text, 4)));
	ck_assert(!utf8_is_valid(str_head(text, 3)));
	ck_assert(!utf8_is_valid(str_tail(text, 3)));
	ck_assert(!utf8_is_valid(STR("a\xff")));
	ck_assert(utf8_is_valid((struct str){ NULL, 0 }));
	ck_assert_uint_eq(utf8_char_len((struct str){ NULL, 0 }), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("utf8");
	TCase *tc = tcase_create("utf8");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_test(tc, every_number_is_a_character_or_not);
	tcase_add_loop_test(
	    tc, malformed_bytes_are_no_character, 0, (int)COUNT_OF(bad));
	tcase_add_test(tc, text_is_valid_to_its_end);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
