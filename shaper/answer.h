/* SPDX-License-Identifier: BSD-2-Clause */
/* answer: what the shaper says to qmgr's two questions: route and grant. */
#ifndef SHAPER_ANSWER_H
#define SHAPER_ANSWER_H

#include <stdint.h>

#include "shaper/buckets.h"
#include "util/conf/conf.h"
#include "util/proto/messages.h"
#include "util/text/str.h"

/* What answers are made of, and room for the texts that their views point to.
 * One for the process: each answer is sent before the next. */
struct answers {
	const struct conf *conf;
	struct buckets *buckets;
	int64_t now_ms; /* of this turn */
	char provider[256];
	char hosts[16384];
	char limit_value[64];
	char limit_from[256];
};

/* Longest that a grant is good for; then qmgr asks again. */
#define ANSWER_GRANT_VALID_MS 10000

/* Longest that a route is good for. A changed configuration is told at once,
 * so this matters only to one that was never told. */
#define ANSWER_ROUTE_VALID_MS 3600000

/* When there is none, qmgr asks again after this. */
#define ANSWER_AGAIN_MS 60000

/* The route of a domain, by the route sections of conf: the first of the most
 * specific title. Views last until the next answer. */
void answer_route(struct answers *a, const struct msg_route_ask *ask,
    struct msg_route *route);

/*
 * What a site may do now: the smallest of its limits, with the name of the one
 * that binds. Tokens that ask->unused gives back are returned first.
 */
void answer_grant(struct answers *a, const struct msg_grant_ask *ask,
    struct msg_grant *grant);

#endif /* SHAPER_ANSWER_H */
