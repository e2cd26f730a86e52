/* SPDX-License-Identifier: BSD-2-Clause */
/* test_reseal: segments whose writer is lost are sealed, and lose nothing. */
#include "util/spool/reseal.h"

#include <sys/file.h>

#include <check.h>

#include "tests/lib/spool.h"
#include "util/base/array.h"
#include "util/io/sys.h"
#include "util/spool/segread.h"
#include "util/spool/segwalk.h"

#define MAX_BYTES (1u << 20)
#define BLOCK 4096

static struct spool_dir dir;
static struct segment_numbers numbers;
static struct spool_message messages[2000];
static char *buf;
static uint64_t number;

static void
arm(const char *spec)
{
	ck_assert_int_eq(sys_fault_init(spec), ERR_OK);
}

static void
set_up(void)
{
	spool_dir_init(&dir);
	segment_numbers_init(&numbers, 1, 0);
	buf = malloc(SEGWALK_BUF_BYTES);
	ck_assert_ptr_nonnull(buf);
}

static void
tear_down(void)
{
	arm("");
	free(buf);
	spool_dir_fini(&dir);
}

static struct segment *
make(uint32_t flags)
{
	struct segment_conf conf = { dir.fd, flags, 0, 0 };
	struct segment *seg;

	conf.max_bytes = flags == 0 ? 16 * MAX_BYTES : 0;
	conf.alloc_bytes = conf.max_bytes;
	ck_assert_int_eq(
	    segment_create(&seg, &conf, &numbers, 1700000000000), ERR_OK);
	number = segment_get_number(seg);
	return seg;
}

static void
append(struct segment *seg, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		spool_message_init(&messages[i], i, STR("content\r\n"));
		ck_assert_int_eq(
		    segment_append(seg, &messages[i].record, 1), ERR_OK);
	}
}

/* Leaves a segment with n records and no writer. */
static void
lose(unsigned n)
{
	struct segment *seg = make(0);

	append(seg, n);
	segment_free(&seg);
}

static int
open_file(int flags)
{
	char name[SEGNAME_BYTES + 1];
	int fd;

	segname_format(number, name);
	fd = openat(dir.fd, name, flags | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static void
spoil(off_t at)
{
	int fd = open_file(O_RDWR);

	ck_assert_int_eq(pwrite(fd, "spoilt", 6, at), 6);
	(void)close(fd);
}

/* Number of entries of the sealed file; fails when it is not sealed. */
static uint32_t
sealed_entries(uint32_t *block)
{
	struct segment_trailer trailer;
	struct segment_head head;
	int fd;

	ck_assert_int_eq(segread_open(&fd, &head, dir.fd, number), ERR_OK);
	ck_assert_int_eq(segread_is_sealed(fd, &head, &trailer), ERR_OK);
	(void)close(fd);
	*block = trailer.block;
	return trailer.n;
}

START_TEST(a_lost_segment_is_sealed_behind_its_last_record)
{
	struct reseal result;
	uint32_t block;

	lose((unsigned)_i);
	ck_assert_int_eq(
	    segment_reseal(&result, dir.fd, number, 0, buf), ERR_OK);
	ck_assert_uint_eq(result.records, (unsigned)_i);
	ck_assert_uint_eq(result.bad, 0);
	ck_assert_uint_eq(result.torn_bytes, 0);
	ck_assert(!result.was_sealed);
	ck_assert_uint_eq(sealed_entries(&block), (unsigned)_i);
	ck_assert_uint_eq(block, (unsigned)_i + 1);
	ck_assert_int_eq(
	    segment_reseal(&result, dir.fd, number, 0, buf), ERR_OK);
	ck_assert(result.was_sealed);
	ck_assert_uint_eq(result.records, (unsigned)_i);
}
END_TEST

START_TEST(a_writer_that_lives_is_left_alone)
{
	struct segment *seg = make(0);
	struct reseal result;

	ck_assert_int_eq(segment_is_orphan(dir.fd, number), ERR_AGAIN);
	ck_assert_int_eq(
	    segment_reseal(&result, dir.fd, number, 0, buf), ERR_AGAIN);
	append(seg, 1);
	segment_free(&seg);
	ck_assert_int_eq(segment_is_orphan(dir.fd, number), ERR_OK);
	ck_assert_int_eq(segment_is_orphan(dir.fd, 99), ERR_NOTFOUND);
	ck_assert_int_eq(
	    segment_reseal(&result, dir.fd, 99, 0, buf), ERR_NOTFOUND);
}
END_TEST

/* Two must not seal at once, so the lock is not one that can be shared. */
START_TEST(whoever_looks_on_with_a_lock_is_waited_for)
{
	struct reseal result;
	int fd;

	lose(1);
	fd = open_file(O_RDONLY);
	ck_assert_int_eq(flock(fd, LOCK_SH), 0);
	ck_assert_int_eq(
	    segment_reseal(&result, dir.fd, number, 0, buf), ERR_AGAIN);
	(void)close(fd);
	ck_assert_int_eq(
	    segment_reseal(&result, dir.fd, number, 0, buf), ERR_OK);
}
END_TEST

START_TEST(a_torn_tail_is_cut_off)
{
	struct reseal result;
	uint32_t block;

	lose(5);
	spoil(5 * BLOCK + 140);
	ck_assert_int_eq(
	    segment_reseal(&result, dir.fd, number, 0, buf), ERR_OK);
	ck_assert_uint_eq(result.records, 4);
	ck_assert_uint_eq(result.torn_bytes, BLOCK);
	ck_assert_uint_eq(sealed_entries(&block), 4);
	ck_assert_uint_eq(block, 5);
}
END_TEST

START_TEST(what_the_ledger_knows_is_not_cut_off)
{
	struct reseal result;
	uint32_t block;

	lose(5);
	spoil(5 * BLOCK + 140);
	ck_assert_int_eq(
	    segment_reseal(&result, dir.fd, number, 6 * BLOCK, buf), ERR_OK);
	ck_assert_uint_eq(result.records, 4);
	ck_assert_uint_eq(sealed_entries(&block), 4);
	ck_assert_uint_eq(block, 6);
}
END_TEST

START_TEST(damage_between_records_is_counted_and_kept)
{
	struct reseal result;
	uint32_t block;

	lose(5);
	spoil(3 * BLOCK + 140);
	ck_assert_int_eq(
	    segment_reseal(&result, dir.fd, number, 0, buf), ERR_OK);
	ck_assert_uint_eq(result.records, 4);
	ck_assert_uint_eq(result.bad, 1);
	ck_assert_uint_eq(sealed_entries(&block), 4);
	ck_assert_uint_eq(block, 6);
}
END_TEST

START_TEST(own_files_are_sealed_with_and_without_a_record)
{
	static char content[9000];
	struct segment *seg = make(SEGMENT_OWN);
	struct iovec piece = { content, sizeof(content) };
	struct reseal result;
	uint32_t block;

	memset(content, 'x', sizeof(content));
	ck_assert_int_eq(segment_own_write(seg, &piece, 1), ERR_OK);
	if (_i == 1) {
		spool_message_init(&messages[0], 7, STR(""));
		ck_assert_int_eq(
		    segment_own_finish(seg, &messages[0].record), ERR_OK);
	}
	segment_free(&seg);
	ck_assert_int_eq(
	    segment_reseal(&result, dir.fd, number, 0, buf), ERR_OK);
	ck_assert_uint_eq(result.bad, 0);
	ck_assert_uint_eq(sealed_entries(&block), (unsigned)_i);
	ck_assert_uint_eq(block, _i == 1 ? 5 : 1);
	ck_assert_uint_eq(result.torn_bytes, _i == 1 ? 0 : sizeof(content));
}
END_TEST

START_TEST(a_malformed_header_is_refused)
{
	struct reseal result;

	lose(1);
	spoil(20);
	spoil(SEGMENT_COPY_AT + 20);
	ck_assert_int_eq(
	    segment_reseal(&result, dir.fd, number, 0, buf), ERR_SYNTAX);
}
END_TEST

static const struct {
	const char *fault;
	enum err want;
} faults[] = {
	{ "openat:1:EMFILE", ERR_IO },
	{ "flock:1:EIO", ERR_IO },
	{ "pread:1:EIO", ERR_IO },
	{ "pread:2:EIO", ERR_IO },
	{ "pread:4+:EIO", ERR_IO },
	{ "fstat:1:EIO", ERR_IO },
	{ "fsync:1:EIO", ERR_IO },
	{ "ftruncate:1:EIO", ERR_IO },
	{ "pwritev:1:ENOSPC", ERR_FULL },
	{ "fsync:2:EIO", ERR_IO },
};

START_TEST(each_failing_call_is_reported_and_can_be_tried_again)
{
	struct reseal result;
	uint32_t block;

	lose(3);
	arm(faults[_i].fault);
	ck_assert_int_eq(
	    segment_reseal(&result, dir.fd, number, 0, buf), faults[_i].want);
	arm("");
	ck_assert_int_eq(
	    segment_reseal(&result, dir.fd, number, 0, buf), ERR_OK);
	ck_assert_uint_eq(sealed_entries(&block), 3);
}
END_TEST

/* Whatever a crash leaves of the last writes: what was synced is found. */
START_TEST(each_cut_keeps_what_lies_before)
{
	struct reseal result;
	uint32_t block;
	int fd;

	for (off_t len = BLOCK; len < 4 * BLOCK; len += 97) {
		lose(3);
		fd = open_file(O_RDWR);
		ck_assert_int_eq(ftruncate(fd, len), 0);
		(void)close(fd);
		ck_assert_int_eq(
		    segment_reseal(&result, dir.fd, number, 0, buf), ERR_OK);
		ck_assert_uint_eq(result.bad, 0);
		ck_assert_uint_ge(
		    sealed_entries(&block), (unsigned)(len / BLOCK) - 1);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("reseal");
	TCase *tc = tcase_create("reseal");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(
	    tc, a_lost_segment_is_sealed_behind_its_last_record, 0, 3);
	tcase_add_loop_test(
	    tc, a_lost_segment_is_sealed_behind_its_last_record, 1500, 1501);
	tcase_add_test(tc, a_writer_that_lives_is_left_alone);
	tcase_add_test(tc, whoever_looks_on_with_a_lock_is_waited_for);
	tcase_add_test(tc, a_torn_tail_is_cut_off);
	tcase_add_test(tc, what_the_ledger_knows_is_not_cut_off);
	tcase_add_test(tc, damage_between_records_is_counted_and_kept);
	tcase_add_loop_test(
	    tc, own_files_are_sealed_with_and_without_a_record, 0, 2);
	tcase_add_test(tc, a_malformed_header_is_refused);
	tcase_add_loop_test(tc,
	    each_failing_call_is_reported_and_can_be_tried_again, 0,
	    (int)COUNT_OF(faults));
	tcase_add_test(tc, each_cut_keeps_what_lies_before);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
