/* SPDX-License-Identifier: BSD-2-Clause */
/* crc32c: checksum of all that lies on disk (Castagnoli; RFC 3720 B.4). */
#ifndef UTIL_BASE_CRC32C_H
#define UTIL_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of n bytes at p behind bytes whose checksum is crc; crc is 0 at
 * the beginning. So crc32c(crc32c(0, a), b) is the checksum of a and b. Uses
 * the CPU's instruction where it has one (8 bytes a step). */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);

#endif /* UTIL_BASE_CRC32C_H */
