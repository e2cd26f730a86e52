/* SPDX-License-Identifier: BSD-2-Clause */
/* test_line: what ends a line, what must not, and each way to cut it. */
#include "util/mail/line.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "tests/lib/split.h"
#include "util/base/array.h"

#define LINE_MAX_BYTES 10
#define RAW_MAX_BYTES 24

START_TEST(lines_come_one_by_one)
{
	struct str in = STR("QUIT\r\n\r\nNOOP\r"), line;
	enum line_fault fault;

	ck_assert_int_eq(line_next(&in, 10, &line, &fault), ERR_OK);
	ck_assert(str_eq(line, STR("QUIT")));
	ck_assert_int_eq(line_next(&in, 10, &line, &fault), ERR_OK);
	ck_assert_uint_eq(line.len, 0);
	ck_assert_int_eq(line_next(&in, 10, &line, &fault), ERR_AGAIN);
	ck_assert_int_eq(fault, LINE_FINE);
	ck_assert(str_eq(in, STR("NOOP\r")));
	in = (struct str){ NULL, 0 };
	ck_assert_int_eq(line_next(&in, 10, &line, &fault), ERR_AGAIN);
}
END_TEST

static const struct {
	struct str raw;
	enum err err;
	enum line_fault fault;
} bad[] = {
	{ STR_INIT("QUIT\n"), ERR_SYNTAX, LINE_BARE_LF },
	{ STR_INIT("\n"), ERR_SYNTAX, LINE_BARE_LF },
	{ STR_INIT("QUIT\rX"), ERR_SYNTAX, LINE_BARE_CR },
	{ STR_INIT("QUIT\r\r\n"), ERR_SYNTAX, LINE_BARE_CR },
	{ STR_INIT("\r\0"), ERR_SYNTAX, LINE_BARE_CR },
	{ STR_INIT("QU\0IT\r\n"), ERR_SYNTAX, LINE_NUL },
	{ STR_INIT("123456789"), ERR_RANGE, LINE_LONG },
	{ STR_INIT("123456789\r\n"), ERR_RANGE, LINE_LONG },
	/* The first fault counts. */
	{ STR_INIT("12345678\0"), ERR_SYNTAX, LINE_NUL },
	{ STR_INIT("123456789\0"), ERR_RANGE, LINE_LONG },
	{ STR_INIT("12345678\r9"), ERR_SYNTAX, LINE_BARE_CR },
};

START_TEST(faults_are_named_and_nothing_is_taken)
{
	struct str in = bad[_i].raw, line;
	enum line_fault fault;

	ck_assert_int_eq(
	    line_next(&in, LINE_MAX_BYTES, &line, &fault), bad[_i].err);
	ck_assert_int_eq(fault, bad[_i].fault);
	ck_assert(str_eq(in, bad[_i].raw));
	ck_assert_str_ne(line_fault_text(fault), "unknown fault");
}
END_TEST

START_TEST(limit_counts_cr_lf)
{
	struct str in = STR("12345678\r\n"), line;
	enum line_fault fault;

	ck_assert_int_eq(line_next(&in, 10, &line, &fault), ERR_OK);
	ck_assert_uint_eq(line.len, 8);
	in = STR("12345678\r\n");
	ck_assert_int_eq(line_next(&in, 9, &line, &fault), ERR_RANGE);
	in = STR("12345678");
	ck_assert_int_eq(line_next(&in, 10, &line, &fault), ERR_AGAIN);
}
END_TEST

/* What one reader gets out of raw when it comes in pieces: the lines, each
 * behind a bar, then the result. */
static struct str
read_all(struct str raw, struct split split, char *log)
{
	struct outbuf out = { log, 0, 2 * RAW_MAX_BYTES };
	struct str in = { raw.ptr, 0 }, line;
	enum line_fault fault = LINE_FINE;
	enum err err = ERR_AGAIN;
	const char *end = raw.ptr + raw.len;

	while (err == ERR_AGAIN && in.ptr + in.len < end) {
		size_t left = (size_t)(end - (in.ptr + in.len));

		in.len += split_next(&split, left);
		do {
			err = line_next(&in, LINE_MAX_BYTES, &line, &fault);
			if (err != ERR_OK)
				break;
			outbuf_put(&out, STR("|"));
			outbuf_put(&out, line);
		} while (err == ERR_OK);
	}
	out.ptr[out.len++] = (char)('0' + (int)err);
	out.ptr[out.len++] = (char)('0' + (int)fault);
	return (struct str){ log, out.len };
}

START_TEST(cuts_change_nothing)
{
	static const char alphabet[] = { '\r', '\n', 'a', 'b', '\r', 0, 'c' };
	char raw[RAW_MAX_BYTES], a[2 * RAW_MAX_BYTES], b[2 * RAW_MAX_BYTES];
	uint64_t seed = 77;
	int lines = 0;

	for (int i = 0; i < 6000; i++) {
		struct str s = { raw, split_draw(&seed) % RAW_MAX_BYTES };
		struct str whole, cut;

		for (size_t k = 0; k < s.len; k++)
			raw[k] = alphabet[split_draw(&seed) % 7];
		for (size_t k = 0; i % 2 == 0 && k + 1 < s.len; k++)
			if (raw[k] == '\r' || raw[k] == '\n' || raw[k] == 0)
				memcpy(raw + k++, "\r\n", 2);
		whole = read_all(s, (struct split){ SPLIT_WHOLE, 1 }, a);
		cut = read_all(s, (struct split){ SPLIT_BYTES, 1 }, b);
		ck_assert(str_eq(whole, cut));
		cut = read_all(s, (struct split){ SPLIT_RANDOM, seed }, b);
		ck_assert(str_eq(whole, cut));
		lines += whole.len > 2;
	}
	ck_assert_int_gt(lines, 1000);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("line");
	TCase *tc = tcase_create("line");
	SRunner *runner = srunner_create(suite);
	int n_bad = (int)COUNT_OF(bad);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_test(tc, lines_come_one_by_one);
	tcase_add_loop_test(
	    tc, faults_are_named_and_nothing_is_taken, 0, n_bad);
	tcase_add_test(tc, limit_counts_cr_lf);
	tcase_add_test(tc, cuts_change_nothing);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
