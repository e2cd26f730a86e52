/* SPDX-License-Identifier: BSD-2-Clause */
/* test_shaper_route: a route is what the section says, and the site has a name
 * that tells it from others. Nothing is asked of a name server here. */
#include "shaper/route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "shaper/routes.h"
#include "tests/lib/conftext.h"
#include "util/base/array.h"
#include "util/conf/lookup.h"

#define HEAD \
	"node = \"mx1\" state_dir = \"/x\" dns { dnssec = \"off\" }\n" \
	"listener \"in\" { address = { \"127.0.0.1:25\" } }\n"
#define TO(title, relay) "route \"" title "\" { relay = { " relay " } }\n"
#define LMTP \
	"route \"a.test\" { transport = \"lmtp\" " \
	"relay = { \"192.0.2.1:25\" } }\n"
#define DISCARD "route \"b.test\" { transport = \"discard\" }\n"
#define BIG "provider \"big\" { mx = { \"*.big.test\" } }\n"
#define TEXT_BYTES 65536

struct asked {
	struct route_question base;
	const struct conf_route *section;
	bool is_answered;
};

static struct loop *loop;
static struct conf *conf;
static struct routes *routes;
static struct asked ask;
static struct route_room room;
static struct msg_route route;
static char hosts[16384], text_bytes[256];

/* Keeps what the answer only lends. */
static struct str
keep(char *to, struct str s)
{
	if (s.len > 0)
		memcpy(to, s.ptr, s.len);
	return (struct str){ to, s.len };
}

static void
on_answer(struct route_question *q, const struct found *found)
{
	ck_assert_ptr_eq(q, &ask.base);
	ck_assert(!ask.is_answered);
	ask.is_answered = true;
	route_found(&room, conf, ask.section, found, &route);
	route.hosts = keep(hosts, route.hosts);
	route.text = keep(text_bytes, route.text);
	loop_stop(loop);
}

static void
enter(void)
{
	loop = loop_new();
	ask = (struct asked){ .base.fn = on_answer };
}

static void
leave(void)
{
	routes_free(&routes);
	conf_free(&conf);
	loop_free(&loop);
}

static void
configure(const char *text)
{
	routes_free(&routes);
	conf_free(&conf);
	ck_assert_str_eq(conftext_new(&conf, text), "");
	routes = routes_new(loop, conf);
}

static void
assert_str(struct str is, const char *want)
{
	ck_assert_uint_eq(is.len, strlen(want));
	ck_assert_mem_eq(is.ptr, want, is.len);
}

static void
begin(const char *domain)
{
	ask.is_answered = false;
	ask.section = conf_route_find(conf, str_from_c(domain));
	if (route_at_once(ask.section, &route))
		ask.is_answered = true;
	else
		routes_ask(routes, ask.section, str_from_c(domain), &ask.base);
}

static void
ask_route(const char *domain)
{
	begin(domain);
	if (!ask.is_answered)
		loop_run(loop);
	ck_assert(ask.is_answered);
}

static void
assert_host(struct str *list, const char *name, const char *address)
{
	struct msg_host host;

	ck_assert_int_eq(msg_host_list_next(list, &host), ERR_OK);
	assert_str(host.name, name);
	assert_str(host.address, address);
}

START_TEST(a_route_lists_its_relays_in_order)
{
	struct msg_host host;
	struct str list;

	configure(HEAD TO(
	    "*", "\"192.0.2.1:25\", \"[2001:db8::1]:2525\", \"unix:/run/x\""));
	ask_route("example.org");
	ck_assert_int_eq(route.status, ROUTE_OK);
	ck_assert_uint_eq(route.valid_ms, ROUTE_VALID_MAX_MS);
	assert_str(route.source, "default");
	list = route.hosts;
	assert_host(&list, "192.0.2.1", "192.0.2.1:25");
	assert_host(&list, "[2001:db8::1]", "[2001:db8::1]:2525");
	assert_host(&list, "unix:/run/x", "unix:/run/x");
	ck_assert_int_eq(msg_host_list_next(&list, &host), ERR_EOF);
}
END_TEST

START_TEST(a_site_is_named_after_its_relays)
{
	configure(HEAD TO("*", "\"192.0.2.1:25\", \"192.0.2.2:25\"")
	        TO("example.org", "\"192.0.2.2:25\""));
	ask_route("example.net");
	assert_str(route.provider, "192.0.2.1:25,192.0.2.2:25");
	ask_route("example.org");
	assert_str(route.provider, "192.0.2.2:25");
}
END_TEST

START_TEST(a_site_is_named_after_the_provider_of_the_first_relay)
{
	configure(HEAD TO("*", "\"192.0.2.1:25\", \"192.0.2.9:25\"")
	        TO("a.test", "\"192.0.2.2:2525\"")
	            TO("b.test", "\"192.0.2.3:25\"") "provider \"hub\" { mx = "
	                                             "{ \"192.0.2.1\", "
	                                             "\"192.0.2.2:2525\" } }");
	ask_route("c.test");
	assert_str(route.provider, "hub");
	ask_route("a.test");
	assert_str(route.provider, "hub");
	ask_route("b.test");
	assert_str(route.provider, "192.0.2.3:25");
}
END_TEST

START_TEST(without_a_route_it_is_asked_again_soon)
{
	configure(HEAD TO("example.org", "\"192.0.2.1:25\""));
	ask_route("example.net");
	ck_assert_int_eq(route.status, ROUTE_AGAIN);
	ck_assert_uint_eq(route.valid_ms, ROUTE_NO_SECTION_MS);
	ck_assert_uint_eq(route.hosts.len, 0);
	assert_str(route.text, "no route section matches the domain");
}
END_TEST

/* n relays of 14 bytes each: a name of 15 * n - 1. */
static void
configure_many(unsigned n, unsigned last)
{
	static char text[TEXT_BYTES];
	int len = snprintf(text, sizeof(text), HEAD "route \"*\" { relay = {");

	for (unsigned i = 0; i < n; i++)
		len += snprintf(text + len, sizeof(text) - (size_t)len,
		    " \"192.0.2.%u:%u\",", 100 + i % 100,
		    i + 1 < n ? 10 + i / 100 : last);
	(void)snprintf(text + len - 1, sizeof(text) - (size_t)len, " } }");
	configure(text);
}

START_TEST(names_of_long_lists_are_cut_and_differ)
{
	char first[256];

	configure_many(17, 25);
	ask_route("example.org");
	ck_assert_uint_eq(route.provider.len, 254);
	ck_assert_uint_eq(str_find(route.provider, '+'), 254);
	configure_many(18, 25);
	ask_route("example.org");
	ck_assert_uint_eq(route.provider.len, 255);
	ck_assert_uint_eq(str_find(route.provider, '+'), 246);
	memcpy(first, route.provider.ptr, 255);
	configure_many(18, 26);
	ask_route("example.org");
	ck_assert_uint_eq(route.provider.len, 255);
	ck_assert_mem_eq(first, route.provider.ptr, 246);
	ck_assert_mem_ne(first, route.provider.ptr, 255);
}
END_TEST

START_TEST(of_too_many_relays_the_first_are_told)
{
	struct msg_host host;
	struct str list;
	unsigned n = 0;

	configure_many(900, 25);
	ask_route("example.org");
	ck_assert_int_eq(route.status, ROUTE_OK);
	list = route.hosts;
	while (msg_host_list_next(&list, &host) == ERR_OK)
		n++;
	ck_assert_uint_eq(list.len, 0);
	ck_assert_uint_eq(n, LOOKUP_HOSTS_MAX);
}
END_TEST

/* "unix:/aaa": total bytes long. */
static void
configure_socket(size_t total, const char *more)
{
	static char text[TEXT_BYTES];
	char path[300];

	memset(path, 'a', total);
	memcpy(path, "unix:/", 6);
	path[total] = '\0';
	(void)snprintf(text, sizeof(text),
	    HEAD "route \"*\" { relay = { \"%s\"%s } }", path, more);
	configure(text);
}

START_TEST(an_address_too_long_for_a_route_is_left_out)
{
	struct str list;

	configure_socket(255, "");
	ask_route("example.org");
	ck_assert_int_eq(route.status, ROUTE_OK);
	ck_assert_uint_gt(route.hosts.len, 2 * 255);
	configure_socket(256, "");
	ask_route("example.org");
	ck_assert_int_eq(route.status, ROUTE_AGAIN);
	ck_assert_uint_eq(route.hosts.len, 0);
	configure_socket(256, ", \"192.0.2.1:25\"");
	ask_route("example.org");
	ck_assert_int_eq(route.status, ROUTE_OK);
	list = route.hosts;
	assert_host(&list, "192.0.2.1", "192.0.2.1:25");
	ck_assert_uint_eq(list.len, 0);
}
END_TEST

START_TEST(sites_of_another_transport_are_others)
{
	configure(HEAD TO("*", "\"192.0.2.1:25\"") LMTP DISCARD);
	ask_route("example.org");
	ck_assert_int_eq(route.transport, TRANSPORT_SMTP);
	assert_str(route.provider, "192.0.2.1:25");
	ask_route("a.test");
	ck_assert_int_eq(route.transport, TRANSPORT_LMTP);
	assert_str(route.provider, "lmtp:192.0.2.1:25");
	ask_route("b.test");
	ck_assert_int_eq(route.status, ROUTE_OK);
	ck_assert_int_eq(route.transport, TRANSPORT_DISCARD);
	assert_str(route.provider, "discard");
	ck_assert_uint_eq(route.hosts.len, 0);
}
END_TEST

START_TEST(an_address_literal_is_its_own_host)
{
	struct str list;

	configure(HEAD "route \"*\" { port = 2525 }\n");
	ask_route("[192.0.2.7]");
	ck_assert_int_eq(route.status, ROUTE_OK);
	list = route.hosts;
	assert_host(&list, "[192.0.2.7]", "192.0.2.7:2525");
	assert_str(route.provider, "[192.0.2.7]");
	ask_route("[ipv6:2001:db8::7]");
	list = route.hosts;
	assert_host(&list, "[ipv6:2001:db8::7]", "[2001:db8::7]:2525");
	ask_route("[192.0.2.777]");
	ck_assert_int_eq(route.status, ROUTE_NONE);
	ck_assert_int_eq(route.code, 550);
	assert_str(route.text, "5.1.2 [192.0.2.777] is no address literal");
}
END_TEST

START_TEST(a_literal_that_is_our_own_address_is_a_loop)
{
	configure(HEAD "route \"*\" { }\n");
	ask_route("[127.0.0.1]");
	ck_assert_int_eq(route.status, ROUTE_NONE);
	ck_assert_int_eq(route.code, 554);
	ask_route("[127.0.0.2]");
	ck_assert_int_eq(route.status, ROUTE_OK);
}
END_TEST

START_TEST(a_site_is_named_after_the_sorted_exchangers)
{
	const struct conf_route section = { .port = 25 };
	char bytes[1024];
	struct outbuf out = { bytes, 0, sizeof(bytes) };
	const char *const names[] = { "mx2.test", "mx2.test", "mx1.test" };
	struct found found = { .status = ROUTE_OK, .ttl_ms = 1000 };

	configure(HEAD TO("*", "\"192.0.2.1:25\"") BIG);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct msg_host m = { .name = str_from_c(names[i]),
			.address = STR("192.0.2.1:25") };

		ck_assert_int_eq(msg_host_list_put(&out, &m), ERR_OK);
	}
	found.hosts = outbuf_str(&out);
	route_found(&room, conf, &section, &found, &route);
	assert_str(route.provider, "mx1.test,mx2.test");
	ck_assert_uint_eq(route.valid_ms, 1000);
	out.len = 0;
	for (int i = 0; i < 2; i++) {
		struct msg_host m = { .name = i ? STR("mx.big.test")
			                        : STR("a.test"),
			.address = STR("192.0.2.1:25") };

		ck_assert_int_eq(msg_host_list_put(&out, &m), ERR_OK);
	}
	found.hosts = outbuf_str(&out);
	route_found(&room, conf, &section, &found, &route);
	assert_str(route.provider, "big");
}
END_TEST

START_TEST(what_is_asked_twice_is_answered_from_memory)
{
	configure(HEAD TO("*", "\"192.0.2.1:25\""));
	ask_route("example.org");
	ask.is_answered = false;
	routes_ask(routes, conf_route_find(conf, STR("example.net")),
	    STR("example.net"), &ask.base);
	ck_assert(ask.is_answered);
}
END_TEST

START_TEST(who_waits_at_a_reload_is_told_to_ask_again)
{
	configure(HEAD TO("*", "\"192.0.2.1:25\""));
	begin("example.org");
	ck_assert(!ask.is_answered);
	routes_reset(routes, conf);
	ck_assert(ask.is_answered);
	ck_assert_int_eq(route.status, ROUTE_AGAIN);
}
END_TEST

START_TEST(who_has_gone_is_not_told)
{
	configure(HEAD TO("*", "\"192.0.2.1:25\""));
	begin("example.org");
	routes_forget(&ask.base);
	routes_reset(routes, conf);
	ck_assert(!ask.is_answered);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("shaper_route");
	TCase *tc = tcase_create("route");
	SRunner *sr = srunner_create(s);
	int n_failed;

	tcase_add_checked_fixture(tc, enter, leave);
	tcase_add_test(tc, a_route_lists_its_relays_in_order);
	tcase_add_test(tc, a_site_is_named_after_its_relays);
	tcase_add_test(
	    tc, a_site_is_named_after_the_provider_of_the_first_relay);
	tcase_add_test(tc, without_a_route_it_is_asked_again_soon);
	tcase_add_test(tc, names_of_long_lists_are_cut_and_differ);
	tcase_add_test(tc, of_too_many_relays_the_first_are_told);
	tcase_add_test(tc, an_address_too_long_for_a_route_is_left_out);
	tcase_add_test(tc, sites_of_another_transport_are_others);
	tcase_add_test(tc, an_address_literal_is_its_own_host);
	tcase_add_test(tc, a_literal_that_is_our_own_address_is_a_loop);
	tcase_add_test(tc, a_site_is_named_after_the_sorted_exchangers);
	tcase_add_test(tc, what_is_asked_twice_is_answered_from_memory);
	tcase_add_test(tc, who_waits_at_a_reload_is_told_to_ask_again);
	tcase_add_test(tc, who_has_gone_is_not_told);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	n_failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
