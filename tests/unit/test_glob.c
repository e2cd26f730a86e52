/* SPDX-License-Identifier: BSD-2-Clause */
/* test_glob: stars, and what they may take. */
#include "util/text/glob.h"

#include <stdlib.h>

#include <check.h>

#include "tests/lib/split.h"
#include "util/base/array.h"

static const struct {
	struct str pattern, s;
	bool is_match;
} cases[] = {
	{ STR_INIT(""), STR_INIT(""), true },
	{ STR_INIT(""), STR_INIT("a"), false },
	{ STR_INIT("a"), STR_INIT(""), false },
	{ STR_INIT("*"), STR_INIT(""), true },
	{ STR_INIT("*"), STR_INIT("anything"), true },
	{ STR_INIT("**"), STR_INIT("a"), true },
	{ STR_INIT("?"), STR_INIT(""), false },
	{ STR_INIT("?"), STR_INIT("a"), true },
	{ STR_INIT("?"), STR_INIT("ab"), false },
	{ STR_INIT("abc"), STR_INIT("AbC"), true },
	{ STR_INIT("abc"), STR_INIT("abcd"), false },
	{ STR_INIT("abcd"), STR_INIT("abc"), false },
	{ STR_INIT("*.google.com"), STR_INIT("aspmx.l.GOOGLE.com"), true },
	{ STR_INIT("*.google.com"), STR_INIT("google.com"), false },
	{ STR_INIT("*.google.com"), STR_INIT(".google.com"), true },
	{ STR_INIT("*.google.com"), STR_INIT("x.google.com.evil.org"), false },
	{ STR_INIT("promo:*@yahoo.*"), STR_INIT("promo:beta@yahoo.com"), true },
	{ STR_INIT("promo:*@yahoo.*"), STR_INIT("promo:@yahoo."), true },
	{ STR_INIT("promo:*@yahoo.*"), STR_INIT("promo:beta@gmail.com"),
	    false },
	{ STR_INIT("a*b*c"), STR_INIT("a.b.b.c"), true },
	{ STR_INIT("a*b*c"), STR_INIT("a.c.b"), false },
	{ STR_INIT("*ab"), STR_INIT("aab"), true },
	{ STR_INIT("*a?"), STR_INIT("aaab"), true },
	{ STR_INIT("a*"), STR_INIT("ba"), false },
	{ STR_INIT("[a]"), STR_INIT("a"), false },
	{ STR_INIT("\\*"), STR_INIT("\\x"), true },
	{ STR_INIT("a?b"), STR_INIT("a\0b"), true },
	{ STR_INIT("\xc3\x84"), STR_INIT("\xc3\xa4"), false },
};

START_TEST(pattern_describes_the_whole)
{
	ck_assert_int_eq(
	    glob_match(cases[_i].pattern, cases[_i].s), cases[_i].is_match);
}
END_TEST

START_TEST(worst_pattern_takes_no_more_than_the_product)
{
	enum { S_BYTES = 4096, PATTERN_BYTES = 1024 };
	static char s[S_BYTES], pattern[PATTERN_BYTES];

	/* With a search at every star this would not end. */
	memset(s, 'a', sizeof(s));
	for (size_t i = 0; i < PATTERN_BYTES; i++)
		pattern[i] = i % 2 == 0 ? '*' : 'a';
	pattern[PATTERN_BYTES - 1] = 'b';
	ck_assert(!glob_match((struct str){ pattern, PATTERN_BYTES },
	    (struct str){ s, S_BYTES }));
}
END_TEST

/* The same rules as a table: row i, column k tells whether the first i bytes
 * of the pattern describe the first k of s. */
static bool
oracle(struct str pattern, struct str s)
{
	bool is_match[16][16] = { { true } };

	for (size_t i = 1; i <= pattern.len; i++) {
		char c = pattern.ptr[i - 1];

		is_match[i][0] = c == '*' && is_match[i - 1][0];
		for (size_t k = 1; k <= s.len; k++)
			is_match[i][k] = c == '*'
			    ? is_match[i - 1][k] || is_match[i][k - 1]
			    : is_match[i - 1][k - 1] &&
			        (c == '?' || c == s.ptr[k - 1]);
	}
	return is_match[pattern.len][s.len];
}

static struct str
draw(char *bytes, const char *alphabet, uint64_t *seed)
{
	size_t len = (size_t)(split_draw(seed) % 10);

	for (size_t i = 0; i < len; i++)
		bytes[i] = alphabet[split_draw(seed) % strlen(alphabet)];
	return (struct str){ bytes, len };
}

START_TEST(agrees_with_an_oracle)
{
	char pattern_bytes[16], s_bytes[16];
	uint64_t seed = 1001;
	int matches = 0;

	for (int i = 0; i < 50000; i++) {
		struct str pattern = draw(pattern_bytes, "ab*?*", &seed);
		struct str s = draw(s_bytes, "ab", &seed);
		bool want = oracle(pattern, s);

		if (glob_match(pattern, s) != want)
			ck_abort_msg("pattern %.*s, s %.*s", STR_ARG(pattern),
			    STR_ARG(s));
		matches += want;
	}
	ck_assert_int_gt(matches, 5000);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("glob");
	TCase *tc = tcase_create("glob");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_loop_test(
	    tc, pattern_describes_the_whole, 0, (int)COUNT_OF(cases));
	tcase_add_test(tc, worst_pattern_takes_no_more_than_the_product);
	tcase_add_test(tc, agrees_with_an_oracle);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
