/* SPDX-License-Identifier: BSD-2-Clause */
/* test_qmgr_stop: the order of the end. */
#include "qmgr/stop.h"

#include <stdlib.h>

#include "tests/lib/scene.h"

#define PID 3000

static struct client worker, smtpd, ctl;

static void
assert_closed(void)
{
	static const char *const order[] = { "store", "checkpoint", "journal",
		"svc" };

	ck_assert_uint_eq(shell.n_closed, COUNT_OF(order));
	for (size_t i = 0; i < COUNT_OF(order); i++)
		ck_assert_str_eq(shell.closed[i], order[i]);
}

START_TEST(the_checkpoint_comes_after_the_last_smtpd_and_worker)
{
	shell_begin();
	shell_start();
	client_worker(&worker, PID);
	client_hello(&smtpd, PEER_SMTPD, 1, PID + 1);
	client_hello(&ctl, PEER_CTL, 0, PID + 2);
	stop_begin(&shell.q);
	shell_run();
	ck_assert_uint_eq(shell.n_checkpoints, 0);
	client_hang_up(_i == 0 ? &smtpd : &worker);
	ck_assert_uint_eq(shell.n_checkpoints, 0);
	client_hang_up(_i == 0 ? &worker : &smtpd);
	ck_assert_uint_eq(shell.n_checkpoints, 1);
	ck_assert_uint_eq(shell.n_done, 0);
	/* Commands are answered to the end, and do not hold it up. */
	ck_assert_ptr_nonnull(ctl.chan);
	stop_checkpointed(&shell.q, true);
	ck_assert_uint_eq(shell.n_done, 0);
	shell_run();
	assert_closed();
	ck_assert_ptr_null(ctl.chan);
	shell_fini();
}
END_TEST

START_TEST(without_a_checkpoint_it_ends_as_well_and_once)
{
	shell_begin();
	shell_start();
	/* One that was begun before the stop. */
	stop_checkpointed(&shell.q, true);
	shell_run();
	ck_assert_uint_eq(shell.n_done, 0);
	stop_begin(&shell.q);
	ck_assert_uint_eq(shell.n_checkpoints, 1);
	stop_checkpointed(&shell.q, false);
	stop_checkpointed(&shell.q, false);
	shell_run();
	stop_checkpointed(&shell.q, false);
	shell_run();
	assert_closed();
	shell_fini();
}
END_TEST

START_TEST(results_are_taken_and_no_leases_given_while_it_stops)
{
	struct qid first, second;

	shell_begin();
	shell_start();
	client_worker(&worker, PID);
	first = shell_admit(1);
	client_up(&worker);
	stop_begin(&shell.q);
	second = shell_admit(2);
	ck_assert_int_eq(shell_state(&second), PART_READY);
	client_result(&worker, OUTCOME_TRIED);
	ck_assert_int_eq(shell_state(&first), PART_DONE);
	ck_assert_uint_eq(worker.n[MSG_LEASE], 1);
	client_hang_up(&worker);
	stop_checkpointed(&shell.q, true);
	shell_run();
	assert_closed();
	shell_fini();
}
END_TEST

START_TEST(a_question_in_hand_does_not_outlive_the_ledger)
{
	struct msg_why_ask ask = { .qid = { { 1 } } };

	shell_begin();
	shell_start();
	client_hello(&ctl, PEER_CTL, 0, PID);
	ck_assert_int_eq(chan_send_why_ask(ctl.chan, &ask), ERR_OK);
	shell_run();
	ck_assert_uint_eq(shell.waits.n, 1);
	stop_begin(&shell.q);
	stop_checkpointed(&shell.q, true);
	shell_run();
	assert_closed();
	ck_assert_uint_eq(shell.waits.n, 0);
	shell_fini();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("qmgr_stop");
	TCase *tc = tcase_create("stop");
	SRunner *sr = srunner_create(s);
	int n_failed;

	tcase_add_loop_test(
	    tc, the_checkpoint_comes_after_the_last_smtpd_and_worker, 0, 2);
	tcase_add_test(tc, without_a_checkpoint_it_ends_as_well_and_once);
	tcase_add_test(
	    tc, results_are_taken_and_no_leases_given_while_it_stops);
	tcase_add_test(tc, a_question_in_hand_does_not_outlive_the_ledger);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	n_failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
