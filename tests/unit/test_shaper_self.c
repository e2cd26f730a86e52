/* SPDX-License-Identifier: BSD-2-Clause */
/* test_shaper_self: which addresses lead back to our own listeners. */
#include "shaper/self.h"

#include <stdlib.h>

#include <check.h>

#include "tests/lib/conftext.h"
#include "util/base/array.h"

#define HEAD "node = \"mx1\" state_dir = \"/x\"\nroute \"*\" { }\n"
#define LISTENER(title, addresses) \
	"listener \"" title "\" { address = { " addresses " } }\n"

/* Whether one who listens so is reached at the address. */
static bool
listens(const char *text, const char *address)
{
	struct conf *conf = NULL;
	struct sock_addr a;
	bool is_own;

	ck_assert_str_eq(conftext_new(&conf, text), "");
	ck_assert_int_eq(sock_parse(&a, str_from_c(address)), ERR_OK);
	is_own = self_listens(conf, &a);
	conf_free(&conf);
	return is_own;
}

static const struct {
	const char *listener, *address;
	bool is_own;
} cases[] = {
	/* Bound to one address: that one, at that port. */
	{ HEAD LISTENER("in", "\"192.0.2.1:25\""), "192.0.2.1:25", true },
	{ HEAD LISTENER("in", "\"192.0.2.1:25\""), "192.0.2.1:26", false },
	{ HEAD LISTENER("in", "\"192.0.2.1:25\""), "192.0.2.2:25", false },
	{ HEAD LISTENER("in", "\"192.0.2.1:25\""), "[::1]:25", false },
	{ HEAD LISTENER("in", "\"[2001:db8::1]:25\""), "[2001:db8::1]:25",
	    true },
	{ HEAD LISTENER("in", "\"[2001:db8::1]:25\""), "[2001:db8::2]:25",
	    false },
	{ HEAD LISTENER("in", "\"[2001:db8::1]:25\""), "[2001:db8::1]:26",
	    false },
	/* Bound to all: those of this machine, of the same family. */
	{ HEAD LISTENER("in", "\"0.0.0.0:25\""), "127.0.0.1:25", true },
	{ HEAD LISTENER("in", "\"0.0.0.0:25\""), "127.1.2.3:25", true },
	{ HEAD LISTENER("in", "\"0.0.0.0:25\""), "127.0.0.1:26", false },
	{ HEAD LISTENER("in", "\"0.0.0.0:25\""), "192.0.2.1:25", false },
	{ HEAD LISTENER("in", "\"0.0.0.0:25\""), "[2001:db8::1]:25", false },
	{ HEAD LISTENER("in", "\"[::]:25\""), "[2001:db8::1]:25", false },
	{ HEAD LISTENER("in", "\"[::]:25\""), "127.0.0.1:25", false },
	/* Any address of any listener. */
	{ HEAD LISTENER("in", "\"192.0.2.1:25\", \"192.0.2.2:25\""),
	    "192.0.2.2:25", true },
	{ HEAD LISTENER("in", "\"192.0.2.1:25\"")
	        LISTENER("out", "\"192.0.2.2:587\""),
	    "192.0.2.2:587", true },
	{ HEAD LISTENER("in", "\"192.0.2.1:25\"")
	        LISTENER("out", "\"192.0.2.2:587\""),
	    "192.0.2.2:25", false },
	/* Unix sockets are nobody's exchanger. */
	{ HEAD LISTENER("in", "\"unix:/run/x\""), "unix:/run/x", false },
	{ HEAD LISTENER("in", "\"unix:/run/x\""), "127.0.0.1:25", false },
};

START_TEST(an_address_is_our_own_or_not)
{
	ck_assert_msg(
	    listens(cases[_i].listener, cases[_i].address) == cases[_i].is_own,
	    "%s with %s", cases[_i].address, cases[_i].listener);
}
END_TEST

/* Where the machine has IPv6 at all. */
START_TEST(all_of_ipv6_has_the_loopback)
{
	struct sock_addr a;

	ck_assert_int_eq(sock_parse(&a, STR("[::1]:25")), ERR_OK);
	ck_assert(listens(HEAD LISTENER("in", "\"[::]:25\""), "[::1]:25") ==
	    sock_is_local(&a));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("shaper_self");
	TCase *tc = tcase_create("self");
	SRunner *sr = srunner_create(s);
	int n_failed;

	tcase_add_loop_test(
	    tc, an_address_is_our_own_or_not, 0, COUNT_OF(cases));
	tcase_add_test(tc, all_of_ipv6_has_the_loopback);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	n_failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
