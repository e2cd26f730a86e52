/* SPDX-License-Identifier: BSD-2-Clause */
/* test_segwalk: walks over whole, torn, damaged and growing segments. */
#include "util/spool/segwalk.h"

#include <errno.h>

#include <check.h>

#include "tests/lib/segimage.h"
#include "util/base/array.h"
#include "util/base/crc32c.h"
#include "util/base/le.h"
#include "util/io/sys.h"

/* --- whole files ---------------------------------------------------------- */

START_TEST(an_open_segment_is_walked_to_its_end)
{
	struct told t;

	put_three();
	walk_image(&t);
	ck_assert_str_eq(t.text, "R1 R2 R3 E4+0 ");
	/* Space that was allocated ahead is nothing. */
	image.len += 20 * BLOCK;
	walk_image(&t);
	ck_assert_str_eq(t.text, "R1 R2 R3 E24+0 ");
}
END_TEST

START_TEST(a_sealed_segment_is_walked_in_each_way)
{
	struct told t;
	int fd;

	put_three();
	fd = open_image();
	seal(fd, &seg);
	for (int mode = SEGWALK_HEADERS; mode <= SEGWALK_INDEX; mode++) {
		walk(&t, fd, &seg, (enum segwalk_mode)mode);
		ck_assert_str_eq(t.text, "R1 R2 R3 S4+0 ");
	}
	(void)close(fd);
}
END_TEST

START_TEST(an_item_holds_the_front_of_the_record)
{
	struct segwalk_item item;
	struct segwalk r;
	struct envelope env;
	struct record_head head;
	struct str envelope;
	int fd;

	put(1, STR("one\r\n"));
	fd = open_image();
	begin(&r, fd, &seg, (enum segwalk_mode)_i);
	ck_assert_int_eq(segwalk_next(&r, &item), ERR_OK);
	ck_assert_int_eq(item.kind, SEGWALK_RECORD);
	ck_assert(item.has_head);
	ck_assert_uint_eq(item.offset, BLOCK);
	ck_assert_uint_eq(item.bytes, BLOCK);
	ck_assert_int_eq(
	    record_decode(&head, item.front, NULL, &envelope), ERR_OK);
	ck_assert(str_eq(envelope, item.envelope));
	ck_assert_int_eq(envelope_parse(&env, item.envelope), ERR_OK);
	ck_assert(str_eq(env.texts.sender, STR("s1@example.test")));
	(void)close(fd);
}
END_TEST

START_TEST(the_index_tells_what_stands_in_the_footer)
{
	struct segwalk_item item;
	struct segwalk r;
	int fd;

	put(1, STR("one\r\n"));
	put(2, (struct str){ image.bytes + 20 * BLOCK, 5000 });
	fd = open_image();
	seal(fd, &seg);
	begin(&r, fd, &seg, SEGWALK_INDEX);
	ck_assert_int_eq(segwalk_next(&r, &item), ERR_OK);
	ck_assert_int_eq(segwalk_next(&r, &item), ERR_OK);
	ck_assert(!item.has_head);
	ck_assert_uint_eq(item.offset, 2 * BLOCK);
	ck_assert_uint_eq(item.bytes, 2 * BLOCK);
	ck_assert_uint_eq(item.head.crc, image.entries[1].crc);
	ck_assert_uint_eq(item.head.flags, RECORD_NO_DOT);
	(void)close(fd);
}
END_TEST

START_TEST(an_envelope_may_be_longer_than_the_window)
{
	static struct segment_entry entries[1];
	struct footer footer = { entries, 1, 1 + 49 };
	static char file[50 * BLOCK];
	struct record_head head = {
		.salt = seg.salt, .number = seg.number, .envelope_bytes = 190000
	};
	struct str envelope = { file + BLOCK + RECORD_HEAD_BYTES, 190000 };
	struct told t;
	int fd;

	memset(file, 'e', sizeof(file));
	head.content_bytes = 1000;
	head.content_crc =
	    record_content_crc(segment_crc_begin(seg.salt), envelope.ptr, 1000);
	record_encode(&head, envelope, (uint8_t *)file + BLOCK);
	fd = spool_memfd((struct str){ file, sizeof(file) });
	walk(&t, fd, &seg, SEGWALK_CONTENTS);
	ck_assert_str_eq(t.text, "R0 T48+2 E50+0 ");
	ck_assert_uint_eq(footer.n, 1);
	(void)close(fd);
}
END_TEST

/* --- torn and damaged ----------------------------------------------------- */

START_TEST(a_torn_tail_is_told_from_damage)
{
	struct told t;

	put_three();
	image.bytes[3 * BLOCK + 200] ^= 1;
	walk_image(&t);
	ck_assert_str_eq(t.text, "R1 R2 T3+1 E4+0 ");
	put(4, STR("four\r\n"));
	walk_image(&t);
	ck_assert_str_eq(t.text, "R1 R2 B3+1 R4 E5+0 ");
}
END_TEST

START_TEST(a_lost_header_leaves_a_gap)
{
	struct told t;

	put_three();
	memset(image.bytes + 2 * BLOCK, 0, BLOCK);
	walk_image(&t);
	ck_assert_str_eq(t.text, "R1 G2+1 R3 E4+0 ");
	memset(image.bytes + 3 * BLOCK, 0, 128);
	walk_image(&t);
	ck_assert_str_eq(t.text, "R1 T2+2 E4+0 ");
}
END_TEST

START_TEST(content_is_looked_at_when_asked_for)
{
	static char big[3 * BLOCK];
	struct told t;
	int fd;

	put(1, STR("one\r\n"));
	put(2, (struct str){ big, sizeof(big) });
	put(3, STR("three\r\n"));
	image.bytes[4 * BLOCK] ^= 1;
	fd = open_image();
	walk(&t, fd, &seg, SEGWALK_HEADERS);
	ck_assert_str_eq(t.text, "R1 R2 R3 E7+0 ");
	walk(&t, fd, &seg, SEGWALK_CONTENTS);
	ck_assert_str_eq(t.text, "R1 B2+4 R3 E7+0 ");
	/* Two in a row, the last of all: nobody was told of either. */
	image.bytes[6 * BLOCK + 150] ^= 1;
	walk_image(&t);
	ck_assert_str_eq(t.text, "R1 T2+5 E7+0 ");
	(void)close(fd);
}
END_TEST

START_TEST(damage_before_a_footer_is_no_torn_tail)
{
	struct told t;
	int fd;

	put_three();
	image.bytes[3 * BLOCK + 30] ^= 1;
	fd = open_image();
	seal(fd, &seg);
	walk(&t, fd, &seg, SEGWALK_HEADERS);
	ck_assert_str_eq(t.text, "R1 R2 B3+1 S4+0 ");
	/* The footer still knows of it. */
	walk(&t, fd, &seg, SEGWALK_INDEX);
	ck_assert_str_eq(t.text, "R1 R2 R3 S4+0 ");
	(void)close(fd);
}
END_TEST

START_TEST(a_damaged_footer_is_no_seal)
{
	struct told t;
	int fd;

	put_three();
	fd = open_image();
	seal(fd, &seg);
	ck_assert_int_eq(pwrite(fd, "x", 1, 4 * BLOCK + 9), 1);
	ck_assert_int_eq(segread_is_sealed(fd, &seg, NULL), ERR_SYNTAX);
	walk(&t, fd, &seg, SEGWALK_INDEX);
	ck_assert_str_eq(t.text, "R1 R2 R3 T4+1 E4+0 ");
	(void)close(fd);
}
END_TEST

START_TEST(a_record_that_runs_past_the_end_is_torn)
{
	static char big[3 * BLOCK];
	struct told t;

	put(1, STR("one\r\n"));
	put(2, (struct str){ big, sizeof(big) });
	image.len -= 2 * BLOCK;
	walk_image(&t);
	ck_assert_str_eq(t.text, "R1 T2+1 E4+0 ");
}
END_TEST

START_TEST(padding_may_be_missing)
{
	struct told t;

	put_three();
	image.len -= 3000;
	walk_image(&t);
	ck_assert_str_eq(t.text, "R1 R2 R3 E3+0 ");
}
END_TEST

/* --- what looks like a record and is none --------------------------------- */

/* The walk comes by the content only when the header before it is gone. */
START_TEST(content_that_imitates_records_is_content)
{
	static char big[4 * BLOCK];
	struct told t;
	char *border;

	put(1, STR("one\r\n"));
	put(2, (struct str){ big, sizeof(big) });
	put(3, STR("three\r\n"));
	/* Record 1 once more, all right but for the salt. */
	border = image.bytes + 4 * BLOCK;
	memcpy(border, image.bytes + BLOCK, BLOCK);
	le_put64(border + 8, seg.salt ^ 1);
	image.bytes[2 * BLOCK] = 'X';
	walk_image(&t);
	ck_assert_str_eq(t.text, "R1 G2+5 R3 E8+0 ");
	/* With the salt it would be one: a secret of the spool. */
	le_put64(border + 8, seg.salt);
	walk_image(&t);
	ck_assert_str_eq(t.text, "R1 G2+2 R1 G5+2 R3 E8+0 ");
}
END_TEST

START_TEST(a_record_of_another_segment_is_none)
{
	struct segment_head other = seg;
	struct told t;
	int fd;

	put_three();
	fd = open_image();
	other.salt++;
	walk(&t, fd, &other, SEGWALK_HEADERS);
	ck_assert_str_eq(t.text, "T1+3 E4+0 ");
	other = seg;
	other.number++;
	walk(&t, fd, &other, SEGWALK_HEADERS);
	ck_assert_str_eq(t.text, "T1+3 E4+0 ");
	(void)close(fd);
}
END_TEST

START_TEST(a_newer_record_is_left_alone)
{
	struct told t;
	uint8_t *p = (uint8_t *)image.bytes + 2 * BLOCK;
	uint32_t crc;

	put_three();
	le_put16(p + 4, RECORD_VERSION + 1);
	crc = crc32c(segment_crc_begin(seg.salt), p, 124);
	crc = crc32c(crc, p + 128, le_get32(p + 32));
	le_put32(p + 124, crc);
	walk_image(&t);
	ck_assert_str_eq(t.text, "R1 ");
	ck_assert_int_eq(t.err, ERR_RANGE);
}
END_TEST

/* --- files of their own --------------------------------------------------- */

static char own_content[2 * BLOCK + 100];

static void
put_own(void)
{
	memset(own_content, 'x', sizeof(own_content));
	memcpy(own_content, "HREC", 4);
	segment_head_encode(&own_seg, (uint8_t *)image.bytes);
	memcpy(image.bytes + BLOCK, own_content, sizeof(own_content));
	image.len = record_own_offset(sizeof(own_content));
	put_record(7, (struct str){ own_content, sizeof(own_content) }, true);
}

START_TEST(an_own_record_stands_behind_its_content)
{
	struct told t;
	int fd;

	put_own();
	fd = open_image();
	walk(&t, fd, &own_seg, SEGWALK_CONTENTS);
	ck_assert_str_eq(t.text, "R7 E5+0 ");
	seal(fd, &own_seg);
	for (int mode = SEGWALK_HEADERS; mode <= SEGWALK_INDEX; mode++) {
		walk(&t, fd, &own_seg, (enum segwalk_mode)mode);
		ck_assert_str_eq(t.text, "R7 S5+0 ");
	}
	(void)close(fd);
}
END_TEST

START_TEST(an_own_file_without_header_is_torn)
{
	struct told t;
	int fd;

	put_own();
	image.len -= BLOCK;
	fd = open_image();
	walk(&t, fd, &own_seg, SEGWALK_HEADERS);
	ck_assert_str_eq(t.text, "T1+3 E4+0 ");
	(void)close(fd);
}
END_TEST

START_TEST(damaged_own_content_is_seen)
{
	struct told t;
	int fd;

	put_own();
	image.bytes[2 * BLOCK] ^= 1;
	fd = open_image();
	walk(&t, fd, &own_seg, SEGWALK_CONTENTS);
	ck_assert_str_eq(t.text, "T1+4 E5+0 ");
	seal(fd, &own_seg);
	walk(&t, fd, &own_seg, SEGWALK_CONTENTS);
	ck_assert_str_eq(t.text, "B4+1 S5+0 ");
	(void)close(fd);
}
END_TEST

START_TEST(an_own_record_elsewhere_is_none)
{
	struct told t;
	int fd;

	put_own();
	memcpy(image.bytes + 5 * BLOCK, image.bytes + 4 * BLOCK, BLOCK);
	memset(image.bytes + 4 * BLOCK, 0, BLOCK);
	image.len += BLOCK;
	fd = open_image();
	walk(&t, fd, &own_seg, SEGWALK_HEADERS);
	ck_assert_str_eq(t.text, "T1+5 E6+0 ");
	/* Nor in a file that is shared. */
	walk(&t, fd, &seg, SEGWALK_HEADERS);
	ck_assert_str_eq(t.text, "T1+5 E6+0 ");
	(void)close(fd);
}
END_TEST

/* --- slices, limits, errors ----------------------------------------------- */

START_TEST(a_locked_segment_is_walked_as_far_as_it_is_synced)
{
	struct segwalk_conf conf = { .seg = &seg,
		.buf = walk_buf,
		.limit = BLOCK,
		.mode = SEGWALK_HEADERS };
	struct segwalk r;
	struct told t;

	put_three();
	conf.fd = open_image();
	ck_assert_int_eq(segwalk_init(&r, &conf), ERR_OK);
	walk_on(&t, &r);
	ck_assert_str_eq(t.text, "E1+0 ");
	segwalk_set_limit(&r, 3 * BLOCK);
	walk_on(&t, &r);
	ck_assert_str_eq(t.text, "R1 R2 E3+0 ");
	/* Whoever publishes an odd limit gets whole blocks. */
	segwalk_set_limit(&r, 4 * BLOCK - 1);
	walk_on(&t, &r);
	ck_assert_str_eq(t.text, "E3+0 ");
	segwalk_set_limit(&r, UINT64_MAX - 1);
	walk_on(&t, &r);
	ck_assert_str_eq(t.text, "R3 E4+0 ");
	(void)close(conf.fd);
}
END_TEST

START_TEST(below_the_synced_limit_all_damage_is_damage)
{
	struct segwalk_conf conf = { .seg = &seg,
		.buf = walk_buf,
		.limit = 4 * BLOCK,
		.mode = SEGWALK_HEADERS };
	struct segwalk r;
	struct told t;

	put_three();
	image.bytes[3 * BLOCK + 100] ^= 1;
	conf.fd = open_image();
	ck_assert_int_eq(segwalk_init(&r, &conf), ERR_OK);
	walk_on(&t, &r);
	ck_assert_str_eq(t.text, "R1 R2 B3+1 E4+0 ");
	(void)close(conf.fd);
}
END_TEST

START_TEST(a_long_way_without_records_is_walked_in_slices)
{
	struct segwalk_item item;
	struct segwalk r;
	struct told t;
	unsigned again = 0;
	int fd;
	enum err err;

	put(1, STR("one\r\n"));
	fd = open_image();
	for (unsigned i = 2; i < 1000; i++)
		ck_assert_int_eq(pwrite(fd, "junk", 4, i * BLOCK), 4);
	begin(&r, fd, &seg, SEGWALK_HEADERS);
	do {
		err = segwalk_next(&r, &item);
		again += err == ERR_AGAIN;
	} while (err == ERR_AGAIN || item.kind == SEGWALK_RECORD);
	ck_assert_int_eq(err, ERR_OK);
	ck_assert_int_eq(item.kind, SEGWALK_TORN);
	ck_assert_uint_eq(again, 3);
	/* Holes are skipped, however large. */
	ck_assert_int_eq(ftruncate(fd, INT64_C(1) << 40), 0);
	walk(&t, fd, &seg, SEGWALK_HEADERS);
	ck_assert_str_eq(t.text, "R1 T2+998 E268435456+0 ");
	(void)close(fd);
}
END_TEST

static unsigned bad_block;
static ssize_t (*true_pread)(int fd, void *p, size_t n, off_t at);

static ssize_t
pread_around_bad_block(int fd, void *p, size_t n, off_t at)
{
	off_t bad = (off_t)bad_block * BLOCK;

	if (at >= bad && at < bad + BLOCK) {
		errno = EIO;
		return -1;
	}
	if (at < bad && at + (off_t)n > bad)
		n = (size_t)(bad - at);
	return true_pread(fd, p, n, at);
}

START_TEST(what_cannot_be_read_stops_the_walk_and_can_be_passed)
{
	struct segwalk r;
	struct told t;
	int fd;

	put_three();
	fd = open_image();
	begin(&r, fd, &seg, SEGWALK_CONTENTS);
	bad_block = 2;
	true_pread = sys.pread;
	sys.pread = pread_around_bad_block;
	walk_on(&t, &r);
	ck_assert_int_eq(t.err, ERR_IO);
	ck_assert_str_eq(t.text, "R1 ");
	walk_on(&t, &r);
	ck_assert_int_eq(t.err, ERR_IO);
	segwalk_pass(&r);
	walk_on(&t, &r);
	ck_assert_str_eq(t.text, "UG2+1 R3 E4+0 ");
	sys.pread = true_pread;
	/* Later it can be read. */
	begin(&r, fd, &seg, SEGWALK_CONTENTS);
	walk_on(&t, &r);
	ck_assert_str_eq(t.text, "R1 R2 R3 E4+0 ");
	(void)close(fd);
}
END_TEST

START_TEST(content_that_cannot_be_read_is_passed_with_its_record)
{
	static char big[3 * BLOCK];
	struct segwalk r;
	struct told t;
	int fd;

	put(1, (struct str){ big, sizeof(big) });
	put(2, STR("two\r\n"));
	fd = open_image();
	begin(&r, fd, &seg, SEGWALK_CONTENTS);
	bad_block = 3;
	true_pread = sys.pread;
	sys.pread = pread_around_bad_block;
	walk_on(&t, &r);
	ck_assert_int_eq(t.err, ERR_IO);
	segwalk_pass(&r);
	walk_on(&t, &r);
	ck_assert_str_eq(t.text, "UG1+4 R2 E6+0 ");
	sys.pread = true_pread;
	(void)close(fd);
}
END_TEST

START_TEST(a_walk_that_let_its_buffer_go_looks_again)
{
	struct segwalk_item item;
	struct segwalk r;
	struct told t;
	int fd;

	put_three();
	fd = open_image();
	begin(&r, fd, &seg, SEGWALK_HEADERS);
	ck_assert_int_eq(segwalk_next(&r, &item), ERR_OK);
	memset(walk_buf, 0xff, SEGWALK_BUF_BYTES);
	segwalk_let_go(&r);
	walk_on(&t, &r);
	ck_assert_str_eq(t.text, "R2 R3 E4+0 ");
	(void)close(fd);
}
END_TEST

/* --- every bit, every cut ------------------------------------------------- */

/* With a bit wrong a walk tells that there is damage, or (padding) the same as
 * before; and a record is never told with another number or content. */
START_TEST(each_wrong_bit_is_seen)
{
	size_t used = RECORD_HEAD_BYTES;
	struct told t, good;
	struct segwalk r;
	int fd;

	put_three();
	walk_image(&good);
	used += le_get32(image.bytes + BLOCK + 32) + STR("one\r\n").len;
	fd = open_image();
	begin(&r, fd, &seg, SEGWALK_CONTENTS);
	for (size_t i = 0; i < (used + 8) * 8; i++) {
		char *p = &image.bytes[BLOCK * 2 + i / 8];

		*p = (char)(*p ^ (1 << i % 8));
		ck_assert_int_eq(
		    pwrite(fd, p, 1, (off_t)(BLOCK * 2 + i / 8)), 1);
		begin(&r, fd, &seg, SEGWALK_CONTENTS);
		walk_on(&t, &r);
		ck_assert_int_eq(t.err, ERR_OK);
		if (i < used * 8)
			ck_assert(strcmp(t.text, "R1 B2+1 R3 E4+0 ") == 0 ||
			    strcmp(t.text, "R1 G2+1 R3 E4+0 ") == 0);
		else
			ck_assert_str_eq(t.text, good.text);
		*p = (char)(*p ^ (1 << i % 8));
		ck_assert_int_eq(
		    pwrite(fd, p, 1, (off_t)(BLOCK * 2 + i / 8)), 1);
	}
	(void)close(fd);
}
END_TEST

START_TEST(each_wrong_bit_of_the_end_is_seen)
{
	struct told t;
	struct stat st;
	int fd;
	uint8_t byte;

	put_three();
	fd = open_image();
	seal(fd, &seg);
	ck_assert_int_eq(fstat(fd, &st), 0);
	for (off_t i = 4 * BLOCK * 8; i < st.st_size * 8; i++) {
		ck_assert_int_eq(pread(fd, &byte, 1, i / 8), 1);
		byte ^= (uint8_t)(1u << i % 8);
		ck_assert_int_eq(pwrite(fd, &byte, 1, i / 8), 1);
		ck_assert_int_ne(segread_is_sealed(fd, &seg, NULL), ERR_OK);
		byte ^= (uint8_t)(1u << i % 8);
		ck_assert_int_eq(pwrite(fd, &byte, 1, i / 8), 1);
	}
	walk(&t, fd, &seg, SEGWALK_HEADERS);
	ck_assert_str_eq(t.text, "R1 R2 R3 S4+0 ");
	(void)close(fd);
}
END_TEST

START_TEST(each_cut_leaves_a_beginning)
{
	static const char *const starts[] = { "E", "T1", "R1 E", "R1 T2",
		"R1 R2 E", "R1 R2 T3", "R1 R2 R3 E", "R1 R2 R3 T4",
		"R1 R2 R3 S" };
	struct told t;
	struct stat st;
	bool is_known;
	int fd;

	put_three();
	fd = open_image();
	seal(fd, &seg);
	ck_assert_int_eq(fstat(fd, &st), 0);
	for (off_t len = st.st_size; len > BLOCK; len--) {
		ck_assert_int_eq(ftruncate(fd, len), 0);
		walk(&t, fd, &seg, SEGWALK_CONTENTS);
		ck_assert_int_eq(t.err, ERR_OK);
		is_known = false;
		for (size_t i = 0; i < COUNT_OF(starts); i++)
			if (strncmp(t.text, starts[i], strlen(starts[i])) == 0)
				is_known = true;
		ck_assert_msg(is_known, "%d: %s", (int)len, t.text);
	}
	(void)close(fd);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, an_open_segment_is_walked_to_its_end);
	tcase_add_test(tc, a_sealed_segment_is_walked_in_each_way);
	tcase_add_loop_test(tc, an_item_holds_the_front_of_the_record, 0, 3);
	tcase_add_test(tc, the_index_tells_what_stands_in_the_footer);
	tcase_add_test(tc, an_envelope_may_be_longer_than_the_window);
	tcase_add_test(tc, a_torn_tail_is_told_from_damage);
	tcase_add_test(tc, a_lost_header_leaves_a_gap);
	tcase_add_test(tc, content_is_looked_at_when_asked_for);
	tcase_add_test(tc, damage_before_a_footer_is_no_torn_tail);
	tcase_add_test(tc, a_damaged_footer_is_no_seal);
	tcase_add_test(tc, a_record_that_runs_past_the_end_is_torn);
	tcase_add_test(tc, padding_may_be_missing);
	tcase_add_test(tc, content_that_imitates_records_is_content);
	tcase_add_test(tc, a_record_of_another_segment_is_none);
	tcase_add_test(tc, a_newer_record_is_left_alone);
	tcase_add_test(tc, an_own_record_stands_behind_its_content);
	tcase_add_test(tc, an_own_file_without_header_is_torn);
	tcase_add_test(tc, damaged_own_content_is_seen);
	tcase_add_test(tc, an_own_record_elsewhere_is_none);
	tcase_add_test(tc, a_locked_segment_is_walked_as_far_as_it_is_synced);
	tcase_add_test(tc, below_the_synced_limit_all_damage_is_damage);
	tcase_add_test(tc, a_long_way_without_records_is_walked_in_slices);
	tcase_add_test(
	    tc, what_cannot_be_read_stops_the_walk_and_can_be_passed);
	tcase_add_test(
	    tc, content_that_cannot_be_read_is_passed_with_its_record);
	tcase_add_test(tc, a_walk_that_let_its_buffer_go_looks_again);
	tcase_add_test(tc, each_wrong_bit_is_seen);
	tcase_add_test(tc, each_wrong_bit_of_the_end_is_seen);
	tcase_add_test(tc, each_cut_leaves_a_beginning);
}

int
main(void)
{
	Suite *suite = suite_create("segwalk");
	TCase *tc = tcase_create("segwalk");
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
