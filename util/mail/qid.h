/* SPDX-License-Identifier: BSD-2-Clause */
/* qid: queue ids: ULIDs that name the writer and never go backwards. */
#ifndef UTIL_MAIL_QID_H
#define UTIL_MAIL_QID_H

#include <stdint.h>

#include "util/base/err.h"
#include "util/text/str.h"

#define QID_BYTES 16
#define QID_TEXT_BYTES 26 /* as text, without the terminator */

/* Wall clock ms that fit in 48 bits: until the year 10889. */
#define QID_TIME_MAX_MS ((INT64_C(1) << 48) - 1)

/* Big endian: 48 bits of wall clock ms, 16 of writer number, 64 that tell ids
 * of one ms apart. All zero is none. Compare with qid_cmp. */
struct qid {
	uint8_t b[QID_BYTES];
};

/* Where one writer's ids come from; embedded, no _fini. */
struct qid_source {
	int64_t last_ms;   /* of the last id; -1: none yet */
	uint64_t last_low; /* its last 64 bits */
	uint16_t writer;
};

/* Writes q as 26 upper-case characters (Crockford's base 32) and a NUL. */
void qid_format(const struct qid *q, char text[QID_TEXT_BYTES + 1]);

/*
 * Reads all of s, in either case, into q.
 *
 * ERR_SYNTAX	not 26 characters of the alphabet
 * ERR_RANGE	above 128 bits: the first character is above 7
 */
MUST_USE enum err qid_parse(struct str s, struct qid *q);

/* Wall clock ms at which q was made, 0 to QID_TIME_MAX_MS. */
int64_t qid_time_ms(const struct qid *q);

/* Number of the writer that made q. */
uint16_t qid_writer(const struct qid *q);

/* Below, equal to, or above 0 as a was made before, is, or was made after b;
 * the order of the bytes, and of the texts. */
int qid_cmp(const struct qid *a, const struct qid *b);

/* Begins the ids of one writer. Two sources must not share a number at the
 * same time. */
void qid_source_init(struct qid_source *s, uint16_t writer);

/* Makes the next id in q: above each that s made before, also where wall_ms
 * stands still, goes back, or is outside 0 to QID_TIME_MAX_MS. random64 comes
 * from rand_u64(), so that ids cannot be guessed. */
void qid_next(
    struct qid_source *s, int64_t wall_ms, uint64_t random64, struct qid *q);

#endif /* UTIL_MAIL_QID_H */
