/* SPDX-License-Identifier: BSD-2-Clause */
/* visit: what is in one segment, compared with what the core knows. */
#include <stdlib.h>

#include "qmgr/core/view.h"
#include "qmgr/store_int.h"
#include "util/base/fatal.h"
#include "util/io/loop.h"
#include "util/log/log.h"
#include "util/spool/segname.h"
#include "util/svc/page.h"

/*
 * One visit at a time. Each slice of it is a job; then its items, in order of
 * block, are merged with the live records that the core has in the segment:
 *
 *	on disk, known		as it should be
 *	on disk, unknown	an admit was lost: records.c finds out
 *	known, not on disk	missing: told, held, and kept (S4)
 *
 * A footer that lists records without a gap between them is proof of all that
 * is in the file; else each header is read, in a second walk.
 */

/* An admit comes by a socket, while we read the disk: it is here at the next
 * scan, if ever. That of a lost writer is in the socket already. */
#define LOST_WAIT_MS 500
/* Before records that were unknown are looked at again; doubled each time. */
#define UNKNOWN_RETRY_MS 4000
#define UNKNOWN_TRIES_MAX 8
/* Walks that go on where they stopped: each has a descriptor. What is beyond
 * is walked from its beginning. */
#define WALKS_MAX 4096

/* --- what is wrong -------------------------------------------------------- */

static void
set_missing(struct store *st, struct store_seg *seg, uint32_t n)
{
	st->stats.missing += n;
	st->stats.missing -= seg->n_missing;
	seg->n_missing = n;
}

/* A footer is no proof that something is missing, or is there. */
static bool
is_by_headers(const struct visit *v)
{
	return v->mode != SEGWALK_INDEX || !v->is_sealed;
}

/* What the core knows in these blocks is not there, or damaged. */
static uint32_t
lose(struct store *st, uint32_t from, uint32_t to, enum part_cause cause)
{
	struct visit *v = &st->visit;
	bool is_proof = v->err != ERR_OK || is_by_headers(v);
	struct findings_range range = {
		.segment = v->number,
		.from = from,
		.to = to,
		.cause = cause,
		.left = is_proof ? v->holds_left : 0,
	};
	uint32_t n = findings_lost(st, &range);

	if (!is_proof)
		return n;
	/* With nothing left it is not known whether there is more. */
	v->is_cut = v->is_cut || range.is_cut || (n > 0 && range.left == 0);
	v->is_news = v->is_news || range.is_news;
	v->holds_left = range.left;
	return n;
}

/* The file is gone. */
static void
set_gone(struct store *st, struct store_seg *seg)
{
	uint32_t n = lose(st, 0, CORE_BLOCK_MAX + 1, CAUSE_MISSING);
	bool is_news = seg->n_missing == 0 && st->visit.is_news;

	set_missing(st, seg, n);
	if (n == 0) {
		store_forget(st, seg);
		return;
	}
	if (is_news)
		LOG(EV_SEGMENT_MISSING, KV_HEX("segment", seg->number),
		    KV_NUM("parts", n),
		    KV_CSTR("msg",
		        "put it back into spool/deferred, or see: holdfast "
		        "queue --missing"));
	/* It stays in the table, and is looked for in each pass. */
	seg->is_gone = true;
}

static void
tell_bad(struct store *st, const struct visit_item *item)
{
	struct visit *v = &st->visit;
	uint64_t offset = (uint64_t)item->from * SEGMENT_BLOCK_BYTES;
	char name[DAMAGE_NAME_BYTES];

	if (item->err == ERR_EXISTS)
		return;
	damage_name(name, v->number, offset);
	LOG(EV_SEGMENT_DAMAGED, KV_HEX("segment", v->number),
	    KV_NUM("offset", offset),
	    KV_NUM("bytes",
	        (uint64_t)(item->to - item->from) * SEGMENT_BLOCK_BYTES),
	    KV_CSTR("fault", "malformed record"), KV_CSTR("file", name),
	    KV_CSTR("msg", err_text(item->err)));
	if (item->err == ERR_OK)
		st->stats.quarantined++;
}

/* --- a slice -------------------------------------------------------------- */

/* Compares what the core has up to a block, which nothing on disk stands
 * for. */
static void
compare_up_to(struct store *st, uint32_t block)
{
	struct visit *v = &st->visit;
	uint32_t n;

	if (!v->is_sealed)
		return; /* more may have come since it was read */
	n = lose(st, v->missing_from, block, CAUSE_MISSING);
	v->n_missing += n;
	v->has_gap = v->has_gap || n > 0;
	v->missing_from = block;
}

static void
compare_record(struct store *st, const struct visit_item *item)
{
	struct visit *v = &st->visit;

	compare_up_to(st, item->block);
	v->missing_from = item->block + 1;
	v->n_records++;
	if (core_record_state(st->conf.core, v->number, item->block) ==
	    CORE_RECORD_UNKNOWN) {
		v->n_unknown++;
		records_unknown(st, v->number, item->block, v->wait_ms);
	} else if (findings_there(
	               st, v->number, item->block, is_by_headers(v))) {
		/* That it is back its header must say. */
		v->has_gap = true;
	}
}

/* What the core knows in such a range is not missing, but damaged, once it is
 * set aside. What cannot be read is neither (S6). */
static void
compare_range(struct store *st, const struct visit_item *item)
{
	struct visit *v = &st->visit;
	bool is_aside = item->is_bad && !item->is_unreadable &&
	    (item->err == ERR_OK || item->err == ERR_EXISTS);

	if (item->is_bad && !item->is_unreadable)
		tell_bad(st, item);
	if (!item->is_bad && !item->is_unreadable)
		return;
	if (!is_aside)
		v->has_fault = true;
	v->has_unread = v->has_unread || item->is_unreadable;
	compare_up_to(st, item->from);
	if (is_aside)
		(void)lose(st, item->from, item->to, CAUSE_DAMAGED);
	v->missing_from = item->to;
}

static void
compare(struct store *st)
{
	struct visit *v = &st->visit;

	for (unsigned i = 0; i < v->n; i++) {
		const struct visit_item *item = &v->items[i];

		v->has_gap = v->has_gap || item->from != v->next_block;
		v->next_block = item->to;
		if (item->is_record)
			compare_record(st, item);
		else
			compare_range(st, item);
	}
	if (!v->is_end)
		return;
	compare_up_to(st, CORE_BLOCK_MAX + 1);
	v->has_gap = v->has_gap || v->next_block != v->end_block;
}

/* --- the end -------------------------------------------------------------- */

static void
tell_orphan(const struct visit *v)
{
	LOG(EV_SEGMENT_ORPHANED, KV_HEX("segment", v->number),
	    KV_NUM("writer", segment_number_worker(v->number)),
	    KV_NUM("records", v->reseal.records));
	if (v->reseal.torn_bytes > 0)
		LOG(EV_TAIL_TORN, KV_HEX("segment", v->number),
		    KV_NUM("bytes", v->reseal.torn_bytes));
}

/* There may be no room for them, or one may be none that can be admitted. */
static int64_t
unknown_wait_ms(struct store_seg *seg)
{
	int64_t wait_ms = (int64_t)UNKNOWN_RETRY_MS << seg->unknown_tries;

	if (seg->unknown_tries < UNKNOWN_TRIES_MAX)
		seg->unknown_tries++;
	return wait_ms;
}

/* A sealed segment was read to its end. */
static void
set_sealed(struct store *st, struct store_seg *seg)
{
	struct visit *v = &st->visit;
	int64_t now_ms = loop_now_ms(st->conf.loop);

	seg->is_sealed = true;
	core_segment_sealed(st->conf.core, seg->number);
	set_missing(st, seg, v->n_missing);
	seg->is_walked = v->n_unknown == 0 && !v->has_fault && !v->has_twin;
	if (v->has_fault || v->has_twin)
		seg->again_ms = now_ms + RETRY_MS;
	else if (v->n_unknown > 0)
		seg->again_ms = now_ms + unknown_wait_ms(seg);
	seg->wants_header = false;
	reclaim_look(st, seg);
}

/* It is read, and is not what its name says. */
static void
set_foreign(struct store *st, struct store_seg *seg)
{
	struct visit *v = &st->visit;
	char name[SEGNAME_BYTES + 1];

	set_missing(st, seg, 0);
	if (v->other != 0) {
		segname_format(v->other, name);
		LOG(EV_SEGMENT_MISNAMED, KV_HEX("segment", v->number),
		    KV_CSTR("file", name),
		    KV_CSTR("msg",
		        "this is another segment, or a copy of it: give it "
		        "the name that it says, or take it away"));
		set_missing(
		    st, seg, lose(st, 0, CORE_BLOCK_MAX + 1, CAUSE_MISSING));
		return;
	}
	LOG(EV_SEGMENT_DAMAGED, KV_HEX("segment", v->number),
	    KV_CSTR("fault", "malformed file header"),
	    KV_CSTR("msg", "it is left where it is; its mail is held"));
	(void)lose(st, 0, CORE_BLOCK_MAX + 1, CAUSE_DAMAGED);
}

static void
set_failed(struct store *st, struct store_seg *seg)
{
	struct visit *v = &st->visit;

	if (v->err == ERR_IO)
		LOG(EV_SEGMENT_UNREADABLE, KV_HEX("segment", v->number),
		    KV_ERRNO("error", v->error), KV_NUM("retry_ms", RETRY_MS));
	else if (v->err == ERR_RANGE)
		LOG(EV_FORMAT_UNKNOWN, KV_HEX("file", v->number));
	else
		set_foreign(st, seg);
	v->has_unread = v->err == ERR_IO;
	seg->is_walked = false;
	seg->is_foreign = v->err != ERR_IO;
	seg->again_ms = loop_now_ms(st->conf.loop) + RETRY_MS;
}

/* The same number in both directories: one of them is no file of ours, and none
 * is removed. */
static void
look_at_twin(const struct store *st, struct store_seg *seg)
{
	const struct visit *v = &st->visit;

	if (v->has_twin && (v->is_pass || !seg->has_twin))
		LOG(EV_SEGMENT_TWICE, KV_HEX("segment", v->number),
		    KV_CSTR("msg",
		        "it lies in incoming/ and in deferred/: take one of "
		        "them away"));
	seg->has_twin = v->has_twin;
}

/* What the pass counts. */
static void
count(struct store *st, const struct store_seg *seg)
{
	const struct visit *v = &st->visit;
	struct store_pass *now = &st->pass.now;

	if (!v->is_pass)
		return;
	now->segments++;
	now->records += v->n_records;
	if (v->has_unread)
		now->unreadable++;
	if (seg->is_foreign || v->has_twin)
		now->foreign++;
}

static void
finish(struct store *st, struct store_seg *seg)
{
	struct visit *v = &st->visit;

	seg->is_foreign = false;
	seg->is_gone = false;
	if (v->err == ERR_NOTFOUND) {
		set_gone(st, seg);
		return;
	}
	seg->is_deferred = v->is_deferred;
	look_at_twin(st, seg);
	/* AGAIN: locked and not listed: not to be looked at. */
	if (v->err == ERR_OK && v->is_sealed)
		set_sealed(st, seg);
	else if (v->err != ERR_OK && v->err != ERR_AGAIN)
		set_failed(st, seg);
	else if (v->err == ERR_OK && st->n_walks < WALKS_MAX) {
		st->n_walks++;
		seg->walk = v->walk;
		v->walk = NULL;
	}
	count(st, seg);
}

/* The rest of what is lost comes in another visit. */
static void
end_visit(struct store *st, struct store_seg *seg)
{
	uint64_t number = seg->number;

	finish(st, seg);
	seg_walk_free(&st->visit.walk);
	seg = store_find(st, number);
	if (st->visit.is_cut && seg != NULL)
		visit_ask(st, seg);
}

static void
run_slice(struct store *st, bool is_first)
{
	struct visit *v = &st->visit;

	v->is_first = is_first;
	store_run(st, &v->job, &v->is_out);
}

static void
begin_walk(struct store *st, enum segwalk_mode mode)
{
	struct visit *v = &st->visit;

	v->mode = mode;
	v->next_block = 1;
	v->missing_from = 0;
	v->n_records = v->n_unknown = v->n_missing = 0;
	v->has_gap = v->has_fault = false;
	run_slice(st, true);
}

/* True: the visit goes on. */
static bool
take_slice(struct store *st)
{
	struct visit *v = &st->visit;

	if (v->err != ERR_OK)
		return false;
	if (v->is_first && v->is_mended)
		LOG(EV_SEGMENT_DAMAGED, KV_HEX("segment", v->number),
		    KV_NUM("offset", 0), KV_NUM("bytes", SEGMENT_HEAD_BYTES),
		    KV_CSTR("fault", "malformed file header"),
		    KV_CSTR("msg", "its copy is good: nothing is lost"));
	if (v->is_first && v->was_orphan) {
		v->wait_ms = LOST_WAIT_MS;
		tell_orphan(v);
	} else if (v->is_first) {
		/* What is in deferred/ was complete when it came there. */
		v->wait_ms =
		    v->is_deferred && v->is_sealed ? 0 : st->conf.scan_ms;
	}
	compare(st);
	if (!v->is_end) {
		run_slice(st, false);
		return true;
	}
	if (v->is_sealed && v->mode == SEGWALK_INDEX && v->has_gap) {
		begin_walk(st, SEGWALK_HEADERS);
		return true;
	}
	return false;
}

static void
on_visited(struct job *job)
{
	struct visit *v = LIST_ITEM(job, struct visit, job);
	struct store *st = v->store;
	struct store_seg *seg = store_find(st, v->number);

	v->is_out = false;
	if (st->is_ending || seg == NULL) {
		seg_walk_free(&v->walk);
		if (!st->is_ending)
			visit_next(st);
		return;
	}
	if (take_slice(st))
		return;
	end_visit(st, seg);
	visit_next(st);
}

/* --- the queue ------------------------------------------------------------ */

/* Behind the highest block that the core knows: nothing below may be cut. */
static uint64_t
known_bytes(struct store *st, uint64_t number)
{
	const struct core *core = st->conf.core;
	struct core_segment_view view;
	uint32_t low = 0, high = CORE_BLOCK_MAX + 1;
	uint32_t done = 0;

	if (!core_segment_next(core, number - 1, &view) ||
	    view.number != number)
		return 0;
	for (uint32_t i = view.blocks; i > 0 && done == 0; i--)
		if ((view.bits[(i - 1) / 8] & 1u << (i - 1) % 8) != 0)
			done = i;
	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (core_segment_part(core, number, mid) != 0)
			low = mid + 1;
		else
			high = mid;
	}
	return (uint64_t)(low > done ? low : done) * SEGMENT_BLOCK_BYTES;
}

static void
begin(struct store *st, struct store_seg *seg, bool is_pass)
{
	struct visit *v = &st->visit;
	struct page *page = st->conf.smtpd_page(
	    st->conf.arg, segment_number_worker(seg->number));

	v->number = seg->number;
	v->is_deferred = seg->is_deferred;
	v->is_pass = is_pass;
	v->walk = seg->walk;
	seg->walk = NULL;
	if (v->walk != NULL)
		st->n_walks--;
	v->limit = 0;
	v->has_limit = !seg->is_sealed && page != NULL &&
	    page_find_segment(page, seg->number, &v->limit);
	v->known_bytes = known_bytes(st, seg->number);
	v->holds_left = VISIT_HOLDS_MAX;
	v->is_cut = v->is_news = v->has_unread = false;
	begin_walk(st, seg->wants_header ? SEGWALK_HEADERS : SEGWALK_INDEX);
}

void
visit_ask(struct store *st, struct store_seg *seg)
{
	if (seg->is_asked || seg->is_busy)
		return;
	seg->is_asked = true;
	list_push_back(&st->visits, &seg->link);
}

bool
visit_has(const struct store *st, const struct store_seg *seg)
{
	return st->visit.is_out && st->visit.number == seg->number;
}

void
visit_next(struct store *st)
{
	struct visit *v = &st->visit;
	struct store_seg *seg = NULL;
	struct link *link;
	bool is_pass;

	if (v->is_out)
		return;
	link = list_first(&st->visits);
	/* By turns: neither waits for the end of the other. */
	if (link == NULL || !v->is_pass)
		seg = scan_take(st);
	is_pass = seg != NULL;
	if (seg == NULL && link != NULL)
		seg = LIST_ITEM(link, struct store_seg, link);
	if (seg == NULL)
		return;
	if (seg->is_asked)
		list_remove(&st->visits, &seg->link);
	seg->is_asked = false;
	begin(st, seg, is_pass);
}

void
visit_init(struct store *st)
{
	struct visit *v = &st->visit;

	v->store = st;
	v->job.run = visit_run;
	v->job.done = on_visited;
	v->buf = malloc(SEGWALK_BUF_BYTES);
	if (v->buf == NULL)
		fatal("no memory for the walk of segments");
}

void
visit_fini(struct store *st)
{
	seg_walk_free(&st->visit.walk);
	free(st->visit.buf);
}
