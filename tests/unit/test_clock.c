/* SPDX-License-Identifier: BSD-2-Clause */
/* test_clock: clocks go forward, and are the ones that are promised. */
#include "util/io/clock.h"

#include <stdlib.h>
#include <time.h>

#include <check.h>

static int64_t
read_ms(clockid_t id)
{
	struct timespec ts;

	ck_assert_int_eq(clock_gettime(id, &ts), 0);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

START_TEST(boot_clock_is_boottime)
{
	int64_t before_ms = read_ms(CLOCK_BOOTTIME);
	int64_t ms = clock_boot_ms();

	ck_assert_int_ge(ms, before_ms);
	ck_assert_int_le(ms, read_ms(CLOCK_BOOTTIME));
}
END_TEST

START_TEST(wall_clock_counts_from_1970)
{
	int64_t year_2024_ms = INT64_C(1704067200000);

	ck_assert_int_gt(clock_wall_ms(), year_2024_ms);
	ck_assert_int_ge(clock_wall_ms() - read_ms(CLOCK_REALTIME), -1000);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("clock");
	TCase *tc = tcase_create("clock");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_test(tc, boot_clock_is_boottime);
	tcase_add_test(tc, wall_clock_counts_from_1970);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
