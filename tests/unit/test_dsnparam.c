/* SPDX-License-Identifier: BSD-2-Clause */
/* test_dsnparam: good and bad values of NOTIFY, RET, ENVID and ORCPT. */
#include "util/mail/dsnparam.h"

#include <stdlib.h>

#include <check.h>

#include "util/base/array.h"

#define LONG_49 "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghi"
#define LONG_50 LONG_49 "j"
#define LONG_100 LONG_50 LONG_50
#define LONG_450 LONG_100 LONG_100 LONG_100 LONG_100 LONG_50

#define NOTHING 99

static const struct {
	struct str value;
	enum err err;
	uint8_t notify;
} notifies[] = {
	{ STR_INIT("NEVER"), ERR_OK, NOTIFY_NEVER },
	{ STR_INIT("success"), ERR_OK, NOTIFY_SUCCESS },
	{ STR_INIT("Delay,FAILURE"), ERR_OK, NOTIFY_DELAY | NOTIFY_FAILURE },
	{ STR_INIT("SUCCESS,FAILURE,DELAY"), ERR_OK,
	    NOTIFY_SUCCESS | NOTIFY_FAILURE | NOTIFY_DELAY },
	{ STR_INIT(""), ERR_SYNTAX, NOTHING },
	{ STR_INIT(","), ERR_SYNTAX, NOTHING },
	{ STR_INIT("SUCCESS,"), ERR_SYNTAX, NOTHING },
	{ STR_INIT(",SUCCESS"), ERR_SYNTAX, NOTHING },
	{ STR_INIT("SUCCESS,,DELAY"), ERR_SYNTAX, NOTHING },
	{ STR_INIT("SUCCESS;DELAY"), ERR_SYNTAX, NOTHING },
	{ STR_INIT("ALWAYS"), ERR_SYNTAX, NOTHING },
	{ STR_INIT("DELAY,ALWAYS"), ERR_SYNTAX, NOTHING },
	{ STR_INIT("SUCCES"), ERR_SYNTAX, NOTHING },
	{ STR_INIT("SUCCESS,SUCCESS"), ERR_EXISTS, NOTHING },
	{ STR_INIT("NEVER,NEVER"), ERR_EXISTS, NOTHING },
	{ STR_INIT("NEVER,DELAY"), ERR_DENIED, NOTHING },
	{ STR_INIT("FAILURE,never"), ERR_DENIED, NOTHING },
};

START_TEST(notify_is_never_or_a_list)
{
	uint8_t notify = NOTHING;

	ck_assert_int_eq(
	    dsn_parse_notify(notifies[_i].value, &notify), notifies[_i].err);
	ck_assert_uint_eq(notify, notifies[_i].notify);
}
END_TEST

START_TEST(what_is_written_of_notify_is_read_again)
{
	for (unsigned bits = 1; bits <= NOTIFY_ALL; bits++) {
		char bytes[DSN_NOTIFY_MAX_BYTES];
		struct outbuf out = { bytes, 0, sizeof(bytes) };
		uint8_t notify = 0;

		/* NEVER stands alone. */
		if ((bits & NOTIFY_NEVER) != 0 && bits != NOTIFY_NEVER)
			continue;
		ck_assert_int_eq(dsn_put_notify((uint8_t)bits, &out), ERR_OK);
		ck_assert_int_eq(
		    dsn_parse_notify(outbuf_str(&out), &notify), ERR_OK);
		ck_assert_uint_eq(notify, bits);
	}
}
END_TEST

START_TEST(notify_is_not_written_where_it_might_not_fit)
{
	char bytes[DSN_NOTIFY_MAX_BYTES];
	struct outbuf out = { bytes, 0, sizeof(bytes) - 1 };

	ck_assert_int_eq(dsn_put_notify(NOTIFY_NEVER, &out), ERR_FULL);
	out.cap++;
	ck_assert_int_eq(dsn_put_notify(NOTIFY_DEFAULT, &out), ERR_OK);
	ck_assert_uint_eq(out.len, 0);
}
END_TEST

START_TEST(ret_is_one_of_two_words)
{
	enum dsn_ret ret = RET_DEFAULT;

	ck_assert_int_eq(dsn_parse_ret(STR("full"), &ret), ERR_OK);
	ck_assert_int_eq(ret, RET_FULL);
	ck_assert_int_eq(dsn_parse_ret(STR("HDRS"), &ret), ERR_OK);
	ck_assert_int_eq(ret, RET_HEADERS);
	ck_assert_int_eq(dsn_parse_ret(STR(""), &ret), ERR_SYNTAX);
	ck_assert_int_eq(dsn_parse_ret(STR("HDR"), &ret), ERR_SYNTAX);
	ck_assert_int_eq(dsn_parse_ret(STR("FULL,HDRS"), &ret), ERR_SYNTAX);
	ck_assert_int_eq(ret, RET_HEADERS);
	ck_assert(str_eq(dsn_ret_text(RET_DEFAULT), STR("")));
	ck_assert(str_eq(dsn_ret_text(RET_FULL), STR("FULL")));
	ck_assert(str_eq(dsn_ret_text(RET_HEADERS), STR("HDRS")));
}
END_TEST

START_TEST(envid_is_xtext_of_bounded_length)
{
	ck_assert_int_eq(dsn_check_envid(STR("QQ314159+2B")), ERR_OK);
	ck_assert_int_eq(dsn_check_envid(STR(LONG_100)), ERR_OK);
	ck_assert_int_eq(dsn_check_envid(STR(LONG_100 "x")), ERR_FULL);
	ck_assert_int_eq(dsn_check_envid(STR("")), ERR_NOTFOUND);
	/* The coding does not count. */
	ck_assert_int_eq(dsn_check_envid(STR(LONG_50 LONG_49 "+2B")), ERR_OK);
	ck_assert_int_eq(dsn_check_envid(STR(LONG_50 LONG_50 "+2B")), ERR_FULL);
	ck_assert_int_eq(dsn_check_envid(STR("+2b")), ERR_SYNTAX);
	ck_assert_int_eq(dsn_check_envid(STR("+0A")), ERR_RANGE);
}
END_TEST

static const struct {
	struct str value;
	bool is_smtputf8;
	enum err err;
} orcpts[] = {
	{ STR_INIT("rfc822;Bob@Example.ORG"), false, ERR_OK },
	{ STR_INIT("rfc822;bob+2Bx@example.org"), false, ERR_OK },
	{ STR_INIT("X400;/S=bob/"), false, ERR_SYNTAX },
	{ STR_INIT("x400;/S+3Dbob;/"), false, ERR_OK },
	{ STR_INIT("rfc822;" LONG_450 LONG_50), false, ERR_FULL },
	{ STR_INIT(
	      "rfc8221234567890123456789012345678901234567890123;" LONG_450),
	    false, ERR_OK },
	{ STR_INIT(
	      "rfc82212345678901234567890123456789012345678901234;" LONG_450),
	    false, ERR_FULL },
	{ STR_INIT(""), false, ERR_PROTO },
	{ STR_INIT("bob@example.org"), false, ERR_PROTO },
	{ STR_INIT(";bob@example.org"), false, ERR_PROTO },
	{ STR_INIT("rfc.822;bob@example.org"), false, ERR_PROTO },
	{ STR_INIT("rfc\x7f;bob@example.org"), false, ERR_PROTO },
	{ STR_INIT("\xc3\xb6;bob@example.org"), true, ERR_PROTO },
	{ STR_INIT("rfc822;"), false, ERR_NOTFOUND },
	{ STR_INIT("rfc822;+"), false, ERR_SYNTAX },
	{ STR_INIT("rfc822;bob+0D+0ARCPT"), false, ERR_RANGE },
	{ STR_INIT("utf-8;b\xc3\xb6"), false, ERR_SYNTAX },
	{ STR_INIT("utf-8;b\\x{F6}b"), false, ERR_OK },
	{ STR_INIT("UTF-8;b\xc3\xb6\xe2\x82\xac@x\\x{3D}"), true, ERR_OK },
	{ STR_INIT("utf-8;b\xc3"), true, ERR_SYNTAX },
	{ STR_INIT("utf-8;\xc3\xb6="), true, ERR_SYNTAX },
	{ STR_INIT("utf-8;\xc3\xb6+0A"), true, ERR_SYNTAX },
	{ STR_INIT("utf-8;\xc3\xb6\\x{0A}"), true, ERR_RANGE },
	{ STR_INIT("rfc822;b\xc3\xb6"), true, ERR_SYNTAX },
};

START_TEST(orcpt_is_a_type_and_an_address)
{
	ck_assert_int_eq(
	    dsn_check_orcpt(orcpts[_i].value, orcpts[_i].is_smtputf8),
	    orcpts[_i].err);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("dsnparam");
	TCase *tc = tcase_create("dsnparam");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(
	    tc, notify_is_never_or_a_list, 0, COUNT_OF(notifies));
	tcase_add_test(tc, what_is_written_of_notify_is_read_again);
	tcase_add_test(tc, notify_is_not_written_where_it_might_not_fit);
	tcase_add_test(tc, ret_is_one_of_two_words);
	tcase_add_test(tc, envid_is_xtext_of_bounded_length);
	tcase_add_loop_test(
	    tc, orcpt_is_a_type_and_an_address, 0, COUNT_OF(orcpts));
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
