/* SPDX-License-Identifier: BSD-2-Clause */
/* test_command: each verb, each parameter, each fault. */
#include "util/mail/command.h"

#include <stdlib.h>

#include <check.h>

#include "util/base/array.h"

#define LONG_60 "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij"
#define LONG_40 "abcdefghijabcdefghijabcdefghijabcdefghij"
#define HOST_240 LONG_60 LONG_60 LONG_60 LONG_60
#define HOST_255 HOST_240 "abcdefghijabcde"

static const struct {
	struct str line;
	enum verb verb;
	struct str arg;
} good[] = {
	{ STR_INIT("HELO mx.test"), VERB_HELO, STR_INIT("mx.test") },
	{ STR_INIT("EHLO [IPv6:::1]"), VERB_EHLO, STR_INIT("[IPv6:::1]") },
	{ STR_INIT("ehlo my_host-"), VERB_EHLO, STR_INIT("my_host-") },
	{ STR_INIT("EHLO " HOST_255), VERB_EHLO, STR_INIT(HOST_255) },
	{ STR_INIT("DATA"), VERB_DATA, STR_INIT("") },
	{ STR_INIT("data \t "), VERB_DATA, STR_INIT("") },
	{ STR_INIT("RSET"), VERB_RSET, STR_INIT("") },
	{ STR_INIT("NOOP"), VERB_NOOP, STR_INIT("") },
	{ STR_INIT("NOOP  a  b "), VERB_NOOP, STR_INIT("a  b") },
	{ STR_INIT("VRFY joe"), VERB_VRFY, STR_INIT("joe") },
	{ STR_INIT("EXPN list"), VERB_EXPN, STR_INIT("list") },
	{ STR_INIT("HELP"), VERB_HELP, STR_INIT("") },
	{ STR_INIT("HELP MAIL"), VERB_HELP, STR_INIT("MAIL") },
	{ STR_INIT("qUiT"), VERB_QUIT, STR_INIT("") },
	{ STR_INIT("STARTTLS"), VERB_STARTTLS, STR_INIT("") },
	{ STR_INIT("AUTH PLAIN AGEAYg=="), VERB_AUTH,
	    STR_INIT("PLAIN AGEAYg==") },
	{ STR_INIT("BDAT 10 LAST"), VERB_BDAT, STR_INIT("10 LAST") },
};

START_TEST(verbs_and_arguments_are_told)
{
	struct command cmd;

	ck_assert_int_eq(command_parse(&cmd, good[_i].line, false), ERR_OK);
	ck_assert_int_eq(cmd.fault, COMMAND_FINE);
	ck_assert_int_eq(cmd.verb, good[_i].verb);
	ck_assert(str_eq(cmd.arg, good[_i].arg));
}
END_TEST

static const struct {
	struct str line, whole;
	uint64_t size_bytes;
	enum command_body body;
	bool has_size, is_smtputf8;
} senders[] = {
	{ STR_INIT("MAIL FROM:<>"), STR_INIT(""), 0, COMMAND_BODY_UNSAID, false,
	    false },
	{ STR_INIT("mail from:<a@b>"), STR_INIT("a@b"), 0, COMMAND_BODY_UNSAID,
	    false, false },
	{ STR_INIT("MAIL  FROM: \t<a@b>  "), STR_INIT("a@b"), 0,
	    COMMAND_BODY_UNSAID, false, false },
	{ STR_INIT("MAIL FROM:<a@b> SIZE=0"), STR_INIT("a@b"), 0,
	    COMMAND_BODY_UNSAID, true, false },
	{ STR_INIT("MAIL FROM:<a@b> size=18446744073709551614"),
	    STR_INIT("a@b"), UINT64_MAX - 1, COMMAND_BODY_UNSAID, true, false },
	{ STR_INIT("MAIL FROM:<a@b> SIZE=18446744073709551616"),
	    STR_INIT("a@b"), UINT64_MAX, COMMAND_BODY_UNSAID, true, false },
	{ STR_INIT("MAIL FROM:<a@b> BODY=7bit"), STR_INIT("a@b"), 0,
	    COMMAND_BODY_7BIT, false, false },
	{ STR_INIT("MAIL FROM:<a@b>  Body=8BITMIME   SIZE=12  SmtpUtf8"),
	    STR_INIT("a@b"), 12, COMMAND_BODY_8BIT, true, true },
	{ STR_INIT("MAIL FROM:<\xc3\xb6@b> SMTPUTF8"), STR_INIT("\xc3\xb6@b"),
	    0, COMMAND_BODY_UNSAID, false, true },
};

START_TEST(senders_and_their_parameters_are_read)
{
	struct command cmd;

	ck_assert_int_eq(command_parse(&cmd, senders[_i].line, false), ERR_OK);
	ck_assert_int_eq(cmd.verb, VERB_MAIL);
	ck_assert(str_eq(cmd.path.whole, senders[_i].whole));
	ck_assert_uint_eq(cmd.size_bytes, senders[_i].size_bytes);
	ck_assert_int_eq(cmd.body, senders[_i].body);
	ck_assert_int_eq(cmd.has_size, senders[_i].has_size);
	ck_assert_int_eq(cmd.is_smtputf8, senders[_i].is_smtputf8);
}
END_TEST

START_TEST(recipients_are_read)
{
	struct command cmd;

	ck_assert_int_eq(
	    command_parse(&cmd, STR("RCPT TO:<Joe@X.y>"), false), ERR_OK);
	ck_assert_int_eq(cmd.verb, VERB_RCPT);
	ck_assert(str_eq(cmd.path.local, STR("Joe")));
	ck_assert(str_eq(cmd.path.domain, STR("X.y")));
	ck_assert_int_eq(
	    command_parse(&cmd, STR("rcpt to: <postmaster> "), false), ERR_OK);
	ck_assert(str_eq(cmd.path.whole, STR("postmaster")));
	ck_assert_int_eq(
	    command_parse(&cmd, STR("RCPT TO:<\xc3\xb6@b>"), true), ERR_OK);
	ck_assert(cmd.path.is_utf8);
}
END_TEST

static const struct {
	struct str line;
	enum verb verb;
	enum command_fault fault;
} bad[] = {
	{ STR_INIT(""), VERB_UNKNOWN, COMMAND_UNKNOWN },
	{ STR_INIT(" QUIT"), VERB_UNKNOWN, COMMAND_UNKNOWN },
	{ STR_INIT("QUITT"), VERB_UNKNOWN, COMMAND_UNKNOWN },
	{ STR_INIT("QUI"), VERB_UNKNOWN, COMMAND_UNKNOWN },
	{ STR_INIT("unknown"), VERB_UNKNOWN, COMMAND_UNKNOWN },
	{ STR_INIT("LHLO mx"), VERB_UNKNOWN, COMMAND_UNKNOWN },
	{ STR_INIT("MAILFROM:<a@b>"), VERB_UNKNOWN, COMMAND_UNKNOWN },
	{ STR_INIT("GET / HTTP/1.0"), VERB_UNKNOWN, COMMAND_UNKNOWN },
	{ STR_INIT("HELO"), VERB_HELO, COMMAND_NO_ARG },
	{ STR_INIT("EHLO  "), VERB_EHLO, COMMAND_NO_ARG },
	{ STR_INIT("EHLO a b"), VERB_EHLO, COMMAND_BAD_HOST },
	{ STR_INIT("EHLO a\tb"), VERB_EHLO, COMMAND_BAD_HOST },
	{ STR_INIT("EHLO a(b)"), VERB_EHLO, COMMAND_BAD_HOST },
	{ STR_INIT("EHLO a;b"), VERB_EHLO, COMMAND_BAD_HOST },
	{ STR_INIT("EHLO []"), VERB_EHLO, COMMAND_BAD_HOST },
	{ STR_INIT("EHLO [1.2.3.4"), VERB_EHLO, COMMAND_BAD_HOST },
	{ STR_INIT("EHLO [[1.2.3.4]]"), VERB_EHLO, COMMAND_BAD_HOST },
	{ STR_INIT("EHLO m\xc3\xb6"), VERB_EHLO, COMMAND_BAD_HOST },
	{ STR_INIT("EHLO " HOST_255 "f"), VERB_EHLO, COMMAND_BAD_HOST },
	{ STR_INIT("DATA x"), VERB_DATA, COMMAND_EXTRA_ARG },
	{ STR_INIT("RSET x"), VERB_RSET, COMMAND_EXTRA_ARG },
	{ STR_INIT("QUIT now"), VERB_QUIT, COMMAND_EXTRA_ARG },
	{ STR_INIT("STARTTLS x"), VERB_STARTTLS, COMMAND_EXTRA_ARG },
	{ STR_INIT("VRFY"), VERB_VRFY, COMMAND_NO_ARG },
	{ STR_INIT("EXPN "), VERB_EXPN, COMMAND_NO_ARG },
	{ STR_INIT("AUTH"), VERB_AUTH, COMMAND_NO_ARG },
	{ STR_INIT("BDAT"), VERB_BDAT, COMMAND_NO_ARG },
	{ STR_INIT("MAIL"), VERB_MAIL, COMMAND_NO_FROM },
	{ STR_INIT("MAIL FROM"), VERB_MAIL, COMMAND_NO_FROM },
	{ STR_INIT("MAIL FROM <a@b>"), VERB_MAIL, COMMAND_NO_FROM },
	{ STR_INIT("MAIL TO:<a@b>"), VERB_MAIL, COMMAND_NO_FROM },
	{ STR_INIT("MAIL FROM:"), VERB_MAIL, COMMAND_BAD_SENDER },
	{ STR_INIT("MAIL FROM:a@b"), VERB_MAIL, COMMAND_BAD_SENDER },
	{ STR_INIT("MAIL FROM:<a>"), VERB_MAIL, COMMAND_BAD_SENDER },
	{ STR_INIT("MAIL FROM:<postmaster>"), VERB_MAIL, COMMAND_BAD_SENDER },
	{ STR_INIT("MAIL FROM:<a@b>SIZE=1"), VERB_MAIL, COMMAND_BAD_SENDER },
	{ STR_INIT("MAIL FROM:<a@b>x"), VERB_MAIL, COMMAND_BAD_SENDER },
	{ STR_INIT("MAIL FROM:<" LONG_60 "abcde@b>"), VERB_MAIL,
	    COMMAND_LONG_SENDER },
	{ STR_INIT("MAIL FROM:<\xc3\xb6@b>"), VERB_MAIL, COMMAND_UTF8_SENDER },
	{ STR_INIT("MAIL FROM:<\xc3\xb6@b> SIZE=1"), VERB_MAIL,
	    COMMAND_UTF8_SENDER },
	{ STR_INIT("MAIL FROM:<\xc3@b> SMTPUTF8"), VERB_MAIL,
	    COMMAND_BAD_SENDER },
	{ STR_INIT("MAIL FROM:<a@b> SIZE"), VERB_MAIL, COMMAND_BAD_PARAM },
	{ STR_INIT("MAIL FROM:<a@b> SIZE="), VERB_MAIL, COMMAND_BAD_PARAM },
	{ STR_INIT("MAIL FROM:<a@b> SIZE=1K"), VERB_MAIL, COMMAND_BAD_PARAM },
	{ STR_INIT("MAIL FROM:<a@b> SIZE=-1"), VERB_MAIL, COMMAND_BAD_PARAM },
	{ STR_INIT("MAIL FROM:<a@b> SIZE = 1"), VERB_MAIL, COMMAND_BAD_PARAM },
	{ STR_INIT("MAIL FROM:<a@b> SIZE=1 SIZE=1"), VERB_MAIL,
	    COMMAND_BAD_PARAM },
	{ STR_INIT("MAIL FROM:<a@b> BODY"), VERB_MAIL, COMMAND_BAD_PARAM },
	{ STR_INIT("MAIL FROM:<a@b> BODY=BINARYMIME"), VERB_MAIL,
	    COMMAND_BAD_PARAM },
	{ STR_INIT("MAIL FROM:<a@b> BODY=7BIT BODY=7BIT"), VERB_MAIL,
	    COMMAND_BAD_PARAM },
	{ STR_INIT("MAIL FROM:<a@b> SMTPUTF8="), VERB_MAIL, COMMAND_BAD_PARAM },
	{ STR_INIT("MAIL FROM:<a@b> SMTPUTF8 SMTPUTF8"), VERB_MAIL,
	    COMMAND_BAD_PARAM },
	{ STR_INIT("MAIL FROM:<a@b> NOTIFY=NEVER"), VERB_MAIL,
	    COMMAND_UNKNOWN_PARAM },
	{ STR_INIT("MAIL FROM:<a@b> ORCPT=rfc822;a@b"), VERB_MAIL,
	    COMMAND_UNKNOWN_PARAM },
	{ STR_INIT("MAIL FROM:<a@b> SIZE=1 x"), VERB_MAIL,
	    COMMAND_UNKNOWN_PARAM },
	{ STR_INIT("MAIL FROM:<a@b> =1"), VERB_MAIL, COMMAND_UNKNOWN_PARAM },
	{ STR_INIT("RCPT"), VERB_RCPT, COMMAND_NO_TO },
	{ STR_INIT("RCPT FROM:<a@b>"), VERB_RCPT, COMMAND_NO_TO },
	{ STR_INIT("RCPT TO:<>"), VERB_RCPT, COMMAND_BAD_RCPT },
	{ STR_INIT("RCPT TO:<a>"), VERB_RCPT, COMMAND_BAD_RCPT },
	{ STR_INIT("RCPT TO:<a@b"), VERB_RCPT, COMMAND_BAD_RCPT },
	{ STR_INIT("RCPT TO:<a@b>,<c@d>"), VERB_RCPT, COMMAND_BAD_RCPT },
	{ STR_INIT("RCPT TO:<" LONG_60 "abcde@b>"), VERB_RCPT,
	    COMMAND_LONG_RCPT },
	{ STR_INIT("RCPT TO:<\xc3\xb6@b>"), VERB_RCPT, COMMAND_UTF8_RCPT },
	{ STR_INIT("RCPT TO:<a@b> RET=HDRS"), VERB_RCPT,
	    COMMAND_UNKNOWN_PARAM },
	{ STR_INIT("RCPT TO:<a@b> SIZE=1"), VERB_RCPT, COMMAND_UNKNOWN_PARAM },
	{ STR_INIT("RCPT TO:<a@b> ENVID=1"), VERB_RCPT, COMMAND_UNKNOWN_PARAM },
};

#define FROM "MAIL FROM:<a@b> "
#define TO "RCPT TO:<a@b> "
#define ORCPT "ORCPT=rfc822;a@b"

/* The same for the parameters of RFC 3461. */
static const struct {
	struct str line;
	enum command_fault fault;
} bad_dsn[] = {
	{ STR_INIT(FROM "RET"), COMMAND_RET_VALUE },
	{ STR_INIT(FROM "RET="), COMMAND_RET_VALUE },
	{ STR_INIT(FROM "RET=HEADERS"), COMMAND_RET_VALUE },
	{ STR_INIT(FROM "RET=FULL,HDRS"), COMMAND_RET_VALUE },
	{ STR_INIT(FROM "RET=FULL RET=FULL"), COMMAND_RET_TWICE },
	{ STR_INIT(FROM "RET=FULL ret=hdrs"), COMMAND_RET_TWICE },
	{ STR_INIT(FROM "ENVID"), COMMAND_ENVID_EMPTY },
	{ STR_INIT(FROM "ENVID="), COMMAND_ENVID_EMPTY },
	{ STR_INIT(FROM "ENVID=a ENVID=a"), COMMAND_ENVID_TWICE },
	{ STR_INIT(FROM "ENVID=" LONG_60 LONG_40 "k"), COMMAND_ENVID_LONG },
	{ STR_INIT(FROM "ENVID=a=b"), COMMAND_ENVID_CODE },
	{ STR_INIT(FROM "ENVID=a+"), COMMAND_ENVID_CODE },
	{ STR_INIT(FROM "ENVID=a+2"), COMMAND_ENVID_CODE },
	{ STR_INIT(FROM "ENVID=a+2b"), COMMAND_ENVID_CODE },
	{ STR_INIT(FROM "ENVID=\xc3\xb6"), COMMAND_ENVID_CODE },
	{ STR_INIT(FROM "ENVID=a\x01"), COMMAND_ENVID_CODE },
	{ STR_INIT(FROM "ENVID=a+0D+0AX:+20y"), COMMAND_ENVID_BYTE },
	{ STR_INIT(FROM "ENVID=+00"), COMMAND_ENVID_BYTE },
	{ STR_INIT(FROM "ENVID=+C3+B6"), COMMAND_ENVID_BYTE },
	/* The first fault is told. */
	{ STR_INIT(FROM "RET=X COLOUR=red"), COMMAND_RET_VALUE },
	{ STR_INIT(FROM "COLOUR=red RET=X"), COMMAND_UNKNOWN_PARAM },
	{ STR_INIT(TO "NOTIFY"), COMMAND_NOTIFY_WORD },
	{ STR_INIT(TO "NOTIFY="), COMMAND_NOTIFY_WORD },
	{ STR_INIT(TO "NOTIFY=ALWAYS"), COMMAND_NOTIFY_WORD },
	{ STR_INIT(TO "NOTIFY=DELAY,"), COMMAND_NOTIFY_WORD },
	{ STR_INIT(TO "NOTIFY=DELAY, FAILURE"), COMMAND_NOTIFY_WORD },
	{ STR_INIT(TO "NOTIFY=DELAY,DELAY"), COMMAND_NOTIFY_REPEAT },
	{ STR_INIT(TO "NOTIFY=NEVER,DELAY"), COMMAND_NOTIFY_NEVER },
	{ STR_INIT(TO "NOTIFY=DELAY,NEVER"), COMMAND_NOTIFY_NEVER },
	{ STR_INIT(TO "NOTIFY=NEVER NOTIFY=DELAY"), COMMAND_NOTIFY_TWICE },
	{ STR_INIT(TO "ORCPT"), COMMAND_ORCPT_TYPE },
	{ STR_INIT(TO "ORCPT=a@b"), COMMAND_ORCPT_TYPE },
	{ STR_INIT(TO "ORCPT=;a@b"), COMMAND_ORCPT_TYPE },
	{ STR_INIT(TO "ORCPT=rfc@822;a@b"), COMMAND_ORCPT_TYPE },
	{ STR_INIT(TO "ORCPT=rfc822;"), COMMAND_ORCPT_EMPTY },
	{ STR_INIT(TO "ORCPT=rfc822;a=b"), COMMAND_ORCPT_CODE },
	{ STR_INIT(TO "ORCPT=rfc822;a+3d"), COMMAND_ORCPT_CODE },
	{ STR_INIT(TO "ORCPT=utf-8;\xc3\xb6@b"), COMMAND_ORCPT_CODE },
	{ STR_INIT(TO "ORCPT=rfc822;a+0A"), COMMAND_ORCPT_BYTE },
	{ STR_INIT(TO ORCPT " " ORCPT), COMMAND_ORCPT_TWICE },
	{ STR_INIT(TO ORCPT HOST_240 HOST_240 "12345678901"),
	    COMMAND_ORCPT_LONG },
};

START_TEST(faults_of_notice_parameters_are_named)
{
	struct command cmd;
	struct str name = bad_dsn[_i].line, reply;

	ck_assert_int_eq(
	    command_parse(&cmd, bad_dsn[_i].line, false), ERR_SYNTAX);
	ck_assert_int_eq(cmd.fault, bad_dsn[_i].fault);
	if (cmd.fault == COMMAND_UNKNOWN_PARAM)
		return;
	/* It says which one. */
	name = str_tail(name, str_find(name, '>') + 2);
	name = str_head(name, name.len < 3 ? name.len : 3);
	reply = command_fault_reply(cmd.fault);
	ck_assert(str_starts(reply, STR("501 5.5.4 ")));
	ck_assert(str_eq(str_head(str_tail(reply, 10), 3), name));
}
END_TEST

START_TEST(notice_parameters_are_read_as_they_stand)
{
	struct command cmd;

	ck_assert_int_eq(command_parse(&cmd, STR(FROM), false), ERR_OK);
	ck_assert(!cmd.has_dsn && cmd.ret == RET_DEFAULT && cmd.envid.len == 0);
	ck_assert_int_eq(
	    command_parse(&cmd,
	        STR(FROM "SIZE=1 ret=hdrs Envid=QQ+2B3 BODY=7BIT"), false),
	    ERR_OK);
	ck_assert(cmd.has_dsn && cmd.has_size);
	ck_assert_int_eq(cmd.ret, RET_HEADERS);
	ck_assert(str_eq(cmd.envid, STR("QQ+2B3")));
	ck_assert_int_eq(
	    command_parse(&cmd, STR(FROM "ENVID=" LONG_60 LONG_40), false),
	    ERR_OK);
	ck_assert_uint_eq(cmd.envid.len, 100);
	ck_assert_int_eq(command_parse(&cmd, STR(TO), false), ERR_OK);
	ck_assert(!cmd.has_dsn && cmd.notify == NOTIFY_DEFAULT);
	ck_assert_int_eq(
	    command_parse(&cmd,
	        STR(TO "Notify=success,DELAY orcpt=rfc822;A+2Bb@B"), false),
	    ERR_OK);
	ck_assert(cmd.has_dsn);
	ck_assert_uint_eq(cmd.notify, NOTIFY_SUCCESS | NOTIFY_DELAY);
	ck_assert(str_eq(cmd.orcpt, STR("rfc822;A+2Bb@B")));
	ck_assert_int_eq(
	    command_parse(&cmd, STR(TO "ORCPT=utf-8;\xc3\xb6@b"), true),
	    ERR_OK);
	ck_assert_int_eq(
	    command_parse(
	        &cmd, STR(TO ORCPT HOST_240 HOST_240 "1234567890"), false),
	    ERR_OK);
	ck_assert_uint_eq(cmd.orcpt.len, 500);
}
END_TEST

START_TEST(faults_are_named)
{
	struct command cmd;
	struct str reply;

	ck_assert_int_eq(command_parse(&cmd, bad[_i].line, false), ERR_SYNTAX);
	ck_assert_int_eq(cmd.verb, bad[_i].verb);
	ck_assert_int_eq(cmd.fault, bad[_i].fault);
	reply = command_fault_reply(cmd.fault);
	ck_assert(str_starts(reply, STR("50")) || str_starts(reply, STR("55")));
}
END_TEST

START_TEST(verbs_have_names)
{
	ck_assert_str_eq(verb_text(VERB_UNKNOWN), "unknown");
	ck_assert_str_eq(verb_text(VERB_HELO), "HELO");
	ck_assert_str_eq(verb_text(VERB_BDAT), "BDAT");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("command");
	TCase *tc = tcase_create("command");
	SRunner *runner = srunner_create(suite);
	int n_good = (int)COUNT_OF(good);
	int n_senders = (int)COUNT_OF(senders);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_loop_test(tc, verbs_and_arguments_are_told, 0, n_good);
	tcase_add_loop_test(
	    tc, senders_and_their_parameters_are_read, 0, n_senders);
	tcase_add_test(tc, recipients_are_read);
	tcase_add_loop_test(tc, faults_are_named, 0, (int)COUNT_OF(bad));
	tcase_add_loop_test(
	    tc, faults_of_notice_parameters_are_named, 0, COUNT_OF(bad_dsn));
	tcase_add_test(tc, notice_parameters_are_read_as_they_stand);
	tcase_add_test(tc, verbs_have_names);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
