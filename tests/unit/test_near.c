/* SPDX-License-Identifier: BSD-2-Clause */
/* test_near: what is near, and what is not. */
#include "util/conf/near.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "util/base/array.h"

static const struct {
	const char *a, *b;
	unsigned distance;
} pairs[] = {
	{ "", "", 0 },
	{ "retry", "retry", 0 },
	{ "retry", "RETRY", 0 },
	{ "retry", "", 5 },
	{ "retry", "retr", 1 },
	{ "retry", "rretry", 1 },
	{ "retry", "retri", 1 },
	{ "retry", "rerty", 1 },
	{ "first", "firts", 1 },
	{ "ab", "ba", 1 },
	{ "abc", "cab", 2 },
	{ "abcd", "xyzw", 4 },
};

START_TEST(distance_counts_slips_of_the_pen)
{
	struct str a = str_from_c(pairs[_i].a), b = str_from_c(pairs[_i].b);

	ck_assert_uint_eq(near_distance(a, b), pairs[_i].distance);
	ck_assert_uint_eq(near_distance(b, a), pairs[_i].distance);
}
END_TEST

START_TEST(long_names_are_near_to_nothing)
{
	char text[NEAR_MAX_BYTES + 1];
	struct str longest = { text, NEAR_MAX_BYTES };
	struct str longer = { text, NEAR_MAX_BYTES + 1 };

	memset(text, 'x', sizeof(text));
	ck_assert_uint_eq(near_distance(longest, longest), 0);
	ck_assert_uint_eq(near_distance(longer, longest), NEAR_MAX_BYTES);
	ck_assert_uint_eq(near_distance(longest, longer), NEAR_MAX_BYTES);
	ck_assert_ptr_null(near_section(longer));
}
END_TEST

START_TEST(nearest_parameter_is_guessed)
{
	const struct conf_section *queue = conf_section_find(STR("queue"));

	ck_assert_str_eq(near_param(queue, STR("retry_firts")), "retry_first");
	ck_assert_str_eq(near_param(queue, STR("retrymax")), "retry_max");
	ck_assert_str_eq(near_param(queue, STR("Expire")), "expire");
	ck_assert_ptr_null(near_param(queue, STR("connections")));
	ck_assert_ptr_null(near_param(queue, STR("")));
}
END_TEST

START_TEST(parameter_of_another_section_is_guessed)
{
	ck_assert_str_eq(near_any(STR("conections")), "connections");
	ck_assert_ptr_null(near_any(STR("carrots")));
}
END_TEST

START_TEST(nearest_section_is_guessed)
{
	ck_assert_str_eq(near_section(STR("listner")), "listener");
	ck_assert_str_eq(near_section(STR("QUEUE")), "queue");
	/* What stands outside of sections has no name to write. */
	ck_assert_ptr_null(near_section(STR("main")));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("near");
	TCase *tc = tcase_create("near");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_loop_test(
	    tc, distance_counts_slips_of_the_pen, 0, (int)COUNT_OF(pairs));
	tcase_add_test(tc, long_names_are_near_to_nothing);
	tcase_add_test(tc, nearest_parameter_is_guessed);
	tcase_add_test(tc, parameter_of_another_section_is_guessed);
	tcase_add_test(tc, nearest_section_is_guessed);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
