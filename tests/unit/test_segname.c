/* SPDX-License-Identifier: BSD-2-Clause */
/* test_segname: numbers, names, and a clock that goes back. */
#include "util/spool/segname.h"

#include <stdlib.h>

#include <check.h>

START_TEST(pieces_stand_where_the_format_has_them)
{
	uint64_t n = segment_number_make(0x123456789ab, 0xcd, 0xef1);

	ck_assert_uint_eq(n, UINT64_C(0x123456789abcdef1));
	ck_assert_int_eq(segment_number_ms(n), 0x123456789ab);
	ck_assert_uint_eq(segment_number_worker(n), 0xcd);
	n = segment_number_make(
	    SEGMENT_TIME_MAX_MS, SEGMENT_WORKER_MAX, SEGMENT_COUNTER_MAX);
	ck_assert_uint_eq(n, UINT64_MAX);
	ck_assert_int_eq(segment_number_ms(n), SEGMENT_TIME_MAX_MS);
}
END_TEST

START_TEST(a_name_reads_back)
{
	static const uint64_t numbers[] = { 0, 1, UINT64_C(0x123456789abcdef1),
		UINT64_MAX };
	char name[SEGNAME_BYTES + 1];
	uint64_t n;

	segname_format(numbers[_i], name);
	ck_assert_uint_eq(strlen(name), SEGNAME_BYTES);
	ck_assert_int_eq(segname_parse(str_from_c(name), &n), ERR_OK);
	ck_assert_uint_eq(n, numbers[_i]);
}
END_TEST

START_TEST(other_names_are_refused)
{
	static const struct str names[] = {
		STR_INIT(""),
		STR_INIT("."),
		STR_INIT("123456789abcdef"),
		STR_INIT("0123456789abcdef0"),
		STR_INIT("0123456789ABCDEF"),
		STR_INIT(".123456789abcdef"),
		STR_INIT("0123456789abcdeg"),
		STR_INIT("+123456789abcdef"),
	};
	uint64_t n;

	ck_assert_int_eq(segname_parse(names[_i], &n), ERR_SYNTAX);
}
END_TEST

START_TEST(numbers_only_rise)
{
	struct segment_numbers s;
	uint64_t last = 0;
	uint64_t n;

	segment_numbers_init(&s, 7, UINT64_MAX - 3);
	for (int i = 0; i < 20000; i++) {
		n = segment_numbers_next(&s, 1000000 - i % 17 - i / 100);
		ck_assert_uint_gt(n >> 20, 0);
		ck_assert_uint_eq(segment_number_worker(n), 7);
		/* The counter may go round, but then the ms has risen. */
		ck_assert(n != last);
		ck_assert(n > last || n >> 20 > last >> 20);
		last = n;
	}
}
END_TEST

START_TEST(a_clock_out_of_range_still_gives_numbers)
{
	struct segment_numbers s;
	uint64_t a, b;

	segment_numbers_init(&s, 0, 0);
	a = segment_numbers_next(&s, -5);
	b = segment_numbers_next(&s, INT64_MAX);
	ck_assert_uint_ne(a, 0);
	ck_assert_uint_gt(b, a);
	ck_assert_int_eq(segment_number_ms(b), SEGMENT_TIME_MAX_MS);
	ck_assert_uint_ne(segment_numbers_next(&s, 0), b);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("segname");
	TCase *tc = tcase_create("segname");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, pieces_stand_where_the_format_has_them);
	tcase_add_loop_test(tc, a_name_reads_back, 0, 4);
	tcase_add_loop_test(tc, other_names_are_refused, 0, 8);
	tcase_add_test(tc, numbers_only_rise);
	tcase_add_test(tc, a_clock_out_of_range_still_gives_numbers);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
