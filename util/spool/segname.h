/* SPDX-License-Identifier: BSD-2-Clause */
/* segname: numbers of segments, and the file names made of them. */
#ifndef UTIL_SPOOL_SEGNAME_H
#define UTIL_SPOOL_SEGNAME_H

#include <stdint.h>

#include "util/base/err.h"
#include "util/text/str.h"

#define SEGNAME_BYTES 16 /* without the terminator */

/* Largest of each piece of a number: 44, 8 and 12 bits. */
#define SEGMENT_TIME_MAX_MS ((INT64_C(1) << 44) - 1)
#define SEGMENT_WORKER_MAX 255
#define SEGMENT_COUNTER_MAX 4095

/* Number of a segment. Each piece is within its bound. Never 0 in a year that
 * comes: 0 stands for none. */
uint64_t segment_number_make(int64_t ms, unsigned worker, unsigned counter);

/* Wall clock ms, and worker, in a number. */
int64_t segment_number_ms(uint64_t number);
unsigned segment_number_worker(uint64_t number);

/* Writes the name of number: 16 small hex digits and a NUL. */
void segname_format(uint64_t number, char name[SEGNAME_BYTES + 1]);

/* Reads all of s. ERR_SYNTAX: not the name of a segment. */
MUST_USE enum err segname_parse(struct str s, uint64_t *number);

/* Where one worker's numbers come from; embedded, no _fini. Used by the one
 * thread that creates segments. */
struct segment_numbers {
	int64_t last_ms;
	unsigned worker;
	unsigned counter; /* of the last number */
};

/* Begins the numbers of a worker (at most SEGMENT_WORKER_MAX). random is from
 * rand_u64(): after a restart with a clock that went back, the same ms begins
 * elsewhere. */
void segment_numbers_init(
    struct segment_numbers *s, unsigned worker, uint64_t random);

/* The next number: above each that s gave before, whatever wall_ms does. */
uint64_t segment_numbers_next(struct segment_numbers *s, int64_t wall_ms);

#endif /* UTIL_SPOOL_SEGNAME_H */
