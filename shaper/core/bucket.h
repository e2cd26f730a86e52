/* SPDX-License-Identifier: BSD-2-Clause */
/* bucket: a token bucket: how many of a rate may go now. */
#ifndef SHAPER_CORE_BUCKET_H
#define SHAPER_CORE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "util/text/num.h"

/*
 * Holds at most what the rate brings in BUCKET_BURST_MS, and at least one, so
 * that over a minute the rate is exact, and no peer sees a longer burst.
 * Counts in fractions of a token: nothing is rounded away. Others read rate.
 */
struct bucket {
	struct rate rate; /* count > 0 */
	int64_t level;    /* in tokens times rate.period_ms */
	int64_t seen_ms;  /* up to when it is filled */
};

#define BUCKET_BURST_MS 1000
/* Longest period and highest count: products of them fit. */
#define BUCKET_PERIOD_MAX_MS (INT64_C(366) * 24 * 3600 * 1000)
#define BUCKET_COUNT_MAX 1000000

/* A full bucket. Count and period are cut to 1 and the limits above. */
void bucket_init(struct bucket *b, struct rate rate, int64_t now_ms);

/* Takes up to want tokens; returns how many there were. */
uint32_t bucket_take(struct bucket *b, uint32_t want, int64_t now_ms);

/* Gives n unused tokens back, as far as they fit. */
void bucket_give(struct bucket *b, uint32_t n);

/* Time from now_ms until n tokens are there, as far as they fit; 0: now. */
int64_t bucket_wait_ms(const struct bucket *b, uint32_t n, int64_t now_ms);

/* Whether it is full: then forgetting it brings nobody a token more. */
bool bucket_is_full(const struct bucket *b, int64_t now_ms);

#endif /* SHAPER_CORE_BUCKET_H */
