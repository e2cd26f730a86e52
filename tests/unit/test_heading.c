/* SPDX-License-Identifier: BSD-2-Clause */
/* test_heading: fields, folded and old, and where the section ends. */
#include "ctl/core/heading.h"

#include <stdlib.h>

#include <check.h>

#include "util/base/array.h"

static void
assert_eq(struct str s, const char *want)
{
	ck_assert_uint_eq(s.len, strlen(want));
	ck_assert(str_eq(s, str_from_c(want)));
}

START_TEST(fields_are_taken_in_order)
{
	struct str content = STR("To: a\r\n b\r\n\tc\r\nX \t:y\r\n:no\r\n");
	struct heading_field f;

	ck_assert(heading_next(&content, &f));
	assert_eq(f.name, "To");
	assert_eq(f.value, " a\r\n b\r\n\tc\r\n");
	assert_eq(f.whole, "To: a\r\n b\r\n\tc\r\n");
	ck_assert(heading_next(&content, &f));
	assert_eq(f.name, "X");
	assert_eq(f.value, "y\r\n");
	ck_assert(!heading_next(&content, &f));
	assert_eq(content, ":no\r\n");
}
END_TEST

static const char *const ends[] = {
	"",
	"\r\nX: y\r\n",
	"hello\r\n",
	"hello world: x\r\n",
	" X: y\r\n",
	"\xc3\xbc: y\r\n",
	"X",
	"X ",
};

START_TEST(what_is_no_field_ends_the_section)
{
	struct str content = str_from_c(ends[_i]);
	struct heading_field f;

	ck_assert(!heading_next(&content, &f));
	assert_eq(content, ends[_i]);
}
END_TEST

START_TEST(last_field_may_lack_its_line_end)
{
	struct str content = STR("X: y\r\n z");
	struct heading_field f;

	ck_assert(heading_next(&content, &f));
	assert_eq(f.whole, "X: y\r\n z");
	ck_assert_uint_eq(content.len, 0);
	content = STR("X:");
	ck_assert(heading_next(&content, &f));
	assert_eq(f.value, "");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("heading");
	TCase *tc = tcase_create("heading");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_test(tc, fields_are_taken_in_order);
	tcase_add_loop_test(
	    tc, what_is_no_field_ends_the_section, 0, (int)COUNT_OF(ends));
	tcase_add_test(tc, last_field_may_lack_its_line_end);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
