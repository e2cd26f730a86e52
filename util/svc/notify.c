/* SPDX-License-Identifier: BSD-2-Clause */
/* notify: what the service manager is told, and what it keeps for us. */
#include "util/svc/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "util/base/array.h"
#include "util/base/fatal.h"
#include "util/text/ascii.h"
#include "util/text/str.h"

#define US_PER_MS 1000
#define NUMBER_BYTES 24
#define NAMES_BYTES (NOTIFY_FDS_MAX * (NOTIFY_NAME_MAX_BYTES + 1))
#define TEXT_BYTES 512
/* Longest wait for a manager that does not read, where it is said once. */
#define WAIT_MS 1000

bool
notify_is_used(void)
{
	return getenv("NOTIFY_SOCKET") != NULL;
}

/* --- words ---------------------------------------------------------------- */

/* The manager's socket as an address; 0: there is none, or none that fits. */
static socklen_t
find_manager(struct sockaddr_un *un)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t n = path == NULL ? 0 : strlen(path);

	*un = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (n < 2 || n >= sizeof(un->sun_path) ||
	    (path[0] != '/' && path[0] != '@'))
		return 0;
	memcpy(un->sun_path, path, n);
	if (path[0] == '@')
		un->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n +
	    (path[0] == '/' ? 1 : 0));
}

/* One datagram; fd goes along unless it is -1. A manager that does not read is
 * waited for as its socket's time-out says, or not at all. */
static bool
send_to(
    int s, const struct sockaddr_un *un, socklen_t len, struct str text, int fd)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .bytes = { 0 } };
	struct iovec iov = { (void *)(uintptr_t)text.ptr, text.len };
	struct msghdr msg = { .msg_name = (void *)(uintptr_t)un,
		.msg_namelen = len,
		.msg_iov = &iov,
		.msg_iovlen = 1 };

	if (fd >= 0) {
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
	}
	return sendmsg(s, &msg, MSG_NOSIGNAL) == (ssize_t)text.len;
}

/* sd_notify() would wait without end for a manager that does not read, and
 * nobody watches over us but him. */
static bool
tell(int64_t wait_ms, int fd, const char *text)
{
	struct timeval tv = { .tv_sec = wait_ms / 1000,
		.tv_usec = wait_ms % 1000 * US_PER_MS };
	struct sockaddr_un un;
	socklen_t len = find_manager(&un);
	bool is_told;
	int s;

	if (len == 0)
		return true;
	s = socket(AF_UNIX,
	    SOCK_DGRAM | SOCK_CLOEXEC | (wait_ms == 0 ? SOCK_NONBLOCK : 0), 0);
	if (s < 0)
		return false;
	is_told =
	    setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) == 0 &&
	    send_to(s, &un, len, str_from_c(text), fd);
	(void)close(s);
	return is_told;
}

bool
notify_ready(void)
{
	return tell(0, -1, "READY=1");
}

/* The manager orders a reload by it: it wants its own clock. */
void
notify_reloading(void)
{
	struct timespec ts = { 0 };
	char text[TEXT_BYTES];

	if (!notify_is_used())
		return;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	(void)snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
	    (long long)ts.tv_sec * US_PER_MS * 1000 + ts.tv_nsec / US_PER_MS);
	(void)tell(WAIT_MS, -1, text);
}

void
notify_stopping(void)
{
	(void)tell(WAIT_MS, -1, "STOPPING=1");
}

bool
notify_status(const char *text)
{
	char line[TEXT_BYTES];

	(void)snprintf(line, sizeof(line), "STATUS=%s", text);
	return tell(0, -1, line);
}

void
notify_extend(int64_t ms)
{
	char text[TEXT_BYTES];

	(void)snprintf(text, sizeof(text), "EXTEND_TIMEOUT_USEC=%lld",
	    (long long)(ms * US_PER_MS));
	(void)tell(0, -1, text);
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
	(void)tell(0, -1, "WATCHDOG=1");
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

bool
notify_store(int fd, const char *name)
{
	char text[TEXT_BYTES];

	BUG_IF(!notify_is_name(name));
	(void)snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s", name);
	return tell(WAIT_MS, fd, text);
}

bool
notify_drop(const char *name)
{
	char text[TEXT_BYTES];

	BUG_IF(!notify_is_name(name));
	(void)snprintf(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=%s", name);
	return tell(WAIT_MS, -1, text);
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
