/* SPDX-License-Identifier: BSD-2-Clause */
/* holder: which process has a locked file open. */
#ifndef MASTER_HOLDER_H
#define MASTER_HOLDER_H

#include <stdbool.h>
#include <sys/stat.h>

/* Pid of a living process other than this one that has the file of fd open; 0
 * if none can be seen. The file's text is the pid to ask for first: that of the
 * master that wrote it. Reads /proc: for start-up. */
long holder_find(int fd);

/* Whether process pid has the file open; what cannot be looked at counts as
 * not. And the first other process that has it; 0: none can be seen. */
bool holder_has(long pid, const struct stat *st);
long holder_search(const struct stat *st);

#endif /* MASTER_HOLDER_H */
