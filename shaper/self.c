/* SPDX-License-Identifier: BSD-2-Clause */
/* self: compares an address with those of our listeners. */
#include "shaper/self.h"

#include <string.h>

static bool
is_any(const struct sock_addr *a)
{
	static const uint8_t zeros[16];

	return memcmp(a->ip, zeros, a->family == SOCK_IP4 ? 4 : 16) == 0;
}

/* An address that a listener names. */
static bool
is_reached(struct str text, const struct sock_addr *address)
{
	struct sock_addr own;

	if (sock_parse(&own, text) != ERR_OK || own.family != address->family ||
	    own.port != address->port)
		return false;
	if (is_any(&own))
		return sock_is_local(address);
	return sock_addr_eq(&own, address);
}

bool
self_listens(const struct conf *conf, const struct sock_addr *address)
{
	if (address->family == SOCK_UNIX)
		return false;
	for (uint32_t i = 0; i < conf->n_listener; i++) {
		const struct conf_strs *own = &conf->listener[i].address;

		for (uint32_t k = 0; k < own->n; k++)
			if (is_reached(own->items[k], address))
				return true;
	}
	return false;
}
