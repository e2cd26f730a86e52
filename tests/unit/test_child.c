/* SPDX-License-Identifier: BSD-2-Clause */
/* test_child: daemons that start, die, die again, stop and do not stop. */
#include "master/core/child.h"

#include <stdlib.h>

#include <check.h>

#include "util/base/array.h"

#define STOP_MS 35000
#define NOW_MS 1000000

static enum child_act
step(struct child_fate *fate, enum child_event event, int64_t now_ms)
{
	return child_step(fate, event, now_ms, STOP_MS);
}

/* A daemon that was ready at once. */
static struct child_fate
running(int64_t now_ms)
{
	struct child_fate fate = { CHILD_DOWN };

	ck_assert_int_eq(step(&fate, CHILD_EV_START, now_ms), CHILD_ACT_SPAWN);
	ck_assert_int_eq(fate.state, CHILD_STARTING);
	ck_assert(child_is_running(&fate));
	ck_assert_int_eq(step(&fate, CHILD_EV_READY, now_ms), CHILD_ACT_NONE);
	ck_assert_int_eq(fate.state, CHILD_OK);
	ck_assert_uint_eq(fate.restarts, 0);
	return fate;
}

START_TEST(a_first_death_is_mended_at_once)
{
	struct child_fate fate = running(NOW_MS);

	ck_assert_int_eq(step(&fate, CHILD_EV_DIED, NOW_MS), CHILD_ACT_SPAWN);
	ck_assert_int_eq(fate.state, CHILD_STARTING);
	ck_assert_int_eq(child_shown(&fate, NOW_MS), CHILD_STARTING);
	ck_assert_uint_eq(fate.restarts, 1);
	ck_assert_int_eq(fate.started_ms, NOW_MS);
}
END_TEST

START_TEST(soon_deaths_wait_twice_as_long_each_time_up_to_a_minute)
{
	static const int64_t waits_ms[] = { 1000, 2000, 4000, 8000, 16000,
		32000, 60000, 60000, 60000 };
	struct child_fate fate = running(NOW_MS);
	int64_t now_ms = NOW_MS;

	ck_assert_int_eq(step(&fate, CHILD_EV_DIED, now_ms), CHILD_ACT_SPAWN);
	for (size_t i = 0; i < COUNT_OF(waits_ms); i++) {
		now_ms += CHILD_SOON_MS - 1;
		ck_assert_int_eq(
		    step(&fate, CHILD_EV_DIED, now_ms), CHILD_ACT_NONE);
		ck_assert_int_eq(fate.state, CHILD_FAILING);
		ck_assert(!child_is_running(&fate));
		ck_assert_int_eq(fate.due_ms, now_ms + waits_ms[i]);
		now_ms = fate.due_ms;
		ck_assert_int_eq(
		    step(&fate, CHILD_EV_DUE, now_ms), CHILD_ACT_SPAWN);
		ck_assert_int_eq(fate.state, CHILD_STARTING);
		ck_assert_int_eq(fate.due_ms, INT64_MAX);
		ck_assert_uint_eq(fate.restarts, i + 2);
	}
}
END_TEST

START_TEST(one_that_failed_is_shown_so_until_it_has_lived)
{
	struct child_fate fate = running(NOW_MS);

	(void)step(&fate, CHILD_EV_DIED, NOW_MS);
	(void)step(&fate, CHILD_EV_DIED, NOW_MS);
	(void)step(&fate, CHILD_EV_DUE, NOW_MS + 1000);
	(void)step(&fate, CHILD_EV_READY, NOW_MS + 1000);
	ck_assert_int_eq(fate.state, CHILD_OK);
	ck_assert_int_eq(child_shown(&fate, NOW_MS + 1000 + CHILD_SOON_MS - 1),
	    CHILD_FAILING);
	ck_assert_int_eq(
	    child_shown(&fate, NOW_MS + 1000 + CHILD_SOON_MS), CHILD_OK);
}
END_TEST

START_TEST(a_late_death_forgets_the_soon_ones)
{
	struct child_fate fate = running(NOW_MS);
	int64_t now_ms = NOW_MS;

	(void)step(&fate, CHILD_EV_DIED, now_ms);
	(void)step(&fate, CHILD_EV_DIED, now_ms);
	ck_assert_int_eq(fate.state, CHILD_FAILING);
	now_ms = fate.due_ms;
	(void)step(&fate, CHILD_EV_DUE, now_ms);
	now_ms += CHILD_SOON_MS;
	ck_assert_int_eq(step(&fate, CHILD_EV_DIED, now_ms), CHILD_ACT_SPAWN);
	/* The next soon one is a first one again. */
	ck_assert_int_eq(step(&fate, CHILD_EV_DIED, now_ms), CHILD_ACT_SPAWN);
	ck_assert_int_eq(step(&fate, CHILD_EV_DIED, now_ms), CHILD_ACT_NONE);
	ck_assert_int_eq(fate.due_ms, now_ms + CHILD_WAIT_MIN_MS);
}
END_TEST

START_TEST(one_whose_configuration_is_wrong_waits_for_a_reload)
{
	struct child_fate fate = running(NOW_MS);

	ck_assert_int_eq(step(&fate, CHILD_EV_REFUSED, NOW_MS), CHILD_ACT_NONE);
	ck_assert_int_eq(fate.state, CHILD_BROKEN);
	ck_assert_int_eq(fate.due_ms, INT64_MAX);
	ck_assert_int_eq(step(&fate, CHILD_EV_DUE, NOW_MS), CHILD_ACT_NONE);
	ck_assert_int_eq(step(&fate, CHILD_EV_RELOAD, NOW_MS), CHILD_ACT_SPAWN);
	ck_assert_int_eq(fate.state, CHILD_STARTING);
}
END_TEST

START_TEST(one_that_cannot_be_executed_is_tried_again_in_a_second)
{
	struct child_fate fate = { CHILD_DOWN };

	(void)step(&fate, CHILD_EV_START, NOW_MS);
	ck_assert_int_eq(
	    step(&fate, CHILD_EV_NO_START, NOW_MS), CHILD_ACT_NONE);
	ck_assert_int_eq(fate.state, CHILD_BACKOFF);
	ck_assert_int_eq(fate.due_ms, NOW_MS + CHILD_WAIT_MIN_MS);
	ck_assert_int_eq(
	    step(&fate, CHILD_EV_DUE, fate.due_ms), CHILD_ACT_SPAWN);
}
END_TEST

START_TEST(a_running_one_is_told_of_a_reload)
{
	struct child_fate fate = { CHILD_DOWN };

	ck_assert_int_eq(step(&fate, CHILD_EV_RELOAD, NOW_MS), CHILD_ACT_NONE);
	(void)step(&fate, CHILD_EV_START, NOW_MS);
	ck_assert_int_eq(step(&fate, CHILD_EV_RELOAD, NOW_MS), CHILD_ACT_TELL);
	ck_assert_int_eq(fate.state, CHILD_STARTING);
	(void)step(&fate, CHILD_EV_READY, NOW_MS);
	ck_assert_int_eq(step(&fate, CHILD_EV_RELOAD, NOW_MS), CHILD_ACT_TELL);
	ck_assert_int_eq(fate.state, CHILD_OK);
}
END_TEST

START_TEST(one_that_does_not_stop_is_killed_once)
{
	struct child_fate fate = running(NOW_MS);

	ck_assert_int_eq(step(&fate, CHILD_EV_STOP, NOW_MS), CHILD_ACT_CLOSE);
	ck_assert_int_eq(fate.state, CHILD_STOPPING);
	ck_assert_int_eq(fate.due_ms, NOW_MS + STOP_MS);
	/* Neither a second stop nor a reload moves its deadline. */
	ck_assert_int_eq(
	    step(&fate, CHILD_EV_STOP, NOW_MS + 1), CHILD_ACT_NONE);
	ck_assert_int_eq(
	    step(&fate, CHILD_EV_RELOAD, NOW_MS + 1), CHILD_ACT_NONE);
	ck_assert_int_eq(fate.due_ms, NOW_MS + STOP_MS);
	ck_assert_int_eq(
	    step(&fate, CHILD_EV_DUE, fate.due_ms), CHILD_ACT_KILL);
	ck_assert_int_eq(fate.state, CHILD_STOPPING);
	ck_assert_int_eq(fate.due_ms, INT64_MAX);
	ck_assert_int_eq(step(&fate, CHILD_EV_DIED, NOW_MS), CHILD_ACT_NONE);
	ck_assert_int_eq(fate.state, CHILD_DOWN);
}
END_TEST

START_TEST(a_stop_ends_each_wait)
{
	static const enum child_state waiting[] = { CHILD_BACKOFF,
		CHILD_FAILING, CHILD_BROKEN, CHILD_DOWN };

	for (size_t i = 0; i < COUNT_OF(waiting); i++) {
		struct child_fate fate = { .state = waiting[i], .due_ms = 5 };

		ck_assert_int_eq(step(&fate, CHILD_EV_STOP, 1), CHILD_ACT_NONE);
		ck_assert_int_eq(fate.state, CHILD_DOWN);
		ck_assert_int_eq(step(&fate, CHILD_EV_DUE, 9), CHILD_ACT_NONE);
		ck_assert_int_eq(fate.state, CHILD_DOWN);
	}
}
END_TEST

/* What comes from a process that is gone must neither start nor count. */
START_TEST(late_news_of_the_dead_change_nothing)
{
	static const enum child_event late[] = { CHILD_EV_READY, CHILD_EV_DIED,
		CHILD_EV_REFUSED, CHILD_EV_NO_START };
	static const enum child_state dead[] = { CHILD_DOWN, CHILD_BACKOFF,
		CHILD_FAILING, CHILD_BROKEN };

	for (size_t i = 0; i < COUNT_OF(late); i++)
		for (size_t k = 0; k < COUNT_OF(dead); k++) {
			struct child_fate fate = { .state = dead[k],
				.due_ms = 7 };

			ck_assert_int_eq(
			    step(&fate, late[i], 1), CHILD_ACT_NONE);
			ck_assert_int_eq(fate.state, dead[k]);
			ck_assert_int_eq(fate.due_ms, 7);
			ck_assert_uint_eq(fate.n_soon, 0);
		}
}
END_TEST

START_TEST(every_state_has_a_text)
{
	for (unsigned i = 0; i < CHILD_STATE_N; i++)
		ck_assert_ptr_nonnull(child_state_text((enum child_state)i));
	ck_assert_str_eq(child_state_text(CHILD_FAILING), "failing");
}
END_TEST

static TCase *
child_cases(void)
{
	TCase *tc = tcase_create("child");

	tcase_add_test(tc, a_first_death_is_mended_at_once);
	tcase_add_test(
	    tc, soon_deaths_wait_twice_as_long_each_time_up_to_a_minute);
	tcase_add_test(tc, one_that_failed_is_shown_so_until_it_has_lived);
	tcase_add_test(tc, a_late_death_forgets_the_soon_ones);
	tcase_add_test(tc, one_whose_configuration_is_wrong_waits_for_a_reload);
	tcase_add_test(
	    tc, one_that_cannot_be_executed_is_tried_again_in_a_second);
	tcase_add_test(tc, a_running_one_is_told_of_a_reload);
	tcase_add_test(tc, one_that_does_not_stop_is_killed_once);
	tcase_add_test(tc, a_stop_ends_each_wait);
	tcase_add_test(tc, late_news_of_the_dead_change_nothing);
	tcase_add_test(tc, every_state_has_a_text);
	return tc;
}

int
main(void)
{
	Suite *suite = suite_create("child");
	SRunner *runner;
	int failed;

	suite_add_tcase(suite, child_cases());
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
