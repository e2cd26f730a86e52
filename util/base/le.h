/* SPDX-License-Identifier: BSD-2-Clause */
/* le: little-endian numbers at any address, as all our formats have them. */
#ifndef UTIL_BASE_LE_H
#define UTIL_BASE_LE_H

#include <stdint.h>

/* Read n / 8 bytes at p. Compilers make one load of each. */
static inline uint16_t
le_get16(const void *p)
{
	const uint8_t *b = p;

	return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t
le_get32(const void *p)
{
	const uint8_t *b = p;

	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
	    (uint32_t)b[3] << 24;
}

static inline uint64_t
le_get64(const void *p)
{
	const uint8_t *b = p;

	return le_get32(b) | (uint64_t)le_get32(b + 4) << 32;
}

/* Write n / 8 bytes at p. */
static inline void
le_put16(void *p, uint16_t n)
{
	uint8_t *b = p;

	b[0] = (uint8_t)n;
	b[1] = (uint8_t)(n >> 8);
}

static inline void
le_put32(void *p, uint32_t n)
{
	uint8_t *b = p;

	b[0] = (uint8_t)n;
	b[1] = (uint8_t)(n >> 8);
	b[2] = (uint8_t)(n >> 16);
	b[3] = (uint8_t)(n >> 24);
}

static inline void
le_put64(void *p, uint64_t n)
{
	uint8_t *b = p;

	le_put32(b, (uint32_t)n);
	le_put32(b + 4, (uint32_t)(n >> 32));
}

#endif /* UTIL_BASE_LE_H */
