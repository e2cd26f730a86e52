/* SPDX-License-Identifier: BSD-2-Clause */
/* test_segfmt: header, entry and trailer on disk, and every bit of them. */
#include "util/spool/segfmt.h"

#include <stdlib.h>

#include <check.h>

#include "util/base/crc32c.h"
#include "util/base/le.h"

static const struct segment_head head = {
	.number = UINT64_C(0x1122334455667788),
	.salt = UINT64_C(0x99aabbccddeeff00),
	.created_ms = 1700000000000,
	.writer = 3,
	.flags = SEGMENT_OWN,
};

START_TEST(the_header_is_as_documented)
{
	static const uint8_t want[] = { 'H', 'F', 'S', 'E', 'G', '\r', '\n',
		0x1a, 1, 0, 0, 0, 3, 0, 0, 0, 0x88, 0x77, 0x66, 0x55, 0x44,
		0x33, 0x22, 0x11, 0x00, 0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa,
		0x99, 0x00, 0x68, 0xe5, 0xcf, 0x8b, 0x01, 0, 0, 1, 0, 0, 0 };
	uint8_t p[SEGMENT_HEAD_BYTES];

	segment_head_encode(&head, p);
	ck_assert_uint_eq(sizeof(want), 44);
	ck_assert_mem_eq(p, want, sizeof(want));
	ck_assert_uint_eq(le_get32(p + 44), crc32c(0, p, 44));
}
END_TEST

START_TEST(the_header_reads_back)
{
	uint8_t p[SEGMENT_HEAD_BYTES];
	struct segment_head out;

	segment_head_encode(&head, p);
	ck_assert_int_eq(segment_head_decode(
	                     &out, (struct str){ (char *)p, sizeof(p) }, NULL),
	    ERR_OK);
	ck_assert_uint_eq(out.number, head.number);
	ck_assert_uint_eq(out.salt, head.salt);
	ck_assert_int_eq(out.created_ms, head.created_ms);
	ck_assert_uint_eq(out.writer, head.writer);
	ck_assert_uint_eq(out.flags, head.flags);
}
END_TEST

START_TEST(a_header_with_a_wrong_bit_or_a_short_one_is_refused)
{
	uint8_t p[SEGMENT_HEAD_BYTES];
	struct str s = { (char *)p, sizeof(p) };
	struct segment_head out;

	segment_head_encode(&head, p);
	for (unsigned i = 0; i < sizeof(p) * 8; i++) {
		p[i / 8] ^= (uint8_t)(1u << i % 8);
		ck_assert_int_eq(
		    segment_head_decode(&out, s, NULL), ERR_SYNTAX);
		p[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	for (s.len = 0; s.len < sizeof(p); s.len++)
		ck_assert_int_eq(
		    segment_head_decode(&out, s, NULL), ERR_SYNTAX);
}
END_TEST

/* Returns what a header says with another number in that place. */
static enum err
decode_changed(unsigned at, uint32_t n, uint32_t *version)
{
	uint8_t p[SEGMENT_HEAD_BYTES];
	struct segment_head out;

	segment_head_encode(&head, p);
	le_put32(p + at, n);
	le_put32(p + 44, crc32c(0, p, 44));
	return segment_head_decode(
	    &out, (struct str){ (char *)p, sizeof(p) }, version);
}

START_TEST(a_newer_version_is_told_from_damage)
{
	uint32_t version = 0;

	ck_assert_int_eq(decode_changed(8, 2, &version), ERR_RANGE);
	ck_assert_uint_eq(version, 2);
	ck_assert_int_eq(decode_changed(8, 0, &version), ERR_SYNTAX);
	ck_assert_int_eq(decode_changed(40, 2, NULL), ERR_SYNTAX);
	ck_assert_int_eq(decode_changed(36, 1u << 31, NULL), ERR_SYNTAX);
}
END_TEST

START_TEST(an_entry_reads_back)
{
	struct segment_entry entry = { .block = 1,
		.blocks = 0xfffffffe,
		.flags = 0x1234,
		.crc = 0xdeadbeef };
	uint8_t p[SEGMENT_ENTRY_BYTES];
	struct segment_entry out;

	entry.qid.b[0] = 1;
	entry.qid.b[15] = 15;
	segment_entry_encode(&entry, p);
	segment_entry_decode(&out, p);
	ck_assert_uint_eq(out.block, entry.block);
	ck_assert_uint_eq(out.blocks, entry.blocks);
	ck_assert_uint_eq(out.flags, entry.flags);
	ck_assert_uint_eq(out.crc, entry.crc);
	ck_assert_int_eq(qid_cmp(&out.qid, &entry.qid), 0);
}
END_TEST

static const struct segment_trailer trailer = { 2, 5, 0xcafef00d };
static const uint64_t file_bytes = 5 * 4096 + 2 * 32 + 64;

START_TEST(a_trailer_belongs_to_one_file_of_one_length)
{
	uint8_t p[SEGMENT_TRAILER_BYTES];
	struct segment_head other = head;
	struct segment_trailer out;

	segment_trailer_encode(&trailer, &head, p);
	ck_assert_int_eq(
	    segment_trailer_decode(&out, &head, p, file_bytes), ERR_OK);
	ck_assert_uint_eq(out.n, 2);
	ck_assert_uint_eq(out.block, 5);
	ck_assert_uint_eq(out.footer_crc, 0xcafef00d);
	ck_assert_int_eq(segment_trailer_decode(&out, &head, p, file_bytes + 1),
	    ERR_NOTFOUND);
	other.salt++;
	ck_assert_int_eq(
	    segment_trailer_decode(&out, &other, p, file_bytes), ERR_NOTFOUND);
}
END_TEST

START_TEST(a_trailer_with_a_wrong_bit_is_none)
{
	uint8_t p[SEGMENT_TRAILER_BYTES];
	struct segment_trailer out;

	segment_trailer_encode(&trailer, &head, p);
	for (unsigned i = 0; i < sizeof(p) * 8; i++) {
		p[i / 8] ^= (uint8_t)(1u << i % 8);
		ck_assert_int_eq(
		    segment_trailer_decode(&out, &head, p, file_bytes),
		    ERR_NOTFOUND);
		p[i / 8] ^= (uint8_t)(1u << i % 8);
	}
}
END_TEST

START_TEST(blocks_are_rounded_up)
{
	ck_assert_uint_eq(segment_blocks(0), 0);
	ck_assert_uint_eq(segment_blocks(1), 1);
	ck_assert_uint_eq(segment_blocks(4096), 1);
	ck_assert_uint_eq(segment_blocks(4097), 2);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("segfmt");
	TCase *tc = tcase_create("segfmt");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, the_header_is_as_documented);
	tcase_add_test(tc, the_header_reads_back);
	tcase_add_test(tc, a_header_with_a_wrong_bit_or_a_short_one_is_refused);
	tcase_add_test(tc, a_newer_version_is_told_from_damage);
	tcase_add_test(tc, an_entry_reads_back);
	tcase_add_test(tc, a_trailer_belongs_to_one_file_of_one_length);
	tcase_add_test(tc, a_trailer_with_a_wrong_bit_is_none);
	tcase_add_test(tc, blocks_are_rounded_up);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
