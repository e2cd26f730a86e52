/* SPDX-License-Identifier: BSD-2-Clause */
/* journal: batches on their way from memory to disk. */
#include "qmgr/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "qmgr/journal_int.h"
#include "util/base/fatal.h"
#include "util/io/loop.h"
#include "util/log/log.h"

/*
 * A batch is in one list at a time:
 *
 *	filling		entries are added; not in a list
 *	waiting		closed, not written, or to be written once more
 *	writing		in the thread's hands, at most one at a time
 *	written		not durable yet: kept, for a failed sync has them
 *			written into a new file
 *
 * and is freed when it is durable. A failure moves written and writing back to
 * the head of waiting, in their order.
 */

/* A closed batch is handed on at this size; one entry may make it longer. */
#define BATCH_BYTES (1u << 20)
/* Wait before what failed is tried again. */
#define RETRY_MS 1000
/* Leases beyond those out for which room is kept: a slice of the core. */
#define LEASES_SPARE 512

static struct batch *
batch_new(struct journal *j)
{
	struct batch *b = calloc(1, sizeof(*b));

	/* Pages that no entry touches take no memory. */
	if (b != NULL)
		b->bytes = malloc(LEDGER_BATCH_MAX_BYTES);
	if (b == NULL || b->bytes == NULL)
		fatal("no memory for the ledger");
	ledger_batch_init(
	    &b->batch, b->bytes, LEDGER_BATCH_MAX_BYTES, j->next_seq);
	return b;
}

static void
batch_free(struct batch *b)
{
	free(b->bytes);
	free(b->freed);
	free(b);
}

static struct batch *
first_batch(struct list *l)
{
	struct link *link = list_first(l);

	return link == NULL ? NULL : LIST_ITEM(link, struct batch, link);
}

static struct ledger_stamp
stamp(struct journal *j, uint32_t n_events)
{
	struct ledger_stamp s = {
		.wall_ms = loop_wall_ms(j->conf.loop),
		.first_event = n_events > 0 ? j->next_event : 0,
		.n_events = n_events,
	};

	j->next_event += n_events;
	return s;
}

/* Ends the batch being filled with its AUDIT. */
static void
close_batch(struct journal *j)
{
	struct batch *b = j->filling;
	struct entry_audit audit;
	struct ledger_stamp s;

	if (b == NULL)
		return;
	j->filling = NULL;
	j->conf.audit(j->conf.arg, &audit);
	audit.messages_admitted = j->sums.messages_admitted;
	audit.messages_done = j->sums.messages_done;
	audit.admitted = j->sums.admitted;
	audit.done = j->sums.done;
	s = stamp(j, 0);
	entry_put_audit(&b->batch, &s, &audit);
	j->next_seq++;
	ledger_batch_close(&b->batch);
	b->last_seq = j->next_seq - 1;
	j->waiting_bytes += b->batch.out.len;
	list_push_back(&j->waiting, &b->link);
}

/* --- the thread's hands --------------------------------------------------- */

static void
arm(struct journal *j, int64_t wait_ms)
{
	int64_t at_ms = loop_now_ms(j->conf.loop) + wait_ms;

	if (j->is_ending || j->writing.is_out || j->timer.deadline_ms <= at_ms)
		return;
	timer_set_at(&j->timer, at_ms);
}

static void
note_room(struct journal *j)
{
	const struct write_job *w = &j->writing;

	j->room_bytes = w->room_bytes;
	if (!w->is_synced)
		return;
	j->synced = w->synced;
	j->synced_seq = j->written_seq;
	if (j->conf.synced != NULL)
		j->conf.synced(j->conf.arg, j->synced_seq);
}

static void
wake_waits(struct journal *j)
{
	struct link *link;

	while ((link = list_first(&j->waits)) != NULL) {
		struct journal_wait *wait =
		    LIST_ITEM(link, struct journal_wait, link);

		if (wait->seq > j->synced_seq)
			return;
		list_remove(&j->waits, link);
		wait->done(wait);
	}
}

/* Once for each batch, however often it is written. */
static void
tell_freed(struct journal *j, struct batch *b)
{
	uint32_t n = b->n_freed;

	b->n_freed = 0;
	for (uint32_t i = 0; i < n; i++)
		j->conf.freed(j->conf.arg, &b->freed[i]);
}

static void
tell_written(struct journal *j, const struct batch *b)
{
	if (j->conf.written != NULL)
		j->conf.written(j->conf.arg, b->batch.first_seq, b->last_seq,
		    j->writing.at);
}

static void
on_written(struct journal *j)
{
	struct write_job *w = &j->writing;
	struct batch *b = w->batch;

	w->batch = NULL;
	if (b != NULL) {
		j->written_seq = b->last_seq;
		list_push_back(&j->written, &b->link);
		tell_written(j, b);
	}
	note_room(j);
	if (j->is_failing) {
		j->is_failing = false;
		LOG(EV_LEDGER_RESUMED,
		    KV_NUM(
		        "paused_ms", loop_now_ms(j->conf.loop) - j->failed_ms));
		j->conf.state(j->conf.arg, (struct str){ NULL, 0 });
	}
	if (b != NULL)
		tell_freed(j, b);
	if (w->is_synced)
		while ((b = first_batch(&j->written)) != NULL) {
			list_remove(&j->written, &b->link);
			batch_free(b);
		}
}

/* S2: what is not durable goes into another file. */
static void
on_failed(struct journal *j)
{
	struct write_job *w = &j->writing;
	struct link *link;

	LOG(EV_LEDGER_FAILED, KV_CSTR("call", w->call),
	    KV_ERRNO("error", w->error));
	if (w->batch != NULL) {
		j->waiting_bytes += w->batch->batch.out.len;
		list_push_front(&j->waiting, &w->batch->link);
		w->batch = NULL;
	}
	while ((link = list_last(&j->written)) != NULL) {
		list_remove(&j->written, link);
		list_push_front(&j->waiting, link);
		j->waiting_bytes +=
		    LIST_ITEM(link, struct batch, link)->batch.out.len;
	}
	j->written_seq = j->synced_seq;
	j->room_bytes = w->room_bytes;
	j->fault = "a write or sync of the ledger failed";
	j->failures++;
	if (!j->is_failing) {
		j->is_failing = true;
		j->failed_ms = loop_now_ms(j->conf.loop);
		j->conf.state(j->conf.arg, STR("ledger"));
	}
}

/* What is to be done next, and when. */
static void
plan(struct journal *j)
{
	if (j->is_failing)
		arm(j, RETRY_MS);
	else if (!list_is_empty(&j->waiting))
		arm(j, 0);
	else if (j->filling != NULL)
		arm(j, JOURNAL_WRITE_MS);
	else if (j->written_seq > j->synced_seq)
		arm(j, JOURNAL_SYNC_MS);
	else if (j->writing.lacks_next)
		arm(j, RETRY_MS);
}

static void
on_job_done(struct job *job)
{
	struct journal *j = LIST_ITEM(job, struct journal, writing.job);

	j->writing.is_out = false;
	if (j->writing.err == ERR_OK)
		on_written(j);
	else
		on_failed(j);
	plan(j);
	wake_waits(j);
}

/* Hands the next batch, or a sync alone, to the thread. */
static void
submit(struct journal *j)
{
	struct write_job *w = &j->writing;
	int64_t now_ms = loop_now_ms(j->conf.loop);
	enum err err;

	if (w->is_out)
		return;
	if (list_is_empty(&j->waiting))
		close_batch(j);
	w->batch = first_batch(&j->waiting);
	if (w->batch != NULL) {
		list_remove(&j->waiting, &w->batch->link);
		j->waiting_bytes -= w->batch->batch.out.len;
	}
	w->wants_sync = now_ms - j->sync_ms >= JOURNAL_SYNC_MS ||
	    w->batch == NULL || !list_is_empty(&j->waits);
	if (w->wants_sync)
		j->sync_ms = now_ms;
	w->wall_ms = loop_wall_ms(j->conf.loop);
	w->is_out = true;
	err = bgthread_submit(j->thread, &w->job);
	/* One write job and one retire job: the ring has room for both. */
	BUG_IF(err != ERR_OK);
}

static void
on_timer(void *arg)
{
	submit(arg);
}

struct journal *
journal_new(const struct journal_conf *conf)
{
	struct journal *j = calloc(1, sizeof(*j));

	if (j == NULL)
		fatal("no memory for the ledger");
	j->conf = *conf;
	j->next_seq = conf->next_seq;
	j->next_event = conf->next_event;
	j->sums = conf->sums;
	j->written_seq = j->synced_seq = conf->next_seq - 1;
	j->synced = (struct ledger_pos){ conf->next_file, LEDGER_BLOCK_BYTES };
	list_init(&j->waiting);
	list_init(&j->written);
	list_init(&j->waits);
	journal_hands_init(j, conf->next_file);
	j->writing.job.done = on_job_done;
	j->thread = bgthread_new(conf->loop, "ledger", 4);
	timer_init(&j->timer, conf->loop, on_timer, j);
	/* The first file is made before anybody asks for room in it. */
	j->writing.wall_ms = loop_wall_ms(conf->loop);
	j->writing.job.run(&j->writing.job);
	j->room_bytes = j->writing.room_bytes;
	plan(j);
	return j;
}

void
journal_free(struct journal **journal)
{
	struct journal *j = *journal;
	struct batch *b;

	if (j == NULL)
		return;
	timer_fini(&j->timer);
	j->is_ending = true;
	/* Each done may submit the next; a failure is not tried again here. */
	do {
		submit(j);
		bgthread_free(&j->thread);
		if (j->is_failing)
			break;
		j->thread = bgthread_new(j->conf.loop, "ledger", 4);
	} while (j->filling != NULL || !list_is_empty(&j->waiting) ||
	    j->written_seq > j->synced_seq);
	bgthread_free(&j->thread);
	journal_hands_fini(j);
	while ((b = first_batch(&j->waiting)) != NULL) {
		list_remove(&j->waiting, &b->link);
		batch_free(b);
	}
	while ((b = first_batch(&j->written)) != NULL) {
		list_remove(&j->written, &b->link);
		batch_free(b);
	}
	free(j);
	*journal = NULL;
}

/* --- putting -------------------------------------------------------------- */

/* The batch for an entry; a new one when the last put found no room. */
static struct batch *
filling(struct journal *j)
{
	if (j->filling != NULL && j->filling->batch.out.len >= BATCH_BYTES)
		close_batch(j);
	if (j->filling == NULL)
		j->filling = batch_new(j);
	plan(j);
	return j->filling;
}

/* An entry is in; or there was no room, and it comes into a new batch. */
static bool
is_put(struct journal *j, enum err err)
{
	/* RANGE: a state that cannot be. FULL in an empty batch: an entry
	 * longer than its bound. Both are our own mistakes. */
	BUG_IF(err == ERR_RANGE);
	BUG_IF(err == ERR_FULL && j->filling->batch.count == 0);
	if (err == ERR_OK)
		j->next_seq++;
	else
		close_batch(j);
	return err == ERR_OK;
}

void
journal_put_parts(struct journal *j, const struct entry_parts *parts,
    struct str facts, uint32_t n_events)
{
	struct ledger_stamp s = stamp(j, n_events);

	while (
	    !is_put(j, entry_put_parts(&filling(j)->batch, &s, parts, facts)))
		continue;
	/* Only an admission tells the length of its record. */
	if (parts->blocks == 0)
		return;
	j->sums.admitted += parts->n;
	j->sums.messages_admitted++;
}

/* Remembers a slot that is free once the batch is written. */
static void
add_freed(struct batch *b, const struct core_freed *freed)
{
	if (freed->lease == 0)
		return;
	if (b->n_freed == b->cap_freed) {
		uint32_t cap = b->cap_freed == 0 ? 64 : 2 * b->cap_freed;
		struct core_freed *more =
		    realloc(b->freed, cap * sizeof(*more));

		if (more == NULL)
			fatal("no memory for the ledger");
		b->freed = more;
		b->cap_freed = cap;
	}
	b->freed[b->n_freed++] = *freed;
}

void
journal_put_part(struct journal *j, const struct part_state *part,
    struct str facts, const struct core_freed *freed, bool is_last)
{
	struct entry_parts parts = { .parts = part, .n = 1 };
	/* One event for each result; of what an order did, for what it ended:
	 * the rest is told by the order's own. */
	bool is_order = part->order != 0 || part->is_moved;
	bool is_event =
	    freed->lease != 0 || !is_order || part->state == PART_DONE;

	journal_put_parts(j, &parts, facts, facts.len > 0 && is_event ? 1 : 0);
	add_freed(j->filling, freed);
	if (part->state == PART_DONE)
		j->sums.done++;
	if (is_last)
		j->sums.messages_done++;
}

void
journal_put_policy(struct journal *j, const struct order *order)
{
	bool is_news =
	    order->stage == ORDER_BEGUN || order->kind == ORDER_RESUME;
	struct ledger_stamp s = stamp(j, is_news ? 1 : 0);

	while (!is_put(j,
	    entry_put_policy(
	        &filling(j)->batch, &s, order, (struct str){ NULL, 0 })))
		continue;
}

void
journal_put_note(struct journal *j, const struct entry_note *note)
{
	struct ledger_stamp s = stamp(j, 1);

	while (!is_put(j,
	    entry_put_note(
	        &filling(j)->batch, &s, note, (struct str){ NULL, 0 })))
		continue;
}

void
journal_put_segment(struct journal *j, const struct entry_segment *segment)
{
	struct ledger_stamp s = stamp(j, 0);

	while (!is_put(j, entry_put_segment(&filling(j)->batch, &s, segment)))
		continue;
}

/* --- asking --------------------------------------------------------------- */

static uint64_t
room_after(const struct journal *j, uint32_t n_leases)
{
	uint64_t used = j->waiting_bytes +
	    ((uint64_t)n_leases + LEASES_SPARE) * JOURNAL_RESULT_MAX_BYTES;

	if (j->filling != NULL)
		used += j->filling->batch.out.len;
	return used < j->room_bytes ? j->room_bytes - used : 0;
}

bool
journal_can_lease(const struct journal *j, uint32_t n_leases)
{
	return !j->is_failing && room_after(j, n_leases) > 0;
}

bool
journal_can_admit(const struct journal *j, uint32_t n_leases, size_t bytes)
{
	return !j->is_failing && room_after(j, n_leases) > bytes;
}

void
journal_wait(struct journal *j, struct journal_wait *wait)
{
	wait->seq = j->next_seq - 1;
	list_push_back(&j->waits, &wait->link);
	arm(j, 0);
}

void
journal_cancel(struct journal *j, struct journal_wait *wait)
{
	if (link_is_listed(&wait->link))
		list_remove(&j->waits, &wait->link);
}

struct ledger_pos
journal_synced(const struct journal *j)
{
	return j->synced;
}

void
journal_sums(const struct journal *j, struct journal_sums *sums)
{
	*sums = j->sums;
}

void
journal_next(const struct journal *j, uint64_t *seq, uint64_t *event)
{
	*seq = j->next_seq;
	*event = j->next_event;
}

uint64_t
journal_lag(const struct journal *j)
{
	return j->next_seq - 1 - j->synced_seq;
}

const char *
journal_fault(const struct journal *j)
{
	return j->fault;
}

uint64_t
journal_failures(const struct journal *j)
{
	return j->failures;
}

void
journal_clear_fault(struct journal *j)
{
	if (!j->is_failing)
		j->fault = NULL;
}
