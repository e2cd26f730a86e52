/* SPDX-License-Identifier: BSD-2-Clause */
/* test_answer: what a DNS reply says, and what is garbage. */
#include "util/dns/answer.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "util/base/array.h"

static const unsigned char packet[] = { 0x12, 0x34, 0x81, 0x80, 0, 1, 0, 3, 0,
	0, 0, 0,
	/* 12: d.test IN MX */
	1, 'd', 4, 't', 'e', 's', 't', 0, 0, 15, 0, 1,
	/* 24: d.test CNAME e.test, ttl 50 */
	0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 50, 0, 4, 1, 'e', 0xc0, 14,
	/* 40: e.test MX 7 Mx.e.test, ttl 99 */
	0xc0, 36, 0, 15, 0, 1, 0, 0, 0, 99, 0, 7, 0, 7, 2, 'M', 'x', 0xc0, 36,
	/* 59: x.test MX 1 x.test: not asked for */
	1, 'x', 0xc0, 14, 0, 15, 0, 1, 0, 0, 0, 1, 0, 4, 0, 1, 0xc0, 59 };

static struct dns_record records[DNS_RECORDS_MAX];
static struct dns_answer answer;

static enum err
parse(const void *bytes, size_t n, const char *name, enum dns_type type)
{
	return dns_answer_parse(
	    (struct str){ bytes, n }, str_from_c(name), type, records, &answer);
}

START_TEST(an_alias_is_followed_and_the_least_ttl_counts)
{
	ck_assert_int_eq(
	    parse(packet, sizeof(packet), "d.test", DNS_MX), ERR_OK);
	ck_assert_int_eq(answer.found, DNS_FOUND);
	ck_assert_uint_eq(answer.n, 1);
	ck_assert_uint_eq(answer.ttl_s, 50);
	ck_assert_uint_eq(records[0].preference, 7);
	ck_assert_str_eq(records[0].name, "mx.e.test");
}
END_TEST

START_TEST(another_questions_answer_is_not_taken)
{
	ck_assert_int_eq(
	    parse(packet, sizeof(packet), "e.test", DNS_MX), ERR_SYNTAX);
	ck_assert_int_eq(
	    parse(packet, sizeof(packet), "d.test", DNS_A), ERR_SYNTAX);
	ck_assert_int_eq(
	    parse(packet, sizeof(packet), "D.TEST", DNS_MX), ERR_OK);
}
END_TEST

START_TEST(each_cut_of_an_answer_is_an_error)
{
	for (size_t n = 0; n < sizeof(packet); n++)
		ck_assert_int_eq(
		    parse(packet, n, "d.test", DNS_MX), ERR_SYNTAX);
}
END_TEST

START_TEST(a_ring_of_aliases_ends)
{
	unsigned char ring[sizeof(packet)];

	memcpy(ring, packet, sizeof(packet));
	ring[7] = 1;    /* the alias alone, */
	ring[37] = 'd'; /* of itself */
	ck_assert_int_eq(parse(ring, 40, "d.test", DNS_MX), ERR_SYNTAX);
}
END_TEST

START_TEST(reply_codes_are_told_apart)
{
	unsigned char none[24];

	memcpy(none, packet, sizeof(none));
	none[7] = 0;
	ck_assert_int_eq(parse(none, 24, "d.test", DNS_MX), ERR_OK);
	ck_assert_int_eq(answer.found, DNS_NO_DATA);
	ck_assert_uint_eq(answer.ttl_s, 300);
	none[3] = 0x83;
	ck_assert_int_eq(parse(none, 24, "d.test", DNS_MX), ERR_OK);
	ck_assert_int_eq(answer.found, DNS_NO_NAME);
	none[3] = 0x82;
	ck_assert_int_eq(parse(none, 24, "d.test", DNS_MX), ERR_OK);
	ck_assert_int_eq(answer.found, DNS_FAILED);
	ck_assert_str_ne(answer.text, "");
}
END_TEST

START_TEST(an_address_of_the_wrong_length_is_garbage)
{
	unsigned char a[] = { 0, 1, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, 1, 'd',
		0, 0, 1, 0, 1, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 127, 0,
		0, 1 };

	ck_assert_int_eq(parse(a, sizeof(a), "d", DNS_A), ERR_OK);
	ck_assert_uint_eq(answer.n, 1);
	ck_assert_mem_eq(records[0].ip, "\x7f\0\0\1", 4);
	a[30] = 3;
	ck_assert_int_eq(parse(a, sizeof(a) - 1, "d", DNS_A), ERR_SYNTAX);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("answer");
	TCase *tc = tcase_create("answer");
	SRunner *sr = srunner_create(s);
	int n_failed;

	tcase_add_test(tc, an_alias_is_followed_and_the_least_ttl_counts);
	tcase_add_test(tc, another_questions_answer_is_not_taken);
	tcase_add_test(tc, each_cut_of_an_answer_is_an_error);
	tcase_add_test(tc, a_ring_of_aliases_ends);
	tcase_add_test(tc, reply_codes_are_told_apart);
	tcase_add_test(tc, an_address_of_the_wrong_length_is_garbage);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	n_failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
