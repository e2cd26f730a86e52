/* SPDX-License-Identifier: BSD-2-Clause */
/* test_loop: what is called when, how often, and what ends it. */
#include "util/io/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>

#include "util/base/array.h"
#include "util/io/clock.h"

static struct loop *loop;
static char trace[64];
static size_t n_trace;

static void
set_up(void)
{
	loop = loop_new();
	n_trace = 0;
}

static void
tear_down(void)
{
	loop_free(&loop);
	ck_assert_ptr_null(loop);
	loop_free(&loop);
}

static void
note(char c)
{
	ck_assert_uint_lt(n_trace, sizeof(trace) - 1);
	trace[n_trace++] = c;
	trace[n_trace] = '\0';
}

static void
note_arg(void *arg)
{
	note(*(const char *)arg);
}

/* --- descriptors ---------------------------------------------------------- */

struct end {
	struct watch watch;
	int fds[2];
	int left; /* bytes to be read before it finishes itself */
};

static void
on_end(void *arg, unsigned what)
{
	struct end *e = arg;
	char c;

	ck_assert_uint_eq(what, WATCH_READ);
	ck_assert_int_eq(read(e->fds[0], &c, 1), 1);
	note(c);
	if (--e->left == 0)
		watch_fini(&e->watch);
}

static void
on_other_end(void *arg, unsigned what)
{
	ck_assert_uint_eq(what, WATCH_WRITE);
	note('w');
	watch_set(arg, 0);
}

static void
init_end(struct end *e, int left)
{
	ck_assert_int_eq(pipe2(e->fds, O_NONBLOCK | O_CLOEXEC), 0);
	e->left = left;
	watch_init(&e->watch, loop, e->fds[0], on_end, e);
	watch_set(&e->watch, WATCH_READ);
}

static void
fini_end(struct end *e)
{
	(void)close(e->fds[0]);
	(void)close(e->fds[1]);
}

START_TEST(loop_ends_when_nothing_is_left_to_wait_for)
{
	struct end e;

	loop_run(loop);
	init_end(&e, 3);
	ck_assert_int_eq(write(e.fds[1], "abc", 3), 3);
	loop_run(loop);
	ck_assert_str_eq(trace, "abc");
	fini_end(&e);
}
END_TEST

static void
stop_at_end(void *arg)
{
	note_arg(arg);
	loop_stop(loop);
}

START_TEST(stop_ends_the_turn_with_its_ends)
{
	struct turn_end first, last;
	struct end e;

	init_end(&e, 5);
	turn_end_init(&first, loop, stop_at_end, (char[]){ "1" });
	turn_end_init(&last, loop, note_arg, (char[]){ "2" });
	turn_end_ask(&first);
	turn_end_ask(&last);
	loop_run(loop);
	ck_assert_str_eq(trace, "12");
	/* It can be run again, for a whole turn. */
	turn_end_ask(&last);
	ck_assert_int_eq(write(e.fds[1], "abcde", 5), 5);
	loop_run(loop);
	ck_assert_str_eq(trace, "122abcde");
	watch_fini(&e.watch);
	fini_end(&e);
}
END_TEST

START_TEST(flags_say_what_is_waited_for)
{
	struct end e;
	struct watch w;

	init_end(&e, 1);
	watch_set(&e.watch, 0);
	ck_assert_int_eq(write(e.fds[1], "a", 1), 1);
	loop_run(loop);
	ck_assert_uint_eq(n_trace, 0);
	/* The other end is writable; then it waits for what never comes. */
	watch_init(&w, loop, e.fds[1], on_other_end, &w);
	watch_set(&w, WATCH_WRITE);
	loop_run(loop);
	ck_assert_str_eq(trace, "w");
	watch_set(&e.watch, WATCH_READ);
	loop_run(loop);
	ck_assert_str_eq(trace, "wa");
	fini_end(&e);
}
END_TEST

static void
on_both(void *arg, unsigned what)
{
	struct watch *w = arg;

	note(what == WATCH_READ ? 'r' : 'w');
	watch_fini(w);
	free(w);
}

START_TEST(watch_may_be_freed_while_its_other_half_is_ready)
{
	struct watch *w = malloc(sizeof(*w));
	int fds[2];

	ck_assert_ptr_nonnull(w);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	ck_assert_int_eq(write(fds[1], "x", 1), 1);
	watch_init(w, loop, fds[0], on_both, w);
	watch_set(w, WATCH_READ | WATCH_WRITE);
	loop_run(loop);
	ck_assert_uint_eq(n_trace, 1);
	(void)close(fds[0]);
	(void)close(fds[1]);
}
END_TEST

static struct watch twins[2];

static void
on_twin(void *arg, unsigned what)
{
	(void)arg;
	(void)what;
	note('f');
	for (size_t i = 0; i < COUNT_OF(twins); i++)
		watch_fini(&twins[i]);
}

START_TEST(watch_that_is_ready_may_be_finished_by_another)
{
	int fds[2][2];

	for (size_t i = 0; i < COUNT_OF(twins); i++) {
		ck_assert_int_eq(pipe2(fds[i], O_CLOEXEC), 0);
		ck_assert_int_eq(write(fds[i][1], "x", 1), 1);
		watch_init(&twins[i], loop, fds[i][0], on_twin, NULL);
		watch_set(&twins[i], WATCH_READ);
	}
	loop_run(loop);
	ck_assert_str_eq(trace, "f");
	for (size_t i = 0; i < COUNT_OF(twins); i++) {
		(void)close(fds[i][0]);
		(void)close(fds[i][1]);
	}
}
END_TEST

/* --- deadlines ------------------------------------------------------------ */

struct late {
	struct timer timer;
	int64_t at_ms;
	char name;
};

static void
on_late(void *arg)
{
	struct late *l = arg;

	ck_assert_int_ge(loop_now_ms(loop), l->at_ms);
	ck_assert_int_ge(clock_boot_ms(), l->at_ms);
	ck_assert_int_eq(l->timer.deadline_ms, INT64_MAX);
	note(l->name);
}

static void
set_late(struct late *l, char name, int64_t after_ms)
{
	l->name = name;
	l->at_ms = loop_now_ms(loop) + after_ms;
	timer_init(&l->timer, loop, on_late, l);
	timer_set_at(&l->timer, l->at_ms);
}

START_TEST(timers_fire_in_order_and_never_early)
{
	struct late l[4];

	set_late(&l[0], 'd', 30);
	set_late(&l[1], 'b', 10);
	set_late(&l[2], 'a', -5);
	set_late(&l[3], 'c', 20);
	loop_run(loop);
	ck_assert_str_eq(trace, "abcd");
}
END_TEST

START_TEST(deadline_can_be_moved_both_ways)
{
	struct late l[3];

	set_late(&l[0], 'x', 1);
	set_late(&l[1], 'y', 3600000);
	set_late(&l[2], 'z', 10);
	l[0].at_ms += 20;
	timer_set_at(&l[0].timer, l[0].at_ms);
	l[1].at_ms = loop_now_ms(loop) + 2;
	timer_set_at(&l[1].timer, l[1].at_ms);
	loop_run(loop);
	ck_assert_str_eq(trace, "yzx");
}
END_TEST

START_TEST(far_deadline_is_reached_by_hops)
{
	struct late l;

	set_late(&l, 'x', 3600000);
	ck_assert_int_le(l.timer.armed_ms - loop_now_ms(loop), 60000);
	timer_stop(&l.timer);
	loop_run(loop);
	ck_assert_uint_eq(n_trace, 0);
}
END_TEST

START_TEST(stopped_timer_is_not_called)
{
	struct late l[3];

	set_late(&l[0], 'x', 0);
	set_late(&l[1], 'y', 5);
	set_late(&l[2], 'z', 5);
	timer_stop(&l[0].timer);
	timer_fini(&l[1].timer);
	loop_run(loop);
	ck_assert_str_eq(trace, "z");
	timer_set_at(&l[0].timer, INT64_MAX);
	loop_run(loop);
	ck_assert_str_eq(trace, "z");
}
END_TEST

static void
on_again(void *arg)
{
	struct late *l = arg;

	note(l->name);
	if (n_trace < 3)
		timer_set_at(&l->timer, loop_now_ms(loop));
	else
		timer_fini(&l->timer);
}

START_TEST(timer_may_be_set_in_its_own_call)
{
	struct late l = { .name = 'r' };

	timer_init(&l.timer, loop, on_again, &l);
	timer_set_at(&l.timer, 0);
	loop_run(loop);
	ck_assert_str_eq(trace, "rrr");
}
END_TEST

/* --- ends of turns -------------------------------------------------------- */

static struct turn_end batch;

static void
ask_batch(void *arg)
{
	note_arg(arg);
	turn_end_ask(&batch);
}

START_TEST(end_comes_once_after_all_of_a_turn)
{
	struct timer t[3];
	char name[] = "t";

	turn_end_init(&batch, loop, note_arg, (char[]){ "E" });
	for (size_t i = 0; i < COUNT_OF(t); i++) {
		timer_init(&t[i], loop, ask_batch, name);
		timer_set_at(&t[i], loop_now_ms(loop));
	}
	loop_run(loop);
	ck_assert_str_eq(trace, "tttE");
}
END_TEST

START_TEST(end_may_ask_for_another_end)
{
	struct turn_end d;

	turn_end_init(&batch, loop, note_arg, (char[]){ "B" });
	turn_end_init(&d, loop, ask_batch, (char[]){ "A" });
	turn_end_ask(&d);
	turn_end_ask(&d);
	loop_run(loop);
	ck_assert_str_eq(trace, "AB");
	turn_end_ask(&d);
	turn_end_fini(&d);
	turn_end_fini(&d);
	loop_run(loop);
	ck_assert_str_eq(trace, "AB");
}
END_TEST

static void
ask_many_times(void *arg)
{
	note('m');
	if (n_trace < 40)
		turn_end_ask(arg);
	else
		loop_stop(loop);
}

START_TEST(many_ends_need_no_event)
{
	struct turn_end d;
	struct end e;

	init_end(&e, 1);
	turn_end_init(&d, loop, ask_many_times, &d);
	turn_end_ask(&d);
	loop_run(loop);
	ck_assert_uint_eq(n_trace, 40);
	watch_fini(&e.watch);
	fini_end(&e);
}
END_TEST

static void
ask_on_and_on(void *arg)
{
	turn_end_ask(arg);
}

static void
end_it(void *arg)
{
	note('t');
	turn_end_fini(arg);
}

START_TEST(endless_ends_do_not_starve_the_loop)
{
	struct turn_end d;
	struct timer t;

	turn_end_init(&d, loop, ask_on_and_on, &d);
	turn_end_ask(&d);
	timer_init(&t, loop, end_it, &d);
	timer_set_at(&t, loop_now_ms(loop));
	loop_run(loop);
	ck_assert_str_eq(trace, "t");
}
END_TEST

/* --- signals and time ----------------------------------------------------- */

static void
on_signal(void *arg, int signo)
{
	note_arg(arg);
	ck_assert_int_eq(signo, SIGUSR1);
	loop_stop(loop);
}

START_TEST(signal_is_called_in_the_loop)
{
	loop_signal(loop, SIGUSR1, on_signal, (char[]){ "s" });
	ck_assert_int_eq(raise(SIGUSR1), 0);
	ck_assert_uint_eq(n_trace, 0);
	loop_run(loop);
	ck_assert_str_eq(trace, "s");
}
END_TEST

START_TEST(broken_pipe_is_an_errno)
{
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	(void)close(fds[0]);
	ck_assert_int_eq(write(fds[1], "x", 1), -1);
	ck_assert_int_eq(errno, EPIPE);
	(void)close(fds[1]);
}
END_TEST

static void
spend_time(void *arg)
{
	int64_t before_ms = loop_now_ms(loop);

	(void)arg;
	while (clock_boot_ms() < before_ms + 3)
		continue;
	ck_assert_int_eq(loop_now_ms(loop), before_ms);
	note('t');
}

START_TEST(time_stands_still_within_a_turn)
{
	struct timer t;
	int64_t before_ms = loop_now_ms(loop);

	timer_init(&t, loop, spend_time, NULL);
	timer_set_at(&t, 0);
	loop_run(loop);
	timer_set_at(&t, 0);
	loop_run(loop);
	ck_assert_str_eq(trace, "tt");
	ck_assert_int_ge(loop_now_ms(loop), before_ms + 3);
	ck_assert_int_gt(loop_wall_ms(loop), INT64_C(1704067200000));
}
END_TEST

static void
waste_time(void *arg)
{
	int64_t end_us = clock_mono_us() + 3000;

	(void)arg;
	while (clock_mono_us() < end_us)
		continue;
}

START_TEST(the_longest_turn_is_measured_without_the_wait)
{
	struct turn_end d;
	struct late l;

	turn_end_init(&d, loop, waste_time, NULL);
	ck_assert_int_eq(loop_turns(loop).longest_us, 0);
	turn_end_ask(&d);
	loop_run(loop);
	ck_assert_int_ge(loop_turns(loop).longest_us, 3000);
	ck_assert_int_eq(
	    loop_turns(loop).recent_us, loop_turns(loop).longest_us);
	set_late(&l, 't', 20);
	loop_run(loop);
	ck_assert_int_ge(loop_turns(loop).recent_us, 3000);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("loop");
	TCase *tc = tcase_create("loop");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, loop_ends_when_nothing_is_left_to_wait_for);
	tcase_add_test(tc, stop_ends_the_turn_with_its_ends);
	tcase_add_test(tc, flags_say_what_is_waited_for);
	tcase_add_test(tc, watch_may_be_freed_while_its_other_half_is_ready);
	tcase_add_test(tc, watch_that_is_ready_may_be_finished_by_another);
	tcase_add_test(tc, timers_fire_in_order_and_never_early);
	tcase_add_test(tc, deadline_can_be_moved_both_ways);
	tcase_add_test(tc, far_deadline_is_reached_by_hops);
	tcase_add_test(tc, stopped_timer_is_not_called);
	tcase_add_test(tc, timer_may_be_set_in_its_own_call);
	tcase_add_test(tc, end_comes_once_after_all_of_a_turn);
	tcase_add_test(tc, end_may_ask_for_another_end);
	tcase_add_test(tc, many_ends_need_no_event);
	tcase_add_test(tc, endless_ends_do_not_starve_the_loop);
	tcase_add_test(tc, signal_is_called_in_the_loop);
	tcase_add_test(tc, broken_pipe_is_an_errno);
	tcase_add_test(tc, time_stands_still_within_a_turn);
	tcase_add_test(tc, the_longest_turn_is_measured_without_the_wait);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
