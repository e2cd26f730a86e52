/* SPDX-License-Identifier: BSD-2-Clause */
/* spawn: executes a daemon with its end of the status pair. */
#ifndef MASTER_SPAWN_H
#define MASTER_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
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

/* The path of a program in the folder that this one was executed from; size
 * is that of path. ERR_IO: errno tells. */
MUST_USE enum err spawn_path(const char *name, char *path, size_t size);
#define SPAWN_PATH_BYTES 4352

/*
 * Executes the master that lies there by now, to look whether it could take
 * this configuration; out_fd is its standard output and error. Errors as above.
 */
MUST_USE enum err spawn_check(const char *conf_path, int out_fd, pid_t *pid);

#endif /* MASTER_SPAWN_H */
