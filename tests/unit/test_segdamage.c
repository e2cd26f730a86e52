/* SPDX-License-Identifier: BSD-2-Clause */
/* test_segdamage: segments from a damaged disk: each byte is flipped, and the
 * files end at each byte; each record that is whole is found. With DAMAGE=all
 * each bit is flipped. */
#include <stdlib.h>
#include <string.h>

#include "tests/lib/damage.h"
#include "tests/lib/segimage.h"
#include "util/spool/reseal.h"
#include "util/spool/segname.h"

#define RECORDS_MAX 4
/* Reseals write a file each: some bytes stand for all. */
#define RESEAL_STRIDE 61

/* Bytes of a record that say something: no padding. */
struct range {
	size_t from, to;         /* header and envelope; content behind */
	size_t own_from, own_to; /* content of its own, before it */
};

static struct range records[RECORDS_MAX];
static unsigned n_records;
static const struct segment_head *head;
static int fd;
static char *whole; /* the file, as it was */
static size_t whole_bytes;

/* --- images --------------------------------------------------------------- */

/* Where records are, told by the file itself. */
static void
take(const struct segment_head *of)
{
	static char bytes[SEGREAD_FIRST_BYTES];
	struct segread_record record;
	struct stat st;

	head = of;
	n_records = image.n;
	for (unsigned i = 0; i < image.n; i++) {
		struct outbuf buf = { bytes, 0, sizeof(bytes) };
		size_t at = image.entries[i].block * (size_t)BLOCK;

		ck_assert_int_eq(
		    segread_load(fd, of, image.entries[i].block, &buf, &record),
		    ERR_OK);
		records[i] = (struct range){ .from = at,
			.to = at + record_total_bytes(&record.head) };
		if (record.content_offset > at)
			continue;
		records[i].own_from = (size_t)record.content_offset;
		records[i].own_to =
		    records[i].own_from + (size_t)record.head.content_bytes;
	}
	ck_assert_int_eq(fstat(fd, &st), 0);
	whole_bytes = (size_t)st.st_size;
	whole = malloc(whole_bytes);
	ck_assert_ptr_nonnull(whole);
	ck_assert_int_eq(
	    pread(fd, whole, whole_bytes, 0), (ssize_t)whole_bytes);
}

static void
begin_shared(bool is_sealed)
{
	put_three();
	fd = open_image();
	if (is_sealed)
		seal(fd, &seg);
	take(&seg);
}

/* One record in a file of its own: the content is before it. */
static void
begin_own(bool is_sealed)
{
	static char content[BLOCK + 100];

	memset(content, 'c', sizeof(content));
	segment_head_encode(&own_seg, (uint8_t *)image.bytes);
	segment_head_encode(&own_seg, (uint8_t *)image.bytes + SEGMENT_COPY_AT);
	memcpy(image.bytes + image.len, content, sizeof(content));
	image.len += 2 * BLOCK;
	put_record(1, (struct str){ content, sizeof(content) }, true);
	fd = open_image();
	if (is_sealed)
		seal(fd, &own_seg);
	take(&own_seg);
}

static void
begin_kind(int kind)
{
	if (kind < 2)
		begin_shared(kind == 1);
	else
		begin_own(kind == 3);
}

static void
end(void)
{
	free(whole);
	(void)close(fd);
}

/* --- damage --------------------------------------------------------------- */

static void
flip_byte(int file, size_t at, uint8_t mask)
{
	char c = (char)((uint8_t)whole[at] ^ mask);

	ck_assert_int_eq(pwrite(file, &c, 1, (off_t)at), 1);
}

static bool
is_in(const struct range *r, size_t at)
{
	return (at >= r->from && at < r->to) ||
	    (at >= r->own_from && at < r->own_to);
}

static bool
is_touched(const struct range *r, size_t at, size_t n)
{
	return (r->from < at + n && r->to > at) ||
	    (r->own_from < at + n && r->own_to > at);
}

static bool
has_record(const struct told *t, unsigned i)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "R%u ",
	    spool_message_number(
	        &(struct record_head){ .qid = image.entries[i].qid }));
	return strstr(t->text, text) != NULL;
}

/* Each record that was not touched is found; of one that was, contents tell;
 * and that is reported. */
static void
check_walk(int file, const struct segment_head *h, size_t at)
{
	struct told t;

	walk(&t, file, h, SEGWALK_CONTENTS);
	ck_assert_int_eq(t.err, ERR_OK);
	for (unsigned i = 0; i < n_records; i++) {
		ck_assert_msg(has_record(&t, i) != is_in(&records[i], at),
		    "byte %zu: %s", at, t.text);
		if (is_in(&records[i], at))
			ck_assert_msg(strpbrk(t.text, "BGT") != NULL,
			    "byte %zu: %s", at, t.text);
	}
	walk(&t, file, h, SEGWALK_HEADERS);
	ck_assert_int_eq(t.err, ERR_OK);
	for (unsigned i = 0; i < n_records; i++)
		ck_assert(has_record(&t, i) || is_in(&records[i], at));
	walk(&t, file, h, SEGWALK_INDEX);
	ck_assert_int_eq(t.err, ERR_OK);
	for (unsigned i = 0; i < n_records; i++)
		ck_assert(has_record(&t, i) || is_in(&records[i], at));
}

START_TEST(each_byte_is_flipped)
{
	struct segment_head h;

	begin_kind(_i);
	for (size_t at = 0; at < whole_bytes; at++)
		for (unsigned i = 0; damage_mask(at, i) != 0; i++) {
			flip_byte(fd, at, damage_mask(at, i));
			ck_assert_int_eq(segread_head(fd, &h), ERR_OK);
			ck_assert(h.is_mended == (at < SEGMENT_HEAD_BYTES));
			ck_assert(h.salt == seg.salt && h.flags == head->flags);
			check_walk(fd, &h, at);
			flip_byte(fd, at, 0);
		}
	end();
}
END_TEST

/* Also that no more is asked for than is there. */
START_TEST(the_file_ends_at_each_byte)
{
	struct segment_head h;
	struct told t;

	begin_kind(_i);
	for (size_t at = whole_bytes; at-- > 0;) {
		ck_assert_int_eq(ftruncate(fd, (off_t)at), 0);
		if (segread_head(fd, &h) != ERR_OK) {
			ck_assert_uint_lt(at, SEGMENT_HEAD_BYTES);
			continue;
		}
		walk(&t, fd, &h, SEGWALK_CONTENTS);
		ck_assert_int_eq(t.err, ERR_OK);
		for (unsigned i = 0; i < n_records; i++)
			ck_assert_msg(
			    has_record(&t, i) == (at >= records[i].to),
			    "byte %zu: %s", at, t.text);
	}
	end();
}
END_TEST

/* A sector that was lost altogether, or came out as another one. */
START_TEST(each_sector_is_zeroed_and_each_is_put_in_place_of_the_next)
{
	static const char zeros[512];
	struct segment_head h;

	begin_kind(_i);
	for (size_t at = 0; at + 1024 <= whole_bytes; at += 512) {
		const char *sectors[] = { zeros, whole + at + 512 };

		for (int k = 0; k < 2; k++) {
			struct told t;

			ck_assert_int_eq(
			    pwrite(fd, sectors[k], 512, (off_t)at), 512);
			ck_assert_int_eq(segread_head(fd, &h), ERR_OK);
			walk(&t, fd, &h, SEGWALK_CONTENTS);
			ck_assert_int_eq(t.err, ERR_OK);
			for (unsigned i = 0; i < n_records; i++)
				ck_assert(has_record(&t, i) ||
				    is_touched(&records[i], at, 512));
			ck_assert_int_eq(
			    pwrite(fd, whole + at, 512, (off_t)at), 512);
		}
	}
	end();
}
END_TEST

static int
no_sync(int file)
{
	(void)file;
	return 0;
}

/* Its writer is lost as well: what is whole is in the footer then. */
START_TEST(a_damaged_segment_is_sealed_with_all_that_is_whole)
{
	char name[SEGNAME_BYTES + 1];
	struct spool_dir dir;
	struct reseal result;
	struct segment_head h;
	int file;

	sys.fsync = no_sync;
	begin_kind(_i);
	spool_dir_init(&dir);
	segname_format(seg.number, name);
	for (size_t at = 0; at < whole_bytes; at += RESEAL_STRIDE) {
		file = openat(
		    dir.fd, name, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
		ck_assert_int_ge(file, 0);
		ck_assert_int_eq(
		    write(file, whole, whole_bytes), (ssize_t)whole_bytes);
		flip_byte(file, at, damage_mask(at, 0));
		ck_assert_int_eq(
		    segment_reseal(&result, dir.fd, seg.number, 0, walk_buf),
		    ERR_OK);
		ck_assert_int_eq(segread_head(file, &h), ERR_OK);
		ck_assert_int_eq(segread_is_sealed(file, &h, NULL), ERR_OK);
		/* One that was sealed already is as it was. */
		if (!result.was_sealed) {
			struct told t;

			walk(&t, file, &h, SEGWALK_INDEX);
			for (unsigned i = 0; i < n_records; i++)
				ck_assert_msg(
				    has_record(&t, i) != is_in(&records[i], at),
				    "byte %zu: %s", at, t.text);
		}
		(void)close(file);
	}
	spool_dir_fini(&dir);
	end();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("segdamage");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_set_timeout(tc, getenv("DAMAGE") == NULL ? 300 : 3600);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	/* Open and sealed ones; then those of one record. */
	tcase_add_loop_test(tc, each_byte_is_flipped, 0, 4);
	tcase_add_loop_test(tc, the_file_ends_at_each_byte, 0, 4);
	tcase_add_loop_test(tc,
	    each_sector_is_zeroed_and_each_is_put_in_place_of_the_next, 0, 4);
	tcase_add_loop_test(
	    tc, a_damaged_segment_is_sealed_with_all_that_is_whole, 0, 4);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
