/* SPDX-License-Identifier: BSD-2-Clause */
/* exchange: which mail exchangers are tried, in which order (RFC 5321 5.1). */
#ifndef SHAPER_CORE_EXCHANGE_H
#define SHAPER_CORE_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "util/text/str.h"

struct exchanger {
	struct str name; /* lower case */
	uint16_t preference;
	bool is_self; /* the name or an address of it is our own */
};

/* Sorts by preference; of equal names the best stays. Returns how many are
 * left. O(n^2): there are few. */
uint32_t exchange_sort(struct exchanger *x, uint32_t n);

/* Of a sorted list: how many may be tried. Where we are an exchanger ourselves,
 * these are the better ones only; 0: mail would come back to us. */
uint32_t exchange_cut(const struct exchanger *x, uint32_t n);

#endif /* SHAPER_CORE_EXCHANGE_H */
