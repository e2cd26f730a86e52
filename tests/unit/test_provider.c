/* SPDX-License-Identifier: BSD-2-Clause */
/* test_provider: names of sets of hosts. */
#include "shaper/core/provider.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "util/base/array.h"

static char bytes[PROVIDER_MAX_BYTES];

static struct str
name_of(const char *prefix, const struct str *names, uint32_t n)
{
	struct outbuf out = { bytes, 0, sizeof(bytes) };

	provider_put_name(&out, str_from_c(prefix), names, n);
	return outbuf_str(&out);
}

START_TEST(a_name_lists_what_it_is_made_of_once)
{
	const struct str names[] = { STR("a"), STR("a"), STR("b") };

	ck_assert(str_eq(name_of("", names, 3), STR("a,b")));
	ck_assert(str_eq(name_of("lmtp:", names, 1), STR("lmtp:a")));
}
END_TEST

START_TEST(a_name_that_fills_the_room_is_told_apart_by_its_sum)
{
	char a[256], b[256];
	struct str one = { a, 254 }, two = { b, 256 };

	memset(a, 'a', sizeof(a));
	memset(b, 'a', sizeof(b));
	b[255] = 'b';
	ck_assert_uint_eq(name_of("", &one, 1).len, 254);
	ck_assert_uint_eq(str_find(name_of("", &one, 1), '+'), 254);
	one.len = 256;
	ck_assert_uint_eq(name_of("", &one, 1).len, 255);
	ck_assert_uint_eq(str_find(name_of("", &one, 1), '+'), 246);
	memcpy(a, bytes, 255);
	ck_assert_uint_eq(name_of("", &two, 1).len, 255);
	ck_assert_mem_ne(a, bytes, 255);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("provider");
	TCase *tc = tcase_create("provider");
	SRunner *sr = srunner_create(s);
	int n_failed;

	tcase_add_test(tc, a_name_lists_what_it_is_made_of_once);
	tcase_add_test(tc, a_name_that_fills_the_room_is_told_apart_by_its_sum);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	n_failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
