/* SPDX-License-Identifier: BSD-2-Clause */
/* test_cross: what must hold between parameters and sections. */
#include "util/conf/conf_int.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "tests/lib/conftext.h"
#include "util/base/array.h"

static struct conf *conf;

static void
enter(void)
{
	conf = NULL;
}

static void
leave(void)
{
	conf_free(&conf);
}

START_TEST(listener_and_route_must_be_there)
{
	ck_assert_str_eq(
	    conftext_new(&conf, "node = \"mx1\" state_dir = \"/x\""),
	    "a.conf: there is no listener.\n"
	    "  write for example: listener \"in\" { address = { "
	    "\"127.0.0.1:2525\" }  relay_from = { \"127.0.0.0/8\" } }\n"
	    "a.conf: there is no route.\n"
	    "  write for example: route \"*\" { relay = { "
	    "\"192.0.2.25:25\" } }\n");
}
END_TEST

START_TEST(nothing_is_missing_when_a_file_could_not_be_read)
{
	const char *told = conftext_new(&conf, "include \"rest.conf\"");

	ck_assert_str_eq(told,
	    "a.conf:1: include \"rest.conf\": cannot be read: it is not in "
	    "the snapshot.\n");
}
END_TEST

static const struct {
	const char *text;
	const char *error; /* its beginning; NULL: fine */
} cases[] = {
	{ "", NULL },
	{ "listener \"b\" { address = { \"127.0.0.1:27\" } }", NULL },
	{ "listener \"b\" { address = { \"127.0.0.1:25\" } }",
	    "a.conf:4: in listener \"b\": address: \"127.0.0.1:25\" stands "
	    "twice, first in listener \"in\"." },
	{ "listener \"b\" { address = { \"[::1]:1\", \"[::1]:1\" } }",
	    "a.conf:4: in listener \"b\": address: \"[::1]:1\" stands twice, "
	    "first in listener \"b\"." },
	{ "route \"*.test\" { relay = { \"127.0.0.1:26\" } }", NULL },
	{ "route \"mx*.test\" { relay = { \"127.0.0.1:26\" } }",
	    "a.conf:4: route \"mx*.test\": the title must be a domain" },
	{ "route \"b.test\" { relay = { \"127.0.0.1:25\" } }",
	    "a.conf:4: in route \"b.test\": relay: \"127.0.0.1:25\" is our own "
	    "listener \"in\"" },
	{ "provider \"*\" { mx = { \"*\" } connections = 5 }",
	    "a.conf:4: provider \"*\": limits for all belong in: site \"*\"" },
	{ "queue \"spring:*@*\" { }", NULL },
	{ "queue \"[2001:db8::1]\" { }", NULL },
	{ "queue \"spring:*\" { }",
	    "a.conf:4: queue \"spring:*\": the title must match" },
	{ "queue \"*\" { retry_first = \"1h\" retry_max = \"1h\" }", NULL },
	{ "queue \"*\" { retry_first = \"61m\" retry_max = \"1h\" }",
	    "a.conf:4: in queue \"*\": retry_max, 1h, is less than "
	    "retry_first, 61m." },
	{ "queue \"*\" { retry_first = \"4h\" }", NULL },
	{ "queue \"*\" { retry_first = \"5h\" }",
	    "a.conf:4: in queue \"*\": retry_max, 4h, is less than "
	    "retry_first, 5h." },
	{ "queue \"*\" { retry_max = \"4m\" }",
	    "a.conf:4: in queue \"*\": retry_max, 4m, is less than "
	    "retry_first, 5m." },
	/* What a section does not say comes from queue "*". */
	{ "queue \"*\" { retry_max = \"8h\" }\n"
	  "queue \"x.test\" { retry_first = \"6h\" }",
	    NULL },
	{ "queue \"*\" { retry_max = \"5h\" }\n"
	  "queue \"x.test\" { retry_first = \"6h\" }",
	    "a.conf:5: in queue \"x.test\": retry_max, 5h, is less than" },
	{ "spool { segment_size = \"1M\" }", NULL },
	{ "spool { segment_size = \"2M\" segment_message_max = \"2M\" }",
	    NULL },
	{ "spool { segment_message_max = \"3M\"\n segment_size = \"2M\" }",
	    "a.conf:4: in spool: segment_message_max, 3145728 bytes, is" },
};

START_TEST(contradictions_are_told_where_they_stand)
{
	char text[512] = CONFTEXT_HEAD;
	size_t len = strlen(text);
	const char *told;

	ck_assert_uint_lt(len + strlen(cases[_i].text), sizeof(text));
	memcpy(text + len, cases[_i].text, strlen(cases[_i].text) + 1);
	told = conftext_new(&conf, text);
	if (cases[_i].error == NULL) {
		ck_assert_str_eq(told, "");
		return;
	}
	ck_assert_msg(
	    strncmp(told, cases[_i].error, strlen(cases[_i].error)) == 0, "%s",
	    told);
	ck_assert_ptr_null(strstr(told, "\na.conf"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cross");
	TCase *tc = tcase_create("cross");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, enter, leave);
	tcase_add_test(tc, listener_and_route_must_be_there);
	tcase_add_test(tc, nothing_is_missing_when_a_file_could_not_be_read);
	tcase_add_loop_test(tc, contradictions_are_told_where_they_stand, 0,
	    (int)COUNT_OF(cases));
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
