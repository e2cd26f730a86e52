/* SPDX-License-Identifier: BSD-2-Clause */
/* test_conf: from texts to typed sections, and all errors in one run. */
#include "util/conf/conf.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <check.h>

#include "tests/lib/conftext.h"
#include "tests/lib/golden.h"
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
	ck_assert_ptr_null(conf);
}

static void
assert_place(struct conf_place place, const char *want)
{
	char text[64];
	struct outbuf out = { text, 0, sizeof(text) - 1 };

	conf_put_place(conf, place, &out);
	text[out.len] = '\0';
	ck_assert_str_eq(text, want);
}

START_TEST(smallest_configuration_has_defaults)
{
	const struct conf_listener *l;

	ck_assert_str_eq(conftext_new(&conf, CONFTEXT_HEAD), "");
	ck_assert_str_eq(conf->main.node.ptr, "mx1");
	ck_assert_int_eq(conf->main.stop_grace_ms, 30000);
	ck_assert_int_eq(conf->main.log_level, LOG_LEVEL_INFO);
	ck_assert_uint_eq(conf->workers.smtpd, 0);
	ck_assert_uint_eq(conf->spool.segment_size_bytes, 64u << 20);
	ck_assert_uint_eq(conf->n_listener, 1);
	l = &conf->listener[0];
	ck_assert_str_eq(l->head.title.ptr, "in");
	ck_assert_uint_eq(l->address.n, 1);
	ck_assert_str_eq(l->address.items[0].ptr, "127.0.0.1:25");
	ck_assert_uint_eq(l->relay_from.n, 0);
	ck_assert_uint_eq(l->max_message_size_bytes, 50u << 20);
	ck_assert_uint_eq(l->tenant_header.len, 0);
	ck_assert_int_eq(l->bare_line_ends, CONF_BARE_REJECT);
	ck_assert_uint_eq(conf->n_site, 0);
}
END_TEST

START_TEST(values_arrive_in_their_fields)
{
	ck_assert_str_eq(
	    conftext_new(&conf,
	        CONFTEXT_HEAD "log_level = \"debug\"\n"
	                      "listener \"mx\" { address = { \"[::1]:25\" }\n"
	                      "\trelay_from = { \"10.0.0.0/8\", \"::1\" }\n"
	                      "\ttenant_header = \"X-Tenant\"\n"
	                      "\tbare_line_ends = \"normalise\" }\n"
	                      "site \"google\" { message_rate = \"500/s\" }\n"
	                      "workers { deliver = 3 }\n"),
	    "");
	ck_assert_int_eq(conf->main.log_level, LOG_LEVEL_DEBUG);
	ck_assert_uint_eq(conf->n_listener, 2);
	ck_assert_uint_eq(conf->listener[1].relay_from.n, 2);
	ck_assert_int_eq(
	    conf->listener[1].relay_from.items[1].family, AF_INET6);
	ck_assert_str_eq(conf->listener[1].tenant_header.ptr, "X-Tenant");
	ck_assert_int_eq(conf->listener[1].bare_line_ends, CONF_BARE_NORMALISE);
	ck_assert_uint_eq(conf->site[0].message_rate.count, 500);
	ck_assert_uint_eq(conf->workers.deliver, 3);
	ck_assert_uint_eq(conf->workers.smtpd, 0);
}
END_TEST

START_TEST(each_value_knows_where_it_was_set)
{
	ck_assert_str_eq(conftext_new(&conf,
	                     CONFTEXT_HEAD "site \"x\" {\n\tconnections = 5 }"),
	    "");
	assert_place(conf->site[0].head.at, "a.conf:4");
	assert_place(conf->site[0].place[CONF_site_connections], "a.conf:5");
	assert_place(conf->site[0].place[CONF_site_idle_reuse], "default");
	assert_place(conf->main.place[CONF_main_node], "a.conf:1");
}
END_TEST

START_TEST(place_is_cut_where_there_is_no_room)
{
	char text[4];
	struct outbuf out = { text, 0, sizeof(text) };

	ck_assert_str_eq(conftext_new(&conf, CONFTEXT_HEAD), "");
	conf_put_place(conf, conf->main.place[CONF_main_node], &out);
	ck_assert(str_eq(outbuf_str(&out), STR("a.co")));
}
END_TEST

START_TEST(error_leaves_nothing_behind)
{
	struct conf *kept;

	ck_assert_str_eq(conftext_new(&conf, CONFTEXT_HEAD), "");
	kept = conf;
	ck_assert_str_ne(conftext_new(&conf, "node = 5"), "");
	ck_assert_ptr_null(conf);
	conf = kept;
	ck_assert_str_eq(conf->main.node.ptr, "mx1");
}
END_TEST

START_TEST(alien_blob_is_an_error)
{
	struct conf_errors errors;

	conf_errors_init(&errors);
	ck_assert_int_eq(conf_new(&conf, STR("x"), &errors), ERR_SYNTAX);
	ck_assert_uint_eq(errors.n, 1);
	conf_errors_fini(&errors);
}
END_TEST

static const struct {
	const char *text, *errors;
} bad[] = {
	{ "site \"google\" { connections = \"many\" }",
	    "a.conf:4: in site \"google\": connections = \"many\" is not a "
	    "number.\n  connections takes a whole number from 1 to 100000, "
	    "for example: connections = 60\n" },
	{ "site \"google\" { connections = 0 }",
	    "a.conf:4: in site \"google\": connections = 0 is out of range.\n"
	    "  connections takes a whole number from 1 to 100000, for "
	    "example: connections = 60\n" },
	{ "queue \"*\" { retry_firts = \"5m\" }",
	    "a.conf:4: in queue \"*\": retry_firts: unknown parameter; did you "
	    "mean retry_first?\n" },
	{ "queue \"*\" { colour = \"red\" }",
	    "a.conf:4: in queue \"*\": colour: unknown parameter; "
	    "holdfast.conf(5) has them all.\n" },
	{ "conections = 5",
	    "a.conf:4: conections: unknown parameter; did you mean "
	    "connections, which belongs in: provider, site?\n" },
	{ "connections = 5",
	    "a.conf:4: connections: unknown parameter here; it belongs in: "
	    "provider, site.\n" },
	{ "queue \"*\" { node = \"x\" }",
	    "a.conf:4: in queue \"*\": node: unknown parameter here; it "
	    "belongs in: outside of sections.\n" },
	{ "workers = 2",
	    "a.conf:4: workers is a section: write workers { ... }\n" },
	{ "stop_grace = \"1s\"\nstop_grace = \"2s\"",
	    "a.conf:5: stop_grace is set twice, first in line 4.\n" },
	{ "rule \"too-many\" { match = \"^421\" after = \"1\" }",
	    "a.conf:4: rule: not in this version; remove the section.\n" },
	{ "queu \"x\" { }",
	    "a.conf:4: queu: unknown section; did you mean queue?\n" },
	{ "carrots { }",
	    "a.conf:4: carrots: unknown section; holdfast.conf(5) has them "
	    "all.\n" },
	{ "main { }",
	    "a.conf:4: main: unknown section; holdfast.conf(5) has them all."
	    "\n" },
	{ "queue { }",
	    "a.conf:4: queue needs a title: write queue \"*\" { ... }\n" },
	{ "queue \"\" { }", "a.conf:4: queue: a title has 1 to 255 bytes.\n" },
	{ "workers \"x\" { }",
	    "a.conf:4: workers has no title: write workers { ... }\n" },
	{ "workers { }\nworkers { }",
	    "a.conf:5: workers stands twice, first at a.conf:4.\n" },
	{ "site \"A\" { }\nsite \"a\" { }",
	    "a.conf:5: site \"a\" stands twice, first at a.conf:4.\n" },
	{ "listener \"a\" { }",
	    "a.conf:4: in listener \"a\": address is missing.\n  address takes "
	    "a list of addresses with ports, for example: address = { "
	    "\"127.0.0.1:25\" }\n" },
	{ "route \"a.test\" { relay = { \"mx.test\" } }",
	    "a.conf:4: in route \"a.test\": relay: \"mx.test\" lacks a port "
	    "from 1 to 65535 behind the host name, as in "
	    "\"smarthost.example.org:25\".\n  relay takes a list of addresses "
	    "or host names with ports, for example: relay = { "
	    "\"192.0.2.25:25\" }\n" },
	{ "route \"a.test\" { relay = { \"192.0.2.400:25\" } }",
	    "a.conf:4: in route \"a.test\": relay: \"192.0.2.400:25\" does "
	    "not begin with an IP address; IPv6 stands in [ ].\n  "
	    "relay takes a "
	    "list of addresses or host names with ports, for example: relay = "
	    "{ \"192.0.2.25:25\" }\n" },
	{ "route \"a.test\" { transport = \"lmtp\" }",
	    "a.conf:4: in route \"a.test\": transport = \"lmtp\" "
	    "needs a relay, "
	    "for example: relay = { \"unix:/run/dovecot/lmtp\" }\n" },
	{ "route \"a.test\" { transport = \"discard\" relay = { "
	  "\"192.0.2.1:25\" } }",
	    "a.conf:4: in route \"a.test\": transport = \"discard\" hands mail "
	    "to nobody: remove relay.\n" },
	{ "dns { server = { \"unix:/x\" } }",
	    "a.conf:4: in dns: server: \"unix:/x\" is no IP address with a "
	    "port.\n" },
	/* What was told once is not told again as missing. */
	{ "route \"a.test\" { relay = { \"x\" \"y\" } }",
	    "a.conf:4: a list has \",\" between its values and ends in \"}\", "
	    "but here is a text.\n" },
	{ "include \"b.conf\"",
	    "a.conf:4: include \"b.conf\": cannot be read: it is not in the "
	    "snapshot.\n" },
};

START_TEST(error_says_where_what_and_what_to_do)
{
	char text[512] = CONFTEXT_HEAD;
	size_t len = strlen(text);

	ck_assert_uint_lt(len + strlen(bad[_i].text), sizeof(text));
	memcpy(text + len, bad[_i].text, strlen(bad[_i].text) + 1);
	ck_assert_str_eq(conftext_new(&conf, text), bad[_i].errors);
}
END_TEST

START_TEST(missing_parameters_are_told)
{
	ck_assert_str_eq(conftext_new(&conf,
	                     "listener \"in\" { }\n"
	                     "route \"*\" { relay = { \"127.0.0.1:26\" } }"),
	    "a.conf: node is missing.\n"
	    "  node takes a name of letters, digits, \"-\" and \".\", for "
	    "example: node = \"mx1.example.org\"\n"
	    "a.conf: state_dir is missing.\n"
	    "  state_dir takes a path that begins with \"/\", for example: "
	    "state_dir = \"/var/lib/holdfast\"\n"
	    "a.conf:1: in listener \"in\": address is missing.\n"
	    "  address takes a list of addresses with ports, for example: "
	    "address = { \"127.0.0.1:25\" }\n");
}
END_TEST

START_TEST(all_errors_come_in_one_run)
{
	static char text[GOLDEN_MAX_BYTES];

	golden_read("tests/golden/conf/errors.conf", text);
	golden_check("tests/golden/conf/errors.txt",
	    str_from_c(conftext_new(&conf, text)));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("conf");
	TCase *tc = tcase_create("conf");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, enter, leave);
	tcase_add_test(tc, smallest_configuration_has_defaults);
	tcase_add_test(tc, values_arrive_in_their_fields);
	tcase_add_test(tc, each_value_knows_where_it_was_set);
	tcase_add_test(tc, place_is_cut_where_there_is_no_room);
	tcase_add_test(tc, error_leaves_nothing_behind);
	tcase_add_test(tc, alien_blob_is_an_error);
	tcase_add_loop_test(
	    tc, error_says_where_what_and_what_to_do, 0, (int)COUNT_OF(bad));
	tcase_add_test(tc, missing_parameters_are_told);
	tcase_add_test(tc, all_errors_come_in_one_run);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
