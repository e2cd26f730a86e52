/* SPDX-License-Identifier: BSD-2-Clause */
/* segname: numbers of segments and their names. */
#include "util/spool/segname.h"

#include "util/text/num.h"

/* 44 bits of ms, 8 of worker, 12 of counter: docs/design.md 16.1. */
#define WORKER_SHIFT 12
#define TIME_SHIFT 20

uint64_t
segment_number_make(int64_t ms, unsigned worker, unsigned counter)
{
	BUG_IF(ms < 0 || ms > SEGMENT_TIME_MAX_MS);
	BUG_IF(worker > SEGMENT_WORKER_MAX || counter > SEGMENT_COUNTER_MAX);
	return (uint64_t)ms << TIME_SHIFT | (uint64_t)worker << WORKER_SHIFT |
	    counter;
}

int64_t
segment_number_ms(uint64_t number)
{
	return (int64_t)(number >> TIME_SHIFT);
}

unsigned
segment_number_worker(uint64_t number)
{
	return (unsigned)(number >> WORKER_SHIFT) & SEGMENT_WORKER_MAX;
}

void
segname_format(uint64_t number, char name[SEGNAME_BYTES + 1])
{
	static const char digits[] = "0123456789abcdef";

	for (int i = SEGNAME_BYTES - 1; i >= 0; i--) {
		name[i] = digits[number % 16];
		number /= 16;
	}
	name[SEGNAME_BYTES] = '\0';
}

enum err
segname_parse(struct str s, uint64_t *number)
{
	if (s.len != SEGNAME_BYTES)
		return ERR_SYNTAX;
	return num_hex_u64(s, UINT64_MAX, number);
}

void
segment_numbers_init(
    struct segment_numbers *s, unsigned worker, uint64_t random)
{
	BUG_IF(worker > SEGMENT_WORKER_MAX);
	*s = (struct segment_numbers){
		.worker = worker,
		.counter = (unsigned)random & SEGMENT_COUNTER_MAX,
	};
}

/* The counter goes round instead of beginning at 0 each ms: so it stays at a
 * random place, and a ms that comes twice gives other numbers. */
uint64_t
segment_numbers_next(struct segment_numbers *s, int64_t wall_ms)
{
	if (wall_ms < 1)
		wall_ms = 1;
	if (wall_ms > SEGMENT_TIME_MAX_MS)
		wall_ms = SEGMENT_TIME_MAX_MS;
	s->counter = (s->counter + 1) & SEGMENT_COUNTER_MAX;
	if (wall_ms > s->last_ms)
		s->last_ms = wall_ms;
	else if (s->counter == 0 && s->last_ms < SEGMENT_TIME_MAX_MS)
		s->last_ms++;
	return segment_number_make(s->last_ms, s->worker, s->counter);
}
