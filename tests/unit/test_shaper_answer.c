/* SPDX-License-Identifier: BSD-2-Clause */
/* test_shaper_answer: routes and grants are what the configuration says. */
#include "shaper/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "tests/lib/conftext.h"
#include "util/base/array.h"

#define HEAD \
	"node = \"mx1\" state_dir = \"/x\"\n" \
	"listener \"in\" { address = { \"127.0.0.1:25\" } }\n"
#define TO(title, relay) "route \"" title "\" { relay = { " relay " } }\n"
#define TEXT_BYTES 65536

static struct conf *conf;
static struct answers answers;
static struct msg_route route;
static struct msg_grant grant;

static void
enter(void)
{
	answers = (struct answers){ .buckets = buckets_new() };
}

static void
leave(void)
{
	conf_free(&conf);
	buckets_free(&answers.buckets);
}

static void
configure(const char *text)
{
	conf_free(&conf);
	ck_assert_str_eq(conftext_new(&conf, text), "");
	answers.conf = conf;
}

static void
assert_str(struct str is, const char *want)
{
	ck_assert_uint_eq(is.len, strlen(want));
	ck_assert_mem_eq(is.ptr, want, is.len);
}

static void
ask_route(const char *domain)
{
	struct msg_route_ask ask = { .queue = 77,
		.domain = str_from_c(domain) };

	answer_route(&answers, &ask, &route);
	ck_assert_uint_eq(route.queue, 77);
}

static void
ask_grant(uint32_t ready, uint32_t unused, int64_t now_ms)
{
	struct msg_grant_ask ask = { .source = STR("default"),
		.provider = STR("relay.test:25"),
		.ready = ready,
		.unused = unused };

	answers.now_ms = now_ms;
	answer_grant(&answers, &ask, &grant);
	assert_str(grant.source, "default");
	assert_str(grant.provider, "relay.test:25");
}

static void
assert_limit(const char *name, const char *value, const char *from)
{
	assert_str(grant.limit_name, name);
	assert_str(grant.limit_value, value);
	assert_str(grant.limit_from, from);
}

/* --- routes --------------------------------------------------------------- */

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
	ck_assert_uint_eq(route.valid_ms, ANSWER_ROUTE_VALID_MS);
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
	ck_assert_uint_eq(route.valid_ms, ANSWER_AGAIN_MS);
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
	ck_assert_uint_le(list.len, 16384);
	while (msg_host_list_next(&list, &host) == ERR_OK)
		n++;
	ck_assert_uint_eq(list.len, 0);
	ck_assert_uint_gt(n, 500);
	ck_assert_uint_lt(n, 900);
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

/* --- grants --------------------------------------------------------------- */

START_TEST(without_a_rate_connections_bind)
{
	configure(CONFTEXT_HEAD);
	ask_grant(1000000, 0, 0);
	ck_assert_uint_eq(grant.connections, 32);
	ck_assert_uint_eq(grant.messages, UINT32_MAX);
	ck_assert_uint_eq(grant.per_connection, 1000);
	ck_assert_uint_eq(grant.valid_ms, ANSWER_GRANT_VALID_MS);
	ck_assert_uint_eq(grant.wait_ms, 0);
	assert_limit("connections", "32", "default");
}
END_TEST

START_TEST(a_limit_has_the_place_where_it_was_set)
{
	configure(CONFTEXT_HEAD "site \"*\" { connections = 3 }\n"
	                        "site \"relay.test:25\" {\n"
	                        "messages_per_connection = 7\n"
	                        "connections = 2 }\n");
	ask_grant(10, 0, 0);
	ck_assert_uint_eq(grant.connections, 2);
	ck_assert_uint_eq(grant.per_connection, 7);
	assert_limit("connections", "2", "a.conf:7");
}
END_TEST

START_TEST(a_rate_binds_while_more_is_ready_than_it_allows)
{
	configure(CONFTEXT_HEAD "site \"*\" { message_rate = \"10/s\" }\n");
	ask_grant(10, 0, 1000);
	ck_assert_uint_eq(grant.messages, 10);
	ck_assert_uint_eq(grant.wait_ms, 0);
	assert_limit("connections", "32", "default");
	ask_grant(5, 0, 1100);
	ck_assert_uint_eq(grant.messages, 1);
	ck_assert_uint_eq(grant.wait_ms, 0);
	assert_limit("message_rate", "10/s", "a.conf:4");
}
END_TEST

START_TEST(without_tokens_it_is_told_to_wait_for_the_next)
{
	configure(CONFTEXT_HEAD "site \"*\" { message_rate = \"10/s\" }\n");
	ask_grant(UINT32_MAX, 0, 1000);
	ask_grant(5, 0, 1000);
	ck_assert_uint_eq(grant.messages, 0);
	ck_assert_uint_gt(grant.wait_ms, 0);
	ck_assert_uint_le(grant.wait_ms, 100);
	ask_grant(5, 0, 1000 + grant.wait_ms);
	ck_assert_uint_eq(grant.messages, 1);
	/* A long period is a long wait. */
	configure(CONFTEXT_HEAD "site \"*\" { message_rate = \"1/d\" }\n");
	ask_grant(5, 0, 5000);
	ask_grant(5, 0, 5000);
	ck_assert_uint_eq(grant.messages, 0);
	ck_assert_uint_gt(grant.wait_ms, 86000000);
}
END_TEST

START_TEST(a_short_wait_is_drawn_out)
{
	configure(CONFTEXT_HEAD "site \"*\" { message_rate = \"1000/s\" }\n");
	ask_grant(UINT32_MAX, 0, 1000);
	ask_grant(5, 0, 1000);
	ck_assert_uint_eq(grant.messages, 0);
	ck_assert_uint_eq(grant.wait_ms, 20);
}
END_TEST

START_TEST(unused_tokens_are_given_back)
{
	configure(CONFTEXT_HEAD "site \"*\" { message_rate = \"10/s\" }\n");
	ask_grant(10, 0, 1000);
	ck_assert_uint_eq(grant.messages, 10);
	ask_grant(10, 4, 1000);
	ck_assert_uint_eq(grant.messages, 4);
	/* Nobody can give back more than the bucket holds. */
	ask_grant(100, UINT32_MAX, 1000);
	ck_assert_uint_eq(grant.messages, 10);
}
END_TEST

START_TEST(a_rate_is_printed_as_it_is_written)
{
	static const char *const rates[] = { "500/s", "10/m", "100/h", "5/d",
		"3/10m" };
	char text[512];

	for (size_t i = 0; i < COUNT_OF(rates); i++) {
		(void)snprintf(text, sizeof(text),
		    CONFTEXT_HEAD "site \"*\" { message_rate = \"%s\" }",
		    rates[i]);
		configure(text);
		ask_grant(UINT32_MAX, 0, 1000 * (int64_t)i);
		assert_limit("message_rate", rates[i], "a.conf:4");
	}
}
END_TEST

START_TEST(a_new_rate_brings_no_second_burst)
{
	configure(CONFTEXT_HEAD "site \"*\" { message_rate = \"10/s\" }\n");
	ask_grant(10, 0, 1000);
	ck_assert_uint_eq(grant.messages, 10);
	configure(CONFTEXT_HEAD "site \"*\" { message_rate = \"20/s\" }\n");
	ask_grant(10, 0, 1000);
	ck_assert_uint_eq(grant.messages, 0);
	ask_grant(10, 0, 1500);
	ck_assert_uint_eq(grant.messages, 10);
}
END_TEST

START_TEST(the_largest_rate_goes_through_too)
{
	configure(
	    CONFTEXT_HEAD "site \"*\" { message_rate = \"1000000/s\" }\n");
	for (int64_t t = 0; t < 5; t++) {
		ask_grant(1000000, 0, t * 1000);
		ck_assert_uint_eq(grant.messages, 1000000);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("shaper_answer");
	TCase *tc = tcase_create("answer");
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
	tcase_add_test(tc, without_a_rate_connections_bind);
	tcase_add_test(tc, a_limit_has_the_place_where_it_was_set);
	tcase_add_test(tc, a_rate_binds_while_more_is_ready_than_it_allows);
	tcase_add_test(tc, without_tokens_it_is_told_to_wait_for_the_next);
	tcase_add_test(tc, a_short_wait_is_drawn_out);
	tcase_add_test(tc, unused_tokens_are_given_back);
	tcase_add_test(tc, a_rate_is_printed_as_it_is_written);
	tcase_add_test(tc, a_new_rate_brings_no_second_burst);
	tcase_add_test(tc, the_largest_rate_goes_through_too);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	n_failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
