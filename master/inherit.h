/* SPDX-License-Identifier: BSD-2-Clause */
/* inherit: sockets that outlive a process: taken over, kept, passed on. */
#ifndef MASTER_INHERIT_H
#define MASTER_INHERIT_H

#include <stdbool.h>

#include "master/listen.h"
#include "util/svc/notify.h"

/*
 * The service manager keeps listening sockets over a restart, or has made them
 * itself; and an upgrade leaves all to the next program. A listener is known by
 * its address, whatever its name; a socket of run/ and the lock by their names:
 * "run/qmgr", "lock".
 */
struct inherit {
	struct notify_fd items[NOTIFY_FDS_MAX];
	unsigned n;
};

/* Takes what the environment tells of. */
void inherit_take(struct inherit *in);

/* The descriptor of this name, the caller's from here on; -1: none. */
int inherit_take_name(struct inherit *in, const char *name);

/* The same for the socket of that name in run/, if it is one that listens. */
int inherit_take_run(struct inherit *in, const char *name);

/* Moves all sockets that listen for streams to set, which is empty. */
void inherit_take_listeners(struct inherit *in, struct listeners *set);

/* Closes those that are not in fresh; then what nobody took. */
void inherit_leave_listeners(
    struct listeners *set, const struct listeners *fresh);
void inherit_close(struct inherit *in);

/* Appends a descriptor to be passed on, borrowed. A listener whose address
 * cannot be a name is left out. */
void inherit_add(struct inherit *in, const char *name, int fd);
void inherit_add_run(struct inherit *in, const char *name, int fd);
void inherit_add_listeners(
    struct inherit *in, const struct listeners *listeners);

/* Has the manager keep all listeners; and no longer those that fresh lacks. One
 * that does not read is not asked again and again. */
void inherit_store(const struct listeners *listeners);
void inherit_drop(
    const struct listeners *listeners, const struct listeners *fresh);

#endif /* MASTER_INHERIT_H */
