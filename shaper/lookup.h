/* SPDX-License-Identifier: BSD-2-Clause */
/* lookup: finds the hosts of one route in the DNS. */
#ifndef SHAPER_LOOKUP_H
#define SHAPER_LOOKUP_H

#include <stdint.h>

#include "util/conf/conf.h"
#include "util/dns/resolver.h"
#include "util/io/loop.h"
#include "util/mail/outcome.h"
#include "util/text/str.h"

struct lookup;

/* Exchangers of a domain, or relays, that are looked at; more are left out. */
#define LOOKUP_HOSTS_MAX 64
/* Addresses of one of them. */
#define LOOKUP_IPS_MAX 16

/* What was found. Views last until the call with it returns. */
struct found {
	enum route_status status;
	uint16_t code;    /* ROUTE_NONE */
	int64_t ttl_ms;   /* how long it is good */
	struct str hosts; /* ROUTE_OK: list of HOST */
	struct str text; /* not OK: why, with an enhanced code if it is final */
};

typedef void lookup_fn(void *arg, const struct found *found);

/* What a lookup works with, for as long as it lives; fn is called with arg
 * once, never before the call that began it has returned, at the latest after
 * the time limit of conf. The lookup is gone then. */
struct lookup_conf {
	struct loop *loop;
	struct resolver *resolver;
	const struct conf *conf;
	lookup_fn *fn;
	void *arg;
};

/*
 * The mail exchangers of a domain (RFC 5321 5.1, RFC 7505), reached at port; an
 * address literal is its own. Ends the process when there is no memory.
 */
struct lookup *lookup_exchangers(
    const struct lookup_conf *conf, struct str domain, uint16_t port);

/* Relays as they stand in a route section: addresses, and names that are looked
 * up, in this order. */
struct lookup *lookup_relays(
    const struct lookup_conf *conf, const struct conf_strs *relays);

/* No call comes after it. */
void lookup_cancel(struct lookup **lookup);

#endif /* SHAPER_LOOKUP_H */
