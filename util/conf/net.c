/* SPDX-License-Identifier: BSD-2-Clause */
/* net: texts of networks and addresses. */
#include "util/conf/net.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "util/base/array.h"
#include "util/text/ascii.h"
#include "util/text/num.h"

#define IPV4_BYTES 4
#define IPV6_BYTES 16
#define UNIX_PATH_MAX_BYTES 1024
#define PORT_MAX 65535
#define HOST_MAX_BYTES 253

static unsigned
family_bytes(int family)
{
	return family == AF_INET ? IPV4_BYTES : IPV6_BYTES;
}

/* Reads an address without brackets into bytes. */
static enum err
parse_ip(struct str s, int *family, uint8_t bytes[IPV6_BYTES])
{
	char text[INET6_ADDRSTRLEN];

	if (s.len == 0 || s.len >= sizeof(text) || str_find(s, '\0') < s.len)
		return ERR_SYNTAX;
	memcpy(text, s.ptr, s.len);
	text[s.len] = '\0';
	memset(bytes, 0, IPV6_BYTES);
	*family = str_find(s, ':') < s.len ? AF_INET6 : AF_INET;
	return inet_pton(*family, text, bytes) == 1 ? ERR_OK : ERR_SYNTAX;
}

/* What stands in brackets at the beginning of *s, advanced over them. False:
 * there are none. */
static bool
take_bracketed(struct str *s, struct str *inner)
{
	size_t end = str_find(*s, ']');

	if (s->len == 0 || s->ptr[0] != '[' || end == s->len)
		return false;
	*inner = (struct str){ s->ptr + 1, end - 1 };
	str_skip(s, end + 1);
	return true;
}

/* Bit i of an address, the first being 0. */
static bool
has_bit(const uint8_t *bytes, unsigned i)
{
	return (bytes[i / 8] >> (7 - i % 8) & 1) != 0;
}

static bool
has_bits_behind(const struct conf_net *net)
{
	for (unsigned i = net->bits; i < family_bytes(net->family) * 8; i++)
		if (has_bit(net->bytes, i))
			return true;
	return false;
}

enum err
conf_net_parse(struct str s, struct conf_net *net)
{
	struct conf_net n = { .family = AF_INET };
	struct str ip;
	uint64_t bits;
	enum err err;

	if (!take_bracketed(&s, &ip)) {
		ip = str_head(s, str_find(s, '/'));
		str_skip(&s, ip.len);
	}
	err = parse_ip(ip, &n.family, n.bytes);
	if (err != ERR_OK)
		return err;
	bits = family_bytes(n.family) * 8;
	if (s.len > 0 && s.ptr[0] != '/')
		return ERR_SYNTAX;
	if (s.len > 0)
		err = num_u64(str_tail(s, 1), bits, &bits);
	if (err != ERR_OK)
		return err;
	n.bits = (uint8_t)bits;
	if (has_bits_behind(&n))
		return ERR_RANGE;
	*net = n;
	return ERR_OK;
}

static bool
net_has(const struct conf_net *net, const uint8_t *address)
{
	unsigned whole = net->bits / 8, rest = net->bits % 8;
	uint8_t mask = (uint8_t)(0xff00 >> rest);

	if (memcmp(net->bytes, address, whole) != 0)
		return false;
	return rest == 0 || ((net->bytes[whole] ^ address[whole]) & mask) == 0;
}

bool
conf_net_match(
    const struct conf_net *nets, size_t n, int family, const void *address)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	const uint8_t *bytes = address;

	if (family == AF_INET6 && memcmp(bytes, mapped, sizeof(mapped)) == 0) {
		family = AF_INET;
		bytes += sizeof(mapped);
	}
	for (size_t i = 0; i < n; i++)
		if (nets[i].family == family && net_has(&nets[i], bytes))
			return true;
	return false;
}

static enum err
check_unix(struct str path, const char **why)
{
	*why = "must be written \"unix:/path\"";
	if (path.len < 2 || path.ptr[0] != '/' ||
	    str_find(path, '\0') < path.len)
		return ERR_SYNTAX;
	*why = "has a path longer than 1024 bytes";
	return path.len <= UNIX_PATH_MAX_BYTES ? ERR_OK : ERR_SYNTAX;
}

enum err
conf_address_check(struct str s, const char **why)
{
	uint8_t bytes[IPV6_BYTES];
	bool is_bracketed;
	struct str ip;
	uint64_t port;
	int family;

	if (str_starts(s, STR("unix:")))
		return check_unix(str_tail(s, 5), why);
	is_bracketed = take_bracketed(&s, &ip);
	if (!is_bracketed) {
		ip = str_head(s, str_find(s, ':'));
		str_skip(&s, ip.len);
	}
	*why = "does not begin with an IP address; IPv6 stands in [ ]";
	if (parse_ip(ip, &family, bytes) != ERR_OK ||
	    is_bracketed != (family == AF_INET6))
		return ERR_SYNTAX;
	*why = "lacks a port from 1 to 65535 behind the IP address, as in "
	       "\"192.0.2.1:25\"";
	if (s.len == 0 || s.ptr[0] != ':' ||
	    num_u64(str_tail(s, 1), PORT_MAX, &port) != ERR_OK || port == 0)
		return ERR_SYNTAX;
	return ERR_OK;
}

/* Letters, digits, hyphens and underscores between dots. */
static bool
is_host_name(struct str s)
{
	if (s.len == 0 || s.len > HOST_MAX_BYTES)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		bool is_dot = s.ptr[i] == '.';

		if (is_dot && (i == 0 || s.ptr[i - 1] == '.'))
			return false;
		if (!is_dot && !ascii_is_alnum(s.ptr[i]) && s.ptr[i] != '-' &&
		    s.ptr[i] != '_')
			return false;
	}
	/* 1.2.3.400 is no name. */
	return !ascii_is_digit(s.ptr[s.len - 1]);
}

enum err
conf_relay_check(struct str s, const char **why)
{
	struct str host = str_head(s, str_find(s, ':'));
	uint64_t port;

	if (!is_host_name(host) || str_starts(s, STR("unix:")))
		return conf_address_check(s, why);
	*why = "lacks a port from 1 to 65535 behind the host name, as in "
	       "\"smarthost.example.org:25\"";
	if (host.len == s.len ||
	    num_u64(str_tail(s, host.len + 1), PORT_MAX, &port) != ERR_OK ||
	    port == 0)
		return ERR_SYNTAX;
	return ERR_OK;
}
