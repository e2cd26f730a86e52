/* SPDX-License-Identifier: BSD-2-Clause */
/* notify: what the service manager is told, and what it keeps for us. */
#ifndef UTIL_SVC_NOTIFY_H
#define UTIL_SVC_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * For the main process of a service (sd_notify(3), sd_listen_fds(3)). Where no
 * manager asked for it, each of these does nothing. A manager that does not
 * read is waited for at most a second, and not at all with what can be told
 * again: readiness, status, signs of life. False: it was not told.
 */

/* Longest name of a descriptor, and most of them. */
#define NOTIFY_NAME_MAX_BYTES 255
#define NOTIFY_FDS_MAX 512

/* Whether a manager listens. */
bool notify_is_used(void);

/* Milestones. After notify_reloading() comes notify_ready() again. */
bool notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);

/* One line that `systemctl status` shows; control bytes are not allowed. */
bool notify_status(const char *text);

/* A start or a stop goes on, and takes at most so long from now. */
void notify_extend(int64_t ms);

/* How often notify_alive() is wanted at least; 0: never. */
int64_t notify_watchdog_ms(void);
void notify_alive(void);

/* Whether a descriptor can have this name: printable ASCII without colon. */
bool notify_is_name(const char *name);

/* Has the manager keep a copy of fd over a restart, under a name for which
 * notify_is_name(); and drop all copies of that name. */
bool notify_store(int fd, const char *name);
bool notify_drop(const char *name);

/* A descriptor that this process was executed with. */
struct notify_fd {
	int fd; /* closed on exec; the caller's from here on */
	char name[NOTIFY_NAME_MAX_BYTES + 1];
};

/* What the manager, or notify_pass(), left to this process; once: the
 * environment forgets it. Returns how many; all beyond NOTIFY_FDS_MAX are
 * closed. */
unsigned notify_take_fds(struct notify_fd fds[NOTIFY_FDS_MAX]);

/*
 * Leaves these to the program that this process executes next, as of
 * notify_take_fds(): they stand from 3 on, in place of what was there, and the
 * environment tells of them. Between this and notify_unpass(), when it cannot
 * be executed after all, descriptors are not what they were. False: it did not
 * work, errno tells, and all is as before.
 */
bool notify_pass(const struct notify_fd *fds, unsigned n);
void notify_unpass(void);

/* Whether an entry of the environment ("NAME=value") is for the main process
 * alone: those that it starts must not have it. */
bool notify_is_private(const char *entry);

#endif /* UTIL_SVC_NOTIFY_H */
