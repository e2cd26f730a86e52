/* SPDX-License-Identifier: BSD-2-Clause */
/* detach: goes into the background, and tells who waits how the start went. */
#include "master/detach.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/base/fatal.h"
#include "util/io/clock.h"

/* A queue manager with ten million messages reads for half a minute. */
#define WAIT_MS 600000
#define READ_BYTES 4096

/*
 * The child's standard error is a pipe. Text goes on to the caller; a NUL byte,
 * which no text has, and then the exit status end the wait.
 */
static bool is_waited_for;

static void
pass_on(const char *bytes, size_t n)
{
	if (n > 0)
		(void)fwrite(bytes, 1, n, stderr);
}

/* The child ended without a word: its status is ours. */
NORETURN static void
exit_as(pid_t child)
{
	int status = 0;

	if (waitpid(child, &status, 0) != child)
		fatal("the master cannot be waited for: %s", strerror(errno));
	if (WIFSIGNALED(status))
		fatal("the master was killed by signal %d", WTERMSIG(status));
	_exit(WEXITSTATUS(status));
}

/* Reads once. False: the end of the pipe. */
static bool
relay(int fd)
{
	static bool is_status_next;
	char bytes[READ_BYTES];
	ssize_t n = read(fd, bytes, sizeof(bytes));
	const char *end;
	size_t text;

	if (n <= 0)
		return false;
	if (is_status_next)
		_exit((unsigned char)bytes[0]);
	end = memchr(bytes, '\0', (size_t)n);
	text = end == NULL ? (size_t)n : (size_t)(end - bytes);
	pass_on(bytes, text);
	if (text + 1 < (size_t)n)
		_exit((unsigned char)bytes[text + 1]);
	is_status_next = end != NULL;
	return true;
}

NORETURN static void
wait_for(pid_t child, int fd)
{
	int64_t deadline_ms = clock_boot_ms() + WAIT_MS;
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int64_t left_ms;
	int n;

	for (;;) {
		left_ms = deadline_ms - clock_boot_ms();
		if (left_ms <= 0)
			fatal("not ready after ten minutes; it goes on "
			      "starting in the background");
		n = poll(&pfd, 1, (int)left_ms);
		if (n < 0 && errno != EINTR)
			fatal("poll: %s", strerror(errno));
		if (n > 0 && !relay(fd))
			exit_as(child);
	}
}

/* Makes the three standard descriptors: nothing, and err_fd. */
static void
set_streams(int err_fd)
{
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null_fd < 0)
		fatal("/dev/null: %s", strerror(errno));
	if (err_fd < 0)
		err_fd = null_fd;
	if (dup2(null_fd, STDIN_FILENO) < 0 ||
	    dup2(null_fd, STDOUT_FILENO) < 0 || dup2(err_fd, STDERR_FILENO) < 0)
		fatal("dup2: %s", strerror(errno));
	if (null_fd > STDERR_FILENO)
		(void)close(null_fd);
}

void
detach_prepare(void)
{
	if (close_range(STDERR_FILENO + 1, ~0u, 0) != 0)
		fatal("close_range: %s", strerror(errno));
}

void
detach_begin(void)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) != 0)
		fatal("pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		fatal("fork: %s", strerror(errno));
	if (pid > 0) {
		(void)close(fds[1]);
		wait_for(pid, fds[0]);
	}
	(void)close(fds[0]);
	if (setsid() < 0 || chdir("/") != 0)
		fatal("detaching: %s", strerror(errno));
	set_streams(fds[1]);
	(void)close(fds[1]);
	is_waited_for = true;
}

void
detach_tell(int status, const char *text)
{
	char end[2] = { '\0', (char)status };

	if (!is_waited_for)
		return;
	is_waited_for = false;
	if (text != NULL)
		(void)fprintf(stderr, "%s\n", text);
	/* Whoever does not read it any more needs no answer. */
	(void)!write(STDERR_FILENO, end, sizeof(end));
	set_streams(-1);
}
