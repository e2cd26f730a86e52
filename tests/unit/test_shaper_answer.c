/* SPDX-License-Identifier: BSD-2-Clause */
/* test_shaper_answer: grants are what the configuration says. */
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
#define TEXT_BYTES 65536

static struct conf *conf;
static struct answers answers;
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
