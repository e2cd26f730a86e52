/* SPDX-License-Identifier: BSD-2-Clause */
/* num: numbers, durations, sizes and rates from their texts. */
#ifndef UTIL_TEXT_NUM_H
#define UTIL_TEXT_NUM_H

#include <stdint.h>

#include "util/base/err.h"
#include "util/text/str.h"

/* Longest duration that is read, 100 years: sums of such fit. */
#define NUM_DURATION_MAX_MS (INT64_C(36525) * 24 * 3600 * 1000)

/* Largest size that is read: any such is an off_t. */
#define NUM_SIZE_MAX_BYTES ((uint64_t)INT64_MAX)

/* count things in period_ms: "500/s" is {500, 1000}. */
struct rate {
	uint32_t count;
	int64_t period_ms; /* > 0 */
};

/*
 * All of these take the whole of s, without blanks or sign, and set *out with
 * ERR_OK only.
 *
 * ERR_SYNTAX	s is empty or is not of that form
 * ERR_RANGE	it is, but the value is above the bound
 */

/* Digits only, zeros in front allowed. The value is at most max. */
MUST_USE enum err num_u64(struct str s, uint64_t max, uint64_t *out);

/* The same in base 16, with small letters and without prefix: as file names
 * are written. */
MUST_USE enum err num_hex_u64(struct str s, uint64_t max, uint64_t *out);

/* A number with one of the units ms, s, m, h, d: "10s"; at most
 * NUM_DURATION_MAX_MS. */
MUST_USE enum err num_duration_ms(struct str s, int64_t *out);

/* A number with one of the units K, M, G, T (of 1024), or with none (bytes):
 * "50M"; at most NUM_SIZE_MAX_BYTES. */
MUST_USE enum err num_size_bytes(struct str s, uint64_t *out);

/* A count, a slash, and a unit or a duration: "500/s", "3/10m". A period of
 * zero is ERR_RANGE, a count of zero is not. */
MUST_USE enum err num_rate(struct str s, struct rate *out);

#endif /* UTIL_TEXT_NUM_H */
