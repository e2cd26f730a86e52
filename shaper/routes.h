/* SPDX-License-Identifier: BSD-2-Clause */
/* routes: what is known of domains and relays in the DNS, as long as it holds,
 * and somewhat longer when no resolver answers. */
#ifndef SHAPER_ROUTES_H
#define SHAPER_ROUTES_H

#include <stdint.h>

#include "shaper/lookup.h"
#include "util/base/list.h"
#include "util/conf/conf.h"
#include "util/io/loop.h"
#include "util/text/str.h"

struct routes;

/* Domains that are known at once; the one that was longest not asked for makes
 * room. */
#define ROUTES_MAX 200000
/* Of these, being looked up at once. */
#define ROUTES_LOOKUPS_MAX 1024

/* Embedded in its owner, all zero before its first use. fn gets the answer
 * once; it may free the question. */
struct route_question {
	struct link link; /* listed while it waits */
	struct list *in;
	void (*fn)(struct route_question *q, const struct found *found);
};

/* Ends the process when there is no memory. conf lasts until routes_reset(). */
struct routes *routes_new(struct loop *loop, const struct conf *conf);

/* Questions that wait are forgotten. */
void routes_free(struct routes **routes);

/* The configuration is another one: all that is known is looked up again before
 * it serves, but where no resolver answers; questions that wait are told to ask
 * again. */
void routes_reset(struct routes *routes, const struct conf *conf);

/* The hosts of a domain by a route section of conf that is not discard: its
 * relays, else the domain's mail exchangers. q->fn is called within when the
 * answer is known. */
void routes_ask(struct routes *routes, const struct conf_route *route,
    struct str domain, struct route_question *q);

/* No call comes for it. Harmless for one that does not wait. */
void routes_forget(struct route_question *q);

#endif /* SHAPER_ROUTES_H */
