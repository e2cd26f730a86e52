/* SPDX-License-Identifier: BSD-2-Clause */
/* test_page: what one process publishes another reads, and never more. */
#include "util/svc/page.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <check.h>

#include "util/base/array.h"

/* A writer's and a reader's mapping of one page, as in two processes. */
struct pair {
	int fd;
	struct page *writer, *reader;
};

static void
pair_init(struct pair *pair)
{
	*pair = (struct pair){ .fd = -1 };
	ck_assert_int_eq(page_create(&pair->fd), ERR_OK);
	ck_assert_int_eq(page_map(&pair->writer, pair->fd, true), ERR_OK);
	ck_assert_int_eq(page_map(&pair->reader, pair->fd, false), ERR_OK);
}

static void
pair_fini(struct pair *pair)
{
	page_free(&pair->writer);
	page_free(&pair->reader);
	ck_assert_ptr_null(pair->writer);
	ck_assert_int_eq(close(pair->fd), 0);
}

START_TEST(a_new_page_says_nothing)
{
	char reason[PAGE_REASON_MAX_BYTES + 1];
	struct page_segment seg;
	struct pair pair;

	pair_init(&pair);
	ck_assert_int_eq(page_heartbeat_ms(pair.reader), 0);
	ck_assert_uint_eq(page_pid(pair.reader), 0);
	ck_assert_int_eq(page_pressure(pair.reader), PRESSURE_ACCEPT);
	page_get_reason(pair.reader, reason);
	ck_assert_str_eq(reason, "");
	for (unsigned i = 0; i < PAGE_SEGMENTS_MAX; i++)
		ck_assert(!page_get_segment(pair.reader, i, &seg));
	pair_fini(&pair);
}
END_TEST

START_TEST(what_is_published_is_read)
{
	struct page_segment seg = { 0x1234, 4096 };
	char reason[PAGE_REASON_MAX_BYTES + 1];
	uint64_t synced = 0;
	struct pair pair;

	pair_init(&pair);
	page_begin(pair.writer, 42, 1000);
	page_set_figure(pair.writer, 7);
	page_set_held_bytes(pair.writer, 1 << 20);
	page_set_segment(pair.writer, 255, &seg);
	page_set_synced(pair.writer, 255, 8192);
	page_set_pressure(pair.writer, PRESSURE_SLOW, STR("disk: 1 GB free"));
	ck_assert_uint_eq(page_pid(pair.reader), 42);
	ck_assert_int_eq(page_heartbeat_ms(pair.reader), 1000);
	ck_assert_uint_eq(page_figure(pair.reader), 7);
	ck_assert_uint_eq(page_held_bytes(pair.reader), 1 << 20);
	ck_assert(page_find_segment(pair.reader, 0x1234, &synced));
	ck_assert_uint_eq(synced, 8192);
	ck_assert(!page_find_segment(pair.reader, 0x1235, &synced));
	ck_assert_int_eq(page_pressure(pair.reader), PRESSURE_SLOW);
	page_get_reason(pair.reader, reason);
	ck_assert_str_eq(reason, "disk: 1 GB free");
	pair_fini(&pair);
}
END_TEST

START_TEST(a_successor_forgets_what_was_published)
{
	struct page_segment seg = { 1, 4096 };
	char reason[PAGE_REASON_MAX_BYTES + 1];
	struct pair pair;

	pair_init(&pair);
	page_begin(pair.writer, 42, 1000);
	page_set_figure(pair.writer, 7);
	page_set_segment(pair.writer, 0, &seg);
	page_set_pressure(pair.writer, PRESSURE_REFUSE, STR("disk"));
	page_begin(pair.writer, 43, 2000);
	ck_assert_uint_eq(page_pid(pair.reader), 43);
	ck_assert_uint_eq(page_figure(pair.reader), 0);
	ck_assert(!page_get_segment(pair.reader, 0, &seg));
	ck_assert_int_eq(page_pressure(pair.reader), PRESSURE_ACCEPT);
	page_get_reason(pair.reader, reason);
	ck_assert_str_eq(reason, "");
	pair_fini(&pair);
}
END_TEST

START_TEST(the_longest_reason_is_kept_and_a_longer_one_cut)
{
	char reason[PAGE_REASON_MAX_BYTES + 1];
	char text[PAGE_REASON_MAX_BYTES + 2];
	struct pair pair;

	memset(text, 'r', sizeof(text));
	pair_init(&pair);
	page_set_pressure(pair.writer, PRESSURE_SLOW,
	    (struct str){ text, PAGE_REASON_MAX_BYTES });
	page_get_reason(pair.reader, reason);
	ck_assert_uint_eq(strlen(reason), PAGE_REASON_MAX_BYTES);
	page_set_pressure(pair.writer, PRESSURE_SLOW,
	    (struct str){ text, PAGE_REASON_MAX_BYTES + 1 });
	page_get_reason(pair.reader, reason);
	ck_assert_uint_eq(strlen(reason), PAGE_REASON_MAX_BYTES);
	pair_fini(&pair);
}
END_TEST

/* The page as raw memory, for what no writer of ours would write. */
static unsigned char *
raw_memory(int fd, size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	ck_assert_ptr_ne(mem, MAP_FAILED);
	return mem;
}

START_TEST(scribbled_memory_reads_as_numbers_in_range)
{
	char reason[PAGE_REASON_MAX_BYTES + 1];
	struct page_segment seg;
	unsigned char *raw;
	struct pair pair;

	pair_init(&pair);
	raw = raw_memory(pair.fd, 8192);
	memset(raw, 0xff, 8192);
	ck_assert_int_eq(page_heartbeat_ms(pair.reader), 0);
	ck_assert_int_eq(page_pressure(pair.reader), PRESSURE_REFUSE);
	page_get_reason(pair.reader, reason);
	ck_assert_str_eq(reason, "");
	ck_assert(page_get_segment(pair.reader, 0, &seg));
	/* A reason of 256 bytes without end, under an even number. */
	memset(raw, 0xfe, 8192);
	page_get_reason(pair.reader, reason);
	ck_assert_uint_eq(strlen(reason), PAGE_REASON_MAX_BYTES);
	ck_assert_int_eq(reason[0], '?');
	/* The next writer sets it right. */
	memset(raw, 0xff, 8192);
	page_begin(pair.writer, 1, 1);
	page_set_pressure(pair.writer, PRESSURE_SLOW, STR("memory"));
	page_get_reason(pair.reader, reason);
	ck_assert_str_eq(reason, "memory");
	ck_assert_int_eq(munmap(raw, 8192), 0);
	pair_fini(&pair);
}
END_TEST

#define PRESSURE_AT 44

START_TEST(the_last_pressure_is_taken_and_the_next_refused)
{
	char reason[PAGE_REASON_MAX_BYTES + 1];
	uint32_t next = PRESSURE_N;
	struct pair pair;

	pair_init(&pair);
	page_set_pressure(pair.writer, PRESSURE_SLOW, STR(" ~\x7f\x1f"));
	ck_assert_int_eq(page_pressure(pair.reader), PRESSURE_SLOW);
	page_get_reason(pair.reader, reason);
	ck_assert_str_eq(reason, " ~??");
	ck_assert_int_eq(
	    pwrite(pair.fd, &next, sizeof(next), PRESSURE_AT), sizeof(next));
	ck_assert_int_eq(page_pressure(pair.reader), PRESSURE_REFUSE);
	pair_fini(&pair);
}
END_TEST

/* A copy of a page but for its seals: its writer could take it from us. */
START_TEST(a_page_that_can_shrink_is_not_mapped)
{
	struct page *page = NULL;
	char bytes[8192];
	int fd, copy;

	ck_assert_int_eq(page_create(&fd), ERR_OK);
	ck_assert_int_eq(pread(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
	copy = memfd_create("copy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ck_assert_int_ge(copy, 0);
	ck_assert_int_eq(pwrite(copy, bytes, sizeof(bytes), 0), sizeof(bytes));
	ck_assert_int_eq(page_map(&page, copy, false), ERR_SYNTAX);
	ck_assert_int_eq(close(copy), 0);
	ck_assert_int_eq(close(fd), 0);
}
END_TEST

START_TEST(what_is_no_page_is_not_mapped)
{
	struct slot_page *slots = NULL;
	struct page *page = NULL;
	unsigned char *raw;
	int fd, slot_fd;

	fd = memfd_create("plain", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, 8192), 0);
	ck_assert_int_eq(page_map(&page, fd, false), ERR_SYNTAX);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(page_create(&fd), ERR_OK);
	ck_assert_int_eq(slot_page_create(&slot_fd, 1), ERR_OK);
	ck_assert_int_eq(page_map(&page, slot_fd, false), ERR_SYNTAX);
	ck_assert_int_eq(slot_page_map(&slots, fd), ERR_SYNTAX);
	/* Its size is fixed. */
	ck_assert_int_ne(ftruncate(fd, 0), 0);
	ck_assert_int_ne(ftruncate(fd, 16384), 0);
	/* A newer version. */
	raw = raw_memory(fd, 8192);
	raw[8] = 2;
	ck_assert_int_eq(page_map(&page, fd, false), ERR_SYNTAX);
	ck_assert_int_eq(munmap(raw, 8192), 0);
	/* A number of slots that the size does not hold, and none. */
	raw = raw_memory(slot_fd, 4096);
	raw[12] = 200;
	ck_assert_int_eq(slot_page_map(&slots, slot_fd), ERR_SYNTAX);
	raw[12] = 0;
	ck_assert_int_eq(slot_page_map(&slots, slot_fd), ERR_SYNTAX);
	ck_assert_int_eq(munmap(raw, 4096), 0);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(close(slot_fd), 0);
}
END_TEST

/* So many that reader and writer meet in each half of a change. */
#define SEGMENT_READS 3000000
#define REASON_READS 200000
#define PAUSE 200

static atomic_bool is_over;

/* Publishes segments whose offset is their number times two: a torn read
 * shows. */
static void *
write_segments(void *arg)
{
	struct page_segment seg;

	for (uint64_t n = 1; !atomic_load(&is_over); n++) {
		seg = (struct page_segment){ n, n * 2 };
		page_set_segment(arg, 0, &seg);
	}
	return NULL;
}

/* Publishes reasons of one letter each. */
static void *
write_reasons(void *arg)
{
	char text[PAGE_REASON_MAX_BYTES];

	for (int n = 1; !atomic_load(&is_over); n = (n + 1) % 26) {
		memset(text, 'a' + n, sizeof(text));
		page_set_pressure(
		    arg, PRESSURE_SLOW, (struct str){ text, sizeof(text) });
		/* Time in which it can be read. */
		for (int k = 0; k < PAUSE; k++)
			page_beat(arg, k);
	}
	return NULL;
}

START_TEST(a_reader_never_sees_half_a_segment)
{
	struct page_segment seg;
	struct pair pair;
	pthread_t thread;

	pair_init(&pair);
	ck_assert_int_eq(
	    pthread_create(&thread, NULL, write_segments, pair.writer), 0);
	for (long n = 0; n < SEGMENT_READS; n++)
		if (page_get_segment(pair.reader, 0, &seg) &&
		    seg.synced_bytes != seg.number * 2)
			ck_abort_msg("torn");
	atomic_store(&is_over, true);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	pair_fini(&pair);
}
END_TEST

START_TEST(a_reader_never_sees_half_a_reason)
{
	char reason[PAGE_REASON_MAX_BYTES + 1];
	struct pair pair;
	pthread_t thread;

	pair_init(&pair);
	ck_assert_int_eq(
	    pthread_create(&thread, NULL, write_reasons, pair.writer), 0);
	for (long n = 0; n < REASON_READS; n++) {
		page_get_reason(pair.reader, reason);
		for (size_t i = 0; reason[i] != '\0'; i++)
			if (reason[i] != reason[0])
				ck_abort_msg("torn: %s", reason);
	}
	atomic_store(&is_over, true);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	pair_fini(&pair);
}
END_TEST

/* qmgr's and the worker's mapping of one slot page. */
static void
slot_pair(struct slot_page **qmgr, struct slot_page **worker, unsigned n)
{
	int fd = -1;

	ck_assert_int_eq(slot_page_create(&fd, n), ERR_OK);
	ck_assert_int_eq(slot_page_map(qmgr, fd), ERR_OK);
	ck_assert_int_eq(slot_page_map(worker, fd), ERR_OK);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_uint_eq(slot_page_n(*worker), n);
}

START_TEST(a_slot_goes_from_lease_to_free)
{
	struct slot in = { .lease = 9,
		.segment = UINT64_MAX,
		.qid = { { 1, 2, 3, [15] = 255 } },
		.block = UINT32_MAX,
		.part = 65535 };
	struct slot_page *qmgr = NULL, *worker = NULL;
	struct slot out;

	slot_pair(&qmgr, &worker, PAGE_SLOTS);
	ck_assert(!slot_get(worker, PAGE_SLOTS - 1, &out));
	slot_fill(qmgr, PAGE_SLOTS - 1, &in);
	ck_assert(slot_get(worker, PAGE_SLOTS - 1, &out));
	ck_assert_uint_eq(out.lease, 9);
	ck_assert_uint_eq(out.segment, UINT64_MAX);
	ck_assert_mem_eq(out.qid.b, in.qid.b, sizeof(in.qid.b));
	ck_assert_uint_eq(out.block, UINT32_MAX);
	ck_assert_uint_eq(out.part, 65535);
	ck_assert_int_eq(out.phase, SLOT_LEASED);
	ck_assert(!slot_get(worker, PAGE_SLOTS - 2, &out));
	slot_clear(qmgr, PAGE_SLOTS - 1);
	ck_assert(!slot_get(worker, PAGE_SLOTS - 1, &out));
	slot_page_free(&qmgr);
	slot_page_free(&worker);
}
END_TEST

START_TEST(a_phase_only_goes_up_and_only_for_its_lease)
{
	struct slot_page *qmgr = NULL, *worker = NULL;
	struct slot in = { .lease = 9 }, out;

	slot_pair(&qmgr, &worker, 2);
	ck_assert_int_eq(slot_raise(worker, 0, 9, SLOT_DOT_SENT), ERR_NOTFOUND);
	slot_fill(qmgr, 0, &in);
	ck_assert_int_eq(slot_raise(worker, 0, 8, SLOT_DOT_SENT), ERR_NOTFOUND);
	ck_assert_int_eq(slot_raise(worker, 0, 9, SLOT_DOT_SENT), ERR_OK);
	ck_assert_int_eq(slot_raise(worker, 0, 9, SLOT_DOT_SENT), ERR_RANGE);
	ck_assert_int_eq(slot_raise(worker, 0, 9, SLOT_TRANSACTION), ERR_RANGE);
	ck_assert(slot_get(qmgr, 0, &out));
	ck_assert_int_eq(out.phase, SLOT_DOT_SENT);
	ck_assert_int_eq(slot_raise(worker, 0, 9, SLOT_ANSWERED), ERR_OK);
	slot_clear(qmgr, 0);
	ck_assert_int_eq(slot_raise(worker, 0, 9, SLOT_ANSWERED), ERR_NOTFOUND);
	slot_page_free(&qmgr);
	slot_page_free(&worker);
}
END_TEST

START_TEST(a_scribbled_slot_promises_least)
{
	struct slot out;
	struct slot_page *page = NULL;
	unsigned char *raw;
	int fd = -1;

	ck_assert_int_eq(slot_page_create(&fd, 2), ERR_OK);
	ck_assert_int_eq(slot_page_map(&page, fd), ERR_OK);
	raw = raw_memory(fd, 4096);
	memset(raw + 16, 0xff, 40);
	ck_assert(slot_get(page, 0, &out));
	ck_assert_int_eq(out.phase, SLOT_DOT_SENT);
	memset(raw + 16, 0, 8); /* lease 0 */
	ck_assert(!slot_get(page, 0, &out));
	/* The number of slots was read once. */
	memset(raw, 0xff, 16);
	ck_assert_uint_eq(slot_page_n(page), 2);
	ck_assert_int_eq(munmap(raw, 4096), 0);
	slot_page_free(&page);
	ck_assert_int_eq(close(fd), 0);
}
END_TEST

static Suite *
page_suite(void)
{
	Suite *suite = suite_create("page");
	TCase *status = tcase_create("status page");
	TCase *slots = tcase_create("slot page");

	tcase_add_test(status, a_new_page_says_nothing);
	tcase_add_test(status, what_is_published_is_read);
	tcase_add_test(status, a_successor_forgets_what_was_published);
	tcase_add_test(status, the_longest_reason_is_kept_and_a_longer_one_cut);
	tcase_add_test(status, scribbled_memory_reads_as_numbers_in_range);
	tcase_add_test(status, what_is_no_page_is_not_mapped);
	tcase_add_test(status, the_last_pressure_is_taken_and_the_next_refused);
	tcase_add_test(status, a_page_that_can_shrink_is_not_mapped);
	tcase_add_test(status, a_reader_never_sees_half_a_segment);
	tcase_add_test(status, a_reader_never_sees_half_a_reason);
	tcase_add_test(slots, a_slot_goes_from_lease_to_free);
	tcase_add_test(slots, a_phase_only_goes_up_and_only_for_its_lease);
	tcase_add_test(slots, a_scribbled_slot_promises_least);
	suite_add_tcase(suite, status);
	suite_add_tcase(suite, slots);
	return suite;
}

int
main(void)
{
	SRunner *runner = srunner_create(page_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
