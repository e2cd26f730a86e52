/* SPDX-License-Identifier: BSD-2-Clause */
/* test_jsonread: what is there, what is not, and what is no JSON. */
#include "util/text/jsonread.h"

#include <stdlib.h>

#include <check.h>

#include "util/base/array.h"
#include "util/text/json.h"

static struct json_t *text;

static void
read_text(const char *c)
{
	ck_assert_int_eq(jsonread_new(&text, str_from_c(c)), ERR_OK);
}

static void
assert_str(const struct json_t *v, const char *want)
{
	struct str s = jsonread_str(v);

	ck_assert_uint_eq(s.len, strlen(want));
	ck_assert(str_eq(s, str_from_c(want)));
}

START_TEST(values_of_each_type_are_read)
{
	read_text("{\"a\":\"\\u00fc\\n\",\"n\":-9223372036854775808,"
	          "\"l\":[\"x\",2],\"o\":{\"a\":\"in\"},\"a\":\"last\"}");
	assert_str(jsonread_get(text, "a"), "last");
	ck_assert(jsonread_num(jsonread_get(text, "n")) == INT64_MIN);
	ck_assert_uint_eq(jsonread_n(jsonread_get(text, "l")), 2);
	assert_str(jsonread_item(jsonread_get(text, "l"), 0), "x");
	ck_assert_int_eq(
	    jsonread_num(jsonread_item(jsonread_get(text, "l"), 1)), 2);
	assert_str(jsonread_get(jsonread_get(text, "o"), "a"), "in");
	jsonread_free(&text);
	ck_assert_ptr_null(text);
	jsonread_free(&text);
}
END_TEST

START_TEST(what_is_not_there_is_empty)
{
	read_text("{\"s\":\"text\",\"n\":1,\"l\":[1],\"t\":true}");
	ck_assert_ptr_null(jsonread_get(text, "S"));
	ck_assert_ptr_null(jsonread_get(jsonread_get(text, "s"), "x"));
	ck_assert_ptr_null(jsonread_item(jsonread_get(text, "l"), 1));
	ck_assert_ptr_null(jsonread_item(text, 0));
	ck_assert_uint_eq(jsonread_n(text), 0);
	assert_str(jsonread_get(text, "n"), "");
	assert_str(NULL, "");
	ck_assert_int_eq(jsonread_num(jsonread_get(text, "s")), 0);
	ck_assert_int_eq(jsonread_num(jsonread_get(text, "t")), 0);
	ck_assert_int_eq(jsonread_num(NULL), 0);
	ck_assert_uint_eq(jsonread_n(NULL), 0);
	ck_assert_ptr_null(jsonread_get(NULL, "x"));
	ck_assert_ptr_null(jsonread_item(NULL, 0));
	jsonread_free(&text);
}
END_TEST

/* The library and json.h have a function of one name, json_null: each must
 * call its own. */
START_TEST(what_json_writes_is_read)
{
	char bytes[64];
	struct outbuf out = { bytes, 0, sizeof(bytes) };
	struct json j;

	json_init(&j, &out);
	json_open_array(&j);
	json_null(&j);
	json_str(&j, STR("\x01 \xff\"\\"));
	json_i64(&j, INT64_MAX);
	json_close_array(&j);
	ck_assert_int_eq(json_end(&j), ERR_OK);
	ck_assert_int_eq(jsonread_new(&text, outbuf_str(&out)), ERR_OK);
	ck_assert_uint_eq(jsonread_n(text), 3);
	assert_str(jsonread_item(text, 0), "");
	assert_str(jsonread_item(text, 1), "\x01 \xef\xbf\xbd\"\\");
	ck_assert(jsonread_num(jsonread_item(text, 2)) == INT64_MAX);
	jsonread_free(&text);
}
END_TEST

static const struct {
	const char *text;
	enum err err;
} wrong[] = {
	{ "", ERR_SYNTAX },
	{ " ", ERR_SYNTAX },
	{ "{", ERR_SYNTAX },
	{ "{}x", ERR_SYNTAX },
	{ "{\"a\":1,}", ERR_SYNTAX },
	{ "[01]", ERR_SYNTAX },
	{ "[\"\xff\"]", ERR_SYNTAX },
	{ "[\"\\u0000\"]", ERR_SYNTAX },
	{ "[9223372036854775808]", ERR_RANGE },
	{ "[1e999]", ERR_RANGE },
};

START_TEST(what_is_no_json_is_refused)
{
	ck_assert_int_eq(
	    jsonread_new(&text, str_from_c(wrong[_i].text)), wrong[_i].err);
	ck_assert_ptr_null(text);
}
END_TEST

/* n blanks and a 7. */
static enum err
read_long(size_t n)
{
	char *bytes = malloc(n + 1);
	enum err err;

	ck_assert_ptr_nonnull(bytes);
	memset(bytes, ' ', n);
	bytes[n] = '7';
	err = jsonread_new(&text, (struct str){ bytes, n + 1 });
	free(bytes);
	return err;
}

START_TEST(length_is_bounded)
{
	ck_assert_int_eq(read_long(JSONREAD_MAX_BYTES - 1), ERR_OK);
	ck_assert_int_eq(jsonread_num(text), 7);
	jsonread_free(&text);
	ck_assert_int_eq(read_long(JSONREAD_MAX_BYTES), ERR_RANGE);
}
END_TEST

START_TEST(depth_is_bounded)
{
	enum { LEVELS = 100000 };
	char *bytes = malloc(LEVELS);

	ck_assert_ptr_nonnull(bytes);
	memset(bytes, '[', LEVELS);
	ck_assert_int_eq(
	    jsonread_new(&text, (struct str){ bytes, LEVELS }), ERR_SYNTAX);
	free(bytes);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("jsonread");
	TCase *tc = tcase_create("jsonread");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tc, values_of_each_type_are_read);
	tcase_add_test(tc, what_is_not_there_is_empty);
	tcase_add_test(tc, what_json_writes_is_read);
	tcase_add_loop_test(
	    tc, what_is_no_json_is_refused, 0, (int)COUNT_OF(wrong));
	tcase_add_test(tc, length_is_bounded);
	tcase_add_test(tc, depth_is_bounded);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
