/* SPDX-License-Identifier: BSD-2-Clause */
/* test_lookup: the most specific title wins, for each parameter. */
#include "util/conf/lookup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "tests/lib/conftext.h"
#include "tests/lib/split.h"
#include "util/base/array.h"

#define MANY_ROUTES 1000

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

/* --- routes --------------------------------------------------------------- */

#define HEAD \
	"node = \"mx1\" state_dir = \"/x\"\n" \
	"listener \"in\" { address = { \"127.0.0.1:25\" } }\n"
#define ROUTE(title) "route \"" title "\" { relay = { \"192.0.2.1:25\" } }\n"

static void
assert_route(const char *domain, const char *want)
{
	const struct conf_route *r = conf_route_find(conf, str_from_c(domain));

	if (want == NULL)
		ck_assert_ptr_null(r);
	else
		ck_assert_str_eq(r->head.title.ptr, want);
}

START_TEST(domain_then_longest_suffix_then_star)
{
	ck_assert_str_eq(conftext_new(&conf,
	                     HEAD ROUTE("*") ROUTE("*.example.org")
	                         ROUTE("*.mail.example.org")
	                             ROUTE("example.org") ROUTE("Example.NET")),
	    "");
	assert_route("example.org", "example.org");
	assert_route("EXAMPLE.org", "example.org");
	assert_route("example.net", "Example.NET");
	assert_route("a.example.org", "*.example.org");
	assert_route("a.b.example.org", "*.example.org");
	assert_route("mail.example.org", "*.example.org");
	assert_route("a.mail.example.org", "*.mail.example.org");
	assert_route("xexample.org", "*");
	assert_route("org", "*");
	assert_route(".example.org", "*.example.org");
	assert_route("", "*");
}
END_TEST

START_TEST(without_star_some_domains_have_no_route)
{
	ck_assert_str_eq(conftext_new(&conf, HEAD ROUTE("example.org")), "");
	assert_route("example.org", "example.org");
	assert_route("a.example.org", NULL);
	assert_route("", NULL);
}
END_TEST

START_TEST(domain_of_255_bytes_is_found_but_no_longer_one)
{
	char domain[257], text[1024];

	memset(domain, 'x', sizeof(domain) - 1);
	domain[255] = '\0';
	(void)snprintf(text, sizeof(text),
	    HEAD ROUTE("*") "route \"%s\" { relay = { \"192.0.2.1:25\" } }",
	    domain);
	ck_assert_str_eq(conftext_new(&conf, text), "");
	assert_route(domain, domain);
	domain[255] = 'x';
	domain[256] = '\0';
	assert_route(domain, "*");
}
END_TEST

START_TEST(each_of_many_routes_is_found)
{
	static char text[MANY_ROUTES * 64 + 256];
	struct outbuf out = { text, 0, sizeof(text) - 1 };
	enum err err = outbuf_add(&out, STR(HEAD ROUTE("*")));
	uint64_t seed = 3;
	char domain[32];

	for (int i = 0; i < MANY_ROUTES && err == ERR_OK; i++)
		err = outbuf_printf(&out,
		    "route \"%sd%d.test\" { relay = { \"192.0.2.1:%d\" } }",
		    i % 2 == 0 ? "" : "*.", i * 7919 % MANY_ROUTES, i + 1);
	ck_assert_int_eq(err, ERR_OK);
	ck_assert_str_eq(conftext_new(&conf, text), "");
	for (int round = 0; round < 5000; round++) {
		unsigned i = (unsigned)(split_draw(&seed) % MANY_ROUTES);

		(void)snprintf(domain, sizeof(domain), "%sd%u.test",
		    i % 2 == 0 ? "" : "a.", i * 7919 % MANY_ROUTES);
		assert_route(domain, conf->route[i + 1].head.title.ptr);
	}
	assert_route("d1000.test", "*");
}
END_TEST

/* --- lists of domains ----------------------------------------------------- */

START_TEST(list_of_domains_knows_suffixes)
{
	const struct conf_strs *to;

	ck_assert_str_eq(
	    conftext_new(&conf,
	        CONFTEXT_HEAD "listener \"a\" { address = { \"[::1]:1\" } "
	                      "relay_to = { \"example.org\", \"*.b.test\" } }\n"
	                      "listener \"b\" { address = { \"[::1]:2\" } "
	                      "relay_to = { \"*\" } }"),
	    "");
	to = &conf->listener[1].relay_to;
	ck_assert(conf_domains_match(to, STR("Example.org")));
	ck_assert(!conf_domains_match(to, STR("a.example.org")));
	ck_assert(conf_domains_match(to, STR("a.B.test")));
	ck_assert(!conf_domains_match(to, STR("b.test")));
	ck_assert(!conf_domains_match(to, STR("")));
	ck_assert(conf_domains_match(&conf->listener[2].relay_to, STR("x")));
	ck_assert(!conf_domains_match(&conf->listener[0].relay_to, STR("x")));
}
END_TEST

/* --- queues --------------------------------------------------------------- */

static struct conf_queue
queue_of(const char *campaign, const char *tenant, const char *domain)
{
	struct conf_queue_name name = { .tenant = str_from_c(tenant),
		.campaign = str_from_c(campaign),
		.domain = str_from_c(domain) };
	struct conf_queue q;

	conf_queue_policy(conf, &name, &q);
	return q;
}

START_TEST(queue_without_section_has_defaults)
{
	struct conf_queue q;

	ck_assert_str_eq(conftext_new(&conf, CONFTEXT_HEAD), "");
	q = queue_of("", "", "example.org");
	ck_assert_int_eq(q.retry_first_ms, 300000);
	ck_assert_int_eq(q.expire_ms, INT64_C(432000000));
	ck_assert_uint_eq(q.retry_jitter, 10);
	ck_assert_uint_eq(q.place[CONF_queue_expire].line, 0);
	ck_assert_uint_eq(q.head.at.line, 0);
}
END_TEST

static const struct {
	const char *campaign, *tenant, *domain;
	const char *title; /* that is most specific for it */
} queues[] = {
	{ "", "", "other.test", "*" },
	{ "", "", "example.org", "example.org" },
	{ "", "", "EXAMPLE.ORG", "example.org" },
	{ "", "acme", "other.test", "acme@*" },
	{ "", "ACME", "other.test", "acme@*" },
	{ "spring", "beta", "other.test", "spring:*@*" },
	{ "spring", "acme", "other.test", "spring:acme@*" },
	{ "spring", "acme", "example.org", "acme@example.org" },
	{ "", "acme", "example.org", "acme@example.org" },
	{ "x", "acme", "example.org", "acme@example.org" },
	{ "spring", "", "example.org", "spring:@example.org" },
	{ "", "beta", "a.google.test", "*.google.test" },
	{ "", "beta", "a.b.google.test", "*.b.google.test" },
	{ "", "delta", "none.test", "d?lta@none.test" },
	{ "", "", "none.test", "*" },
};

START_TEST(most_specific_title_of_a_queue_wins)
{
	ck_assert_str_eq(conftext_new(&conf,
	                     CONFTEXT_HEAD "queue \"*\" { }\n"
	                                   "queue \"example.org\" { }\n"
	                                   "queue \"acme@*\" { }\n"
	                                   "queue \"spring:*@*\" { }\n"
	                                   "queue \"spring:acme@*\" { }\n"
	                                   "queue \"acme@example.org\" { }\n"
	                                   "queue \"spring:@example.org\" { }\n"
	                                   "queue \"*.google.test\" { }\n"
	                                   "queue \"*.b.google.test\" { }\n"
	                                   "queue \"d?lta@none.test\" { }\n"),
	    "");
	ck_assert_str_eq(
	    queue_of(queues[_i].campaign, queues[_i].tenant, queues[_i].domain)
	        .head.title.ptr,
	    queues[_i].title);
}
END_TEST

START_TEST(each_parameter_comes_from_the_best_that_sets_it)
{
	struct conf_queue q;

	ck_assert_str_eq(
	    conftext_new(&conf,
	        CONFTEXT_HEAD
	        "queue \"*\" { retry_first = \"1m\" retry_max = \"1h\" "
	        "expire = \"1d\" }\n"
	        "queue \"example.org\" { retry_first = \"2m\" }\n"
	        "queue \"acme@example.org\" { expire = \"3d\" }\n"),
	    "");
	q = queue_of("", "acme", "example.org");
	ck_assert_int_eq(q.expire_ms, INT64_C(3) * 86400000);
	ck_assert_uint_eq(q.place[CONF_queue_expire].line, 6);
	ck_assert_int_eq(q.retry_first_ms, 120000);
	ck_assert_uint_eq(q.place[CONF_queue_retry_first].line, 5);
	ck_assert_int_eq(q.retry_max_ms, 3600000);
	ck_assert_uint_eq(q.place[CONF_queue_retry_max].line, 4);
	ck_assert_uint_eq(q.retry_jitter, 10);
	ck_assert_uint_eq(q.place[CONF_queue_retry_jitter].line, 0);
}
END_TEST

START_TEST(joined_waits_stay_in_order)
{
	struct conf_queue q;

	ck_assert_str_eq(
	    conftext_new(&conf,
	        CONFTEXT_HEAD
	        "queue \"a@*\" { retry_first = \"1h\" retry_max = \"2h\" }\n"
	        "queue \"a@b.test\" { retry_max = \"10m\" }\n"),
	    "");
	q = queue_of("", "a", "b.test");
	ck_assert_int_eq(q.retry_first_ms, 3600000);
	ck_assert_int_eq(q.retry_max_ms, 3600000);
}
END_TEST

START_TEST(first_of_equals_wins)
{
	ck_assert_str_eq(
	    conftext_new(&conf,
	        CONFTEXT_HEAD "queue \"a*\" { expire = \"1d\" }\n"
	                      "queue \"*b\" { expire = \"2d\" }\n"),
	    "");
	ck_assert_int_eq(queue_of("", "", "ab").expire_ms, 86400000);
}
END_TEST

/* --- tenants -------------------------------------------------------------- */

static uint32_t
weight_of(const char *tenant)
{
	struct conf_tenant t;

	conf_tenant_policy(conf, str_from_c(tenant), &t);
	return t.weight;
}

START_TEST(tenant_has_its_weight)
{
	ck_assert_str_eq(conftext_new(&conf,
	                     CONFTEXT_HEAD "tenant \"acme\" { weight = 5 }\n"
	                                   "tenant \"a*\" { weight = 3 }\n"),
	    "");
	ck_assert_uint_eq(weight_of("acme"), 5);
	ck_assert_uint_eq(weight_of("Acme"), 5);
	ck_assert_uint_eq(weight_of("alpha"), 3);
	ck_assert_uint_eq(weight_of("beta"), 1);
	ck_assert_uint_eq(weight_of(""), 1);
}
END_TEST

/* --- sites and providers -------------------------------------------------- */

static struct conf_site
site_of(const char *source, const char *provider)
{
	struct conf_site s;

	conf_site_policy(conf, str_from_c(source), str_from_c(provider), &s);
	return s;
}

START_TEST(site_title_is_source_and_provider)
{
	ck_assert_str_eq(
	    conftext_new(&conf,
	        CONFTEXT_HEAD "site \"*\" { connections = 1 }\n"
	                      "site \"google\" { connections = 2 }\n"
	                      "site \"ip1->*\" { connections = 3 }\n"
	                      "site \"ip1->google\" { connections = 4 }\n"
	                      "site \"192.0.2.1:25\" { connections = 5 }\n"),
	    "");
	ck_assert_uint_eq(site_of("default", "x").connections, 1);
	ck_assert_uint_eq(site_of("default", "Google").connections, 2);
	ck_assert_uint_eq(site_of("ip1", "x").connections, 3);
	ck_assert_uint_eq(site_of("ip1", "google").connections, 4);
	ck_assert_uint_eq(site_of("default", "192.0.2.1:25").connections, 5);
	ck_assert_uint_eq(
	    site_of("default", "x").messages_per_connection, 1000);
	ck_assert_int_eq(site_of("default", "x").dot_timeout_ms, 600000);
	ck_assert_uint_eq(site_of("default", "x").message_rate.count, 0);
}
END_TEST

START_TEST(provider_goes_before_the_site_of_all)
{
	struct conf_site s;

	ck_assert_str_eq(
	    conftext_new(&conf,
	        CONFTEXT_HEAD
	        "site \"*\" { connections = 32 idle_reuse = \"9s\" }\n"
	        "provider \"google\" { mx = { \"*.google.com\" } "
	        "connections = 60 message_rate = \"5/s\" }\n"
	        "site \"ip1->google\" { message_rate = \"1/s\" }\n"),
	    "");
	s = site_of("default", "google");
	ck_assert_uint_eq(s.connections, 60);
	ck_assert_uint_eq(s.place[CONF_site_connections].line, 5);
	ck_assert_uint_eq(s.message_rate.count, 5);
	ck_assert_int_eq(s.idle_reuse_ms, 9000);
	ck_assert_uint_eq(s.messages_per_connection, 1000);
	ck_assert_uint_eq(s.place[CONF_site_messages_per_connection].line, 0);
	s = site_of("ip1", "google");
	ck_assert_uint_eq(s.connections, 60);
	ck_assert_uint_eq(s.message_rate.count, 1);
	ck_assert_uint_eq(site_of("default", "x").connections, 32);
}
END_TEST

START_TEST(provider_counts_without_any_site)
{
	ck_assert_str_eq(
	    conftext_new(&conf,
	        CONFTEXT_HEAD "provider \"relay\" { mx = { \"192.0.2.1:*\" } "
	                      "connections = 7 }\n"),
	    "");
	ck_assert_uint_eq(site_of("default", "relay").connections, 7);
}
END_TEST

static void
assert_provider(const char *host, const char *want)
{
	const struct conf_provider *p =
	    conf_provider_find(conf, str_from_c(host));

	if (want == NULL)
		ck_assert_ptr_null(p);
	else
		ck_assert_str_eq(p->head.title.ptr, want);
}

START_TEST(provider_has_the_most_specific_pattern)
{
	ck_assert_str_eq(
	    conftext_new(&conf,
	        CONFTEXT_HEAD
	        "provider \"all\" { mx = { \"*.test\", \"192.0.2.*\" } }\n"
	        "provider \"b\" { mx = { \"*.b.test\", \"mx.c.test\" } }\n"
	        "provider \"relay\" { mx = { \"192.0.2.1:25\" } }\n"),
	    "");
	assert_provider("x.test", "all");
	assert_provider("x.B.test", "b");
	assert_provider("mx.c.test", "b");
	assert_provider("mx2.c.test", "all");
	assert_provider("192.0.2.1:25", "relay");
	assert_provider("192.0.2.1:26", "all");
	assert_provider("mx.org", NULL);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("lookup");
	TCase *tc = tcase_create("lookup");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, enter, leave);
	tcase_add_test(tc, domain_then_longest_suffix_then_star);
	tcase_add_test(tc, without_star_some_domains_have_no_route);
	tcase_add_test(tc, domain_of_255_bytes_is_found_but_no_longer_one);
	tcase_add_test(tc, each_of_many_routes_is_found);
	tcase_add_test(tc, list_of_domains_knows_suffixes);
	tcase_add_test(tc, queue_without_section_has_defaults);
	tcase_add_loop_test(
	    tc, most_specific_title_of_a_queue_wins, 0, (int)COUNT_OF(queues));
	tcase_add_test(tc, each_parameter_comes_from_the_best_that_sets_it);
	tcase_add_test(tc, joined_waits_stay_in_order);
	tcase_add_test(tc, first_of_equals_wins);
	tcase_add_test(tc, tenant_has_its_weight);
	tcase_add_test(tc, site_title_is_source_and_provider);
	tcase_add_test(tc, provider_goes_before_the_site_of_all);
	tcase_add_test(tc, provider_counts_without_any_site);
	tcase_add_test(tc, provider_has_the_most_specific_pattern);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
