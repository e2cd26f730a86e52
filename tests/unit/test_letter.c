/* SPDX-License-Identifier: BSD-2-Clause */
/* test_letter: senders, recipients, and fields added and dropped. */
#include "ctl/core/letter.h"

#include <stdio.h>
#include <stdlib.h>

#include <check.h>

#include "util/base/array.h"

/* Sat, 21 Nov 2026 10:00:00 UTC */
#define NOW_MS INT64_C(1795255200000)
#define DATE "Date: Sat, 21 Nov 2026 10:00:00 +0000\r\n"
#define ID "Message-ID: <1a1fd8c6900.000000000000002a@node.test>\r\n"

static struct letter_conf conf;
static struct letter letter;
static char bytes[16384];
static struct outbuf out;

static void
setup(void)
{
	conf = (struct letter_conf){
		.node = STR("node.test"),
		.user = STR("me"),
		.full_name = STR("Me Self"),
		.now_ms = NOW_MS,
		.random = 42,
	};
	out = (struct outbuf){ bytes, 0, sizeof(bytes) };
	ck_assert_int_eq(letter_init(&letter, &conf), ERR_OK);
}

static void
teardown(void)
{
	letter_fini(&letter);
}

static void
assert_eq(struct str s, const char *want)
{
	ck_assert_msg(str_eq(s, str_from_c(want)), "is \"%.*s\" not \"%s\"",
	    STR_ARG(s), want);
}

static const struct {
	const char *text;
	enum err err;
	const char *sender;
} senders[] = {
	{ "", ERR_OK, "" },
	{ "<>", ERR_OK, "" },
	{ "ann", ERR_OK, "ann@node.test" },
	{ "ann@a.test", ERR_OK, "ann@a.test" },
	{ "Ann <ann@a.test>", ERR_OK, "ann@a.test" },
	{ "a@a.test, b@b.test", ERR_SYNTAX, "" },
	{ "a b", ERR_SYNTAX, "" },
	{ "()", ERR_SYNTAX, "" },
};

START_TEST(sender_is_one_address_or_none)
{
	enum err err = letter_set_sender(&letter, str_from_c(senders[_i].text));

	ck_assert_int_eq(err, senders[_i].err);
	if (err == ERR_OK)
		assert_eq(letter.sender, senders[_i].sender);
	else
		assert_eq(letter.culprit, senders[_i].text);
}
END_TEST

START_TEST(sender_is_the_user_when_none_is_given)
{
	assert_eq(letter.sender, "me@node.test");
}
END_TEST

START_TEST(local_part_with_node_is_bounded)
{
	char node[ADDRESS_DOMAIN_MAX_BYTES];

	memset(node, 'n', sizeof(node));
	conf.node = (struct str){ node, ADDRESS_MAX_BYTES - 4 };
	ck_assert_int_eq(letter_set_sender(&letter, STR("ann")), ERR_OK);
	ck_assert_uint_eq(letter.sender.len, ADDRESS_MAX_BYTES);
	conf.node.len++;
	ck_assert_int_eq(letter_set_sender(&letter, STR("ann")), ERR_RANGE);
}
END_TEST

START_TEST(recipients_are_added_once)
{
	ck_assert_int_eq(
	    letter_add_rcpts(&letter, STR("b, Ann <a@a.test>")), ERR_OK);
	ck_assert_int_eq(
	    letter_add_rcpts(&letter, STR("a@a.test, A@a.test")), ERR_OK);
	ck_assert_uint_eq(letter.n_rcpts, 3);
	assert_eq(letter.rcpts[0], "b@node.test");
	assert_eq(letter.rcpts[1], "a@a.test");
	assert_eq(letter.rcpts[2], "A@a.test");
	ck_assert(!letter.is_utf8);
	ck_assert_int_eq(letter_add_rcpts(&letter, STR("x@y z")), ERR_SYNTAX);
	assert_eq(letter.culprit, "x@y z");
	ck_assert_int_eq(
	    letter_add_rcpts(&letter, STR("\xc3\xb6@a.test")), ERR_OK);
	ck_assert(letter.is_utf8);
}
END_TEST

START_TEST(recipients_are_bounded)
{
	char text[32];

	for (unsigned i = 0; i < LETTER_RCPTS_MAX; i++) {
		(void)snprintf(text, sizeof(text), "u%u", i);
		ck_assert_int_eq(
		    letter_add_rcpts(&letter, str_from_c(text)), ERR_OK);
	}
	ck_assert_int_eq(letter_add_rcpts(&letter, STR("more")), ERR_FULL);
	ck_assert_uint_eq(letter.n_rcpts, LETTER_RCPTS_MAX);
}
END_TEST

static const struct {
	const char *content, *rcpts;
} headers[] = {
	{ "To: a@t\r\ncC: g: b@t,\r\n c@t;\r\nBcc: d@t\r\n\r\nTo: no@t\r\n",
	    "a@t b@t c@t d@t" },
	{ "From me@t Sat\r\nTo: a@t\r\n\r\n", "a@t" },
	{ "To: a@t\r\nResent-To: r@t\r\nBcc: b@t\r\nRESENT-BCC: s@t\r\n\r\n",
	    "r@t s@t" },
	{ "To: a@t\r\nResent-From: r@t\r\n\r\n", "" },
	{ "Apparently-To: a@t\r\nX-To: b@t\r\n\r\n", "" },
	{ "To: undisclosed-recipients:;\r\n\r\n", "" },
	{ "no field\r\nTo: a@t\r\n", "" },
};

START_TEST(recipients_are_read_from_the_header)
{
	char text[256];
	struct outbuf got = { text, 0, sizeof(text) };

	ck_assert_int_eq(
	    letter_add_header_rcpts(&letter, str_from_c(headers[_i].content)),
	    ERR_OK);
	for (size_t i = 0; i < letter.n_rcpts; i++) {
		if (i > 0)
			outbuf_putc(&got, ' ');
		outbuf_put(&got, letter.rcpts[i]);
	}
	assert_eq(outbuf_str(&got), headers[_i].rcpts);
}
END_TEST

#define FROM "From: Me Self <me@node.test>\r\n"

static const struct {
	const char *content, *header, *body;
	bool is_utf8;
} sent[] = {
	{ "Subject: x\r\n\r\nbody\r\n", "Subject: x\r\n" FROM DATE ID "\r\n",
	    "body\r\n", false },
	{ "", FROM DATE ID "\r\n", "", false },
	{ "\r\n", FROM DATE ID "\r\n", "", false },
	{ "hello\r\n", FROM DATE ID "\r\n", "hello\r\n", false },
	{ "FROM: x\r\ndate:\r\nMessage-id : y\r\n\r\n",
	    "FROM: x\r\ndate:\r\nMessage-id : y\r\n\r\n", "", false },
	{ ">From me\r\nFrom: x\r\nFrom y\r\n", "From: x\r\n" DATE ID "\r\n",
	    "From y\r\n", false },
	{ "bcc: a\r\n b\r\nX: 1\r\nReturn-Path: <>\r\nResent-Bcc: c\r\n"
	  "Content-Length: 7\r\n\r\n",
	    "X: 1\r\nResent-" FROM "Resent-" DATE "Resent-" ID "\r\n", "",
	    false },
	{ "From: x\r\nResent-Date: z\r\n\r\n",
	    "From: x\r\nResent-Date: z\r\nResent-" FROM "Resent-" ID "\r\n", "",
	    false },
	{ "Date: \xc3\xbc\r\nFrom: x\r\nMessage-ID: y\r\n\r\n",
	    "Date: \xc3\xbc\r\nFrom: x\r\nMessage-ID: y\r\n\r\n", "", true },
	{ "Date: \xfc\r\nFrom: x\r\nMessage-ID: y\r\n\r\n\xc3\xbc",
	    "Date: \xfc\r\nFrom: x\r\nMessage-ID: y\r\n\r\n", "\xc3\xbc",
	    false },
};

START_TEST(header_has_what_mail_must_have)
{
	struct str content = str_from_c(sent[_i].content);

	ck_assert_int_eq(
	    letter_put_header(&letter, &content, true, &out), ERR_OK);
	assert_eq(outbuf_str(&out), sent[_i].header);
	assert_eq(content, sent[_i].body);
	ck_assert_int_eq(letter.is_utf8, sent[_i].is_utf8);
}
END_TEST

START_TEST(null_sender_is_the_daemon)
{
	struct str content = STR("Date: x\r\nMessage-ID: y\r\n\r\n");

	ck_assert_int_eq(letter_set_sender(&letter, STR("<>")), ERR_OK);
	ck_assert_int_eq(
	    letter_put_header(&letter, &content, true, &out), ERR_OK);
	assert_eq(outbuf_str(&out),
	    "Date: x\r\nMessage-ID: y\r\n"
	    "From: MAILER-DAEMON@node.test\r\n\r\n");
}
END_TEST

START_TEST(sender_without_a_name_stands_alone)
{
	struct str content = STR("Date: x\r\nMessage-ID: y\r\n\r\n");

	conf.full_name = STR(" ");
	ck_assert_int_eq(
	    letter_put_header(&letter, &content, true, &out), ERR_OK);
	assert_eq(outbuf_str(&out),
	    "Date: x\r\nMessage-ID: y\r\nFrom: me@node.test\r\n\r\n");
}
END_TEST

static const struct {
	const char *content;
	enum err err;
} cut[] = {
	{ "X: y\r\n\r\n", ERR_OK },
	{ "X: y\r\nbody\r\n", ERR_OK },
	{ "X: y\r\n", ERR_RANGE },
	{ "X: y\r\n\r", ERR_RANGE },
	{ "X: y\r\nY", ERR_RANGE },
	{ "X: y\r\nY:", ERR_RANGE },
	{ "", ERR_RANGE },
};

START_TEST(section_must_end_within_what_is_there)
{
	struct str content = str_from_c(cut[_i].content);

	ck_assert_int_eq(
	    letter_put_header(&letter, &content, false, &out), cut[_i].err);
}
END_TEST

START_TEST(longest_names_find_their_room)
{
	struct str content = STR("X: y\r\n\r\n");
	char name[LETTER_NAME_MAX_BYTES + 1];
	char text[ADDRESS_MAX_BYTES];
	size_t need = content.len + LETTER_ROOM_BYTES;

	memset(name, '\xc3', sizeof(name));
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 2 == 1 ? '.' : 'd';
	memcpy(text, "x@", 2);
	text[sizeof(text) - 1] = 'd';
	conf.full_name = (struct str){ name, sizeof(name) };
	conf.node = (struct str){ text + 2, sizeof(text) - 2 };
	ck_assert_int_eq(
	    letter_set_sender(&letter, (struct str){ text, sizeof(text) }),
	    ERR_OK);
	out.cap = need;
	ck_assert_int_eq(
	    letter_put_header(&letter, &content, true, &out), ERR_OK);
}
END_TEST

static void
add_loops(TCase *tc)
{
	tcase_add_loop_test(
	    tc, sender_is_one_address_or_none, 0, (int)COUNT_OF(senders));
	tcase_add_loop_test(
	    tc, recipients_are_read_from_the_header, 0, (int)COUNT_OF(headers));
	tcase_add_loop_test(
	    tc, header_has_what_mail_must_have, 0, (int)COUNT_OF(sent));
	tcase_add_loop_test(
	    tc, section_must_end_within_what_is_there, 0, (int)COUNT_OF(cut));
}

int
main(void)
{
	Suite *suite = suite_create("letter");
	TCase *tc = tcase_create("letter");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	add_loops(tc);
	tcase_add_test(tc, sender_is_the_user_when_none_is_given);
	tcase_add_test(tc, local_part_with_node_is_bounded);
	tcase_add_test(tc, recipients_are_added_once);
	tcase_add_test(tc, recipients_are_bounded);
	tcase_add_test(tc, null_sender_is_the_daemon);
	tcase_add_test(tc, sender_without_a_name_stands_alone);
	tcase_add_test(tc, longest_names_find_their_room);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
