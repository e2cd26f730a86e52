/* SPDX-License-Identifier: BSD-2-Clause */
/* test_qmgr_control: commands that ask, and those that leave in the middle. */
#include "qmgr/control.h"

#include <stdlib.h>

#include "tests/lib/scene.h"

#define PID 2000
#define STOPPED 111

static struct client ctl, other;

static void
begin(void)
{
	shell_begin();
	shell_start();
	client_hello(&ctl, PEER_CTL, 0, PID);
}

static void
ask_why(struct client *c, const struct qid *qid)
{
	struct msg_why_ask ask = { .qid = *qid };

	ck_assert_int_eq(chan_send_why_ask(c->chan, &ask), ERR_OK);
	shell_run();
}

static void
ask_record(struct client *c, const struct qid *qid)
{
	struct msg_record_ask ask = { .qid = *qid };

	ck_assert_int_eq(chan_send_record_ask(c->chan, &ask), ERR_OK);
	shell_run();
}

static void
look(void)
{
	struct job *job = shell.look;

	ck_assert_ptr_nonnull(job);
	shell.look = NULL;
	job->run(job);
	job->done(job);
	shell_run();
}

static void
find(int64_t history_ms)
{
	struct past *past = shell.past;

	ck_assert_ptr_nonnull(past);
	shell.past = NULL;
	past->done(past, history_ms);
	shell_run();
}

static void
tell_row(void)
{
	static const struct msg_why_past row = { .time_ms = 1 };

	shell.past->row(shell.past, &row);
	shell_run();
}

/* --- questions ------------------------------------------------------------ */

START_TEST(why_tells_parts_then_the_past_then_the_record)
{
	struct qid qid;

	begin();
	qid = shell_admit(1);
	ask_why(&ctl, &qid);
	ck_assert_uint_eq(ctl.n[MSG_WHY_PART], 1);
	/* What memory says is in the ledger first. */
	ck_assert_ptr_null(shell.past);
	shell_sync();
	tell_row();
	tell_row();
	ck_assert_uint_eq(ctl.n[MSG_WHY_PAST], 2);
	find(5);
	ck_assert_uint_eq(ctl.n[MSG_WHY_END], 0);
	look();
	ck_assert_uint_eq(ctl.n[MSG_WHY_END], 1);
	ck_assert_uint_eq(shell.n_places, 0);
	/* The next one. */
	ask_why(&ctl, &qid);
	ck_assert_uint_eq(ctl.n[MSG_WHY_PART], 2);
	shell_fini();
}
END_TEST

START_TEST(of_a_message_that_is_gone_the_past_is_told)
{
	struct qid qid = { { 1 } };

	begin();
	ask_why(&ctl, &qid);
	shell_sync();
	tell_row();
	find(5);
	ck_assert_uint_eq(ctl.n[MSG_WHY_PART], 0);
	ck_assert_uint_eq(ctl.n[MSG_WHY_PAST], 1);
	ck_assert_uint_eq(ctl.n[MSG_WHY_END], 1);
	shell_fini();
}
END_TEST

START_TEST(a_second_question_before_the_answer_is_refused)
{
	struct qid qid = { { 1 } };

	begin();
	ask_why(&ctl, &qid);
	ask_why(&ctl, &qid);
	ck_assert_uint_eq(ctl.n[MSG_ANSWER], 1);
	ck_assert_uint_eq(ctl.answer.status, STOPPED);
	ck_assert_uint_eq(shell.waits.n, 1);
	shell_fini();
}
END_TEST

START_TEST(too_many_searches_are_refused_and_may_come_again)
{
	struct qid qid = { { 1 } };

	begin();
	shell.is_past_full = true;
	ask_why(&ctl, &qid);
	shell_sync();
	ck_assert_uint_eq(ctl.answer.status, STOPPED);
	shell.is_past_full = false;
	ask_why(&ctl, &qid);
	shell_sync();
	find(0);
	ck_assert_uint_eq(ctl.n[MSG_WHY_END], 1);
	shell_fini();
}
END_TEST

START_TEST(when_the_thread_is_busy_the_record_is_not_said_to_be_good)
{
	static struct job busy;
	struct qid qid;

	begin();
	qid = shell_admit(1);
	ask_why(&ctl, &qid);
	shell_sync();
	shell.look = &busy;
	find(0);
	ck_assert_uint_eq(ctl.n[MSG_WHY_END], 1);
	ck_assert_uint_eq(shell.n_places, 0);
	shell_fini();
}
END_TEST

START_TEST(a_record_comes_with_its_descriptor)
{
	struct qid none = { { 1 } };
	struct qid qid;

	begin();
	qid = shell_admit(1);
	ask_record(&ctl, &qid);
	ck_assert_uint_eq(ctl.n[MSG_RECORD], 1);
	ck_assert_uint_eq(shell.n_places, 0);
	shell.is_slow = true;
	ask_record(&ctl, &qid);
	shell_open(ERR_IO);
	ck_assert_uint_eq(ctl.answer.status, STOPPED);
	ask_record(&ctl, &none);
	ck_assert_uint_eq(ctl.answer.status, 1);
	shell_fini();
}
END_TEST

/* --- those that leave ----------------------------------------------------- */

START_TEST(who_leaves_while_the_ledger_is_written_is_forgotten)
{
	struct qid qid = { { 1 } };

	begin();
	ask_why(&ctl, &qid);
	ck_assert_uint_eq(shell.waits.n, 1);
	client_hang_up(&ctl);
	ck_assert_uint_eq(shell.waits.n, 0);
	shell_fini();
}
END_TEST

START_TEST(who_leaves_during_the_search_is_not_waited_for)
{
	struct qid qid;

	begin();
	qid = shell_admit(1);
	ask_why(&ctl, &qid);
	shell_sync();
	client_hang_up(&ctl);
	tell_row();
	shell.is_slow = true;
	find(5);
	shell_open(ERR_OK);
	look();
	ck_assert_uint_eq(shell.n_places, 0);
	shell_fini();
}
END_TEST

START_TEST(who_leaves_before_the_record_is_open_costs_no_descriptor)
{
	struct qid qid;

	begin();
	qid = shell_admit(1);
	shell.is_slow = true;
	ask_record(&ctl, &qid);
	client_hang_up(&ctl);
	shell_open(ERR_OK);
	ck_assert_uint_eq(shell.n_places, 0);
	shell_fini();
}
END_TEST

/* --- lists ---------------------------------------------------------------- */

START_TEST(pages_go_on_where_the_last_one_ended)
{
	struct msg_list_ask list = { .rows = 2 };
	struct msg_queue_ask queue = { .rows = 256 };

	begin();
	for (uint32_t i = 1; i <= 3; i++)
		(void)shell_admit(i);
	ck_assert_int_eq(chan_send_list_ask(ctl.chan, &list), ERR_OK);
	shell_run();
	ck_assert_uint_eq(ctl.n[MSG_LIST_ROW], 2);
	ck_assert_uint_eq(ctl.n[MSG_LIST_END], 1);
	/* Any number is a cursor. */
	list.cursor = UINT32_MAX;
	ck_assert_int_eq(chan_send_list_ask(ctl.chan, &list), ERR_OK);
	queue.cursor = UINT32_MAX;
	ck_assert_int_eq(chan_send_queue_ask(ctl.chan, &queue), ERR_OK);
	queue.cursor = 0;
	ck_assert_int_eq(chan_send_queue_ask(ctl.chan, &queue), ERR_OK);
	queue.match = STR("*.net");
	ck_assert_int_eq(chan_send_queue_ask(ctl.chan, &queue), ERR_OK);
	shell_run();
	ck_assert_uint_eq(ctl.n[MSG_LIST_END], 2);
	ck_assert_uint_eq(ctl.n[MSG_QUEUE_ROW], 1);
	ck_assert_uint_eq(ctl.n[MSG_QUEUE_END], 3);
	shell_fini();
}
END_TEST

START_TEST(status_is_one_frame)
{
	struct msg_status_ask ask = { 0 };

	begin();
	ck_assert_int_eq(chan_send_status_ask(ctl.chan, &ask), ERR_OK);
	shell_run();
	ck_assert_uint_eq(ctl.n[MSG_ACCOUNTS], 1);
	shell_fini();
}
END_TEST

START_TEST(only_what_is_missing_is_listed_on_request)
{
	struct msg_list_ask list = { .rows = 256, .is_missing = 1 };
	struct qid qid = { { 0 } };

	begin();
	for (uint32_t i = 1; i <= 3; i++)
		qid = shell_admit(i);
	ck_assert_int_eq(chan_send_list_ask(ctl.chan, &list), ERR_OK);
	shell_run();
	ck_assert_uint_eq(ctl.n[MSG_LIST_ROW], 0);
	ck_assert(core_part_lost(
	    shell.q.core, core_find(shell.q.core, &qid, 0), CAUSE_MISSING));
	ck_assert_int_eq(chan_send_list_ask(ctl.chan, &list), ERR_OK);
	shell_run();
	ck_assert_uint_eq(ctl.n[MSG_LIST_ROW], 1);
	ck_assert_uint_eq(ctl.n[MSG_LIST_END], 2);
	shell_fini();
}
END_TEST

START_TEST(a_pass_is_wanted_only_by_who_asks_for_one)
{
	struct msg_scan_ask ask = { 0 };

	begin();
	ck_assert_int_eq(chan_send_scan_ask(ctl.chan, &ask), ERR_OK);
	shell_run();
	ck_assert_uint_eq(ctl.n[MSG_PASS], 4);
	ck_assert_uint_eq(ctl.n[MSG_SCAN], 1);
	ck_assert_uint_eq(ctl.scan.pass, 1);
	ck_assert_uint_eq(ctl.scan.wanted_index + ctl.scan.wanted_bytes, 0);
	ck_assert_uint_eq(shell.n_rescans + shell.n_byte_rescans, 0);
	ask.wants_index = 1;
	ck_assert_int_eq(chan_send_scan_ask(ctl.chan, &ask), ERR_OK);
	shell_run();
	ck_assert_uint_eq(ctl.scan.wanted_index, SHELL_PASS);
	ck_assert_uint_eq(shell.n_byte_rescans, 0);
	ask = (struct msg_scan_ask){ .wants_bytes = 1 };
	ck_assert_int_eq(chan_send_scan_ask(ctl.chan, &ask), ERR_OK);
	shell_run();
	ck_assert_uint_eq(ctl.scan.wanted_bytes, SHELL_PASS + 1);
	ck_assert_uint_eq(shell.n_rescans, 1);
	shell_fini();
}
END_TEST

/* --- who does not speak --------------------------------------------------- */

START_TEST(who_does_not_say_hello_in_time_is_hung_up_on)
{
	int64_t now_ms;

	begin();
	client_connect(&other);
	shell_run();
	now_ms = loop_now_ms(shell.q.loop);
	shell.q.peers_ms = 0;
	peers_tick(&shell.q, now_ms + PEERS_HELLO_MS - 1000);
	shell_run();
	ck_assert_ptr_nonnull(other.chan);
	shell.q.peers_ms = 0;
	peers_tick(&shell.q, now_ms + PEERS_HELLO_MS);
	shell_run();
	ck_assert_ptr_null(other.chan);
	/* One that has said it may be silent for ever. */
	ck_assert_ptr_nonnull(ctl.chan);
	shell_fini();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("qmgr_control");
	TCase *tc = tcase_create("control");
	SRunner *sr = srunner_create(s);
	int n_failed;

	tcase_add_test(tc, why_tells_parts_then_the_past_then_the_record);
	tcase_add_test(tc, of_a_message_that_is_gone_the_past_is_told);
	tcase_add_test(tc, a_second_question_before_the_answer_is_refused);
	tcase_add_test(tc, too_many_searches_are_refused_and_may_come_again);
	tcase_add_test(
	    tc, when_the_thread_is_busy_the_record_is_not_said_to_be_good);
	tcase_add_test(tc, a_record_comes_with_its_descriptor);
	tcase_add_test(tc, who_leaves_while_the_ledger_is_written_is_forgotten);
	tcase_add_test(tc, who_leaves_during_the_search_is_not_waited_for);
	tcase_add_test(
	    tc, who_leaves_before_the_record_is_open_costs_no_descriptor);
	tcase_add_test(tc, pages_go_on_where_the_last_one_ended);
	tcase_add_test(tc, status_is_one_frame);
	tcase_add_test(tc, only_what_is_missing_is_listed_on_request);
	tcase_add_test(tc, a_pass_is_wanted_only_by_who_asks_for_one);
	tcase_add_test(tc, who_does_not_say_hello_in_time_is_hung_up_on);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	n_failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
