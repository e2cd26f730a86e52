/* SPDX-License-Identifier: BSD-2-Clause */
/* bytes: the byte pass: what is queued is read, and compared with its CRC. */
#include <stdlib.h>

#include "qmgr/core/view.h"
#include "qmgr/store_int.h"
#include "util/base/fatal.h"
#include "util/io/loop.h"
#include "util/log/log.h"

/*
 * It goes by what the core knows: from segment to segment, and there from live
 * record to live record; of one that is done nobody needs a byte. A slice of it
 * is a job, with a pause behind it that makes scan_bandwidth of them all. What
 * it finds goes the way of what workers find: damage.c sets it aside, and it is
 * held. What cannot be read is told, and tried again in the next pass (S6).
 */

/* Slices are as short as they may be at that pace, between these two. */
#define SLICE_MIN_BYTES 16384
#define SLICE_MAX_BYTES 262144
#define SLICES_PER_S 16
/* How late slices may be and still be made up for. */
#define LATE_MAX_MS 200
/* Segments that are passed in one turn because nothing in them is live. */
#define PASS_SLICE 1024
/* Before it is looked again whether what was found is set aside. */
#define SETTLE_MS 20

/* --- what was read -------------------------------------------------------- */

static void
tell_unreadable(struct store *st, uint32_t block)
{
	struct bytes *b = &st->bytes;

	/* Once a segment, the rest is of the same kind. */
	if (b->has_unread)
		return;
	b->has_unread = true;
	b->now.unreadable++;
	LOG(EV_SEGMENT_UNREADABLE, KV_HEX("segment", b->job.number),
	    KV_NUM("offset", (uint64_t)block * SEGMENT_BLOCK_BYTES),
	    KV_ERRNO("error", b->job.error),
	    KV_NUM("retry_ms", st->conf.scan_cycle_ms));
}

static void
judge(struct store *st, const struct bytes_item *item)
{
	struct bytes *b = &st->bytes;
	uint64_t number = b->job.number;

	b->now.records++;
	/* RANGE: a newer version, which others look after. */
	if (item->err == ERR_OK || item->err == ERR_RANGE)
		return;
	if (item->err == ERR_IO) {
		tell_unreadable(st, item->block);
		return;
	}
	/* One that is done by now may be punched. */
	if (core_record_state(st->conf.core, number, item->block) !=
	    CORE_RECORD_LIVE)
		return;
	b->now.bad++;
	store_damaged(st, number, item->block);
}

/* The file itself is not as it should be: an index visit says how. */
static void
set_failed(struct store *st)
{
	struct bytes_job *j = &st->bytes.job;
	struct store_seg *seg = store_find(st, j->number);

	if (j->err == ERR_IO)
		tell_unreadable(st, j->items[j->at].block);
	else if (seg != NULL)
		visit_ask(st, seg);
	j->at = j->n;
	j->is_last = true;
}

/* The pause that this slice costs. What is less than a millisecond is owed. */
static void
pay(struct store *st)
{
	struct bytes *b = &st->bytes;
	uint64_t rate = st->conf.scan_bandwidth;
	int64_t now_ms = loop_now_ms(st->conf.loop);
	uint64_t wait_ms;

	b->now.bytes += b->job.bytes;
	b->owed_bytes += b->job.bytes;
	wait_ms = b->owed_bytes * 1000 / rate;
	b->owed_bytes -= wait_ms * rate / 1000;
	b->due_ms += (int64_t)wait_ms;
	/* A turn that came late is made up for, a slow disk is not. */
	if (b->due_ms < now_ms - LATE_MAX_MS)
		b->due_ms = now_ms - LATE_MAX_MS;
	b->next_ms = b->due_ms > now_ms ? b->due_ms : now_ms;
}

static void
on_read(struct job *job)
{
	struct bytes_job *j = LIST_ITEM(job, struct bytes_job, job);
	struct store *st = j->store;

	j->is_out = false;
	if (st->is_ending)
		return;
	for (unsigned i = j->judged; i < j->at; i++)
		judge(st, &j->items[i]);
	if (j->err != ERR_OK)
		set_failed(st);
	j->judged = j->at;
	pay(st);
	bytes_tick(st, loop_now_ms(st->conf.loop));
}

/* --- what is read next ---------------------------------------------------- */

/* The next records of the segment. False: it has none. */
static bool
fill(struct store *st, const struct store_seg *seg)
{
	struct bytes *b = &st->bytes;
	struct bytes_job *j = &b->job;
	struct part_state state;

	j->n = j->at = j->judged = 0;
	j->number = seg->number;
	j->is_deferred = seg->is_deferred;
	while (j->n < BYTES_ITEMS_MAX) {
		uint32_t part =
		    core_segment_part(st->conf.core, seg->number, b->block);

		if (part == 0 || !core_part_get(st->conf.core, part, &state))
			break;
		j->items[j->n++] = (struct bytes_item){ .block = state.block };
		b->block = state.block + 1;
	}
	j->is_last = j->n < BYTES_ITEMS_MAX;
	return j->n > 0;
}

/* Finds something to read. False: nothing is left, or nothing was found in this
 * turn. */
static bool
find_next(struct store *st)
{
	struct bytes *b = &st->bytes;

	for (int i = 0; i < PASS_SLICE; i++) {
		struct store_seg *seg = slab_try(&st->segs, b->cursor);

		/* What lies nowhere, or is none, the index pass has told. */
		if (seg != NULL && !seg->is_gone && !seg->is_foreign &&
		    fill(st, seg))
			return true;
		b->cursor = slab_next(&st->segs, b->cursor);
		b->block = 0;
		b->has_unread = false;
		if (b->cursor == 0) {
			b->is_settling = true;
			return false;
		}
		b->now.segments++;
	}
	return false;
}

static void
begin(struct store *st, int64_t now_ms)
{
	struct bytes *b = &st->bytes;

	b->now =
	    (struct store_pass){ .number = b->now.number + 1, .is_on = true };
	b->is_wanted = b->is_settling = b->has_unread = false;
	b->begin_ms = now_ms;
	b->next_ms = b->due_ms = now_ms;
	b->owed_bytes = 0;
	b->cursor = b->block = 0;
	b->quarantined_before = st->stats.quarantined;
	b->job.n = b->job.at = b->job.judged = 0;
}

static void
end(struct store *st, int64_t now_ms)
{
	struct bytes *b = &st->bytes;

	b->is_settling = false;
	b->now.is_on = false;
	b->now.ended_ms = loop_wall_ms(st->conf.loop);
	b->now.took_ms = now_ms - b->begin_ms;
	b->pass_ms = now_ms + st->conf.scan_cycle_ms;
	st->stats.last_bytes = b->now;
	st->stats.byte_pass++;
	LOG(EV_BYTES_DONE, KV_NUM("pass", st->stats.byte_pass),
	    KV_NUM("segments", b->now.segments),
	    KV_NUM("records", b->now.records), KV_NUM("bytes", b->now.bytes),
	    KV_NUM("bad", b->now.bad),
	    KV_NUM(
	        "quarantined", st->stats.quarantined - b->quarantined_before),
	    KV_NUM("unreadable", b->now.unreadable),
	    KV_NUM("took_ms", b->now.took_ms));
}

/* Each of a slice's records may be bad. */
static bool
has_room_for_bad(const struct store *st)
{
	return st->damages.n + BYTES_RECORDS_IN_SLICE <= DAMAGES_MAX;
}

static bool
is_settled(const struct store *st)
{
	return st->damages.n == 0 && !st->damages.job.is_out;
}

/* The first one waits for an index pass: so a start is not slowed down. */
static bool
is_due(const struct store *st, int64_t now_ms)
{
	const struct bytes *b = &st->bytes;

	return b->is_wanted || (st->stats.pass > 0 && now_ms >= b->pass_ms);
}

void
bytes_tick(struct store *st, int64_t now_ms)
{
	struct bytes *b = &st->bytes;
	struct bytes_job *j = &b->job;

	if (j->is_out)
		return;
	if (!b->now.is_on && is_due(st, now_ms))
		begin(st, now_ms);
	if (!b->now.is_on || now_ms < b->next_ms)
		return;
	b->next_ms = now_ms + SETTLE_MS;
	if (b->is_settling && is_settled(st)) {
		end(st, now_ms);
		return;
	}
	if (b->is_settling || !has_room_for_bad(st))
		return;
	b->next_ms = now_ms;
	if (j->at == j->n && !find_next(st))
		return;
	store_run(st, &j->job, &j->is_out);
}

int64_t
bytes_next_ms(const struct store *st)
{
	const struct bytes *b = &st->bytes;

	if (b->job.is_out)
		return INT64_MAX;
	if (b->now.is_on)
		return b->next_ms;
	if (b->is_wanted)
		return loop_now_ms(st->conf.loop);
	return st->stats.pass > 0 ? b->pass_ms : INT64_MAX;
}

uint64_t
store_rescan_bytes(struct store *st)
{
	st->bytes.is_wanted = true;
	return st->bytes.now.number + 1;
}

void
bytes_init(struct store *st)
{
	struct bytes_job *j = &st->bytes.job;
	uint64_t slice = st->conf.scan_bandwidth / SLICES_PER_S;

	BUG_IF(st->conf.scan_bandwidth == 0);
	if (slice < SLICE_MIN_BYTES)
		slice = SLICE_MIN_BYTES;
	if (slice > SLICE_MAX_BYTES)
		slice = SLICE_MAX_BYTES;
	j->slice_bytes = slice;
	j->store = st;
	j->fd = -1;
	j->job.run = bytes_run;
	j->job.done = on_read;
	j->buf = malloc(RECORD_FRONT_MAX_BYTES);
	if (j->buf == NULL)
		fatal("no memory to read what is queued");
}

void
bytes_fini(struct store *st)
{
	bytes_close(&st->bytes.job);
	free(st->bytes.job.buf);
}
