/* SPDX-License-Identifier: BSD-2-Clause */
/* qid: text and order of queue ids, and the source of new ones. */
#include "util/mail/qid.h"

#include <string.h>

#define TIME_BYTES 6
#define WRITER_AT TIME_BYTES
#define LOW_AT 8
#define CHAR_BITS 5
#define NO_DIGIT 0xff

/* Most that an id grows by within one ms: a next one cannot be guessed, and
 * a million of them use a 4,000th part of what there is. */
#define STEP_MASK UINT32_MAX

static const char digits[32] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static void
put_be(uint8_t *p, size_t n, uint64_t v)
{
	while (n-- > 0) {
		p[n] = (uint8_t)v;
		v >>= 8;
	}
}

static uint64_t
get_be(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static uint8_t
digit_value(char c)
{
	const char *p;

	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	p = memchr(digits, c, sizeof(digits));
	return p == NULL ? NO_DIGIT : (uint8_t)(p - digits);
}

/* 26 characters hold 130 bits: the first has 3 of the id's, all others 5. Each
 * half of the id is 64 bits, so character 12 lies across both. */
void
qid_format(const struct qid *q, char text[QID_TEXT_BYTES + 1])
{
	uint64_t high = get_be(q->b, LOW_AT);
	uint64_t low = get_be(q->b + LOW_AT, QID_BYTES - LOW_AT);

	for (size_t i = QID_TEXT_BYTES; i-- > 0;) {
		text[i] = digits[low % sizeof(digits)];
		low = low >> CHAR_BITS | high << (64 - CHAR_BITS);
		high >>= CHAR_BITS;
	}
	text[QID_TEXT_BYTES] = '\0';
}

enum err
qid_parse(struct str s, struct qid *q)
{
	uint64_t high = 0, low = 0;

	if (s.len != QID_TEXT_BYTES)
		return ERR_SYNTAX;
	for (size_t i = 0; i < s.len; i++) {
		uint8_t v = digit_value(s.ptr[i]);

		if (v == NO_DIGIT)
			return ERR_SYNTAX;
		high = high << CHAR_BITS | low >> (64 - CHAR_BITS);
		low = low << CHAR_BITS | v;
	}
	if (digit_value(s.ptr[0]) > 7)
		return ERR_RANGE;
	put_be(q->b, LOW_AT, high);
	put_be(q->b + LOW_AT, QID_BYTES - LOW_AT, low);
	return ERR_OK;
}

int64_t
qid_time_ms(const struct qid *q)
{
	return (int64_t)get_be(q->b, TIME_BYTES);
}

uint16_t
qid_writer(const struct qid *q)
{
	return (uint16_t)get_be(q->b + WRITER_AT, LOW_AT - WRITER_AT);
}

int
qid_cmp(const struct qid *a, const struct qid *b)
{
	return memcmp(a->b, b->b, QID_BYTES);
}

void
qid_source_init(struct qid_source *s, uint16_t writer)
{
	*s = (struct qid_source){ .last_ms = -1, .writer = writer };
}

void
qid_next(
    struct qid_source *s, int64_t wall_ms, uint64_t random64, struct qid *q)
{
	uint64_t step = (random64 & STEP_MASK) + 1;

	if (wall_ms < 0)
		wall_ms = 0;
	if (wall_ms > QID_TIME_MAX_MS)
		wall_ms = QID_TIME_MAX_MS;
	if (wall_ms > s->last_ms) {
		s->last_ms = wall_ms;
		s->last_low = random64;
	} else if (s->last_low <= UINT64_MAX - step) {
		s->last_low += step;
	} else {
		/* The ms is used up: the next one begins early. */
		BUG_IF(s->last_ms == QID_TIME_MAX_MS);
		s->last_ms++;
		s->last_low = random64;
	}
	put_be(q->b, TIME_BYTES, (uint64_t)s->last_ms);
	put_be(q->b + WRITER_AT, LOW_AT - WRITER_AT, s->writer);
	put_be(q->b + LOW_AT, QID_BYTES - LOW_AT, s->last_low);
}
