/* SPDX-License-Identifier: BSD-2-Clause */
/* priv: what a process may do: its user, its limits. */
#ifndef UTIL_SVC_PRIV_H
#define UTIL_SVC_PRIV_H

#include <stdbool.h>

#include "util/base/err.h"

/*
 * Becomes the owner of the directory for good, when it runs as root and the
 * owner is another; and in any case gives up gaining privileges by executing.
 * errno is set on errors.
 *
 * ERR_IO	the directory cannot be looked at, or the system refused: the
 *		process must end
 */
MUST_USE enum err priv_drop(const char *state_dir);

/* Raises the limit of open files to the hard limit; where that cannot be, all
 * stays as it was. */
void priv_raise_files(void);

#endif /* UTIL_SVC_PRIV_H */
