/* SPDX-License-Identifier: BSD-2-Clause */
/* test_qmgr_balance: accounts that do not agree are an alarm, once (Q6). */
#include "qmgr/balance.h"

#include <stdlib.h>

#include "tests/lib/scene.h"
#include "util/spool/entry.h"

START_TEST(accounts_that_agree_are_right)
{
	struct entry_audit audit;

	shell_begin();
	shell_start();
	(void)shell_admit(1);
	(void)shell_admit(2);
	ck_assert(balance_is_right(&shell.q));
	ck_assert_uint_eq(shell.n_rescans, 0);
	balance_fill(shell.q.core, &audit);
	ck_assert_uint_eq(audit.messages_admitted, 2);
	ck_assert_uint_eq(audit.admitted, 2);
	ck_assert_uint_eq(audit.ready, 2);
	shell_fini();
}
END_TEST

START_TEST(a_result_that_the_ledger_lacks_is_told_once_and_all_is_scanned)
{
	shell_begin();
	shell_start();
	shell.n_lost = 1;
	turn_begin(&shell.q);
	shell_run();
	ck_assert(!balance_is_right(&shell.q));
	ck_assert_uint_eq(shell.n_rescans, 1);
	turn_begin(&shell.q);
	shell_run();
	ck_assert_uint_eq(shell.n_rescans, 1);
	/* Right again, and wrong again. */
	shell.n_lost = 0;
	turn_begin(&shell.q);
	shell_run();
	ck_assert(balance_is_right(&shell.q));
	shell.n_lost = 2;
	turn_begin(&shell.q);
	shell_run();
	ck_assert_uint_eq(shell.n_rescans, 2);
	shell_fini();
}
END_TEST

START_TEST(a_message_that_intake_did_not_find_is_told)
{
	struct core_admit_part part = { STR("example.org"), 1 };
	struct core_admit admit = { .qid = shell_qid(1),
		.segment = SHELL_SEGMENT,
		.block = 1,
		.n_parts = 1,
		.parts = &part };

	shell_begin();
	shell_start();
	turn_begin(&shell.q);
	ck_assert_int_eq(core_admit(shell.q.core, &admit), ERR_OK);
	shell_run();
	ck_assert(!balance_is_right(&shell.q));
	ck_assert_uint_eq(shell.n_rescans, 1);
	shell_fini();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("qmgr_balance");
	TCase *tc = tcase_create("balance");
	SRunner *sr = srunner_create(s);
	int n_failed;

	tcase_add_test(tc, accounts_that_agree_are_right);
	tcase_add_test(
	    tc, a_result_that_the_ledger_lacks_is_told_once_and_all_is_scanned);
	tcase_add_test(tc, a_message_that_intake_did_not_find_is_told);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	n_failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
