/* SPDX-License-Identifier: BSD-2-Clause */
/* test_qid: text and order of ids, and clocks that misbehave. */
#include "util/mail/qid.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "tests/lib/split.h"
#include "util/base/array.h"

static const struct {
	struct qid q;
	struct str text;
} known[] = {
	{ { { 0 } }, STR_INIT("00000000000000000000000000") },
	{ { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 31 } },
	    STR_INIT("0000000000000000000000000Z") },
	{ { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	      0xff, 0xff, 0xff, 0xff, 0xff } },
	    STR_INIT("7ZZZZZZZZZZZZZZZZZZZZZZZZZ") },
	/* Made by another program. */
	{ { { 0x01, 0x56, 0x3d, 0xf3, 0x64, 0x81, 0xa7, 0x6b, 0x6f, 0x6f, 0x9a,
	      0x1c, 0xf0, 0xc1, 0x9a, 0x2f } },
	    STR_INIT("01ARYZ6S41MXNPYVWT3KRC36HF") },
};

START_TEST(known_ids_have_known_texts)
{
	char text[QID_TEXT_BYTES + 1];
	struct qid q;

	qid_format(&known[_i].q, text);
	ck_assert_str_eq(text, known[_i].text.ptr);
	ck_assert_int_eq(qid_parse(known[_i].text, &q), ERR_OK);
	ck_assert_mem_eq(q.b, known[_i].q.b, QID_BYTES);
}
END_TEST

START_TEST(lower_case_is_read)
{
	struct qid upper, lower;

	ck_assert_int_eq(
	    qid_parse(STR("01ARYZ6S41MXNPYVWT3KRC36HF"), &upper), ERR_OK);
	ck_assert_int_eq(
	    qid_parse(STR("01aryz6s41mxnpyvwt3krc36hf"), &lower), ERR_OK);
	ck_assert_int_eq(qid_cmp(&upper, &lower), 0);
}
END_TEST

static const struct {
	struct str text;
	enum err err;
} bad[] = {
	{ STR_INIT(""), ERR_SYNTAX },
	{ STR_INIT("0000000000000000000000000"), ERR_SYNTAX },
	{ STR_INIT("000000000000000000000000000"), ERR_SYNTAX },
	{ STR_INIT("0000000000000000000000000U"), ERR_SYNTAX },
	{ STR_INIT("0000000000000000000000000I"), ERR_SYNTAX },
	{ STR_INIT("0000000000000000000000000l"), ERR_SYNTAX },
	{ STR_INIT("0000000000000000000000000O"), ERR_SYNTAX },
	{ STR_INIT("0000000000000000000000000\0"), ERR_SYNTAX },
	{ STR_INIT("000000000000 0000000000000"), ERR_SYNTAX },
	{ STR_INIT("80000000000000000000000000"), ERR_RANGE },
	{ STR_INIT("ZZZZZZZZZZZZZZZZZZZZZZZZZZ"), ERR_RANGE },
};

START_TEST(bad_text_is_refused_and_nothing_written)
{
	struct qid q = { { 1, 2, 3 } };

	ck_assert_int_eq(qid_parse(bad[_i].text, &q), bad[_i].err);
	ck_assert_int_eq(q.b[0], 1);
	ck_assert_int_eq(q.b[2], 3);
}
END_TEST

START_TEST(text_and_bytes_sort_alike)
{
	char text_a[QID_TEXT_BYTES + 1], text_b[QID_TEXT_BYTES + 1];
	uint64_t seed = 99;
	struct qid a, b;

	for (int i = 0; i < 2000; i++) {
		int by_text, by_bytes;

		for (size_t k = 0; k < QID_BYTES; k++) {
			a.b[k] = (uint8_t)split_draw(&seed);
			b.b[k] = split_draw(&seed) % 2 == 0
			    ? a.b[k]
			    : (uint8_t)split_draw(&seed);
		}
		qid_format(&a, text_a);
		qid_format(&b, text_b);
		by_text = strcmp(text_a, text_b);
		by_bytes = qid_cmp(&a, &b);
		ck_assert_int_eq(by_text < 0, by_bytes < 0);
		ck_assert_int_eq(by_text > 0, by_bytes > 0);
		ck_assert_int_eq(
		    qid_parse((struct str){ text_a, QID_TEXT_BYTES }, &b),
		    ERR_OK);
		ck_assert_int_eq(qid_cmp(&a, &b), 0);
	}
}
END_TEST

START_TEST(time_and_writer_can_be_read_back)
{
	struct qid_source s;
	struct qid q;

	qid_source_init(&s, 0xfffe);
	qid_next(&s, 1700000000123, 7, &q);
	ck_assert_int_eq(qid_time_ms(&q), 1700000000123);
	ck_assert_uint_eq(qid_writer(&q), 0xfffe);
	ck_assert_int_eq(q.b[QID_BYTES - 1], 7);
}
END_TEST

START_TEST(time_outside_48_bits_is_its_nearest_bound)
{
	struct qid_source s;
	struct qid q;

	qid_source_init(&s, 1);
	qid_next(&s, -5, 0, &q);
	ck_assert_int_eq(qid_time_ms(&q), 0);
	qid_next(&s, QID_TIME_MAX_MS, 0, &q);
	ck_assert_int_eq(qid_time_ms(&q), QID_TIME_MAX_MS);
	qid_next(&s, QID_TIME_MAX_MS + 1, 0, &q);
	ck_assert_int_eq(qid_time_ms(&q), QID_TIME_MAX_MS);
}
END_TEST

START_TEST(ids_grow_whatever_the_clock_does)
{
	uint64_t seed = 5;
	int64_t wall_ms = 1000000;
	struct qid_source s;
	struct qid last = { { 0 } }, q;

	qid_source_init(&s, 3);
	for (int i = 0; i < 6000; i++) {
		uint64_t random64 = split_draw(&seed);

		/* Often it stands still, else it goes either way. */
		if (i % 4 == 0)
			wall_ms += (int64_t)(split_draw(&seed) % 2001) - 1000;
		/* The ms is often nearly used up. */
		if (i % 3 == 0)
			random64 |= UINT64_MAX << 20;
		qid_next(&s, wall_ms, random64, &q);
		ck_assert_int_gt(qid_cmp(&q, &last), 0);
		ck_assert_uint_eq(qid_writer(&q), 3);
		last = q;
	}
}
END_TEST

START_TEST(a_used_up_ms_borrows_the_next)
{
	struct qid_source s;
	struct qid q;

	qid_source_init(&s, 1);
	qid_next(&s, 50, UINT64_MAX - 1, &q);
	/* A step of one: the last of this ms. */
	qid_next(&s, 50, 0, &q);
	ck_assert_int_eq(qid_time_ms(&q), 50);
	ck_assert_int_eq(q.b[QID_BYTES - 1], 0xff);
	qid_next(&s, 50, 0, &q);
	ck_assert_int_eq(qid_time_ms(&q), 51);
	ck_assert_int_eq(q.b[QID_BYTES - 1], 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("qid");
	TCase *tc = tcase_create("qid");
	SRunner *runner = srunner_create(suite);
	int n_known = (int)COUNT_OF(known);
	int n_bad = (int)COUNT_OF(bad);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_loop_test(tc, known_ids_have_known_texts, 0, n_known);
	tcase_add_test(tc, lower_case_is_read);
	tcase_add_loop_test(
	    tc, bad_text_is_refused_and_nothing_written, 0, n_bad);
	tcase_add_test(tc, text_and_bytes_sort_alike);
	tcase_add_test(tc, time_and_writer_can_be_read_back);
	tcase_add_test(tc, time_outside_48_bits_is_its_nearest_bound);
	tcase_add_test(tc, ids_grow_whatever_the_clock_does);
	tcase_add_test(tc, a_used_up_ms_borrows_the_next);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
