/* SPDX-License-Identifier: BSD-2-Clause */
/* test_qmgr_sums: what an AUDIT says is counted again at the start (Q6). */
#include "qmgr/replay.h"

#include <stdlib.h>

#include "tests/lib/shell.h"

#define SEGMENT 5

static void
set_up(void)
{
	struct replay replay;

	shell_arm_faults();
	shell_set_up();
	ck_assert_int_eq(shell_replay(&replay), ERR_OK);
	shell_journal_new(&replay);
}

static struct part_state
admit(unsigned n)
{
	struct part_state state = shell_part(n, SEGMENT, n);

	ck_assert_int_eq(core_restore(core, &state), ERR_OK);
	shell_admit(state);
	return state;
}

static void
finish(struct part_state state)
{
	state = shell_done(state);
	ck_assert_int_eq(core_restore(core, &state), ERR_OK);
	shell_put(state);
}
/* Starts, and says other sums from then on. */
static void
restart_with(uint64_t done, uint64_t live, uint64_t messages_done)
{
	struct replay replay;

	journal_free(&journal);
	ck_assert_int_eq(shell_replay(&replay), ERR_OK);
	ck_assert(!replay.is_unbalanced);
	replay.done += done;
	replay.live += live;
	replay.messages_done += messages_done;
	shell_journal_new(&replay);
	admit(7);
	journal_free(&journal);
}

START_TEST(sums_are_counted_again)
{
	struct replay replay;

	finish(admit(1));
	admit(2);
	journal_free(&journal);
	ck_assert_int_eq(shell_replay(&replay), ERR_OK);
	shell_journal_new(&replay);
	ck_assert_uint_eq(replay.messages, 1);
	ck_assert_uint_eq(replay.messages_done, 1);
	restart_with(0, 0, 0);
	ck_assert_int_eq(shell_replay(&replay), ERR_OK);
	ck_assert(!replay.is_unbalanced);
	ck_assert_uint_eq(replay.messages, 2);
	ck_assert_uint_eq(replay.live, 2);
}
END_TEST

START_TEST(other_sums_in_an_audit_are_an_alarm)
{
	static const uint64_t wrong[][3] = { { 1, 0, 0 }, { 0, 1, 0 },
		{ 0, 0, 1 } };
	struct replay replay;

	finish(admit(1));
	restart_with(wrong[_i][0], wrong[_i][1], wrong[_i][2]);
	ck_assert_int_eq(shell_replay(&replay), ERR_OK);
	ck_assert(replay.is_unbalanced && !replay.is_damaged);
	/* What is there is there all the same. */
	ck_assert_uint_eq(shell_live(), 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("qmgr_sums");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, set_up, shell_tear_down);
	tcase_add_test(tc, sums_are_counted_again);
	tcase_add_loop_test(tc, other_sums_in_an_audit_are_an_alarm, 0, 3);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
