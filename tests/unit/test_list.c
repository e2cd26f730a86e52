/* SPDX-License-Identifier: BSD-2-Clause */
/* test_list: order, counts, and members that are listed twice or not at all. */
#include "util/base/list.h"

#include <signal.h>
#include <stdlib.h>

#include <check.h>

#define THINGS 5

struct thing {
	int number;
	struct link by_age;
	struct link by_size;
};

static struct thing things[THINGS];
static struct list list;

static void
setup(void)
{
	list_init(&list);
	for (int i = 0; i < THINGS; i++)
		things[i] = (struct thing){ .number = i };
}

/* Members as the digits of a number, first to last. */
static int
digits(void)
{
	struct link *link;
	int n = 0;

	LIST_FOREACH (link, &list)
		n = n * 10 + LIST_ITEM(link, struct thing, by_age)->number;
	return n;
}

START_TEST(pushed_members_come_in_order)
{
	ck_assert(list_is_empty(&list));
	ck_assert_ptr_null(list_first(&list));
	ck_assert_ptr_null(list_last(&list));
	list_push_back(&list, &things[2].by_age);
	list_push_back(&list, &things[3].by_age);
	list_push_front(&list, &things[1].by_age);
	ck_assert_int_eq(digits(), 123);
	ck_assert_uint_eq(list.n, 3);
	ck_assert(!list_is_empty(&list));
	ck_assert_ptr_eq(list_first(&list), &things[1].by_age);
	ck_assert_ptr_eq(list_last(&list), &things[3].by_age);
	ck_assert_ptr_null(list_next(&list, &things[3].by_age));
}
END_TEST

START_TEST(removal_closes_the_gap)
{
	for (int i = 1; i < THINGS; i++)
		list_push_back(&list, &things[i].by_age);
	list_remove(&list, &things[2].by_age);
	ck_assert_int_eq(digits(), 134);
	list_remove(&list, &things[1].by_age);
	list_remove(&list, &things[4].by_age);
	ck_assert_int_eq(digits(), 3);
	ck_assert(!link_is_listed(&things[1].by_age));
	list_push_back(&list, &things[1].by_age);
	ck_assert_int_eq(digits(), 31);
	list_remove(&list, &things[1].by_age);
	list_remove(&list, &things[3].by_age);
	ck_assert(list_is_empty(&list));
	ck_assert_ptr_null(list_first(&list));
}
END_TEST

START_TEST(thing_is_in_two_lists_at_once)
{
	struct list other;

	list_init(&other);
	list_push_back(&list, &things[1].by_age);
	list_push_back(&other, &things[1].by_size);
	list_remove(&list, &things[1].by_age);
	ck_assert(link_is_listed(&things[1].by_size));
	ck_assert_int_eq(
	    LIST_ITEM(list_first(&other), struct thing, by_size)->number, 1);
}
END_TEST

START_TEST(member_in_hand_may_go)
{
	struct link *link, *tmp;
	int n = 0;

	for (int i = 1; i < THINGS; i++)
		list_push_back(&list, &things[i].by_age);
	LIST_FOREACH_SAFE (link, tmp, &list) {
		list_remove(&list, link);
		n++;
	}
	ck_assert_int_eq(n, THINGS - 1);
	ck_assert(list_is_empty(&list));
}
END_TEST

START_TEST(adding_twice_is_a_bug)
{
	list_push_back(&list, &things[1].by_age);
	list_push_back(&list, &things[1].by_age);
}
END_TEST

START_TEST(removing_a_stranger_is_a_bug)
{
	list_push_back(&list, &things[1].by_age);
	list_remove(&list, &things[2].by_age);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("list");
	TCase *tc = tcase_create("list");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, pushed_members_come_in_order);
	tcase_add_test(tc, removal_closes_the_gap);
	tcase_add_test(tc, thing_is_in_two_lists_at_once);
	tcase_add_test(tc, member_in_hand_may_go);
	tcase_add_test_raise_signal(tc, adding_twice_is_a_bug, SIGABRT);
	tcase_add_test_raise_signal(tc, removing_a_stranger_is_a_bug, SIGABRT);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
