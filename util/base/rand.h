/* SPDX-License-Identifier: BSD-2-Clause */
/* rand: unpredictable numbers, from the kernel. */
#ifndef UTIL_BASE_RAND_H
#define UTIL_BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

/* Fills n bytes at p. Ends the process by fatal() where the kernel has none,
 * which no running system does. */
void rand_fill(void *p, size_t n);

/* 64 random bits. */
uint64_t rand_u64(void);

#endif /* UTIL_BASE_RAND_H */
