/* SPDX-License-Identifier: BSD-2-Clause */
/* test_addrlist: header fields as people and programs write them. */
#include "util/mail/addrlist.h"

#include <stdlib.h>

#include <check.h>

#include "util/base/array.h"

#define LONG_50 "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghij"
#define LONG_300 LONG_50 LONG_50 LONG_50 LONG_50 LONG_50 LONG_50

/* want: each address with a bar behind it; "?" for an entry that is none, "+"
 * for one that is too long. */
static const struct {
	struct str value, want;
} cases[] = {
	{ STR_INIT(""), STR_INIT("") },
	{ STR_INIT(" \r\n\t"), STR_INIT("") },
	{ STR_INIT(" a@b"), STR_INIT("a@b|") },
	{ STR_INIT("a@b\r\n"), STR_INIT("a@b|") },
	{ STR_INIT("a@b, c@d,e@f"), STR_INIT("a@b|c@d|e@f|") },
	{ STR_INIT(",a@b,, ,c@d,"), STR_INIT("a@b|c@d|") },
	{ STR_INIT("a@b,\r\n c@d,\n\te@f\n"), STR_INIT("a@b|c@d|e@f|") },
	{ STR_INIT("root"), STR_INIT("root|") },
	{ STR_INIT("root, joe.user"), STR_INIT("root|joe.user|") },
	/* Names. */
	{ STR_INIT("Joe User <joe@x>"), STR_INIT("joe@x|") },
	{ STR_INIT("\"User, Joe\" <joe@x>, a@b"), STR_INIT("joe@x|a@b|") },
	{ STR_INIT("\"a\\\"b\\\\\" <joe@x>"), STR_INIT("joe@x|") },
	{ STR_INIT("Joe Q. User <joe@x>"), STR_INIT("joe@x|") },
	{ STR_INIT("J\xc3\xb6 \xff <joe@x>"), STR_INIT("joe@x|") },
	{ STR_INIT("=?utf-8?q?J=C3=B6?= <joe@x>"), STR_INIT("joe@x|") },
	{ STR_INIT("a@b <joe@x>"), STR_INIT("joe@x|") },
	{ STR_INIT(LONG_300 " <joe@x>"), STR_INIT("joe@x|") },
	{ STR_INIT("<joe@x>"), STR_INIT("joe@x|") },
	{ STR_INIT("Joe\r\n <\r\n joe@x\r\n >"), STR_INIT("joe@x|") },
	{ STR_INIT("Joe <>, a@b"), STR_INIT("a@b|") },
	/* Comments and blanks anywhere. */
	{ STR_INIT("a@b (Joe, <c@d> \\) (in) here), e@f"),
	    STR_INIT("a@b|e@f|") },
	{ STR_INIT("(x)a(x)@(x)b(x).(x)c(x)"), STR_INIT("a@b.c|") },
	{ STR_INIT("joe . user @ x . y"), STR_INIT("joe.user@x.y|") },
	/* Groups. */
	{ STR_INIT("undisclosed-recipients:;"), STR_INIT("") },
	{ STR_INIT("A Group: a@b, Joe <c@d>;, e@f"), STR_INIT("a@b|c@d|e@f|") },
	{ STR_INIT("A: a@b; B: c@d;"), STR_INIT("a@b|c@d|") },
	/* Old and rare forms. */
	{ STR_INIT("<@x,@y:joe@z>"), STR_INIT("joe@z|") },
	{ STR_INIT("\"a b\"@c, \"d@e\"@f"), STR_INIT("\"a b\"@c|\"d@e\"@f|") },
	{ STR_INIT("a@[1.2.3.4], b@[IPv6:::1]"),
	    STR_INIT("a@[1.2.3.4]|b@[IPv6:::1]|") },
	{ STR_INIT("j\xc3\xb6@x"), STR_INIT("j\xc3\xb6@x|") },
	/* No addresses; what follows is found. */
	{ STR_INIT("Joe User, a@b"), STR_INIT("?a@b|") },
	{ STR_INIT("a@b c@d, e@f"), STR_INIT("?e@f|") },
	{ STR_INIT("Joe User a@b"), STR_INIT("?") },
	{ STR_INIT("a@, @b, a@b@c"), STR_INIT("???") },
	{ STR_INIT("a@b>, c@d"), STR_INIT("?c@d|") },
	{ STR_INIT("<a@b <c@d>, e@f"), STR_INIT("?e@f|") },
	{ STR_INIT("<a@b> c, e@f"), STR_INIT("?e@f|") },
	{ STR_INIT("<a@b>: c, e@f"), STR_INIT("?e@f|") },
	{ STR_INIT("<a@b"), STR_INIT("?") },
	{ STR_INIT("<a@b, c@d>"), STR_INIT("?") },
	{ STR_INIT("<a@b; c@d"), STR_INIT("?c@d|") },
	{ STR_INIT("a@b, \"c, d@e"), STR_INIT("a@b|?") },
	{ STR_INIT("a@b, (c, d@e"), STR_INIT("a@b|?") },
	{ STR_INIT("a@b (c"), STR_INIT("?") },
	{ STR_INIT("a@[b, c@d"), STR_INIT("?") },
	{ STR_INIT("a\0@b, c@d"), STR_INIT("?") },
	{ STR_INIT("\"\\"), STR_INIT("?") },
	{ STR_INIT("\"a\r\n b\"@c"), STR_INIT("?") },
	{ STR_INIT(LONG_300 "@x, a@b"), STR_INIT("+a@b|") },
	{ STR_INIT(LONG_50 LONG_50 "@x, a@b"), STR_INIT("+a@b|") },
};

START_TEST(addresses_are_found)
{
	char bytes[128];
	struct outbuf out = { bytes, 0, sizeof(bytes) };
	struct addrlist list;
	struct address a;
	enum err err;

	addrlist_init(&list, cases[_i].value);
	while ((err = addrlist_next(&list, &a)) != ERR_EOF) {
		if (err == ERR_OK) {
			outbuf_put(&out, a.whole);
			outbuf_put(&out, STR("|"));
		} else if (err == ERR_RANGE) {
			outbuf_put(&out, STR("+"));
		} else {
			ck_assert_int_eq(err, ERR_SYNTAX);
			outbuf_put(&out, STR("?"));
		}
	}
	ck_assert(str_eq(outbuf_str(&out), cases[_i].want));
	ck_assert_int_eq(addrlist_next(&list, &a), ERR_EOF);
}
END_TEST

START_TEST(parts_of_an_address_are_told)
{
	struct addrlist list;
	struct address a;

	addrlist_init(&list, STR("Joe <joe@x.y>, root, a@[1.2.3.4]"));
	ck_assert_int_eq(addrlist_next(&list, &a), ERR_OK);
	ck_assert(str_eq(a.local, STR("joe")));
	ck_assert(str_eq(a.domain, STR("x.y")));
	ck_assert_int_eq(addrlist_next(&list, &a), ERR_OK);
	ck_assert(str_eq(a.local, STR("root")));
	ck_assert_uint_eq(a.domain.len, 0);
	ck_assert_int_eq(addrlist_next(&list, &a), ERR_OK);
	ck_assert(a.is_literal);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("addrlist");
	TCase *tc = tcase_create("addrlist");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_loop_test(tc, addresses_are_found, 0, (int)COUNT_OF(cases));
	tcase_add_test(tc, parts_of_an_address_are_told);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
