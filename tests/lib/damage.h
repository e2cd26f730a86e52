/* SPDX-License-Identifier: BSD-2-Clause */
/* damage: how each byte of a file is flipped. */
#ifndef TESTS_LIB_DAMAGE_H
#define TESTS_LIB_DAMAGE_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The i-th mask to flip byte at with; 0: no more. One bit of each, another one
 * from byte to byte; with DAMAGE=all in the environment, each bit. */
static inline uint8_t
damage_mask(size_t at, unsigned i)
{
	const char *all = getenv("DAMAGE");
	unsigned bit = (unsigned)(at % 8);

	if (all != NULL && strcmp(all, "all") == 0)
		bit = i;
	else if (i > 0)
		return 0;
	if (bit > 7)
		return 0;
	return (uint8_t)(1u << bit);
}

#endif /* TESTS_LIB_DAMAGE_H */
