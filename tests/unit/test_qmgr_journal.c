/* SPDX-License-Identifier: BSD-2-Clause */
/* test_qmgr_journal: what is put is durable once, in order, whatever fails. */
#include "qmgr/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/shell.h"
#include "util/base/array.h"

static const struct replay nothing = {
	.next_file = 1, .next_seq = 1, .next_event = 1
};

/* --- what is on disk ------------------------------------------------------ */

/* Entries of all files, as text: P4 is a PART of message 4, N a note, S a
 * segment, | the AUDIT at the end of a batch, / the end of a file. */
struct told {
	char text[1024];
	size_t len;
	struct entry_audit audit; /* the last */
	uint64_t events;
};

static void
tell_entry(struct told *t, const struct ledger_entry *entry)
{
	static const char kinds[] = "?P?NS|M";
	struct entry_part part;

	t->text[t->len++] = kinds[entry->type];
	t->events += entry->stamp.n_events;
	if (entry->type == ENTRY_AUDIT)
		ck_assert_int_eq(entry_parse_audit(&t->audit, entry), ERR_OK);
	if (entry->type != ENTRY_PART)
		return;
	ck_assert_int_eq(entry_parse_part(&part, entry), ERR_OK);
	t->len +=
	    (size_t)snprintf(t->text + t->len, 8, "%u", part.common.qid.b[15]);
}

static void
read_file(struct told *t, uint64_t number)
{
	struct ledger_head head = { .number = number, .kind = LEDGER_LOG };
	char name[LEDGER_NAME_BYTES + 1];
	struct ledgerread *r;
	struct ledgerread_item item = { .kind = LEDGERREAD_GAP };
	int fd;

	ledger_name_format(&head, name);
	fd = openat(ledger_dir.fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	ck_assert_int_eq(ledgerread_new(&r, fd, LEDGERREAD_ALL), ERR_OK);
	while (item.kind != LEDGERREAD_END) {
		ck_assert_int_eq(ledgerread_next(r, &item), ERR_OK);
		if (item.kind == LEDGERREAD_ENTRY)
			tell_entry(t, &item.entry);
	}
	t->text[t->len++] = '/';
	ledgerread_free(&r);
	(void)close(fd);
}

static const char *
read_ledger(struct told *t)
{
	*t = (struct told){ .len = 0 };
	for (uint64_t i = 1; i <= 8; i++)
		read_file(t, i);
	/* The file ahead is empty. */
	while (t->len > 1 && t->text[t->len - 2] == '/')
		t->len--;
	t->text[t->len] = '\0';
	return t->text;
}

static void
put_with_slot(unsigned n)
{
	struct part_state state = shell_part(n, 5, n);
	struct core_freed freed = { .lease = n };

	journal_put_part(journal, &state, STR("reply"), &freed, true);
}

static void
set_up(void)
{
	shell_arm_faults();
	shell_set_up();
	shell_journal_new(&nothing);
}

/* --- the good case -------------------------------------------------------- */

START_TEST(what_is_put_is_durable_with_its_sums)
{
	struct told t;

	shell_admit(shell_part(1, 5, 1));
	shell_admit(shell_part(2, 5, 2));
	shell_put(shell_done(shell_part(1, 5, 1)));
	shell_sync();
	ck_assert_str_eq(read_ledger(&t), "P1P2P1|/");
	ck_assert_uint_eq(t.audit.admitted, 2);
	ck_assert_uint_eq(t.audit.done, 1);
	ck_assert_uint_eq(t.audit.last_lease, 77);
	ck_assert_uint_eq(t.events, 3);
	ck_assert_uint_eq(journal_lag(journal), 0);
}
END_TEST

START_TEST(sums_go_on_from_those_of_the_replay)
{
	struct replay before = { .next_file = 3,
		.next_seq = 10,
		.next_event = 20,
		.done = 7,
		.live = 2 };
	struct told t;
	uint64_t seq, event;

	journal_free(&journal);
	shell_journal_new(&before);
	ck_assert_uint_eq(journal_synced(journal).file, 3);
	shell_admit(shell_part(1, 5, 1));
	shell_sync();
	read_ledger(&t);
	ck_assert_uint_eq(t.audit.admitted, 10);
	ck_assert_uint_eq(t.audit.done, 7);
	journal_next(journal, &seq, &event);
	ck_assert_uint_eq(seq, 12); /* one PART, one AUDIT */
	ck_assert_uint_eq(event, 21);
}
END_TEST

static unsigned order[4], n_order;

struct numbered_wait {
	struct journal_wait wait;
	unsigned number;
};

static void
note_order(struct journal_wait *wait)
{
	order[n_order++] = ((struct numbered_wait *)wait)->number;
	if (n_order == 2)
		loop_stop(loop);
}

START_TEST(waits_end_in_order_once_and_not_when_cancelled)
{
	struct numbered_wait w[3];
	struct told t;

	n_order = 0;
	for (unsigned i = 0; i < COUNT_OF(w); i++) {
		shell_admit(shell_part(i, 5, i));
		w[i] = (struct numbered_wait){ { .done = note_order }, i };
		journal_wait(journal, &w[i].wait);
	}
	journal_cancel(journal, &w[1].wait);
	journal_cancel(journal, &w[1].wait);
	loop_run(loop);
	ck_assert_uint_eq(order[0], 0);
	ck_assert_uint_eq(order[1], 2);
	ck_assert_str_eq(read_ledger(&t), "P0P1P2|/");
}
END_TEST

START_TEST(a_slot_is_freed_when_its_result_is_written)
{
	put_with_slot(1);
	put_with_slot(2);
	shell_put(shell_part(3, 5, 3)); /* goes with no slot */
	ck_assert_uint_eq(n_freed, 0);
	shell_sync();
	ck_assert_uint_eq(n_freed, 2);
}
END_TEST

START_TEST(notes_and_segments_are_put_as_well)
{
	struct entry_note note = { .kind = NOTE_RECOVERED, .text = STR("x") };
	struct entry_segment segment = { .number = 5, .what = SEGMENT_SEALED };
	struct told t;

	journal_put_note(journal, &note);
	journal_put_segment(journal, &segment);
	shell_sync();
	ck_assert_str_eq(read_ledger(&t), "NS|/");
}
END_TEST

START_TEST(the_end_makes_all_durable)
{
	struct told t;

	for (unsigned i = 0; i < 5; i++)
		shell_admit(shell_part(i, 5, i));
	journal_free(&journal);
	ck_assert_ptr_null(journal);
	ck_assert_str_eq(read_ledger(&t), "P0P1P2P3P4|/");
}
END_TEST

/* --- room ----------------------------------------------------------------- */

START_TEST(leases_have_as_much_room_as_two_files)
{
	/* What 512 spare ones need is kept free. */
	uint32_t n = 2 * LEDGER_FILE_BYTES / JOURNAL_RESULT_MAX_BYTES - 512;

	ck_assert(journal_can_lease(journal, 0));
	/* Only one file is there until something was written. */
	shell_admit(shell_part(1, 5, 1));
	shell_sync();
	ck_assert(journal_can_lease(journal, n - 1));
	ck_assert(!journal_can_lease(journal, n + 1));
	ck_assert(journal_can_admit(journal, 0, 1024));
	ck_assert(!journal_can_admit(journal, n + 1, 1024));
}
END_TEST

START_TEST(without_a_file_there_is_no_room_until_there_is_one)
{
	journal_free(&journal);
	atomic_store(&failing_creates, 1);
	shell_journal_new(&nothing);
	ck_assert(!journal_can_lease(journal, 0));
	ck_assert(!journal_can_admit(journal, 0, 0));
	/* Nobody puts anything: it comes by itself. */
	shell_sync();
	while (!journal_can_admit(journal, 0, 0))
		shell_sync();
	ck_assert(journal_can_lease(journal, 0));
	ck_assert_ptr_null(journal_fault(journal));
}
END_TEST

/* --- what fails ----------------------------------------------------------- */

START_TEST(a_failed_write_goes_into_a_new_file)
{
	struct told t;

	shell_admit(shell_part(1, 5, 1));
	shell_sync();
	atomic_store(&failing_writes, 1);
	put_with_slot(2);
	shell_sync();
	ck_assert_str_eq(read_ledger(&t), "P1|/P2|/");
	ck_assert_uint_eq(n_freed, 1);
	ck_assert_uint_eq(n_paused, 1);
	ck_assert_uint_eq(n_resumed, 1);
	ck_assert_ptr_nonnull(journal_fault(journal));
	ck_assert_uint_eq(journal_failures(journal), 1);
	journal_clear_fault(journal);
	ck_assert_ptr_null(journal_fault(journal));
}
END_TEST

START_TEST(a_failed_sync_has_what_it_covered_written_again)
{
	struct told t;

	shell_admit(shell_part(1, 5, 1));
	shell_sync();
	atomic_store(&failing_syncs, 1);
	put_with_slot(2);
	shell_sync();
	/* S2: never synced again, never written again. */
	ck_assert_str_eq(read_ledger(&t), "P1|P2|/P2|/");
	/* The slot was free when it was written; it is told once. */
	ck_assert_uint_eq(n_freed, 1);
	ck_assert_uint_eq(n_paused, 1);
	ck_assert_uint_eq(n_resumed, 1);
	ck_assert_ptr_nonnull(journal_fault(journal));
}
END_TEST

START_TEST(a_slot_is_freed_once_however_often_its_result_is_written)
{
	struct told t;

	/* Just synced: the next batch is written first, and synced later. */
	shell_admit(shell_part(1, 5, 1));
	shell_sync();
	put_with_slot(2);
	loop_run(loop);
	ck_assert_uint_eq(n_freed, 1);
	atomic_store(&failing_syncs, 1);
	shell_sync();
	ck_assert_uint_eq(n_freed, 1);
	ck_assert_str_eq(read_ledger(&t), "P1|P2|/P2|/");
}
END_TEST

START_TEST(no_lease_is_given_while_it_fails)
{
	struct told t;

	shell_admit(shell_part(1, 5, 1));
	shell_sync();
	atomic_store(&failing_writes, 2);
	put_with_slot(2);
	shell_sync();
	ck_assert_uint_eq(n_paused, 1);
	ck_assert_uint_eq(n_resumed, 1);
	ck_assert_uint_eq(journal_failures(journal), 2);
	ck_assert(journal_can_lease(journal, 0));
	read_ledger(&t);
	ck_assert_ptr_nonnull(strstr(t.text, "P2"));
}
END_TEST

START_TEST(the_end_does_not_wait_for_a_disk_that_fails)
{
	atomic_store(&failing_writes, 1000000);
	shell_admit(shell_part(1, 5, 1));
	journal_free(&journal);
	atomic_store(&failing_writes, 0);
	ck_assert_ptr_null(journal);
}
END_TEST

/* --- retiring ------------------------------------------------------------- */

START_TEST(only_files_before_a_position_are_retired)
{
	struct told t;

	for (unsigned i = 1; i <= 3; i++) {
		atomic_store(&failing_writes, i > 1 ? 1 : 0);
		shell_admit(shell_part(i, 5, i));
		shell_sync();
	}
	ck_assert_str_eq(read_ledger(&t), "P1|/P2|/P3|/");
	journal_retire(journal, (struct ledger_pos){ 2, 512 }, NULL, 0);
	journal_free(&journal);
	ck_assert_str_eq(read_ledger(&t), "P2|/P3|/");
}
END_TEST

START_TEST(a_file_that_is_needed_is_not_retired)
{
	uint64_t *keep = calloc(1, sizeof(*keep));
	struct told t;

	ck_assert_ptr_nonnull(keep);
	keep[0] = 1;
	for (unsigned i = 1; i <= 3; i++) {
		atomic_store(&failing_writes, i > 1 ? 1 : 0);
		shell_admit(shell_part(i, 5, i));
		shell_sync();
	}
	journal_retire(journal, (struct ledger_pos){ 3, 512 }, keep, 1);
	journal_free(&journal);
	ck_assert_str_eq(read_ledger(&t), "P1|/P3|/");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("qmgr_journal");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, set_up, shell_tear_down);
	tcase_add_test(tc, what_is_put_is_durable_with_its_sums);
	tcase_add_test(tc, sums_go_on_from_those_of_the_replay);
	tcase_add_test(tc, waits_end_in_order_once_and_not_when_cancelled);
	tcase_add_test(tc, a_slot_is_freed_when_its_result_is_written);
	tcase_add_test(tc, notes_and_segments_are_put_as_well);
	tcase_add_test(tc, the_end_makes_all_durable);
	tcase_add_test(tc, leases_have_as_much_room_as_two_files);
	tcase_add_test(tc, without_a_file_there_is_no_room_until_there_is_one);
	tcase_add_test(tc, a_failed_write_goes_into_a_new_file);
	tcase_add_test(tc, a_failed_sync_has_what_it_covered_written_again);
	tcase_add_test(
	    tc, a_slot_is_freed_once_however_often_its_result_is_written);
	tcase_add_test(tc, no_lease_is_given_while_it_fails);
	tcase_add_test(tc, the_end_does_not_wait_for_a_disk_that_fails);
	tcase_add_test(tc, only_files_before_a_position_are_retired);
	tcase_add_test(tc, a_file_that_is_needed_is_not_retired);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
