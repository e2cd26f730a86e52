/* SPDX-License-Identifier: BSD-2-Clause */
/* test_qmgr_worker: leases in the hands of workers that die, lie, and hang. */
#include "qmgr/worker.h"

#include <stdlib.h>

#include "tests/lib/scene.h"

#define PID 1000
#define GARBAGE_ROUNDS 300
#define GARBAGE_FRAMES 40

static struct client worker, other;

static void
begin(void)
{
	shell_begin();
	shell_start();
}

/* A worker with one connection, and a lease on it. */
static struct qid
begin_leased(void)
{
	struct qid qid;

	begin();
	client_worker(&worker, PID);
	qid = shell_admit(1);
	client_up(&worker);
	return qid;
}

static bool
slot_is_filled(unsigned i)
{
	struct slot_page *page;
	struct slot slot;
	bool is_filled;

	ck_assert_int_eq(slot_page_map(&page, shell.slots_fd), ERR_OK);
	is_filled = slot_get(page, i, &slot);
	slot_page_free(&page);
	return is_filled;
}

/* --- the life of a lease -------------------------------------------------- */

START_TEST(a_slot_is_free_once_the_result_is_written_not_before)
{
	struct qid qid = begin_leased();

	ck_assert_uint_eq(worker.n[MSG_SEGMENT_FD], 1);
	ck_assert_uint_eq(worker.n[MSG_LEASE], 1);
	ck_assert(slot_is_filled(worker.lease.slot));
	ck_assert_uint_eq(shell.q.n_leases, 1);
	client_result(&worker, OUTCOME_TRIED);
	ck_assert_int_eq(shell_state(&qid), PART_DONE);
	ck_assert_uint_eq(shell.last_part.state, PART_DONE);
	ck_assert_uint_eq(shell.last_facts.len, 5);
	ck_assert_uint_eq(shell.q.n_leases, 0);
	ck_assert_uint_eq(shell.n_places, 0);
	ck_assert(slot_is_filled(worker.lease.slot));
	ck_assert_uint_eq(worker.n[MSG_RESULT_ACK], 0);
	shell_write();
	ck_assert(!slot_is_filled(worker.lease.slot));
	ck_assert_uint_eq(worker.n[MSG_RESULT_ACK], 1);
	ck_assert_uint_eq(worker.ack.lease, worker.lease.lease);
	shell_fini();
}
END_TEST

START_TEST(a_segment_is_sent_once_for_each_use_of_its_place)
{
	begin_leased();
	(void)shell_admit(2);
	ck_assert_uint_eq(worker.n[MSG_LEASE], 2);
	ck_assert_uint_eq(worker.n[MSG_SEGMENT_FD], 1);
	shell.generation++;
	client_result(&worker, OUTCOME_TRIED);
	(void)shell_admit(3);
	ck_assert_uint_eq(worker.n[MSG_LEASE], 3);
	ck_assert_uint_eq(worker.n[MSG_SEGMENT_FD], 2);
	shell_fini();
}
END_TEST

START_TEST(a_result_sent_twice_is_acknowledged_twice_and_counts_once)
{
	begin_leased();
	client_result(&worker, OUTCOME_TRIED);
	client_result(&worker, OUTCOME_TRIED);
	ck_assert_uint_eq(shell.n_parts, 1);
	ck_assert_uint_eq(worker.n[MSG_RESULT_ACK], 1);
	shell_write();
	ck_assert_uint_eq(worker.n[MSG_RESULT_ACK], 2);
	shell_fini();
}
END_TEST

START_TEST(a_damaged_record_is_told_to_the_store)
{
	struct qid qid = begin_leased();

	client_result(&worker, OUTCOME_DAMAGED);
	ck_assert_uint_eq(shell.n_damaged, 1);
	ck_assert_int_eq(shell_state(&qid), PART_HELD);
	shell_fini();
}
END_TEST

/* --- descriptors that come late or never ---------------------------------- */

START_TEST(a_descriptor_that_comes_after_the_worker_died_is_given_back)
{
	struct qid qid;

	begin();
	shell.is_slow = true;
	client_worker(&worker, PID);
	qid = shell_admit(1);
	client_up(&worker);
	ck_assert_uint_eq(shell.n_opens, 1);
	ck_assert(slot_is_filled(0));
	client_hang_up(&worker);
	ck_assert_int_eq(shell_state(&qid), PART_READY);
	/* The store still has it: the slot is not used again before. */
	ck_assert(slot_is_filled(0));
	shell_open(ERR_OK);
	ck_assert(!slot_is_filled(0));
	ck_assert_uint_eq(shell.n_places, 0);
	ck_assert_uint_eq(shell.q.n_leases, 0);
	/* Nobody was told of it; the next worker gets it. */
	ck_assert_uint_eq(worker.n[MSG_LEASE], 0);
	shell.is_slow = false;
	client_worker(&other, PID + 1);
	client_up(&other);
	ck_assert_uint_eq(other.n[MSG_LEASE], 1);
	shell_fini();
}
END_TEST

START_TEST(a_segment_that_cannot_be_opened_now_is_tried_later)
{
	struct qid qid;

	begin();
	shell.is_slow = true;
	client_worker(&worker, PID);
	qid = shell_admit(1);
	client_up(&worker);
	shell_open(ERR_IO);
	ck_assert_int_eq(shell_state(&qid), PART_WAITING);
	ck_assert_uint_eq(shell.q.n_leases, 0);
	ck_assert_uint_eq(worker.n[MSG_LEASE], 0);
	shell_write();
	ck_assert(!slot_is_filled(0));
	shell_fini();
}
END_TEST

START_TEST(a_file_that_is_no_segment_holds_its_parts)
{
	struct qid qid;

	begin();
	shell.is_slow = true;
	client_worker(&worker, PID);
	qid = shell_admit(1);
	client_up(&worker);
	shell_open(ERR_SYNTAX);
	ck_assert_int_eq(shell_state(&qid), PART_HELD);
	shell_fini();
}
END_TEST

/* --- workers that go ------------------------------------------------------ */

START_TEST(what_a_dead_worker_held_goes_to_the_next)
{
	struct qid qid = begin_leased();

	client_hang_up(&worker);
	ck_assert_int_eq(shell_state(&qid), PART_READY);
	ck_assert(!slot_is_filled(0));
	ck_assert_uint_eq(shell.n_places, 0);
	ck_assert_uint_eq(shell.n_kills, 0);
	client_worker(&other, PID + 1);
	client_up(&other);
	ck_assert_uint_eq(other.n[MSG_LEASE], 1);
	ck_assert_uint_gt(other.lease.lease, worker.lease.lease);
	shell_fini();
}
END_TEST

START_TEST(one_that_hung_up_and_lives_is_killed)
{
	struct qid qid;

	begin();
	client_worker(&worker, PID);
	qid = shell_admit(1);
	client_up(&worker);
	ck_assert_int_eq(shell_state(&qid), PART_LEASED);
	client_hang_up(&worker);
	ck_assert_int_eq(shell_state(&qid), PART_READY);
	client_worker(&worker, PID);
	ck_assert_ptr_null(worker.chan);
	ck_assert_uint_eq(shell.n_kills, 1);
	client_worker(&other, PID + 1);
	ck_assert_ptr_nonnull(other.chan);
	ck_assert_uint_eq(shell.n_kills, 1);
	shell_fini();
}
END_TEST

START_TEST(a_successor_waits_for_the_last_words_of_the_one_before)
{
	struct qid qid = begin_leased();
	struct qpeer *old = shell.q.workers[1]->peer;

	/* Its successor is heard first. */
	chan_pause(old->chan, true);
	client_result(&worker, OUTCOME_TRIED);
	client_hang_up(&worker);
	client_worker(&other, PID + 1);
	ck_assert_ptr_null(other.chan);
	ck_assert_int_eq(shell_state(&qid), PART_LEASED);
	chan_pause(old->chan, false);
	shell_run();
	ck_assert_int_eq(shell_state(&qid), PART_DONE);
	client_worker(&other, PID + 1);
	ck_assert_ptr_nonnull(other.chan);
	ck_assert_uint_eq(shell.n_kills, 0);
	shell_fini();
}
END_TEST

START_TEST(one_that_broke_the_protocol_keeps_its_lease_until_it_is_dead)
{
	struct msg_status_ask wrong = { 0 };
	struct qid qid = begin_leased();

	ck_assert_int_eq(chan_send_status_ask(worker.chan, &wrong), ERR_OK);
	shell_run();
	ck_assert_ptr_null(worker.chan);
	ck_assert_uint_eq(shell.n_kills, 1);
	ck_assert_uint_eq(shell.killed, 1);
	/* It may still be sending. */
	ck_assert_int_eq(shell_state(&qid), PART_LEASED);
	/* Nothing more is for it, in however many turns. */
	(void)shell_admit(2);
	ck_assert_uint_eq(shell_leased(), 1);
	/* The same process comes back: it is to be killed again. */
	client_worker(&worker, PID);
	ck_assert_ptr_null(worker.chan);
	ck_assert_uint_eq(shell.n_kills, 2);
	ck_assert_int_eq(shell_state(&qid), PART_LEASED);
	/* Its successor's hello says that it is dead. */
	client_worker(&other, PID + 1);
	ck_assert_ptr_nonnull(other.chan);
	ck_assert_int_eq(shell_state(&qid), PART_READY);
	client_up(&other);
	ck_assert_uint_eq(other.n[MSG_LEASE], 2);
	shell_fini();
}
END_TEST

START_TEST(a_descriptor_for_one_that_was_cut_off_brings_the_lease_back)
{
	struct msg_status_ask wrong = { 0 };
	struct qid qid;

	begin();
	shell.is_slow = true;
	client_worker(&worker, PID);
	qid = shell_admit(1);
	client_up(&worker);
	ck_assert_int_eq(chan_send_status_ask(worker.chan, &wrong), ERR_OK);
	shell_run();
	ck_assert_int_eq(shell_state(&qid), PART_LEASED);
	/* It was never sent. */
	shell_open(ERR_OK);
	ck_assert_int_eq(shell_state(&qid), PART_READY);
	ck_assert_uint_eq(shell.n_places, 0);
	shell_fini();
}
END_TEST

/* --- leases from before --------------------------------------------------- */

/* What a predecessor filled: block 1, in slot 3. */
static void
begin_restored(void)
{
	struct slot_page *page;
	struct slot slot = {
		.lease = 77, .segment = SHELL_SEGMENT, .block = 1
	};

	shell_begin();
	slot.qid = shell_qid(1);
	ck_assert_int_eq(slot_page_map(&page, shell.slots_fd), ERR_OK);
	slot_fill(page, 3, &slot);
	slot_page_free(&page);
	shell_start();
	ck_assert_uint_eq(shell.q.n_leases, 1);
}

static void
hold_restored(void)
{
	struct msg_hold_lease hold = { .slot = 3, .lease = 77 };
	struct msg_hold_end end = { 0 };

	client_hello(&worker, PEER_DELIVER, 1, PID);
	ck_assert_int_eq(chan_send_hold_lease(worker.chan, &hold), ERR_OK);
	ck_assert_int_eq(chan_send_hold_end(worker.chan, &end), ERR_OK);
	shell_run();
	worker.lease.slot = 3;
	worker.lease.lease = 77;
}

START_TEST(a_result_before_its_record_is_kept_until_that_is_admitted)
{
	struct qid qid;

	begin_restored();
	hold_restored();
	client_result(&worker, OUTCOME_TRIED);
	ck_assert_uint_eq(shell.q.kept.n, 1);
	worker_retry_kept(&shell.q);
	ck_assert_uint_eq(shell.q.kept.n, 1);
	ck_assert_uint_eq(shell.n_parts, 0);
	qid = shell_admit(1);
	ck_assert_int_eq(shell_state(&qid), PART_LEASED);
	worker_retry_kept(&shell.q);
	shell_run();
	ck_assert_int_eq(shell_state(&qid), PART_DONE);
	ck_assert_uint_eq(shell.q.kept.n, 0);
	shell_write();
	ck_assert_uint_eq(worker.n[MSG_RESULT_ACK], 1);
	ck_assert(!slot_is_filled(3));
	shell_fini();
}
END_TEST

START_TEST(a_kept_result_outlives_the_connection_that_it_came_by)
{
	struct msg_status_ask wrong = { 0 };
	struct qid qid;

	begin_restored();
	hold_restored();
	client_result(&worker, OUTCOME_DAMAGED);
	ck_assert_int_eq(chan_send_status_ask(worker.chan, &wrong), ERR_OK);
	shell_run();
	ck_assert_ptr_null(worker.chan);
	worker_retry_kept(&shell.q);
	qid = shell_admit(1);
	worker_retry_kept(&shell.q);
	shell_run();
	ck_assert_int_eq(shell_state(&qid), PART_HELD);
	/* Segment and block are those of the slot. */
	ck_assert_uint_eq(shell.n_damaged, 1);
	shell_write();
	worker_retry_kept(&shell.q);
	shell_fini();
}
END_TEST

START_TEST(what_the_worker_does_not_hold_is_taken_back_kept_or_not)
{
	begin_restored();
	client_hello(&worker, PEER_DELIVER, 1, PID);
	worker.lease.slot = 3;
	worker.lease.lease = 77;
	client_result(&worker, OUTCOME_TRIED);
	ck_assert_uint_eq(shell.q.kept.n, 1);
	ck_assert_int_eq(
	    chan_send_hold_end(worker.chan, &(struct msg_hold_end){ 0 }),
	    ERR_OK);
	shell_run();
	ck_assert_uint_eq(shell.q.kept.n, 0);
	ck_assert_uint_eq(shell.q.n_leases, 0);
	ck_assert(!slot_is_filled(3));
	shell_fini();
}
END_TEST

START_TEST(two_slots_with_one_lease_are_one_lease)
{
	struct slot_page *page;
	struct slot slot = { .lease = 77, .segment = 1, .block = 1 };

	shell_begin();
	ck_assert_int_eq(slot_page_map(&page, shell.slots_fd), ERR_OK);
	slot_fill(page, 0, &slot);
	slot_fill(page, 1, &slot);
	slot_page_free(&page);
	shell_start();
	ck_assert_uint_eq(shell.q.n_leases, 1);
	ck_assert(slot_is_filled(0) != slot_is_filled(1));
	shell_fini();
}
END_TEST

/* --- lies ----------------------------------------------------------------- */

static void
assert_cut(void)
{
	shell_run();
	ck_assert_ptr_null(worker.chan);
	ck_assert_uint_eq(shell.n_kills, 1);
	shell_fini();
}

static struct msg_result
result_of_lease(void)
{
	return (struct msg_result){ .conn = worker.lease.conn,
		.slot = worker.lease.slot,
		.lease = worker.lease.lease,
		.qid = worker.lease.qid };
}

START_TEST(a_result_for_a_slot_that_is_none_ends_the_connection)
{
	static const uint16_t slots[] = { SHELL_SLOTS, UINT16_MAX };
	struct msg_result m;

	begin_leased();
	m = result_of_lease();
	m.slot = slots[_i];
	ck_assert_int_eq(chan_send_result(worker.chan, &m), ERR_OK);
	assert_cut();
}
END_TEST

START_TEST(holding_a_slot_that_is_none_ends_the_connection)
{
	static const uint16_t slots[] = { SHELL_SLOTS, UINT16_MAX };
	struct msg_hold_lease m = { .slot = slots[_i], .lease = 1 };

	begin();
	client_hello(&worker, PEER_DELIVER, 1, PID);
	ck_assert_int_eq(chan_send_hold_lease(worker.chan, &m), ERR_OK);
	assert_cut();
}
END_TEST

START_TEST(a_list_that_ends_within_a_recipient_ends_the_connection)
{
	static char bytes[2048];
	struct outbuf list = { bytes, 0, sizeof(bytes) };
	struct msg_rcpt_result rcpt = { .verdict = VERDICT_DELIVERED };
	struct msg_result m;
	unsigned n = 0;

	begin_leased();
	m = result_of_lease();
	while (msg_rcpt_result_list_put(&list, &rcpt) == ERR_OK)
		n++;
	/* A frame has room for as many as a part may have. */
	ck_assert_uint_eq(n, PART_RCPTS_MAX);
	m.rcpts = outbuf_str(&list);
	ck_assert_int_eq(chan_send_result(worker.chan, &m), ERR_OK);
	shell_run();
	ck_assert_ptr_nonnull(worker.chan);
	m.rcpts.len--;
	ck_assert_int_eq(chan_send_result(worker.chan, &m), ERR_OK);
	assert_cut();
}
END_TEST

START_TEST(wrong_leases_connections_and_recipients_are_shrugged_off)
{
	char bytes[64];
	struct outbuf list = { bytes, 0, sizeof(bytes) };
	struct msg_rcpt_result rcpt = { .rcpt = 255,
		.verdict = VERDICT_BOUNCED };
	struct msg_conn_down down = { .conn = 4711, .why = CONN_LOST };
	struct msg_conn_up up = { .conn = 4711 };
	struct msg_hold_lease hold = { .slot = 1, .lease = 4711 };
	struct msg_hold_conn conn = { .conn = 0 };
	struct msg_hold_end end = { 0 };
	struct qid qid = begin_leased();
	struct msg_result m = result_of_lease();

	m.lease = UINT64_MAX;
	ck_assert_int_eq(chan_send_result(worker.chan, &m), ERR_OK);
	m.lease = 0;
	ck_assert_int_eq(chan_send_result(worker.chan, &m), ERR_OK);
	ck_assert_int_eq(chan_send_conn_down(worker.chan, &down), ERR_OK);
	ck_assert_int_eq(chan_send_conn_up(worker.chan, &up), ERR_OK);
	ck_assert_int_eq(chan_send_hold_lease(worker.chan, &hold), ERR_OK);
	ck_assert_int_eq(chan_send_hold_conn(worker.chan, &conn), ERR_OK);
	ck_assert_int_eq(chan_send_hold_end(worker.chan, &end), ERR_OK);
	shell_run();
	ck_assert_ptr_nonnull(worker.chan);
	ck_assert_uint_eq(worker.n[MSG_RESULT_ACK], 2);
	ck_assert_uint_eq(worker.n[MSG_CONN_CLOSE], 2);
	ck_assert_int_eq(shell_state(&qid), PART_LEASED);
	/* A recipient that the part does not have. */
	ck_assert_int_eq(msg_rcpt_result_list_put(&list, &rcpt), ERR_OK);
	m = result_of_lease();
	m.rcpts = outbuf_str(&list);
	ck_assert_int_eq(chan_send_result(worker.chan, &m), ERR_OK);
	shell_run();
	ck_assert_int_eq(shell_state(&qid), PART_WAITING);
	ck_assert_uint_eq(shell.n_kills, 0);
	shell_fini();
}
END_TEST

START_TEST(a_worker_that_is_none_is_not_let_in)
{
	static const uint32_t numbers[] = { 0, 2, 255 };

	begin();
	client_hello(&worker, PEER_DELIVER, numbers[_i], PID);
	ck_assert_ptr_null(worker.chan);
	ck_assert_uint_eq(shell.n_kills, 0);
	ck_assert(list_is_empty(&shell.q.peers));
	shell_fini();
}
END_TEST

START_TEST(frames_before_hello_and_a_second_hello_end_the_connection)
{
	struct msg_hold_end end = { 0 };
	struct msg_hello hello = { .role = PEER_CTL };

	begin();
	client_connect(&worker);
	ck_assert_int_eq(chan_send_hold_end(worker.chan, &end), ERR_OK);
	shell_run();
	ck_assert_ptr_null(worker.chan);
	client_hello(&worker, PEER_CTL, 0, PID);
	ck_assert_int_eq(chan_send_hello(worker.chan, &hello), ERR_OK);
	shell_run();
	ck_assert_ptr_null(worker.chan);
	ck_assert_uint_eq(shell.n_kills, 0);
	shell_fini();
}
END_TEST

/* Marsaglia's xorshift, with a fixed seed: a failure repeats. */
static uint32_t
draw(uint32_t n)
{
	static uint32_t x = 2463534242u;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x % n;
}

/* Mostly what could be, sometimes what cannot. */
static uint32_t
draw_number(uint32_t usual)
{
	return draw(40) == 0 ? UINT32_MAX - draw(2) : draw(usual);
}

static void
send_result(struct client *c)
{
	char bytes[64];
	struct outbuf list = { bytes, 0, sizeof(bytes) };
	struct msg_rcpt_result rcpt = { .rcpt = (uint16_t)draw(3),
		.verdict = (uint8_t)draw(VERDICT_N),
		.needs_notice = (uint8_t)draw(2) };
	struct msg_result m = { .conn = draw_number(4),
		.slot = (uint16_t)draw_number(SHELL_SLOTS),
		.lease = draw(2) == 0 ? c->lease.lease : draw_number(50),
		.outcome = (uint8_t)draw(OUTCOME_N),
		.is_doubtful = (uint8_t)draw(2),
		.is_after_mail = (uint8_t)draw(2) };

	ck_assert_int_eq(msg_rcpt_result_list_put(&list, &rcpt), ERR_OK);
	m.rcpts = outbuf_str(&list);
	ck_assert_int_eq(chan_send_result(c->chan, &m), ERR_OK);
}

static void
send_conn(struct client *c)
{
	uint32_t conn = draw(2) == 0 ? c->conn_open.conn : draw_number(1000);
	struct msg_conn_up up = { .conn = conn };
	struct msg_conn_down down = { .conn = conn,
		.why = (uint8_t)draw(CONN_WHY_N),
		.stage = (uint8_t)draw(STAGE_N),
		.wait_ms = draw_number(100),
		.text = STR("mad") };
	struct msg_hold_conn hold = { .conn = conn,
		.source = STR("default"),
		.provider = draw(3) == 0 ? STR("") : STR("relay") };
	enum err err;

	if (draw(20) == 0)
		err = chan_send_conn_down(c->chan, &down);
	else if (draw(10) == 0)
		err = chan_send_hold_conn(c->chan, &hold);
	else
		err = chan_send_conn_up(c->chan, &up);
	ck_assert_int_eq(err, ERR_OK);
}

static void
send_something(struct client *c)
{
	struct msg_hold_lease hold = { .slot =
		                           (uint16_t)draw_number(SHELL_SLOTS),
		.lease = draw_number(50) };
	struct msg_hold_end end = { 0 };
	enum err err = ERR_OK;

	switch (draw(6)) {
	case 0:
		err = chan_send_hold_lease(c->chan, &hold);
		break;
	case 1:
		err = chan_send_hold_end(c->chan, &end);
		break;
	case 2:
	case 3:
		send_result(c);
		break;
	case 4:
	case 5:
		send_conn(c);
		break;
	}
	ck_assert_int_eq(err, ERR_OK);
}

/* Sites that are down are up again, parts that wait are due. */
static void
retry_all(void)
{
	const struct order all = { .kind = ORDER_RETRY };
	uint64_t number;

	turn_begin(&shell.q);
	ck_assert_int_eq(core_order(shell.q.core, &all, &number), ERR_OK);
	turn_act(&shell.q);
	shell_run();
}

/* Connections come and go, under old and new pids; what is written and opened
 * comes late. All that a process says is looked at, and nothing of it ends us
 * or loses a part. */
START_TEST(a_mad_worker_harms_nobody)
{
	uint32_t block = 0;

	begin();
	for (uint32_t round = 0; round < GARBAGE_ROUNDS; round++) {
		shell.is_slow = draw(2) == 0;
		if (worker.chan == NULL)
			client_worker(&worker, PID + round / 2);
		if (block < 200)
			(void)shell_admit(++block);
		for (uint32_t n = draw(GARBAGE_FRAMES);
		     n > 0 && worker.chan != NULL; n--) {
			send_something(&worker);
			if (draw(2) == 0)
				shell_run();
		}
		shell_open(draw(3) == 0 ? ERR_IO : ERR_OK);
		shell_write();
		worker_retry_kept(&shell.q);
		if (draw(4) == 0)
			client_hang_up(&worker);
		retry_all();
	}
	ck_assert(core_audit(shell.q.core));
	ck_assert_uint_gt(shell.n_kills, 10);
	ck_assert_uint_gt(shell.n_parts, 50);
	client_hang_up(&worker);
	shell_fini();
}
END_TEST

/* --- back-pressure -------------------------------------------------------- */

START_TEST(no_lease_is_given_while_the_ledger_has_no_room_for_its_result)
{
	struct qid qid;

	begin();
	client_worker(&worker, PID);
	shell.is_ledger_full = true;
	qid = shell_admit(1);
	ck_assert_int_eq(shell_state(&qid), PART_READY);
	ck_assert_uint_eq(worker.n[MSG_CONN_OPEN], 0);
	shell.is_ledger_full = false;
	turn_begin(&shell.q);
	shell_run();
	client_up(&worker);
	ck_assert_int_eq(shell_state(&qid), PART_LEASED);
	shell_fini();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("qmgr_worker");
	TCase *tc = tcase_create("worker");
	SRunner *sr = srunner_create(s);
	int n_failed;

	tcase_add_test(
	    tc, a_slot_is_free_once_the_result_is_written_not_before);
	tcase_add_test(tc, one_that_hung_up_and_lives_is_killed);
	tcase_add_test(tc, a_segment_is_sent_once_for_each_use_of_its_place);
	tcase_add_test(
	    tc, a_result_sent_twice_is_acknowledged_twice_and_counts_once);
	tcase_add_test(tc, a_damaged_record_is_told_to_the_store);
	tcase_add_test(
	    tc, a_descriptor_that_comes_after_the_worker_died_is_given_back);
	tcase_add_test(tc, a_segment_that_cannot_be_opened_now_is_tried_later);
	tcase_add_test(tc, a_file_that_is_no_segment_holds_its_parts);
	tcase_add_test(tc, what_a_dead_worker_held_goes_to_the_next);
	tcase_add_test(
	    tc, a_successor_waits_for_the_last_words_of_the_one_before);
	tcase_add_test(
	    tc, one_that_broke_the_protocol_keeps_its_lease_until_it_is_dead);
	tcase_add_test(
	    tc, a_descriptor_for_one_that_was_cut_off_brings_the_lease_back);
	tcase_add_test(
	    tc, a_result_before_its_record_is_kept_until_that_is_admitted);
	tcase_add_test(
	    tc, a_kept_result_outlives_the_connection_that_it_came_by);
	tcase_add_test(
	    tc, what_the_worker_does_not_hold_is_taken_back_kept_or_not);
	tcase_add_test(tc, two_slots_with_one_lease_are_one_lease);
	tcase_add_loop_test(
	    tc, a_result_for_a_slot_that_is_none_ends_the_connection, 0, 2);
	tcase_add_loop_test(
	    tc, holding_a_slot_that_is_none_ends_the_connection, 0, 2);
	tcase_add_test(
	    tc, a_list_that_ends_within_a_recipient_ends_the_connection);
	tcase_add_test(
	    tc, wrong_leases_connections_and_recipients_are_shrugged_off);
	tcase_add_loop_test(tc, a_worker_that_is_none_is_not_let_in, 0, 3);
	tcase_add_test(
	    tc, frames_before_hello_and_a_second_hello_end_the_connection);
	tcase_add_test(tc, a_mad_worker_harms_nobody);
	tcase_add_test(
	    tc, no_lease_is_given_while_the_ledger_has_no_room_for_its_result);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	n_failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
