/* SPDX-License-Identifier: BSD-2-Clause */
/* test_qmgr_replay: a new core learns from ledger and checkpoint what was. */
#include "qmgr/replay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "qmgr/checkpoint.h"
#include "qmgr/ledgerdir.h"
#include "qmgr/notices.h"
#include "tests/lib/shell.h"

#define SEGMENT 5

static struct checkpoint *checkpoint;
static struct notices *notices; /* of the checkpoint */
static unsigned n_written, n_failed;

/* --- life ----------------------------------------------------------------- */

/* Starts as qmgr does. */
static void
start(struct replay *replay)
{
	ck_assert_int_eq(shell_replay(replay), ERR_OK);
	shell_journal_new(replay);
}

/* The process ends; nothing of it is left but its files. */
static void
die(void)
{
	store_free(&store);
	checkpoint_free(&checkpoint);
	notices_free(&notices);
	journal_free(&journal);
}

static void
restart(struct replay *replay)
{
	die();
	start(replay);
}

static void
set_up(void)
{
	struct replay replay;

	shell_arm_faults();
	shell_set_up();
	start(&replay);
	n_written = n_failed = 0;
}

static void
tear_down(void)
{
	die();
	shell_tear_down();
}

/* Admits message n in the core and in the ledger. */
static struct part_state
admit(unsigned n)
{
	struct part_state state = shell_part(n, SEGMENT, n);

	ck_assert_int_eq(core_restore(core, &state), ERR_OK);
	shell_admit(state);
	return state;
}

static void
change(struct part_state state)
{
	ck_assert_int_eq(core_restore(core, &state), ERR_OK);
	shell_put(state);
}

static bool
get(unsigned n, struct part_state *state)
{
	struct part_state want = shell_part(n, SEGMENT, n);
	uint32_t part = core_find(core, &want.qid, 0);

	return part != 0 && core_part_get(core, part, state);
}

/* --- the ledger alone ----------------------------------------------------- */

START_TEST(an_empty_ledger_begins_at_one)
{
	struct replay replay;

	die();
	ck_assert_int_eq(shell_replay(&replay), ERR_OK);
	ck_assert_uint_eq(replay.next_seq, 1);
	ck_assert_uint_eq(replay.next_event, 1);
	ck_assert_uint_eq(replay.next_checkpoint, 1);
	/* The first start has made a file. */
	ck_assert_uint_eq(replay.next_file, 2);
	ck_assert(!replay.is_damaged && !replay.is_unbalanced);
}
END_TEST

START_TEST(parts_are_as_they_were)
{
	struct part_state state = admit(1);
	struct replay replay;

	state.state = PART_WAITING;
	state.cause = CAUSE_DEFERRED;
	state.tries = 3;
	state.last_code = 450;
	state.first_try_ms = 1700000000000;
	state.last_try_ms = 1700000060000;
	state.due_ms = loop_wall_ms(loop) + 600000;
	change(state);
	admit(2);
	restart(&replay);
	ck_assert_uint_eq(shell_live(), 2);
	ck_assert_uint_eq(replay.live, 2);
	ck_assert_uint_eq(replay.done, 0);
	ck_assert_uint_eq(replay.last_lease, 77);
	/* Q11 */
	ck_assert(get(1, &state));
	ck_assert_uint_eq(state.state, PART_WAITING);
	ck_assert_uint_eq(state.tries, 3);
	ck_assert_uint_eq(state.last_code, 450);
	ck_assert_int_eq(state.first_try_ms, 1700000000000);
	ck_assert_int_eq(state.last_try_ms, 1700000060000);
	ck_assert(get(2, &state));
	ck_assert_uint_eq(state.state, PART_READY);
}
END_TEST

START_TEST(what_is_done_stays_done)
{
	struct replay replay;

	change(shell_done(admit(1)));
	admit(2);
	restart(&replay);
	ck_assert_uint_eq(replay.live, 1);
	ck_assert_uint_eq(replay.done, 1);
	ck_assert_int_eq(core_record_state(core, SEGMENT, 1), CORE_RECORD_DONE);
	ck_assert_int_eq(core_record_state(core, SEGMENT, 2), CORE_RECORD_LIVE);
	ck_assert_int_eq(
	    core_record_state(core, SEGMENT, 3), CORE_RECORD_UNKNOWN);
	/* And again, from all files that there are now. */
	admit(3);
	restart(&replay);
	ck_assert_uint_eq(replay.live, 2);
	ck_assert_uint_eq(replay.done, 1);
	ck_assert(!replay.is_unbalanced && !replay.is_damaged);
}
END_TEST

START_TEST(numbers_go_on)
{
	uint64_t seq, event;
	struct replay replay;

	admit(1);
	admit(2);
	shell_sync();
	journal_next(journal, &seq, &event);
	restart(&replay);
	ck_assert_uint_eq(replay.next_seq, seq);
	ck_assert_uint_eq(replay.next_event, event);
	ck_assert_uint_eq(replay.entries, 3);
}
END_TEST

START_TEST(a_removed_segment_is_forgotten)
{
	struct entry_segment gone = { .number = SEGMENT,
		.what = SEGMENT_UNLINKED };
	struct core_segment_view view;
	struct replay replay;

	change(shell_done(admit(1)));
	journal_put_segment(journal, &gone);
	restart(&replay);
	ck_assert(!core_segment_next(core, 0, &view));
	ck_assert_uint_eq(replay.done, 1);
}
END_TEST

START_TEST(a_removed_segment_proves_that_all_in_it_was_done)
{
	struct entry_segment gone = { .number = SEGMENT,
		.what = SEGMENT_UNLINKED };
	struct core_segment_view view;
	struct replay replay;

	/* The results are in a gap. */
	admit(1);
	admit(2);
	journal_put_segment(journal, &gone);
	restart(&replay);
	ck_assert_uint_eq(shell_live(), 0);
	ck_assert(!core_segment_next(core, 0, &view));
	/* By the entries two were live: that is told. */
	ck_assert(replay.is_unbalanced);
}
END_TEST

/* --- damage --------------------------------------------------------------- */

static int
open_file(enum ledger_kind kind, uint64_t number)
{
	struct ledger_head head = { .number = number, .kind = kind };
	char name[LEDGER_NAME_BYTES + 1];
	int fd;

	ledger_name_format(&head, name);
	fd = openat(ledger_dir.fd, name, O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static void
flip(enum ledger_kind kind, uint64_t number, off_t at)
{
	int fd = open_file(kind, number);
	char c;

	ck_assert_int_eq(pread(fd, &c, 1, at), 1);
	c = (char)~c;
	ck_assert_int_eq(pwrite(fd, &c, 1, at), 1);
	(void)close(fd);
}

START_TEST(a_gap_is_told_and_the_rest_is_read)
{
	struct replay replay;

	admit(1);
	shell_sync();
	admit(2);
	shell_sync();
	admit(3);
	die();
	flip(LEDGER_LOG, 1, 1024 + 100); /* in the second batch */
	ck_assert_int_eq(shell_replay(&replay), ERR_OK);
	ck_assert(replay.is_damaged);
	ck_assert(replay.is_unbalanced);
	ck_assert_uint_eq(shell_live(), 2);
	ck_assert_int_eq(
	    core_record_state(core, SEGMENT, 2), CORE_RECORD_UNKNOWN);
}
END_TEST

START_TEST(a_torn_tail_is_no_alarm)
{
	struct replay replay;

	admit(1);
	shell_sync();
	admit(2);
	die();
	flip(LEDGER_LOG, 1, 1024 + 100);
	ck_assert_int_eq(shell_replay(&replay), ERR_OK);
	ck_assert(!replay.is_damaged && !replay.is_unbalanced);
	ck_assert_uint_eq(shell_live(), 1);
}
END_TEST

START_TEST(a_file_that_is_gone_leaves_a_gap)
{
	struct replay replay;

	admit(1);
	restart(&replay);
	admit(2);
	restart(&replay);
	admit(3);
	die();
	/* 1 and 2 are of the first start, of which 1 was written. */
	ck_assert_int_eq(unlinkat(ledger_dir.fd, "L0000000000000003", 0), 0);
	ck_assert_int_eq(shell_replay(&replay), ERR_OK);
	ck_assert(replay.is_damaged && replay.is_unbalanced);
	ck_assert_uint_eq(shell_live(), 2);
}
END_TEST

START_TEST(a_malformed_file_header_is_damage)
{
	struct replay replay;

	admit(1);
	restart(&replay);
	admit(2);
	die();
	flip(LEDGER_LOG, 1, 3);
	flip(LEDGER_LOG, 1, LEDGER_COPY_AT + 3);
	ck_assert_int_eq(shell_replay(&replay), ERR_OK);
	ck_assert(replay.is_damaged);
	ck_assert_uint_eq(shell_live(), 1);
}
END_TEST

static ssize_t
no_pread(int fd, void *p, size_t n, off_t at)
{
	(void)fd;
	(void)p;
	(void)n;
	(void)at;
	errno = EIO;
	return -1;
}

START_TEST(what_cannot_be_read_stops_the_start)
{
	ssize_t (*pread_before)(int, void *, size_t, off_t) = sys.pread;
	struct replay replay;

	admit(1);
	die();
	sys.pread = no_pread;
	ck_assert_int_eq(shell_replay(&replay), ERR_IO);
	sys.pread = pread_before;
	ck_assert_int_eq(shell_replay(&replay), ERR_OK);
	ck_assert_uint_eq(shell_live(), 1);
}
END_TEST

START_TEST(what_was_not_synced_is_synced_before_it_is_believed)
{
	struct replay replay;

	admit(1);
	die();
	atomic_store(&failing_syncs, 1);
	ck_assert_int_eq(shell_replay(&replay), ERR_IO);
	ck_assert_int_eq(atomic_load(&failing_syncs), 0);
}
END_TEST

/* --- checkpoints ---------------------------------------------------------- */

static void
on_done(void *arg, bool is_ok)
{
	(void)arg;
	if (is_ok)
		n_written++;
	else
		n_failed++;
	loop_stop(loop);
}

static void
new_checkpoint(const struct replay *replay)
{
	struct checkpoint_conf conf = {
		.loop = loop,
		.core = core,
		.journal = journal,
		.ledger_fd = ledger_dir.fd,
		.next_number = replay->next_checkpoint,
		.last_number = replay->checkpoint,
		.last_begin = replay->checkpoint_begin,
		.last_bytes = replay->checkpoint_bytes,
		.done = on_done,
	};

	notices_free(&notices);
	notices = notices_new(ledger_dir.fd);
	conf.notices = notices;
	shell_store_new();
	conf.store = store;
	checkpoint = checkpoint_new(&conf);
}

static void
write_checkpoint(const struct replay *replay)
{
	if (checkpoint == NULL)
		new_checkpoint(replay);
	checkpoint_begin(checkpoint);
	loop_run(loop);
}

static size_t
count_files(enum ledger_kind kind)
{
	struct ledgerdir l;
	size_t n;

	ck_assert_int_eq(ledgerdir_list(&l, ledger_dir.fd, kind), ERR_OK);
	n = l.n;
	ledgerdir_fini(&l);
	return n;
}

START_TEST(a_checkpoint_holds_all_there_is)
{
	struct replay replay = { .next_checkpoint = 1 };
	uint64_t seq, event;
	struct part_state state;

	change(shell_done(admit(1)));
	state = admit(2);
	state.tries = 4;
	state.state = PART_WAITING;
	state.due_ms = loop_wall_ms(loop) + 600000;
	change(state);
	write_checkpoint(&replay);
	ck_assert_uint_eq(n_written, 1);
	journal_next(journal, &seq, &event);
	restart(&replay);
	ck_assert_uint_eq(replay.checkpoint, 1);
	ck_assert_uint_eq(replay.next_checkpoint, 2);
	ck_assert_uint_eq(replay.live, 1);
	ck_assert_uint_eq(replay.done, 1);
	ck_assert_uint_eq(replay.next_seq, seq);
	ck_assert_uint_eq(replay.next_event, event);
	ck_assert(!replay.is_damaged && !replay.is_unbalanced);
	ck_assert_int_eq(core_record_state(core, SEGMENT, 1), CORE_RECORD_DONE);
	ck_assert(get(2, &state));
	ck_assert_uint_eq(state.tries, 4);
}
END_TEST

START_TEST(numbers_go_on_from_a_checkpoint_alone)
{
	struct replay replay;
	uint64_t seq, event;

	admit(1);
	restart(&replay);
	journal_next(journal, &seq, &event);
	/* Nothing is written to the ledger by this process. */
	write_checkpoint(&replay);
	restart(&replay);
	ck_assert_uint_eq(replay.next_seq, seq);
	ck_assert_uint_eq(replay.next_event, event);
	ck_assert_uint_eq(replay.live, 1);
	ck_assert(!replay.is_damaged && !replay.is_unbalanced);
}
END_TEST

START_TEST(what_came_behind_a_checkpoint_is_read_too)
{
	struct replay replay = { .next_checkpoint = 1 };

	admit(1);
	write_checkpoint(&replay);
	change(shell_done(shell_part(1, SEGMENT, 1)));
	admit(2);
	restart(&replay);
	ck_assert_uint_eq(replay.live, 1);
	ck_assert_uint_eq(replay.done, 1);
	ck_assert(!replay.is_damaged && !replay.is_unbalanced);
}
END_TEST

START_TEST(many_parts_take_many_slices_and_batches)
{
	enum { N = 24000 };
	struct replay replay = { .next_checkpoint = 1 };

	for (unsigned n = 1; n <= N; n++) {
		struct part_state state = admit(n);

		if (n % 3 == 0)
			change(shell_done(state));
	}
	write_checkpoint(&replay);
	ck_assert_uint_gt(checkpoint_bytes(checkpoint), 1u << 20);
	restart(&replay);
	ck_assert_uint_eq(replay.live, N - N / 3);
	ck_assert_uint_eq(replay.done, N / 3);
	ck_assert(!replay.is_damaged && !replay.is_unbalanced);
	for (unsigned n = 1; n <= N; n++)
		ck_assert_int_eq(core_record_state(core, SEGMENT, n),
		    n % 3 == 0 ? CORE_RECORD_DONE : CORE_RECORD_LIVE);
	ck_assert_ptr_null(core_check(core));
}
END_TEST

START_TEST(two_checkpoints_are_kept_and_the_ledger_from_the_older)
{
	struct replay replay = { .next_checkpoint = 1 };

	for (unsigned n = 1; n <= 4; n++) {
		admit(n);
		write_checkpoint(&replay);
		restart(&replay);
		ck_assert_uint_eq(replay.checkpoint, n);
		ck_assert_uint_eq(replay.live, n);
	}
	ck_assert_uint_eq(count_files(LEDGER_CHECKPOINT), 2);
	/* Two each of: before the third, after it, after the fourth. */
	ck_assert_uint_le(count_files(LEDGER_LOG), 6);
}
END_TEST

START_TEST(a_malformed_checkpoint_is_passed_over)
{
	struct replay replay = { .next_checkpoint = 1 };

	admit(1);
	write_checkpoint(&replay);
	admit(2);
	write_checkpoint(&replay);
	admit(3);
	die();
	flip(LEDGER_CHECKPOINT, 2, 512 + 60);
	ck_assert_int_eq(shell_replay(&replay), ERR_OK);
	ck_assert_uint_eq(replay.checkpoint, 1);
	ck_assert_uint_eq(replay.next_checkpoint, 3);
	ck_assert_uint_eq(replay.live, 3);
	ck_assert(!replay.is_unbalanced);
	/* And both: then all files are read. */
	flip(LEDGER_CHECKPOINT, 1, 512 + 60);
	ck_assert_int_eq(shell_replay(&replay), ERR_OK);
	ck_assert_uint_eq(replay.checkpoint, 0);
	ck_assert_uint_eq(replay.live, 3);
	ck_assert(!replay.is_damaged && !replay.is_unbalanced);
}
END_TEST

START_TEST(a_checkpoint_cut_short_is_passed_over)
{
	struct replay replay = { .next_checkpoint = 1 };
	int fd;

	for (unsigned n = 1; n <= 12000; n++)
		admit(n);
	write_checkpoint(&replay);
	die();
	/* A whole batch is lost, with the mark of the end in it. */
	fd = open_file(LEDGER_CHECKPOINT, 1);
	ck_assert_int_eq(ftruncate(fd, 1 << 20), 0);
	(void)close(fd);
	ck_assert_int_eq(shell_replay(&replay), ERR_OK);
	ck_assert_uint_eq(replay.checkpoint, 0);
	ck_assert_uint_eq(replay.live, 12000);
}
END_TEST

START_TEST(a_checkpoint_that_cannot_be_written_is_told)
{
	struct replay replay = { .next_checkpoint = 1 };

	admit(1);
	shell_sync();
	new_checkpoint(&replay);
	atomic_store(&failing_writes, 1);
	checkpoint_begin(checkpoint);
	loop_run(loop);
	ck_assert_uint_eq(n_failed, 1);
	write_checkpoint(&replay);
	ck_assert_uint_eq(n_written, 1);
	restart(&replay);
	ck_assert_uint_eq(replay.checkpoint, 2);
	ck_assert_uint_eq(replay.live, 1);
}
END_TEST

START_TEST(one_that_is_given_up_leaves_nothing_behind)
{
	struct replay replay = { .next_checkpoint = 1 };

	admit(1);
	new_checkpoint(&replay);
	checkpoint_begin(checkpoint);
	checkpoint_begin(checkpoint);
	loop_run(loop);
	ck_assert_uint_eq(n_written, 1);
	ck_assert_uint_eq(n_failed, 0);
	ck_assert_uint_eq(count_files(LEDGER_CHECKPOINT), 1);
}
END_TEST

START_TEST(a_fault_of_the_ledger_is_over_with_a_checkpoint_behind_it)
{
	struct replay replay = { .next_checkpoint = 1 };

	admit(1);
	shell_sync();
	new_checkpoint(&replay);
	checkpoint_tick(checkpoint, loop_now_ms(loop));
	atomic_store(&failing_syncs, 1);
	admit(2);
	shell_sync();
	ck_assert_ptr_nonnull(journal_fault(journal));
	/* It begins by itself. */
	checkpoint_tick(checkpoint, loop_now_ms(loop));
	loop_run(loop);
	ck_assert_uint_eq(n_written, 1);
	ck_assert_ptr_null(journal_fault(journal));
	restart(&replay);
	ck_assert_uint_eq(replay.live, 2);
	ck_assert(!replay.is_damaged && !replay.is_unbalanced);
}
END_TEST

/* --- orders --------------------------------------------------------------- */

/* In the core and in the ledger. */
static void
give(uint64_t number, enum order_kind kind, enum order_stage stage)
{
	const struct order order = { .number = number,
		.at_ms = 1700000000000,
		.covers_ms = 1700000000001,
		.kind = (uint8_t)kind,
		.stage = (uint8_t)stage,
		.match = { .tenant = STR("acme") },
		.by = STR("alice"),
		.why = STR("because") };

	ck_assert_int_eq(core_restore_order(core, &order), ERR_OK);
	journal_put_policy(journal, &order);
}

static void
check_order(uint64_t number, uint32_t held, bool is_in_hand)
{
	struct core_order_view view;

	ck_assert(core_order_get(core, number, &view));
	ck_assert_uint_eq(view.held, held);
	ck_assert_int_eq(view.is_in_hand, is_in_hand);
	ck_assert(str_eq(view.order.match.tenant, STR("acme")));
	ck_assert(str_eq(view.order.by, STR("alice")));
	ck_assert(str_eq(view.order.why, STR("because")));
	ck_assert_int_eq(view.order.covers_ms, 1700000000001);
}

static void
give_all(void)
{
	struct part_state state = admit(1);

	give(1, ORDER_HOLD, ORDER_BEGUN);
	state.state = PART_HELD;
	state.cause = CAUSE_OPERATOR;
	state.order = 1;
	change(state);
	give(1, ORDER_HOLD, ORDER_OVER);
	give(2, ORDER_SUSPEND, ORDER_BEGUN);
	give(3, ORDER_SUSPEND, ORDER_BEGUN);
	give(3, ORDER_RESUME, ORDER_OVER);
	give(4, ORDER_CANCEL, ORDER_BEGUN);
}

static void
check_all(void)
{
	struct part_state state;

	check_order(1, 1, false);
	check_order(2, 0, false);
	check_order(4, 0, true);
	ck_assert(get(1, &state));
	ck_assert_uint_eq(state.state, PART_HELD);
	ck_assert_uint_eq(state.order, 1);
}

START_TEST(orders_are_as_they_were)
{
	struct replay replay = { .next_checkpoint = 1 };

	give_all();
	restart(&replay);
	check_all();
	/* From a checkpoint alone, and then from both. */
	write_checkpoint(&replay);
	restart(&replay);
	check_all();
	give(4, ORDER_CANCEL, ORDER_OVER);
	restart(&replay);
	check_order(1, 1, false);
	check_order(4, 0, false);
	ck_assert(!replay.is_damaged && !replay.is_unbalanced);
}
END_TEST

START_TEST(many_orders_take_many_slices)
{
	enum { N = 3000 };
	struct replay replay = { .next_checkpoint = 1 };

	for (unsigned i = 1; i <= N; i++)
		give(i, ORDER_HOLD, ORDER_BEGUN);
	write_checkpoint(&replay);
	ck_assert_uint_eq(n_written, 1);
	restart(&replay);
	ck_assert_uint_eq(replay.checkpoint, 1);
	for (unsigned i = 1; i <= N; i++)
		check_order(i, 0, true);
}
END_TEST

START_TEST(an_order_that_cannot_be_is_damage)
{
	struct replay replay;
	const struct order order = {
		.number = UINT64_MAX, .kind = ORDER_HOLD, .stage = ORDER_BEGUN
	};

	journal_put_policy(journal, &order);
	restart(&replay);
	ck_assert(replay.is_damaged);
}
END_TEST

static void
add_order_tests(TCase *tc)
{
	tcase_add_test(tc, orders_are_as_they_were);
	tcase_add_test(tc, many_orders_take_many_slices);
	tcase_add_test(tc, an_order_that_cannot_be_is_damage);
}

static void
add_tests(TCase *tc)
{
	tcase_add_test(tc, an_empty_ledger_begins_at_one);
	tcase_add_test(tc, parts_are_as_they_were);
	tcase_add_test(tc, what_is_done_stays_done);
	tcase_add_test(tc, numbers_go_on);
	tcase_add_test(tc, a_removed_segment_is_forgotten);
	tcase_add_test(tc, a_removed_segment_proves_that_all_in_it_was_done);
	tcase_add_test(tc, a_gap_is_told_and_the_rest_is_read);
	tcase_add_test(tc, a_torn_tail_is_no_alarm);
	tcase_add_test(tc, a_file_that_is_gone_leaves_a_gap);
	tcase_add_test(tc, a_malformed_file_header_is_damage);
	tcase_add_test(tc, what_cannot_be_read_stops_the_start);
	tcase_add_test(tc, what_was_not_synced_is_synced_before_it_is_believed);
}

static void
add_checkpoint_tests(TCase *tc)
{
	tcase_add_test(tc, a_checkpoint_holds_all_there_is);
	tcase_add_test(tc, numbers_go_on_from_a_checkpoint_alone);
	tcase_add_test(tc, what_came_behind_a_checkpoint_is_read_too);
	tcase_add_test(tc, many_parts_take_many_slices_and_batches);
	tcase_add_test(
	    tc, two_checkpoints_are_kept_and_the_ledger_from_the_older);
	tcase_add_test(tc, a_malformed_checkpoint_is_passed_over);
	tcase_add_test(tc, a_checkpoint_cut_short_is_passed_over);
	tcase_add_test(tc, a_checkpoint_that_cannot_be_written_is_told);
	tcase_add_test(tc, one_that_is_given_up_leaves_nothing_behind);
	tcase_add_test(
	    tc, a_fault_of_the_ledger_is_over_with_a_checkpoint_behind_it);
}

int
main(void)
{
	Suite *suite = suite_create("qmgr_replay");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	add_tests(tc);
	add_checkpoint_tests(tc);
	add_order_tests(tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
