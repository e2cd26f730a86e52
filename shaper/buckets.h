/* SPDX-License-Identifier: BSD-2-Clause */
/* buckets: the token buckets of all sites that have a message rate. */
#ifndef SHAPER_BUCKETS_H
#define SHAPER_BUCKETS_H

#include <stdint.h>

#include "shaper/core/bucket.h"
#include "util/text/str.h"

/* Sites with a rate that are remembered at once; a full bucket is forgotten
 * when its place is needed. */
#define BUCKETS_MAX 65536

struct buckets;

struct buckets *buckets_new(void);
void buckets_free(struct buckets **bs);

/* The bucket of a site, by its printed name, at rate: a new one is full, one
 * whose rate has changed begins anew, empty. Lives until the next call. NULL:
 * there is no room, and no full bucket among those looked at; ask again. */
struct bucket *buckets_get(
    struct buckets *bs, struct str site, struct rate rate, int64_t now_ms);

#endif /* SHAPER_BUCKETS_H */
