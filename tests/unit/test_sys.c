/* SPDX-License-Identifier: BSD-2-Clause */
/* test_sys: calls go through, and faults come at the call they are for. */
#include "util/io/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <check.h>

#include "util/base/array.h"
#include "util/text/str.h"

static int fd;

static void
set_up(void)
{
	fd = memfd_create("sys", MFD_CLOEXEC);
	ck_assert_int_ge(fd, 0);
}

static void
tear_down(void)
{
	(void)close(fd);
}

START_TEST(calls_go_through)
{
	char got[4];
	struct stat st;

	ck_assert_int_eq(sys_fault_init(NULL), ERR_OK);
	ck_assert_int_eq(sys.pwrite(fd, "abcd", 4, 0), 4);
	ck_assert_int_eq(sys.pread(fd, got, 4, 1), 3);
	ck_assert_mem_eq(got, "bcd", 3);
	ck_assert_int_eq(sys.fstat(fd, &st), 0);
	ck_assert_int_eq(st.st_size, 4);
	ck_assert_int_eq(sys.ftruncate(-1, 0), -1);
	ck_assert_int_eq(errno, EBADF);
}
END_TEST

START_TEST(nth_call_fails_and_no_other)
{
	ck_assert_int_eq(sys_fault_init("pwrite:2:ENOSPC,fsync:1:EIO"), ERR_OK);
	ck_assert_int_eq(sys.pwrite(fd, "a", 1, 0), 1);
	ck_assert_int_eq(sys.write(fd, "a", 1), 1);
	ck_assert_int_eq(sys.pwrite(fd, "a", 1, 0), -1);
	ck_assert_int_eq(errno, ENOSPC);
	ck_assert_int_eq(sys.pwrite(fd, "a", 1, 0), 1);
	ck_assert_int_eq(sys.fsync(fd), -1);
	ck_assert_int_eq(errno, EIO);
	ck_assert_int_eq(sys.fsync(fd), 0);
}
END_TEST

START_TEST(plus_means_that_call_and_all_later)
{
	ck_assert_int_eq(sys_fault_init("fdatasync:2+:EIO"), ERR_OK);
	ck_assert_int_eq(sys.fdatasync(fd), 0);
	ck_assert_int_eq(sys.fdatasync(fd), -1);
	ck_assert_int_eq(sys.fdatasync(fd), -1);
	ck_assert_int_eq(sys_fault_init(""), ERR_OK);
	ck_assert_int_eq(sys.fdatasync(fd), 0);
}
END_TEST

START_TEST(short_calls_do_half)
{
	struct iovec v[2] = { { (char[]){ "abcd" }, 4 },
		{ (char[]){ "ef" }, 2 } };

	ck_assert_int_eq(
	    sys_fault_init("write:1+:short,pwritev:1:short"), ERR_OK);
	ck_assert_int_eq(sys.write(fd, "abcde", 5), 3);
	ck_assert_int_eq(sys.write(fd, "a", 1), 1);
	ck_assert_int_eq(sys.pwritev(fd, v, 2, 0), 2);
	ck_assert_uint_eq(v[0].iov_len, 4);
	ck_assert_int_eq(sys.pwritev(fd, v, 2, 0), 6);
}
END_TEST

START_TEST(kill_comes_before_the_call)
{
	ck_assert_int_eq(sys_fault_init("ftruncate:2:kill"), ERR_OK);
	ck_assert_int_eq(sys.ftruncate(fd, 10), 0);
	(void)sys.ftruncate(fd, 20);
	_exit(0);
}
END_TEST

START_TEST(what_is_no_list_of_faults_is_refused)
{
	static const char *const bad[] = {
		"pwrite",
		"pwrite:1",
		"pwrite:0:EIO",
		"pwrite:x:EIO",
		"pwrite:+:EIO",
		"pwrite:1:EWHAT",
		"pwrite:1:0",
		"pwrites:1:EIO",
		"pwrite:1:EIO:2",
		"pwrite:1:EIO;write:1:EIO",
		",pwrite:1:EIO",
		"pwrite:1:EIO,pwrite",
	};

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		ck_assert_msg(
		    sys_fault_init(bad[i]) == ERR_SYNTAX, "%s", bad[i]);
	/* Nothing of it is in force. */
	ck_assert_int_eq(sys.pwrite(fd, "a", 1, 0), 1);
}
END_TEST

START_TEST(sixteen_faults_and_no_more)
{
	char spec[SYS_FAULTS_MAX * 12 + 24];
	struct outbuf out = { spec, 0, sizeof(spec) };

	for (int i = 0; i < SYS_FAULTS_MAX; i++)
		ck_assert_int_eq(outbuf_printf(&out, "fsync:9:EIO,"), ERR_OK);
	ck_assert_int_eq(sys_fault_init(spec), ERR_OK);
	ck_assert_int_eq(outbuf_printf(&out, "fsync:9:EIO"), ERR_OK);
	ck_assert_int_eq(sys_fault_init(spec), ERR_FULL);
}
END_TEST

START_TEST(errno_says_what_a_caller_can_do)
{
	ck_assert_int_eq(sys_err(0), ERR_OK);
	ck_assert_int_eq(sys_err(EAGAIN), ERR_AGAIN);
	ck_assert_int_eq(sys_err(ENOSPC), ERR_FULL);
	ck_assert_int_eq(sys_err(EMFILE), ERR_FULL);
	ck_assert_int_eq(sys_err(ENOENT), ERR_NOTFOUND);
	ck_assert_int_eq(sys_err(EPIPE), ERR_EOF);
	ck_assert_int_eq(sys_err(EIO), ERR_IO);
	ck_assert_int_eq(sys_err(EBADF), ERR_IO);
	ck_assert_int_eq(sys_err(100000), ERR_IO);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sys");
	TCase *tc = tcase_create("sys");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, calls_go_through);
	tcase_add_test(tc, nth_call_fails_and_no_other);
	tcase_add_test(tc, plus_means_that_call_and_all_later);
	tcase_add_test(tc, short_calls_do_half);
	tcase_add_test_raise_signal(tc, kill_comes_before_the_call, SIGKILL);
	tcase_add_test(tc, what_is_no_list_of_faults_is_refused);
	tcase_add_test(tc, sixteen_faults_and_no_more);
	tcase_add_test(tc, errno_says_what_a_caller_can_do);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
