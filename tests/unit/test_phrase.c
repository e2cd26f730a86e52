/* SPDX-License-Identifier: BSD-2-Clause */
/* test_phrase: names plain, quoted and encoded. */
#include "ctl/core/phrase.h"

#include <stdlib.h>

#include <check.h>

#include "util/base/array.h"

static const struct {
	const char *name, *phrase;
} cases[] = {
	{ "", "" },
	{ " \t", "" },
	{ "Ann O Nym", "Ann O Nym" },
	{ " O'Neill ", "O'Neill" },
	{ "J. Doe", "\"J. Doe\"" },
	{ "a \"b\" \\", "\"a \\\"b\\\" \\\\\"" },
	{ "a\tb\x7f", "\"a?b?\"" },
	{ "a\r\nBcc: x", "\"a??Bcc: x\"" },
	{ "J\xc3\xb6rg B.", "=?UTF-8?Q?J=C3=B6rg_B=2E?=" },
	{ "\xff\n\xc3\xb6", "=?UTF-8?Q?=3F=3F=C3=B6?=" },
	/* The last that fits one word, and the first that does not. */
	{ "\xc3\xb6"
	  "12345678901234567890123456789012345678901234567890"
	  "1234567",
	    "=?UTF-8?Q?=C3=B6"
	    "12345678901234567890123456789012345678901234567890"
	    "1234567?=" },
	{ "\xc3\xb6"
	  "12345678901234567890123456789012345678901234567890"
	  "12345678",
	    "=?UTF-8?Q?=C3=B6"
	    "12345678901234567890123456789012345678901234567890"
	    "1234567?= =?UTF-8?Q?8?=" },
	/* No character is cut. */
	{ "12345678901234567890123456789012345678901234567890"
	  "12345678\xc3\xb6",
	    "=?UTF-8?Q?"
	    "12345678901234567890123456789012345678901234567890"
	    "12345678?= =?UTF-8?Q?=C3=B6?=" },
};

START_TEST(names_become_phrases)
{
	struct str want = str_from_c(cases[_i].phrase);
	char bytes[256];
	struct outbuf out = { bytes, 0, sizeof(bytes) };

	ck_assert_int_eq(phrase_put(&out, str_from_c(cases[_i].name)), ERR_OK);
	ck_assert_uint_eq(out.len, want.len);
	ck_assert(str_eq(outbuf_str(&out), want));
}
END_TEST

START_TEST(too_little_room_leaves_the_output_as_it_was)
{
	size_t len = strlen(cases[_i].phrase);
	char bytes[256] = "x";

	for (size_t room = 0; room < len; room++) {
		struct outbuf out = { bytes, 1, 1 + room };

		ck_assert_int_eq(
		    phrase_put(&out, str_from_c(cases[_i].name)), ERR_FULL);
		ck_assert_uint_eq(out.len, 1);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("phrase");
	TCase *tc = tcase_create("phrase");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_loop_test(tc, names_become_phrases, 0, (int)COUNT_OF(cases));
	tcase_add_loop_test(tc, too_little_room_leaves_the_output_as_it_was, 0,
	    (int)COUNT_OF(cases));
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
