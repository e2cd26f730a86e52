/* SPDX-License-Identifier: BSD-2-Clause */
/* test_priv: a daemon becomes another user, and stays that. */
#include "util/svc/priv.h"

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#define SOMEBODY 12345

/* In a child: whoever dropped cannot clean up. Returns what failed, 0: none. */
static int
drop_and_look(void)
{
	const struct priv_user somebody = { SOMEBODY, SOMEBODY + 1 };

	if (priv_drop(&somebody) != ERR_OK)
		return 1;
	if (getuid() != SOMEBODY || geteuid() != SOMEBODY)
		return 2;
	if (getgid() != SOMEBODY + 1 || getgroups(0, NULL) != 0)
		return 3;
	if (setuid(0) == 0 || setgid(0) == 0)
		return 4;
	return 0;
}

START_TEST(root_becomes_another_and_cannot_go_back)
{
	int status = 0;
	pid_t pid;

	if (geteuid() == 0) {
		pid = fork();
		if (pid == 0)
			_exit(drop_and_look());
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	}
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(one_who_is_not_root_or_asked_to_stay_is_who_he_is)
{
	const struct priv_user self = { geteuid(), getegid() };

	ck_assert_int_eq(priv_drop(&self), ERR_OK);
	ck_assert_uint_eq(geteuid(), self.uid);
	ck_assert_int_eq(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
}
END_TEST

/* This machine may have them or not. */
START_TEST(users_are_found_or_one_that_is_missing_is_named)
{
	struct priv_user users[PRIV_ROLE_N];
	const char *missing = NULL;
	enum err err = priv_find(users, &missing);

	if (err == ERR_OK) {
		ck_assert_ptr_null(missing);
		ck_assert_uint_eq(
		    users[PRIV_SMTPD].gid, users[PRIV_DELIVER].gid);
		ck_assert_uint_ne(
		    users[PRIV_SMTPD].uid, users[PRIV_DELIVER].uid);
		return;
	}
	ck_assert_int_eq(err, ERR_NOTFOUND);
	ck_assert_ptr_nonnull(missing);
	ck_assert_ptr_nonnull(strstr(missing, PRIV_GROUP));
}
END_TEST

START_TEST(the_limit_of_files_goes_to_the_hard_one)
{
	struct rlimit limit, raised;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max / 2;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	priv_raise_files();
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &raised), 0);
	ck_assert_uint_eq(raised.rlim_cur, limit.rlim_max);
	ck_assert_uint_eq(raised.rlim_max, limit.rlim_max);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("priv");
	TCase *tc = tcase_create("priv");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, root_becomes_another_and_cannot_go_back);
	tcase_add_test(tc, one_who_is_not_root_or_asked_to_stay_is_who_he_is);
	tcase_add_test(tc, users_are_found_or_one_that_is_missing_is_named);
	tcase_add_test(tc, the_limit_of_files_goes_to_the_hard_one);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
