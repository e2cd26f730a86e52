/* SPDX-License-Identifier: BSD-2-Clause */
/* notify: what the service manager is told, and what it keeps for us. */
#include "util/svc/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "util/base/array.h"
#include "util/base/fatal.h"
#include "util/text/ascii.h"

#define US_PER_MS 1000
#define NUMBER_BYTES 24
#define NAMES_BYTES (NOTIFY_FDS_MAX * (NOTIFY_NAME_MAX_BYTES + 1))
#define TEXT_BYTES 512

bool
notify_is_used(void)
{
	return getenv("NOTIFY_SOCKET") != NULL;
}

void
notify_ready(void)
{
	(void)sd_notify(0, "READY=1");
}

/* The manager orders a reload by it: it wants its own clock. */
void
notify_reloading(void)
{
	struct timespec ts = { 0 };

	if (!notify_is_used())
		return;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
	    (long long)ts.tv_sec * US_PER_MS * 1000 + ts.tv_nsec / US_PER_MS);
}

void
notify_stopping(void)
{
	(void)sd_notify(0, "STOPPING=1");
}

void
notify_status(const char *text)
{
	(void)sd_notifyf(0, "STATUS=%.*s", TEXT_BYTES, text);
}

void
notify_extend(int64_t ms)
{
	(void)sd_notifyf(
	    0, "EXTEND_TIMEOUT_USEC=%lld", (long long)(ms * US_PER_MS));
}

int64_t
notify_watchdog_ms(void)
{
	uint64_t us = 0;

	if (sd_watchdog_enabled(0, &us) <= 0)
		return 0;
	return us > INT64_MAX ? 0 : (int64_t)us / US_PER_MS;
}

void
notify_alive(void)
{
	(void)sd_notify(0, "WATCHDOG=1");
}

bool
notify_is_name(const char *name)
{
	size_t i;

	for (i = 0; name[i] != '\0'; i++)
		if (!ascii_is_print(name[i]) || name[i] == ':')
			return false;
	return i > 0 && i <= NOTIFY_NAME_MAX_BYTES;
}

void
notify_store(int fd, const char *name)
{
	char text[TEXT_BYTES];

	BUG_IF(!notify_is_name(name));
	(void)snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s", name);
	(void)sd_pid_notify_with_fds(0, 0, text, &fd, 1);
}

void
notify_drop(const char *name)
{
	BUG_IF(!notify_is_name(name));
	(void)sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", name);
}

/* --- descriptors ---------------------------------------------------------- */

/* Takes the i-th; one without place or name for it is closed. */
static bool
take(struct notify_fd *to, unsigned i, const char *name)
{
	int fd = SD_LISTEN_FDS_START + (int)i;

	if (i < NOTIFY_FDS_MAX && strlen(name) <= NOTIFY_NAME_MAX_BYTES) {
		to->fd = fd;
		(void)snprintf(to->name, sizeof(to->name), "%s", name);
		return true;
	}
	(void)close(fd);
	return false;
}

unsigned
notify_take_fds(struct notify_fd fds[NOTIFY_FDS_MAX])
{
	char **names = NULL;
	unsigned n = 0;
	int i, found;

	found = sd_listen_fds_with_names(1, &names);
	for (i = 0; i < found; i++) {
		if (take(&fds[n], (unsigned)i, names[i]))
			n++;
		free(names[i]);
	}
	free(names);
	return n;
}

/* What stood in the places of those that are passed on; -1: nothing. */
static struct {
	int fds[NOTIFY_FDS_MAX];
	unsigned n;
} displaced;

/* A copy of fd above the places of n, closed on exec. */
static int
lift(int fd, unsigned n)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, SD_LISTEN_FDS_START + (int)n);
}

/* False: no descriptor is left for it. */
static bool
save_places(unsigned n)
{
	for (displaced.n = 0; displaced.n < n; displaced.n++) {
		displaced.fds[displaced.n] =
		    lift(SD_LISTEN_FDS_START + (int)displaced.n, n);
		if (displaced.fds[displaced.n] < 0 && errno != EBADF)
			return false;
	}
	return true;
}

/* Copies first: one may stand in the place of another. */
static bool
set_places(const struct notify_fd *fds, unsigned n)
{
	int lifted[NOTIFY_FDS_MAX];
	bool is_fine = true;
	unsigned i, k;

	for (i = 0; i < n && is_fine; i++) {
		lifted[i] = lift(fds[i].fd, n);
		is_fine = lifted[i] >= 0;
	}
	/* dup2() clears the flag that closes it. */
	for (k = 0; k < i && is_fine; k++)
		is_fine = dup2(lifted[k], SD_LISTEN_FDS_START + (int)k) >= 0;
	for (k = 0; k < i; k++)
		if (lifted[k] >= 0)
			(void)close(lifted[k]);
	return is_fine;
}

static bool
set_environment(const struct notify_fd *fds, unsigned n)
{
	static char names[NAMES_BYTES];
	char number[NUMBER_BYTES];
	size_t at = 0;
	unsigned i;

	names[0] = '\0';
	for (i = 0; i < n; i++)
		at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s",
		    i == 0 ? "" : ":", fds[i].name);
	if (setenv("LISTEN_FDNAMES", names, 1) != 0)
		return false;
	(void)snprintf(number, sizeof(number), "%u", n);
	if (setenv("LISTEN_FDS", number, 1) != 0)
		return false;
	(void)snprintf(number, sizeof(number), "%ld", (long)getpid());
	return setenv("LISTEN_PID", number, 1) == 0;
}

bool
notify_pass(const struct notify_fd *fds, unsigned n)
{
	int error;

	BUG_IF(n > NOTIFY_FDS_MAX);
	if (save_places(n) && set_places(fds, n) && set_environment(fds, n))
		return true;
	error = errno;
	notify_unpass();
	errno = error;
	return false;
}

void
notify_unpass(void)
{
	unsigned i;
	int place;

	for (i = 0; i < displaced.n; i++) {
		place = SD_LISTEN_FDS_START + (int)i;
		if (displaced.fds[i] < 0) {
			(void)close(place);
			continue;
		}
		(void)dup3(displaced.fds[i], place, O_CLOEXEC);
		(void)close(displaced.fds[i]);
	}
	displaced.n = 0;
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDNAMES");
}

bool
notify_is_private(const char *entry)
{
	static const char *const names[] = { "NOTIFY_SOCKET=", "WATCHDOG_USEC=",
		"WATCHDOG_PID=", "LISTEN_FDS=", "LISTEN_PID=",
		"LISTEN_FDNAMES=", "MAINPID=" };
	size_t i;

	for (i = 0; i < COUNT_OF(names); i++)
		if (strncmp(entry, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}
