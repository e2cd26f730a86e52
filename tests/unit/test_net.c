/* SPDX-License-Identifier: BSD-2-Clause */
/* test_net: networks, what lies in them, and addresses with ports. */
#include "util/conf/net.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "tests/lib/split.h"
#include "util/base/array.h"

static const struct {
	struct str text;
	const char *base;
	int family;
	unsigned bits;
} good[] = {
	{ STR_INIT("192.0.2.0/24"), "192.0.2.0", AF_INET, 24 },
	{ STR_INIT("192.0.2.1"), "192.0.2.1", AF_INET, 32 },
	{ STR_INIT("192.0.2.1/32"), "192.0.2.1", AF_INET, 32 },
	{ STR_INIT("192.0.2.0/31"), "192.0.2.0", AF_INET, 31 },
	{ STR_INIT("0.0.0.0/0"), "0.0.0.0", AF_INET, 0 },
	{ STR_INIT("128.0.0.0/1"), "128.0.0.0", AF_INET, 1 },
	{ STR_INIT("2001:db8::/32"), "2001:db8::", AF_INET6, 32 },
	{ STR_INIT("[2001:db8::]/33"), "2001:db8::", AF_INET6, 33 },
	{ STR_INIT("[::1]"), "::1", AF_INET6, 128 },
	{ STR_INIT("::1/128"), "::1", AF_INET6, 128 },
	{ STR_INIT("::/0"), "::", AF_INET6, 0 },
};

START_TEST(networks_are_read)
{
	struct conf_net net = { .family = 0 };
	uint8_t bytes[16] = { 0 };

	ck_assert_int_eq(conf_net_parse(good[_i].text, &net), ERR_OK);
	ck_assert_int_eq(inet_pton(good[_i].family, good[_i].base, bytes), 1);
	ck_assert_int_eq(net.family, good[_i].family);
	ck_assert_uint_eq(net.bits, good[_i].bits);
	ck_assert_mem_eq(net.bytes, bytes, sizeof(bytes));
}
END_TEST

static const struct {
	struct str text;
	enum err err;
} bad[] = {
	{ STR_INIT(""), ERR_SYNTAX },
	{ STR_INIT("/8"), ERR_SYNTAX },
	{ STR_INIT("10.0.0.0/"), ERR_SYNTAX },
	{ STR_INIT("10.0.0.0/x"), ERR_SYNTAX },
	{ STR_INIT("10.0.0.0/-1"), ERR_SYNTAX },
	{ STR_INIT("10.0.0.0/8 "), ERR_SYNTAX },
	{ STR_INIT("10.0.0/8"), ERR_SYNTAX },
	{ STR_INIT("localhost"), ERR_SYNTAX },
	{ STR_INIT("192.0.2.256"), ERR_SYNTAX },
	{ STR_INIT("[192.0.2.1"), ERR_SYNTAX },
	{ STR_INIT("[::1]x"), ERR_SYNTAX },
	{ STR_INIT("[]"), ERR_SYNTAX },
	{ STR_INIT("10.0.0.0\0/8"), ERR_SYNTAX },
	{ STR_INIT("10.0.0.0/8\0"), ERR_SYNTAX },
	{ STR_INIT("10.0.0.0/33"), ERR_RANGE },
	{ STR_INIT("::/129"), ERR_RANGE },
	{ STR_INIT("192.0.2.1/24"), ERR_RANGE },
	{ STR_INIT("192.0.2.1/31"), ERR_RANGE },
	{ STR_INIT("2001:db8::1/127"), ERR_RANGE },
	{ STR_INIT("1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:b"),
	    ERR_SYNTAX },
};

START_TEST(what_is_no_network_is_refused)
{
	struct conf_net net = { .family = 99 };

	ck_assert_int_eq(conf_net_parse(bad[_i].text, &net), bad[_i].err);
	ck_assert_int_eq(net.family, 99);
}
END_TEST

static const struct {
	const char *net, *address;
	bool is_in;
} matching[] = {
	{ "192.0.2.0/24", "192.0.2.0", true },
	{ "192.0.2.0/24", "192.0.2.255", true },
	{ "192.0.2.0/24", "192.0.3.0", false },
	{ "192.0.2.0/24", "192.0.1.255", false },
	{ "192.0.2.128/25", "192.0.2.128", true },
	{ "192.0.2.128/25", "192.0.2.127", false },
	{ "192.0.2.1", "192.0.2.1", true },
	{ "192.0.2.1", "192.0.2.2", false },
	{ "0.0.0.0/0", "255.255.255.255", true },
	{ "0.0.0.0/0", "::1", false },
	{ "0.0.0.0/0", "::ffff:10.0.0.1", true },
	{ "10.0.0.0/8", "::ffff:10.0.0.1", true },
	{ "10.0.0.0/8", "::ffff:11.0.0.1", false },
	{ "::/0", "10.0.0.1", false },
	{ "2001:db8::/32", "2001:db8:ffff::1", true },
	{ "2001:db8::/32", "2001:db9::1", false },
	{ "2001:db8::/33", "2001:db8:8000::", false },
	{ "::1", "::1", true },
	{ "::1", "::2", false },
};

static int
parse_address(const char *text, uint8_t bytes[16])
{
	int family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;

	ck_assert_int_eq(inet_pton(family, text, bytes), 1);
	return family;
}

START_TEST(address_lies_in_its_network)
{
	struct conf_net nets[2];
	uint8_t bytes[16];
	int family = parse_address(matching[_i].address, bytes);

	ck_assert_int_eq(conf_net_parse(STR("198.51.100.7"), &nets[0]), ERR_OK);
	ck_assert_int_eq(
	    conf_net_parse(str_from_c(matching[_i].net), &nets[1]), ERR_OK);
	ck_assert_int_eq(
	    conf_net_match(nets, 2, family, bytes), matching[_i].is_in);
	ck_assert(!conf_net_match(nets, 1, family, bytes));
	ck_assert(!conf_net_match(NULL, 0, family, bytes));
}
END_TEST

/* The rule said another way: shifted numbers are equal. */
START_TEST(any_ipv4_address_agrees_with_arithmetic)
{
	uint64_t seed = 7;
	uint32_t a, b, mask;

	for (int round = 0; round < 20000; round++) {
		struct conf_net net = { .family = AF_INET };

		net.bits = (uint8_t)(split_draw(&seed) % 33);
		mask = net.bits == 0 ? 0 : UINT32_MAX << (32 - net.bits);
		a = htonl((uint32_t)split_draw(&seed) & mask);
		b = htonl(ntohl(a) ^ 1u << split_draw(&seed) % 32);
		memcpy(net.bytes, &a, sizeof(a));
		ck_assert(conf_net_match(&net, 1, AF_INET, &a));
		ck_assert_int_eq(conf_net_match(&net, 1, AF_INET, &b),
		    (ntohl(b) & mask) == ntohl(a));
	}
}
END_TEST

static const struct {
	struct str text;
	const char *why; /* part of the reason; NULL: fine */
} addresses[] = {
	{ STR_INIT("127.0.0.1:25"), NULL },
	{ STR_INIT("0.0.0.0:65535"), NULL },
	{ STR_INIT("127.0.0.1:1"), NULL },
	{ STR_INIT("[::1]:25"), NULL },
	{ STR_INIT("[::]:2525"), NULL },
	{ STR_INIT("unix:/run/x"), NULL },
	{ STR_INIT("unix:/x"), NULL },
	{ STR_INIT("127.0.0.1:0"), "port" },
	{ STR_INIT("127.0.0.1:65536"), "port" },
	{ STR_INIT("127.0.0.1:"), "port" },
	{ STR_INIT("127.0.0.1"), "port" },
	{ STR_INIT("127.0.0.1:25x"), "port" },
	{ STR_INIT("[::1]"), "port" },
	{ STR_INIT("[::1]25"), "port" },
	{ STR_INIT("::1:25"), "IP address" },
	{ STR_INIT("[127.0.0.1]:25"), "IP address" },
	{ STR_INIT("mx.example.org:25"), "IP address" },
	{ STR_INIT(":25"), "IP address" },
	{ STR_INIT(""), "IP address" },
	{ STR_INIT("unix:"), "unix:/path" },
	{ STR_INIT("unix:/"), "unix:/path" },
	{ STR_INIT("unix:x"), "unix:/path" },
	{ STR_INIT("unix:/a\0b"), "unix:/path" },
};

START_TEST(address_needs_ip_and_port_or_a_path)
{
	const char *why = "";
	enum err err = conf_address_check(addresses[_i].text, &why);

	if (addresses[_i].why == NULL) {
		ck_assert_int_eq(err, ERR_OK);
		return;
	}
	ck_assert_int_eq(err, ERR_SYNTAX);
	ck_assert_ptr_nonnull(strstr(why, addresses[_i].why));
}
END_TEST

START_TEST(path_has_a_bound)
{
	static char text[5 + 1025];
	const char *why;

	memset(text, 'x', sizeof(text));
	memcpy(text, "unix:/", 6);
	ck_assert_int_eq(
	    conf_address_check((struct str){ text, 5 + 1024 }, &why), ERR_OK);
	ck_assert_int_eq(
	    conf_address_check((struct str){ text, 5 + 1025 }, &why),
	    ERR_SYNTAX);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("net");
	TCase *tc = tcase_create("net");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_loop_test(tc, networks_are_read, 0, (int)COUNT_OF(good));
	tcase_add_loop_test(
	    tc, what_is_no_network_is_refused, 0, (int)COUNT_OF(bad));
	tcase_add_loop_test(
	    tc, address_lies_in_its_network, 0, (int)COUNT_OF(matching));
	tcase_add_test(tc, any_ipv4_address_agrees_with_arithmetic);
	tcase_add_loop_test(tc, address_needs_ip_and_port_or_a_path, 0,
	    (int)COUNT_OF(addresses));
	tcase_add_test(tc, path_has_a_bound);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
