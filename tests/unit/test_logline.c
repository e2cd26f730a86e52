/* SPDX-License-Identifier: BSD-2-Clause */
/* test_logline: quoting, bounds, and the table of events. */
#include "util/log/logline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "tests/lib/split.h"
#include "util/base/array.h"
#include "util/text/ascii.h"
#include "util/text/utf8.h"

#define LINE_MAX_BYTES 4096

static char bytes[LINE_MAX_BYTES + 1];

/* The line of one event with these pairs, in at most room bytes. */
static const char *
compose(enum event_id ev, const struct log_kv *kv, size_t n, size_t room)
{
	struct outbuf out = { bytes, 0, room };

	ck_assert_uint_le(room, LINE_MAX_BYTES);
	log_compose(&out, ev, kv, n);
	bytes[out.len] = '\0';
	return bytes;
}

static const char *
compose_str(struct str s)
{
	struct log_kv kv = KV_STR("site", s);

	return compose(EV_SITE_UP, &kv, 1, LINE_MAX_BYTES);
}

START_TEST(pairs_stand_in_order)
{
	struct qid qid = { { 0 } };
	struct log_kv kv[] = {
		KV_QID("qid", &qid),
		KV_NUM("tries", -3),
		KV_HEX("segment", UINT64_C(0xfedc000000000001)),
		KV_ERRNO("error", ENOSPC),
		KV_ERRNO("error", 99999),
		KV_CSTR("msg", "as is"),
	};

	ck_assert_str_eq(
	    compose(EV_LEASE_EXPIRED, kv, COUNT_OF(kv), LINE_MAX_BYTES),
	    "event=lease_expired qid=00000000000000000000000000 tries=-3 "
	    "segment=fedc000000000001 error=ENOSPC error=99999 msg=\"as is\"");
}
END_TEST

START_TEST(largest_numbers_are_written)
{
	struct log_kv kv[] = { KV_NUM("a", INT64_MIN), KV_NUM("b", INT64_MAX) };

	ck_assert_str_eq(compose(EV_SITE_UP, kv, 2, LINE_MAX_BYTES),
	    "event=site_up a=-9223372036854775808 b=9223372036854775807");
}
END_TEST

static const struct {
	struct str value;
	const char *text;
} quoting[] = {
	{ STR_INIT("google"), "google" },
	{ STR_INIT("a@b.test"), "a@b.test" },
	{ STR_INIT("ip1->google"), "ip1->google" },
	{ STR_INIT("{}[]',;~!"), "{}[]',;~!" },
	{ STR_INIT(""), "\"\"" },
	{ STR_INIT(" "), "\" \"" },
	{ STR_INIT("a b"), "\"a b\"" },
	{ STR_INIT("a=b"), "\"a=b\"" },
	{ STR_INIT("a\"b"), "\"a\\\"b\"" },
	{ STR_INIT("a\\b"), "\"a\\\\b\"" },
	{ STR_INIT("a\nevent=x"), "\"a\\x0aevent=x\"" },
	{ STR_INIT("\0\x1b[2J\x7f"), "\"\\x00\\x1b[2J\\x7f\"" },
	/* UTF-8 is shown, but for its control characters. */
	{ STR_INIT("k\xc3\xa4se\xe2\x82\xac"), "k\xc3\xa4se\xe2\x82\xac" },
	{ STR_INIT("\xc2\xa0"), "\xc2\xa0" },
	{ STR_INIT("\xc2\x9b"), "\"\\xc2\\x9b\"" },
	{ STR_INIT("\xff\xc3"), "\"\\xff\\xc3\"" },
	{ STR_INIT("\xc0\xaf"), "\"\\xc0\\xaf\"" },
};

START_TEST(values_are_quoted_where_they_must_be)
{
	char want[128] = "event=site_up site=";
	size_t len = strlen(want);

	memcpy(want + len, quoting[_i].text, strlen(quoting[_i].text) + 1);
	ck_assert_str_eq(compose_str(quoting[_i].value), want);
}
END_TEST

START_TEST(long_value_is_cut_with_dots)
{
	static char text[LOG_VALUE_MAX_BYTES + 1];
	struct log_kv kv[] = { KV_STR("site", STR("")), KV_NUM("down_ms", 5) };
	const char *line;

	memset(text, 'x', sizeof(text));
	kv[0].str = (struct str){ text, LOG_VALUE_MAX_BYTES };
	line = compose(EV_SITE_UP, kv, 2, LINE_MAX_BYTES);
	ck_assert_ptr_null(strstr(line, "..."));
	kv[0].str.len++;
	line = compose(EV_SITE_UP, kv, 2, LINE_MAX_BYTES);
	ck_assert_ptr_nonnull(strstr(line, "xxx...\" down_ms=5"));
	ck_assert_uint_eq(strlen(line),
	    strlen("event=site_up site= down_ms=5") + LOG_VALUE_MAX_BYTES);
}
END_TEST

START_TEST(msg_takes_what_is_left)
{
	static char text[2 * LINE_MAX_BYTES];
	struct log_kv kv = KV_STR("msg", STR(""));

	memset(text, 'x', sizeof(text));
	kv.str = (struct str){ text, sizeof(text) };
	ck_assert_uint_eq(strlen(compose(EV_SITE_UP, &kv, 1, LINE_MAX_BYTES)),
	    LINE_MAX_BYTES);
}
END_TEST

/* Whatever the room: no half pair, no open quote, no cut character. */
START_TEST(short_room_never_breaks_a_line)
{
	struct log_kv kv[] = {
		KV_STR("site", STR("a \xc3\xa4\n\xe2\x82\xac b")),
		KV_NUM("down_ms", 12),
		KV_ERRNO("error", EIO),
		KV_CSTR("msg", "free text \"quoted\""),
	};
	const char *line;
	size_t len;

	for (size_t room = 20; room < 160; room++) {
		line = compose(EV_SITE_UP, kv, COUNT_OF(kv), room);
		len = strlen(line);
		ck_assert_uint_le(len, room);
		ck_assert(utf8_is_valid((struct str){ line, len }));
		ck_assert(line[len - 1] == '"' ||
		    ascii_is_digit(line[len - 1]) || line[len - 1] == 'O' ||
		    line[len - 1] == 'p');
	}
}
END_TEST

/* What the quotes hold reads back as it was. */
START_TEST(any_bytes_stay_on_one_line)
{
	uint64_t seed = 20240301;
	char text[32];
	const char *line;

	for (int round = 0; round < 2000; round++) {
		for (size_t i = 0; i < sizeof(text); i++)
			text[i] = (char)split_draw(&seed);
		line = compose_str((struct str){ text, sizeof(text) });
		ck_assert(utf8_is_valid(str_from_c(line)));
		while ((unsigned char)*line >= 0x80 || ascii_is_print(*line))
			line++;
		ck_assert_int_eq(*line, '\0');
	}
}
END_TEST

START_TEST(keys_are_those_of_the_table)
{
	struct log_kv good[] = { KV_CSTR("site", "a"), KV_CSTR("host", "b"),
		KV_NUM("down_ms", 1), KV_CSTR("msg", "c") };
	struct log_kv twice[] = { good[0], good[0] };
	struct log_kv swapped[] = { good[1], good[0] };
	struct log_kv early[] = { good[3], good[0] };
	struct log_kv alien = KV_NUM("up_ms", 1);
	struct log_kv half = KV_NUM("down", 1);

	ck_assert(log_check(EV_SITE_UP, good, 0));
	ck_assert(log_check(EV_SITE_UP, good, 4));
	ck_assert(log_check(EV_SITE_UP, good + 1, 1));
	ck_assert(log_check(EV_SITE_UP, good + 3, 1));
	ck_assert(!log_check(EV_SITE_UP, twice, 2));
	ck_assert(!log_check(EV_SITE_UP, swapped, 2));
	ck_assert(!log_check(EV_SITE_UP, early, 2));
	ck_assert(!log_check(EV_SITE_UP, &alien, 1));
	ck_assert(!log_check(EV_SITE_UP, &half, 1));
}
END_TEST

static void
assert_key_form(struct str key)
{
	ck_assert_uint_gt(key.len, 0);
	for (size_t i = 0; i < key.len; i++)
		ck_assert(key.ptr[i] == '_' ||
		    (ascii_is_alnum(key.ptr[i]) &&
		        ascii_lower(key.ptr[i]) == key.ptr[i]));
	ck_assert(!str_eq(key, STR("msg")) && !str_eq(key, STR("event")));
}

START_TEST(rows_are_well_formed)
{
	struct log_row row = log_row((enum event_id)_i);
	struct str keys = str_from_c(row.keys);

	assert_key_form(str_from_c(row.name));
	while (keys.len > 0)
		assert_key_form(str_take_field(&keys, ' '));
	ck_assert(strlen(row.doc) > 0);
	ck_assert(row.doc[strlen(row.doc) - 1] == '.');
	for (int i = 0; i < _i; i++)
		ck_assert_str_ne(log_row((enum event_id)i).name, row.name);
}
END_TEST

START_TEST(levels_have_names)
{
	ck_assert_str_eq(log_level_text(LOG_LEVEL_ERROR), "error");
	ck_assert_str_eq(log_level_text(LOG_LEVEL_DEBUG), "debug");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("logline");
	TCase *tc = tcase_create("logline");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_test(tc, pairs_stand_in_order);
	tcase_add_test(tc, largest_numbers_are_written);
	tcase_add_loop_test(tc, values_are_quoted_where_they_must_be, 0,
	    (int)COUNT_OF(quoting));
	tcase_add_test(tc, long_value_is_cut_with_dots);
	tcase_add_test(tc, msg_takes_what_is_left);
	tcase_add_test(tc, short_room_never_breaks_a_line);
	tcase_add_test(tc, any_bytes_stay_on_one_line);
	tcase_add_test(tc, keys_are_those_of_the_table);
	tcase_add_loop_test(tc, rows_are_well_formed, 0, EVENT_N);
	tcase_add_test(tc, levels_have_names);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
