/* SPDX-License-Identifier: BSD-2-Clause */
/* test_unixtext: line ends, dots and stray bytes, whatever the pieces. */
#include "ctl/core/unixtext.h"

#include <stdlib.h>

#include <check.h>

#include "tests/lib/split.h"
#include "util/base/array.h"

#define BYTES 256

/* Texts of C may end at a NUL: "~" stands for one. */
static const struct {
	const char *in;
	bool keeps_dots;
	enum err err; /* ERR_OK: a dot ended it */
	const char *out;
	const char *left;
} cases[] = {
	{ "", false, ERR_AGAIN, "", "" },
	{ "a", false, ERR_AGAIN, "a\r\n", "" },
	{ "a\n", false, ERR_AGAIN, "a\r\n", "" },
	{ "a\r\n", false, ERR_AGAIN, "a\r\n", "" },
	{ "a\r", false, ERR_AGAIN, "a\r\n", "" },
	{ "\n\nb\n", false, ERR_AGAIN, "\r\n\r\nb\r\n", "" },
	{ "a\rb\n", false, ERR_AGAIN, "a b\r\n", "" },
	{ "a\r\r\n", false, ERR_AGAIN, "a \r\n", "" },
	{ "\r.\n", false, ERR_AGAIN, " .\r\n", "" },
	{ "~a~\n", false, ERR_AGAIN, " a \r\n", "" },
	{ "a\r~\n", false, ERR_AGAIN, "a  \r\n", "" },
	{ ".\nx\n", false, ERR_OK, "", "x\n" },
	{ ".\r\nx\n", false, ERR_OK, "", "x\n" },
	{ "a\n.\nx", false, ERR_OK, "a\r\n", "x" },
	{ "a\n.\r\nx", false, ERR_OK, "a\r\n", "x" },
	{ "a\n.", false, ERR_AGAIN, "a\r\n", "" },
	{ "a\n.\r", false, ERR_AGAIN, "a\r\n", "" },
	{ ".a\n..\n", false, ERR_AGAIN, ".a\r\n..\r\n", "" },
	{ "a.\n", false, ERR_AGAIN, "a.\r\n", "" },
	{ ".~\n", false, ERR_AGAIN, ". \r\n", "" },
	{ ".\rx\n", false, ERR_AGAIN, ". x\r\n", "" },
	{ ".\r.\n", false, ERR_AGAIN, ". .\r\n", "" },
	{ ".\r\r\n", false, ERR_AGAIN, ". \r\n", "" },
	{ ".\r\rx\n", false, ERR_AGAIN, ".  x\r\n", "" },
	{ ".\r~\n", false, ERR_AGAIN, ".  \r\n", "" },
	{ ".\nx\n", true, ERR_AGAIN, ".\r\nx\r\n", "" },
	{ ".\r\nx\n", true, ERR_AGAIN, ".\r\nx\r\n", "" },
	{ "a\n.", true, ERR_AGAIN, "a\r\n.\r\n", "" },
};

/* Decodes case i in pieces into an output of room bytes at a time. */
static void
decode(size_t i, struct split split, size_t room)
{
	char in[BYTES], out[BYTES];
	struct outbuf o = { out, 0, 0 };
	struct unixtext t;
	struct str left;
	size_t len = strlen(cases[i].in), given = 0;
	enum err err = ERR_AGAIN;

	memcpy(in, cases[i].in, len);
	for (size_t n = 0; n < len; n++)
		in[n] = in[n] == '~' ? '\0' : in[n];
	unixtext_init(&t, cases[i].keeps_dots);
	left = (struct str){ in, 0 };
	while (err == ERR_FULL || (err == ERR_AGAIN && given < len)) {
		if (err == ERR_AGAIN) {
			size_t n = split_next(&split, len - given);

			left.len += n;
			given += n;
		}
		o.cap = o.len + room;
		err = unixtext_decode(&t, &left, &o);
	}
	ck_assert_int_eq(err, cases[i].err);
	ck_assert_uint_eq(left.len + len - given, strlen(cases[i].left));
	o.cap = o.len + UNIXTEXT_ROOM_BYTES;
	ck_assert_int_eq(unixtext_end(&t, &o), ERR_OK);
	ck_assert(str_eq(outbuf_str(&o), str_from_c(cases[i].out)));
}

START_TEST(text_becomes_content)
{
	static const struct split splits[] = { { SPLIT_WHOLE, 0 },
		{ SPLIT_BYTES, 0 }, { SPLIT_RANDOM, 7 } };
	size_t i;

	for (i = 0; i < COUNT_OF(splits); i++) {
		decode((size_t)_i, splits[i], UNIXTEXT_ROOM_BYTES);
		decode((size_t)_i, splits[i], BYTES / 2);
	}
}
END_TEST

START_TEST(less_room_than_promised_takes_nothing)
{
	char out[UNIXTEXT_ROOM_BYTES];
	struct outbuf o = { out, 0, UNIXTEXT_ROOM_BYTES - 1 };
	struct str in = STR("x");
	struct unixtext t;

	unixtext_init(&t, false);
	ck_assert_int_eq(unixtext_decode(&t, &in, &o), ERR_FULL);
	ck_assert_uint_eq(in.len, 1);
	ck_assert_int_eq(unixtext_end(&t, &o), ERR_FULL);
	o.cap = UNIXTEXT_ROOM_BYTES;
	ck_assert_int_eq(unixtext_decode(&t, &in, &o), ERR_AGAIN);
	ck_assert_uint_eq(in.len, 0);
	ck_assert_uint_eq(o.len, 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("unixtext");
	TCase *tc = tcase_create("unixtext");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_loop_test(tc, text_becomes_content, 0, (int)COUNT_OF(cases));
	tcase_add_test(tc, less_room_than_promised_takes_nothing);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
