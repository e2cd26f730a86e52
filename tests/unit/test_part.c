/* SPDX-License-Identifier: BSD-2-Clause */
/* test_part: packed standings, and texts for every number. */
#include "util/mail/part.h"

#include <stdlib.h>

#include <check.h>

START_TEST(each_recipient_has_its_own_two_bits)
{
	uint8_t standing[PART_STANDING_BYTES] = { 0 };

	for (unsigned i = 0; i < PART_RCPTS_MAX; i++)
		part_standing_set(standing, i, (enum rcpt_standing)(i * 7 % 4));
	for (unsigned i = 0; i < PART_RCPTS_MAX; i++)
		ck_assert_uint_eq(part_standing_get(standing, i), i * 7 % 4);
	part_standing_set(standing, 5, RCPT_OPEN);
	ck_assert_uint_eq(part_standing_get(standing, 5), RCPT_OPEN);
	ck_assert_uint_eq(part_standing_get(standing, 4), 4 * 7 % 4);
	ck_assert_uint_eq(part_standing_get(standing, 6), 6 * 7 % 4);
}
END_TEST

START_TEST(every_number_has_a_text)
{
	for (unsigned i = 0; i < PART_STATE_N; i++)
		ck_assert_str_ne(part_state_text(i), "?");
	for (unsigned i = 0; i < PART_CAUSE_N; i++)
		ck_assert_str_ne(part_cause_text(i), "?");
	ck_assert_str_eq(part_state_text(PART_STATE_N), "?");
	ck_assert_str_eq(part_cause_text(PART_CAUSE_N), "?");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("part");
	TCase *tc = tcase_create("part");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, each_recipient_has_its_own_two_bits);
	tcase_add_test(tc, every_number_has_a_text);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
