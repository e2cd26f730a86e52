/* SPDX-License-Identifier: BSD-2-Clause */
/* test_bucket: rates are exact, bursts bounded, numbers never overflow. */
#include "shaper/core/bucket.h"

#include <stdlib.h>

#include <check.h>

#include "util/base/array.h"

#define MINUTE_MS 60000

/* Tokens had in a minute by one who asks each step_ms; the first burst is
 * taken before. */
static uint32_t
drain(struct rate rate, int64_t step_ms, int64_t minute_ms)
{
	struct bucket b;
	uint32_t n = 0;

	bucket_init(&b, rate, 0);
	(void)bucket_take(&b, UINT32_MAX, 0);
	for (int64_t now = step_ms; now <= minute_ms; now += step_ms)
		n += bucket_take(&b, UINT32_MAX, now);
	return n;
}

START_TEST(a_rate_is_exact_over_a_minute)
{
	ck_assert_uint_eq(drain((struct rate){ 1, 10000 }, 5, MINUTE_MS), 6);
	ck_assert_uint_eq(
	    drain((struct rate){ 500, 1000 }, 1, MINUTE_MS), 30000);
	ck_assert_uint_eq(
	    drain((struct rate){ 10000, 1000 }, 3, MINUTE_MS), 600000);
	ck_assert_uint_eq(drain((struct rate){ 7, 60000 }, 1, MINUTE_MS), 7);
}
END_TEST

START_TEST(a_burst_is_a_second_of_the_rate_and_at_least_one)
{
	struct bucket b;

	bucket_init(&b, (struct rate){ 600, 60000 }, 5);
	ck_assert_uint_eq(bucket_take(&b, UINT32_MAX, 5), 10);
	ck_assert_uint_eq(bucket_take(&b, UINT32_MAX, 5), 0);
	/* However long it waits, it is never more. */
	ck_assert_uint_eq(bucket_take(&b, UINT32_MAX, INT64_MAX / 2), 10);
	bucket_init(&b, (struct rate){ 1, 86400000 }, 0);
	ck_assert_uint_eq(bucket_take(&b, 5, 0), 1);
}
END_TEST

START_TEST(the_wait_told_is_the_wait_needed)
{
	static const struct rate rates[] = {
		{ 1, 10000 },
		{ 3, 1000 },
		{ 7, 60000 },
		{ 999, 1000 },
		{ BUCKET_COUNT_MAX, 1 },
		{ 1, BUCKET_PERIOD_MAX_MS },
	};

	for (size_t i = 0; i < COUNT_OF(rates); i++) {
		struct bucket b;
		int64_t wait;

		bucket_init(&b, rates[i], 0);
		(void)bucket_take(&b, UINT32_MAX, 0);
		wait = bucket_wait_ms(&b, 1, 0);
		ck_assert_int_gt(wait, 0);
		ck_assert_uint_eq(bucket_take(&b, 1, wait - 1), 0);
		ck_assert_uint_eq(bucket_take(&b, 1, wait), 1);
	}
}
END_TEST

START_TEST(unused_tokens_come_back_and_never_overflow)
{
	struct bucket b;

	bucket_init(&b, (struct rate){ 10, 1000 }, 0);
	ck_assert_uint_eq(bucket_take(&b, 4, 0), 4);
	bucket_give(&b, 3);
	ck_assert_uint_eq(bucket_take(&b, UINT32_MAX, 0), 9);
	bucket_give(&b, UINT32_MAX);
	ck_assert_uint_eq(bucket_take(&b, UINT32_MAX, 0), 10);
}
END_TEST

START_TEST(full_is_full_and_time_may_go_back)
{
	struct bucket b;

	bucket_init(&b, (struct rate){ 10, 1000 }, 1000);
	ck_assert(bucket_is_full(&b, 1000));
	ck_assert_uint_eq(bucket_take(&b, 1, 1000), 1);
	ck_assert(!bucket_is_full(&b, 1000));
	ck_assert(!bucket_is_full(&b, 0));
	ck_assert_uint_eq(bucket_take(&b, 20, 0), 9);
	ck_assert(!bucket_is_full(&b, 1999));
	ck_assert(bucket_is_full(&b, 2100));
}
END_TEST

START_TEST(a_new_bucket_has_no_part_of_a_token_besides)
{
	struct bucket b;

	bucket_init(&b, (struct rate){ 1, 86400000 }, 0);
	ck_assert(bucket_is_full(&b, 0));
	ck_assert_uint_eq(bucket_take(&b, 5, 0), 1);
	ck_assert_int_eq(bucket_wait_ms(&b, 1, 0), 86400000);
	ck_assert_uint_eq(bucket_take(&b, 5, 86399999), 0);
	ck_assert_uint_eq(bucket_take(&b, 5, 86400000), 1);
}
END_TEST

START_TEST(senseless_rates_are_cut_to_the_limits)
{
	struct bucket b;

	bucket_init(&b, (struct rate){ 0, 0 }, 0);
	ck_assert_uint_eq(b.rate.count, 1);
	ck_assert_int_eq(b.rate.period_ms, 1);
	bucket_init(&b, (struct rate){ UINT32_MAX, INT64_MAX }, 0);
	ck_assert_uint_eq(b.rate.count, BUCKET_COUNT_MAX);
	ck_assert_int_eq(b.rate.period_ms, BUCKET_PERIOD_MAX_MS);
	ck_assert_uint_ge(bucket_take(&b, 1, INT64_MAX / 2), 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("bucket");
	TCase *tc = tcase_create("bucket");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, a_rate_is_exact_over_a_minute);
	tcase_add_test(tc, a_burst_is_a_second_of_the_rate_and_at_least_one);
	tcase_add_test(tc, the_wait_told_is_the_wait_needed);
	tcase_add_test(tc, unused_tokens_come_back_and_never_overflow);
	tcase_add_test(tc, full_is_full_and_time_may_go_back);
	tcase_add_test(tc, a_new_bucket_has_no_part_of_a_token_besides);
	tcase_add_test(tc, senseless_rates_are_cut_to_the_limits);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
