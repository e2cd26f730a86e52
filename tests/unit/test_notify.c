/* SPDX-License-Identifier: BSD-2-Clause */
/* test_notify: a manager hears what it is told, and descriptors go on. */
#include "util/svc/notify.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#define TEXT_BYTES 512

/* A manager's socket, abstract: it needs no place. */
static int
manager(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char name[sizeof(un.sun_path)];
	int n = snprintf(name, sizeof(name), "@hf-notify-%ld", (long)getpid());
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	socklen_t len =
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n);

	memcpy(un.sun_path + 1, name + 1, (size_t)n - 1);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&un, len), 0);
	ck_assert_int_eq(setenv("NOTIFY_SOCKET", name, 1), 0);
	return fd;
}

static const char *
heard(int fd)
{
	static char text[TEXT_BYTES];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

START_TEST(the_manager_hears_each_word)
{
	int fd = manager();

	ck_assert(notify_is_used());
	ck_assert(notify_ready());
	ck_assert_str_eq(heard(fd), "READY=1");
	notify_reloading();
	ck_assert_int_eq(
	    strncmp(heard(fd), "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
	notify_stopping();
	ck_assert_str_eq(heard(fd), "STOPPING=1");
	ck_assert(notify_status("all is well"));
	ck_assert_str_eq(heard(fd), "STATUS=all is well");
	notify_extend(1500);
	ck_assert_str_eq(heard(fd), "EXTEND_TIMEOUT_USEC=1500000");
	notify_alive();
	ck_assert_str_eq(heard(fd), "WATCHDOG=1");
	ck_assert(notify_store(STDIN_FILENO, "a,b"));
	ck_assert_str_eq(heard(fd), "FDSTORE=1\nFDNAME=a,b");
	ck_assert(notify_drop("a,b"));
	ck_assert_str_eq(heard(fd), "FDSTOREREMOVE=1\nFDNAME=a,b");
	(void)close(fd);
}
END_TEST

/* It is full after some: what is told all the time is lost at once. */
START_TEST(a_manager_that_does_not_read_holds_nobody_up)
{
	int fd = manager();
	unsigned n = 0;

	while (notify_status("is it there") && n < 100000)
		n++;
	ck_assert_uint_lt(n, 100000);
	notify_alive();
	ck_assert(!notify_ready());
	ck_assert_str_eq(heard(fd), "STATUS=is it there");
	ck_assert(notify_ready());
	(void)close(fd);
	/* As is one that is gone. */
	ck_assert(!notify_ready());
}
END_TEST

START_TEST(without_a_manager_nothing_happens)
{
	(void)unsetenv("NOTIFY_SOCKET");
	(void)unsetenv("WATCHDOG_USEC");
	ck_assert(!notify_is_used());
	ck_assert(notify_ready());
	notify_reloading();
	ck_assert(notify_store(STDIN_FILENO, "x"));
	ck_assert_int_eq(notify_watchdog_ms(), 0);
}
END_TEST

START_TEST(the_watchdog_is_for_this_process_alone)
{
	char pid[TEXT_BYTES];

	(void)snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	ck_assert_int_eq(setenv("WATCHDOG_USEC", "3000000", 1), 0);
	ck_assert_int_eq(setenv("WATCHDOG_PID", pid, 1), 0);
	ck_assert_int_eq(notify_watchdog_ms(), 3000);
	ck_assert_int_eq(setenv("WATCHDOG_PID", "1", 1), 0);
	ck_assert_int_eq(notify_watchdog_ms(), 0);
}
END_TEST

START_TEST(names_are_printable_and_without_colon)
{
	char longest[NOTIFY_NAME_MAX_BYTES + 2];

	memset(longest, 'a', sizeof(longest));
	longest[NOTIFY_NAME_MAX_BYTES] = '\0';
	ck_assert(notify_is_name(longest));
	longest[NOTIFY_NAME_MAX_BYTES] = 'a';
	longest[NOTIFY_NAME_MAX_BYTES + 1] = '\0';
	ck_assert(!notify_is_name(longest));
	ck_assert(!notify_is_name(""));
	ck_assert(!notify_is_name("a:b"));
	ck_assert(!notify_is_name("a\nb"));
	ck_assert(notify_is_name("unix,/run/x y"));
}
END_TEST

START_TEST(what_is_private_is_known_by_its_name)
{
	ck_assert(notify_is_private("NOTIFY_SOCKET=/run/x"));
	ck_assert(notify_is_private("LISTEN_FDS="));
	ck_assert(!notify_is_private("NOTIFY_SOCKETS=1"));
	ck_assert(!notify_is_private("PATH=/bin"));
}
END_TEST

static ino_t
inode(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

/* Two pipes, the ends at 3 to 6 wherever they were before. */
static void
open_pipes(int fds[4])
{
	ck_assert_int_eq(close_range(3, ~0u, 0), 0);
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(fds + 2, O_CLOEXEC), 0);
	ck_assert_int_eq(fds[0], 3);
}

START_TEST(what_is_passed_is_taken_in_order_with_its_name)
{
	static struct notify_fd got[NOTIFY_FDS_MAX];
	int fds[4];
	struct notify_fd passed[2];
	ino_t first, second;

	/* Each stands in the other's place. */
	open_pipes(fds);
	passed[0] = (struct notify_fd){ .fd = 4, .name = "one" };
	passed[1] = (struct notify_fd){ .fd = 3, .name = "two,x" };
	first = inode(4);
	second = inode(3);
	ck_assert(notify_pass(passed, 2));
	ck_assert_int_eq(fcntl(3, F_GETFD), 0);
	ck_assert_uint_eq(notify_take_fds(got), 2);
	ck_assert_str_eq(got[0].name, "one");
	ck_assert_str_eq(got[1].name, "two,x");
	ck_assert_uint_eq(inode(got[0].fd), first);
	ck_assert_uint_eq(inode(got[1].fd), second);
	ck_assert_int_eq(fcntl(3, F_GETFD), FD_CLOEXEC);
	ck_assert_uint_eq(notify_take_fds(got), 0);
}
END_TEST

START_TEST(what_was_passed_in_vain_is_as_before)
{
	struct notify_fd passed[3] = { { 6, "a" }, { 5, "b" }, { 6, "c" } };
	int fds[4];
	ino_t before[8], spare;
	int i;

	open_pipes(fds);
	ck_assert_int_eq(close(4), 0);
	for (i = 0; i < 8; i++)
		before[i] = inode(i);
	spare = inode(6);
	ck_assert(notify_pass(passed, 3));
	ck_assert_uint_eq(inode(3), spare);
	notify_unpass();
	for (i = 3; i < 8; i++)
		ck_assert_uint_eq(inode(i), before[i]);
	ck_assert_int_eq(fcntl(3, F_GETFD), FD_CLOEXEC);
	ck_assert_ptr_null(getenv("LISTEN_FDS"));
}
END_TEST

START_TEST(a_descriptor_that_is_none_cannot_be_passed)
{
	struct notify_fd passed[2] = { { 4, "a" }, { 999, "b" } };
	int fds[4];
	ino_t before;

	open_pipes(fds);
	before = inode(3);
	ck_assert(!notify_pass(passed, 2));
	ck_assert_uint_eq(inode(3), before);
	ck_assert_ptr_null(getenv("LISTEN_PID"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("notify");
	TCase *tc = tcase_create("notify");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, the_manager_hears_each_word);
	tcase_add_test(tc, a_manager_that_does_not_read_holds_nobody_up);
	tcase_add_test(tc, without_a_manager_nothing_happens);
	tcase_add_test(tc, the_watchdog_is_for_this_process_alone);
	tcase_add_test(tc, names_are_printable_and_without_colon);
	tcase_add_test(tc, what_is_private_is_known_by_its_name);
	tcase_add_test(tc, what_is_passed_is_taken_in_order_with_its_name);
	tcase_add_test(tc, what_was_passed_in_vain_is_as_before);
	tcase_add_test(tc, a_descriptor_that_is_none_cannot_be_passed);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
