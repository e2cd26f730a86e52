/* SPDX-License-Identifier: BSD-2-Clause */
/* answer: what the shaper says when qmgr asks for a grant. */
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
	char limit_value[64];
	char limit_from[256];
};

/* Longest that a grant is good for; then qmgr asks again. */
#define ANSWER_GRANT_VALID_MS 10000

/*
 * What a site may do now: the smallest of its limits, with the name of the one
 * that binds. Tokens that ask->unused gives back are returned first.
 */
void answer_grant(struct answers *a, const struct msg_grant_ask *ask,
    struct msg_grant *grant);

#endif /* SHAPER_ANSWER_H */
