/* SPDX-License-Identifier: BSD-2-Clause */
/* test_messages: every message, at its bounds and just beyond them. */
#include "util/proto/messages.h"

#include <stdlib.h>

#include <check.h>

#include "tests/lib/anymsg.h"
#include "util/base/array.h"
#include "util/proto/frame.h"

static char bytes[FRAME_MAX_BYTES], again_bytes[FRAME_MAX_BYTES];

/* Largest value that the kind can hold at all. */
static uint64_t
kind_max(enum msg_kind kind)
{
	switch (kind) {
	case MSG_KIND_u8:
		return UINT8_MAX;
	case MSG_KIND_u16:
	case MSG_KIND_str:
		return UINT16_MAX;
	case MSG_KIND_u32:
		return UINT32_MAX;
	case MSG_KIND_u64:
		return UINT64_MAX;
	case MSG_KIND_i64:
		return INT64_MAX;
	case MSG_KIND_qid:
		break;
	}
	return 0;
}

START_TEST(bounds_fit_the_wire)
{
	const struct msg_info *info = msg_info((enum msg_type)_i);
	const struct msg_field *f;
	union anymsg m;

	for (f = info->fields(); f->name != NULL; f++)
		ck_assert_msg(f->bound <= kind_max(f->kind), "%s: %s",
		    info->name, f->name);
	anymsg_fill(&m, (enum msg_type)_i);
	ck_assert_uint_le(frame_bytes((enum msg_type)_i, &m), FRAME_MAX_BYTES);
	ck_assert_uint_le(info->n_fds, FRAME_FDS_MAX);
	ck_assert_str_eq(msg_name((unsigned)_i), info->name);
	ck_assert_uint_eq(msg_fds((unsigned)_i), info->n_fds);
}
END_TEST

START_TEST(fields_at_their_bounds_come_back)
{
	enum msg_type type = (enum msg_type)_i;
	struct outbuf out = { bytes, 0, sizeof(bytes) };
	struct outbuf again = { again_bytes, 0, sizeof(again_bytes) };
	union anymsg m, back;

	anymsg_fill(&m, type);
	ck_assert_int_eq(msg_encode(type, &out, &m), ERR_OK);
	ck_assert_uint_eq(out.len, msg_bytes(type, &m));
	ck_assert_int_eq(msg_decode(type, &back, outbuf_str(&out)), ERR_OK);
	ck_assert_int_eq(msg_encode(type, &again, &back), ERR_OK);
	ck_assert(str_eq(outbuf_str(&out), outbuf_str(&again)));
}
END_TEST

START_TEST(fields_above_their_bounds_are_refused)
{
	enum msg_type type = (enum msg_type)_i;
	const struct msg_field *f;
	struct outbuf out = { bytes, 0, sizeof(bytes) };
	union anymsg m;

	for (f = msg_info(type)->fields(); f->name != NULL; f++) {
		if (f->kind == MSG_KIND_qid || f->bound == kind_max(f->kind))
			continue;
		anymsg_fill(&m, type);
		anymsg_set(&m, f, f->bound + 1);
		ck_assert_msg(msg_encode(type, &out, &m) == ERR_RANGE, "%s: %s",
		    msg_name(type), f->name);
		ck_assert_uint_eq(out.len, 0);
	}
}
END_TEST

START_TEST(each_byte_is_needed_and_no_more)
{
	enum msg_type type = (enum msg_type)_i;
	struct outbuf out = { bytes, 0, sizeof(bytes) };
	union anymsg m, back;
	int n_bad = 0;

	memset(&m, 0, sizeof(m));
	ck_assert_int_eq(msg_encode(type, &out, &m), ERR_OK);
	for (size_t n = 0; n < out.len; n++) {
		struct outbuf small = { again_bytes, 0, n };

		n_bad += msg_encode(type, &small, &m) != ERR_FULL;
		n_bad += small.len != 0;
		n_bad += msg_decode(type, &back, (struct str){ bytes, n }) !=
		    ERR_SYNTAX;
	}
	bytes[out.len] = 0;
	n_bad += msg_decode(type, &back, (struct str){ bytes, out.len + 1 }) !=
	    ERR_SYNTAX;
	ck_assert_int_eq(n_bad, 0);
}
END_TEST

START_TEST(bytes_are_little_endian_in_order_of_the_table)
{
	struct str want = STR("\x04\x03\x02\x01"
	                      "\x01\x00"
	                      "h"
	                      "\x03\x00"
	                      "a:1");
	struct msg_conn_up m = {
		.conn = 0x01020304, .host = STR("h"), .address = STR("a:1")
	};
	struct outbuf out = { bytes, 0, sizeof(bytes) };

	ck_assert_int_eq(msg_conn_up_encode(&out, &m), ERR_OK);
	ck_assert(str_eq(outbuf_str(&out), want));
}
END_TEST

START_TEST(numbers_below_zero_are_bound_as_well)
{
	struct msg_why_end m = { .history_ms = INT64_MIN }, back;
	struct outbuf out = { bytes, 0, sizeof(bytes) };

	ck_assert_int_eq(msg_why_end_encode(&out, &m), ERR_RANGE);
	m.history_ms++;
	ck_assert_int_eq(msg_why_end_encode(&out, &m), ERR_OK);
	ck_assert_int_eq(msg_why_end_decode(&back, outbuf_str(&out)), ERR_OK);
	ck_assert_int_eq(back.history_ms, INT64_MIN + 1);
	memset(bytes + 2, 0, 8);
	bytes[9] = (char)0x80;
	ck_assert_int_eq(
	    msg_why_end_decode(&back, outbuf_str(&out)), ERR_RANGE);
}
END_TEST

START_TEST(longest_str_is_read_and_one_more_is_not)
{
	struct msg_host back;
	struct str body = { bytes, 2 + 256 + 2 + 2 };

	memset(bytes, 0, body.len);
	bytes[1] = 1;
	ck_assert_int_eq(msg_host_decode(&back, body), ERR_RANGE);
	bytes[0] = (char)0xff;
	bytes[1] = 0;
	body.len--;
	ck_assert_int_eq(msg_host_decode(&back, body), ERR_OK);
	ck_assert_uint_eq(back.name.len, 255);
}
END_TEST

START_TEST(list_gives_back_what_was_put)
{
	static const char *const names[] = { "a", "", "mx.example.org" };
	struct outbuf out = { bytes, 0, 70 };
	struct msg_host m = { .address = STR("[::1]:25") };
	struct str list;

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		m.name = str_from_c(names[i]);
		ck_assert_int_eq(msg_host_list_put(&out, &m), ERR_OK);
	}
	ck_assert_uint_eq(out.len, 3 * (2 + 2 + 2 + 8 + 2) + 15);
	ck_assert_int_eq(msg_host_list_put(&out, &m), ERR_FULL);
	list = outbuf_str(&out);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		ck_assert_int_eq(msg_host_list_next(&list, &m), ERR_OK);
		ck_assert(str_eq(m.name, str_from_c(names[i])));
		ck_assert(str_eq(m.address, STR("[::1]:25")));
	}
	ck_assert_int_eq(msg_host_list_next(&list, &m), ERR_EOF);
}
END_TEST

START_TEST(broken_list_is_refused_where_it_breaks)
{
	struct outbuf out = { bytes, 0, sizeof(bytes) };
	struct msg_host m = { .name = STR("a") };
	struct str list;

	ck_assert_int_eq(msg_host_list_put(&out, &m), ERR_OK);
	for (size_t n = 1; n < out.len; n++) {
		list = (struct str){ bytes, n };
		ck_assert_int_eq(msg_host_list_next(&list, &m), ERR_SYNTAX);
		ck_assert_uint_eq(list.len, n);
	}
	/* An element that is longer than its fields. */
	bytes[0]++;
	bytes[out.len] = 0;
	list = (struct str){ bytes, out.len + 1 };
	ck_assert_int_eq(msg_host_list_next(&list, &m), ERR_SYNTAX);
	m.name = (struct str){ bytes, 256 };
	ck_assert_int_eq(msg_host_list_put(&out, &m), ERR_RANGE);
}
END_TEST

static const struct {
	struct str body;
	const char *text;
} wrong[] = {
	{ STR_INIT("\1\0\0"), "RESULT_ACK: lease: cut short" },
	{ STR_INIT("\1"), "RESULT_ACK: slot: cut short" },
	{ STR_INIT("\1\0\0\0\0\0\0\0\0\0\0"),
	    "RESULT_ACK: more bytes than its fields" },
	{ STR_INIT("\1\0\0\0\0\0\0\0\0\0"), "RESULT_ACK: not expected here" },
};

START_TEST(fault_is_explained)
{
	struct outbuf out = { bytes, 0, 100 };

	msg_explain(MSG_RESULT_ACK, wrong[_i].body, &out);
	ck_assert(str_eq(outbuf_str(&out), str_from_c(wrong[_i].text)));
}
END_TEST

START_TEST(value_above_its_bound_is_explained)
{
	struct outbuf out = { bytes, 0, 100 };

	msg_explain(MSG_WHY_END, STR("\2\0\0\0\0\0\0\0\0\0"), &out);
	ck_assert(str_eq(
	    outbuf_str(&out), STR("WHY_END: is_known: above its bound")));
	out = (struct outbuf){ bytes, 0, 5 };
	msg_explain(MSG_WHY_END, STR(""), &out);
	ck_assert_uint_le(out.len, 5);
}
END_TEST

START_TEST(stray_types_have_a_name)
{
	ck_assert_str_eq(msg_name(MSG_NONE), "?");
	ck_assert_str_eq(msg_name(MSG_N), "?");
	ck_assert_uint_eq(msg_fds(MSG_N), 0);
	ck_assert_str_eq(msg_name(MSG_LEASE), "LEASE");
	ck_assert_uint_eq(msg_fds(MSG_SEGMENT_FD), 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("messages");
	TCase *tc = tcase_create("messages");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_loop_test(tc, bounds_fit_the_wire, 1, MSG_N);
	tcase_add_loop_test(tc, fields_at_their_bounds_come_back, 1, MSG_N);
	tcase_add_loop_test(
	    tc, fields_above_their_bounds_are_refused, 1, MSG_N);
	tcase_add_loop_test(tc, each_byte_is_needed_and_no_more, 1, MSG_N);
	tcase_add_test(tc, bytes_are_little_endian_in_order_of_the_table);
	tcase_add_test(tc, numbers_below_zero_are_bound_as_well);
	tcase_add_test(tc, longest_str_is_read_and_one_more_is_not);
	tcase_add_test(tc, list_gives_back_what_was_put);
	tcase_add_test(tc, broken_list_is_refused_where_it_breaks);
	tcase_add_loop_test(tc, fault_is_explained, 0, COUNT_OF(wrong));
	tcase_add_test(tc, value_above_its_bound_is_explained);
	tcase_add_test(tc, stray_types_have_a_name);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
