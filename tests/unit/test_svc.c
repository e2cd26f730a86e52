/* SPDX-License-Identifier: BSD-2-Clause */
/* test_svc: a daemon under a master of the test: start, reload, stop, fault. */
#include "util/svc/svc.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

#include "util/base/fatal.h"
#include "util/conf/conf.h"
#include "util/conf/snapshot.h"
#include "util/io/loop.h"
#include "util/io/sock.h"
#include "util/proto/chan.h"
#include "util/svc/page.h"

#define OUT_MAX_BYTES 65536
#define CONF_BYTES 1024
#define FDS_MAX 256

/* Figures by which the daemon tells what it saw. */
enum {
	SAW_START = 1,
	SAW_RELOAD = 100, /* and the number of listeners */
	SAW_STOP = 200,
	SAW_OLD_CONF = 300,
	SAW_WRONG = 999
};

/* --- the daemon ----------------------------------------------------------- */

static void
daemon_start(struct svc *svc)
{
	struct str title = { NULL, 0 };
	bool is_right = svc_index(svc) == 3 && svc_spawn(svc) == 9 &&
	    strcmp(svc_run_dir(svc), "/nowhere/run") == 0 &&
	    svc_fd(svc, HAND_CONF, 0) >= 0 && svc_fd(svc, HAND_LOCK, 0) == -1 &&
	    svc_listener(svc, 0, &title) >= 0 && str_eq(title, STR("in")) &&
	    svc_listener(svc, 1, &title) == -1 && !svc_is_stopping(svc) &&
	    str_eq(svc_conf(svc)->main.node, STR("one"));

	page_set_figure(svc_page(svc), is_right ? SAW_START : SAW_WRONG);
	svc_ready(svc);
}

static void
daemon_reload(struct svc *svc)
{
	struct str title;
	unsigned n = 0;

	while (svc_listener(svc, n, &title) >= 0)
		n++;
	page_set_figure(svc_page(svc), SAW_RELOAD + n);
	if (!str_eq(svc_conf(svc)->main.node, STR("two")))
		page_set_figure(svc_page(svc), SAW_WRONG);
}

static void
daemon_stop(struct svc *svc)
{
	page_set_figure(
	    svc_page(svc), svc_is_stopping(svc) ? SAW_STOP : SAW_WRONG);
	svc_done(svc);
}

static const struct svc_ops plain = { .name = "qmgr",
	.start = daemon_start,
	.reload = daemon_reload,
	.stop = daemon_stop };

/* --- the master ----------------------------------------------------------- */

struct scene {
	struct loop *loop;
	struct chan *chan;
	struct page *page;
	pid_t pid;
	int page_fd;
	char dir[64];
	unsigned n_ready;
	uint32_t generation; /* of the last READY */
	char words[256];     /* what it said at its end */
	uint32_t kill_index;
};

static enum err
on_frame(void *arg, struct frame *f)
{
	struct scene *s = arg;
	struct msg_ready ready;
	struct msg_kill_worker ask;
	struct msg_last_words words;

	if (f->type == MSG_KILL_WORKER) {
		ck_assert_int_eq(msg_kill_worker_decode(&ask, f->body), ERR_OK);
		ck_assert(str_eq(ask.reason, STR("it lies")));
		s->kill_index = ask.index;
		return ERR_OK;
	}
	if (f->type == MSG_LAST_WORDS) {
		ck_assert_int_eq(
		    msg_last_words_decode(&words, f->body), ERR_OK);
		(void)snprintf(
		    s->words, sizeof(s->words), "%.*s", STR_ARG(words.text));
		return ERR_OK;
	}
	ck_assert_int_eq(f->type, MSG_READY);
	ck_assert_int_eq(msg_ready_decode(&ready, f->body), ERR_OK);
	s->n_ready++;
	s->generation = ready.generation;
	loop_stop(s->loop);
	return ERR_OK;
}

static void
on_close(void *arg, enum err why, const char *text)
{
	struct scene *s = arg;

	(void)why;
	(void)text;
	chan_free(&s->chan);
	loop_stop(s->loop);
}

static void
scene_init(struct scene *s, const struct svc_ops *ops)
{
	struct chan_conf conf = { .on_frame = on_frame,
		.on_close = on_close,
		.arg = s,
		.out_max_bytes = OUT_MAX_BYTES };
	char name[] = "test";
	char *argv[] = { name, NULL };
	int fds[2];

	*s = (struct scene){ .page_fd = -1 };
	(void)snprintf(s->dir, sizeof(s->dir), "/tmp/holdfast-svc-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(s->dir));
	ck_assert_int_eq(sock_pair(fds), ERR_OK);
	s->pid = fork();
	ck_assert_int_ge(s->pid, 0);
	if (s->pid == 0) {
		(void)close(fds[0]);
		if (dup2(fds[1], SVC_FD) != SVC_FD)
			_exit(1);
		if (fds[1] != SVC_FD)
			(void)close(fds[1]);
		_exit(svc_main(ops, 1, argv));
	}
	ck_assert_int_eq(close(fds[1]), 0);
	s->loop = loop_new();
	s->chan = chan_new(s->loop, fds[0], &conf);
	ck_assert_int_eq(page_create(&s->page_fd), ERR_OK);
	ck_assert_int_eq(page_map(&s->page, s->page_fd, false), ERR_OK);
}

/* Exit status of the daemon, once it has ended. */
static int
scene_end(struct scene *s)
{
	int status = -1;

	ck_assert_int_eq(waitpid(s->pid, &status, 0), s->pid);
	chan_free(&s->chan);
	page_free(&s->page);
	ck_assert_int_eq(close(s->page_fd), 0);
	loop_free(&s->loop);
	ck_assert_int_eq(rmdir(s->dir), 0);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
hand(struct scene *s, enum hand_kind kind, uint32_t index, int fd)
{
	struct msg_hand msg = { .kind = (uint8_t)kind,
		.index = index,
		.text = kind == HAND_LISTENER ? STR("in") : STR("") };

	ck_assert_int_eq(chan_send_hand(s->chan, &msg, fd), ERR_OK);
}

static void
hand_conf(struct scene *s, const char *node)
{
	struct conf_snapshot snapshot;
	char text[CONF_BYTES];
	int fd;

	(void)snprintf(text, sizeof(text),
	    "node = \"%s\" state_dir = \"%s\" stop_grace = \"0s\"\n"
	    "listener \"in\" { address = { \"127.0.0.1:1\" } }\n"
	    "route \"*\" { relay = { \"127.0.0.1:2\" } }\n",
	    node, s->dir);
	conf_snapshot_of_text(&snapshot, "test.conf", str_from_c(text));
	fd = memfd_create("conf", MFD_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, snapshot.blob.ptr, snapshot.blob.len),
	    (ssize_t)snapshot.blob.len);
	conf_snapshot_fini(&snapshot);
	hand(s, HAND_CONF, 0, fd);
	ck_assert_int_eq(close(fd), 0);
}

static void
send_start(struct scene *s, const char *name)
{
	struct msg_start start = { .name = str_from_c(name),
		.index = 3,
		.generation = 1,
		.spawn = 9,
		.uid = geteuid(),
		.gid = getegid(),
		.run_dir = STR("/nowhere/run") };

	ck_assert_int_eq(chan_send_start(s->chan, &start), ERR_OK);
}

static void
send_reload(struct scene *s, uint32_t generation)
{
	struct msg_reload reload = { .generation = generation };

	hand_conf(s, "two");
	ck_assert_int_eq(chan_send_reload(s->chan, &reload), ERR_OK);
}

/* All of the handshake, and then READY. */
static void
scene_start(struct scene *s)
{
	hand_conf(s, "one");
	hand(s, HAND_PAGE, 0, s->page_fd);
	hand(s, HAND_LISTENER, 0, s->page_fd);
	send_start(s, "qmgr");
	loop_run(s->loop);
	ck_assert_uint_eq(s->n_ready, 1);
	ck_assert_uint_eq(s->generation, 1);
}

START_TEST(it_starts_with_what_it_is_handed_and_stops_at_the_end)
{
	struct scene s;
	siginfo_t info;

	scene_init(&s, &plain);
	scene_start(&s);
	ck_assert_uint_eq(page_figure(s.page), SAW_START);
	ck_assert_uint_eq(page_pid(s.page), (uint32_t)s.pid);
	ck_assert_int_gt(page_heartbeat_ms(s.page), 0);
	ck_assert_uint_gt(page_held_bytes(s.page), 0);
	chan_free(&s.chan);
	/* Its page outlives it. */
	ck_assert_int_eq(
	    waitid(P_PID, (id_t)s.pid, &info, WEXITED | WNOWAIT), 0);
	ck_assert_uint_eq(page_figure(s.page), SAW_STOP);
	ck_assert_int_eq(scene_end(&s), 0);
}
END_TEST

START_TEST(it_takes_a_new_configuration_and_new_listeners)
{
	struct scene s;

	scene_init(&s, &plain);
	scene_start(&s);
	hand(&s, HAND_LISTENER, 0, s.page_fd);
	hand(&s, HAND_LISTENER, 1, s.page_fd);
	send_reload(&s, 2);
	loop_run(s.loop);
	ck_assert_uint_eq(s.generation, 2);
	ck_assert_uint_eq(page_figure(s.page), SAW_RELOAD + 2);
	send_reload(&s, 3);
	loop_run(s.loop);
	ck_assert_uint_eq(s.generation, 3);
	ck_assert_uint_eq(page_figure(s.page), SAW_RELOAD);
	chan_free(&s.chan);
	ck_assert_int_eq(scene_end(&s), 0);
}
END_TEST

START_TEST(an_end_before_the_start_is_a_clean_one)
{
	struct scene s;

	scene_init(&s, &plain);
	chan_free(&s.chan);
	ck_assert_int_eq(scene_end(&s), 0);
}
END_TEST

START_TEST(a_start_for_another_program_ends_it)
{
	struct scene s;

	scene_init(&s, &plain);
	hand_conf(&s, "one");
	send_start(&s, "other");
	loop_run(s.loop);
	ck_assert_ptr_null(s.chan);
	ck_assert_uint_eq(s.n_ready, 0);
	ck_assert_int_eq(scene_end(&s), 0);
}
END_TEST

START_TEST(a_wrong_configuration_is_exit_status_100)
{
	struct scene s;

	scene_init(&s, &plain);
	hand_conf(&s, "");
	hand(&s, HAND_PAGE, 0, s.page_fd);
	send_start(&s, "qmgr");
	loop_run(s.loop);
	ck_assert_int_eq(scene_end(&s), EXIT_PERM);
	ck_assert_ptr_nonnull(strstr(s.words, "node"));
}
END_TEST

START_TEST(a_missing_page_is_exit_status_111)
{
	struct scene s;

	scene_init(&s, &plain);
	hand_conf(&s, "one");
	send_start(&s, "qmgr");
	loop_run(s.loop);
	ck_assert_int_eq(scene_end(&s), EXIT_TEMP);
	ck_assert_int_eq(strncmp(s.words, "status page", 11), 0);
}
END_TEST

/* One that has no end of its own. */
static void
stop_never(struct svc *svc)
{
	page_set_figure(svc_page(svc), SAW_STOP);
}

START_TEST(one_that_does_not_finish_ends_when_grace_is_over)
{
	struct svc_ops ops = plain;
	struct scene s;

	ops.stop = stop_never;
	scene_init(&s, &ops);
	scene_start(&s);
	chan_free(&s.chan);
	ck_assert_int_eq(scene_end(&s), 0);
}
END_TEST

/* Holds each configuration it gets, and looks at the first one later. */
static const struct conf *first;

static void
hold_start(struct svc *svc)
{
	first = svc_hold_conf(svc);
	svc_ready(svc);
}

static void
hold_reload(struct svc *svc)
{
	(void)svc_hold_conf(svc);
	page_set_figure(svc_page(svc),
	    str_eq(first->main.node, STR("one")) ? SAW_OLD_CONF : SAW_WRONG);
}

START_TEST(held_configurations_live_on_and_their_number_is_bounded)
{
	struct svc_ops ops = plain;
	struct scene s;
	uint32_t i;

	ops.start = hold_start;
	ops.reload = hold_reload;
	scene_init(&s, &ops);
	scene_start(&s);
	for (i = 2; i <= SVC_CONFS_MAX; i++) {
		send_reload(&s, i);
		loop_run(s.loop);
		ck_assert_uint_eq(s.generation, i);
		ck_assert_uint_eq(page_figure(s.page), SAW_OLD_CONF);
	}
	send_reload(&s, SVC_CONFS_MAX + 1);
	loop_run(s.loop);
	ck_assert_uint_eq(s.generation, SVC_CONFS_MAX);
	chan_free(&s.chan);
	ck_assert_int_eq(scene_end(&s), 0);
}
END_TEST

static void
drop_reload(struct svc *svc)
{
	svc_drop_conf(svc, first);
	first = svc_hold_conf(svc);
}

START_TEST(dropped_configurations_make_room)
{
	struct svc_ops ops = plain;
	struct scene s;
	uint32_t i;

	ops.start = hold_start;
	ops.reload = drop_reload;
	scene_init(&s, &ops);
	scene_start(&s);
	for (i = 2; i <= 2 * SVC_CONFS_MAX; i++) {
		send_reload(&s, i);
		loop_run(s.loop);
		ck_assert_uint_eq(s.generation, i);
	}
	chan_free(&s.chan);
	ck_assert_int_eq(scene_end(&s), 0);
}
END_TEST

/* One that is ready some time after its start. */
static struct timer late;
static bool was_ready;

static void
be_ready(void *arg)
{
	struct svc *svc = arg;

	timer_fini(&late);
	was_ready = true;
	svc_ready(svc);
}

static void
late_start(struct svc *svc)
{
	timer_init(&late, svc_loop(svc), be_ready, svc);
	timer_set_at(&late, loop_now_ms(svc_loop(svc)) + 50);
}

/* The figure is how many descriptors are open. */
static void
late_reload(struct svc *svc)
{
	uint64_t n = 0;

	for (int fd = 0; fd < FDS_MAX; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			n++;
	page_set_figure(svc_page(svc), was_ready ? n : 0);
}

/* Reloads so often before it is ready; returns the figure. */
static uint64_t
reload_early(unsigned n)
{
	struct svc_ops ops = plain;
	struct scene s;
	uint64_t figure;
	uint32_t i;

	ops.start = late_start;
	ops.reload = late_reload;
	scene_init(&s, &ops);
	hand_conf(&s, "one");
	hand(&s, HAND_PAGE, 0, s.page_fd);
	send_start(&s, "qmgr");
	for (i = 2; i < 2 + n; i++)
		send_reload(&s, i);
	while (s.n_ready < 2)
		loop_run(s.loop);
	ck_assert_uint_eq(s.generation, i - 1);
	figure = page_figure(s.page);
	chan_free(&s.chan);
	ck_assert_int_eq(scene_end(&s), 0);
	return figure;
}

START_TEST(reloads_before_it_is_ready_become_one_and_leave_nothing_open)
{
	uint64_t once = reload_early(1);

	ck_assert_uint_gt(once, 0);
	ck_assert_uint_eq(reload_early(3), once);
}
END_TEST

START_TEST(configurations_that_nobody_holds_make_room)
{
	struct scene s;
	uint32_t i;

	scene_init(&s, &plain);
	scene_start(&s);
	for (i = 2; i <= 2 * SVC_CONFS_MAX; i++) {
		send_reload(&s, i);
		loop_run(s.loop);
		ck_assert_uint_eq(s.generation, i);
	}
	chan_free(&s.chan);
	ck_assert_int_eq(scene_end(&s), 0);
}
END_TEST

static void
ask_to_kill(struct svc *svc)
{
	svc_kill_worker(svc, 5, STR("it lies"));
	svc_ready(svc);
}

START_TEST(it_can_ask_for_the_end_of_a_worker)
{
	struct svc_ops ops = plain;
	struct scene s;

	ops.start = ask_to_kill;
	scene_init(&s, &ops);
	scene_start(&s);
	ck_assert_uint_eq(s.kill_index, 5);
	chan_free(&s.chan);
	ck_assert_int_eq(scene_end(&s), 0);
}
END_TEST

static TCase *
svc_cases(void)
{
	TCase *tc = tcase_create("svc");

	tcase_add_test(
	    tc, it_starts_with_what_it_is_handed_and_stops_at_the_end);
	tcase_add_test(tc, it_takes_a_new_configuration_and_new_listeners);
	tcase_add_test(tc, an_end_before_the_start_is_a_clean_one);
	tcase_add_test(tc, a_start_for_another_program_ends_it);
	tcase_add_test(tc, a_wrong_configuration_is_exit_status_100);
	tcase_add_test(tc, a_missing_page_is_exit_status_111);
	tcase_add_test(tc, one_that_does_not_finish_ends_when_grace_is_over);
	tcase_add_test(
	    tc, held_configurations_live_on_and_their_number_is_bounded);
	tcase_add_test(tc, dropped_configurations_make_room);
	tcase_add_test(tc, configurations_that_nobody_holds_make_room);
	tcase_add_test(
	    tc, reloads_before_it_is_ready_become_one_and_leave_nothing_open);
	tcase_add_test(tc, it_can_ask_for_the_end_of_a_worker);
	return tc;
}

int
main(void)
{
	Suite *suite = suite_create("svc");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, svc_cases());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
