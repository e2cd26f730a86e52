/* SPDX-License-Identifier: BSD-2-Clause */
/* test_qmgr_budget: the least limit of a control group and those above it. */
#include "qmgr/budget.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

#include "util/base/fatal.h"

static char root[64];

/* A tree of groups: /, /a, /a/b. */
static void
enter(void)
{
	char path[128];

	(void)snprintf(root, sizeof(root), "/tmp/holdfast-test-XXXXXX");
	BUG_IF(mkdtemp(root) == NULL);
	(void)snprintf(path, sizeof(path), "%s/a", root);
	BUG_IF(mkdir(path, 0700) != 0);
	(void)snprintf(path, sizeof(path), "%s/a/b", root);
	BUG_IF(mkdir(path, 0700) != 0);
}

static void
leave(void)
{
	static const char *const names[] = { "a/b/memory.max",
		"a/b/memory.high", "a/memory.max", "memory.max", "a/b", "a",
		"" };
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", root, names[i]);
		if (unlink(path) != 0)
			(void)rmdir(path);
	}
}

static void
put(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", root, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static uint64_t
budget(const char *text)
{
	return budget_of_group(root, str_from_c(text));
}

START_TEST(the_least_limit_on_the_way_up_counts)
{
	put("a/b/memory.max", "5000000\n");
	ck_assert_uint_eq(budget("0::/a/b\n"), 5000000);
	put("a/memory.max", "4000000\n");
	ck_assert_uint_eq(budget("0::/a/b\n"), 4000000);
	ck_assert_uint_eq(budget("0::/a\n"), 4000000);
	put("a/b/memory.high", "3000000\n");
	ck_assert_uint_eq(budget("0::/a/b\n"), 3000000);
	ck_assert_uint_eq(budget("0::/a\n"), 4000000);
	/* In a container the own group is the root. */
	put("memory.max", "2000000\n");
	ck_assert_uint_eq(budget("0::/\n"), 2000000);
	ck_assert_uint_eq(budget("0::/a/b\n"), 2000000);
}
END_TEST

START_TEST(what_says_nothing_is_no_limit)
{
	ck_assert_uint_eq(budget("0::/a/b\n"), UINT64_MAX);
	ck_assert_uint_eq(budget("0::/not/there\n"), UINT64_MAX);
	put("a/b/memory.max", "max\n");
	ck_assert_uint_eq(budget("0::/a/b\n"), UINT64_MAX);
	put("a/b/memory.max", "12 apples\n");
	ck_assert_uint_eq(budget("0::/a/b\n"), UINT64_MAX);
	put("a/b/memory.max", "");
	ck_assert_uint_eq(budget("0::/a/b\n"), UINT64_MAX);
}
END_TEST

START_TEST(the_line_of_version_2_is_found_among_others)
{
	put("a/memory.max", "7\n");
	ck_assert_uint_eq(budget("4:memory:/x\n1:cpu:/\n0::/a\n"), 7);
	ck_assert_uint_eq(budget("0::/a"), 7);
	ck_assert_uint_eq(budget("4:memory:/a\n"), UINT64_MAX);
	ck_assert_uint_eq(budget("0::a\n"), UINT64_MAX);
	ck_assert_uint_eq(budget(""), UINT64_MAX);
}
END_TEST

START_TEST(the_machine_has_some_memory)
{
	ck_assert_uint_gt(budget_memory_bytes(), 1 << 20);
	ck_assert_uint_lt(budget_memory_bytes(), UINT64_MAX / 2);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("qmgr_budget");
	TCase *tc = tcase_create("budget");
	SRunner *sr = srunner_create(s);
	int n_failed;

	tcase_add_checked_fixture(tc, enter, leave);
	tcase_add_test(tc, the_least_limit_on_the_way_up_counts);
	tcase_add_test(tc, what_says_nothing_is_no_limit);
	tcase_add_test(tc, the_line_of_version_2_is_found_among_others);
	tcase_add_test(tc, the_machine_has_some_memory);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	n_failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
