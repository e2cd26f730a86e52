/* SPDX-License-Identifier: BSD-2-Clause */
/* test_ehlo: offers of servers. */
#include "deliver/core/ehlo.h"

#include <stdlib.h>

#include <check.h>

#include "util/base/array.h"

static const struct {
	struct str raw;
	uint64_t size_bytes;
	uint8_t offers;
} cases[] = {
	{ STR_INIT("250 host\r\n"), 0, 0 },
	/* The first line greets, whatever it says. */
	{ STR_INIT("250 PIPELINING\r\n"), 0, 0 },
	{ STR_INIT("250-host\r\n250 PIPELINING\r\n"), 0, EHLO_PIPELINING },
	{ STR_INIT("250-host\r\n250-pipelining\r\n250-8BitMime\r\n"
	           "250-SMTPUTF8\r\n250 SIZE 1000\r\n"),
	    1000, EHLO_PIPELINING | EHLO_8BITMIME | EHLO_SMTPUTF8 | EHLO_SIZE },
	{ STR_INIT("250-host\r\n250-SIZE\r\n250 DSN\r\n"), 0,
	    EHLO_SIZE | EHLO_DSN },
	{ STR_INIT("250-host\r\n250 DSNS\r\n"), 0, 0 },
	{ STR_INIT("250-host\r\n250 SIZE 0\r\n"), 0, EHLO_SIZE },
	{ STR_INIT("250-host\r\n250 SIZE 18446744073709551615\r\n"), UINT64_MAX,
	    EHLO_SIZE },
	{ STR_INIT("250-host\r\n250 SIZE 18446744073709551616\r\n"), 0,
	    EHLO_SIZE },
	{ STR_INIT("250-host\r\n250 SIZE 10 20\r\n"), 0, EHLO_SIZE },
	{ STR_INIT("250-host\r\n250-XPIPELINING\r\n250 PIPELININGS\r\n"), 0,
	    0 },
	{ STR_INIT("250-host\r\n250-\r\n250 8BITMIME x\r\n"), 0,
	    EHLO_8BITMIME },
};

START_TEST(offers_are_read)
{
	struct str raw = cases[_i].raw;
	struct reply reply;
	struct ehlo ehlo;

	ck_assert_int_eq(reply_parse(&reply, &raw), ERR_OK);
	ehlo_read(&ehlo, &reply);
	ck_assert_uint_eq(ehlo.offers, cases[_i].offers);
	ck_assert_uint_eq(ehlo.size_bytes, cases[_i].size_bytes);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("ehlo");
	TCase *tc = tcase_create("core");
	SRunner *sr;
	int n_failed;

	tcase_add_loop_test(tc, offers_are_read, 0, (int)COUNT_OF(cases));
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	n_failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
