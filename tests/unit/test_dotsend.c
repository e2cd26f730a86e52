/* SPDX-License-Identifier: BSD-2-Clause */
/* test_dotsend: dots, the end of data, and the way back through dotstuff. */
#include "util/mail/dotsend.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "tests/lib/split.h"
#include "util/base/array.h"
#include "util/mail/dotstuff.h"

#define RAW_MAX_BYTES 48
#define OUT_MAX_BYTES (2 * RAW_MAX_BYTES + DOTSEND_ROOM_BYTES)

/* Encodes raw in pieces, with at most room_bytes free at a time. */
static struct str
encode(struct str raw, struct split split, size_t room_bytes, char *bytes)
{
	struct outbuf out = { bytes, 0, 0 };
	struct dotsend ds;
	enum err err;

	dotsend_init(&ds);
	while (raw.len > 0) {
		struct str in = { raw.ptr, split_next(&split, raw.len) };
		size_t piece = in.len;

		do {
			out.cap = out.len + room_bytes;
			BUG_IF(out.cap > OUT_MAX_BYTES);
			err = dotsend_encode(&ds, &in, &out);
			BUG_IF(err == ERR_OK && in.len > 0);
		} while (err == ERR_FULL);
		str_skip(&raw, piece);
	}
	out.cap = out.len + DOTSEND_ROOM_BYTES - 1;
	ck_assert_int_eq(dotsend_end(&ds, &out), ERR_FULL);
	out.cap = out.len + DOTSEND_ROOM_BYTES;
	ck_assert_int_eq(dotsend_end(&ds, &out), ERR_OK);
	return (struct str){ bytes, out.len };
}

static struct str
encode_whole(struct str raw, char *bytes)
{
	struct split whole = { SPLIT_WHOLE, 1 };

	return encode(raw, whole, OUT_MAX_BYTES - DOTSEND_ROOM_BYTES, bytes);
}

static const struct {
	struct str raw, sent;
} cases[] = {
	{ STR_INIT(""), STR_INIT(".\r\n") },
	{ STR_INIT("a\r\n"), STR_INIT("a\r\n.\r\n") },
	{ STR_INIT("a"), STR_INIT("a\r\n.\r\n") },
	{ STR_INIT("\r\n"), STR_INIT("\r\n.\r\n") },
	{ STR_INIT(".\r\n"), STR_INIT("..\r\n.\r\n") },
	{ STR_INIT("."), STR_INIT("..\r\n.\r\n") },
	{ STR_INIT("..\r\n"), STR_INIT("...\r\n.\r\n") },
	{ STR_INIT("a.b\r\n.c\r\n"), STR_INIT("a.b\r\n..c\r\n.\r\n") },
	{ STR_INIT("\r\n.\r\nx\r\n"), STR_INIT("\r\n..\r\nx\r\n.\r\n") },
	{ STR_INIT("a\0b\r\n"), STR_INIT("a\0b\r\n.\r\n") },
	/* Strays do no harm: no dot alone on what anyone takes for a line,
	 * and the end stands on a line of its own. */
	{ STR_INIT("a\n.\r\n"), STR_INIT("a\n..\r\n.\r\n") },
	{ STR_INIT("\n.\n"), STR_INIT("\n..\n\r\n.\r\n") },
	{ STR_INIT("a\n"), STR_INIT("a\n\r\n.\r\n") },
	{ STR_INIT("a\r"), STR_INIT("a\r\r\n.\r\n") },
};

START_TEST(content_is_sent)
{
	char bytes[OUT_MAX_BYTES];

	ck_assert(str_eq(encode_whole(cases[_i].raw, bytes), cases[_i].sent));
}
END_TEST

static struct str
draw_raw(char *raw, bool only_pairs, uint64_t *seed)
{
	static const char alphabet[] = { '.', '\r', '\n', 'a', '.' };
	size_t len = (size_t)(split_draw(seed) % RAW_MAX_BYTES);

	for (size_t i = 0; i < len; i++)
		raw[i] = alphabet[split_draw(seed) % sizeof(alphabet)];
	for (size_t i = 0; only_pairs && i < len; i++) {
		if (raw[i] != '\r' && raw[i] != '\n')
			continue;
		if (i + 1 == len)
			len--;
		else
			memcpy(raw + i++, "\r\n", 2);
	}
	return (struct str){ raw, len };
}

START_TEST(cuts_change_nothing)
{
	char raw[RAW_MAX_BYTES], a[OUT_MAX_BYTES], b[OUT_MAX_BYTES];
	uint64_t seed = 31;

	for (int i = 0; i < 5000; i++) {
		struct str s = draw_raw(raw, i % 2 == 0, &seed);
		struct split bytes = { SPLIT_BYTES, 1 };
		struct split random = { SPLIT_RANDOM, seed };
		struct str whole = encode_whole(s, a);

		ck_assert(str_eq(whole, encode(s, bytes, 2, b)));
		ck_assert(
		    str_eq(whole, encode(s, random, 2 + (size_t)i % 4, b)));
	}
}
END_TEST

/* The oracle is the other side: it must get the content, and the end where the
 * output ends. */
START_TEST(the_decoder_gives_the_content_back)
{
	struct dotstuff_conf conf = { DOTSTUFF_REJECT, 1000 };
	char raw[RAW_MAX_BYTES + 2], a[OUT_MAX_BYTES], b[OUT_MAX_BYTES];
	uint64_t seed = 13;

	for (int i = 0; i < 5000; i++) {
		struct str s = draw_raw(raw, true, &seed);
		struct str sent = encode_whole(s, a);
		struct outbuf out = { b, 0, sizeof(b) };
		struct dotstuff back;

		dotstuff_init(&back, &conf);
		ck_assert_int_eq(dotstuff_decode(&back, &sent, &out), ERR_OK);
		ck_assert_uint_eq(sent.len, 0);
		if (s.len > 0 && s.ptr[s.len - 1] != '\n') {
			memcpy(raw + s.len, "\r\n", 2);
			s.len += 2;
		}
		ck_assert(str_eq(outbuf_str(&out), s));
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("dotsend");
	TCase *tc = tcase_create("dotsend");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_loop_test(tc, content_is_sent, 0, (int)COUNT_OF(cases));
	tcase_add_test(tc, cuts_change_nothing);
	tcase_add_test(tc, the_decoder_gives_the_content_back);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
