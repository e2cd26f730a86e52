/* SPDX-License-Identifier: BSD-2-Clause */
/* test_errors: order, bounds and form of what is told. */
#include "util/conf/errors.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

static struct conf_errors errors;
static char text[CONF_ERRORS_MAX * CONF_ERROR_MAX_BYTES];

static void
enter(void)
{
	conf_errors_init(&errors);
}

static void
leave(void)
{
	conf_errors_fini(&errors);
}

static void
add(uint32_t file, uint32_t line, const char *what)
{
	struct conf_spot spot = { file == 0 ? "a.conf" : "b.conf", file, line };

	conf_errors_add(&errors, spot, "%s", what);
}

static const char *
put(size_t room)
{
	struct outbuf out = { text, 0, room };

	conf_errors_put(&errors, &out);
	text[out.len] = '\0';
	return text;
}

START_TEST(errors_come_by_file_then_line_then_as_found)
{
	add(1, 2, "six");
	add(0, 9, "four");
	add(0, 0, "one");
	add(1, 1, "five");
	add(0, 3, "two");
	add(0, 3, "three");
	conf_errors_sort(&errors);
	ck_assert_str_eq(put(sizeof(text) - 1),
	    "a.conf: one\na.conf:3: two\na.conf:3: three\na.conf:9: four\n"
	    "b.conf:1: five\nb.conf:2: six\n");
}
END_TEST

START_TEST(none_is_no_text)
{
	conf_errors_sort(&errors);
	ck_assert_str_eq(put(sizeof(text) - 1), "");
}
END_TEST

START_TEST(what_is_beyond_the_bound_is_counted)
{
	for (uint32_t i = 1; i <= CONF_ERRORS_MAX; i++)
		add(0, i, "x");
	ck_assert_uint_eq(errors.n, CONF_ERRORS_MAX);
	ck_assert_ptr_null(strstr(put(sizeof(text) - 1), "more"));
	add(0, 1, "x");
	add(0, 1, "x");
	ck_assert_uint_eq(errors.n, CONF_ERRORS_MAX);
	ck_assert_uint_eq(errors.n_more, 2);
	ck_assert_ptr_nonnull(
	    strstr(put(sizeof(text) - 1), "\nand 2 more errors\n"));
}
END_TEST

START_TEST(long_text_is_cut)
{
	static char what[2 * CONF_ERROR_MAX_BYTES];
	struct conf_spot spot = { what, 0, 4000000000u };

	memset(what, 'x', sizeof(what) - 1);
	conf_errors_add(&errors, spot, "%s", what);
	ck_assert_uint_eq(
	    strlen(errors.items[0].text), CONF_ERROR_MAX_BYTES - 1);
	ck_assert_ptr_nonnull(strstr(errors.items[0].text, ":4000000000: x"));
}
END_TEST

START_TEST(short_room_cuts_the_end)
{
	add(0, 1, "what");
	ck_assert_str_eq(put(10), "a.conf:1: ");
	ck_assert_str_eq(put(0), "");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("errors");
	TCase *tc = tcase_create("errors");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, enter, leave);
	tcase_add_test(tc, errors_come_by_file_then_line_then_as_found);
	tcase_add_test(tc, none_is_no_text);
	tcase_add_test(tc, what_is_beyond_the_bound_is_counted);
	tcase_add_test(tc, long_text_is_cut);
	tcase_add_test(tc, short_room_cuts_the_end);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
