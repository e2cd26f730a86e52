/* SPDX-License-Identifier: BSD-2-Clause */
/* crc32c_int: the way without the CPU's instruction, for its test. */
#ifndef UTIL_BASE_CRC32C_INT_H
#define UTIL_BASE_CRC32C_INT_H

#include <stddef.h>
#include <stdint.h>

/* The same as crc32c() on any CPU. */
uint32_t crc32c_by_table(uint32_t crc, const void *p, size_t n);

#endif /* UTIL_BASE_CRC32C_INT_H */
