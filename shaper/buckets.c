/* SPDX-License-Identifier: BSD-2-Clause */
/* buckets: token buckets by site. */
#include "shaper/buckets.h"

#include <stdlib.h>
#include <string.h>

#include "util/base/err.h"
#include "util/base/fatal.h"
#include "util/base/index.h"
#include "util/base/slab.h"

/* Buckets looked at for one that is full, when there is no room. */
#define SWEEP_MAX 64
#define SITE_MAX_BYTES 512

struct entry {
	struct bucket bucket;
	struct rate asked; /* the bucket's own may have been cut */
	uint16_t site_len;
	char site[SITE_MAX_BYTES];
};

struct buckets {
	struct index index; /* site -> handle of its entry */
	struct slab slab;
	uint32_t sweep; /* where the search for a full one goes on */
};

struct buckets *
buckets_new(void)
{
	struct buckets *bs = calloc(1, sizeof(*bs));

	if (bs == NULL)
		fatal("no memory for the table of rates");
	index_init(&bs->index, BUCKETS_MAX);
	slab_init(&bs->slab, sizeof(struct entry), BUCKETS_MAX);
	return bs;
}

void
buckets_free(struct buckets **bs)
{
	if (*bs == NULL)
		return;
	index_fini(&(*bs)->index);
	slab_fini(&(*bs)->slab);
	free(*bs);
	*bs = NULL;
}

static void
forget(struct buckets *bs, uint32_t handle)
{
	struct entry *e = slab_get(&bs->slab, handle);

	(void)index_remove(&bs->index, (struct key){ e->site, e->site_len });
	slab_free_item(&bs->slab, handle);
}

/* Forgets full buckets among the next few. */
static void
sweep(struct buckets *bs, int64_t now_ms)
{
	for (int i = 0; i < SWEEP_MAX; i++) {
		struct entry *e;
		uint32_t handle = slab_next(&bs->slab, bs->sweep);

		bs->sweep = handle;
		if (handle == 0)
			continue;
		e = slab_get(&bs->slab, handle);
		if (bucket_is_full(&e->bucket, now_ms))
			forget(bs, handle);
	}
}

/* A full bucket for a site that has none; NULL: no room. */
static struct entry *
entry_new(struct buckets *bs, struct str site, struct rate rate, int64_t now_ms)
{
	struct entry *e;
	uint32_t handle = slab_alloc(&bs->slab);

	if (handle == 0)
		return NULL;
	e = slab_get(&bs->slab, handle);
	e->site_len = (uint16_t)site.len;
	memcpy(e->site, site.ptr, site.len);
	e->asked = rate;
	bucket_init(&e->bucket, rate, now_ms);
	if (index_put(&bs->index, (struct key){ site.ptr, site.len }, handle) ==
	    ERR_OK)
		return e;
	slab_free_item(&bs->slab, handle);
	return NULL;
}

static bool
rate_eq(struct rate a, struct rate b)
{
	return a.count == b.count && a.period_ms == b.period_ms;
}

/* Empty: a reload must not bring a second burst. */
static void
change_rate(struct entry *e, struct rate rate, int64_t now_ms)
{
	e->asked = rate;
	bucket_init(&e->bucket, rate, now_ms);
	(void)bucket_take(&e->bucket, UINT32_MAX, now_ms);
}

struct bucket *
buckets_get(
    struct buckets *bs, struct str site, struct rate rate, int64_t now_ms)
{
	struct entry *e;
	uint32_t handle;

	BUG_IF(site.len == 0 || site.len > SITE_MAX_BYTES);
	handle = index_find(&bs->index, (struct key){ site.ptr, site.len });
	if (handle != 0) {
		e = slab_get(&bs->slab, handle);
		if (!rate_eq(e->asked, rate))
			change_rate(e, rate, now_ms);
		return &e->bucket;
	}
	if (slab_n(&bs->slab) == BUCKETS_MAX)
		sweep(bs, now_ms);
	e = entry_new(bs, site, rate, now_ms);
	return e == NULL ? NULL : &e->bucket;
}
