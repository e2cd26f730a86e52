/* SPDX-License-Identifier: BSD-2-Clause */
/* test_qmgr_bytes: the byte pass: what is queued is read, at its pace. */
#include "qmgr/store_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/shellstore.h"

static uint64_t wanted;

static bool
is_read(void)
{
	return get_stats().last_bytes.number >= wanted;
}

/* A byte pass over what is there. */
static void
pass(void)
{
	wanted = store_rescan_bytes(store);
	await(is_read);
}

static struct part_state
state_of(uint64_t segment, uint32_t block)
{
	struct part_state state;

	ck_assert(core_part_get(
	    core, core_segment_part(core, segment, block), &state));
	ck_assert_uint_eq(state.block, block);
	return state;
}

static bool
is_one_quarantined(void)
{
	return get_stats().quarantined == 1;
}

/* Which byte of a record is turned over; CONTENT: the first of that. */
#define CONTENT -1
static const off_t flips[] = { 0, 5, 40, 124, 130, CONTENT };

static void
flip_in(uint64_t number, uint32_t block, off_t at)
{
	off_t offset = (off_t)block * BLOCK;
	int fd = open_segment(&deferred_dir, number);
	char bytes[BLOCK];
	const char *content;

	ck_assert_int_eq(pread(fd, bytes, BLOCK, offset), BLOCK);
	(void)close(fd);
	content = memmem(bytes, BLOCK, "Subject", 7);
	ck_assert_ptr_nonnull(content);
	flip(&deferred_dir, number,
	    offset + (at == CONTENT ? content - bytes : at));
}

START_TEST(each_flipped_byte_of_a_record_is_found)
{
	uint64_t number = make(&deferred_dir, 3, true);

	for (unsigned i = 1; i <= 3; i++)
		know(number, i);
	shell_store_new();
	await(is_passed);
	flip_in(number, 2, flips[_i]);
	pass();
	ck_assert_uint_eq(get_stats().last_bytes.records, 3);
	ck_assert_uint_eq(get_stats().last_bytes.bad, 1);
	if (flips[_i] == 0) {
		/* Where no magic stands there is no record. */
		while (get_stats().missing == 0)
			await(is_passed);
		ck_assert_uint_eq(state_of(number, 2).cause, CAUSE_MISSING);
	} else {
		await(is_one_quarantined);
		ck_assert_uint_eq(state_of(number, 2).cause, CAUSE_DAMAGED);
		ck_assert_uint_eq(spool_dir_visit(&quarantine_dir, false), 2);
	}
	ck_assert_uint_eq(state_of(number, 2).state, PART_HELD);
	ck_assert_uint_ne(state_of(number, 1).state, PART_HELD);
	ck_assert_uint_ne(state_of(number, 3).state, PART_HELD);
	/* Found again, and set aside once. */
	pass();
	ck_assert_uint_eq(get_stats().last_bytes.bad, 1);
	ck_assert_uint_le(get_stats().quarantined, 1);
}
END_TEST

START_TEST(what_is_done_is_not_read)
{
	uint64_t number = make(&deferred_dir, 2, true);

	know(number, 1);
	know(number, 2);
	finish(number, 2);
	flip_in(number, 2, CONTENT);
	shell_store_new();
	pass();
	ck_assert_uint_eq(get_stats().last_bytes.records, 1);
	ck_assert_uint_eq(get_stats().last_bytes.bad, 0);
	ck_assert_uint_eq(get_stats().quarantined, 0);
}
END_TEST

static ssize_t (*real_pread)(int, void *, size_t, off_t);
static atomic_int failing_reads;

static ssize_t
shell_pread(int fd, void *p, size_t n, off_t at)
{
	return is_failing(&failing_reads) ? -1 : real_pread(fd, p, n, at);
}

START_TEST(what_cannot_be_read_is_told_and_read_the_next_time)
{
	uint64_t number = make(&deferred_dir, 2, true);

	know(number, 1);
	know(number, 2);
	shell_store_new();
	await(is_passed);
	pass();
	real_pread = sys.pread;
	sys.pread = shell_pread;
	atomic_store(&failing_reads, 1000000);
	pass();
	ck_assert_uint_eq(get_stats().last_bytes.unreadable, 1);
	ck_assert_uint_eq(get_stats().last_bytes.bad, 0);
	ck_assert_uint_eq(get_stats().quarantined, 0);
	ck_assert_uint_ne(state_of(number, 1).state, PART_HELD);
	atomic_store(&failing_reads, 0);
	pass();
	ck_assert_uint_eq(get_stats().last_bytes.unreadable, 0);
	ck_assert_uint_eq(get_stats().last_bytes.records, 2);
	store_free(&store);
	sys.pread = real_pread;
}
END_TEST

/* A content of several slices, in a file of its own. */
static uint64_t
make_large(size_t bytes)
{
	struct segment *seg = create(&deferred_dir, SEGMENT_OWN);
	uint64_t number = segment_get_number(seg);
	char *content = malloc(bytes);
	struct spool_message m;
	struct part_state state;

	ck_assert_ptr_nonnull(content);
	memset(content, 'x', bytes);
	spool_message_init(&m, 1, (struct str){ content, bytes });
	ck_assert_int_eq(segment_own_write(seg, &m.piece, 1), ERR_OK);
	ck_assert_int_eq(segment_own_finish(seg, &m.record), ERR_OK);
	ck_assert_int_eq(segment_seal(seg), ERR_OK);
	segment_free(&seg);
	free(content);
	state = shell_part(1, number, m.record.block);
	ck_assert_int_eq(core_restore(core, &state), ERR_OK);
	return number;
}

START_TEST(a_large_content_is_read_in_slices)
{
	const size_t bytes = 1000001;
	uint64_t number = make_large(bytes);

	shell_store_new();
	pass();
	ck_assert_uint_eq(get_stats().last_bytes.records, 1);
	ck_assert_uint_ge(get_stats().last_bytes.bytes, bytes);
	ck_assert_uint_lt(get_stats().last_bytes.bytes, bytes + 2 * BLOCK + 1);
	ck_assert_uint_eq(get_stats().last_bytes.bad, 0);
	/* Its last byte. */
	flip(&deferred_dir, number, BLOCK + (off_t)bytes - 1);
	pass();
	ck_assert_uint_eq(get_stats().last_bytes.bad, 1);
	ck_assert_uint_eq(get_stats().quarantined, 1);
}
END_TEST

/* By the store's own clock: the pace is never above what is allowed, but for
 * the slice that ends it. */
START_TEST(the_pace_is_that_of_the_configuration)
{
	const size_t bytes = 500000;
	struct store_stats stats;

	(void)make_large(bytes);
	scan_bandwidth = 1000000;
	shell_store_new();
	pass();
	stats = get_stats();
	ck_assert_int_ge(stats.last_bytes.took_ms,
	    (int64_t)(bytes - 1000000 / 16) * 1000 / 1000000);
}
END_TEST

/* So do its askers: all of them wait for one pass. */
START_TEST(who_asks_before_it_begins_shares_a_pass)
{
	uint64_t number;

	(void)make(&deferred_dir, 1, true);
	shell_store_new();
	number = store_rescan_bytes(store);
	ck_assert_uint_eq(store_rescan_bytes(store), number);
	pass();
	ck_assert_uint_eq(get_stats().last_bytes.number, number);
	ck_assert_uint_eq(store_rescan_bytes(store), number + 1);
}
END_TEST

START_TEST(more_bad_records_than_a_queue_holds_are_all_set_aside)
{
	const unsigned n = DAMAGES_MAX + 10;
	uint64_t number = make(&deferred_dir, n, true);

	for (unsigned i = 1; i <= n; i++) {
		know(number, i);
		flip_in(number, i, CONTENT);
	}
	shell_store_new();
	pass();
	ck_assert_uint_eq(get_stats().last_bytes.bad, n);
	ck_assert_uint_eq(get_stats().quarantined, n);
	ck_assert_uint_eq(state_of(number, n).state, PART_HELD);
}
END_TEST

START_TEST(a_store_that_ends_within_a_pass_ends)
{
	(void)make_large(1000000);
	scan_bandwidth = 65536;
	shell_store_new();
	(void)store_rescan_bytes(store);
	await(is_passed);
	ck_assert(get_stats().bytes.is_on);
	store_free(&store);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("qmgr_bytes");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, set_up, shell_tear_down);
	tcase_add_loop_test(tc, each_flipped_byte_of_a_record_is_found, 0,
	    sizeof(flips) / sizeof(flips[0]));
	tcase_add_test(tc, what_is_done_is_not_read);
	tcase_add_test(tc, what_cannot_be_read_is_told_and_read_the_next_time);
	tcase_add_test(tc, a_large_content_is_read_in_slices);
	tcase_add_test(tc, the_pace_is_that_of_the_configuration);
	tcase_add_test(tc, who_asks_before_it_begins_shares_a_pass);
	tcase_add_test(
	    tc, more_bad_records_than_a_queue_holds_are_all_set_aside);
	tcase_add_test(tc, a_store_that_ends_within_a_pass_ends);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
