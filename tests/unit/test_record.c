/* SPDX-License-Identifier: BSD-2-Clause */
/* test_record: the header of a record, its CRC, and where things lie. */
#include "util/spool/record.h"

#include <stdlib.h>

#include <check.h>

#include "util/base/crc32c.h"
#include "util/base/le.h"

#define ENVELOPE_BYTES 20
#define FRONT_BYTES (RECORD_HEAD_BYTES + ENVELOPE_BYTES)

static const struct segment_head seg = { .number = 77,
	.salt = UINT64_C(0x0102030405060708) };

struct sample {
	struct record_head head;
	uint8_t bytes[FRONT_BYTES];
};

/* Writes CRCs again after a test has changed a field. */
static void
sign(struct sample *s)
{
	uint32_t crc = crc32c(segment_crc_begin(seg.salt), s->bytes, 124);

	crc = crc32c(crc, s->bytes + RECORD_HEAD_BYTES, ENVELOPE_BYTES);
	le_put32(s->bytes + 124, crc);
}

static void
make_sample(struct sample *s)
{
	char envelope[ENVELOPE_BYTES];

	memset(envelope, 'e', sizeof(envelope));
	*s = (struct sample){ .head = { .salt = seg.salt,
		                  .number = seg.number,
		                  .content_bytes = 5000,
		                  .arrival_ms = 1700000000000,
		                  .envelope_bytes = ENVELOPE_BYTES,
		                  .content_crc = 0x12345678,
		                  .flags = RECORD_8BITMIME } };
	s->head.qid.b[3] = 9;
	record_encode(
	    &s->head, (struct str){ envelope, sizeof(envelope) }, s->bytes);
	memcpy(s->bytes + RECORD_HEAD_BYTES, envelope, sizeof(envelope));
}

static enum err
decode(const struct sample *s, size_t len, struct record_head *head)
{
	struct str envelope;

	return record_decode(
	    head, (struct str){ (const char *)s->bytes, len }, &seg, &envelope);
}

START_TEST(a_record_reads_back)
{
	struct sample s;
	struct record_head head;
	struct str envelope;

	make_sample(&s);
	ck_assert_int_eq(
	    record_decode(&head,
	        (struct str){ (const char *)s.bytes, sizeof(s.bytes) }, &seg,
	        &envelope),
	    ERR_OK);
	ck_assert_int_eq(qid_cmp(&head.qid, &s.head.qid), 0);
	ck_assert_uint_eq(head.content_bytes, 5000);
	ck_assert_int_eq(head.arrival_ms, 1700000000000);
	ck_assert_uint_eq(head.content_crc, 0x12345678);
	ck_assert_uint_eq(head.flags, RECORD_8BITMIME);
	ck_assert_uint_eq(head.crc, s.head.crc);
	ck_assert_uint_eq(envelope.len, ENVELOPE_BYTES);
	ck_assert_ptr_eq(envelope.ptr, s.bytes + RECORD_HEAD_BYTES);
}
END_TEST

START_TEST(fields_stand_where_they_are_documented)
{
	struct sample s;

	make_sample(&s);
	ck_assert_mem_eq(s.bytes, "HREC\1\0\4\0", 8);
	ck_assert_uint_eq(le_get64(s.bytes + 8), seg.salt);
	ck_assert_uint_eq(le_get64(s.bytes + 16), seg.number);
	ck_assert_uint_eq(le_get64(s.bytes + 24), 128 + 20 + 5000);
	ck_assert_uint_eq(le_get32(s.bytes + 32), 20);
	ck_assert_uint_eq(le_get64(s.bytes + 40), 5000);
	ck_assert_uint_eq(s.bytes[48 + 3], 9);
	ck_assert_int_eq((int64_t)le_get64(s.bytes + 64), 1700000000000);
	ck_assert_uint_eq(le_get32(s.bytes + 72), 0x12345678);
	sign(&s);
	ck_assert_uint_eq(le_get32(s.bytes + 124), s.head.crc);
}
END_TEST

START_TEST(each_wrong_bit_is_seen)
{
	struct sample s;
	struct record_head head;

	make_sample(&s);
	for (unsigned i = 0; i < FRONT_BYTES * 8; i++) {
		s.bytes[i / 8] ^= (uint8_t)(1u << i % 8);
		ck_assert_int_ne(decode(&s, FRONT_BYTES, &head), ERR_OK);
		s.bytes[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	ck_assert_int_eq(decode(&s, FRONT_BYTES, &head), ERR_OK);
}
END_TEST

START_TEST(each_cut_is_seen)
{
	struct sample s;
	struct record_head head;

	make_sample(&s);
	for (size_t len = 0; len < RECORD_HEAD_BYTES; len++)
		ck_assert_int_eq(decode(&s, len, &head), ERR_NOTFOUND);
	for (size_t len = RECORD_HEAD_BYTES; len < FRONT_BYTES; len++)
		ck_assert_int_eq(decode(&s, len, &head), ERR_AGAIN);
}
END_TEST

START_TEST(magic_salt_and_number_make_a_record)
{
	static const unsigned places[] = { 0, 3, 8, 15, 16, 23 };
	struct sample s;
	struct record_head head;

	make_sample(&s);
	s.bytes[places[_i]] ^= 1;
	sign(&s);
	ck_assert_int_eq(decode(&s, FRONT_BYTES, &head), ERR_NOTFOUND);
}
END_TEST

/* Fields that no writer of this version sets so, with a CRC that fits. */
static const struct {
	unsigned at;
	uint64_t value;
	enum err want;
} odd[] = {
	{ 4, 2, ERR_RANGE }, /* version, and no flags */
	{ 4, 0, ERR_SYNTAX },
	{ 4, 1 | 64 << 16, ERR_SYNTAX }, /* an unknown flag */
	{ 24, 128 + 20 + 5000 + 1, ERR_SYNTAX },
	{ 32, ENVELOPE_MAX_BYTES, ERR_AGAIN },
	{ 32, ENVELOPE_MAX_BYTES + 1, ERR_SYNTAX },
	{ 40, RECORD_CONTENT_MAX_BYTES + 1, ERR_SYNTAX },
	{ 40, UINT64_MAX, ERR_SYNTAX },
	{ 64, UINT64_MAX, ERR_SYNTAX }, /* arrival before 1970 */
};

START_TEST(odd_fields_are_refused)
{
	struct sample s;
	struct record_head head;

	make_sample(&s);
	if (odd[_i].at == 4 || odd[_i].at == 32)
		le_put32(s.bytes + odd[_i].at, (uint32_t)odd[_i].value);
	else
		le_put64(s.bytes + odd[_i].at, odd[_i].value);
	sign(&s);
	ck_assert_int_eq(decode(&s, FRONT_BYTES, &head), odd[_i].want);
}
END_TEST

START_TEST(a_record_from_a_frame_brings_its_own_salt)
{
	struct sample s;
	struct record_head head;
	struct str envelope;

	make_sample(&s);
	ck_assert_int_eq(
	    record_decode(&head,
	        (struct str){ (const char *)s.bytes, sizeof(s.bytes) }, NULL,
	        &envelope),
	    ERR_OK);
	ck_assert_uint_eq(head.number, seg.number);
}
END_TEST

START_TEST(content_lies_behind_the_envelope_or_in_block_one)
{
	struct record_head head = { .envelope_bytes = 100,
		.content_bytes = 4096 - 128 - 100 };

	ck_assert_uint_eq(record_blocks(&head), 1);
	ck_assert_uint_eq(record_content_offset(&head, 8192), 8192 + 228);
	head.content_bytes++;
	ck_assert_uint_eq(record_blocks(&head), 2);
	head.flags = RECORD_OWN;
	ck_assert_uint_eq(record_blocks(&head), 1);
	ck_assert_uint_eq(record_total_bytes(&head), 228);
	ck_assert_uint_eq(record_content_offset(&head, 8192), 4096);
	ck_assert_uint_eq(record_own_offset(0), 4096);
	ck_assert_uint_eq(record_own_offset(4096), 8192);
	ck_assert_uint_eq(record_own_offset(4097), 12288);
}
END_TEST

START_TEST(content_crc_is_salted_and_can_be_cut)
{
	uint32_t a = segment_crc_begin(1);
	uint32_t b = segment_crc_begin(2);

	ck_assert_uint_ne(
	    record_content_crc(a, "abc", 3), record_content_crc(b, "abc", 3));
	ck_assert_uint_eq(record_content_crc(a, "abc", 3),
	    record_content_crc(record_content_crc(a, "a", 1), "bc", 2));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("record");
	TCase *tc = tcase_create("record");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, a_record_reads_back);
	tcase_add_test(tc, fields_stand_where_they_are_documented);
	tcase_add_test(tc, each_wrong_bit_is_seen);
	tcase_add_test(tc, each_cut_is_seen);
	tcase_add_loop_test(tc, magic_salt_and_number_make_a_record, 0, 6);
	tcase_add_loop_test(
	    tc, odd_fields_are_refused, 0, (int)(sizeof(odd) / sizeof(odd[0])));
	tcase_add_test(tc, a_record_from_a_frame_brings_its_own_salt);
	tcase_add_test(tc, content_lies_behind_the_envelope_or_in_block_one);
	tcase_add_test(tc, content_crc_is_salted_and_can_be_cut);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
