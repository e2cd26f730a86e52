/* SPDX-License-Identifier: BSD-2-Clause */
/* test_call: a command asks, waits for its answer, and not for ever. */
#include "util/proto/call.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <check.h>

#include "tests/lib/fds.h"
#include "util/io/clock.h"
#include "util/io/sock.h"
#include "util/io/sys.h"
#include "util/proto/chan.h"

static char dir[64];
static char path[80];
static int listener;
static struct call call;
static struct loop *loop;
static struct chan *server;
static int n_open; /* descriptors, while nothing leaks */

static int64_t
soon_ms(void)
{
	return clock_boot_ms() + 60000;
}

static void
set_up(void)
{
	struct sock_addr a;
	char text[100];

	n_open = fds_open();
	(void)snprintf(dir, sizeof(dir), "/tmp/test_call.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/s", dir);
	(void)snprintf(text, sizeof(text), "unix:%s", path);
	ck_assert_int_eq(sock_parse(&a, str_from_c(text)), ERR_OK);
	ck_assert_int_eq(sock_listen(&a, 1, &listener), ERR_OK);
	loop = loop_new();
}

static void
tear_down(void)
{
	call_fini(&call);
	chan_free(&server);
	loop_free(&loop);
	(void)close(listener);
	ck_assert_int_eq(fds_open(), n_open);
	(void)unlink(path);
	(void)rmdir(dir);
}

/* Answers QUEUE_ASK with rows, and RECORD_ASK with a descriptor. */
static enum err
on_frame(void *arg, struct frame *f)
{
	struct msg_queue_row row = { .domain = STR("example.org") };
	struct msg_queue_end end = { .cursor = 0 };
	struct msg_record record = { .block = 7 };
	enum err err;

	(void)arg;
	loop_stop(loop);
	if (f->type == MSG_RECORD_ASK)
		return chan_send_record(server, &record, listener);
	err = chan_send_queue_row(server, &row);
	if (err == ERR_OK)
		err = chan_send_queue_row(server, &row);
	if (err == ERR_OK)
		err = chan_send_queue_end(server, &end);
	return err;
}

static void
on_close(void *arg, enum err why, const char *text)
{
	(void)arg;
	(void)why;
	(void)text;
	chan_free(&server);
}

static void
connect_both(void)
{
	struct chan_conf conf = { .on_frame = on_frame,
		.on_close = on_close,
		.out_max_bytes = FRAME_MAX_BYTES };
	int fd;

	ck_assert_int_eq(call_connect(&call, path, soon_ms()), ERR_OK);
	ck_assert_int_eq(sock_accept(listener, NULL, &fd), ERR_OK);
	server = chan_new(loop, fd, &conf);
}

START_TEST(answer_comes_frame_by_frame)
{
	static const enum msg_type want[] = { MSG_QUEUE_ROW, MSG_QUEUE_ROW,
		MSG_QUEUE_END };
	struct msg_queue_ask ask = { .rows = 2 };
	struct msg_queue_row row;
	struct frame *f;

	connect_both();
	ck_assert_int_eq(call_send_queue_ask(&call, &ask), ERR_OK);
	loop_run(loop);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(call_next(&call, &f), ERR_OK);
		ck_assert_int_eq(f->type, want[i]);
		if (f->type != MSG_QUEUE_ROW)
			continue;
		ck_assert_int_eq(msg_queue_row_decode(&row, f->body), ERR_OK);
		ck_assert(str_eq(row.domain, STR("example.org")));
	}
	chan_free(&server);
	ck_assert_int_eq(call_next(&call, &f), ERR_EOF);
	ck_assert_int_eq(call_send_queue_ask(&call, &ask), ERR_EOF);
}
END_TEST

START_TEST(descriptor_can_be_kept)
{
	struct msg_record_ask ask = { .qid = { { 1 } } };
	struct frame *f;
	int kept;

	connect_both();
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(call_send_record_ask(&call, &ask), ERR_OK);
		loop_run(loop);
		ck_assert_int_eq(call_next(&call, &f), ERR_OK);
		ck_assert_int_eq(f->type, MSG_RECORD);
	}
	/* The first was closed by the second call. */
	kept = frame_take_fd(f, 0);
	call_fini(&call);
	ck_assert_int_ne(fcntl(kept, F_GETFD), -1);
	(void)close(kept);
}
END_TEST

START_TEST(deadline_ends_a_wait)
{
	struct frame *f;

	connect_both();
	call.deadline_ms = clock_boot_ms() + 5;
	ck_assert_int_eq(call_next(&call, &f), ERR_TIMEOUT);
	ck_assert_int_ge(clock_boot_ms(), call.deadline_ms);
}
END_TEST

START_TEST(deadline_ends_a_write)
{
	struct msg_queue_ask ask = { .match = STR("*") };
	enum err err = ERR_OK;

	connect_both();
	call.deadline_ms = clock_boot_ms() - 1;
	for (int i = 0; err == ERR_OK && i < 1000000; i++)
		err = call_send_queue_ask(&call, &ask);
	ck_assert_int_eq(err, ERR_TIMEOUT);
}
END_TEST

START_TEST(nobody_there_is_told)
{
	ck_assert_int_eq(
	    call_connect(&call, "/no/such/socket", soon_ms()), ERR_NOTFOUND);
	call_fini(&call);
	(void)close(listener);
	ck_assert_int_eq(call_connect(&call, path, soon_ms()), ERR_NOTFOUND);
	ck_assert_int_eq(errno, ECONNREFUSED);
}
END_TEST

START_TEST(field_above_its_bound_is_not_sent)
{
	struct msg_queue_ask ask = { .rows = 257 };

	connect_both();
	ck_assert_int_eq(call_send_queue_ask(&call, &ask), ERR_RANGE);
	ask.rows = 256;
	ck_assert_int_eq(call_send_queue_ask(&call, &ask), ERR_OK);
}
END_TEST

START_TEST(other_protocols_are_a_fault)
{
	struct frame *f;
	int fd;

	ck_assert_int_eq(call_connect(&call, path, soon_ms()), ERR_OK);
	ck_assert_int_eq(sock_accept(listener, NULL, &fd), ERR_OK);
	ck_assert_int_eq(write(fd, "220 mx1 ESMTP\r\n", 15), 15);
	ck_assert_int_eq(call_next(&call, &f), ERR_PROTO);
	ck_assert_int_eq(call.inbox.reader.fault, FRAME_VERSION);
	(void)close(fd);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("call");
	TCase *tc = tcase_create("call");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, answer_comes_frame_by_frame);
	tcase_add_test(tc, descriptor_can_be_kept);
	tcase_add_test(tc, deadline_ends_a_wait);
	tcase_add_test(tc, deadline_ends_a_write);
	tcase_add_test(tc, nobody_there_is_told);
	tcase_add_test(tc, field_above_its_bound_is_not_sent);
	tcase_add_test(tc, other_protocols_are_a_fault);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
