/* SPDX-License-Identifier: BSD-2-Clause */
/* store: rotation of shared segments by size and age. */
#include "smtpd/store.h"

#include "util/base/fatal.h"
#include "util/conf/conf.h"
#include "util/svc/svc.h"

static void open_next(struct store *store);

static struct loop *
loop_of(const struct store *store)
{
	return svc_loop(store->segs->svc);
}

static const struct conf_spool *
conf_of(const struct store *store)
{
	return &svc_conf(store->segs->svc)->spool;
}

/* File header, footer and trailer take some of it: a generous guess. */
uint64_t
store_record_max_bytes(const struct store *store)
{
	uint64_t n = conf_of(store)->segment_size_bytes;

	if (n > SEGMENT_MAX_BYTES)
		n = SEGMENT_MAX_BYTES;
	return n / 2;
}

static void
opened(struct seg *seg)
{
	struct store *store = seg->arg;

	store->is_opening = false;
	store->err = seg->err;
	if (seg->err != ERR_OK) {
		seg_forget(&seg);
		timer_set_at(&store->retry,
		    loop_now_ms(loop_of(store)) + STORE_RETRY_MS);
	} else if (store->is_stopping) {
		seg_seal(&seg);
	} else {
		store->next = seg;
		if (store->current == NULL) {
			store->current = seg;
			store->next = NULL;
			open_next(store);
		}
	}
	store->changed(store->arg);
}

static void
open_next(struct store *store)
{
	uint64_t bytes = conf_of(store)->segment_size_bytes;
	struct seg *seg;

	if (store->is_opening || store->next != NULL || store->is_stopping)
		return;
	if (bytes > SEGMENT_MAX_BYTES)
		bytes = SEGMENT_MAX_BYTES;
	seg = seg_open(store->segs, bytes, opened);
	if (seg == NULL) {
		store->err = ERR_FULL;
		timer_set_at(&store->retry,
		    loop_now_ms(loop_of(store)) + STORE_RETRY_MS);
		return;
	}
	seg->arg = store;
	store->is_opening = true;
}

/* Lets the current segment go: it is sealed once all of it is synced. */
static void
rotate(struct store *store)
{
	struct seg *old = store->current;

	timer_stop(&store->age);
	store->current = store->next;
	store->next = NULL;
	open_next(store);
	if (old == NULL)
		return;
	old->is_closing = true;
	if (old->synced_bytes == segment_get_bytes(old->file))
		seg_seal(&old);
}

static void
on_retry(void *arg)
{
	open_next(arg);
}

static void
on_age(void *arg)
{
	rotate(arg);
}

void
store_init(struct store *store, struct segs *segs, void (*changed)(void *arg),
    void *arg)
{
	*store = (struct store){
		.segs = segs,
		.changed = changed,
		.arg = arg,
	};
	timer_init(&store->age, svc_loop(segs->svc), on_age, store);
	timer_init(&store->retry, svc_loop(segs->svc), on_retry, store);
	open_next(store);
}

void
store_fini(struct store *store)
{
	timer_fini(&store->age);
	timer_fini(&store->retry);
}

struct seg *
store_get(struct store *store, uint64_t need_bytes)
{
	if (store->current != NULL &&
	    segment_room_bytes(store->current->file) >= need_bytes)
		return store->current;
	if (store->current != NULL && store->next == NULL) {
		open_next(store);
		return NULL;
	}
	rotate(store);
	return store->current;
}

bool
store_is_down(const struct store *store)
{
	return store->current == NULL && store->err != ERR_OK;
}

void
store_note_record(struct store *store, struct seg *seg)
{
	if (seg->first_ms != 0)
		return;
	seg->first_ms = loop_now_ms(loop_of(store));
	timer_set_at(
	    &store->age, seg->first_ms + conf_of(store)->segment_age_ms);
}

void
store_note_synced(struct store *store, struct seg *seg)
{
	(void)store;
	if (seg->is_closing && list_is_empty(&seg->appended))
		seg_seal(&seg);
}

void
store_forget(struct store *store, struct seg *seg)
{
	seg->is_closing = true;
	if (store->current != seg)
		return;
	timer_stop(&store->age);
	store->current = store->next;
	store->next = NULL;
	open_next(store);
}

void
store_stop(struct store *store)
{
	store->is_stopping = true;
	timer_stop(&store->age);
	timer_stop(&store->retry);
	if (store->current != NULL)
		seg_seal(&store->current);
	if (store->next != NULL)
		seg_seal(&store->next);
}
