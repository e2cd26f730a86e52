/* SPDX-License-Identifier: BSD-2-Clause */
/* test_rand: all bytes are filled, and no others. */
#include "util/base/rand.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#define BYTES 64
#define GUARD 0x5a

START_TEST(every_byte_is_filled)
{
	unsigned char seen[BYTES] = { 0 }, bytes[BYTES];

	/* 20 draws leave a byte zero once in 2^160. */
	for (int i = 0; i < 20; i++) {
		rand_fill(bytes, sizeof(bytes));
		for (int k = 0; k < BYTES; k++)
			seen[k] |= bytes[k];
	}
	for (int k = 0; k < BYTES; k++)
		ck_assert_uint_ne(seen[k], 0);
}
END_TEST

START_TEST(nothing_behind_is_touched)
{
	unsigned char bytes[BYTES];

	for (size_t n = 0; n < BYTES; n++) {
		memset(bytes, GUARD, sizeof(bytes));
		rand_fill(bytes, n);
		for (size_t k = n; k < BYTES; k++)
			ck_assert_uint_eq(bytes[k], GUARD);
	}
}
END_TEST

START_TEST(large_request_is_filled_to_its_end)
{
	static unsigned char bytes[4096];
	size_t zeroes = 0;

	rand_fill(bytes, sizeof(bytes));
	for (size_t i = sizeof(bytes) - 16; i < sizeof(bytes); i++)
		zeroes += bytes[i] == 0;
	ck_assert_uint_lt(zeroes, 16);
}
END_TEST

START_TEST(draws_differ)
{
	uint64_t a = rand_u64(), b = rand_u64();

	ck_assert_uint_ne(a, b);
	ck_assert_uint_ne(a >> 32, b >> 32);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("rand");
	TCase *tc = tcase_create("rand");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_test(tc, every_byte_is_filled);
	tcase_add_test(tc, nothing_behind_is_touched);
	tcase_add_test(tc, large_request_is_filled_to_its_end);
	tcase_add_test(tc, draws_differ);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
