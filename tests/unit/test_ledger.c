/* SPDX-License-Identifier: BSD-2-Clause */
/* test_ledger: file headers and batches, every bit and every cut of them. */
#include "util/spool/ledger.h"

#include <stdlib.h>

#include <check.h>

#include "tests/lib/ledger.h"
#include "util/base/crc32c.h"
#include "util/base/le.h"
#include "util/spool/segfmt.h"

static const struct ledger_head head = {
	.number = 5,
	.salt = UINT64_C(0x1122334455667788),
	.created_ms = 1700000000000,
	.kind = LEDGER_CHECKPOINT,
};

START_TEST(positions_are_ordered_by_file_then_offset)
{
	struct ledger_pos a = { 1, 512 }, b = { 1, 1024 }, c = { 2, 0 };

	ck_assert_int_eq(ledger_pos_cmp(a, a), 0);
	ck_assert_int_lt(ledger_pos_cmp(a, b), 0);
	ck_assert_int_gt(ledger_pos_cmp(c, b), 0);
	ck_assert_int_lt(ledger_pos_cmp(a, c), 0);
}
END_TEST

START_TEST(names_read_back)
{
	struct ledger_head h = { .number = 0xabc, .kind = LEDGER_LOG };
	struct ledger_head out;
	char name[LEDGER_NAME_BYTES + 1];

	ledger_name_format(&h, name);
	ck_assert_str_eq(name, "L0000000000000abc");
	ck_assert_int_eq(ledger_name_parse(str_from_c(name), &out), ERR_OK);
	ck_assert_uint_eq(out.number, 0xabc);
	ck_assert_int_eq(out.kind, LEDGER_LOG);
	h.kind = LEDGER_CHECKPOINT;
	h.number = UINT64_MAX;
	ledger_name_format(&h, name);
	ck_assert_str_eq(name, "Cffffffffffffffff");
	ck_assert_int_eq(ledger_name_parse(str_from_c(name), &out), ERR_OK);
	ck_assert_int_eq(out.kind, LEDGER_CHECKPOINT);
	ck_assert_int_eq(
	    ledger_name_parse(STR("L000000000000abc"), &out), ERR_SYNTAX);
	ck_assert_int_eq(
	    ledger_name_parse(STR("X0000000000000abc"), &out), ERR_SYNTAX);
	ck_assert_int_eq(
	    ledger_name_parse(STR("L0000000000000abg"), &out), ERR_SYNTAX);
	ck_assert_int_eq(
	    ledger_name_parse(STR(".L000000000000abc.new"), &out), ERR_SYNTAX);
}
END_TEST

START_TEST(the_header_is_as_documented_and_reads_back)
{
	uint8_t p[LEDGER_BLOCK_BYTES];
	struct str s = { (char *)p, sizeof(p) };
	struct ledger_head out;
	uint32_t version;

	ledger_head_encode(&head, p);
	ck_assert_mem_eq(p,
	    "HFLED\r\n\x1a\1\0\0\0\2\0\0\0\5\0\0\0\0\0\0\0"
	    "\x88\x77\x66\x55\x44\x33\x22\x11",
	    32);
	ck_assert_int_eq((int64_t)le_get64(p + 32), 1700000000000);
	ck_assert_uint_eq(le_get32(p + 40), crc32c(0, p, 40));
	ck_assert_int_eq(ledger_head_decode(&out, s, &version), ERR_OK);
	ck_assert_uint_eq(version, 1);
	ck_assert_uint_eq(out.number, 5);
	ck_assert_uint_eq(out.salt, head.salt);
	ck_assert_int_eq(out.kind, LEDGER_CHECKPOINT);
	for (unsigned i = 0; i < 44 * 8; i++) {
		p[i / 8] ^= (uint8_t)(1u << i % 8);
		/* It stands there twice. */
		ck_assert_int_eq(ledger_head_decode(&out, s, NULL), ERR_OK);
		ck_assert(out.is_mended && out.salt == head.salt);
		p[LEDGER_COPY_AT + i / 8] ^= (uint8_t)(1u << i % 8);
		ck_assert_int_eq(ledger_head_decode(&out, s, NULL), ERR_SYNTAX);
		p[i / 8] ^= (uint8_t)(1u << i % 8);
		ck_assert_int_eq(ledger_head_decode(&out, s, NULL), ERR_OK);
		ck_assert(!out.is_mended);
		p[LEDGER_COPY_AT + i / 8] ^= (uint8_t)(1u << i % 8);
	}
	for (s.len = 0; s.len < 44; s.len++)
		ck_assert_int_eq(ledger_head_decode(&out, s, NULL), ERR_SYNTAX);
}
END_TEST

START_TEST(a_newer_file_is_told_from_damage)
{
	static const struct {
		unsigned at;
		uint32_t n;
		enum err want;
	} changes[] = { { 8, 2, ERR_RANGE }, { 8, 0, ERR_SYNTAX },
		{ 12, 0, ERR_SYNTAX }, { 12, 3, ERR_SYNTAX },
		{ 36, 1u << 31, ERR_SYNTAX } };
	uint8_t p[LEDGER_BLOCK_BYTES];
	struct ledger_head out;

	ledger_head_encode(&head, p);
	le_put32(p + changes[_i].at, changes[_i].n);
	le_put32(p + 40, crc32c(0, p, 40));
	memset(p + LEDGER_COPY_AT, 0, 44);
	ck_assert_int_eq(ledger_head_decode(
	                     &out, (struct str){ (char *)p, sizeof(p) }, NULL),
	    changes[_i].want);
}
END_TEST

/* --- batches -------------------------------------------------------------- */

static struct ledger_space space;

static struct str
make_batch(uint8_t n)
{
	ledger_space_init(&space, 100);
	ledger_space_fill(&space, n);
	ledger_batch_close(&space.batch);
	ledger_batch_stamp(&space.batch.out, &head);
	return outbuf_str(&space.batch.out);
}

START_TEST(a_batch_reads_back)
{
	struct str s = make_batch(3);
	struct ledger_batch_head batch;
	struct ledger_entry entry;
	struct str entries;

	ck_assert_uint_eq(s.len % LEDGER_BLOCK_BYTES, 0);
	ck_assert_int_eq(
	    ledger_batch_decode(&batch, s, &head, &entries), ERR_OK);
	ck_assert_uint_eq(batch.count, 4);
	ck_assert_uint_eq(batch.first_seq, 100);
	ck_assert_uint_eq(ledger_batch_bytes(&batch), s.len);
	for (uint64_t i = 0; i < 4; i++) {
		ck_assert(ledger_entry_next(&entries, &entry));
		ck_assert_uint_eq(entry.seq, 100 + i);
		ck_assert_int_eq(entry.stamp.wall_ms, 1700000000000);
		ck_assert_uint_eq(entry.stamp.first_event, 7);
		ck_assert_uint_eq(entry.stamp.n_events, 2);
		ck_assert_int_eq(entry.type, i < 3 ? ENTRY_PART : ENTRY_AUDIT);
		ck_assert(str_eq(entry.facts, i < 3 ? STR("facts") : STR("")));
	}
	ck_assert(!ledger_entry_next(&entries, &entry));
}
END_TEST

START_TEST(a_batch_is_as_documented)
{
	struct str s = make_batch(1);
	const uint8_t *p = (const uint8_t *)s.ptr;
	uint32_t crc = segment_crc_begin(head.salt);

	ck_assert_mem_eq(p, "HBAT\1\0\0\0", 8);
	ck_assert_uint_eq(le_get64(p + 8), head.salt);
	ck_assert_uint_eq(le_get64(p + 16), 5);
	ck_assert_uint_eq(le_get32(p + 28), 2);
	ck_assert_uint_eq(le_get64(p + 32), 100);
	crc = crc32c(crc, p, 40);
	crc = crc32c(crc, p + 44, le_get32(p + 24));
	ck_assert_uint_eq(le_get32(p + 40), crc);
	/* The first entry. */
	p += 44;
	ck_assert_uint_eq(p[4], ENTRY_PART);
	ck_assert_uint_eq(p[5], 1);
	ck_assert_uint_eq(le_get64(p + 8), 100);
	ck_assert_uint_eq(le_get64(p + 16), 1700000000000);
	ck_assert_uint_eq(le_get64(p + 24), 7);
	ck_assert_uint_eq(le_get32(p + 32), 2);
	ck_assert_uint_eq(le_get32(p + 36), 5);
	ck_assert_mem_eq(p + le_get32(p) - 5, "facts", 5);
}
END_TEST

START_TEST(each_wrong_bit_and_each_cut_is_seen)
{
	struct str s = make_batch(2);
	struct ledger_batch_head batch;
	struct str entries;
	size_t used = 44 + (size_t)le_get32(s.ptr + 24);

	for (size_t i = 0; i < used * 8; i++) {
		space.bytes[i / 8] = (char)(space.bytes[i / 8] ^ 1 << i % 8);
		ck_assert_int_ne(
		    ledger_batch_decode(&batch, s, &head, &entries), ERR_OK);
		space.bytes[i / 8] = (char)(space.bytes[i / 8] ^ 1 << i % 8);
	}
	for (s.len = 0; s.len < used; s.len++)
		ck_assert_int_ne(
		    ledger_batch_decode(&batch, s, &head, &entries), ERR_OK);
	ck_assert_int_eq(
	    ledger_batch_decode(&batch, s, &head, &entries), ERR_OK);
}
END_TEST

START_TEST(a_batch_of_another_file_is_not_there)
{
	struct str s = make_batch(1);
	struct ledger_head other = head;
	struct ledger_batch_head batch;
	struct str entries;

	other.salt++;
	ck_assert_int_eq(
	    ledger_batch_decode(&batch, s, &other, &entries), ERR_NOTFOUND);
	/* The same batch, written again into that file. */
	ledger_batch_stamp(&space.batch.out, &other);
	ck_assert_int_eq(
	    ledger_batch_decode(&batch, s, &other, &entries), ERR_OK);
	other.number++;
	ck_assert_int_eq(
	    ledger_batch_decode(&batch, s, &other, &entries), ERR_NOTFOUND);
}
END_TEST

/* Fields that no writer of this version sets so, with a CRC that fits. */
static const struct {
	unsigned at;
	uint32_t n;
	enum err want;
} odd[] = {
	{ 4, 2, ERR_RANGE },                         /* version */
	{ 4, 0, ERR_SYNTAX }, { 24, 0, ERR_SYNTAX }, /* length */
	{ 24, 60, ERR_SYNTAX }, { 24, LEDGER_BATCH_MAX_BYTES, ERR_SYNTAX },
	{ 28, 1, ERR_SYNTAX },                         /* count */
	{ 28, 3, ERR_SYNTAX }, { 32, 99, ERR_SYNTAX }, /* first number */
	{ 44, 39, ERR_SYNTAX },                        /* length of an entry */
	{ 44, UINT32_MAX, ERR_SYNTAX },
	{ 44 + 8, 101, ERR_SYNTAX },   /* its number */
	{ 44 + 36, 1000, ERR_SYNTAX }, /* its facts */
};

START_TEST(odd_fields_are_refused)
{
	struct str s = make_batch(1);
	struct ledger_batch_head batch;
	struct str entries;

	le_put32(space.bytes + odd[_i].at, odd[_i].n);
	if (odd[_i].n < LEDGER_BATCH_MAX_BYTES || odd[_i].at == 44)
		ledger_batch_stamp(&space.batch.out, &head);
	ck_assert_int_eq(
	    ledger_batch_decode(&batch, s, &head, &entries), odd[_i].want);
}
END_TEST

START_TEST(room_is_kept_for_the_audit)
{
	static const struct ledger_stamp stamp = { 1, 0, 0 };
	struct entry_audit audit = { .done = 1 };
	struct ledger_batch b;
	struct ledger_batch_head batch;
	struct str entries;
	size_t body = 1024 - 44 - 40 - ENTRY_AUDIT_BYTES - 511;
	char bytes[1024];

	ledger_batch_init(&b, bytes, sizeof(bytes), 1);
	ck_assert_int_eq(ledger_entry_begin(&b, 1, &stamp, body + 1), ERR_FULL);
	ck_assert_uint_eq(b.count, 0);
	ck_assert_int_eq(ledger_entry_begin(&b, 1, &stamp, body), ERR_OK);
	outbuf_put(&b.out, (struct str){ space.bytes, body });
	ledger_entry_end(&b, STR(""));
	ck_assert_int_eq(ledger_entry_begin(&b, 1, &stamp, 0), ERR_FULL);
	entry_put_audit(&b, &stamp, &audit);
	ledger_batch_close(&b);
	ledger_batch_stamp(&b.out, &head);
	ck_assert_int_eq(
	    ledger_batch_decode(&batch, outbuf_str(&b.out), &head, &entries),
	    ERR_OK);
	ck_assert_uint_eq(batch.count, 2);
}
END_TEST

START_TEST(an_entry_has_a_bound)
{
	struct ledger_batch b;
	char *bytes = malloc(LEDGER_BATCH_MAX_BYTES * 2);

	ck_assert_ptr_nonnull(bytes);
	ledger_batch_init(&b, bytes, LEDGER_BATCH_MAX_BYTES * 2, 1);
	ck_assert_uint_eq(b.out.cap, LEDGER_BATCH_MAX_BYTES);
	ck_assert_int_eq(ledger_entry_begin(
	                     &b, 1, &ledger_stamp, LEDGER_ENTRY_MAX_BYTES - 39),
	    ERR_FULL);
	ck_assert_int_eq(ledger_entry_begin(
	                     &b, 1, &ledger_stamp, LEDGER_ENTRY_MAX_BYTES - 40),
	    ERR_OK);
	free(bytes);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("ledger");
	TCase *tc = tcase_create("ledger");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, positions_are_ordered_by_file_then_offset);
	tcase_add_test(tc, names_read_back);
	tcase_add_test(tc, the_header_is_as_documented_and_reads_back);
	tcase_add_loop_test(tc, a_newer_file_is_told_from_damage, 0, 5);
	tcase_add_test(tc, a_batch_reads_back);
	tcase_add_test(tc, a_batch_is_as_documented);
	tcase_add_test(tc, each_wrong_bit_and_each_cut_is_seen);
	tcase_add_test(tc, a_batch_of_another_file_is_not_there);
	tcase_add_loop_test(
	    tc, odd_fields_are_refused, 0, (int)(sizeof(odd) / sizeof(odd[0])));
	tcase_add_test(tc, room_is_kept_for_the_audit);
	tcase_add_test(tc, an_entry_has_a_bound);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
