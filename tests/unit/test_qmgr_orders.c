/* SPDX-License-Identifier: BSD-2-Clause */
/* test_qmgr_orders: orders of persons, from the socket to ledger and back. */
#include "qmgr/orders.h"

#include <stdlib.h>

#include "tests/lib/scene.h"
#include "util/text/jsonread.h"

#define PID 2000

static struct client ctl;

static void
begin(void)
{
	shell_begin();
	shell_start();
	client_hello(&ctl, PEER_CTL, 0, PID);
}

static void
ask(const struct msg_order_ask *ask)
{
	ck_assert_int_eq(chan_send_order_ask(ctl.chan, ask), ERR_OK);
	shell_run();
}

/* The frames of an answer's text are gone when it is looked at: the test of the
 * whole relay reads it. */
static struct msg_order_ask
order(enum order_kind kind, const struct qid *qid)
{
	struct msg_order_ask m = { .kind = (uint8_t)kind,
		.by = STR("alice"),
		.why = STR("she \"said\" so") };

	if (qid != NULL)
		m.qid = *qid;
	else
		m.queue = STR("example.*");
	return m;
}

START_TEST(the_answer_comes_when_all_is_durable)
{
	struct msg_order_ask hold;
	struct qid qid;

	begin();
	qid = shell_admit(1);
	hold = order(ORDER_HOLD, NULL);
	ask(&hold);
	ck_assert_int_eq(shell_state(&qid), PART_HELD);
	ck_assert_uint_eq(ctl.n[MSG_ANSWER], 0);
	ck_assert_uint_eq(shell.n_orders, 2);
	ck_assert_uint_eq(shell.last_order.stage, ORDER_OVER);
	ck_assert_uint_eq(shell.last_order.uid, getuid());
	ck_assert_uint_eq(shell.last_part.order, 1);
	shell_sync();
	ck_assert_uint_eq(ctl.n[MSG_ANSWER], 1);
	ck_assert_uint_eq(ctl.answer.status, 0);
	ck_assert_uint_eq(ctl.answer.n, 1);
	ck_assert(list_is_empty(&shell.q.orders));
	shell_fini();
}
END_TEST

START_TEST(an_order_goes_on_when_who_gave_it_has_left)
{
	struct msg_order_ask hold;
	struct qid qid;

	begin();
	qid = shell_admit(1);
	hold = order(ORDER_HOLD, NULL);
	ck_assert_int_eq(chan_send_order_ask(ctl.chan, &hold), ERR_OK);
	ck_assert_int_eq(chan_flush(ctl.chan), ERR_OK);
	chan_free(&ctl.chan);
	shell_run();
	ck_assert_int_eq(shell_state(&qid), PART_HELD);
	ck_assert_uint_eq(shell.q.orders.n, 1);
	shell_sync();
	ck_assert(list_is_empty(&shell.q.orders));
	shell_fini();
}
END_TEST

static struct str
fact(const struct json_t *facts, const char *key)
{
	return jsonread_str(jsonread_get(facts, key));
}

START_TEST(facts_tell_who_and_why)
{
	struct msg_order_ask cancel;
	struct json_t *facts;
	struct qid qid;

	begin();
	qid = shell_admit(1);
	cancel = order(ORDER_CANCEL, &qid);
	ask(&cancel);
	ck_assert_uint_eq(shell.last_part.state, PART_DONE);
	ck_assert_uint_gt(shell.last_facts.len, 0);
	ck_assert_int_eq(
	    jsonread_new(&facts, orders_facts(&shell.q, 1)), ERR_OK);
	ck_assert(str_eq(fact(facts, "command"), STR("cancel")));
	ck_assert(str_eq(fact(facts, "by"), STR("alice")));
	ck_assert(str_eq(fact(facts, "why"), STR("she \"said\" so")));
	ck_assert_int_eq(jsonread_num(jsonread_get(facts, "order")), 1);
	ck_assert_int_eq(
	    jsonread_num(jsonread_get(facts, "uid")), (int64_t)getuid());
	jsonread_free(&facts);
	ck_assert_uint_eq(orders_facts(&shell.q, 99).len, 0);
	shell_sync();
	shell_fini();
}
END_TEST

START_TEST(the_longest_texts_find_room_in_facts)
{
	static char bytes[ORDER_TEXT_MAX_BYTES];
	struct msg_order_ask cancel;
	struct qid qid;

	/* Each of these bytes takes six in JSON. */
	memset(bytes, 1, sizeof(bytes));
	begin();
	qid = shell_admit(1);
	cancel = order(ORDER_CANCEL, &qid);
	cancel.why = (struct str){ bytes, sizeof(bytes) };
	cancel.by = (struct str){ bytes, ORDER_BY_MAX_BYTES };
	ask(&cancel);
	ck_assert_uint_gt(
	    orders_facts(&shell.q, 1).len, 6 * ORDER_TEXT_MAX_BYTES);
	shell_sync();
	shell_fini();
}
END_TEST

START_TEST(what_cannot_be_done_is_refused)
{
	static const struct {
		enum order_kind kind;
		unsigned status;
	} cases[] = { { ORDER_HOLD, 100 }, { ORDER_RELEASE, 100 },
		{ ORDER_CANCEL, 100 }, { ORDER_SUSPEND, 100 },
		{ ORDER_RESUME, 100 }, { ORDER_MOVE, 100 },
		{ ORDER_NONE, 100 } };
	struct msg_order_ask m = { .number = 7 };
	struct qid qid;

	begin();
	qid = shell_admit(1);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		m = (struct msg_order_ask){ .kind = (uint8_t)cases[i].kind };
		ask(&m);
		ck_assert_uint_eq(ctl.n[MSG_ANSWER], i + 1);
		ck_assert_uint_eq(ctl.answer.status, cases[i].status);
	}
	m.kind = ORDER_RESUME;
	m.number = 7;
	ask(&m);
	ck_assert_uint_eq(ctl.answer.status, 1);
	qid.b[0] ^= 1;
	m = order(ORDER_RETRY, &qid);
	ask(&m);
	ck_assert_uint_eq(ctl.answer.status, 1);
	ck_assert(list_is_empty(&shell.q.orders));
	ck_assert_uint_eq(shell.n_orders, 0);
	shell_fini();
}
END_TEST

START_TEST(a_suspension_is_answered_ended_and_answered)
{
	struct msg_order_ask m;

	begin();
	m = order(ORDER_SUSPEND, NULL);
	m.for_ms = 1000;
	ask(&m);
	ck_assert_uint_eq(shell.n_orders, 1);
	ck_assert_int_gt(shell.last_order.until_ms, 0);
	shell_sync();
	ck_assert_uint_eq(ctl.answer.status, 0);
	/* Two wait for their answers under one number. */
	m.for_ms = 0;
	ask(&m);
	m.kind = ORDER_RESUME;
	ask(&m);
	ck_assert_uint_eq(shell.q.orders.n, 2);
	shell_sync();
	ck_assert_uint_eq(ctl.n[MSG_ANSWER], 3);
	ck_assert_uint_eq(ctl.answer.status, 0);
	ck_assert(list_is_empty(&shell.q.orders));
	shell_fini();
}
END_TEST

static void
list(uint64_t after, enum order_kind kind, uint32_t rows)
{
	struct msg_orders_ask m = {
		.after = after, .kind = (uint8_t)kind, .rows = rows
	};

	ctl.n[MSG_ORDER_ROW] = ctl.n[MSG_ORDERS_END] = 0;
	ck_assert_int_eq(chan_send_orders_ask(ctl.chan, &m), ERR_OK);
	shell_run();
	ck_assert_uint_eq(ctl.n[MSG_ORDERS_END], 1);
}

START_TEST(lists_show_what_is_needed)
{
	struct msg_order_ask m;

	begin();
	(void)shell_admit(1);
	m = order(ORDER_HOLD, NULL);
	ask(&m);
	m = order(ORDER_SUSPEND, NULL);
	ask(&m);
	m.queue = STR("other.*");
	ask(&m);
	/* Over, and kept for its number alone. */
	m = order(ORDER_RETRY, NULL);
	ask(&m);
	shell_sync();
	list(0, ORDER_NONE, ORDERS_ROWS_MAX);
	ck_assert_uint_eq(ctl.n[MSG_ORDER_ROW], 3);
	list(0, ORDER_SUSPEND, ORDERS_ROWS_MAX);
	ck_assert_uint_eq(ctl.n[MSG_ORDER_ROW], 2);
	list(0, ORDER_SUSPEND, 1);
	ck_assert_uint_eq(ctl.n[MSG_ORDER_ROW], 1);
	list(2, ORDER_SUSPEND, 1);
	ck_assert_uint_eq(ctl.n[MSG_ORDER_ROW], 1);
	list(3, ORDER_SUSPEND, 1);
	ck_assert_uint_eq(ctl.n[MSG_ORDER_ROW], 0);
	shell_fini();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { the_answer_comes_when_all_is_durable,
		an_order_goes_on_when_who_gave_it_has_left,
		facts_tell_who_and_why, the_longest_texts_find_room_in_facts,
		what_cannot_be_done_is_refused,
		a_suspension_is_answered_ended_and_answered,
		lists_show_what_is_needed };
	Suite *suite = suite_create("qmgr_orders");
	TCase *tc = tcase_create("qmgr_orders");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	for (size_t i = 0; i < COUNT_OF(tests); i++)
		tcase_add_test(tc, tests[i]);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
