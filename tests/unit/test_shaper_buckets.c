/* SPDX-License-Identifier: BSD-2-Clause */
/* test_shaper_buckets: one bucket a site, bounded, full ones make room. */
#include "shaper/buckets.h"

#include <stdio.h>
#include <stdlib.h>

#include <check.h>

#define PER_SECOND 10

static struct buckets *bs;
static const struct rate rate = { PER_SECOND, 1000 };

static void
enter(void)
{
	bs = buckets_new();
}

static void
leave(void)
{
	buckets_free(&bs);
	ck_assert_ptr_null(bs);
	buckets_free(&bs);
}

static struct bucket *
get(unsigned i, int64_t now_ms)
{
	char name[32];
	int n = snprintf(name, sizeof(name), "default->%u", i);

	return buckets_get(bs, (struct str){ name, (size_t)n }, rate, now_ms);
}

/* All places are taken, by buckets that are full or not. */
static void
fill(bool is_used)
{
	for (unsigned i = 0; i < BUCKETS_MAX; i++) {
		struct bucket *b = get(i, 0);

		ck_assert_ptr_nonnull(b);
		if (is_used)
			ck_assert_uint_eq(bucket_take(b, 1, 0), 1);
	}
}

START_TEST(each_site_has_its_own)
{
	struct bucket *b = get(1, 0);

	ck_assert_uint_eq(bucket_take(b, PER_SECOND, 0), PER_SECOND);
	ck_assert_uint_eq(bucket_take(get(2, 0), 3, 0), 3);
	ck_assert_uint_eq(bucket_take(get(1, 0), 1, 0), 0);
	ck_assert_ptr_eq(get(1, 0), b);
}
END_TEST

START_TEST(a_changed_rate_begins_empty_and_counts_at_once)
{
	static const struct rate faster = { 100, 1000 };
	struct str site = STR("default->1");
	struct bucket *b;

	ck_assert_uint_eq(bucket_take(get(1, 0), 1, 0), 1);
	b = buckets_get(bs, site, faster, 500);
	ck_assert_uint_eq(bucket_take(b, 1, 500), 0);
	b = buckets_get(bs, site, faster, 1000);
	ck_assert_uint_eq(bucket_take(b, 1000, 1000), 50);
}
END_TEST

START_TEST(a_rate_beyond_what_a_bucket_counts_is_cut_once)
{
	static const struct rate wild = { UINT32_MAX, 1 };
	struct str site = STR("default->1");
	struct bucket *b = buckets_get(bs, site, wild, 0);

	ck_assert_uint_gt(bucket_take(b, 1000, 0), 0);
	/* The same rate again: it is not begun anew, empty. */
	b = buckets_get(bs, site, wild, 0);
	ck_assert_uint_gt(bucket_take(b, 1000, 0), 0);
}
END_TEST

START_TEST(a_full_bucket_makes_room_for_a_new_site)
{
	fill(false);
	ck_assert_ptr_nonnull(get(BUCKETS_MAX, 0));
	/* Each sweep looks at a few: always one more. */
	for (unsigned i = 1; i < 1000; i++)
		ck_assert_ptr_nonnull(get(BUCKETS_MAX + i, 0));
}
END_TEST

START_TEST(a_bucket_in_use_is_never_forgotten)
{
	fill(true);
	ck_assert_ptr_null(get(BUCKETS_MAX, 0));
	ck_assert_ptr_null(get(BUCKETS_MAX, 50));
	ck_assert_uint_eq(
	    bucket_take(get(7, 0), UINT32_MAX, 0), PER_SECOND - 1);
	/* After a while they are full again. */
	ck_assert_ptr_nonnull(get(BUCKETS_MAX, 10000));
}
END_TEST

START_TEST(the_search_comes_by_all_of_them)
{
	unsigned n = 0;

	fill(true);
	/* One in the middle is given back. */
	bucket_give(get(BUCKETS_MAX / 2, 0), 1);
	while (get(BUCKETS_MAX, 0) == NULL)
		ck_assert_uint_lt(++n, BUCKETS_MAX);
	ck_assert_uint_gt(n, 1);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("shaper_buckets");
	TCase *tc = tcase_create("buckets");
	SRunner *sr = srunner_create(s);
	int n_failed;

	tcase_add_checked_fixture(tc, enter, leave);
	tcase_add_test(tc, each_site_has_its_own);
	tcase_add_test(tc, a_changed_rate_begins_empty_and_counts_at_once);
	tcase_add_test(tc, a_rate_beyond_what_a_bucket_counts_is_cut_once);
	tcase_add_test(tc, a_full_bucket_makes_room_for_a_new_site);
	tcase_add_test(tc, a_bucket_in_use_is_never_forgotten);
	tcase_add_test(tc, the_search_comes_by_all_of_them);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	n_failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
