/* SPDX-License-Identifier: BSD-2-Clause */
/* lookup: what the configuration says of a domain, a queue, a site. */
#ifndef UTIL_CONF_LOOKUP_H
#define UTIL_CONF_LOOKUP_H

#include <stdbool.h>

#include "util/conf/conf.h"
#include "util/text/str.h"

/*
 * The policies join all sections whose title matches: for each parameter the
 * most specific title that sets it wins, with its place. Most specific is the
 * one with most parts free of "*" and "?", then with most other characters,
 * then the first in the file. What none sets has its default and no place.
 * Case does not matter. The head is that of the most specific section. Texts
 * in the result live as long as conf.
 */

struct conf_queue_name {
	struct str tenant;   /* may be empty */
	struct str campaign; /* may be empty */
	struct str domain;
};

/* retry_max_ms is at least retry_first_ms, wherever the two come from. */
void conf_queue_policy(const struct conf *conf,
    const struct conf_queue_name *name, struct conf_queue *out);

/* With the limits of the provider's section where only site "*" or none sets
 * them. */
void conf_site_policy(const struct conf *conf, struct str source,
    struct str provider, struct conf_site *out);

void conf_tenant_policy(
    const struct conf *conf, struct str tenant, struct conf_tenant *out);

/* The route of a domain: its own, else that of the longest "*.suffix" of it,
 * else "*". NULL: none. O(log n). */
const struct conf_route *conf_route_find(
    const struct conf *conf, struct str domain);

/* The provider that host (a name, or the address of a relay) belongs to, by
 * the most specific of all mx patterns. NULL: none. */
const struct conf_provider *conf_provider_find(
    const struct conf *conf, struct str host);

/* Whether a list of domains has this one, or "*.suffix" of it, or "*".
 * O(log n). */
bool conf_domains_match(const struct conf_strs *domains, struct str domain);

#endif /* UTIL_CONF_LOOKUP_H */
