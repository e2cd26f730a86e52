/* SPDX-License-Identifier: BSD-2-Clause */
/* test_segread: files and single records, whole, cut, and unreadable. */
#include "util/spool/segread.h"

#include <check.h>

#include "tests/lib/spool.h"
#include "util/io/sys.h"

#define BLOCK 4096

static const struct segment_head seg = { .number = 0x1234,
	.salt = UINT64_C(0xfeedfacecafebeef) };
static const struct segment_head own_seg = { .number = 0x1234,
	.salt = UINT64_C(0xfeedfacecafebeef),
	.flags = SEGMENT_OWN };

/* A segment with records 1, 2, 3 in blocks 1, 2, 3. */
static char image[4 * BLOCK];

static void
put_record(unsigned n, struct str content)
{
	struct spool_message m;
	struct record_head *head = &m.record.head;
	char *p = image + n * BLOCK;

	spool_message_init(&m, n, content);
	head->salt = seg.salt;
	head->number = seg.number;
	head->envelope_bytes = (uint32_t)m.record.envelope.len;
	head->content_bytes = content.len;
	head->content_crc = record_content_crc(
	    segment_crc_begin(seg.salt), content.ptr, content.len);
	record_encode(head, m.record.envelope, (uint8_t *)p);
	p += RECORD_HEAD_BYTES;
	memcpy(p, m.record.envelope.ptr, m.record.envelope.len);
	memcpy(p + m.record.envelope.len, content.ptr, content.len);
}

static void
set_up(void)
{
	segment_head_encode(&seg, (uint8_t *)image);
	put_record(1, STR("one\r\n"));
	put_record(2, STR("two\r\n"));
	put_record(3, STR("three\r\n"));
}

static void
tear_down(void)
{
	ck_assert_int_eq(sys_fault_init(""), ERR_OK);
}

static int
open_image(void)
{
	return spool_memfd((struct str){ image, sizeof(image) });
}

START_TEST(a_record_is_loaded_with_one_read_when_small)
{
	char bytes[SEGREAD_FIRST_BYTES];
	struct outbuf buf = { bytes, 0, sizeof(bytes) };
	struct segread_record rec;
	int fd;

	fd = open_image();
	ck_assert_int_eq(sys_fault_init("pread:2+:EIO"), ERR_OK);
	ck_assert_int_eq(segread_load(fd, &seg, 2, &buf, &rec), ERR_OK);
	ck_assert_uint_eq(spool_message_number(&rec.head), 2);
	ck_assert_uint_ge(
	    buf.len, RECORD_HEAD_BYTES + rec.envelope.len + STR("two\r\n").len);
	ck_assert_mem_eq(rec.envelope.ptr + rec.envelope.len, "two\r\n", 5);
	ck_assert_uint_eq(rec.content_offset,
	    2 * BLOCK + RECORD_HEAD_BYTES + rec.envelope.len);
	(void)close(fd);
}
END_TEST

START_TEST(what_is_no_record_is_told_from_what_cannot_be_read)
{
	char bytes[SEGREAD_FIRST_BYTES];
	struct outbuf buf = { bytes, 0, sizeof(bytes) };
	struct segread_record rec;
	int fd;

	image[2 * BLOCK + 50] ^= 1;
	image[3 * BLOCK] = 'X';
	fd = open_image();
	ck_assert_int_eq(segread_load(fd, &seg, 2, &buf, &rec), ERR_SYNTAX);
	ck_assert_int_eq(segread_load(fd, &seg, 3, &buf, &rec), ERR_NOTFOUND);
	ck_assert_int_eq(segread_load(fd, &seg, 99, &buf, &rec), ERR_NOTFOUND);
	ck_assert_int_eq(segread_load(fd, &own_seg, 1, &buf, &rec), ERR_SYNTAX);
	ck_assert_int_eq(sys_fault_init("pread:1:EIO"), ERR_OK);
	ck_assert_int_eq(segread_load(fd, &seg, 1, &buf, &rec), ERR_IO);
	ck_assert_int_eq(segread_load(fd, &seg, 1, &buf, &rec), ERR_OK);
	(void)close(fd);
}
END_TEST

START_TEST(a_long_envelope_needs_a_longer_buffer)
{
	static char file[BLOCK + 5 * BLOCK];
	static char bytes[5 * BLOCK];
	struct outbuf buf = { bytes, 0, SEGREAD_FIRST_BYTES };
	struct record_head head = {
		.salt = seg.salt, .number = seg.number, .envelope_bytes = 20000
	};
	struct str envelope = { file + BLOCK + RECORD_HEAD_BYTES, 20000 };
	struct segread_record rec;
	int fd;

	memset(file + BLOCK + RECORD_HEAD_BYTES, 'e', 20000);
	record_encode(&head, envelope, (uint8_t *)file + BLOCK);
	fd = spool_memfd((struct str){ file, sizeof(file) });
	ck_assert_int_eq(segread_load(fd, &seg, 1, &buf, &rec), ERR_FULL);
	ck_assert_uint_eq(rec.head.envelope_bytes, 20000);
	buf.cap = RECORD_HEAD_BYTES + 20000 - 1;
	ck_assert_int_eq(segread_load(fd, &seg, 1, &buf, &rec), ERR_FULL);
	buf.cap++;
	ck_assert_int_eq(segread_load(fd, &seg, 1, &buf, &rec), ERR_OK);
	ck_assert_uint_eq(rec.envelope.len, 20000);
	ck_assert_int_eq(ftruncate(fd, BLOCK + RECORD_HEAD_BYTES + 19999), 0);
	ck_assert_int_eq(segread_load(fd, &seg, 1, &buf, &rec), ERR_SYNTAX);
	(void)close(fd);
}
END_TEST

START_TEST(content_is_checked_piece_by_piece)
{
	struct str content = STR("0123456789");
	int fd = spool_memfd(content);
	struct record_head head = { .salt = 5, .content_bytes = 10 };
	struct segread_content c;
	char buf[4];
	char all[99];

	head.content_crc =
	    record_content_crc(segment_crc_begin(5), content.ptr, 10);
	segread_content_init(&c, &head, 0);
	ck_assert_int_eq(segread_content_step(&c, fd, buf, 4), ERR_AGAIN);
	ck_assert_int_eq(sys_fault_init("pread:1:EIO"), ERR_OK);
	ck_assert_int_eq(segread_content_step(&c, fd, buf, 4), ERR_IO);
	ck_assert_int_eq(segread_content_step(&c, fd, buf, 4), ERR_AGAIN);
	ck_assert_int_eq(segread_content_step(&c, fd, buf, 4), ERR_OK);
	segread_content_init(&c, &head, 1);
	ck_assert_int_eq(segread_content_step(&c, fd, buf, 4), ERR_AGAIN);
	ck_assert_int_eq(segread_content_step(&c, fd, buf, 4), ERR_AGAIN);
	ck_assert_int_eq(segread_content_step(&c, fd, buf, 4), ERR_SYNTAX);
	head.content_crc++;
	segread_content_init(&c, &head, 0);
	ck_assert_int_eq(
	    segread_content_step(&c, fd, all, sizeof(all)), ERR_SYNTAX);
	(void)close(fd);
}
END_TEST

START_TEST(a_segment_is_opened_by_its_number)
{
	struct spool_dir d;
	struct segment_head head;
	int fd, file;

	spool_dir_init(&d);
	file = openat(
	    d.fd, "0000000000001234", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_eq(segread_open(&fd, &head, d.fd, 0x1234), ERR_SYNTAX);
	ck_assert_int_eq(pwrite(file, image, BLOCK, 0), BLOCK);
	ck_assert_int_eq(segread_open(&fd, &head, d.fd, 0x1234), ERR_OK);
	ck_assert_uint_eq(head.salt, seg.salt);
	(void)close(fd);
	ck_assert_int_eq(segread_open(&fd, &head, d.fd, 0x1235), ERR_NOTFOUND);
	ck_assert_int_eq(sys_fault_init("openat:1:EMFILE"), ERR_OK);
	ck_assert_int_eq(segread_open(&fd, &head, d.fd, 0x1234), ERR_IO);
	ck_assert_int_eq(
	    linkat(d.fd, "0000000000001234", d.fd, "0000000000001235", 0), 0);
	ck_assert_int_eq(segread_open(&fd, &head, d.fd, 0x1235), ERR_SYNTAX);
	ck_assert_int_eq(fd, -1);
	(void)close(file);
	spool_dir_fini(&d);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("segread");
	TCase *tc = tcase_create("segread");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, a_record_is_loaded_with_one_read_when_small);
	tcase_add_test(tc, what_is_no_record_is_told_from_what_cannot_be_read);
	tcase_add_test(tc, a_long_envelope_needs_a_longer_buffer);
	tcase_add_test(tc, content_is_checked_piece_by_piece);
	tcase_add_test(tc, a_segment_is_opened_by_its_number);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
