/* SPDX-License-Identifier: BSD-2-Clause */
/* test_log: where lines go, and that no reader can stop us. */
#include "util/log/log.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <check.h>

#include "util/base/fatal.h"

#define PATH_BYTES 64

static char dir[] = "/tmp/test_log.XXXXXX";
static char path[PATH_BYTES];
static char line[LOG_LINE_MAX_BYTES + 1];
static int64_t now_ms;

static int64_t
test_clock(void)
{
	return now_ms;
}

static void
enter(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/log", dir);
	now_ms = 1000;
	log_set_strict();
}

static void
leave(void)
{
	(void)unlink(path);
	ck_assert_int_eq(rmdir(dir), 0);
}

static void
begin(bool is_foreground, const char *socket_path)
{
	struct log_conf conf = { "holdfast/test", is_foreground, socket_path,
		test_clock };

	log_init(&conf);
}

/* A system log at path. */
static int
listen_here(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	ck_assert_int_ge(fd, 0);
	memcpy(sun.sun_path, path, sizeof(path));
	(void)unlink(path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	return fd;
}

/* The next line of fd, or NULL. */
static const char *
next_line(int fd)
{
	ssize_t n = read(fd, line, sizeof(line) - 1);

	if (n < 0)
		return NULL;
	line[n] = '\0';
	return line;
}

/* Puts the writing end of a pipe in the place of standard error. */
static int
pipe_stderr(void)
{
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	ck_assert_int_eq(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
	ck_assert_int_eq(close(fds[1]), 0);
	return fds[0];
}

static void
say_up(int64_t down_ms)
{
	LOG(EV_SITE_UP, KV_CSTR("site", "a b"), KV_NUM("down_ms", down_ms));
}

START_TEST(line_goes_to_standard_error)
{
	char want[128];
	int fd = pipe_stderr();

	begin(true, "");
	say_up(7);
	(void)snprintf(want, sizeof(want),
	    "holdfast/test[%ld]: event=site_up site=\"a b\" down_ms=7\n",
	    (long)getpid());
	ck_assert_str_eq(next_line(fd), want);
	ck_assert_uint_eq(log_lost(), 0);
}
END_TEST

START_TEST(background_leaves_standard_error_alone)
{
	int fd = pipe_stderr();

	begin(false, "");
	say_up(7);
	ck_assert_ptr_null(next_line(fd));
	ck_assert_uint_eq(log_lost(), 0);
}
END_TEST

START_TEST(pipe_that_nobody_reads_never_blocks)
{
	int fd = pipe_stderr();
	int lines = 0;

	begin(true, "");
	/* The pipe itself blocks: only a look before the write saves us. */
	ck_assert_int_eq(fcntl(STDERR_FILENO, F_SETFL, 0), 0);
	while (log_lost() == 0 && lines++ < 100000)
		say_up(lines);
	ck_assert_uint_eq(log_lost(), 1);
	ck_assert_ptr_nonnull(next_line(fd));
	ck_assert_ptr_nonnull(next_line(fd));
	say_up(0);
	ck_assert_uint_eq(log_lost(), 1);
}
END_TEST

START_TEST(level_decides)
{
	int fd = pipe_stderr();
	int looked = 0;

	begin(true, "");
	LOG(EV_MESSAGE_DONE, KV_NUM("qid", ++looked));
	ck_assert_ptr_null(next_line(fd));
	ck_assert_int_eq(looked, 0);
	log_set_level(LOG_LEVEL_DEBUG);
	LOG(EV_MESSAGE_DONE, KV_NUM("qid", ++looked));
	ck_assert_ptr_nonnull(next_line(fd));
	ck_assert_int_eq(looked, 1);
	log_set_level(LOG_LEVEL_WARNING);
	say_up(1);
	ck_assert_ptr_null(next_line(fd));
}
END_TEST

START_TEST(longest_line_fits_with_its_newline)
{
	static char text[2 * LOG_LINE_MAX_BYTES];
	int fd = pipe_stderr();

	memset(text, 'x', sizeof(text) - 1);
	begin(true, "");
	LOG(EV_FATAL, KV_CSTR("msg", text));
	ck_assert_ptr_nonnull(next_line(fd));
	ck_assert_uint_eq(strlen(line), LOG_LINE_MAX_BYTES);
	ck_assert_str_eq(line + LOG_LINE_MAX_BYTES - 5, "...\"\n");
	ck_assert_uint_eq(log_lost(), 0);
}
END_TEST

START_TEST(system_log_gets_priority_date_and_pid)
{
	int fd = listen_here();
	char want[128];

	ck_assert_int_eq(setenv("TZ", "UTC0", 1), 0);
	now_ms = INT64_C(1709251384123); /* 2024-03-01 00:03:04 */
	begin(false, path);
	say_up(7);
	(void)snprintf(want, sizeof(want),
	    "<21>Mar  1 00:03:04 holdfast/test[%ld]: "
	    "event=site_up site=\"a b\" down_ms=7",
	    (long)getpid());
	ck_assert_str_eq(next_line(fd), want);
	LOG(EV_CONFIG_ERROR, KV_CSTR("conf", "x"));
	ck_assert_ptr_nonnull(next_line(fd));
	ck_assert(strncmp(line, "<19>", 4) == 0);
}
END_TEST

START_TEST(missing_system_log_is_tried_once_a_second)
{
	int fd;

	begin(false, path);
	say_up(1);
	ck_assert_uint_eq(log_lost(), 1);
	fd = listen_here();
	now_ms += 999;
	say_up(2);
	ck_assert_uint_eq(log_lost(), 2);
	now_ms += 1;
	say_up(3);
	ck_assert_uint_eq(log_lost(), 2);
	ck_assert_ptr_nonnull(strstr(next_line(fd), "down_ms=3"));
}
END_TEST

START_TEST(restarted_system_log_is_found_again)
{
	int fd = listen_here();

	begin(false, path);
	say_up(1);
	ck_assert_ptr_nonnull(next_line(fd));
	ck_assert_int_eq(close(fd), 0);
	fd = listen_here();
	now_ms += 1000;
	say_up(2);
	ck_assert_uint_eq(log_lost(), 0);
	ck_assert_ptr_nonnull(strstr(next_line(fd), "down_ms=2"));
}
END_TEST

START_TEST(clock_that_was_set_back_does_not_keep_us_away)
{
	int fd;

	begin(false, path);
	say_up(1);
	fd = listen_here();
	now_ms -= 500;
	say_up(2);
	ck_assert_ptr_nonnull(strstr(next_line(fd), "down_ms=2"));
}
END_TEST

START_TEST(full_system_log_never_blocks)
{
	int fd = listen_here();
	int lines = 0;

	begin(false, path);
	while (log_lost() == 0 && lines++ < 100000)
		say_up(lines);
	ck_assert_uint_eq(log_lost(), 1);
	ck_assert_ptr_nonnull(next_line(fd));
	/* The connection stands: no second has to pass. */
	say_up(0);
	ck_assert_uint_eq(log_lost(), 1);
}
END_TEST

START_TEST(path_too_long_is_only_a_loss)
{
	char far[200];

	memset(far, 'x', sizeof(far) - 1);
	far[sizeof(far) - 1] = '\0';
	begin(false, far);
	say_up(1);
	ck_assert_uint_eq(log_lost(), 1);
}
END_TEST

START_TEST(last_words_are_an_event)
{
	int fd = listen_here();
	pid_t pid;

	begin(false, path);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		fatal("disk %d is gone", 7);
	/* Blocks until the child has spoken. */
	ck_assert_int_eq(fcntl(fd, F_SETFL, 0), 0);
	ck_assert_ptr_nonnull(
	    strstr(next_line(fd), ": event=fatal msg=\"disk 7 is gone\""));
}
END_TEST

START_TEST(unknown_key_is_a_bug_in_tests)
{
	begin(false, "");
	log_set_strict();
	LOG(EV_SITE_UP, KV_NUM("colour", 1));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("log");
	TCase *tc = tcase_create("log");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, enter, leave);
	tcase_add_test(tc, line_goes_to_standard_error);
	tcase_add_test(tc, background_leaves_standard_error_alone);
	tcase_add_test(tc, pipe_that_nobody_reads_never_blocks);
	tcase_add_test(tc, level_decides);
	tcase_add_test(tc, longest_line_fits_with_its_newline);
	tcase_add_test(tc, system_log_gets_priority_date_and_pid);
	tcase_add_test(tc, missing_system_log_is_tried_once_a_second);
	tcase_add_test(tc, restarted_system_log_is_found_again);
	tcase_add_test(tc, clock_that_was_set_back_does_not_keep_us_away);
	tcase_add_test(tc, full_system_log_never_blocks);
	tcase_add_test(tc, path_too_long_is_only_a_loss);
	tcase_add_test(tc, last_words_are_an_event);
	tc = tcase_create("bugs");
	suite_add_tcase(suite, tc);
	tcase_add_test_raise_signal(tc, unknown_key_is_a_bug_in_tests, SIGABRT);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
