/* SPDX-License-Identifier: BSD-2-Clause */
/* test_ledgerread: whole, torn, damaged and growing ledger files. */
#include "util/spool/ledgerread.h"

#include <check.h>

#include "tests/lib/ledger.h"
#include "tests/lib/spool.h"
#include "util/base/le.h"
#include "util/io/sys.h"

#define BLOCK 512

static const struct ledger_head head = {
	.number = 8, .salt = 0xabcdef, .kind = LEDGER_LOG
};

static struct ledger_space space;
static char image[64 * BLOCK];
static size_t image_len;

static void
set_up(void)
{
	memset(image, 0, sizeof(image));
	ledger_head_encode(&head, (uint8_t *)image);
	image_len = BLOCK;
}

static void
tear_down(void)
{
	ck_assert_int_eq(sys_fault_init(""), ERR_OK);
}

/* A batch of n results and an AUDIT; one block for 1, two for 4. */
static void
put_of(const struct ledger_head *h, uint64_t seq, uint8_t n)
{
	ledger_space_init(&space, seq);
	ledger_space_fill(&space, n);
	ledger_batch_close(&space.batch);
	ledger_batch_stamp(&space.batch.out, h);
	memcpy(image + image_len, space.batch.out.ptr, space.batch.out.len);
	image_len += space.batch.out.len;
}

static void
put(uint64_t seq, uint8_t n)
{
	put_of(&head, seq, n);
}

static int
open_image(void)
{
	return spool_memfd((struct str){ image, image_len });
}

/* What was read, as text: number of each entry, G a gap, T torn, E the end,
 * with block+blocks. */
struct told {
	char text[512];
	size_t len;
	enum err err;
};

static void
read_on(struct told *t, struct ledgerread *r)
{
	static const char kinds[] = "RGTE";
	struct ledgerread_item item = { .kind = LEDGERREAD_ENTRY };
	int n;

	*t = (struct told){ .err = ERR_OK };
	while (item.kind != LEDGERREAD_END && t->len < 450) {
		t->err = ledgerread_next(r, &item);
		if (t->err != ERR_OK)
			return;
		if (item.kind == LEDGERREAD_ENTRY)
			n = snprintf(
			    t->text + t->len, 32, "%d ", (int)item.entry.seq);
		else
			n = snprintf(t->text + t->len, 32, "%c%d+%d ",
			    kinds[item.kind], (int)item.offset / BLOCK,
			    (int)item.bytes / BLOCK);
		t->len += (size_t)n;
	}
}

static void
read_fd(struct told *t, int fd, uint64_t limit)
{
	struct ledgerread *r;

	ck_assert_int_eq(ledgerread_new(&r, fd, limit), ERR_OK);
	read_on(t, r);
	ledgerread_free(&r);
}

static void
read_image(struct told *t)
{
	int fd = open_image();

	read_fd(t, fd, LEDGERREAD_ALL);
	(void)close(fd);
}

START_TEST(entries_come_in_order_up_to_what_is_unwritten)
{
	struct told t;

	put(1, 1);
	put(3, 4);
	read_image(&t);
	ck_assert_str_eq(t.text, "1 2 3 4 5 6 7 E4+0 ");
	image_len += 20 * BLOCK;
	read_image(&t);
	ck_assert_str_eq(t.text, "1 2 3 4 5 6 7 E4+0 ");
}
END_TEST

START_TEST(an_empty_file_has_no_entries)
{
	struct told t;

	read_image(&t);
	ck_assert_str_eq(t.text, "E1+0 ");
}
END_TEST

START_TEST(damage_is_skipped_and_told)
{
	struct told t;

	put(1, 1);
	put(3, 4);
	put(8, 1);
	image[2 * BLOCK + 60] ^= 1;
	read_image(&t);
	ck_assert_str_eq(t.text, "1 2 G2+2 8 9 E5+0 ");
	memset(image + BLOCK, 0, BLOCK);
	read_image(&t);
	ck_assert_str_eq(t.text, "G1+3 8 9 E5+0 ");
}
END_TEST

START_TEST(a_torn_end_is_told_from_a_gap)
{
	struct told t;
	int fd;

	put(1, 1);
	put(3, 4);
	image[3 * BLOCK] ^= 1;
	image_len += 10 * BLOCK;
	read_image(&t);
	ck_assert_str_eq(t.text, "1 2 T2+2 E14+0 ");
	/* What was synced cannot be torn. */
	fd = open_image();
	read_fd(&t, fd, 4 * BLOCK);
	ck_assert_str_eq(t.text, "1 2 G2+2 E4+0 ");
	(void)close(fd);
}
END_TEST

START_TEST(batches_of_another_life_are_not_there)
{
	struct ledger_head old = head;
	struct told t;

	put(1, 1);
	old.number = 7;
	put_of(&old, 100, 1);
	old.number = 8;
	old.salt++;
	put_of(&old, 200, 1);
	read_image(&t);
	ck_assert_str_eq(t.text, "1 2 T2+2 E4+0 ");
}
END_TEST

START_TEST(facts_that_imitate_a_batch_are_facts)
{
	struct part_state state = ledger_done_part(1);
	struct entry_parts parts = { &state, 1, 0 };
	static char fake[3 * BLOCK];
	struct told t;

	/* A batch with all right but the salt, at each place of a block. */
	put(50, 1);
	le_put64(image + BLOCK + 8, head.salt + 1);
	for (size_t at = 0; at + BLOCK <= sizeof(fake); at += 4)
		memcpy(fake + at, image + BLOCK, BLOCK);
	set_up();
	ledger_space_init(&space, 1);
	ck_assert_int_eq(entry_put_parts(&space.batch, &ledger_stamp, &parts,
	                     (struct str){ fake, sizeof(fake) }),
	    ERR_OK);
	ledger_batch_close(&space.batch);
	ledger_batch_stamp(&space.batch.out, &head);
	memcpy(image + BLOCK, space.bytes, space.batch.out.len);
	image_len += space.batch.out.len;
	put(9, 1);
	image[BLOCK + 100] ^= 1;
	read_image(&t);
	ck_assert_str_eq(t.text, "G1+4 9 10 E6+0 ");
}
END_TEST

START_TEST(reading_goes_on_as_more_is_synced)
{
	struct ledgerread *r;
	struct told t;
	int fd;

	put(1, 1);
	put(3, 1);
	fd = open_image();
	ck_assert_int_eq(ledgerread_new(&r, fd, 2 * BLOCK), ERR_OK);
	read_on(&t, r);
	ck_assert_str_eq(t.text, "1 2 E2+0 ");
	ck_assert_uint_eq(ledgerread_get_pos(r).offset, 2 * BLOCK);
	read_on(&t, r);
	ck_assert_str_eq(t.text, "E2+0 ");
	ledgerread_set_limit(r, 3 * BLOCK);
	read_on(&t, r);
	ck_assert_str_eq(t.text, "3 4 E3+0 ");
	put(5, 1);
	ck_assert_int_eq(
	    pwrite(fd, image + 3 * BLOCK, BLOCK, 3 * BLOCK), BLOCK);
	ledgerread_set_limit(r, LEDGERREAD_ALL);
	read_on(&t, r);
	ck_assert_str_eq(t.text, "5 6 E4+0 ");
	ledgerread_free(&r);
	(void)close(fd);
}
END_TEST

START_TEST(unwritten_space_is_looked_at_again)
{
	struct ledgerread *r;
	struct told t;
	int fd;

	put(1, 1);
	image_len += 5 * BLOCK;
	fd = open_image();
	ck_assert_int_eq(ledgerread_new(&r, fd, LEDGERREAD_ALL), ERR_OK);
	read_on(&t, r);
	ck_assert_str_eq(t.text, "1 2 E2+0 ");
	ck_assert_uint_eq(ledgerread_get_pos(r).offset, 2 * BLOCK);
	ledgerread_free(&r);
	(void)close(fd);
}
END_TEST

START_TEST(reading_begins_where_it_is_told_to)
{
	struct ledgerread *r;
	struct ledgerread_item item;
	struct told t;
	int fd;

	put(1, 1);
	put(3, 1);
	fd = open_image();
	ck_assert_int_eq(ledgerread_new(&r, fd, LEDGERREAD_ALL), ERR_OK);
	ck_assert_uint_eq(ledgerread_get_head(r)->number, 8);
	ck_assert_int_eq(ledgerread_next(r, &item), ERR_OK);
	ck_assert_uint_eq(ledgerread_get_pos(r).file, 8);
	ck_assert_uint_eq(ledgerread_get_pos(r).offset, BLOCK);
	ck_assert_int_eq(ledgerread_seek(r, 2 * BLOCK), ERR_OK);
	read_on(&t, r);
	ck_assert_str_eq(t.text, "3 4 E3+0 ");
	ck_assert_int_eq(ledgerread_seek(r, 0), ERR_RANGE);
	ck_assert_int_eq(ledgerread_seek(r, BLOCK + 1), ERR_RANGE);
	ck_assert_int_eq(ledgerread_seek(r, BLOCK), ERR_OK);
	read_on(&t, r);
	ck_assert_str_eq(t.text, "1 2 3 4 E3+0 ");
	ledgerread_free(&r);
	(void)close(fd);
}
END_TEST

START_TEST(a_large_batch_is_read_whole)
{
	struct part_state state = ledger_done_part(1);
	struct entry_parts parts = { &state, 1, 0 };
	size_t facts = 1u << 20;
	char *bytes = calloc(1, 3u << 20);
	struct ledger_batch b;
	struct ledgerread *r;
	struct ledgerread_item item;
	int fd;

	ck_assert_ptr_nonnull(bytes);
	ledger_batch_init(&b, bytes, 2u << 20, 1);
	ck_assert_int_eq(entry_put_parts(&b, &ledger_stamp, &parts,
	                     (struct str){ bytes + 2 * facts, facts }),
	    ERR_OK);
	ledger_batch_close(&b);
	ledger_batch_stamp(&b.out, &head);
	fd = open_image();
	ck_assert_int_eq(
	    pwrite(fd, b.out.ptr, b.out.len, BLOCK), (ssize_t)b.out.len);
	ck_assert_int_eq(ledgerread_new(&r, fd, LEDGERREAD_ALL), ERR_OK);
	ck_assert_int_eq(ledgerread_next(r, &item), ERR_OK);
	ck_assert_int_eq(item.kind, LEDGERREAD_ENTRY);
	ck_assert_uint_eq(item.entry.facts.len, facts);
	ledgerread_free(&r);
	(void)close(fd);
	free(bytes);
}
END_TEST

START_TEST(what_cannot_be_read_is_tried_again)
{
	struct ledgerread *r;
	struct told t;
	int fd;

	put(1, 1);
	fd = open_image();
	ck_assert_int_eq(sys_fault_init("pread:1:EIO"), ERR_OK);
	ck_assert_int_eq(ledgerread_new(&r, fd, LEDGERREAD_ALL), ERR_IO);
	ck_assert_ptr_null(r);
	ck_assert_int_eq(ledgerread_new(&r, fd, LEDGERREAD_ALL), ERR_OK);
	ck_assert_int_eq(sys_fault_init("pread:1:EIO,fstat:2:EIO"), ERR_OK);
	read_on(&t, r);
	ck_assert_int_eq(t.err, ERR_IO);
	read_on(&t, r);
	ck_assert_int_eq(t.err, ERR_IO);
	read_on(&t, r);
	ck_assert_str_eq(t.text, "1 2 E2+0 ");
	ledgerread_free(&r);
	(void)close(fd);
}
END_TEST

START_TEST(a_malformed_or_newer_file_is_refused)
{
	struct ledgerread *r;
	int fd;

	image[20] ^= 1;
	image[LEDGER_COPY_AT + 20] ^= 1;
	fd = open_image();
	ck_assert_int_eq(ledgerread_new(&r, fd, LEDGERREAD_ALL), ERR_SYNTAX);
	(void)close(fd);
	fd = spool_memfd(STR(""));
	ck_assert_int_eq(ledgerread_new(&r, fd, LEDGERREAD_ALL), ERR_SYNTAX);
	(void)close(fd);
}
END_TEST

/* --- every bit, every cut ------------------------------------------------- */

START_TEST(each_wrong_bit_loses_its_batch_alone)
{
	size_t used;
	struct told t;
	int fd;

	put(1, 1);
	put(3, 1);
	put(5, 1);
	used = LEDGER_BATCH_HEAD_BYTES + le_get32(image + 2 * BLOCK + 24);
	fd = open_image();
	for (size_t i = 0; i < BLOCK * 8; i++) {
		char *p = &image[2 * BLOCK + i / 8];
		off_t at = (off_t)(2 * BLOCK + i / 8);

		*p = (char)(*p ^ (1 << i % 8));
		ck_assert_int_eq(pwrite(fd, p, 1, at), 1);
		read_fd(&t, fd, LEDGERREAD_ALL);
		ck_assert_str_eq(t.text,
		    i < used * 8 ? "1 2 G2+1 5 6 E4+0 " : "1 2 3 4 5 6 E4+0 ");
		*p = (char)(*p ^ (1 << i % 8));
		ck_assert_int_eq(pwrite(fd, p, 1, at), 1);
	}
	(void)close(fd);
}
END_TEST

START_TEST(each_cut_leaves_the_batches_before_it)
{
	static const char *const want[] = { "E1+0 ", "1 2 E2+0 ",
		"1 2 3 4 E3+0 ", "1 2 3 4 5 6 E4+0 " };
	struct told t;
	int fd;

	put(1, 1);
	put(3, 1);
	put(5, 1);
	fd = open_image();
	for (off_t len = (off_t)image_len; len >= BLOCK; len--) {
		ck_assert_int_eq(ftruncate(fd, len), 0);
		read_fd(&t, fd, LEDGERREAD_ALL);
		ck_assert_int_eq(t.err, ERR_OK);
		ck_assert_str_eq(t.text, want[len / BLOCK - 1]);
	}
	(void)close(fd);
}
END_TEST

static void
add_tests(TCase *tc)
{
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, entries_come_in_order_up_to_what_is_unwritten);
	tcase_add_test(tc, an_empty_file_has_no_entries);
	tcase_add_test(tc, damage_is_skipped_and_told);
	tcase_add_test(tc, a_torn_end_is_told_from_a_gap);
	tcase_add_test(tc, batches_of_another_life_are_not_there);
	tcase_add_test(tc, facts_that_imitate_a_batch_are_facts);
	tcase_add_test(tc, reading_goes_on_as_more_is_synced);
	tcase_add_test(tc, unwritten_space_is_looked_at_again);
	tcase_add_test(tc, reading_begins_where_it_is_told_to);
	tcase_add_test(tc, a_large_batch_is_read_whole);
	tcase_add_test(tc, what_cannot_be_read_is_tried_again);
	tcase_add_test(tc, a_malformed_or_newer_file_is_refused);
	tcase_add_test(tc, each_wrong_bit_loses_its_batch_alone);
	tcase_add_test(tc, each_cut_leaves_the_batches_before_it);
}

int
main(void)
{
	Suite *suite = suite_create("ledgerread");
	TCase *tc = tcase_create("ledgerread");
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
