/* SPDX-License-Identifier: BSD-2-Clause */
/* store: the table of segments, and what drives the rest. */
#include "qmgr/store.h"

#include <stdlib.h>

#include "qmgr/core/view.h"
#include "qmgr/store_int.h"
#include "util/base/fatal.h"
#include "util/io/loop.h"
#include "util/spool/segname.h"
#include "util/spool/segread.h"

/* Segments that the poll looks at in one turn. */
#define POLL_SLICE 1024
/* A process that is killed closes its sockets and its files in any order. */
#define LOCK_WAIT_MS 50

/* --- the table ------------------------------------------------------------ */

static struct key
number_key(const uint64_t *number)
{
	return (struct key){ number, sizeof(*number) };
}

struct store_seg *
store_find(const struct store *st, uint64_t number)
{
	return slab_try(
	    &st->segs, index_find(&st->by_number, number_key(&number)));
}

struct store_seg *
store_add(struct store *st, uint64_t number)
{
	struct store_seg *seg = store_find(st, number);
	uint32_t handle;

	if (seg != NULL)
		return seg;
	if (core_segment_add(st->conf.core, number,
	        (uint16_t)segment_number_worker(number)) != ERR_OK)
		return NULL;
	handle = slab_alloc(&st->segs);
	if (handle == 0)
		return NULL;
	if (index_put(&st->by_number, number_key(&number), handle) != ERR_OK) {
		slab_free_item(&st->segs, handle);
		return NULL;
	}
	seg = slab_get(&st->segs, handle);
	seg->number = number;
	seg->self = handle;
	return seg;
}

void
store_forget(struct store *st, struct store_seg *seg)
{
	BUG_IF(seg->is_busy);
	if (seg->is_asked)
		list_remove(&st->visits, &seg->link);
	places_forget(st, seg);
	if (seg->walk != NULL)
		st->n_walks--;
	seg_walk_free(&seg->walk);
	(void)index_remove(&st->by_number, number_key(&seg->number));
	core_segment_forget(st->conf.core, seg->number);
	slab_free_item(&st->segs, seg->self);
}

/* Those that the core knows from the ledger: their files may be gone. */
static void
take_over(struct store *st)
{
	struct core_segment_view view = { .number = 0 };

	while (core_segment_next(st->conf.core, view.number, &view))
		if (store_add(st, view.number) == NULL)
			fatal("no memory for the table of segments");
}

/* --- jobs ----------------------------------------------------------------- */

void
store_run(struct store *st, struct job *job, bool *is_out)
{
	enum err err;

	*is_out = true;
	err = bgthread_submit(st->thread, job);
	BUG_IF(err != ERR_OK);
}

enum err
store_submit(struct store *st, struct job *job)
{
	return bgthread_submit(st->thread, job);
}

enum err
store_open_file(const struct store *st, uint64_t number, int *fd,
    struct segment_head *head, bool *is_deferred)
{
	int first = *is_deferred ? st->conf.deferred_fd : st->conf.incoming_fd;
	int second = *is_deferred ? st->conf.incoming_fd : st->conf.deferred_fd;
	enum err err = segread_open(fd, head, first, number);

	if (err != ERR_NOTFOUND)
		return err;
	err = segread_open(fd, head, second, number);
	if (err != ERR_NOTFOUND)
		*is_deferred = !*is_deferred;
	return err;
}

/* --- what is due ---------------------------------------------------------- */

/* Decides what is to be done with a segment that nothing is done with. */
static void
poll_one(struct store *st, struct store_seg *seg, int64_t now_ms)
{
	if (seg->is_asked || seg->is_busy || seg->is_foreign || seg->is_gone ||
	    now_ms < seg->again_ms || visit_has(st, seg))
		return;
	if (!seg->is_sealed || !seg->is_walked)
		visit_ask(st, seg);
	else
		reclaim_look(st, seg);
}

static void
poll_slice(struct store *st, int64_t now_ms)
{
	for (int i = 0; i < POLL_SLICE && st->is_polling; i++) {
		st->poll_cursor = slab_next(&st->segs, st->poll_cursor);
		if (st->poll_cursor == 0)
			st->is_polling = false;
		else
			poll_one(
			    st, slab_get(&st->segs, st->poll_cursor), now_ms);
	}
}

void
store_tick(struct store *st, int64_t now_ms)
{
	space_tick(st, now_ms);
	scan_tick(st, now_ms);
	bytes_tick(st, now_ms);
	poll_slice(st, now_ms);
	records_tick(st, now_ms);
	reclaim_tick(st);
	visit_next(st);
}

int64_t
store_next_ms(const struct store *st)
{
	int64_t next_ms = scan_next_ms(st);

	if (st->is_polling)
		return loop_now_ms(st->conf.loop);
	if (st->space.next_ms < next_ms)
		next_ms = st->space.next_ms;
	if (records_next_ms(st) < next_ms)
		next_ms = records_next_ms(st);
	if (bytes_next_ms(st) < next_ms)
		next_ms = bytes_next_ms(st);
	return next_ms;
}

/* --- what others say ------------------------------------------------------ */

void
store_heard(struct store *st, uint64_t segment)
{
	/* No room: the next listing has it again. */
	(void)store_add(st, segment);
}

void
store_heard_sealed(struct store *st, uint64_t segment)
{
	struct store_seg *seg = store_find(st, segment);

	/* A hint: the file says whether it is so. */
	if (seg == NULL || seg->is_sealed || seg->is_foreign)
		return;
	visit_ask(st, seg);
	visit_next(st);
}

void
store_lost_writer(struct store *st)
{
	int64_t at_ms = loop_now_ms(st->conf.loop) + LOCK_WAIT_MS;

	if (at_ms < st->scan_ms)
		st->scan_ms = at_ms;
}

void
store_stats(const struct store *st, struct store_stats *stats)
{
	*stats = st->stats;
	stats->index = st->pass.now;
	stats->bytes = st->bytes.now;
	stats->segments = slab_n(&st->segs);
	stats->free_bytes = st->space.free_bytes;
	stats->free_inodes = st->space.free_inodes;
	stats->is_read_only = st->space.is_read_only;
}

/* --- life ----------------------------------------------------------------- */

struct store *
store_new(const struct store_conf *conf)
{
	struct store *st = calloc(1, sizeof(*st));

	if (st == NULL)
		fatal("no memory for the table of segments");
	st->conf = *conf;
	slab_init(&st->segs, sizeof(struct store_seg), STORE_SEGMENTS_MAX);
	index_init(&st->by_number, STORE_SEGMENTS_MAX);
	list_init(&st->visits);
	places_init(st);
	scan_init(st);
	visit_init(st);
	records_init(st);
	reclaim_init(st);
	damage_init(st);
	bytes_init(st);
	space_init(st);
	st->thread = bgthread_new(conf->loop, "disk", STORE_JOBS_MAX);
	take_over(st);
	return st;
}

void
store_free(struct store **store)
{
	struct store *st = *store;
	uint32_t seg = 0;

	if (st == NULL)
		return;
	st->is_ending = true;
	reclaim_fini(st);
	bgthread_free(&st->thread);
	while ((seg = slab_next(&st->segs, seg)) != 0) {
		struct store_seg *s = slab_get(&st->segs, seg);

		seg_walk_free(&s->walk);
	}
	visit_fini(st);
	records_fini(st);
	bytes_fini(st);
	places_fini(st);
	index_fini(&st->by_number);
	slab_fini(&st->segs);
	free(st);
	*store = NULL;
}
