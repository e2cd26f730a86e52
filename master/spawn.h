/* SPDX-License-Identifier: BSD-2-Clause */
/* spawn: executes a daemon with its end of the status pair. */
#ifndef MASTER_SPAWN_H
#define MASTER_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#include "util/base/err.h"

/*
 * Executes the program of this name that lies beside our own, with pair_fd as
 * descriptor SVC_FD, signals as at a start, /dev/null as standard input, and,
 * unless is_foreground, as standard output and error.
 *
 * ERR_IO	it could not be executed; errno tells
 */
MUST_USE enum err spawn_daemon(
    const char *name, int pair_fd, bool is_foreground, pid_t *pid);

#endif /* MASTER_SPAWN_H */
