/* SPDX-License-Identifier: BSD-2-Clause */
/* test_qmgr_past: the ledger tells what became of one message. */
#include "qmgr/past.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/shell.h"

/* Rows, as text: state/tries/code:facts. */
static char told[4096];
static size_t n_told, n_rows;
static int64_t history_ms;
static unsigned n_done;

static void
on_row(struct past *past, const struct msg_why_past *row)
{
	(void)past;
	n_rows++;
	ck_assert_int_gt(row->time_ms, 0);
	n_told += (size_t)snprintf(told + n_told, sizeof(told) - n_told,
	    "%u/%u/%u:%.*s ", row->state, row->tries, row->code,
	    (int)(row->facts.len < 5 ? row->facts.len : 5), row->facts.ptr);
}

static void
on_done(struct past *past, int64_t ms)
{
	(void)past;
	history_ms = ms;
	n_done++;
	loop_stop(loop);
}

static void
init(struct past *past, unsigned n)
{
	*past = (struct past){
		.store = store,
		.qid = shell_part(n, 5, n).qid,
		.ledger_fd = ledger_dir.fd,
		.row = on_row,
		.done = on_done,
	};
	n_told = n_rows = 0;
	told[0] = '\0';
}

static const char *
ask(unsigned n)
{
	struct past past;

	init(&past, n);
	ck_assert_int_eq(past_ask(&past), ERR_OK);
	loop_run(loop);
	return told;
}

static void
set_up(void)
{
	static const struct replay nothing = {
		.next_file = 1, .next_seq = 1, .next_event = 1
	};

	shell_arm_faults();
	shell_set_up();
	shell_journal_new(&nothing);
	shell_store_new();
	n_done = 0;
}

static void
put_tries(unsigned n, unsigned tries)
{
	struct part_state state = shell_part(n, 5, n);

	shell_admit(state);
	state.state = PART_WAITING;
	state.last_code = 450;
	for (unsigned i = 1; i <= tries; i++) {
		state.tries = (uint16_t)i;
		shell_put(state);
	}
}

START_TEST(entries_come_in_order_with_their_facts)
{
	put_tries(1, 2);
	put_tries(2, 1);
	shell_put(shell_done(shell_part(1, 5, 1)));
	shell_sync();
	ck_assert_str_eq(
	    ask(1), "1/0/0:facts 0/1/450:reply 0/2/450:reply 4/0/0:reply ");
	ck_assert_int_gt(history_ms, 0);
	ck_assert_str_eq(ask(2), "1/0/0:facts 0/1/450:reply ");
}
END_TEST

START_TEST(what_was_never_heard_of_has_no_past)
{
	put_tries(1, 1);
	shell_sync();
	ck_assert_str_eq(ask(7), "");
	ck_assert_uint_eq(n_done, 1);
	ck_assert_int_gt(history_ms, 0);
}
END_TEST

START_TEST(without_a_ledger_there_is_no_history)
{
	ck_assert_str_eq(ask(1), "");
	ck_assert_int_eq(history_ms, 0);
}
END_TEST

/* A file that was kept for a notice tells what it has. */
START_TEST(history_begins_behind_the_last_gap)
{
	int64_t whole_ms;

	put_tries(1, 1);
	shell_sync();
	for (unsigned i = 2; i <= 3; i++) {
		atomic_store(&failing_writes, 1);
		put_tries(i, 1);
		shell_sync();
	}
	ck_assert_str_eq(ask(1), "1/0/0:facts 0/1/450:reply ");
	whole_ms = history_ms;
	ck_assert_int_eq(unlinkat(ledger_dir.fd, "L0000000000000002", 0), 0);
	ck_assert_str_eq(ask(1), "1/0/0:facts 0/1/450:reply ");
	ck_assert_int_gt(history_ms, whole_ms);
}
END_TEST

START_TEST(a_long_past_takes_many_slices)
{
	put_tries(1, 150);
	shell_sync();
	(void)ask(1);
	ck_assert_uint_eq(n_rows, 151);
}
END_TEST

START_TEST(long_facts_are_cut)
{
	static char facts[40000];
	struct part_state state = shell_part(1, 5, 1);
	struct entry_parts parts = { .parts = &state, .n = 1, .blocks = 1 };

	memset(facts, 'f', sizeof(facts));
	for (unsigned i = 0; i < 20; i++)
		journal_put_parts(
		    journal, &parts, (struct str){ facts, sizeof(facts) }, 1);
	shell_sync();
	(void)ask(1);
	ck_assert_uint_eq(n_rows, 20);
}
END_TEST

START_TEST(the_searches_in_hand_are_bounded)
{
	struct past past[PAST_MAX + 1];

	put_tries(1, 1);
	shell_sync();
	for (unsigned i = 0; i <= PAST_MAX; i++) {
		init(&past[i], 1);
		ck_assert_int_eq(
		    past_ask(&past[i]), i < PAST_MAX ? ERR_OK : ERR_FULL);
	}
	while (n_done < PAST_MAX)
		loop_run(loop);
	ck_assert_str_eq(ask(1), "1/0/0:facts 0/1/450:reply ");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("qmgr_past");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, set_up, shell_tear_down);
	tcase_add_test(tc, entries_come_in_order_with_their_facts);
	tcase_add_test(tc, what_was_never_heard_of_has_no_past);
	tcase_add_test(tc, without_a_ledger_there_is_no_history);
	tcase_add_test(tc, history_begins_behind_the_last_gap);
	tcase_add_test(tc, a_long_past_takes_many_slices);
	tcase_add_test(tc, long_facts_are_cut);
	tcase_add_test(tc, the_searches_in_hand_are_bounded);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
