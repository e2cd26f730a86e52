/* SPDX-License-Identifier: BSD-2-Clause */
/* exchange: the order of mail exchangers, and where it ends. */
#include "shaper/core/exchange.h"

/* Whether one of the first n has the name of x. */
static bool
is_there(const struct exchanger *all, uint32_t n, const struct exchanger *x)
{
	for (uint32_t i = 0; i < n; i++)
		if (str_eq(all[i].name, x->name))
			return true;
	return false;
}

uint32_t
exchange_sort(struct exchanger *x, uint32_t n)
{
	uint32_t kept = 0;

	for (uint32_t i = 1; i < n; i++) {
		struct exchanger one = x[i];
		uint32_t k = i;

		for (; k > 0 && x[k - 1].preference > one.preference; k--)
			x[k] = x[k - 1];
		x[k] = one;
	}
	for (uint32_t i = 0; i < n; i++)
		if (!is_there(x, kept, &x[i]))
			x[kept++] = x[i];
	return kept;
}

uint32_t
exchange_cut(const struct exchanger *x, uint32_t n)
{
	uint32_t left = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (!x[i].is_self)
			continue;
		while (x[left].preference < x[i].preference)
			left++;
		return left;
	}
	return n;
}
