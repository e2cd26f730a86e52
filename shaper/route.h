/* SPDX-License-Identifier: BSD-2-Clause */
/* route: what the shaper says when qmgr asks for a route. */
#ifndef SHAPER_ROUTE_H
#define SHAPER_ROUTE_H

#include <stdbool.h>

#include "shaper/core/provider.h"
#include "shaper/lookup.h"
#include "util/conf/conf.h"
#include "util/proto/messages.h"

/* Longest that a route is good for. A changed configuration is told at once,
 * so this matters only to one that was never told. */
#define ROUTE_VALID_MAX_MS 3600000

/* When no section matches, qmgr asks again after this. */
#define ROUTE_NO_SECTION_MS 60000

/* Room for the texts that an answer points to. */
struct route_room {
	char provider[PROVIDER_MAX_BYTES];
};

/* Whether the answer for a domain by this section (NULL: none matches) needs no
 * look-up; then it is in *route, but for its queue. */
bool route_at_once(const struct conf_route *section, struct msg_route *route);

/* The answer by what was found. Views in room, conf and found. */
void route_found(struct route_room *room, const struct conf *conf,
    const struct conf_route *section, const struct found *found,
    struct msg_route *route);

#endif /* SHAPER_ROUTE_H */
