/* SPDX-License-Identifier: BSD-2-Clause */
/* fds: counts open descriptors, to see that none leaks. */
#ifndef TESTS_LIB_FDS_H
#define TESTS_LIB_FDS_H

#include <fcntl.h>

/* Descriptors that are looked at. */
#define FDS_MAX 2048

static inline int
fds_open(void)
{
	int n = 0;

	for (int fd = 0; fd < FDS_MAX; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

#endif /* TESTS_LIB_FDS_H */
