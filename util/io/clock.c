/* SPDX-License-Identifier: BSD-2-Clause */
/* clock: readers of the clocks. */
#include "util/io/clock.h"

#include <time.h>

#include "util/base/fatal.h"

static int64_t
read_clock(clockid_t id)
{
	struct timespec ts;

	BUG_IF(clock_gettime(id, &ts) != 0);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
clock_boot_ms(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

int64_t
clock_wall_ms(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t
clock_mono_us(void)
{
	struct timespec ts;

	BUG_IF(clock_gettime(CLOCK_MONOTONIC, &ts) != 0);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}
