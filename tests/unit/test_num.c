/* SPDX-License-Identifier: BSD-2-Clause */
/* test_num: borders of numbers, and texts that look like some. */
#include "util/text/num.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <check.h>

#include "tests/lib/split.h"
#include "util/base/array.h"

#define UNTOUCHED 4711

static const struct {
	struct str text;
	uint64_t max;
	enum err err;
	uint64_t n;
} decimals[] = {
	{ STR_INIT("0"), 0, ERR_OK, 0 },
	{ STR_INIT("1"), 0, ERR_RANGE, 0 },
	{ STR_INIT("000"), 0, ERR_OK, 0 },
	{ STR_INIT("0042"), 42, ERR_OK, 42 },
	{ STR_INIT("99"), 99, ERR_OK, 99 },
	{ STR_INIT("100"), 99, ERR_RANGE, 0 },
	{ STR_INIT("5"), 3, ERR_RANGE, 0 },
	{ STR_INIT("65535"), UINT16_MAX, ERR_OK, UINT16_MAX },
	{ STR_INIT("65536"), UINT16_MAX, ERR_RANGE, 0 },
	{ STR_INIT("18446744073709551615"), UINT64_MAX, ERR_OK, UINT64_MAX },
	{ STR_INIT("18446744073709551616"), UINT64_MAX, ERR_RANGE, 0 },
	{ STR_INIT("18446744073709551620"), UINT64_MAX, ERR_RANGE, 0 },
	{ STR_INIT("184467440737095516150"), UINT64_MAX, ERR_RANGE, 0 },
	{ STR_INIT("99999999999999999999x"), UINT64_MAX, ERR_SYNTAX, 0 },
	{ STR_INIT(""), 9, ERR_SYNTAX, 0 },
	{ STR_INIT("-1"), 9, ERR_SYNTAX, 0 },
	{ STR_INIT("+1"), 9, ERR_SYNTAX, 0 },
	{ STR_INIT(" 1"), 9, ERR_SYNTAX, 0 },
	{ STR_INIT("1 "), 9, ERR_SYNTAX, 0 },
	{ STR_INIT("1\0"), 9, ERR_SYNTAX, 0 },
	{ STR_INIT("0x1"), 9, ERR_SYNTAX, 0 },
	{ STR_INIT("a"), 99, ERR_SYNTAX, 0 },
};

START_TEST(decimals_are_strict)
{
	uint64_t n = UNTOUCHED;

	ck_assert_int_eq(
	    num_u64(decimals[_i].text, decimals[_i].max, &n), decimals[_i].err);
	if (decimals[_i].err == ERR_OK)
		ck_assert_uint_eq(n, decimals[_i].n);
	else
		ck_assert_uint_eq(n, UNTOUCHED);
}
END_TEST

static const struct {
	struct str text;
	uint64_t max;
	enum err err;
	uint64_t n;
} hexes[] = {
	{ STR_INIT("0"), 0, ERR_OK, 0 },
	{ STR_INIT("ff"), 255, ERR_OK, 255 },
	{ STR_INIT("100"), 255, ERR_RANGE, 0 },
	{ STR_INIT("000000000000a3f1"), UINT64_MAX, ERR_OK, 0xa3f1 },
	{ STR_INIT("ffffffffffffffff"), UINT64_MAX, ERR_OK, UINT64_MAX },
	{ STR_INIT("10000000000000000"), UINT64_MAX, ERR_RANGE, 0 },
	{ STR_INIT("FF"), 255, ERR_SYNTAX, 0 },
	{ STR_INIT("fg"), UINT64_MAX, ERR_SYNTAX, 0 },
	{ STR_INIT("0xff"), UINT64_MAX, ERR_SYNTAX, 0 },
	{ STR_INIT(""), UINT64_MAX, ERR_SYNTAX, 0 },
};

START_TEST(hex_has_small_letters)
{
	uint64_t n = UNTOUCHED;

	ck_assert_int_eq(
	    num_hex_u64(hexes[_i].text, hexes[_i].max, &n), hexes[_i].err);
	if (hexes[_i].err == ERR_OK)
		ck_assert_uint_eq(n, hexes[_i].n);
	else
		ck_assert_uint_eq(n, UNTOUCHED);
}
END_TEST

static const struct {
	struct str text;
	enum err err;
	int64_t ms;
} durations[] = {
	{ STR_INIT("0s"), ERR_OK, 0 },
	{ STR_INIT("500ms"), ERR_OK, 500 },
	{ STR_INIT("10s"), ERR_OK, 10000 },
	{ STR_INIT("5m"), ERR_OK, 300000 },
	{ STR_INIT("4h"), ERR_OK, 14400000 },
	{ STR_INIT("5d"), ERR_OK, 432000000 },
	{ STR_INIT("36525d"), ERR_OK, NUM_DURATION_MAX_MS },
	{ STR_INIT("36526d"), ERR_RANGE, 0 },
	{ STR_INIT("3155760000000ms"), ERR_OK, NUM_DURATION_MAX_MS },
	{ STR_INIT("3155760000001ms"), ERR_RANGE, 0 },
	{ STR_INIT("18446744073709551617s"), ERR_RANGE, 0 },
	{ STR_INIT("10"), ERR_SYNTAX, 0 },
	{ STR_INIT("0"), ERR_SYNTAX, 0 },
	{ STR_INIT("s"), ERR_SYNTAX, 0 },
	{ STR_INIT("5y"), ERR_SYNTAX, 0 },
	{ STR_INIT("5 s"), ERR_SYNTAX, 0 },
	{ STR_INIT("5S"), ERR_SYNTAX, 0 },
	{ STR_INIT("1h30m"), ERR_SYNTAX, 0 },
	{ STR_INIT("-5s"), ERR_SYNTAX, 0 },
	{ STR_INIT("1.5s"), ERR_SYNTAX, 0 },
	{ STR_INIT(""), ERR_SYNTAX, 0 },
};

START_TEST(duration_is_one_number_and_one_unit)
{
	int64_t ms = UNTOUCHED;

	ck_assert_int_eq(
	    num_duration_ms(durations[_i].text, &ms), durations[_i].err);
	if (durations[_i].err == ERR_OK)
		ck_assert_int_eq(ms, durations[_i].ms);
	else
		ck_assert_int_eq(ms, UNTOUCHED);
}
END_TEST

static const struct {
	struct str text;
	enum err err;
	uint64_t bytes;
} sizes[] = {
	{ STR_INIT("0"), ERR_OK, 0 },
	{ STR_INIT("4096"), ERR_OK, 4096 },
	{ STR_INIT("64K"), ERR_OK, 65536 },
	{ STR_INIT("50M"), ERR_OK, 52428800 },
	{ STR_INIT("2G"), ERR_OK, UINT64_C(2147483648) },
	{ STR_INIT("1T"), ERR_OK, UINT64_C(1099511627776) },
	{ STR_INIT("9223372036854775807"), ERR_OK, INT64_MAX },
	{ STR_INIT("9223372036854775808"), ERR_RANGE, 0 },
	{ STR_INIT("8388607T"), ERR_OK, UINT64_C(8388607) << 40 },
	{ STR_INIT("8388608T"), ERR_RANGE, 0 },
	{ STR_INIT("64k"), ERR_SYNTAX, 0 },
	{ STR_INIT("64KB"), ERR_SYNTAX, 0 },
	{ STR_INIT("K"), ERR_SYNTAX, 0 },
	{ STR_INIT("-1"), ERR_SYNTAX, 0 },
	{ STR_INIT(""), ERR_SYNTAX, 0 },
};

START_TEST(size_is_in_units_of_1024)
{
	uint64_t bytes = UNTOUCHED;

	ck_assert_int_eq(num_size_bytes(sizes[_i].text, &bytes), sizes[_i].err);
	if (sizes[_i].err == ERR_OK)
		ck_assert_uint_eq(bytes, sizes[_i].bytes);
	else
		ck_assert_uint_eq(bytes, UNTOUCHED);
}
END_TEST

static const struct {
	struct str text;
	enum err err;
	struct rate rate;
} rates[] = {
	{ STR_INIT("500/s"), ERR_OK, { 500, 1000 } },
	{ STR_INIT("10/m"), ERR_OK, { 10, 60000 } },
	{ STR_INIT("100/h"), ERR_OK, { 100, 3600000 } },
	{ STR_INIT("5/d"), ERR_OK, { 5, 86400000 } },
	{ STR_INIT("3/10m"), ERR_OK, { 3, 600000 } },
	{ STR_INIT("0/s"), ERR_OK, { 0, 1000 } },
	{ STR_INIT("4294967295/s"), ERR_OK, { UINT32_MAX, 1000 } },
	{ STR_INIT("4294967296/s"), ERR_RANGE, { 0, 0 } },
	{ STR_INIT("3/0s"), ERR_RANGE, { 0, 0 } },
	{ STR_INIT("3/36526d"), ERR_RANGE, { 0, 0 } },
	{ STR_INIT("x/36526d"), ERR_SYNTAX, { 0, 0 } },
	{ STR_INIT("4294967296/y"), ERR_SYNTAX, { 0, 0 } },
	{ STR_INIT("500"), ERR_SYNTAX, { 0, 0 } },
	{ STR_INIT("500/"), ERR_SYNTAX, { 0, 0 } },
	{ STR_INIT("/s"), ERR_SYNTAX, { 0, 0 } },
	{ STR_INIT("5/s/s"), ERR_SYNTAX, { 0, 0 } },
	{ STR_INIT("5/10"), ERR_SYNTAX, { 0, 0 } },
	{ STR_INIT("5 / s"), ERR_SYNTAX, { 0, 0 } },
	{ STR_INIT(""), ERR_SYNTAX, { 0, 0 } },
};

START_TEST(rate_is_a_count_in_a_period)
{
	struct rate rate = { UNTOUCHED, UNTOUCHED };

	ck_assert_int_eq(num_rate(rates[_i].text, &rate), rates[_i].err);
	if (rates[_i].err == ERR_OK) {
		ck_assert_uint_eq(rate.count, rates[_i].rate.count);
		ck_assert_int_eq(rate.period_ms, rates[_i].rate.period_ms);
	} else {
		ck_assert_uint_eq(rate.count, UNTOUCHED);
	}
}
END_TEST

START_TEST(printed_numbers_are_read_back)
{
	uint64_t seed = 2;
	char text[32];

	for (int i = 0; i < 5000; i++) {
		uint64_t n = split_draw(&seed) >> split_draw(&seed) % 64;
		uint64_t back = 0;

		(void)snprintf(text, sizeof(text), "%" PRIu64, n);
		ck_assert_int_eq(num_u64(str_from_c(text), n, &back), ERR_OK);
		ck_assert_uint_eq(back, n);
		(void)snprintf(text, sizeof(text), "%" PRIx64, n);
		ck_assert_int_eq(
		    num_hex_u64(str_from_c(text), n, &back), ERR_OK);
		ck_assert_uint_eq(back, n);
		if (n > 0)
			ck_assert_int_eq(
			    num_hex_u64(str_from_c(text), n - 1, &back),
			    ERR_RANGE);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("num");
	TCase *tc = tcase_create("num");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_loop_test(
	    tc, decimals_are_strict, 0, (int)COUNT_OF(decimals));
	tcase_add_loop_test(tc, hex_has_small_letters, 0, (int)COUNT_OF(hexes));
	tcase_add_loop_test(tc, duration_is_one_number_and_one_unit, 0,
	    (int)COUNT_OF(durations));
	tcase_add_loop_test(
	    tc, size_is_in_units_of_1024, 0, (int)COUNT_OF(sizes));
	tcase_add_loop_test(
	    tc, rate_is_a_count_in_a_period, 0, (int)COUNT_OF(rates));
	tcase_add_test(tc, printed_numbers_are_read_back);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
