/* SPDX-License-Identifier: BSD-2-Clause */
/* test_thread: jobs run beside the loop, in order, and are all finished. */
#include "util/io/thread.h"

#include <pthread.h>
#include <stdlib.h>

#include <check.h>

#include "util/base/array.h"

struct step {
	struct job job;
	int number;
	int again; /* submits itself so many times */
};

static struct loop *loop;
static struct bgthread *thread;
static pthread_t main_thread;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static int ran[16], done[16];
static size_t n_ran, n_done, n_expected;

static void
set_up(void)
{
	loop = loop_new();
	main_thread = pthread_self();
	thread = bgthread_new(loop, "test", 4);
}

static void
tear_down(void)
{
	bgthread_free(&thread);
	ck_assert_ptr_null(thread);
	bgthread_free(&thread);
	loop_free(&loop);
}

static void
run_step(struct job *job)
{
	struct step *s = (struct step *)job;

	ck_assert(pthread_equal(pthread_self(), main_thread) == 0);
	(void)pthread_mutex_lock(&gate);
	ran[n_ran++] = s->number;
	(void)pthread_mutex_unlock(&gate);
}

static void
step_done(struct job *job)
{
	struct step *s = (struct step *)job;

	ck_assert(pthread_equal(pthread_self(), main_thread) != 0);
	done[n_done++] = s->number;
	if (s->again-- > 0)
		ck_assert_int_eq(bgthread_submit(thread, job), ERR_OK);
	if (n_done == n_expected)
		loop_stop(loop);
}

static struct step
make_step(int number, int again)
{
	return (struct step){ .job = { .run = run_step, .done = step_done },
		.number = number,
		.again = again };
}

START_TEST(jobs_run_and_are_done_in_order)
{
	struct step s[4];

	n_expected = COUNT_OF(s);
	for (size_t i = 0; i < COUNT_OF(s); i++) {
		s[i] = make_step((int)i, 0);
		ck_assert_int_eq(bgthread_submit(thread, &s[i].job), ERR_OK);
	}
	loop_run(loop);
	for (size_t i = 0; i < COUNT_OF(s); i++) {
		ck_assert_int_eq(ran[i], (int)i);
		ck_assert_int_eq(done[i], (int)i);
	}
	ck_assert_uint_eq(bgthread_jobs(thread), 0);
}
END_TEST

START_TEST(ring_is_full_until_jobs_are_done)
{
	struct step s[5];

	n_expected = 4;
	(void)pthread_mutex_lock(&gate);
	for (size_t i = 0; i < COUNT_OF(s); i++) {
		s[i] = make_step((int)i, 0);
		ck_assert_int_eq(bgthread_submit(thread, &s[i].job),
		    i < 4 ? ERR_OK : ERR_FULL);
	}
	ck_assert_uint_eq(bgthread_jobs(thread), 4);
	(void)pthread_mutex_unlock(&gate);
	loop_run(loop);
	n_expected = 5;
	ck_assert_int_eq(bgthread_submit(thread, &s[4].job), ERR_OK);
	loop_run(loop);
	ck_assert_int_eq(done[4], 4);
}
END_TEST

START_TEST(done_may_submit_again)
{
	struct step s = make_step(7, 9);

	n_expected = 10;
	ck_assert_int_eq(bgthread_submit(thread, &s.job), ERR_OK);
	loop_run(loop);
	ck_assert_uint_eq(n_ran, 10);
}
END_TEST

START_TEST(free_finishes_what_is_queued_and_what_follows_from_it)
{
	struct step s[4];

	for (size_t i = 0; i < COUNT_OF(s); i++) {
		s[i] = make_step((int)i, 2);
		ck_assert_int_eq(bgthread_submit(thread, &s[i].job), ERR_OK);
	}
	/* It is not set to NULL before the last done. */
	bgthread_free(&thread);
	ck_assert_uint_eq(n_ran, 12);
	ck_assert_uint_eq(n_done, 12);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("thread");
	TCase *tc = tcase_create("thread");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, jobs_run_and_are_done_in_order);
	tcase_add_test(tc, ring_is_full_until_jobs_are_done);
	tcase_add_test(tc, done_may_submit_again);
	tcase_add_test(
	    tc, free_finishes_what_is_queued_and_what_follows_from_it);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
