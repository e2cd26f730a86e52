/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_stop: holdfast stop: returns when the last process is gone. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/time.h>
#include <unistd.h>

#include "ctl/ctl.h"

/* Longest stop_grace, and then some: master has killed all long before. It runs
 * with a configuration of its own, so this is not that of the file. */
#define WAIT_S 3660

/* It has only to interrupt flock(). */
static void
on_alarm(int signo)
{
	(void)signo;
}

static void
set_alarm(int64_t seconds)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	struct itimerval timer = { .it_value.tv_sec = seconds };

	if (sigaction(SIGALRM, &sa, NULL) != 0 ||
	    setitimer(ITIMER_REAL, &timer, NULL) != 0)
		ctl_die(EXIT_TEMP, "timer: %s", strerror(errno));
}

/* Waits until nobody holds spool/lock. */
static int
wait_for_lock(struct ctl *ctl)
{
	char path[CTL_PATH_BYTES];
	int status = CTL_FINE;
	int fd;

	ctl_state_path(ctl, "spool/lock", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return CTL_FINE;
	if (fd < 0)
		ctl_die(EXIT_TEMP, "%s: %s", path, strerror(errno));
	set_alarm(WAIT_S);
	if (flock(fd, LOCK_SH) != 0) {
		(void)fprintf(
		    stderr, "holdfast: still running after an hour\n");
		status = EXIT_TEMP;
	}
	(void)close(fd);
	return status;
}

int
cmd_stop(struct ctl *ctl)
{
	struct msg_stop_ask ask = { 0 };
	struct call call;
	int status;

	ctl_check_args(ctl, 0, 0);
	/* Its children may be finishing still, if it was killed. */
	if (!ctl_try_connect(ctl, "master", &call))
		return wait_for_lock(ctl);
	ctl_must(call_send_stop_ask(&call, &ask), "master");
	status = ctl_print_answer(ctl_must_next(&call));
	call_fini(&call);
	return status == 0 ? wait_for_lock(ctl) : status;
}
