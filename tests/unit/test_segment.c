/* SPDX-License-Identifier: BSD-2-Clause */
/* test_segment: birth, appends, refusals, seals, and each call that fails. */
#include "util/spool/segment.h"

#include <errno.h>
#include <sys/file.h>

#include <check.h>

#include "tests/lib/spool.h"
#include "util/base/array.h"
#include "util/io/sys.h"
#include "util/spool/segread.h"
#include "util/spool/segwalk.h"

#define UMASK 007
#define MAX_BYTES (1u << 20)
#define MANY 200

static struct spool_dir dir;
static struct segment_numbers numbers;
static char *walk_buf;
static struct spool_message messages[MANY];

static void
arm(const char *spec)
{
	ck_assert_int_eq(sys_fault_init(spec), ERR_OK);
}

static void
set_up(void)
{
	spool_dir_init(&dir);
	segment_numbers_init(&numbers, 3, 4094);
	walk_buf = malloc(SEGWALK_BUF_BYTES);
	ck_assert_ptr_nonnull(walk_buf);
}

static void
tear_down(void)
{
	arm("");
	free(walk_buf);
	spool_dir_fini(&dir);
}

static enum err
create(struct segment **seg, uint32_t flags)
{
	struct segment_conf conf = { .dir_fd = dir.fd, .flags = flags };

	if (flags == 0) {
		conf.alloc_bytes = MAX_BYTES;
		conf.max_bytes = MAX_BYTES;
	}
	return segment_create(seg, &conf, &numbers, 1700000000000);
}

static struct segment *
make(uint32_t flags)
{
	struct segment *seg;

	ck_assert_int_eq(create(&seg, flags), ERR_OK);
	return seg;
}

/* Appends messages from..to-1, with a content that names them. */
static enum err
append(struct segment *seg, unsigned from, unsigned to)
{
	static struct segment_record records[MANY];

	for (unsigned i = from; i < to; i++) {
		spool_message_init(&messages[i], i, STR("Subject: x\r\n\r\n"));
		records[i - from] = messages[i].record;
	}
	return segment_append(seg, records, to - from);
}

struct found {
	unsigned records, bad, torn;
	unsigned last; /* number of the last message */
	enum segwalk_kind end;
};

/* What a reader finds in the segment, as after a crash. */
static struct found
find(const struct segment *seg)
{
	struct found found = { .end = SEGWALK_GAP };
	struct segment_head head;
	struct segwalk_item item = { .kind = SEGWALK_GAP };
	struct segwalk_conf conf = { .seg = &head,
		.buf = walk_buf,
		.limit = SEGWALK_ALL,
		.mode = SEGWALK_CONTENTS };
	struct segwalk r;
	enum err err;

	ck_assert_int_eq(
	    segread_open(&conf.fd, &head, dir.fd, segment_get_number(seg)),
	    ERR_OK);
	ck_assert_int_eq(segwalk_init(&r, &conf), ERR_OK);
	while (
	    item.kind != SEGWALK_END_OPEN && item.kind != SEGWALK_END_SEALED) {
		err = segwalk_next(&r, &item);
		if (err == ERR_AGAIN)
			continue;
		ck_assert_int_eq(err, ERR_OK);
		found.records += item.kind == SEGWALK_RECORD;
		found.torn += item.kind == SEGWALK_TORN;
		found.bad += item.kind == SEGWALK_BAD_RECORD;
		found.bad += item.kind == SEGWALK_GAP;
		if (item.kind == SEGWALK_RECORD)
			found.last = spool_message_number(&item.head);
	}
	found.end = item.kind;
	(void)close(conf.fd);
	return found;
}

/* --- birth ---------------------------------------------------------------- */

START_TEST(a_new_segment_is_named_locked_and_allocated)
{
	mode_t old = umask(UMASK);
	struct segment *seg = make(0);
	char name[SEGNAME_BYTES + 1];
	struct segment_head head;
	struct stat st;
	int fd;

	(void)umask(old);
	segname_format(segment_get_number(seg), name);
	ck_assert_int_eq(fstatat(dir.fd, name, &st, 0), 0);
	ck_assert_int_eq(st.st_size, MAX_BYTES);
	/* qmgr may be another user than smtpd; the umask decides. */
	ck_assert_int_eq(st.st_mode & 0777, 0660 & ~(mode_t)UMASK);
	ck_assert_int_eq(
	    segread_open(&fd, &head, dir.fd, segment_get_number(seg)), ERR_OK);
	ck_assert_uint_eq(head.writer, 3);
	ck_assert_uint_eq(head.flags, 0);
	ck_assert_int_eq(head.created_ms, 1700000000000);
	ck_assert_uint_ne(head.salt, 0);
	ck_assert_int_ne(flock(fd, LOCK_EX | LOCK_NB), 0);
	ck_assert_uint_eq(segment_get_bytes(seg), 4096);
	segment_free(&seg);
	ck_assert_ptr_null(seg);
	ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
	(void)close(fd);
}
END_TEST

START_TEST(a_name_that_exists_is_passed_over)
{
	struct segment *a = make(0);
	struct segment *b;

	/* The same numbers once more, as after a clock that went back. */
	segment_numbers_init(&numbers, 3, 4094);
	b = make(0);
	ck_assert_uint_ne(segment_get_number(a), segment_get_number(b));
	ck_assert_uint_eq(spool_dir_visit(&dir, false), 2);
	segment_free(&a);
	segment_free(&b);
}
END_TEST

static const struct {
	const char *fault;
	enum err want;
} births[] = {
	{ "openat:1:EMFILE", ERR_IO },
	{ "flock:1:EAGAIN", ERR_IO },
	{ "fallocate:1:ENOSPC", ERR_FULL },
	{ "fallocate:1:EOPNOTSUPP", ERR_OK },
	{ "fallocate:1:EINTR", ERR_OK },
	{ "pwritev:1:EIO", ERR_IO },
	{ "pwritev:1:short", ERR_OK },
	{ "fsync:1:EIO", ERR_IO },
	{ "linkat:1:ENOSPC", ERR_FULL },
	{ "linkat:1:EEXIST", ERR_OK },
	{ "linkat:1+:EEXIST", ERR_IO },
	{ "fsync:2:EIO", ERR_IO },
	{ "openat:1:EOPNOTSUPP", ERR_OK },
};

START_TEST(each_failing_call_ends_a_birth)
{
	struct segment *seg;

	arm(births[_i].fault);
	ck_assert_int_eq(create(&seg, 0), births[_i].want);
	arm("");
	ck_assert_int_eq(seg != NULL, births[_i].want == ERR_OK);
	if (seg != NULL)
		ck_assert_int_eq(append(seg, 0, 1), ERR_OK);
	segment_free(&seg);
}
END_TEST

/* --- appending ------------------------------------------------------------ */

static int (*true_fdatasync)(int fd);
static ssize_t (*true_pwritev)(int fd, const struct iovec *v, int n, off_t at);
static unsigned n_writes;

static ssize_t
count_pwritev(int fd, const struct iovec *v, int n, off_t at)
{
	n_writes++;
	return true_pwritev(fd, v, n, at);
}

START_TEST(records_of_a_turn_go_in_one_write)
{
	struct segment *seg = make(0);

	true_pwritev = sys.pwritev;
	sys.pwritev = count_pwritev;
	n_writes = 0;
	ck_assert_int_eq(append(seg, 0, 100), ERR_OK);
	ck_assert_uint_eq(n_writes, 1);
	ck_assert_int_eq(append(seg, 100, 200), ERR_OK);
	ck_assert_uint_eq(n_writes, 2);
	ck_assert_int_eq(segment_append(seg, NULL, 0), ERR_OK);
	ck_assert_uint_eq(n_writes, 2);
	sys.pwritev = true_pwritev;
	ck_assert_uint_eq(segment_get_bytes(seg), 201 * 4096);
	ck_assert_uint_eq(find(seg).records, 200);
	segment_free(&seg);
}
END_TEST

START_TEST(more_than_one_write_takes_goes_in_two)
{
	struct segment *seg = make(0);

	ck_assert_int_eq(append(seg, 0, MANY), ERR_OK);
	ck_assert_uint_eq(find(seg).records, MANY);
	ck_assert_uint_eq(find(seg).last, MANY - 1);
	segment_free(&seg);
}
END_TEST

START_TEST(a_record_lies_as_documented)
{
	static char big[10000];
	struct segment *seg = make(0);
	struct iovec pieces[] = { { big, 4000 }, { NULL, 0 },
		{ big + 4000, 6000 } };
	struct segment_head head;
	struct segread_record back;
	char bytes[SEGREAD_FIRST_BYTES];
	struct outbuf buf = { bytes, 0, sizeof(bytes) };
	char content[10000];
	int fd;

	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 7 + i / 251);
	ck_assert_int_eq(append(seg, 0, 1), ERR_OK);
	spool_message_init(&messages[1], 1, STR(""));
	messages[1].record.pieces = pieces;
	messages[1].record.n_pieces = 3;
	ck_assert_int_eq(segment_append(seg, &messages[1].record, 1), ERR_OK);
	ck_assert_uint_eq(messages[1].record.block, 2);
	ck_assert_int_eq(
	    segread_open(&fd, &head, dir.fd, segment_get_number(seg)), ERR_OK);
	ck_assert_int_eq(segread_load(fd, &head, 2, &buf, &back), ERR_OK);
	ck_assert_uint_eq(back.head.content_bytes, sizeof(big));
	ck_assert_uint_eq(back.head.number, segment_get_number(seg));
	ck_assert(str_eq(back.envelope, messages[1].record.envelope));
	ck_assert_uint_eq(
	    back.content_offset, 2 * 4096 + 128 + back.envelope.len);
	ck_assert_int_eq(
	    pread(fd, content, sizeof(content), (off_t)back.content_offset),
	    (int)sizeof(content));
	ck_assert_mem_eq(content, big, sizeof(big));
	ck_assert_uint_eq(segment_get_bytes(seg), 5 * 4096);
	(void)close(fd);
	segment_free(&seg);
}
END_TEST

START_TEST(what_does_not_fit_is_refused_before_it_is_written)
{
	static char big[MAX_BYTES];
	struct segment *seg = make(0);
	uint64_t room = segment_room_bytes(seg);
	struct spool_message m;
	size_t front;

	ck_assert_uint_eq(room, MAX_BYTES - 4096);
	spool_message_init(&m, 0, (struct str){ big, 1 });
	front = RECORD_HEAD_BYTES + m.record.envelope.len;
	m.piece.iov_len = room - front + 1;
	ck_assert_int_eq(segment_append(seg, &m.record, 1), ERR_RANGE);
	ck_assert(!segment_is_dead(seg));
	ck_assert_uint_eq(segment_get_bytes(seg), 4096);
	m.piece.iov_len--;
	ck_assert_int_eq(segment_append(seg, &m.record, 1), ERR_OK);
	ck_assert_uint_eq(segment_room_bytes(seg), 0);
	ck_assert_int_eq(append(seg, 1, 2), ERR_RANGE);
	ck_assert_uint_eq(find(seg).records, 1);
	segment_free(&seg);
}
END_TEST

START_TEST(bounds_of_the_format_are_kept)
{
	static char envelope[ENVELOPE_MAX_BYTES + 1];
	static struct iovec pieces[SEGMENT_PIECES_MAX + 1];
	struct segment *seg = make(0);
	struct spool_message m;

	spool_message_init(&m, 0, STR("x"));
	m.record.envelope = (struct str){ envelope, sizeof(envelope) };
	ck_assert_int_eq(segment_append(seg, &m.record, 1), ERR_RANGE);
	spool_message_init(&m, 0, STR("x"));
	m.piece.iov_len = RECORD_CONTENT_MAX_BYTES + 1;
	ck_assert_int_eq(segment_append(seg, &m.record, 1), ERR_RANGE);
	spool_message_init(&m, 0, STR("x"));
	for (size_t i = 0; i < COUNT_OF(pieces); i++)
		pieces[i] = m.piece;
	m.record.pieces = pieces;
	m.record.n_pieces = SEGMENT_PIECES_MAX + 1;
	ck_assert_int_eq(segment_append(seg, &m.record, 1), ERR_RANGE);
	m.record.n_pieces = SEGMENT_PIECES_MAX;
	ck_assert_int_eq(segment_append(seg, &m.record, 1), ERR_OK);
	ck_assert_uint_eq(find(seg).records, 1);
	ck_assert_uint_eq(segment_record_bytes(100, 4096 - 228), 4096);
	ck_assert_uint_eq(segment_record_bytes(100, 4096 - 227), 2 * 4096);
	segment_free(&seg);
}
END_TEST

/* --- failures after which nothing is acknowledged (S2) -------------------- */

static const struct {
	const char *fault;
	enum err want;
} appends[] = {
	{ "pwritev:1:EIO", ERR_IO },
	{ "pwritev:1:ENOSPC", ERR_FULL },
	{ "pwritev:1:short,pwritev:2:EIO", ERR_IO },
	{ "pwritev:1:short,pwritev:2:short,pwritev:3:ENOSPC", ERR_FULL },
};

START_TEST(a_failed_write_refuses_its_records_and_keeps_the_others)
{
	struct segment *seg = make(0);
	uint64_t synced;
	struct found found;

	ck_assert_int_eq(append(seg, 0, 3), ERR_OK);
	ck_assert_int_eq(segment_sync(seg), ERR_OK);
	synced = segment_get_bytes(seg);
	arm(appends[_i].fault);
	ck_assert_int_eq(append(seg, 3, 9), appends[_i].want);
	arm("");
	ck_assert(segment_is_dead(seg));
	segment_refuse(seg, synced);
	found = find(seg);
	ck_assert_uint_eq(found.records, 3);
	ck_assert_uint_eq(found.last, 2);
	ck_assert_uint_eq(found.bad, 0);
	ck_assert_int_eq(found.end, SEGWALK_END_OPEN);
	segment_free(&seg);
}
END_TEST

START_TEST(a_short_write_goes_on)
{
	struct segment *seg = make(0);

	arm("pwritev:1:short,pwritev:2:EINTR,pwritev:3:short");
	ck_assert_int_eq(append(seg, 0, 20), ERR_OK);
	ck_assert_uint_eq(find(seg).records, 20);
	segment_free(&seg);
}
END_TEST

START_TEST(a_failed_sync_refuses_what_it_covered)
{
	struct segment *seg = make(0);
	uint64_t synced;

	ck_assert_int_eq(append(seg, 0, 3), ERR_OK);
	ck_assert_int_eq(segment_sync(seg), ERR_OK);
	synced = segment_get_bytes(seg);
	ck_assert_int_eq(append(seg, 3, 5), ERR_OK);
	arm("fdatasync:1:EIO");
	ck_assert_int_eq(segment_sync(seg), ERR_IO);
	segment_refuse(seg, synced);
	ck_assert(segment_is_dead(seg));
	ck_assert_uint_eq(find(seg).records, 3);
	segment_free(&seg);
}
END_TEST

START_TEST(a_refusal_that_fails_itself_ends)
{
	struct segment *seg = make(0);

	ck_assert_int_eq(append(seg, 0, 3), ERR_OK);
	arm("pwrite:1+:EIO");
	segment_refuse(seg, 0);
	arm("");
	ck_assert_uint_eq(find(seg).records, 3);
	segment_free(&seg);
}
END_TEST

START_TEST(a_file_without_a_name_is_not_durable)
{
	struct segment *seg = make(0);
	char name[SEGNAME_BYTES + 1];

	ck_assert_int_eq(append(seg, 0, 1), ERR_OK);
	segname_format(segment_get_number(seg), name);
	ck_assert_int_eq(unlinkat(dir.fd, name, 0), 0);
	ck_assert_int_eq(segment_sync(seg), ERR_IO);
	ck_assert_int_eq(errno, ENOENT);
	segment_free(&seg);
}
END_TEST

/* --- sealing -------------------------------------------------------------- */

START_TEST(a_sealed_segment_is_cut_and_indexed)
{
	struct segment *seg = make(0);
	char name[SEGNAME_BYTES + 1];
	struct found found;
	struct stat st;

	ck_assert_int_eq(append(seg, 0, 5), ERR_OK);
	ck_assert_int_eq(segment_sync(seg), ERR_OK);
	ck_assert_int_eq(segment_seal(seg), ERR_OK);
	ck_assert(segment_is_dead(seg));
	segname_format(segment_get_number(seg), name);
	ck_assert_int_eq(fstatat(dir.fd, name, &st, 0), 0);
	ck_assert_int_eq(st.st_size, 6 * 4096 + 5 * 32 + 64);
	found = find(seg);
	ck_assert_uint_eq(found.records, 5);
	ck_assert_int_eq(found.end, SEGWALK_END_SEALED);
	segment_free(&seg);
}
END_TEST

START_TEST(an_unused_segment_can_be_sealed)
{
	struct segment *seg = make(_i == 0 ? 0 : SEGMENT_OWN);

	ck_assert_int_eq(segment_seal(seg), ERR_OK);
	ck_assert_uint_eq(find(seg).records, 0);
	ck_assert_int_eq(find(seg).end, SEGWALK_END_SEALED);
	segment_free(&seg);
}
END_TEST

START_TEST(a_seal_that_fails_loses_no_record)
{
	static const char *const faults[] = { "ftruncate:1:EIO",
		"pwritev:1:EIO", "pwritev:2:EIO", "fsync:1:EIO" };
	struct segment *seg = make(0);

	ck_assert_int_eq(append(seg, 0, 5), ERR_OK);
	ck_assert_int_eq(segment_sync(seg), ERR_OK);
	arm(faults[_i]);
	ck_assert_int_eq(segment_seal(seg), ERR_IO);
	arm("");
	ck_assert_uint_eq(find(seg).records, 5);
	segment_free(&seg);
}
END_TEST

/* --- a file of its own ---------------------------------------------------- */

static char own_content[300000];

static void
own_write(struct segment *seg, size_t bytes)
{
	struct iovec pieces[2] = { { own_content, bytes / 3 },
		{ own_content + bytes / 3, bytes - bytes / 3 } };

	ck_assert_int_eq(segment_own_write(seg, pieces, 2), ERR_OK);
}

START_TEST(own_content_comes_first_and_the_header_last)
{
	static const size_t sizes[] = { 0, 1, 4096, 4097, 300000 };
	struct segment *seg = make(SEGMENT_OWN);
	struct spool_message m;

	memset(own_content, 'c', sizeof(own_content));
	spool_message_init(&m, 7, STR(""));
	own_write(seg, sizes[_i] / 2);
	own_write(seg, sizes[_i] - sizes[_i] / 2);
	ck_assert_uint_eq(segment_own_content_bytes(seg), sizes[_i]);
	ck_assert_uint_eq(find(seg).records, 0);
	ck_assert_int_eq(segment_own_finish(seg, &m.record), ERR_OK);
	ck_assert_uint_eq(m.record.block, 1 + (sizes[_i] + 4095) / 4096);
	ck_assert_uint_eq(m.record.head.content_bytes, sizes[_i]);
	ck_assert_uint_eq(m.record.head.flags, RECORD_NO_DOT | RECORD_OWN);
	ck_assert_uint_eq(segment_get_bytes(seg), (m.record.block + 1) * 4096);
	ck_assert_uint_eq(find(seg).records, 1);
	ck_assert_uint_eq(find(seg).bad + find(seg).torn, 0);
	ck_assert_int_eq(segment_seal(seg), ERR_OK);
	ck_assert_uint_eq(find(seg).records, 1);
	ck_assert_uint_eq(find(seg).last, 7);
	ck_assert_uint_eq(find(seg).bad, 0);
	ck_assert_int_eq(find(seg).end, SEGWALK_END_SEALED);
	segment_free(&seg);
}
END_TEST

START_TEST(an_own_file_is_used_again)
{
	struct segment *seg = make(SEGMENT_OWN);
	struct spool_message m;

	memset(own_content, 'd', sizeof(own_content));
	own_write(seg, 200000);
	ck_assert_int_eq(segment_own_reset(seg), ERR_OK);
	ck_assert_uint_eq(segment_own_content_bytes(seg), 0);
	own_write(seg, 5000);
	spool_message_init(&m, 8, STR(""));
	ck_assert_int_eq(segment_own_finish(seg, &m.record), ERR_OK);
	ck_assert_uint_eq(m.record.block, 3);
	ck_assert_uint_eq(find(seg).records, 1);
	ck_assert_uint_eq(find(seg).bad + find(seg).torn, 0);
	segment_free(&seg);
}
END_TEST

/* Content is durable before the header is written: a header that is found says
 * that the record is whole. */
static unsigned syncs_before_header;
static unsigned n_syncs;

static int
count_fdatasync(int fd)
{
	n_syncs++;
	return true_fdatasync(fd);
}

static ssize_t
watch_pwritev(int fd, const struct iovec *v, int n, off_t at)
{
	syncs_before_header = n_syncs;
	return true_pwritev(fd, v, n, at);
}

START_TEST(own_content_is_synced_before_the_header)
{
	struct segment *seg = make(SEGMENT_OWN);
	struct spool_message m;

	own_write(seg, 5000);
	spool_message_init(&m, 8, STR(""));
	true_fdatasync = sys.fdatasync;
	true_pwritev = sys.pwritev;
	sys.fdatasync = count_fdatasync;
	sys.pwritev = watch_pwritev;
	ck_assert_int_eq(segment_own_finish(seg, &m.record), ERR_OK);
	sys.fdatasync = true_fdatasync;
	sys.pwritev = true_pwritev;
	ck_assert_uint_eq(syncs_before_header, 1);
	ck_assert_uint_eq(n_syncs, 2);
	segment_free(&seg);
}
END_TEST

START_TEST(an_own_record_that_fails_is_refused)
{
	static const struct {
		const char *fault;
		enum err want;
	} faults[] = {
		{ "fdatasync:1:EIO", ERR_IO },
		{ "pwritev:1:ENOSPC", ERR_FULL },
		{ "pwritev:1:short,pwritev:2:EIO", ERR_IO },
		{ "fdatasync:2:EIO", ERR_IO },
		{ "fstat:2:EIO", ERR_IO },
	};
	struct segment *seg = make(SEGMENT_OWN);
	struct spool_message m;

	own_write(seg, 5000);
	spool_message_init(&m, 8, STR(""));
	arm(faults[_i].fault);
	ck_assert_int_eq(segment_own_finish(seg, &m.record), faults[_i].want);
	arm("");
	ck_assert(segment_is_dead(seg));
	segment_refuse(seg, 0);
	ck_assert_uint_eq(find(seg).records, 0);
	segment_free(&seg);
}
END_TEST

START_TEST(own_writes_that_fail_kill_the_segment)
{
	struct segment *seg = make(SEGMENT_OWN);
	struct iovec piece = { own_content, 100 };
	struct iovec huge = { own_content, RECORD_CONTENT_MAX_BYTES + 1 };

	ck_assert_int_eq(segment_own_write(seg, &huge, 1), ERR_RANGE);
	ck_assert(!segment_is_dead(seg));
	arm(_i == 0 ? "pwritev:1:ENOSPC" : "ftruncate:1:EIO");
	if (_i == 0)
		ck_assert_int_eq(segment_own_write(seg, &piece, 1), ERR_FULL);
	else
		ck_assert_int_eq(segment_own_reset(seg), ERR_IO);
	ck_assert(segment_is_dead(seg));
	segment_refuse(seg, 0);
	segment_free(&seg);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, a_new_segment_is_named_locked_and_allocated);
	tcase_add_test(tc, a_name_that_exists_is_passed_over);
	tcase_add_loop_test(
	    tc, each_failing_call_ends_a_birth, 0, (int)COUNT_OF(births));
	tcase_add_test(tc, records_of_a_turn_go_in_one_write);
	tcase_add_test(tc, more_than_one_write_takes_goes_in_two);
	tcase_add_test(tc, a_record_lies_as_documented);
	tcase_add_test(tc, what_does_not_fit_is_refused_before_it_is_written);
	tcase_add_test(tc, bounds_of_the_format_are_kept);
	tcase_add_loop_test(tc,
	    a_failed_write_refuses_its_records_and_keeps_the_others, 0,
	    (int)COUNT_OF(appends));
	tcase_add_test(tc, a_short_write_goes_on);
	tcase_add_test(tc, a_failed_sync_refuses_what_it_covered);
	tcase_add_test(tc, a_refusal_that_fails_itself_ends);
	tcase_add_test(tc, a_file_without_a_name_is_not_durable);
	tcase_add_test(tc, a_sealed_segment_is_cut_and_indexed);
	tcase_add_loop_test(tc, an_unused_segment_can_be_sealed, 0, 2);
	tcase_add_loop_test(tc, a_seal_that_fails_loses_no_record, 0, 4);
	tcase_add_loop_test(
	    tc, own_content_comes_first_and_the_header_last, 0, 5);
	tcase_add_test(tc, an_own_file_is_used_again);
	tcase_add_test(tc, own_content_is_synced_before_the_header);
	tcase_add_loop_test(tc, an_own_record_that_fails_is_refused, 0, 5);
	tcase_add_loop_test(tc, own_writes_that_fail_kill_the_segment, 0, 2);
}

int
main(void)
{
	Suite *suite = suite_create("segment");
	TCase *tc = tcase_create("segment");
	SRunner *runner;
	int failed;

	add_tests(tc);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
