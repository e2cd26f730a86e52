/* SPDX-License-Identifier: BSD-2-Clause */
/* test_inbox: bytes and descriptors of a socket become frames again. */
#include "util/proto/inbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>

#include "tests/lib/fds.h"
#include "util/io/sock.h"
#include "util/io/sys.h"

#define FRAMES_BYTES 1024

static struct inbox in;
static int fds[2];
static int n_open; /* descriptors, while nothing leaks */
static char bytes[FRAMES_BYTES];
static struct outbuf out;

static void
set_up(void)
{
	ck_assert_int_eq(sock_pair(fds), ERR_OK);
	n_open = fds_open();
	inbox_init(&in);
	out = (struct outbuf){ bytes, 0, sizeof(bytes) };
}

static void
tear_down(void)
{
	inbox_fini(&in);
	ck_assert_int_eq(fds_open(), n_open);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static void
put_ready(uint32_t generation)
{
	struct msg_ready m = { .generation = generation };

	ck_assert_int_eq(frame_put(&out, MSG_READY, &m), ERR_OK);
}

static void
put_hand(uint32_t index)
{
	struct msg_hand m = { .index = index };

	ck_assert_int_eq(frame_put(&out, MSG_HAND, &m), ERR_OK);
}

/* Sends what was put, with n descriptors at its first byte. */
static void
send_all(size_t n)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(100 * sizeof(int))];
	} control = { .head = { 0 } };
	struct iovec iov = { bytes, out.len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (n > 0) {
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(n * sizeof(int));
		for (size_t i = 0; i < n; i++)
			memcpy(CMSG_DATA(&control.head) + i * sizeof(int),
			    &fds[0], sizeof(int));
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
	}
	ck_assert_int_eq(sendmsg(fds[1], &msg, 0), (ssize_t)out.len);
	out.len = 0;
}

START_TEST(frames_of_one_read_come_out_one_by_one)
{
	struct frame f;
	struct msg_ready m;

	put_ready(1);
	put_ready(2);
	send_all(0);
	ck_assert_int_eq(inbox_next(&in, &f), ERR_AGAIN);
	ck_assert_int_eq(inbox_read(&in, fds[0]), ERR_OK);
	for (uint32_t i = 1; i <= 2; i++) {
		ck_assert(inbox_has_part(&in));
		ck_assert_int_eq(inbox_next(&in, &f), ERR_OK);
		ck_assert_int_eq(msg_ready_decode(&m, f.body), ERR_OK);
		ck_assert_uint_eq(m.generation, i);
	}
	ck_assert(!inbox_has_part(&in));
	ck_assert_int_eq(inbox_next(&in, &f), ERR_AGAIN);
	ck_assert_int_eq(inbox_read(&in, fds[0]), ERR_AGAIN);
	/* An idle connection holds no memory. */
	ck_assert_ptr_null(in.bytes.ptr);
}
END_TEST

START_TEST(frame_is_put_together_from_many_reads)
{
	struct frame f;
	size_t n;

	put_ready(1);
	n = out.len;
	for (size_t i = 0; i < n; i++) {
		ck_assert_int_eq(inbox_next(&in, &f), ERR_AGAIN);
		ck_assert_int_eq(send(fds[1], bytes + i, 1, 0), 1);
		ck_assert_int_eq(inbox_read(&in, fds[0]), ERR_OK);
		ck_assert(inbox_has_part(&in));
	}
	ck_assert_int_eq(inbox_next(&in, &f), ERR_OK);
	ck_assert_int_eq(shutdown(fds[1], SHUT_WR), 0);
	ck_assert_int_eq(inbox_next(&in, &f), ERR_AGAIN);
	ck_assert_int_eq(inbox_read(&in, fds[0]), ERR_EOF);
}
END_TEST

START_TEST(descriptor_comes_with_its_frame)
{
	struct frame f;
	int fd;

	put_ready(1);
	send_all(0);
	put_hand(2);
	put_ready(3);
	send_all(1);
	ck_assert_int_eq(inbox_read(&in, fds[0]), ERR_OK);
	/* The read went beyond the first frame, or not: both are right. */
	ck_assert_int_eq(inbox_next(&in, &f), ERR_OK);
	ck_assert_int_eq(f.type, MSG_READY);
	while (inbox_next(&in, &f) == ERR_AGAIN)
		ck_assert_int_eq(inbox_read(&in, fds[0]), ERR_OK);
	ck_assert_int_eq(f.type, MSG_HAND);
	ck_assert_uint_eq(f.n_fds, 1);
	fd = frame_take_fd(&f, 0);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	inbox_done(&f);
	ck_assert_int_ne(fcntl(fd, F_GETFD), -1);
	(void)close(fd);
	ck_assert_int_eq(inbox_next(&in, &f), ERR_OK);
	ck_assert_int_eq(f.type, MSG_READY);
}
END_TEST

START_TEST(descriptor_that_is_not_taken_is_closed)
{
	struct frame f;

	put_hand(1);
	send_all(1);
	ck_assert_int_eq(inbox_read(&in, fds[0]), ERR_OK);
	ck_assert_int_eq(inbox_next(&in, &f), ERR_OK);
	ck_assert_int_eq(fds_open(), n_open + 1);
	inbox_done(&f);
	ck_assert_int_eq(fds_open(), n_open);
}
END_TEST

START_TEST(frame_without_its_descriptor_is_a_fault)
{
	struct frame f;

	put_ready(1);
	put_hand(1);
	send_all(0);
	ck_assert_int_eq(inbox_read(&in, fds[0]), ERR_OK);
	ck_assert_int_eq(inbox_next(&in, &f), ERR_OK);
	ck_assert_int_eq(inbox_next(&in, &f), ERR_PROTO);
	ck_assert_int_eq(in.reader.fault, FRAME_FDS_LACK);
	ck_assert_uint_eq(in.reader.fault_at, FRAME_HEAD_BYTES + 4);
	ck_assert_int_eq(inbox_next(&in, &f), ERR_PROTO);
}
END_TEST

START_TEST(descriptor_without_a_frame_is_a_fault)
{
	struct frame f;

	put_ready(1);
	send_all(2);
	ck_assert_int_eq(inbox_read(&in, fds[0]), ERR_OK);
	ck_assert_int_eq(inbox_next(&in, &f), ERR_OK);
	ck_assert_int_eq(inbox_next(&in, &f), ERR_PROTO);
	ck_assert_int_eq(in.reader.fault, FRAME_FDS_LEFT);
}
END_TEST

START_TEST(descriptors_are_bounded)
{
	enum err err = ERR_OK;
	struct frame f;
	int n = 0;

	/* The frame never ends, so it takes none of them. */
	bytes[0] = 100;
	bytes[4] = MSG_READY;
	bytes[6] = PROTO_VERSION;
	while (err == ERR_OK) {
		out.len = n == 0 ? FRAME_HEAD_BYTES : 1;
		send_all(100);
		ck_assert_int_eq(inbox_next(&in, &f), ERR_AGAIN);
		err = inbox_read(&in, fds[0]);
		n++;
	}
	ck_assert_int_eq(err, ERR_PROTO);
	ck_assert_int_eq(n, INBOX_FDS_MAX / 100 + 1);
	ck_assert_int_eq(in.reader.fault, FRAME_FDS_LEFT);
}
END_TEST

START_TEST(lost_descriptors_are_a_fault)
{
	struct rlimit before, limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = before;
	limit.rlim_cur = (rlim_t)fds[1] + 1;
	put_hand(1);
	send_all(1);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_int_eq(inbox_read(&in, fds[0]), ERR_PROTO);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_int_eq(in.reader.fault, FRAME_FDS_LACK);
}
END_TEST

START_TEST(failures_of_reading_are_told)
{
	put_ready(1);
	send_all(0);
	ck_assert_int_eq(sys_fault_init("recvmsg:1:EINTR,recvmsg:3:ECONNRESET,"
	                                "recvmsg:4:EIO"),
	    ERR_OK);
	ck_assert_int_eq(inbox_read(&in, fds[0]), ERR_OK);
	ck_assert_int_eq(inbox_read(&in, fds[0]), ERR_EOF);
	ck_assert_int_eq(inbox_read(&in, fds[0]), ERR_IO);
	ck_assert_int_eq(errno, EIO);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("inbox");
	TCase *tc = tcase_create("inbox");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, frames_of_one_read_come_out_one_by_one);
	tcase_add_test(tc, frame_is_put_together_from_many_reads);
	tcase_add_test(tc, descriptor_comes_with_its_frame);
	tcase_add_test(tc, descriptor_that_is_not_taken_is_closed);
	tcase_add_test(tc, frame_without_its_descriptor_is_a_fault);
	tcase_add_test(tc, descriptor_without_a_frame_is_a_fault);
	tcase_add_test(tc, descriptors_are_bounded);
	tcase_add_test(tc, lost_descriptors_are_a_fault);
	tcase_add_test(tc, failures_of_reading_are_told);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
