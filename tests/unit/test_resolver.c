/* SPDX-License-Identifier: BSD-2-Clause */
/* test_resolver: questions end, whatever the servers do. What real servers
 * answer is seen by tests/dialog/test_routes.py. */
#include "util/dns/resolver.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#define N 600 /* more than are out at once */

static struct loop *loop;
static struct resolver *resolver;
static struct dns_question questions[N];
static unsigned n_answers, n_failed, n_no_name;

static void
on_answer(void *arg, const struct dns_answer *answer)
{
	unsigned *n_wanted = arg;

	n_answers++;
	n_failed += answer->found == DNS_FAILED;
	n_no_name += answer->found == DNS_NO_NAME;
	if (n_answers == *n_wanted)
		loop_stop(loop);
}

/* A server that is not there: port 9 of the loopback. */
static void
enter(void)
{
	static const struct str server = STR_INIT("127.0.0.1:9");
	struct conf_dns settings = {
		.server = { &server, 1 },
		.dnssec = CONF_DNSSEC_OFF,
		.timeout_ms = 1000,
	};

	loop = loop_new();
	resolver = resolver_new(loop, &settings);
}

static void
leave(void)
{
	resolver_free(&resolver);
	loop_free(&loop);
}

static void
ask(unsigned i, struct str name, unsigned *n_wanted)
{
	questions[i].fn = on_answer;
	questions[i].arg = n_wanted;
	resolver_ask(resolver, &questions[i], name, DNS_MX);
}

START_TEST(questions_to_nobody_all_fail_in_time)
{
	static unsigned n_wanted = N;

	for (unsigned i = 0; i < N; i++)
		ask(i, STR("d.test"), &n_wanted);
	ck_assert_uint_eq(n_answers, 0);
	loop_run(loop);
	ck_assert_uint_eq(n_answers, N);
	ck_assert_uint_eq(n_failed, N);
}
END_TEST

START_TEST(a_name_that_is_none_does_not_exist)
{
	static unsigned n_wanted = 2;
	char name[DNS_NAME_MAX_BYTES + 1];

	memset(name, 'a', sizeof(name));
	ask(0, (struct str){ name, sizeof(name) }, &n_wanted);
	ask(1, (struct str){ "a\0b", 3 }, &n_wanted);
	loop_run(loop);
	ck_assert_uint_eq(n_no_name, 2);
}
END_TEST

START_TEST(what_is_cancelled_is_not_answered)
{
	static unsigned n_wanted = 1;

	for (unsigned i = 0; i < N; i++)
		ask(i, STR("d.test"), &n_wanted);
	for (unsigned i = 1; i < N; i++)
		resolver_cancel(&questions[i]);
	loop_run(loop);
	ck_assert_uint_eq(n_answers, 1);
	resolver_cancel(&questions[0]);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("resolver");
	TCase *tc = tcase_create("resolver");
	SRunner *sr = srunner_create(s);
	int n;

	tcase_add_checked_fixture(tc, enter, leave);
	tcase_add_test(tc, questions_to_nobody_all_fail_in_time);
	tcase_add_test(tc, a_name_that_is_none_does_not_exist);
	tcase_add_test(tc, what_is_cancelled_is_not_answered);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	n = srunner_ntests_failed(sr);
	srunner_free(sr);
	return n == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
