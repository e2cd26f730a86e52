/* SPDX-License-Identifier: BSD-2-Clause */
/* test_header: where a header ends, what it holds, and each way to cut it. */
#include "util/mail/header.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "tests/lib/split.h"
#include "util/base/array.h"

#define RAW_MAX_BYTES 80
#define X16 "xxxxxxxxxxxxxxxx"
#define X128 X16 X16 X16 X16 X16 X16 X16 X16

static const struct header_conf conf = {
	{ STR_INIT("X-Tenant"), STR_INIT("x-campaign") },
	2,
	1000,
};

/* Scans content in pieces; the scanner's last word. */
static enum err
scan(struct header *h, const struct header_conf *use, struct str content,
    struct split split)
{
	enum err err = ERR_AGAIN;

	header_init(h, use);
	while (err == ERR_AGAIN && content.len > 0) {
		size_t piece = split_next(&split, content.len);

		err = header_scan(h, str_head(content, piece));
		str_skip(&content, piece);
	}
	return err == ERR_AGAIN ? header_end(h) : err;
}

static enum err
scan_whole(struct header *h, struct str content)
{
	return scan(h, &conf, content, (struct split){ SPLIT_WHOLE, 1 });
}

static const struct {
	struct str content;
	uint32_t end_at;
	bool has_blank;
	struct str tenant, campaign, without; /* the section less the cuts */
	uint32_t n_received;
} cases[] = {
	{ STR_INIT(""), 0, false, STR_INIT(""), STR_INIT(""), STR_INIT(""), 0 },
	{ STR_INIT("\r\nbody\r\n"), 0, true, STR_INIT(""), STR_INIT(""),
	    STR_INIT(""), 0 },
	{ STR_INIT("A: b\r\n\r\nX-Tenant: c\r\n"), 6, true, STR_INIT(""),
	    STR_INIT(""), STR_INIT("A: b\r\n"), 0 },
	/* No empty line: the content ends, or a line is no field. */
	{ STR_INIT("A: b\r\n"), 6, false, STR_INIT(""), STR_INIT(""),
	    STR_INIT("A: b\r\n"), 0 },
	{ STR_INIT("A: b\r\nno field\r\n\r\n"), 6, false, STR_INIT(""),
	    STR_INIT(""), STR_INIT("A: b\r\n"), 0 },
	{ STR_INIT("A: b\r\nnone\r\n"), 6, false, STR_INIT(""), STR_INIT(""),
	    STR_INIT("A: b\r\n"), 0 },
	{ STR_INIT("A: b\r\n: c\r\n"), 6, false, STR_INIT(""), STR_INIT(""),
	    STR_INIT("A: b\r\n"), 0 },
	{ STR_INIT("A: b\r\nC\xc3: d\r\n"), 6, false, STR_INIT(""),
	    STR_INIT(""), STR_INIT("A: b\r\n"), 0 },
	{ STR_INIT("A: b\r\n\x7f: d\r\n"), 6, false, STR_INIT(""), STR_INIT(""),
	    STR_INIT("A: b\r\n"), 0 },
	{ STR_INIT("A: b\r\nC d: e\r\n"), 6, false, STR_INIT(""), STR_INIT(""),
	    STR_INIT("A: b\r\n"), 0 },
	{ STR_INIT("A: b\r\nC"), 6, false, STR_INIT(""), STR_INIT(""),
	    STR_INIT("A: b\r\n"), 0 },
	{ STR_INIT("A: b\r\n\r"), 6, false, STR_INIT(""), STR_INIT(""),
	    STR_INIT("A: b\r\n"), 0 },
	/* No header at all. */
	{ STR_INIT("Hello,\r\nA: b\r\n\r\n"), 0, false, STR_INIT(""),
	    STR_INIT(""), STR_INIT(""), 0 },
	{ STR_INIT(" A: b\r\n\r\n"), 0, false, STR_INIT(""), STR_INIT(""),
	    STR_INIT(""), 0 },
	{ STR_INIT("From joe Mon\r\nA: b\r\n\r\n"), 0, false, STR_INIT(""),
	    STR_INIT(""), STR_INIT(""), 0 },
	/* Captured fields. */
	{ STR_INIT("X-Tenant: acme\r\n\r\n"), 16, true, STR_INIT("acme"),
	    STR_INIT(""), STR_INIT(""), 0 },
	{ STR_INIT(
	      "A: b\r\nx-tenant:acme \t\r\nX-CAMPAIGN: one\r\nC: d\r\n\r\n"),
	    46, true, STR_INIT("acme"), STR_INIT("one"),
	    STR_INIT("A: b\r\nC: d\r\n"), 0 },
	{ STR_INIT("X-Tenant \t: acme\r\nA: b\r\n"), 24, false,
	    STR_INIT("acme"), STR_INIT(""), STR_INIT("A: b\r\n"), 0 },
	{ STR_INIT("X-Tenant:\r\n ac\r\n\tme\r\nA: b\r\n c\r\n\r\n"), 31, true,
	    STR_INIT("ac\tme"), STR_INIT(""), STR_INIT("A: b\r\n c\r\n"), 0 },
	{ STR_INIT("X-Tenant: a: b\r\n\r\n"), 16, true, STR_INIT("a: b"),
	    STR_INIT(""), STR_INIT(""), 0 },
	{ STR_INIT("X-Tenant: a"), 11, false, STR_INIT("a"), STR_INIT(""),
	    STR_INIT(""), 0 },
	{ STR_INIT("X-Tenant:\r\nA: b\r\n\r\n"), 17, true, STR_INIT(""),
	    STR_INIT(""), STR_INIT("A: b\r\n"), 0 },
	/* The first counts; all go. */
	{ STR_INIT("X-Tenant: a\r\nX-Tenant: b\r\n c\r\nno\r\n"), 30, false,
	    STR_INIT("a"), STR_INIT(""), STR_INIT(""), 0 },
	/* What only looks like one. */
	{ STR_INIT("X-Tenan: a\r\nX-Tenants: b\r\nXX-Tenant: c\r\n"), 40, false,
	    STR_INIT(""), STR_INIT(""),
	    STR_INIT("X-Tenan: a\r\nX-Tenants: b\r\nXX-Tenant: c\r\n"), 0 },
	{ STR_INIT("A: b\r\n X-Tenant: c\r\n\r\n"), 20, true, STR_INIT(""),
	    STR_INIT(""), STR_INIT("A: b\r\n X-Tenant: c\r\n"), 0 },
	/* Hops. */
	{ STR_INIT("Received: a\r\nreceived : b\r\n Received: c\r\n"
	           "X-Received: d\r\nReceived-SPF: e\r\n\r\nReceived: f\r\n"),
	    73, true, STR_INIT(""), STR_INIT(""),
	    STR_INIT("Received: a\r\nreceived : b\r\n Received: c\r\n"
	             "X-Received: d\r\nReceived-SPF: e\r\n"),
	    2 },
};

/* The section as it is without the captured fields. */
static struct str
cut_out(const struct header *h, struct str content, char *bytes)
{
	struct outbuf out = { bytes, 0, 2 * RAW_MAX_BYTES };
	uint32_t at = 0;

	for (uint32_t i = 0; i < h->n_cuts; i++) {
		struct header_range cut = h->cuts[i];

		ck_assert_uint_ge(cut.start, at);
		outbuf_put(
		    &out, (struct str){ content.ptr + at, cut.start - at });
		at = cut.start + cut.len;
	}
	ck_assert_uint_le(at, h->end_at);
	outbuf_put(&out, (struct str){ content.ptr + at, h->end_at - at });
	return outbuf_str(&out);
}

START_TEST(sections_are_understood)
{
	char bytes[2 * RAW_MAX_BYTES];
	struct header h;

	ck_assert_int_eq(scan_whole(&h, cases[_i].content), ERR_OK);
	ck_assert_uint_eq(h.end_at, cases[_i].end_at);
	ck_assert_int_eq(h.has_blank, cases[_i].has_blank);
	ck_assert_uint_eq(h.n_received, cases[_i].n_received);
	ck_assert(str_eq(header_get_value(&h, 0), cases[_i].tenant));
	ck_assert(str_eq(header_get_value(&h, 1), cases[_i].campaign));
	ck_assert(
	    str_eq(cut_out(&h, cases[_i].content, bytes), cases[_i].without));
	/* For good. */
	ck_assert_int_eq(header_scan(&h, STR("X-Tenant: z\r\n")), ERR_OK);
	ck_assert_int_eq(header_end(&h), ERR_OK);
	ck_assert_uint_eq(h.end_at, cases[_i].end_at);
}
END_TEST

START_TEST(an_empty_value_is_found_and_a_missing_one_is_not)
{
	struct header h;

	ck_assert_int_eq(scan_whole(&h, STR("X-Tenant:\r\n\r\n")), ERR_OK);
	ck_assert(h.values[0].is_found);
	ck_assert(!h.values[1].is_found);
}
END_TEST

START_TEST(long_values_are_cut_and_say_so)
{
	struct header h;

	ck_assert_int_eq(
	    scan_whole(&h, STR("X-Tenant: " X128 X128 "   \r\n\r\n")), ERR_OK);
	ck_assert_uint_eq(header_get_value(&h, 0).len, HEADER_VALUE_MAX_BYTES);
	ck_assert(!h.values[0].is_truncated);
	ck_assert_int_eq(
	    scan_whole(&h, STR("X-Tenant: " X128 X128 " x\r\n\r\n")), ERR_OK);
	ck_assert_uint_eq(header_get_value(&h, 0).len, HEADER_VALUE_MAX_BYTES);
	ck_assert(h.values[0].is_truncated);
}
END_TEST

START_TEST(section_length_is_bounded)
{
	struct header_conf small = conf;
	struct split whole = { SPLIT_WHOLE, 1 };
	struct str content = STR("A: b\r\n c\r\n\r\nbody\r\n");
	struct str endless = STR("A: bbbbbbbbbb");
	struct header h;

	small.max_bytes = 12;
	ck_assert_int_eq(scan(&h, &small, content, whole), ERR_OK);
	ck_assert_int_eq(
	    scan(&h, &small, str_head(endless, 12), whole), ERR_OK);
	ck_assert_int_eq(scan(&h, &small, endless, whole), ERR_RANGE);
	small.max_bytes = 11;
	ck_assert_int_eq(scan(&h, &small, content, whole), ERR_RANGE);
	ck_assert_int_eq(header_scan(&h, STR("\r\n")), ERR_RANGE);
	ck_assert_int_eq(header_end(&h), ERR_RANGE);
}
END_TEST

START_TEST(captured_fields_are_bounded)
{
	char bytes[(HEADER_CUTS_MAX + 1) * 16];
	struct outbuf out = { bytes, 0, sizeof(bytes) };
	struct header h;

	for (int i = 0; i < HEADER_CUTS_MAX; i++)
		outbuf_put(&out, STR("X-Tenant: a\r\n"));
	ck_assert_int_eq(scan_whole(&h, outbuf_str(&out)), ERR_OK);
	ck_assert_uint_eq(h.n_cuts, HEADER_CUTS_MAX);
	outbuf_put(&out, STR("X-Tenant: a\r\n"));
	ck_assert_int_eq(scan_whole(&h, outbuf_str(&out)), ERR_FULL);
	ck_assert_int_eq(header_end(&h), ERR_FULL);
}
END_TEST

START_TEST(no_names_capture_nothing)
{
	static const struct header_conf none = { .max_bytes = 1000 };
	struct split whole = { SPLIT_WHOLE, 1 };
	struct header h;

	ck_assert_int_eq(
	    scan(&h, &none, STR("A: b\r\nReceived: c\r\n\r\n"), whole), ERR_OK);
	ck_assert_uint_eq(h.n_cuts, 0);
	ck_assert_uint_eq(h.n_received, 1);
	ck_assert_uint_eq(h.end_at, 19);
}
END_TEST

static struct str
draw_raw(char *raw, uint64_t *seed)
{
	static const struct str bits[] = { STR_INIT("X-Tenant"),
		STR_INIT("x-campaign"), STR_INIT("Received"), STR_INIT(":"),
		STR_INIT(": "), STR_INIT(" "), STR_INIT("\r\n"),
		STR_INIT("\r\n"), STR_INIT("\r\n "), STR_INIT("a"),
		STR_INIT("\xff") };
	struct outbuf out = { raw, 0, RAW_MAX_BYTES };

	for (;;) {
		struct str bit = bits[split_draw(seed) % COUNT_OF(bits)];

		if (bit.len > outbuf_room(&out))
			return outbuf_str(&out);
		outbuf_put(&out, bit);
	}
}

START_TEST(cuts_change_nothing)
{
	char raw[RAW_MAX_BYTES], a[2 * RAW_MAX_BYTES], b[2 * RAW_MAX_BYTES];
	struct header_conf small = conf;
	uint64_t seed = 11;
	int captured = 0;

	small.max_bytes = 60;
	for (int i = 0; i < 6000; i++) {
		const struct header_conf *use = i % 2 == 0 ? &conf : &small;
		struct str s = draw_raw(raw, &seed);
		struct split random = { i % 3 ? SPLIT_RANDOM : SPLIT_BYTES,
			seed };
		struct header whole, cut;
		enum err err =
		    scan(&whole, use, s, (struct split){ SPLIT_WHOLE, 1 });

		ck_assert_int_eq(scan(&cut, use, s, random), err);
		ck_assert_uint_eq(whole.n_received, cut.n_received);
		if (err != ERR_OK)
			continue;
		captured += whole.n_cuts > 0;
		ck_assert_uint_eq(whole.end_at, cut.end_at);
		ck_assert_int_eq(whole.has_blank, cut.has_blank);
		ck_assert(str_eq(
		    header_get_value(&whole, 0), header_get_value(&cut, 0)));
		ck_assert(str_eq(cut_out(&whole, s, a), cut_out(&cut, s, b)));
	}
	ck_assert_int_gt(captured, 100);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("header");
	TCase *tc = tcase_create("header");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_loop_test(
	    tc, sections_are_understood, 0, (int)COUNT_OF(cases));
	tcase_add_test(tc, an_empty_value_is_found_and_a_missing_one_is_not);
	tcase_add_test(tc, long_values_are_cut_and_say_so);
	tcase_add_test(tc, section_length_is_bounded);
	tcase_add_test(tc, captured_fields_are_bounded);
	tcase_add_test(tc, no_names_capture_nothing);
	tcase_add_test(tc, cuts_change_nothing);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
