/* SPDX-License-Identifier: BSD-2-Clause */
/* test_arena: bounds, alignment, zeroes, and what a reset keeps. */
#include "util/base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "tests/lib/split.h"

/* Overhead of a block, as the header says. */
#define BLOCK_OVERHEAD_BYTES 16

static bool
is_zero(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != 0)
			return false;
	return true;
}

START_TEST(memory_is_zeroed_and_aligned)
{
	struct arena a;
	uint64_t seed = 7;

	arena_init(&a, 1 << 20);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 200; i++) {
			size_t n = (size_t)(split_draw(&seed) % 300);
			unsigned char *p = arena_alloc(&a, n);

			ck_assert_ptr_nonnull(p);
			ck_assert_uint_eq((uintptr_t)p % 16, 0);
			ck_assert(is_zero(p, n));
			memset(p, 0xee, n);
		}
		arena_reset(&a);
	}
	arena_fini(&a);
}
END_TEST

START_TEST(pieces_do_not_overlap)
{
	enum { PIECES = 300 };
	unsigned char *at[PIECES];
	size_t len[PIECES];
	struct arena a;
	uint64_t seed = 99;

	arena_init(&a, 1 << 20);
	for (int i = 0; i < PIECES; i++) {
		len[i] = 1 + (size_t)(split_draw(&seed) % 2000);
		at[i] = arena_alloc(&a, len[i]);
		ck_assert_ptr_nonnull(at[i]);
		memset(at[i], i & 0xff, len[i]);
	}
	for (int i = 0; i < PIECES; i++)
		for (size_t k = 0; k < len[i]; k++)
			ck_assert_uint_eq(at[i][k], (unsigned)i & 0xff);
	arena_fini(&a);
}
END_TEST

START_TEST(bound_is_exact)
{
	struct arena a;

	arena_init(&a, 4096);
	ck_assert_ptr_null(arena_alloc(&a, 4096 - BLOCK_OVERHEAD_BYTES + 1));
	ck_assert_uint_eq(a.held_bytes, 0);
	ck_assert_ptr_nonnull(arena_alloc(&a, 4096 - BLOCK_OVERHEAD_BYTES));
	ck_assert_uint_eq(a.held_bytes, 4096);
	ck_assert_ptr_null(arena_alloc(&a, 1));
	arena_fini(&a);
	ck_assert_uint_eq(a.held_bytes, 0);
}
END_TEST

START_TEST(many_small_pieces_stay_within_the_bound)
{
	struct arena a;
	int n = 0;

	arena_init(&a, 200000);
	while (arena_alloc(&a, 100) != NULL)
		n++;
	ck_assert_uint_le(a.held_bytes, 200000);
	/* Little is lost to blocks: 112 bytes a piece. */
	ck_assert_int_ge(n, 200000 / 112 * 95 / 100);
	arena_fini(&a);
}
END_TEST

START_TEST(bound_too_small_for_anything_gives_nothing)
{
	struct arena a;

	arena_init(&a, 0);
	ck_assert_ptr_null(arena_alloc(&a, 0));
	arena_init(&a, BLOCK_OVERHEAD_BYTES + 15);
	ck_assert_ptr_null(arena_alloc(&a, 1));
	arena_init(&a, BLOCK_OVERHEAD_BYTES + 16);
	ck_assert_ptr_nonnull(arena_alloc(&a, 1));
	arena_fini(&a);
}
END_TEST

START_TEST(huge_size_does_not_wrap)
{
	struct arena a;

	arena_init(&a, SIZE_MAX);
	ck_assert_ptr_null(arena_alloc(&a, SIZE_MAX));
	ck_assert_ptr_null(arena_alloc(&a, SIZE_MAX - 14));
	ck_assert_ptr_null(arena_alloc(&a, SIZE_MAX - 16));
	ck_assert_ptr_nonnull(arena_alloc(&a, 1));
	arena_fini(&a);
}
END_TEST

START_TEST(reset_keeps_the_first_block_alone)
{
	struct arena a;
	void *first;
	size_t held_bytes;

	arena_init(&a, 1 << 20);
	arena_reset(&a);
	first = arena_alloc(&a, 10);
	held_bytes = a.held_bytes;
	ck_assert_ptr_nonnull(arena_alloc(&a, 5000));
	ck_assert_ptr_nonnull(arena_alloc(&a, 50000));
	ck_assert_uint_gt(a.held_bytes, 55000);
	arena_reset(&a);
	ck_assert_uint_eq(a.held_bytes, held_bytes);
	ck_assert_ptr_eq(arena_alloc(&a, 10), first);
	arena_fini(&a);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("arena");
	TCase *tc = tcase_create("arena");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_test(tc, memory_is_zeroed_and_aligned);
	tcase_add_test(tc, pieces_do_not_overlap);
	tcase_add_test(tc, bound_is_exact);
	tcase_add_test(tc, many_small_pieces_stay_within_the_bound);
	tcase_add_test(tc, bound_too_small_for_anything_gives_nothing);
	tcase_add_test(tc, huge_size_does_not_wrap);
	tcase_add_test(tc, reset_keeps_the_first_block_alone);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
