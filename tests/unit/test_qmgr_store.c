/* SPDX-License-Identifier: BSD-2-Clause */
/* test_qmgr_store: what lies in the spool is found, kept, and removed when it
 * is done and not before. */
#include "qmgr/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "qmgr/store_int.h"
#include "tests/lib/shellstore.h"
#include "util/spool/segread.h"

/* --- what is found -------------------------------------------------------- */

START_TEST(an_empty_spool_has_room_and_nothing_else)
{
	struct store_stats stats;

	shell_store_new();
	stats = get_stats();
	ck_assert_uint_gt(stats.free_bytes, 0);
	ck_assert_uint_gt(stats.free_inodes, 0);
	ck_assert(!stats.is_read_only);
	await(is_passed);
	stats = get_stats();
	ck_assert_uint_eq(stats.segments, 0);
	ck_assert_uint_eq(stats.recovered, 0);
}
END_TEST

static bool
is_three_recovered(void)
{
	return get_stats().recovered == 3;
}

START_TEST(records_that_the_core_does_not_know_are_found)
{
	uint64_t number = make(&deferred_dir, 3, true);

	shell_store_new();
	await(is_three_recovered);
	ck_assert_uint_eq(n_found, 3);
	ck_assert_uint_eq(shell_live(), 3);
	ck_assert_int_eq(core_record_state(core, number, 3), CORE_RECORD_LIVE);
}
END_TEST

START_TEST(what_is_known_is_not_found_again)
{
	uint64_t number = make(&deferred_dir, 3, true);

	for (unsigned i = 1; i <= 3; i++)
		know(number, i);
	finish(number, 2);
	shell_store_new();
	await(is_passed);
	ck_assert_uint_eq(n_found, 0);
	ck_assert_uint_eq(get_stats().missing, 0);
	ck_assert_uint_eq(get_stats().segments, 1);
	ck_assert_int_ge(open_segment(&deferred_dir, number), 0);
}
END_TEST

START_TEST(what_waits_for_room_is_not_found)
{
	(void)make(&deferred_dir, 3, true);
	is_unadmitted = true;
	shell_store_new();
	await(is_passed);
	(void)store_rescan(store);
	await(is_passed);
	ck_assert_uint_eq(n_found, 0);
	ck_assert_uint_eq(get_stats().recovered, 0);
}
END_TEST

START_TEST(there_is_no_room_for_what_was_found)
{
	(void)make(&deferred_dir, 1, true);
	found_answer = ERR_FULL;
	shell_store_new();
	await(is_one_found);
	ck_assert_uint_eq(get_stats().recovered, 0);
	ck_assert_uint_eq(shell_live(), 0);
}
END_TEST

START_TEST(an_admit_without_its_head_is_read)
{
	uint64_t number = make(&deferred_dir, 2, true);

	know(number, 1);
	is_unadmitted = true; /* so the scan keeps its hands off it */
	shell_store_new();
	store_read_record(store, number, 2);
	store_read_record(store, number, 7); /* no such record */
	store_read_record(store, 4711, 1);   /* no such segment */
	await(is_one_found);
	ck_assert_uint_eq(n_found, 1);
	/* It was announced. */
	ck_assert_uint_eq(get_stats().recovered, 0);
	ck_assert_uint_eq(shell_live(), 2);
}
END_TEST

/* --- segments that are being written -------------------------------------- */

START_TEST(a_lost_writer_s_segment_is_sealed_and_read)
{
	uint64_t number = make(&incoming_dir, 2, false);
	struct segment_head head;
	int fd;

	shell_store_new();
	await(is_moved);
	ck_assert_uint_eq(get_stats().recovered, 2);
	ck_assert_uint_eq(shell_live(), 2);
	fd = open_segment(&deferred_dir, number);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(segread_head(fd, &head), ERR_OK);
	ck_assert_int_eq(segread_is_sealed(fd, &head, NULL), ERR_OK);
	(void)close(fd);
}
END_TEST

static struct segment *writing;
static struct page *writer_page;

/* An smtpd at work: message 1 and 2 are appended, 1 is published. */
static void
begin_writing(void)
{
	int fd;

	ck_assert_int_eq(page_create(&fd), ERR_OK);
	ck_assert_int_eq(page_map(&writer_page, fd, true), ERR_OK);
	ck_assert_int_eq(page_map(&smtpd_page, fd, false), ERR_OK);
	(void)close(fd);
	page_begin(writer_page, 1, 1);
	writing = create(&incoming_dir, 0);
	(void)append(writing, 1);
	page_set_segment(writer_page, 0,
	    &(struct page_segment){
	        segment_get_number(writing), segment_get_bytes(writing) });
	(void)append(writing, 2);
}

static void
end_writing(void)
{
	segment_free(&writing);
	page_free(&writer_page);
	page_free(&smtpd_page);
}

START_TEST(what_is_synced_of_a_segment_is_read_and_no_more)
{
	begin_writing();
	shell_store_new();
	await(is_one_found);
	ck_assert_int_eq(
	    core_record_state(core, segment_get_number(writing), 1),
	    CORE_RECORD_LIVE);
	ck_assert_int_eq(
	    core_record_state(core, segment_get_number(writing), 2),
	    CORE_RECORD_UNKNOWN);
	ck_assert_uint_eq(n_found, 1);
	/* Then the writer goes on, and the walk goes on behind it. */
	page_set_synced(writer_page, 0, segment_get_bytes(writing));
	n_found = 0;
	await(is_one_found);
	ck_assert_uint_eq(get_stats().recovered, 2);
	ck_assert_uint_eq(shell_live(), 2);
	end_writing();
}
END_TEST

static int64_t admit_ms;

/* The admit of message 1 comes a little after the walk has seen it. */
static bool
is_admitted_late(void)
{
	if (admit_ms == 0 && get_stats().segments == 1) {
		know(segment_get_number(writing), 1);
		admit_ms = loop_now_ms(loop);
	}
	/* Some scans later all that was pending is decided. */
	return admit_ms != 0 && loop_now_ms(loop) > admit_ms + 3 * scan_ms;
}

START_TEST(an_admit_on_its_way_is_not_taken_for_lost)
{
	begin_writing();
	admit_ms = 0;
	scan_ms = 1000; /* longer than a busy machine holds us up */
	shell_store_new();
	await(is_admitted_late);
	ck_assert_uint_eq(n_found, 0);
	ck_assert_uint_eq(get_stats().recovered, 0);
	end_writing();
}
END_TEST

START_TEST(a_segment_that_its_writer_does_not_list_is_not_looked_at)
{
	struct segment *seg = create(&incoming_dir, 0);

	(void)append(seg, 1);
	(void)make(&deferred_dir, 1, true); /* something to wait for */
	shell_store_new();
	await(is_one_found);
	ck_assert_int_eq(core_record_state(core, segment_get_number(seg), 1),
	    CORE_RECORD_UNKNOWN);
	ck_assert_uint_eq(n_found, 1);
	segment_free(&seg);
}
END_TEST

START_TEST(a_record_in_a_file_of_its_own_is_found)
{
	struct segment *seg = create(&deferred_dir, SEGMENT_OWN);
	struct spool_message m;
	char content[3 * BLOCK];

	memset(content, 'x', sizeof(content));
	spool_message_init(&m, 1, (struct str){ content, sizeof(content) });
	ck_assert_int_eq(segment_own_write(seg, &m.piece, 1), ERR_OK);
	ck_assert_int_eq(segment_own_finish(seg, &m.record), ERR_OK);
	ck_assert_int_eq(segment_seal(seg), ERR_OK);
	shell_store_new();
	await(is_one_found);
	ck_assert_int_eq(
	    core_record_state(core, segment_get_number(seg), m.record.block),
	    CORE_RECORD_LIVE);
	segment_free(&seg);
}
END_TEST

/* --- moving and removing -------------------------------------------------- */

START_TEST(a_sealed_segment_with_mail_in_it_goes_to_deferred)
{
	uint64_t number = make(&incoming_dir, 2, true);

	know(number, 1);
	know(number, 2);
	finish(number, 1);
	shell_store_new();
	await(is_moved);
	ck_assert_uint_eq(spool_dir_visit(&incoming_dir, false), 0);
	ck_assert_uint_eq(n_found, 0);
}
END_TEST

START_TEST(a_finished_segment_is_removed)
{
	uint64_t number = make(&incoming_dir, 2, true);
	struct core_segment_view view;
	struct replay replay;

	for (unsigned i = 1; i <= 2; i++) {
		know(number, i);
		finish(number, i);
	}
	shell_store_new();
	await(is_all_removed);
	store_free(&store);
	ck_assert(!core_segment_next(core, 0, &view));
	journal_free(&journal);
	/* The ledger says so. */
	ck_assert_int_eq(shell_replay(&replay), ERR_OK);
	ck_assert(!core_segment_next(core, 0, &view));
	ck_assert_uint_eq(replay.done, 2);
}
END_TEST

START_TEST(a_segment_that_is_finished_later_is_removed_then)
{
	uint64_t number = make(&incoming_dir, 2, true);

	know(number, 1);
	know(number, 2);
	finish(number, 1);
	shell_store_new();
	await(is_moved);
	finish(number, 2);
	await(is_forgotten);
	ck_assert(is_all_removed());
}
END_TEST

static bool
is_passed_and_one_scan(void)
{
	return passes() > 0 && loop_now_ms(loop) > admit_ms + 300;
}

START_TEST(nothing_is_removed_while_the_ledger_has_a_fault)
{
	uint64_t number = make(&incoming_dir, 1, true);

	know(number, 1);
	finish(number, 1);
	atomic_store(&failing_syncs, 1);
	shell_sync();
	ck_assert_ptr_nonnull(journal_fault(journal));
	shell_store_new();
	admit_ms = loop_now_ms(loop);
	await(is_passed_and_one_scan);
	ck_assert(!is_all_removed());
	journal_clear_fault(journal);
	await(is_all_removed);
}
END_TEST

START_TEST(a_segment_with_an_unknown_record_is_not_removed)
{
	uint64_t number = make(&incoming_dir, 2, true);

	know(number, 1);
	finish(number, 1);
	is_unadmitted = true;
	shell_store_new();
	admit_ms = loop_now_ms(loop);
	await(is_passed_and_one_scan);
	ck_assert_int_ge(open_segment(&incoming_dir, number), 0);
}
END_TEST

static int
no_unlinkat(int dir, const char *name, int flags)
{
	(void)dir;
	(void)name;
	(void)flags;
	errno = EIO;
	return -1;
}

START_TEST(what_cannot_be_removed_stays_known)
{
	int (*before)(int, const char *, int) = sys.unlinkat;
	uint64_t number = make(&incoming_dir, 1, true);

	know(number, 1);
	finish(number, 1);
	sys.unlinkat = no_unlinkat;
	shell_store_new();
	admit_ms = loop_now_ms(loop);
	await(is_passed_and_one_scan);
	store_free(&store);
	sys.unlinkat = before;
	ck_assert_int_eq(core_record_state(core, number, 1), CORE_RECORD_DONE);
	ck_assert(!is_all_removed());
}
END_TEST

/* The part of message n is held for that. */
static void
ck_held(uint64_t segment, uint32_t block, enum part_cause cause)
{
	struct part_state state;

	ck_assert(core_part_get(
	    core, core_segment_part(core, segment, block), &state));
	ck_assert_uint_eq(state.block, block);
	ck_assert_uint_eq(state.state, PART_HELD);
	ck_assert_uint_eq(state.cause, cause);
}

/* --- damage --------------------------------------------------------------- */

static bool
is_missing(void)
{
	return get_stats().missing > 0;
}

static bool
is_passed_twice(void)
{
	return passes() > 1;
}

START_TEST(a_record_that_is_not_where_it_was_is_missing)
{
	uint64_t seq, event, event_now;
	uint64_t number = make(&deferred_dir, 2, true);

	know(number, 1);
	know(number, 2);
	know(number, 7);
	know(number, 9);
	journal_next(journal, &seq, &event);
	shell_store_new();
	await(is_passed);
	ck_assert_uint_eq(get_stats().missing, 2);
	journal_next(journal, &seq, &event_now);
	ck_assert_uint_eq(event_now, event + 2);
	/* Told once, not in each pass. */
	(void)store_rescan(store);
	await(is_passed_twice);
	ck_assert_uint_eq(get_stats().missing, 2);
	journal_next(journal, &seq, &event_now);
	ck_assert_uint_eq(event_now, event + 2);
	/* Kept, for a person. */
	ck_assert_uint_eq(shell_live(), 4);
	ck_held(number, 9, CAUSE_MISSING);
}
END_TEST

START_TEST(a_segment_that_is_gone_has_all_its_mail_missing)
{
	know(4711, 1);
	know(4711, 2);
	shell_store_new();
	await(is_missing);
	await(is_passed);
	ck_assert_uint_eq(get_stats().missing, 2);
	ck_assert_uint_eq(shell_live(), 2);
}
END_TEST

START_TEST(a_segment_that_is_gone_with_nothing_in_it_is_forgotten)
{
	struct core_segment_view view;

	know(4711, 1);
	finish(4711, 1);
	shell_store_new();
	await(is_passed);
	ck_assert_uint_eq(get_stats().missing, 0);
	ck_assert(!core_segment_next(core, 0, &view));
}
END_TEST

START_TEST(a_malformed_record_is_set_aside_and_the_rest_is_found)
{
	uint64_t number = make(&incoming_dir, 3, false);

	/* The header of the second: its writer is lost, so a footer is made
	 * without it. */
	flip(&incoming_dir, number, 2 * BLOCK + 40);
	shell_store_new();
	await(is_moved);
	ck_assert_uint_eq(get_stats().recovered, 2);
	ck_assert_uint_eq(get_stats().quarantined, 1);
	ck_assert_uint_eq(spool_dir_visit(&quarantine_dir, false), 2);
	ck_assert_uint_eq(get_stats().missing, 0);
}
END_TEST

static bool
is_quarantined(void)
{
	return get_stats().quarantined > 0;
}

START_TEST(content_that_a_worker_found_damaged_is_set_aside_once)
{
	uint64_t number = make(&deferred_dir, 2, true);

	know(number, 1);
	know(number, 2);
	flip(&deferred_dir, number, 2 * BLOCK + 300);
	shell_store_new();
	store_damaged(store, number, 2);
	await(is_quarantined);
	store_damaged(store, number, 2);
	await(is_passed);
	ck_assert_uint_eq(get_stats().quarantined, 1);
	ck_assert_uint_eq(spool_dir_visit(&quarantine_dir, false), 2);
	ck_assert_int_ge(open_segment(&deferred_dir, number), 0);
}
END_TEST

START_TEST(a_file_that_is_no_segment_is_left_alone)
{
	uint64_t number = make(&deferred_dir, 1, true);

	know(number, 1);
	flip(&deferred_dir, number, 3);
	flip(&deferred_dir, number, SEGMENT_COPY_AT + 3);
	shell_store_new();
	await(is_passed);
	ck_assert_uint_eq(n_found, 0);
	ck_assert_uint_eq(get_stats().last_index.foreign, 1);
	ck_assert_int_ge(open_segment(&deferred_dir, number), 0);
	ck_held(number, 1, CAUSE_DAMAGED);
}
END_TEST

START_TEST(a_damaged_header_whose_copy_is_good_costs_nothing)
{
	uint64_t number = make(&deferred_dir, 3, true);

	know(number, 1);
	flip(&deferred_dir, number, 3);
	shell_store_new();
	await(is_passed);
	ck_assert_uint_eq(get_stats().last_index.foreign, 0);
	ck_assert_uint_eq(get_stats().missing, 0);
	ck_assert_uint_eq(shell_live(), 3);
}
END_TEST

/* A pipe would hold up whoever opens it. */
START_TEST(what_is_no_file_is_no_segment)
{
	ck_assert_int_eq(
	    mkfifoat(deferred_dir.fd, "00000000000000f1", 0600), 0);
	ck_assert_int_eq(
	    symlinkat("/dev/zero", deferred_dir.fd, "00000000000000f2"), 0);
	ck_assert_int_eq(mkdirat(deferred_dir.fd, "00000000000000f3", 0700), 0);
	shell_store_new();
	await(is_passed);
	ck_assert_uint_eq(get_stats().last_index.foreign, 3);
	ck_assert_uint_eq(get_stats().last_index.unreadable, 0);
	ck_assert_int_eq(
	    unlinkat(deferred_dir.fd, "00000000000000f3", AT_REMOVEDIR), 0);
}
END_TEST

static void
touch(const struct spool_dir *dir, const char *name)
{
	int fd = openat(dir->fd, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	(void)close(fd);
}

START_TEST(names_that_are_none_of_ours_are_told)
{
	touch(&incoming_dir, "core.123");
	touch(&deferred_dir, "0123");
	touch(&ledger_dir, "L01");
	/* One that will have its name soon. */
	touch(&incoming_dir, ".00000000000000f1.new");
	shell_store_new();
	await(is_passed);
	ck_assert_uint_eq(get_stats().last_index.foreign, 3);
	ck_assert_uint_eq(get_stats().last_index.segments, 0);
}
END_TEST

/* What lies under the name is another segment: its own is gone. */
START_TEST(a_segment_under_the_name_of_another_is_not_taken_for_it)
{
	uint64_t first = make(&deferred_dir, 1, true);
	uint64_t second = make(&deferred_dir, 1, true);
	char from[SEGNAME_BYTES + 1], to[SEGNAME_BYTES + 1];

	know(first, 1);
	know(second, 1);
	segname_format(first, from);
	segname_format(second, to);
	ck_assert_int_eq(
	    renameat(deferred_dir.fd, from, deferred_dir.fd, to), 0);
	shell_store_new();
	await(is_passed);
	ck_assert_uint_eq(get_stats().missing, 2);
	ck_assert_uint_eq(get_stats().last_index.foreign, 1);
	ck_held(first, 1, CAUSE_MISSING);
	ck_held(second, 1, CAUSE_MISSING);
	/* It gets its name back. */
	ck_assert_int_eq(
	    renameat(deferred_dir.fd, to, deferred_dir.fd, from), 0);
	(void)store_rescan(store);
	await(is_passed_twice);
	ck_assert_uint_eq(get_stats().missing, 1);
	ck_assert(
	    !core_part_is_missing(core, core_segment_part(core, first, 1)));
	ck_held(second, 1, CAUSE_MISSING);
}
END_TEST

START_TEST(a_segment_in_both_directories_is_not_removed)
{
	uint64_t number = make(&deferred_dir, 1, true);
	char name[SEGNAME_BYTES + 1];

	know(number, 1);
	finish(number, 1);
	segname_format(number, name);
	ck_assert_int_eq(
	    linkat(deferred_dir.fd, name, incoming_dir.fd, name, 0), 0);
	shell_store_new();
	await(is_passed);
	(void)store_rescan(store);
	await(is_passed_twice);
	ck_assert_uint_eq(get_stats().last_index.foreign, 1);
	ck_assert_int_ge(open_segment(&deferred_dir, number), 0);
	ck_assert_int_eq(unlinkat(incoming_dir.fd, name, 0), 0);
	(void)store_rescan(store);
	await(is_all_removed);
}
END_TEST

/* More parts than one visit may hold, all of them in one pass. */
START_TEST(a_large_segment_that_is_gone_has_all_its_mail_held)
{
	const unsigned n = VISIT_HOLDS_MAX + 3;

	for (unsigned i = 1; i <= n; i++)
		know(4711, i);
	shell_store_new();
	await(is_passed);
	ck_assert_uint_eq(get_stats().missing, n);
	(void)store_rescan(store);
	await(is_passed_twice);
	ck_held(4711, 1, CAUSE_MISSING);
	ck_held(4711, n, CAUSE_MISSING);
}
END_TEST

static ssize_t (*real_pread)(int, void *, size_t, off_t);
static atomic_int failing_reads;

static ssize_t
shell_pread(int fd, void *p, size_t n, off_t at)
{
	return is_failing(&failing_reads) ? -1 : real_pread(fd, p, n, at);
}

START_TEST(what_cannot_be_read_is_no_damage)
{
	uint64_t number = make(&deferred_dir, 2, true);

	know(number, 1);
	know(number, 2);
	real_pread = sys.pread;
	sys.pread = shell_pread;
	atomic_store(&failing_reads, 1000000);
	shell_store_new();
	await(is_passed);
	ck_assert_uint_eq(get_stats().missing, 0);
	ck_assert_uint_eq(get_stats().quarantined, 0);
	atomic_store(&failing_reads, 0);
	store_free(&store);
	sys.pread = real_pread;
}
END_TEST

static void
add_find_tests(TCase *tc)
{
	tcase_add_test(tc, an_empty_spool_has_room_and_nothing_else);
	tcase_add_test(tc, records_that_the_core_does_not_know_are_found);
	tcase_add_test(tc, what_is_known_is_not_found_again);
	tcase_add_test(tc, what_waits_for_room_is_not_found);
	tcase_add_test(tc, there_is_no_room_for_what_was_found);
	tcase_add_test(tc, an_admit_without_its_head_is_read);
	tcase_add_test(tc, a_lost_writer_s_segment_is_sealed_and_read);
	tcase_add_test(tc, what_is_synced_of_a_segment_is_read_and_no_more);
	tcase_add_test(tc, an_admit_on_its_way_is_not_taken_for_lost);
	tcase_add_test(
	    tc, a_segment_that_its_writer_does_not_list_is_not_looked_at);
	tcase_add_test(tc, a_record_in_a_file_of_its_own_is_found);
}

static void
add_change_tests(TCase *tc)
{
	tcase_add_test(tc, a_sealed_segment_with_mail_in_it_goes_to_deferred);
	tcase_add_test(tc, a_finished_segment_is_removed);
	tcase_add_test(tc, a_segment_that_is_finished_later_is_removed_then);
	tcase_add_test(tc, nothing_is_removed_while_the_ledger_has_a_fault);
	tcase_add_test(tc, a_segment_with_an_unknown_record_is_not_removed);
	tcase_add_test(tc, what_cannot_be_removed_stays_known);
	tcase_add_test(tc, a_record_that_is_not_where_it_was_is_missing);
	tcase_add_test(tc, a_segment_that_is_gone_has_all_its_mail_missing);
	tcase_add_test(
	    tc, a_segment_that_is_gone_with_nothing_in_it_is_forgotten);
	tcase_add_test(
	    tc, a_malformed_record_is_set_aside_and_the_rest_is_found);
	tcase_add_test(
	    tc, content_that_a_worker_found_damaged_is_set_aside_once);
	tcase_add_test(tc, a_file_that_is_no_segment_is_left_alone);
	tcase_add_test(tc, a_damaged_header_whose_copy_is_good_costs_nothing);
	tcase_add_test(tc, what_cannot_be_read_is_no_damage);
	tcase_add_test(tc, what_is_no_file_is_no_segment);
	tcase_add_test(tc, names_that_are_none_of_ours_are_told);
	tcase_add_test(
	    tc, a_segment_under_the_name_of_another_is_not_taken_for_it);
	tcase_add_test(tc, a_segment_in_both_directories_is_not_removed);
	tcase_add_test(tc, a_large_segment_that_is_gone_has_all_its_mail_held);
}

int
main(void)
{
	Suite *suite = suite_create("qmgr_store");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, set_up, shell_tear_down);
	add_find_tests(tc);
	add_change_tests(tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
