/* SPDX-License-Identifier: BSD-2-Clause */
/* rand: getrandom(2). */
#include "util/base/rand.h"

#include <errno.h>
#include <sys/random.h>

#include "util/base/fatal.h"

void
rand_fill(void *p, size_t n)
{
	unsigned char *bytes = p;
	ssize_t got;

	while (n > 0) {
		got = getrandom(bytes, n, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			fatal("getrandom: errno %d", errno);
		bytes += got;
		n -= (size_t)got;
	}
}

uint64_t
rand_u64(void)
{
	uint64_t n;

	rand_fill(&n, sizeof(n));
	return n;
}
