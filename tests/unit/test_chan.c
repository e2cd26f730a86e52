/* SPDX-License-Identifier: BSD-2-Clause */
/* test_chan: frames between two ends, in batches, until one goes away. */
#include "util/proto/chan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>

#include "tests/lib/fds.h"
#include "util/io/sys.h"
#include "util/proto/inbox.h"

#define OUT_MAX_BYTES 4096

/* One end, and what it saw. */
struct peer {
	struct chan *chan;
	int fd; /* -1: the connection has it */
	unsigned n_frames;
	uint64_t lease_sum;
	int n_closed;
	enum err why;
	char text[128];
	int took_fd;
	unsigned free_at; /* frees itself in this frame; 0: does not */
	enum err answer;  /* of on_frame */
	bool is_freeing;  /* in on_close */
	bool is_echo;     /* sends each RESULT_ACK back */
	unsigned stop_at; /* frames after which the loop stops */
};

static struct loop *loop;
static struct peer a, b;
static int n_sends;
static struct sys_table saved;
static int n_open; /* descriptors, while nothing leaks */

static enum err
on_frame(void *arg, struct frame *f)
{
	struct peer *p = arg;
	struct msg_result_ack ack;
	enum err err = ERR_OK;

	p->n_frames++;
	if (f->type == MSG_HAND && p->answer == ERR_OK)
		p->took_fd = frame_take_fd(f, 0);
	if (f->type == MSG_RESULT_ACK) {
		err = msg_result_ack_decode(&ack, f->body);
		if (err != ERR_OK)
			return err;
		p->lease_sum += ack.lease;
	}
	if (p->is_echo && f->type == MSG_RESULT_ACK)
		ck_assert_int_eq(chan_send_result_ack(p->chan, &ack), ERR_OK);
	if (p->n_frames == p->free_at)
		chan_free(&p->chan);
	if (p->n_frames == p->stop_at)
		loop_stop(loop);
	return p->answer;
}

static void
on_close(void *arg, enum err why, const char *text)
{
	struct peer *p = arg;

	p->n_closed++;
	p->why = why;
	ck_assert_uint_lt(strlen(text), sizeof(p->text));
	memcpy(p->text, text, strlen(text) + 1);
	if (p->is_freeing)
		chan_free(&p->chan);
}

static void
open_chan(struct peer *p)
{
	struct chan_conf conf = { .on_frame = on_frame,
		.on_close = on_close,
		.arg = p,
		.out_max_bytes = OUT_MAX_BYTES };

	p->chan = chan_new(loop, p->fd, &conf);
	p->fd = -1;
}

static ssize_t
count_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	n_sends++;
	return saved.sendmsg(fd, msg, flags);
}

static void
set_up(void)
{
	int fds[2];

	n_open = fds_open();
	saved = sys;
	sys.sendmsg = count_sendmsg;
	ck_assert_int_eq(sock_pair(fds), ERR_OK);
	a = (struct peer){ .fd = fds[0], .took_fd = -1 };
	b = (struct peer){ .fd = fds[1], .took_fd = -1 };
	loop = loop_new();
	open_chan(&a);
}

static void
tear_down(void)
{
	chan_free(&a.chan);
	chan_free(&b.chan);
	loop_free(&loop);
	if (b.fd >= 0)
		(void)close(b.fd);
	ck_assert_int_eq(fds_open(), n_open);
	sys = saved;
	ck_assert_int_eq(sys_fault_init(NULL), ERR_OK);
}

static enum err
send_ack(struct peer *p, uint64_t lease)
{
	struct msg_result_ack m = { .lease = lease };

	return chan_send_result_ack(p->chan, &m);
}

START_TEST(frames_of_a_turn_go_out_in_one_write)
{
	open_chan(&b);
	b.stop_at = 3;
	for (uint64_t i = 1; i <= 3; i++)
		ck_assert_int_eq(send_ack(&a, i), ERR_OK);
	ck_assert_int_eq(n_sends, 0);
	ck_assert_uint_gt(chan_out_bytes(a.chan), 0);
	loop_run(loop);
	ck_assert_int_eq(n_sends, 1);
	ck_assert_uint_eq(b.lease_sum, 6);
	ck_assert_uint_eq(chan_out_bytes(a.chan), 0);
}
END_TEST

START_TEST(answers_of_a_turn_go_out_in_one_write)
{
	open_chan(&b);
	b.is_echo = true;
	a.stop_at = 10;
	for (uint64_t i = 0; i < 10; i++)
		ck_assert_int_eq(send_ack(&a, 1), ERR_OK);
	loop_run(loop);
	ck_assert_int_eq(n_sends, 2);
	ck_assert_uint_eq(a.lease_sum, 10);
}
END_TEST

START_TEST(frames_before_the_end_count)
{
	open_chan(&b);
	b.is_freeing = true;
	ck_assert_int_eq(send_ack(&a, 5), ERR_OK);
	ck_assert_int_eq(chan_flush(a.chan), ERR_OK);
	chan_free(&a.chan);
	loop_run(loop);
	ck_assert_uint_eq(b.lease_sum, 5);
	ck_assert_int_eq(b.n_closed, 1);
	ck_assert_int_eq(b.why, ERR_EOF);
	ck_assert_str_eq(b.text, "closed by the peer");
	ck_assert_ptr_null(b.chan);
}
END_TEST

START_TEST(frames_are_read_though_the_peer_takes_none)
{
	open_chan(&b);
	ck_assert_int_eq(send_ack(&a, 5), ERR_OK);
	ck_assert_int_eq(chan_flush(a.chan), ERR_OK);
	chan_free(&a.chan);
	/* Its write comes before its read, and fails. */
	ck_assert_int_eq(send_ack(&b, 1), ERR_OK);
	loop_run(loop);
	ck_assert_int_eq(n_sends, 2);
	ck_assert_uint_eq(b.lease_sum, 5);
	ck_assert_int_eq(b.n_closed, 1);
	ck_assert_int_eq(b.why, ERR_EOF);
	ck_assert_int_eq(send_ack(&b, 1), ERR_EOF);
	ck_assert_int_eq(chan_flush(b.chan), ERR_EOF);
}
END_TEST

START_TEST(end_within_a_frame_is_told)
{
	ck_assert_int_eq(write(b.fd, "\x20\0\0", 3), 3);
	(void)close(b.fd);
	b.fd = -1;
	loop_run(loop);
	ck_assert_int_eq(a.why, ERR_EOF);
	ck_assert_str_eq(a.text, "closed within a frame");
	ck_assert_int_eq(a.n_closed, 1);
}
END_TEST

START_TEST(past_the_bound_frames_are_dropped_whole)
{
	enum err err;
	uint64_t n = 0;

	while ((err = send_ack(&a, 1)) == ERR_OK)
		n++;
	ck_assert_int_eq(err, ERR_FULL);
	ck_assert_uint_eq(n, OUT_MAX_BYTES / 18);
	ck_assert_uint_eq(chan_out_bytes(a.chan), n * 18);
	open_chan(&b);
	b.stop_at = (unsigned)n;
	loop_run(loop);
	ck_assert_uint_eq(b.lease_sum, n);
	ck_assert_int_eq(send_ack(&a, 1), ERR_OK);
}
END_TEST

START_TEST(field_above_its_bound_is_not_sent)
{
	struct msg_why_end m = { .is_known = 2 };

	ck_assert_int_eq(chan_send_why_end(a.chan, &m), ERR_RANGE);
	ck_assert_uint_eq(chan_out_bytes(a.chan), 0);
	loop_stop(loop);
	loop_run(loop);
	ck_assert_int_eq(n_sends, 0);
}
END_TEST

static ssize_t
send_one_byte(int fd, const struct msghdr *msg, int flags)
{
	struct msghdr less = *msg;
	struct iovec iov = { msg->msg_iov->iov_base, 1 };

	n_sends++;
	less.msg_iov = &iov;
	errno = n_sends % 3 == 0 ? EINTR : EAGAIN;
	return n_sends % 3 == 1 ? saved.sendmsg(fd, &less, flags) : -1;
}

START_TEST(output_goes_on_when_the_peer_takes_more)
{
	struct msg_hand hand = { .index = 1 };

	sys.sendmsg = send_one_byte;
	open_chan(&b);
	b.stop_at = 3;
	ck_assert_int_eq(send_ack(&a, 1), ERR_OK);
	ck_assert_int_eq(chan_send_hand(a.chan, &hand, STDERR_FILENO), ERR_OK);
	ck_assert_int_eq(send_ack(&a, 2), ERR_OK);
	loop_run(loop);
	ck_assert_uint_eq(b.lease_sum, 3);
	ck_assert_int_ge(b.took_fd, 0);
	(void)close(b.took_fd);
	ck_assert_int_gt(n_sends, 18 * 2);
}
END_TEST

START_TEST(descriptors_arrive_with_their_frames)
{
	struct msg_hand hand = { .index = 1 };
	int fds[2];
	char c = 0;

	open_chan(&b);
	b.stop_at = 4;
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_eq(send_ack(&a, 1), ERR_OK);
	ck_assert_int_eq(chan_send_hand(a.chan, &hand, fds[0]), ERR_OK);
	ck_assert_int_eq(send_ack(&a, 1), ERR_OK);
	ck_assert_int_eq(send_ack(&a, 1), ERR_OK);
	/* The caller's own may go at once. */
	(void)close(fds[0]);
	loop_run(loop);
	ck_assert_uint_eq(b.n_frames, 4);
	ck_assert_int_eq(write(fds[1], "x", 1), 1);
	ck_assert_int_eq(read(b.took_fd, &c, 1), 1);
	ck_assert_int_eq(c, 'x');
	(void)close(b.took_fd);
	(void)close(fds[1]);
	/* Before, with and behind the descriptor: two writes. */
	ck_assert_int_eq(n_sends, 2);
	/* The duplicate is gone with it, and out of the way. */
	b.stop_at = 5;
	ck_assert_int_eq(send_ack(&a, 1), ERR_OK);
	loop_run(loop);
	ck_assert_uint_eq(b.lease_sum, 4);
}
END_TEST

START_TEST(bad_descriptor_is_not_sent)
{
	struct msg_hand hand = { .index = 1 };

	ck_assert_int_eq(chan_send_hand(a.chan, &hand, -1), ERR_FULL);
	ck_assert_uint_eq(chan_out_bytes(a.chan), 0);
}
END_TEST

START_TEST(broken_frame_ends_the_connection_and_says_where)
{
	char frame[] = { 8, 0, 0, 0, '\xff', '\xff', PROTO_VERSION, 0 };

	ck_assert_int_eq(write(b.fd, frame, sizeof(frame)), sizeof(frame));
	loop_run(loop);
	ck_assert_int_eq(a.n_frames, 0);
	ck_assert_int_eq(a.n_closed, 1);
	ck_assert_int_eq(a.why, ERR_PROTO);
	ck_assert_str_eq(a.text, "byte 0: unknown type");
	ck_assert_int_eq(send_ack(&a, 1), ERR_EOF);
}
END_TEST

START_TEST(body_that_does_not_decode_ends_the_connection)
{
	char frame[] = { 9, 0, 0, 0, MSG_RESULT_ACK, 0, PROTO_VERSION, 0, 1 };

	ck_assert_int_eq(write(b.fd, frame, sizeof(frame)), sizeof(frame));
	loop_run(loop);
	ck_assert_int_eq(a.n_frames, 1);
	ck_assert_int_eq(a.why, ERR_PROTO);
	ck_assert_str_eq(a.text, "RESULT_ACK: slot: cut short");
}
END_TEST

START_TEST(frame_that_is_refused_is_the_last)
{
	struct msg_hand hand = { .index = 1 };

	open_chan(&b);
	b.answer = ERR_DENIED;
	b.is_freeing = true;
	ck_assert_int_eq(chan_send_hand(a.chan, &hand, STDERR_FILENO), ERR_OK);
	ck_assert_int_eq(send_ack(&a, 1), ERR_OK);
	loop_run(loop);
	ck_assert_int_eq(b.n_frames, 1);
	ck_assert_int_eq(b.why, ERR_DENIED);
	ck_assert_str_eq(b.text, "HAND: not expected here");
	ck_assert_int_eq(a.why, ERR_EOF);
}
END_TEST

START_TEST(connection_may_be_freed_in_a_frame)
{
	open_chan(&b);
	b.free_at = 2;
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(send_ack(&a, 1), ERR_OK);
	loop_run(loop);
	ck_assert_uint_eq(b.n_frames, 2);
	ck_assert_int_eq(b.n_closed, 0);
	ck_assert_int_eq(a.n_closed, 1);
}
END_TEST

START_TEST(paused_reads_nothing)
{
	open_chan(&b);
	chan_pause(b.chan, true);
	chan_pause(a.chan, true);
	ck_assert_int_eq(send_ack(&a, 1), ERR_OK);
	loop_run(loop);
	ck_assert_uint_eq(b.n_frames, 0);
	b.stop_at = 1;
	chan_pause(b.chan, false);
	loop_run(loop);
	ck_assert_uint_eq(b.n_frames, 1);
}
END_TEST

START_TEST(failed_write_and_read_are_told)
{
	sys = saved;
	ck_assert_int_eq(sys_fault_init("sendmsg:1:ENOBUFS"), ERR_OK);
	ck_assert_int_eq(send_ack(&a, 1), ERR_OK);
	loop_run(loop);
	ck_assert_int_eq(a.n_closed, 1);
	ck_assert_int_eq(a.why, ERR_FULL);
	ck_assert_str_eq(a.text, "cannot write");
	open_chan(&b);
	ck_assert_int_eq(sys_fault_init("recvmsg:1:EIO"), ERR_OK);
	chan_free(&a.chan);
	loop_run(loop);
	ck_assert_int_eq(b.why, ERR_IO);
	ck_assert_str_eq(b.text, "cannot read");
}
END_TEST

START_TEST(peer_is_known)
{
	struct sock_cred cred;

	ck_assert_int_eq(chan_peer_cred(a.chan, &cred), ERR_OK);
	ck_assert_int_eq(cred.pid, getpid());
	ck_assert_int_eq(cred.uid, geteuid());
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("chan");
	TCase *tc = tcase_create("chan");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, frames_of_a_turn_go_out_in_one_write);
	tcase_add_test(tc, answers_of_a_turn_go_out_in_one_write);
	tcase_add_test(tc, frames_before_the_end_count);
	tcase_add_test(tc, frames_are_read_though_the_peer_takes_none);
	tcase_add_test(tc, end_within_a_frame_is_told);
	tcase_add_test(tc, past_the_bound_frames_are_dropped_whole);
	tcase_add_test(tc, field_above_its_bound_is_not_sent);
	tcase_add_test(tc, output_goes_on_when_the_peer_takes_more);
	tcase_add_test(tc, descriptors_arrive_with_their_frames);
	tcase_add_test(tc, bad_descriptor_is_not_sent);
	tcase_add_test(tc, broken_frame_ends_the_connection_and_says_where);
	tcase_add_test(tc, body_that_does_not_decode_ends_the_connection);
	tcase_add_test(tc, frame_that_is_refused_is_the_last);
	tcase_add_test(tc, connection_may_be_freed_in_a_frame);
	tcase_add_test(tc, paused_reads_nothing);
	tcase_add_test(tc, failed_write_and_read_are_told);
	tcase_add_test(tc, peer_is_known);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
