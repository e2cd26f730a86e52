/* SPDX-License-Identifier: BSD-2-Clause */
/* bucket: exact token bucket in whole numbers. */
#include "shaper/core/bucket.h"

#include "util/base/fatal.h"

/* Level of a full bucket: a burst's worth, but at least one token. */
static int64_t
burst(const struct bucket *b)
{
	int64_t level = (int64_t)b->rate.count * BUCKET_BURST_MS;

	return level > b->rate.period_ms ? level : b->rate.period_ms;
}

/* On top, the part of a token that has come since it was full: else who asks a
 * little late would lose it each time. */
static int64_t
capacity(const struct bucket *b)
{
	return burst(b) + b->rate.period_ms - 1;
}

/* Level as of now. A token is period_ms of level, and each ms brings count of
 * it. Time that went back brings nothing. */
static int64_t
level_at(const struct bucket *b, int64_t now_ms)
{
	int64_t room = capacity(b) - b->level;
	int64_t passed_ms = now_ms - b->seen_ms;

	if (passed_ms <= 0)
		return b->level;
	/* Compared by division: the product may not fit. */
	if (passed_ms > room / b->rate.count)
		return capacity(b);
	return b->level + passed_ms * b->rate.count;
}

void
bucket_init(struct bucket *b, struct rate rate, int64_t now_ms)
{
	if (rate.count < 1)
		rate.count = 1;
	if (rate.count > BUCKET_COUNT_MAX)
		rate.count = BUCKET_COUNT_MAX;
	if (rate.period_ms < 1)
		rate.period_ms = 1;
	if (rate.period_ms > BUCKET_PERIOD_MAX_MS)
		rate.period_ms = BUCKET_PERIOD_MAX_MS;
	*b = (struct bucket){ .rate = rate, .seen_ms = now_ms };
	b->level = burst(b);
}

uint32_t
bucket_take(struct bucket *b, uint32_t want, int64_t now_ms)
{
	int64_t there;

	b->level = level_at(b, now_ms);
	if (now_ms > b->seen_ms)
		b->seen_ms = now_ms;
	there = b->level / b->rate.period_ms;
	if (want > there)
		want = (uint32_t)there;
	b->level -= (int64_t)want * b->rate.period_ms;
	BUG_IF(b->level < 0);
	return want;
}

void
bucket_give(struct bucket *b, uint32_t n)
{
	int64_t room = capacity(b) - b->level;

	if (n > room / b->rate.period_ms)
		b->level = capacity(b);
	else
		b->level += (int64_t)n * b->rate.period_ms;
}

int64_t
bucket_wait_ms(const struct bucket *b, uint32_t n, int64_t now_ms)
{
	int64_t most = capacity(b) / b->rate.period_ms;
	int64_t lack;

	if (n > most)
		n = (uint32_t)most;
	lack = (int64_t)n * b->rate.period_ms - level_at(b, now_ms);
	if (lack <= 0)
		return 0;
	return (lack + b->rate.count - 1) / b->rate.count;
}

bool
bucket_is_full(const struct bucket *b, int64_t now_ms)
{
	return level_at(b, now_ms) >= burst(b);
}
