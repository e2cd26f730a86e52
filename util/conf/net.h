/* SPDX-License-Identifier: BSD-2-Clause */
/* net: networks in CIDR form, and whether an address lies in one. */
#ifndef UTIL_CONF_NET_H
#define UTIL_CONF_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/base/err.h"
#include "util/text/str.h"

struct conf_net {
	int family; /* AF_INET or AF_INET6 */
	uint8_t bits;
	uint8_t bytes[16]; /* network order; 4 of them for AF_INET */
};

/*
 * Parses "192.0.2.0/24", "2001:db8::/32", "192.0.2.1" (all bits), also in
 * brackets.
 *
 * ERR_SYNTAX	no address, or no number of bits
 * ERR_RANGE	too many bits, or bits set behind them: 192.0.2.1/24
 */
MUST_USE enum err conf_net_parse(struct str s, struct conf_net *net);

/* Whether the address (4 or 16 bytes, network order) lies in one of n nets. An
 * IPv4 address in IPv6 form (::ffff:192.0.2.1) counts as what it is. */
bool conf_net_match(
    const struct conf_net *nets, size_t n, int family, const void *address);

/*
 * Whether s is an address to listen on or to connect to: "192.0.2.1:25",
 * "[2001:db8::1]:25", "unix:/path".
 *
 * ERR_SYNTAX	it is not; *why says what is wrong, in static storage, to stand
 *		behind the address: "lacks a port ..."
 */
MUST_USE enum err conf_address_check(struct str s, const char **why);

/* The same, where a host name may stand for the IP address:
 * "smarthost.example.org:25". */
MUST_USE enum err conf_relay_check(struct str s, const char **why);

#endif /* UTIL_CONF_NET_H */
