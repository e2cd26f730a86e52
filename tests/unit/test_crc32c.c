/* SPDX-License-Identifier: BSD-2-Clause */
/* test_crc32c: known sums, chains, and two ways that agree. */
#include "util/base/crc32c.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "tests/lib/split.h"
#include "util/base/array.h"
#include "util/base/crc32c_int.h"

#define BYTES 300

/* RFC 3720 B.4, and the usual check value. */
static const struct {
	const char *bytes;
	size_t n;
	uint32_t sum;
} known[] = {
	{ "", 0, 0 },
	{ "123456789", 9, 0xe3069283 },
	{ "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
	    32, 0x8a9136aa },
	{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	  "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
	    32, 0x62a8ab43 },
	{ "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"
	  "\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f",
	    32, 0x46dd794e },
};

START_TEST(known_sums_come_out)
{
	ck_assert_uint_eq(
	    crc32c(0, known[_i].bytes, known[_i].n), known[_i].sum);
	ck_assert_uint_eq(
	    crc32c_by_table(0, known[_i].bytes, known[_i].n), known[_i].sum);
}
END_TEST

START_TEST(chain_gives_the_sum_of_the_whole)
{
	unsigned char bytes[BYTES];
	uint64_t seed = 77;
	uint32_t whole;

	for (size_t i = 0; i < BYTES; i++)
		bytes[i] = (unsigned char)split_draw(&seed);
	whole = crc32c(0, bytes, BYTES);
	for (size_t cut = 0; cut <= BYTES; cut++) {
		uint32_t head = crc32c(0, bytes, cut);

		ck_assert_uint_eq(
		    crc32c(head, bytes + cut, BYTES - cut), whole);
	}
}
END_TEST

START_TEST(both_ways_agree_at_any_length_and_alignment)
{
	unsigned char bytes[BYTES];
	uint64_t seed = 78;

	for (size_t i = 0; i < BYTES; i++)
		bytes[i] = (unsigned char)split_draw(&seed);
	for (int i = 0; i < 5000; i++) {
		size_t at = (size_t)(split_draw(&seed) % BYTES);
		size_t n = (size_t)(split_draw(&seed) % (BYTES - at + 1));
		uint32_t crc = (uint32_t)split_draw(&seed);

		ck_assert_uint_eq(crc32c(crc, bytes + at, n),
		    crc32c_by_table(crc, bytes + at, n));
	}
}
END_TEST

START_TEST(each_flipped_bit_is_seen)
{
	unsigned char bytes[64] = { 0 };
	uint32_t sum = crc32c(0, bytes, sizeof(bytes));

	for (size_t bit = 0; bit < sizeof(bytes) * 8; bit++) {
		bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
		ck_assert_uint_ne(crc32c(0, bytes, sizeof(bytes)), sum);
		bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("crc32c");
	TCase *tc = tcase_create("crc32c");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_loop_test(tc, known_sums_come_out, 0, (int)COUNT_OF(known));
	tcase_add_test(tc, chain_gives_the_sum_of_the_whole);
	tcase_add_test(tc, both_ways_agree_at_any_length_and_alignment);
	tcase_add_test(tc, each_flipped_bit_is_seen);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
