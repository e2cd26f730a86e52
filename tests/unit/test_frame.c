/* SPDX-License-Identifier: BSD-2-Clause */
/* test_frame: frames come out of a stream, however it is cut. */
#include "util/proto/frame.h"

#include <stdlib.h>

#include <check.h>

#include "tests/lib/split.h"
#include "util/base/array.h"

#define STREAM_MAX_BYTES 4096

static char stream_bytes[STREAM_MAX_BYTES];

/* What a reader made of a stream. */
struct result {
	enum err err;
	struct frame_reader reader;
	unsigned n_frames;
	uint64_t lease_sum;
};

static void
count(struct result *r, const struct frame *f)
{
	struct msg_result_ack ack;

	r->n_frames++;
	ck_assert_uint_eq(f->n_fds, msg_fds(f->type));
	if (f->type != MSG_RESULT_ACK)
		return;
	ck_assert_int_eq(msg_result_ack_decode(&ack, f->body), ERR_OK);
	r->lease_sum += ack.lease;
}

/* Shows the reader the stream in pieces, always from the first byte that it
 * has not taken. */
static void
read_stream(struct result *r, struct str stream, struct split split)
{
	size_t shown = 0, taken = 0;
	struct frame f;

	*r = (struct result){ .err = ERR_AGAIN };
	frame_reader_init(&r->reader);
	while (r->err == ERR_AGAIN && shown < stream.len) {
		struct str in;

		shown += split_next(&split, stream.len - shown);
		in = str_tail(str_head(stream, shown), taken);
		while ((r->err = frame_next(&r->reader, &in, &f)) == ERR_OK)
			count(r, &f);
		taken = shown - in.len;
		ck_assert_uint_eq(taken, r->reader.taken_bytes);
	}
}

static void
put_ack(struct outbuf *out, uint64_t lease)
{
	struct msg_result_ack ack = { .slot = 1, .lease = lease };

	ck_assert_int_eq(frame_put(out, MSG_RESULT_ACK, &ack), ERR_OK);
}

static struct outbuf
three_frames(void)
{
	struct outbuf out = { stream_bytes, 0, sizeof(stream_bytes) };
	struct msg_hold_end end = { 0 };

	put_ack(&out, 5);
	ck_assert_int_eq(frame_put(&out, MSG_HOLD_END, &end), ERR_OK);
	put_ack(&out, 7);
	return out;
}

static const struct split splits[] = { { SPLIT_WHOLE, 1 }, { SPLIT_BYTES, 1 },
	{ SPLIT_RANDOM, 99 } };

START_TEST(frames_come_out_however_they_are_cut)
{
	struct outbuf out = three_frames();
	struct result r;

	read_stream(&r, outbuf_str(&out), splits[_i]);
	ck_assert_int_eq(r.err, ERR_AGAIN);
	ck_assert_uint_eq(r.n_frames, 3);
	ck_assert_uint_eq(r.lease_sum, 12);
	ck_assert_uint_eq(r.reader.taken_bytes, out.len);
}
END_TEST

START_TEST(last_byte_is_waited_for)
{
	struct outbuf out = three_frames();
	struct result r;

	out.len--;
	read_stream(&r, outbuf_str(&out), splits[_i]);
	ck_assert_int_eq(r.err, ERR_AGAIN);
	ck_assert_uint_eq(r.n_frames, 2);
}
END_TEST

static const struct {
	size_t at; /* of the byte to be changed, in the third frame */
	char to;
	enum frame_fault fault;
} broken[] = {
	{ 0, 7, FRAME_SHORT },
	{ 2, 3, FRAME_LONG },
	{ 3, 1, FRAME_LONG },
	{ 4, 0, FRAME_TYPE },
	{ 4, MSG_N, FRAME_TYPE },
	{ 5, 1, FRAME_TYPE },
	{ 6, PROTO_VERSION + 1, FRAME_VERSION },
	{ 7, 1, FRAME_N_FDS },
};

START_TEST(broken_head_ends_the_stream_for_good)
{
	struct outbuf out = three_frames();
	size_t third = out.len -
	    frame_bytes(MSG_RESULT_ACK, &(struct msg_result_ack){ .slot = 1 });
	struct str in = { stream_bytes, third };
	struct frame f;
	struct result r;

	stream_bytes[third + broken[_i].at] = broken[_i].to;
	for (size_t i = 0; i < COUNT_OF(splits); i++) {
		read_stream(&r, outbuf_str(&out), splits[i]);
		ck_assert_int_eq(r.err, ERR_PROTO);
		ck_assert_uint_eq(r.n_frames, 2);
		ck_assert_int_eq(r.reader.fault, broken[_i].fault);
		ck_assert_uint_eq(r.reader.fault_at, third);
	}
	/* Good frames do not bring it back. */
	ck_assert_int_eq(frame_next(&r.reader, &in, &f), ERR_PROTO);
	ck_assert_uint_eq(in.len, third);
}
END_TEST

START_TEST(head_is_looked_at_before_the_body_is_there)
{
	char head[] = { 1, 0, 2, 0, MSG_HELLO, 0, PROTO_VERSION, 0 };
	struct str stream = { head, sizeof(head) };
	struct result r;

	/* 128 KiB and one byte. */
	read_stream(&r, stream, splits[0]);
	ck_assert_int_eq(r.err, ERR_PROTO);
	ck_assert_int_eq(r.reader.fault, FRAME_LONG);
	/* 128 KiB: within the bound. */
	head[0] = 0;
	read_stream(&r, stream, splits[0]);
	ck_assert_int_eq(r.err, ERR_AGAIN);
}
END_TEST

START_TEST(wanted_bytes_are_head_then_frame)
{
	ck_assert_uint_eq(frame_want(STR("")), FRAME_HEAD_BYTES);
	ck_assert_uint_eq(frame_want(STR("\x20\0\0\0\1\0\1")), 8);
	ck_assert_uint_eq(frame_want(STR("\x20\0\0\0\1\0\1\0")), 32);
	ck_assert_uint_eq(frame_want(STR("\1\0\0\0\1\0\1\0")), 8);
	ck_assert_uint_eq(frame_want(STR("\1\0\2\0\1\0\1\0")), FRAME_MAX_BYTES);
}
END_TEST

START_TEST(frame_is_put_whole_or_not_at_all)
{
	struct msg_why_end m = { .is_known = 1 };
	size_t n = frame_bytes(MSG_WHY_END, &m);
	struct outbuf out = { stream_bytes, 0, n - 1 };

	ck_assert_int_eq(frame_put(&out, MSG_WHY_END, &m), ERR_FULL);
	ck_assert_uint_eq(out.len, 0);
	out.cap = n;
	m.is_known = 2;
	ck_assert_int_eq(frame_put(&out, MSG_WHY_END, &m), ERR_RANGE);
	ck_assert_uint_eq(out.len, 0);
	m.is_known = 1;
	ck_assert_int_eq(frame_put(&out, MSG_WHY_END, &m), ERR_OK);
	ck_assert_uint_eq(out.len, n);
	ck_assert_mem_eq(stream_bytes, "\x12\0\0\0", 4);
	ck_assert_int_eq(stream_bytes[4], MSG_WHY_END);
	ck_assert_uint_eq((uint8_t)stream_bytes[6], PROTO_VERSION);
	ck_assert_mem_eq(stream_bytes + 7, "\0\1\0", 3);
}
END_TEST

START_TEST(descriptor_is_taken_once)
{
	struct frame f = { .n_fds = 1, .fds = { 42 } };

	ck_assert_int_eq(frame_take_fd(&f, 0), 42);
	ck_assert_int_eq(frame_take_fd(&f, 0), -1);
}
END_TEST

START_TEST(every_fault_has_a_text)
{
	for (int i = FRAME_FINE; i <= FRAME_FDS_LEFT; i++)
		ck_assert_str_ne(
		    frame_fault_text((enum frame_fault)i), "unknown fault");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("frame");
	TCase *tc = tcase_create("frame");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_loop_test(
	    tc, frames_come_out_however_they_are_cut, 0, COUNT_OF(splits));
	tcase_add_loop_test(tc, last_byte_is_waited_for, 0, COUNT_OF(splits));
	tcase_add_loop_test(
	    tc, broken_head_ends_the_stream_for_good, 0, COUNT_OF(broken));
	tcase_add_test(tc, head_is_looked_at_before_the_body_is_there);
	tcase_add_test(tc, wanted_bytes_are_head_then_frame);
	tcase_add_test(tc, frame_is_put_whole_or_not_at_all);
	tcase_add_test(tc, descriptor_is_taken_once);
	tcase_add_test(tc, every_fault_has_a_text);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
