/* SPDX-License-Identifier: BSD-2-Clause */
/* test_peer: a connection comes up, carries frames, and comes back. */
#include "util/svc/peer.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <check.h>

#include "util/io/acceptor.h"
#include "util/io/loop.h"
#include "util/io/sock.h"
#include "util/svc/svc.h"

#define OUT_MAX_BYTES 65536

/* Both sides in one loop: the peer under test, and the daemon it talks to. */
struct scene {
	struct loop *loop;
	struct peer *peer;
	struct acceptor acceptor;
	struct chan *server; /* the newest connection that was taken */
	int dir_fd;
	int listen_fd;
	char dir[64];
	unsigned n_up, n_down, n_hellos, n_frames;
	unsigned stop_at_up; /* the loop stops at the n-th */
	uint32_t hello_index;
	bool is_listening;
};

static enum err
server_frame(void *arg, struct frame *f)
{
	struct scene *s = arg;
	struct msg_hello hello;
	struct msg_hold_end end = { 0 };

	ck_assert_int_eq(f->type, MSG_HELLO);
	ck_assert_int_eq(msg_hello_decode(&hello, f->body), ERR_OK);
	ck_assert_uint_eq(hello.pid, (uint32_t)getpid());
	ck_assert_int_eq(hello.role, PEER_DELIVER);
	s->hello_index = hello.index;
	s->n_hellos++;
	return chan_send_hold_end(s->server, &end);
}

static void
server_close(void *arg, enum err why, const char *text)
{
	struct scene *s = arg;

	(void)why;
	(void)text;
	chan_free(&s->server);
}

static void
server_accept(void *arg, int fd, const struct sock_addr *addr)
{
	struct scene *s = arg;
	struct chan_conf conf = { .on_frame = server_frame,
		.on_close = server_close,
		.arg = s,
		.out_max_bytes = OUT_MAX_BYTES };

	(void)addr;
	chan_free(&s->server);
	s->server = chan_new(s->loop, fd, &conf);
}

static void
listen_now(struct scene *s)
{
	ck_assert_int_eq(
	    sock_listen_at(s->dir_fd, "qmgr", 16, &s->listen_fd), ERR_OK);
	acceptor_init(&s->acceptor, s->loop, s->listen_fd, server_accept, s);
	s->is_listening = true;
}

static void
on_up(void *arg)
{
	struct scene *s = arg;

	ck_assert_ptr_nonnull(peer_chan(s->peer));
	s->n_up++;
}

/* The server's answer to HELLO: the n-th time it ends the run. */
static enum err
on_frame(void *arg, struct frame *f)
{
	struct scene *s = arg;

	ck_assert_int_eq(f->type, MSG_HOLD_END);
	s->n_frames++;
	if (s->n_up == s->stop_at_up)
		loop_stop(s->loop);
	else
		/* This side ends the connection: that is a way down too. */
		return ERR_PROTO;
	return ERR_OK;
}

static void
on_down(void *arg, enum err why)
{
	struct scene *s = arg;

	ck_assert_ptr_null(peer_chan(s->peer));
	ck_assert_int_eq(why, s->is_listening ? ERR_PROTO : ERR_EOF);
	s->n_down++;
	if (!s->is_listening)
		loop_stop(s->loop);
}

static void
scene_init(struct scene *s)
{
	*s = (struct scene){ .stop_at_up = 1 };
	(void)snprintf(s->dir, sizeof(s->dir), "/tmp/holdfast-peer-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(s->dir));
	s->dir_fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(s->dir_fd, 0);
	s->loop = loop_new();
}

static void
scene_begin(struct scene *s)
{
	struct peer_conf conf = { .name = "qmgr",
		.run_dir = s->dir,
		.role = PEER_DELIVER,
		.index = 7,
		.out_max_bytes = OUT_MAX_BYTES,
		.on_up = on_up,
		.on_frame = on_frame,
		.on_down = on_down,
		.arg = s };

	s->peer = peer_new(s->loop, &conf);
	ck_assert_ptr_null(peer_chan(s->peer));
}

static void
scene_fini(struct scene *s)
{
	peer_free(&s->peer);
	ck_assert_ptr_null(s->peer);
	chan_free(&s->server);
	if (s->is_listening) {
		acceptor_fini(&s->acceptor);
		ck_assert_int_eq(close(s->listen_fd), 0);
	}
	loop_free(&s->loop);
	(void)unlinkat(s->dir_fd, "qmgr", 0);
	ck_assert_int_eq(close(s->dir_fd), 0);
	ck_assert_int_eq(rmdir(s->dir), 0);
}

START_TEST(it_says_hello_and_hears_the_answer)
{
	struct scene s;

	scene_init(&s);
	listen_now(&s);
	scene_begin(&s);
	loop_run(s.loop);
	ck_assert_uint_eq(s.n_hellos, 1);
	ck_assert_uint_eq(s.hello_index, 7);
	ck_assert_uint_eq(s.n_frames, 1);
	ck_assert_uint_eq(s.n_down, 0);
	scene_fini(&s);
}
END_TEST

START_TEST(it_comes_back_when_the_connection_ends)
{
	struct scene s;

	scene_init(&s);
	s.stop_at_up = 3;
	listen_now(&s);
	scene_begin(&s);
	loop_run(s.loop);
	ck_assert_uint_eq(s.n_hellos, 3);
	ck_assert_uint_eq(s.n_up, 3);
	ck_assert_uint_eq(s.n_down, 2);
	scene_fini(&s);
}
END_TEST

static void
listen_late(void *arg)
{
	listen_now(arg);
}

START_TEST(it_waits_for_one_that_is_not_there_yet)
{
	struct timer late;
	struct scene s;

	scene_init(&s);
	scene_begin(&s);
	timer_init(&late, s.loop, listen_late, &s);
	timer_set_at(&late, loop_now_ms(s.loop) + PEER_WAIT_MIN_MS / 2);
	loop_run(s.loop);
	ck_assert_uint_eq(s.n_up, 1);
	ck_assert_uint_eq(s.n_hellos, 1);
	timer_fini(&late);
	scene_fini(&s);
}
END_TEST

static void
free_on_up(void *arg)
{
	struct scene *s = arg;

	peer_free(&s->peer);
	loop_stop(s->loop);
}

START_TEST(it_may_be_freed_when_it_comes_up)
{
	struct scene s;
	struct peer_conf conf = { .name = "qmgr",
		.role = PEER_DELIVER,
		.out_max_bytes = OUT_MAX_BYTES,
		.on_up = free_on_up,
		.on_frame = on_frame,
		.on_down = on_down };

	scene_init(&s);
	listen_now(&s);
	conf.run_dir = s.dir;
	conf.arg = &s;
	s.peer = peer_new(s.loop, &conf);
	loop_run(s.loop);
	ck_assert_uint_eq(s.n_down, 0);
	scene_fini(&s);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("peer");
	TCase *tc = tcase_create("peer");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, it_says_hello_and_hears_the_answer);
	tcase_add_test(tc, it_comes_back_when_the_connection_ends);
	tcase_add_test(tc, it_waits_for_one_that_is_not_there_yet);
	tcase_add_test(tc, it_may_be_freed_when_it_comes_up);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
