/* SPDX-License-Identifier: BSD-2-Clause */
/* test_when: dates at their borders, and spans as people say them. */
#include "util/text/when.h"

#include <stdlib.h>

#include <check.h>

#include "util/base/array.h"

#define S INT64_C(1000)
#define M (60 * S)
#define H (60 * M)
#define D (24 * H)

typedef enum err when_fn(struct outbuf *b, int64_t ms);

/* The text has exactly the room that it needs, then one byte less. */
static void
assert_text(when_fn *fn, int64_t ms, const char *want)
{
	char bytes[WHEN_MAX_BYTES + 1] = "";
	struct outbuf b = { bytes, 1, sizeof(bytes) };

	ck_assert_int_eq(fn(&b, ms), ERR_OK);
	bytes[b.len] = '\0';
	ck_assert_str_eq(bytes + 1, want);
	b = (struct outbuf){ bytes, 1, strlen(want) };
	ck_assert_int_eq(fn(&b, ms), ERR_FULL);
	ck_assert_uint_eq(b.len, 1);
}

static const struct {
	int64_t ms;
	const char *rfc5322, *iso8601;
} times[] = {
	{ 0, "Thu, 01 Jan 1970 00:00:00 +0000", "1970-01-01T00:00:00.000Z" },
	{ 880106106123, "Fri, 21 Nov 1997 09:55:06 +0000",
	    "1997-11-21T09:55:06.123Z" },
	{ 951827696789, "Tue, 29 Feb 2000 12:34:56 +0000",
	    "2000-02-29T12:34:56.789Z" },
	{ 2147483648000, "Tue, 19 Jan 2038 03:14:08 +0000",
	    "2038-01-19T03:14:08.000Z" },
	{ WHEN_WALL_MAX_MS, "Fri, 31 Dec 9999 23:59:59 +0000",
	    "9999-12-31T23:59:59.999Z" },
};

START_TEST(times_are_written_in_utc)
{
	assert_text(when_rfc5322, times[_i].ms, times[_i].rfc5322);
	assert_text(when_iso8601, times[_i].ms, times[_i].iso8601);
}
END_TEST

START_TEST(times_that_have_no_text_are_refused)
{
	char bytes[WHEN_MAX_BYTES];
	struct outbuf b = { bytes, 0, sizeof(bytes) };
	static const int64_t none[] = { -1, INT64_MIN, WHEN_WALL_MAX_MS + 1,
		INT64_MAX };

	for (size_t i = 0; i < COUNT_OF(none); i++) {
		ck_assert_int_eq(when_rfc5322(&b, none[i]), ERR_RANGE);
		ck_assert_int_eq(when_iso8601(&b, none[i]), ERR_RANGE);
	}
	ck_assert_uint_eq(b.len, 0);
}
END_TEST

static const struct {
	int64_t ms;
	const char *span, *ago, *in;
} spans[] = {
	{ INT64_MIN, "0s", "just now", "now" },
	{ -5 * S, "0s", "just now", "now" },
	{ 0, "0s", "just now", "now" },
	{ 1, "0s", "just now", "in 0s" },
	{ 100, "0.1s", "just now", "in 0.1s" },
	{ 999, "0.9s", "just now", "in 0.9s" },
	{ 1000, "1s", "1s ago", "in 1s" },
	{ 1800, "1.8s", "1s ago", "in 1.8s" },
	{ 9999, "9.9s", "9s ago", "in 9.9s" },
	{ 10 * S + 900, "10s", "10s ago", "in 10s" },
	{ M - 1, "59s", "59s ago", "in 59s" },
	{ M, "1m", "1m ago", "in 1m" },
	{ M + 999, "1m", "1m ago", "in 1m" },
	{ M + S, "1m1s", "1m ago", "in 1m1s" },
	{ 2 * M + 10 * S, "2m10s", "2m ago", "in 2m10s" },
	{ 25 * M, "25m", "25m ago", "in 25m" },
	{ H - 1, "59m59s", "59m ago", "in 59m59s" },
	{ H + 59 * S, "1h", "1h ago", "in 1h" },
	{ 4 * H + 5 * M, "4h5m", "4h ago", "in 4h5m" },
	{ D - 1, "23h59m", "23h ago", "in 23h59m" },
	{ 3 * D + 4 * H + 5 * M, "3d4h", "3d ago", "in 3d4h" },
	{ 400 * D, "400d", "400d ago", "in 400d" },
	{ INT64_MAX, "106751991167d7h", "106751991167d ago",
	    "in 106751991167d7h" },
};

START_TEST(spans_are_short)
{
	assert_text(when_span, spans[_i].ms, spans[_i].span);
	assert_text(when_ago, spans[_i].ms, spans[_i].ago);
	assert_text(when_in, spans[_i].ms, spans[_i].in);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("when");
	TCase *tc = tcase_create("when");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_loop_test(
	    tc, times_are_written_in_utc, 0, (int)COUNT_OF(times));
	tcase_add_test(tc, times_that_have_no_text_are_refused);
	tcase_add_loop_test(tc, spans_are_short, 0, (int)COUNT_OF(spans));
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
