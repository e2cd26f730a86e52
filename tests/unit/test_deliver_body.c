/* SPDX-License-Identifier: BSD-2-Clause */
/* test_deliver_body: content from a file, coded and checked, or not at all. */
#include "deliver/body.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <check.h>

#include "util/base/array.h"
#include "util/io/sys.h"
#include "util/mail/dotstuff.h"
#include "util/spool/record.h"
#include "util/spool/segfmt.h"

#define SALT 77
#define CONTENT_AT 5000
#define CONTENT_MAX 400000
#define OUT_MAX (2 * CONTENT_MAX + 16)

static char content[CONTENT_MAX];
static struct segread_record record;
static struct buf out;
static struct body body;
static int fd;
static unsigned reads, fail_at;
static struct sys_table real;

static ssize_t
pread_that_fails(int file, void *p, size_t n, off_t at)
{
	if (++reads == fail_at) {
		errno = EIO;
		return -1;
	}
	return real.pread(file, p, n, at);
}

static void
setup(void)
{
	fd = memfd_create("segment", MFD_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	buf_init(&out, OUT_MAX);
	real = sys;
	sys.pread = pread_that_fails;
	reads = fail_at = 0;
}

static void
teardown(void)
{
	sys = real;
	buf_fini(&out);
	(void)close(fd);
}

/* A file with the first n bytes of content. */
static void
write_record(size_t n, uint16_t flags)
{
	uint32_t crc = segment_crc_begin(SALT);

	ck_assert_int_eq(ftruncate(fd, 0), 0);
	ck_assert_int_eq(pwrite(fd, content, n, CONTENT_AT), (ssize_t)n);
	record = (struct segread_record){
		.head = {
			.salt = SALT,
			.content_bytes = n,
			.content_crc = record_content_crc(crc, content, n),
			.flags = flags,
		},
		.content_offset = CONTENT_AT,
	};
	buf_fini(&out);
}

/* Steps until the end or a failure. */
static enum err
put_all(void)
{
	enum err err;

	do
		err = body_put(&body, &out);
	while (err == ERR_AGAIN);
	return err;
}

/* What a server makes of it is what was written, with its last line end. */
static void
assert_arrives(size_t n)
{
	static char decoded[CONTENT_MAX + 2];
	struct outbuf got = { decoded, 0, sizeof(decoded) };
	struct dotstuff_conf conf = { .line_max_bytes = CONTENT_MAX + 2 };
	struct str coded = buf_view(&out);
	bool is_ended = n == 0 || content[n - 1] == '\n';
	struct dotstuff ds;

	dotstuff_init(&ds, &conf);
	ck_assert_int_eq(dotstuff_decode(&ds, &coded, &got), ERR_OK);
	ck_assert_uint_eq(coded.len, 0);
	ck_assert_uint_eq(got.len, n + (is_ended ? 0 : 2));
	ck_assert_mem_eq(decoded, content, n);
}

/* As many of these lines as there is room for, and one that fills the rest. */
static void
fill(const char *line, size_t n)
{
	size_t len = strlen(line), at;

	for (at = 0; at + len + 2 <= n; at += len)
		memcpy(content + at, line, len);
	memset(content + at, 'y', n - at);
	if (n >= 2)
		memcpy(content + n - 2, "\r\n", 2);
}

static const size_t sizes[] = { 0, 2, 3, 1000, BODY_STEP_BYTES - 1,
	BODY_STEP_BYTES, BODY_STEP_BYTES + 1, 2 * BODY_STEP_BYTES,
	2 * BODY_STEP_BYTES + 1, CONTENT_MAX - 2 };

START_TEST(content_arrives_whatever_its_size)
{
	size_t n = sizes[_i];

	fill("..x\r\n.\r\ny\r\n", n);
	write_record(n, 0);
	ck_assert_int_eq(body_init(&body, fd, &record, STR("")), ERR_OK);
	ck_assert_int_eq(put_all(), ERR_OK);
	ck_assert_int_eq(body_put_end(&body, &out), ERR_OK);
	assert_arrives(n);

	fill("x\r\ny.z\r\n", n);
	write_record(n, RECORD_NO_DOT);
	ck_assert_int_eq(body_init(&body, fd, &record, STR("")), ERR_OK);
	ck_assert_int_eq(put_all(), ERR_OK);
	ck_assert_int_eq(body_put_end(&body, &out), ERR_OK);
	assert_arrives(n);
}
END_TEST

START_TEST(a_last_line_without_end_gets_one)
{
	static const uint16_t flags[] = { 0, RECORD_NO_DOT };

	for (size_t i = 0; i < COUNT_OF(flags); i++) {
		memset(content, 'x', BODY_STEP_BYTES + 1);
		write_record(BODY_STEP_BYTES + 1, flags[i]);
		ck_assert_int_eq(
		    body_init(&body, fd, &record, STR("")), ERR_OK);
		ck_assert_int_eq(put_all(), ERR_OK);
		ck_assert_int_eq(body_put_end(&body, &out), ERR_OK);
		assert_arrives(BODY_STEP_BYTES + 1);
	}
}
END_TEST

START_TEST(an_end_is_seen_across_two_steps)
{
	/* CR is the last byte of one step, LF the first of the next. */
	memset(content, 'x', BODY_STEP_BYTES);
	memcpy(content + BODY_STEP_BYTES - 1, "\r\n", 2);
	write_record(BODY_STEP_BYTES + 1, RECORD_NO_DOT);
	ck_assert_int_eq(body_init(&body, fd, &record, STR("")), ERR_OK);
	ck_assert_int_eq(put_all(), ERR_OK);
	ck_assert_int_eq(body_put_end(&body, &out), ERR_OK);
	assert_arrives(BODY_STEP_BYTES + 1);
}
END_TEST

/* Header and envelope as read, and with them some of the content. */
static struct str
make_front(size_t content_bytes)
{
	static char front[RECORD_HEAD_BYTES + 10 + 1000];

	memset(front, 0, sizeof(front));
	memcpy(front + RECORD_HEAD_BYTES + 10, content, content_bytes);
	record.head.envelope_bytes = 10;
	return (struct str){ front, RECORD_HEAD_BYTES + 10 + content_bytes };
}

START_TEST(content_that_came_along_is_not_read_again)
{
	fill("x\r\n", 100);
	write_record(100, 0);
	ck_assert_int_eq(
	    body_init(&body, fd, &record, make_front(100)), ERR_OK);
	ck_assert_int_eq(put_all(), ERR_OK);
	ck_assert_int_eq(body_put_end(&body, &out), ERR_OK);
	ck_assert_uint_eq(reads, 0);
	assert_arrives(100);

	/* Padding behind it is not content; a byte too few is not all. */
	write_record(100, 0);
	ck_assert_int_eq(
	    body_init(&body, fd, &record, make_front(101)), ERR_OK);
	ck_assert_int_eq(put_all(), ERR_OK);
	ck_assert_uint_eq(reads, 0);
	write_record(100, 0);
	ck_assert_int_eq(body_init(&body, fd, &record, make_front(99)), ERR_OK);
	ck_assert_int_eq(put_all(), ERR_OK);
	ck_assert_uint_gt(reads, 0);

	/* In a file of its own the content lies elsewhere. */
	reads = 0;
	write_record(100, RECORD_OWN);
	ck_assert_int_eq(
	    body_init(&body, fd, &record, make_front(100)), ERR_OK);
	ck_assert_int_eq(put_all(), ERR_OK);
	ck_assert_uint_gt(reads, 0);
}
END_TEST

START_TEST(changed_content_is_told_before_its_end)
{
	fill("x\r\n", BODY_STEP_BYTES + 100);
	write_record(BODY_STEP_BYTES + 100, RECORD_NO_DOT);
	ck_assert_int_eq(pwrite(fd, "?", 1, CONTENT_AT + 7), 1);
	ck_assert_int_eq(body_init(&body, fd, &record, STR("")), ERR_OK);
	ck_assert_int_eq(body_put(&body, &out), ERR_AGAIN);
	ck_assert_int_eq(body_put(&body, &out), ERR_SYNTAX);
	/* The bytes of the last step are not sent either. */
	ck_assert_uint_eq(buf_len(&out), BODY_STEP_BYTES);

	write_record(100, 0);
	record.head.content_crc ^= 1;
	ck_assert_int_eq(
	    body_init(&body, fd, &record, make_front(100)), ERR_SYNTAX);
}
END_TEST

START_TEST(a_file_that_ends_early_is_damage)
{
	fill("x\r\n", 1000);
	write_record(1000, 0);
	ck_assert_int_eq(ftruncate(fd, CONTENT_AT + 999), 0);
	ck_assert_int_eq(body_init(&body, fd, &record, STR("")), ERR_OK);
	ck_assert_int_eq(put_all(), ERR_SYNTAX);
}
END_TEST

START_TEST(a_read_that_fails_is_no_damage)
{
	static const uint16_t flags[] = { 0, RECORD_NO_DOT };

	fill("x\r\n", 2 * BODY_STEP_BYTES);
	for (size_t i = 0; i < COUNT_OF(flags); i++) {
		write_record(2 * BODY_STEP_BYTES, flags[i]);
		ck_assert_int_eq(
		    body_init(&body, fd, &record, STR("")), ERR_OK);
		reads = 0;
		fail_at = 2;
		ck_assert_int_eq(body_put(&body, &out), ERR_AGAIN);
		ck_assert_int_eq(body_put(&body, &out), ERR_IO);
		ck_assert_uint_eq(buf_len(&out), BODY_STEP_BYTES);
	}
}
END_TEST

START_TEST(output_without_room_is_told)
{
	struct buf small;

	fill("x\r\n", BODY_STEP_BYTES);
	write_record(BODY_STEP_BYTES, RECORD_NO_DOT);
	buf_init(&small, BODY_STEP_BYTES - 1);
	ck_assert_int_eq(body_init(&body, fd, &record, STR("")), ERR_OK);
	ck_assert_int_eq(body_put(&body, &small), ERR_FULL);
	buf_fini(&small);
	write_record(BODY_STEP_BYTES, 0);
	buf_init(&small, 2 * BODY_STEP_BYTES - 1);
	ck_assert_int_eq(body_init(&body, fd, &record, STR("")), ERR_OK);
	ck_assert_int_eq(body_put(&body, &small), ERR_FULL);
	buf_fini(&small);
	buf_init(&small, 2);
	ck_assert_int_eq(body_put_end(&body, &small), ERR_FULL);
	buf_fini(&small);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("deliver_body");
	TCase *tc = tcase_create("core");
	SRunner *sr;
	int n_failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(
	    tc, content_arrives_whatever_its_size, 0, (int)COUNT_OF(sizes));
	tcase_add_test(tc, a_last_line_without_end_gets_one);
	tcase_add_test(tc, an_end_is_seen_across_two_steps);
	tcase_add_test(tc, content_that_came_along_is_not_read_again);
	tcase_add_test(tc, changed_content_is_told_before_its_end);
	tcase_add_test(tc, a_file_that_ends_early_is_damage);
	tcase_add_test(tc, a_read_that_fails_is_no_damage);
	tcase_add_test(tc, output_without_room_is_told);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	n_failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
