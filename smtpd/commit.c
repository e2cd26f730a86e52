/* SPDX-License-Identifier: BSD-2-Clause */
/* commit: appends records, syncs them over and over, tells the outcome. */
#include "smtpd/commit.h"

#include <errno.h>

#include "smtpd/admit.h"
#include "smtpd/intake.h"
#include "util/base/fatal.h"

/*
 * waiting  -> appended to a segment, which is dirty	at the end of a turn
 * appended -> batch					when a sync begins
 * batch    -> done					when it has ended
 *
 * One sync is under way at a time, and covers what was appended to its segment
 * before it began; what comes meanwhile is the next batch. So the busier the
 * process, the more messages share a sync.
 */

static void sync_next(struct commit *c);

static void
move_all(struct list *from, struct list *to)
{
	struct link *l;

	while ((l = list_first(from)) != NULL) {
		list_remove(from, l);
		list_push_back(to, l);
	}
}

static void
finish_all(struct commit *c, struct list *txns, enum err err)
{
	struct link *l;

	while ((l = list_first(txns)) != NULL) {
		list_remove(txns, l);
		c->done(LIST_ITEM(l, struct txn, link), err);
	}
}

/* S2: nothing that a sync has not covered is acknowledged, and the file is
 * left alone once no sync is in it. n: messages of the failed call. */
static void
fail_seg(struct commit *c, struct seg *seg, const char *call, size_t n)
{
	struct list failed;

	list_init(&failed);
	seg_log_failed(seg, call, (unsigned)(n + seg->appended.n));
	store_forget(c->store, seg);
	move_all(&seg->appended, &failed);
	if (link_is_listed(&seg->link))
		list_remove(&c->dirty, &seg->link);
	if (c->batch.seg != seg)
		seg_give_up(&seg);
	finish_all(c, &failed, ERR_IO);
}

/* --- writing -------------------------------------------------------------- */

/* Puts the content of txn into pieces. False: there is no room. */
static bool
put_pieces(struct commit *c, size_t *n, const struct txn *txn)
{
	struct content_iter it;
	struct str span = txn->received;
	bool more = true;

	for (content_iter_init(&it, txn->content); more;
	     more = content_iter_next(&it, &span)) {
		if (*n == COMMIT_PIECES_MAX)
			return false;
		c->pieces[(*n)++] =
		    (struct iovec){ (void *)(uintptr_t)span.ptr, span.len };
	}
	return true;
}

static uint64_t
record_bytes(const struct txn *txn)
{
	return segment_record_bytes(txn->record.envelope.len,
	    txn->received.len + content_kept_bytes(txn->content));
}

/* Collects from waiting what fits into one write to seg; returns how many. */
static size_t
collect(struct commit *c, const struct seg *seg)
{
	uint64_t room = segment_room_bytes(seg->file);
	size_t n = 0, n_pieces = 0;
	struct link *l;

	LIST_FOREACH (l, &c->waiting) {
		struct txn *txn = LIST_ITEM(l, struct txn, link);
		struct segment_record *r = &c->records[n];
		size_t first = n_pieces;

		if (n == COMMIT_RECORDS_MAX || record_bytes(txn) > room ||
		    !put_pieces(c, &n_pieces, txn))
			break;
		room -= record_bytes(txn);
		*r = txn->record;
		r->pieces = &c->pieces[first];
		r->n_pieces = n_pieces - first;
		n++;
	}
	return n;
}

/* Moves the first n of waiting; their content is on its way to the disk, and
 * its buffers are free. */
static void
take_written(struct commit *c, struct seg *seg, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct link *l = list_first(&c->waiting);
		struct txn *txn = LIST_ITEM(l, struct txn, link);

		list_remove(&c->waiting, l);
		list_push_back(&seg->appended, l);
		txn->record = c->records[i];
		txn->segment = seg->number;
		intake_add(c->intake, record_bytes(txn));
		content_fini(txn->content);
	}
	seg->n_records += (uint32_t)n;
	store_note_record(c->store, seg);
	if (!link_is_listed(&seg->link))
		list_push_back(&c->dirty, &seg->link);
}

static void
fail_first(struct commit *c, size_t n, enum err err)
{
	struct list failed;

	list_init(&failed);
	for (size_t i = 0; i < n; i++) {
		struct link *l = list_first(&c->waiting);

		list_remove(&c->waiting, l);
		list_push_back(&failed, l);
	}
	finish_all(c, &failed, err);
}

/* Writes as many of waiting as go in one call. False: nothing more can be
 * written now. */
static bool
write_some(struct commit *c)
{
	struct txn *txn = LIST_ITEM(list_first(&c->waiting), struct txn, link);
	struct seg *seg;
	enum err err;
	size_t n;

	if (record_bytes(txn) > store_record_max_bytes(c->store)) {
		fail_first(c, 1, ERR_RANGE);
		return true;
	}
	seg = store_get(c->store, record_bytes(txn));
	if (seg == NULL) {
		if (c->store->err != ERR_OK)
			fail_first(c, c->waiting.n, c->store->err);
		return false;
	}
	n = collect(c, seg);
	BUG_IF(n == 0);
	err = segment_append(seg->file, c->records, n);
	if (err == ERR_OK) {
		take_written(c, seg, n);
		return true;
	}
	seg->errnum = errno;
	if (segment_is_dead(seg->file))
		fail_seg(c, seg, "append", n);
	fail_first(c, n, err);
	return true;
}

static void
on_turn_end(void *arg)
{
	struct commit *c = arg;

	while (!list_is_empty(&c->waiting) && write_some(c))
		continue;
	sync_next(c);
}

/* --- syncing -------------------------------------------------------------- */

static void
batch_run(struct job *job)
{
	struct batch *b = LIST_ITEM(job, struct batch, job);

	errno = 0;
	b->err = segment_sync(b->seg->file);
	b->errnum = errno;
}

static void
tell_qmgr(struct commit *c, struct list *txns)
{
	struct link *l;

	LIST_FOREACH (l, txns) {
		struct txn *txn = LIST_ITEM(l, struct txn, link);

		admit_record(
		    c->admit, txn->segment, txn->record.block, txn_head(txn));
	}
}

static void
batch_done(struct job *job)
{
	struct commit *c = LIST_ITEM(job, struct commit, batch.job);
	struct seg *seg = c->batch.seg;
	struct list txns;
	enum err err = c->batch.err;

	c->batch.seg = NULL;
	list_init(&txns);
	move_all(&c->batch.txns, &txns);
	if (err != ERR_OK) {
		seg->errnum = c->batch.errnum;
		fail_seg(c, seg, "sync", txns.n);
	} else {
		seg_publish(seg, c->batch.bytes);
		if (segment_is_dead(seg->file))
			seg_give_up(&seg);
		else
			store_note_synced(c->store, seg);
		tell_qmgr(c, &txns);
	}
	/* The next sync runs while the replies go out. */
	sync_next(c);
	finish_all(c, &txns, err);
}

static void
sync_next(struct commit *c)
{
	struct link *l = list_first(&c->dirty);
	struct batch *b = &c->batch;

	if (l == NULL || b->seg != NULL)
		return;
	list_remove(&c->dirty, l);
	b->seg = LIST_ITEM(l, struct seg, link);
	b->bytes = segment_get_bytes(b->seg->file);
	move_all(&b->seg->appended, &b->txns);
	/* The thread is ours alone, and idle. */
	BUG_IF(bgthread_submit(c->thread, &b->job) != ERR_OK);
}

/* --- from outside --------------------------------------------------------- */

void
commit_init(struct commit *c, const struct commit_parts *parts)
{
	*c = (struct commit){
		.store = parts->store,
		.owns = parts->owns,
		.admit = parts->admit,
		.intake = parts->intake,
		.thread = parts->thread,
		.done = parts->done,
		.batch.job = { batch_run, batch_done },
	};
	list_init(&c->waiting);
	list_init(&c->dirty);
	list_init(&c->batch.txns);
	turn_end_init(&c->end, parts->loop, on_turn_end, c);
}

void
commit_fini(struct commit *c)
{
	BUG_IF(!commit_is_idle(c));
	turn_end_fini(&c->end);
}

static void
own_done(struct own_finish *fin, enum err err)
{
	struct txn *txn = LIST_ITEM(fin, struct txn, finish);
	struct commit *c = txn->commit;

	c->n_own--;
	if (err == ERR_OK) {
		txn->record = fin->record;
		txn->segment = fin->segment;
		admit_record(
		    c->admit, txn->segment, txn->record.block, txn_head(txn));
	}
	c->done(txn, err);
}

void
commit_add(struct commit *c, struct txn *txn)
{
	struct own *own = content_take_own(txn->content);

	if (own == NULL) {
		list_push_back(&c->waiting, &txn->link);
		turn_end_ask(&c->end);
		return;
	}
	intake_add(c->intake, content_kept_bytes(txn->content));
	c->n_own++;
	txn->commit = c;
	txn->finish.record = txn->record;
	txn->finish.done = own_done;
	own_finish(&own, &txn->finish);
}

void
commit_kick(struct commit *c)
{
	if (!list_is_empty(&c->waiting))
		turn_end_ask(&c->end);
}

bool
commit_is_idle(const struct commit *c)
{
	return list_is_empty(&c->waiting) && list_is_empty(&c->dirty) &&
	    c->batch.seg == NULL && c->n_own == 0;
}
