/* SPDX-License-Identifier: BSD-2-Clause */
/* test_priv: a daemon becomes the owner of its directory, and stays that. */
#include "util/svc/priv.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#define SOMEBODY 12345

/* Each test runs in a process of its own: dropping ends there. */
static char dir[] = "/tmp/holdfast-priv-XXXXXX";

static void
setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

/* In a child: whoever dropped cannot clean up. Returns what failed, 0: none. */
static int
drop_and_look(void)
{
	if (priv_drop(dir) != ERR_OK)
		return 1;
	if (getuid() != SOMEBODY || geteuid() != SOMEBODY)
		return 2;
	if (getgid() != SOMEBODY + 1 || getgroups(0, NULL) != 0)
		return 3;
	if (setuid(0) == 0 || setgid(0) == 0)
		return 4;
	return 0;
}

START_TEST(root_becomes_the_owner_and_cannot_go_back)
{
	int status = 0;
	pid_t pid;

	if (geteuid() == 0) {
		ck_assert_int_eq(chown(dir, SOMEBODY, SOMEBODY + 1), 0);
		pid = fork();
		if (pid == 0)
			_exit(drop_and_look());
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	}
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

START_TEST(the_owner_stays_who_he_is)
{
	uid_t uid = geteuid();

	ck_assert_int_eq(priv_drop(dir), ERR_OK);
	ck_assert_uint_eq(geteuid(), uid);
	ck_assert_int_eq(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

START_TEST(a_directory_that_is_not_there_is_an_error)
{
	ck_assert_int_eq(rmdir(dir), 0);
	ck_assert_int_eq(priv_drop(dir), ERR_IO);
	ck_assert_int_eq(errno, ENOENT);
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
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("priv");
	TCase *tc = tcase_create("priv");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, root_becomes_the_owner_and_cannot_go_back);
	tcase_add_test(tc, the_owner_stays_who_he_is);
	tcase_add_test(tc, a_directory_that_is_not_there_is_an_error);
	tcase_add_test(tc, the_limit_of_files_goes_to_the_hard_one);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
