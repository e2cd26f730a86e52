/* SPDX-License-Identifier: BSD-2-Clause */
/* test_json: commas, escapes, a full buffer, and calls out of order. */
#include "util/text/json.h"

#include <signal.h>
#include <stdlib.h>

#include <check.h>

#include "util/base/array.h"

static char bytes[512];
static struct outbuf out;
static struct json json;

static void
setup(void)
{
	out = (struct outbuf){ bytes, 0, sizeof(bytes) };
	json_init(&json, &out);
}

static void
assert_text(const char *want)
{
	ck_assert_int_eq(json_end(&json), ERR_OK);
	ck_assert_uint_lt(out.len, sizeof(bytes));
	bytes[out.len] = '\0';
	ck_assert_str_eq(bytes, want);
}

/* All kinds of things, some of them empty. */
static void
write_all(struct json *j)
{
	json_open_object(j);
	json_key(j, STR("a"));
	json_u64(j, UINT64_MAX);
	json_key(j, STR("b"));
	json_open_array(j);
	json_i64(j, INT64_MIN);
	json_i64(j, -1);
	json_i64(j, INT64_MAX);
	json_str(j, STR("x"));
	json_open_array(j);
	json_close_array(j);
	json_open_object(j);
	json_close_object(j);
	json_bool(j, true);
	json_close_array(j);
	json_key(j, STR("c"));
	json_open_object(j);
	json_key(j, STR(""));
	json_null(j);
	json_key(j, STR("d"));
	json_bool(j, false);
	json_close_object(j);
	json_key(j, STR("f"));
	json_open_array(j);
	json_null(j);
	json_close_array(j);
	json_key(j, STR("e"));
	json_str(j, (struct str){ NULL, 0 });
	json_close_object(j);
}

static const char all[] =
    "{\"a\":18446744073709551615,\"b\":[-9223372036854775808,-1,"
    "9223372036854775807,\"x\",[],{},true],"
    "\"c\":{\"\":null,\"d\":false},\"f\":[null],\"e\":\"\"}";

START_TEST(members_are_separated)
{
	write_all(&json);
	assert_text(all);
}
END_TEST

START_TEST(full_buffer_is_told_at_the_end)
{
	for (size_t cap = 0; cap < sizeof(all) - 1; cap++) {
		setup();
		out.cap = cap;
		write_all(&json);
		ck_assert_int_eq(json_end(&json), ERR_FULL);
		ck_assert_uint_le(out.len, cap);
	}
	setup();
	out.cap = sizeof(all) - 1;
	write_all(&json);
	assert_text(all);
}
END_TEST

START_TEST(nothing_is_written_after_the_buffer_was_full)
{
	size_t len;

	out.cap = 4;
	json_open_array(&json);
	json_str(&json, STR("long"));
	len = out.len;
	out.cap = sizeof(bytes);
	json_u64(&json, 1);
	json_close_array(&json);
	ck_assert_uint_eq(out.len, len);
	ck_assert_int_eq(json_end(&json), ERR_FULL);
}
END_TEST

static const struct {
	struct str s;
	const char *text;
} strings[] = {
	{ STR_INIT(""), "\"\"" },
	{ STR_INIT("plain / text~\x7f"), "\"plain / text~\x7f\"" },
	{ STR_INIT("\"\\\n\r\t"), "\"\\\"\\\\\\n\\r\\t\"" },
	{ STR_INIT("\0\x01\b\f\x1f"),
	    "\"\\u0000\\u0001\\u0008\\u000c\\u001f\"" },
	{ STR_INIT("k\xc3\xb6ln \xe2\x82\xac \xf0\x9f\x98\x80"),
	    "\"k\xc3\xb6ln \xe2\x82\xac \xf0\x9f\x98\x80\"" },
	{ STR_INIT("k\xf6ln"), "\"k\xef\xbf\xbdln\"" },
	{ STR_INIT("\xe2\x82"), "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
	{ STR_INIT("\xed\xa0\x80"),
	    "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
	{ STR_INIT("\xc0\xaf!"), "\"\xef\xbf\xbd\xef\xbf\xbd!\"" },
};

START_TEST(strings_are_escaped)
{
	json_str(&json, strings[_i].s);
	assert_text(strings[_i].text);
}
END_TEST

START_TEST(keys_are_escaped)
{
	json_open_object(&json);
	json_key(&json, STR("a\"b"));
	json_u64(&json, 0);
	json_close_object(&json);
	assert_text("{\"a\\\"b\":0}");
}
END_TEST

START_TEST(deepest_level_is_open_to_all)
{
	for (int i = 0; i < JSON_DEPTH_MAX; i++)
		json_open_array(&json);
	json_null(&json);
	json_null(&json);
	for (int i = 0; i < JSON_DEPTH_MAX; i++)
		json_close_array(&json);
	ck_assert_int_eq(json_end(&json), ERR_OK);
	ck_assert_uint_eq(out.len, 2 * JSON_DEPTH_MAX + 9);
}
END_TEST

START_TEST(level_too_deep_is_a_bug)
{
	for (int i = 0; i <= JSON_DEPTH_MAX; i++)
		json_open_array(&json);
}
END_TEST

START_TEST(value_without_key_is_a_bug)
{
	json_open_object(&json);
	json_null(&json);
}
END_TEST

START_TEST(key_in_an_array_is_a_bug)
{
	json_open_array(&json);
	json_key(&json, STR("a"));
}
END_TEST

START_TEST(key_after_key_is_a_bug)
{
	json_open_object(&json);
	json_key(&json, STR("a"));
	json_key(&json, STR("b"));
}
END_TEST

START_TEST(key_without_value_is_a_bug)
{
	json_open_object(&json);
	json_key(&json, STR("a"));
	json_close_object(&json);
}
END_TEST

START_TEST(wrong_close_is_a_bug)
{
	json_open_object(&json);
	json_close_array(&json);
}
END_TEST

START_TEST(close_too_many_is_a_bug)
{
	json_open_object(&json);
	json_close_object(&json);
	json_close_object(&json);
}
END_TEST

START_TEST(second_value_is_a_bug)
{
	json_null(&json);
	json_null(&json);
}
END_TEST

START_TEST(open_end_is_a_bug)
{
	json_open_array(&json);
	(void)!json_end(&json);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("json");
	TCase *tc = tcase_create("json");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, members_are_separated);
	tcase_add_test(tc, full_buffer_is_told_at_the_end);
	tcase_add_test(tc, nothing_is_written_after_the_buffer_was_full);
	tcase_add_loop_test(tc, strings_are_escaped, 0, (int)COUNT_OF(strings));
	tcase_add_test(tc, keys_are_escaped);
	tcase_add_test(tc, deepest_level_is_open_to_all);
	tcase_add_test_raise_signal(tc, level_too_deep_is_a_bug, SIGABRT);
	tcase_add_test_raise_signal(tc, value_without_key_is_a_bug, SIGABRT);
	tcase_add_test_raise_signal(tc, key_in_an_array_is_a_bug, SIGABRT);
	tcase_add_test_raise_signal(tc, key_after_key_is_a_bug, SIGABRT);
	tcase_add_test_raise_signal(tc, key_without_value_is_a_bug, SIGABRT);
	tcase_add_test_raise_signal(tc, wrong_close_is_a_bug, SIGABRT);
	tcase_add_test_raise_signal(tc, close_too_many_is_a_bug, SIGABRT);
	tcase_add_test_raise_signal(tc, second_value_is_a_bug, SIGABRT);
	tcase_add_test_raise_signal(tc, open_end_is_a_bug, SIGABRT);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
