/* SPDX-License-Identifier: BSD-2-Clause */
/* test_le: bytes in their order, at any address. */
#include "util/base/le.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#define GUARD 0x5a

/* Large bytes, so that a sign that creeps in is seen. */
static const unsigned char bytes[] = { 0x81, 0x92, 0xa3, 0xb4, 0xc5, 0xd6, 0xe7,
	0xf8 };

START_TEST(least_byte_comes_first)
{
	ck_assert_uint_eq(le_get16(bytes), 0x9281);
	ck_assert_uint_eq(le_get32(bytes), 0xb4a39281);
	ck_assert_uint_eq(le_get64(bytes), UINT64_C(0xf8e7d6c5b4a39281));
	ck_assert_uint_eq(le_get32(bytes + 1), 0xc5b4a392);
}
END_TEST

START_TEST(written_numbers_have_their_size)
{
	unsigned char out[10];

	memset(out, GUARD, sizeof(out));
	le_put16(out + 1, 0x9281);
	ck_assert_mem_eq(out + 1, bytes, 2);
	ck_assert_uint_eq(out[3], GUARD);
	le_put32(out + 1, 0xb4a39281);
	ck_assert_mem_eq(out + 1, bytes, 4);
	ck_assert_uint_eq(out[5], GUARD);
	le_put64(out + 1, UINT64_C(0xf8e7d6c5b4a39281));
	ck_assert_mem_eq(out + 1, bytes, 8);
	ck_assert_uint_eq(out[9], GUARD);
	ck_assert_uint_eq(out[0], GUARD);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("le");
	TCase *tc = tcase_create("le");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_test(tc, least_byte_comes_first);
	tcase_add_test(tc, written_numbers_have_their_size);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
