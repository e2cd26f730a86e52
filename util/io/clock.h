/* SPDX-License-Identifier: BSD-2-Clause */
/* clock: the only readers of the clocks; for the loop, and for commands. */
#ifndef UTIL_IO_CLOCK_H
#define UTIL_IO_CLOCK_H

#include <stdint.h>

/* CLOCK_BOOTTIME in ms: never set, and goes on while the machine sleeps. A
 * program with a loop asks loop_now_ms. */
int64_t clock_boot_ms(void);

/* CLOCK_MONOTONIC in us: to measure how long something took. */
int64_t clock_mono_us(void);

/* CLOCK_REALTIME in ms since 1970; may jump. A program with a loop asks
 * loop_wall_ms. */
int64_t clock_wall_ms(void);

#endif /* UTIL_IO_CLOCK_H */
