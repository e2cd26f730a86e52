/* SPDX-License-Identifier: BSD-2-Clause */
/* checkpoint: writes the state of all parts, in slices, beside the ledger. */
#include "qmgr/checkpoint.h"

#include <errno.h>
#include <stdlib.h>

#include "qmgr/balance.h"
#include "qmgr/core/view.h"
#include "qmgr/ledgerdir.h"
#include "qmgr/notices.h"
#include "qmgr/store.h"
#include "util/base/fatal.h"
#include "util/base/list.h"
#include "util/io/loop.h"
#include "util/io/thread.h"
#include "util/log/log.h"
#include "util/spool/entry.h"
#include "util/spool/ledgerfile.h"

/*
 *	phase		what is done in a slice		next
 *	IDLE		nothing				CREATE, when due
 *	CREATE		the file is made (job)		ORDERS
 *	ORDERS		orders that are kept		PARTS
 *	PARTS		live parts			SEGMENTS
 *	SEGMENTS	segments, with done bits	WAIT
 *	WAIT		the ledger becomes durable	FINISH
 *	FINISH		synced, named (job)		IDLE
 *
 * A batch that is full goes to the disk thread; the slices go on when it is
 * back. Done bits come behind the parts: so a part that is done meanwhile is
 * in both, and no record is in neither. What changes behind the back of the
 * slices is in the ledger, from where it was when this began.
 */
enum phase { IDLE, CREATE, ORDERS, PARTS, SEGMENTS, WAIT, FINISH };

#define BATCH_BYTES (1u << 20)
/* More than AUDIT and MARK take. */
#define END_BYTES 2048
#define SYNC_BYTES (4u << 20)
#define ORDERS_SLICE 64
#define PARTS_SLICE 512
#define SEGMENTS_SLICE 64
#define DUE_BYTES (UINT64_C(256) << 20)
/* Before a failed one is tried again. */
#define RETRY_MS 10000

/* What the disk thread is asked for; it has the file and the batch then. */
struct write_job {
	struct job job;
	bool is_out;
	/* asked */
	bool is_create, is_last;
	int dir_fd;
	struct ledger_head head;
	uint64_t keep; /* older ones than this are removed, when it is named */
	/* answered */
	enum err err;
	int error;
	const char *call;
	uint64_t bytes;
	/* the thread's own */
	struct ledgerfile *file;
	struct ledger_batch *batch;
	uint64_t unsynced_bytes;
};

struct checkpoint {
	struct checkpoint_conf conf;
	struct timer timer;
	struct journal_wait wait;
	struct write_job write;
	enum phase phase;
	struct ledger_batch batch;
	char *buf;
	uint64_t seq;   /* of the next entry */
	uint64_t order; /* cursors */
	uint32_t part;
	uint64_t segment;
	uint64_t number; /* of the one that is being written */
	struct ledger_pos begin;
	uint64_t failures; /* of the journal, when it began */
	uint64_t n_parts;
	int64_t begin_ms;
	int64_t retry_ms;     /* none begins by itself before */
	bool is_given_up;     /* begins anew when the job is back */
	uint64_t last_number; /* the last that is durable; 0: none */
	struct ledger_pos last_begin;
	uint64_t last_bytes;
};

/* --- in the thread -------------------------------------------------------- */

static enum err
append(struct write_job *w)
{
	enum err err;

	w->call = "write";
	w->unsynced_bytes += w->batch->out.len;
	err = ledgerfile_append(w->file, &w->batch->out);
	if (err != ERR_OK || w->is_last || w->unsynced_bytes < SYNC_BYTES)
		return err;
	w->call = "sync";
	w->unsynced_bytes = 0;
	return ledgerfile_sync(w->file);
}

static enum err
do_write(struct write_job *w)
{
	enum err err;

	if (w->is_create) {
		w->call = "create";
		w->unsynced_bytes = 0;
		return ledgerfile_create(&w->file, w->dir_fd, &w->head);
	}
	err = append(w);
	if (err != ERR_OK || !w->is_last)
		return err;
	w->call = "publish";
	err = ledgerfile_publish(w->file);
	w->bytes = ledgerfile_get_pos(w->file).offset;
	if (err == ERR_OK)
		ledgerdir_remove(
		    w->dir_fd, LEDGER_CHECKPOINT, w->keep, NULL, 0);
	return err;
}

static void
run_write(struct job *job)
{
	struct write_job *w = LIST_ITEM(job, struct write_job, job);

	errno = 0;
	w->err = do_write(w);
	w->error = errno;
	if (w->err != ERR_OK || (!w->is_create && w->is_last))
		ledgerfile_free(&w->file);
}

/* --- the end -------------------------------------------------------------- */

static void begin(struct checkpoint *c);

static void
end(struct checkpoint *c, bool is_ok)
{
	c->phase = IDLE;
	if (!is_ok)
		c->retry_ms = loop_now_ms(c->conf.loop) + RETRY_MS;
	c->conf.done(c->conf.arg, is_ok);
}

static void
fail(struct checkpoint *c)
{
	struct write_job *w = &c->write;
	char name[LEDGER_NAME_BYTES + 1];

	ledger_name_format(&w->head, name);
	LOG(EV_CHECKPOINT_FAILED, KV_CSTR("file", name),
	    KV_CSTR("call", w->call), KV_ERRNO("error", w->error));
	end(c, false);
}

/* What notices need is kept. Without memory to say what, all is, until the next
 * time. */
static void
retire(struct checkpoint *c)
{
	uint64_t *keep;
	size_t n;

	if (notices_dup_files(c->conf.notices, &keep, &n) == ERR_OK)
		journal_retire(c->conf.journal, c->last_begin, keep, n);
}

/* Two generations are kept, and the ledger from where the older one began. */
static void
finish(struct checkpoint *c)
{
	struct write_job *w = &c->write;
	char name[LEDGER_NAME_BYTES + 1];

	ledger_name_format(&w->head, name);
	LOG(EV_CHECKPOINT_WRITTEN, KV_CSTR("file", name),
	    KV_NUM("parts", c->n_parts), KV_NUM("bytes", w->bytes),
	    KV_NUM("took_ms", loop_now_ms(c->conf.loop) - c->begin_ms));
	if (c->last_number != 0)
		retire(c);
	c->last_number = c->number;
	c->last_begin = c->begin;
	c->last_bytes = w->bytes;
	if (journal_failures(c->conf.journal) == c->failures)
		journal_clear_fault(c->conf.journal);
	end(c, true);
}

/* --- batches -------------------------------------------------------------- */

static void
begin_batch(struct checkpoint *c)
{
	ledger_batch_init(&c->batch, c->buf, BATCH_BYTES, c->seq);
}

static void
submit(struct checkpoint *c)
{
	struct write_job *w = &c->write;

	w->is_out = true;
	/* Too many jobs: the timer tries again, so this one is not out. */
	if (store_submit(c->conf.store, &w->job) == ERR_OK)
		return;
	w->is_out = false;
	w->call = "submit";
	w->error = EAGAIN;
	fail(c);
}

static void
submit_batch(struct checkpoint *c, bool is_last)
{
	c->seq += c->batch.count;
	ledger_batch_close(&c->batch);
	c->write.is_create = false;
	c->write.is_last = is_last;
	submit(c);
}

static void
on_job_done(struct job *job)
{
	struct write_job *w = LIST_ITEM(job, struct write_job, job);
	struct checkpoint *c = LIST_ITEM(w, struct checkpoint, write);

	w->is_out = false;
	if (c->is_given_up) {
		ledgerfile_free(&w->file);
		begin(c);
		return;
	}
	if (w->err != ERR_OK) {
		fail(c);
		return;
	}
	if (c->phase == FINISH) {
		finish(c);
		return;
	}
	begin_batch(c);
	timer_set_at(&c->timer, loop_now_ms(c->conf.loop));
}

static struct ledger_stamp
stamp(const struct checkpoint *c)
{
	return (struct ledger_stamp){
		.wall_ms = loop_wall_ms(c->conf.loop),
	};
}

/* The numbers with which the ledger goes on stand in the marks: it may have
 * no entry of its own behind this. */
static enum err
put_mark(struct checkpoint *c, bool is_end)
{
	struct ledger_stamp s = stamp(c);
	struct entry_mark mark = { .is_end = is_end, .begin = c->begin };
	uint64_t seq;

	journal_next(c->conf.journal, &seq, &s.first_event);
	if (is_end)
		mark.end = journal_synced(c->conf.journal);
	return entry_put_mark(&c->batch, &s, &mark);
}

/* --- slices --------------------------------------------------------------- */

/* ERR_AGAIN: there are more. ERR_FULL: the batch is full. */
static enum err
put_orders(struct checkpoint *c)
{
	struct core_order_view view;

	for (int i = 0; i < ORDERS_SLICE; i++) {
		struct ledger_stamp s = stamp(c);
		enum err err;

		if (!core_order_next(c->conf.core, c->order, &view))
			return ERR_OK;
		err = entry_put_policy(
		    &c->batch, &s, &view.order, (struct str){ NULL, 0 });
		if (err != ERR_OK)
			return err;
		c->order = view.order.number;
	}
	return ERR_AGAIN;
}

static enum err
put_part(struct checkpoint *c, uint32_t part)
{
	struct ledger_stamp s = stamp(c);
	struct part_state state;
	struct entry_parts parts = { .parts = &state, .n = 1 };

	if (!core_part_get(c->conf.core, part, &state))
		return ERR_OK;
	notices_locate(c->conf.notices, &state);
	c->n_parts++;
	return entry_put_parts(&c->batch, &s, &parts, (struct str){ NULL, 0 });
}

/* ERR_AGAIN: there are more. ERR_FULL: the batch is full. */
static enum err
put_parts(struct checkpoint *c)
{
	for (int i = 0; i < PARTS_SLICE; i++) {
		uint32_t part = core_part_next(c->conf.core, c->part);
		enum err err;

		if (part == 0)
			return ERR_OK;
		err = put_part(c, part);
		if (err != ERR_OK)
			return err;
		c->part = part;
	}
	return ERR_AGAIN;
}

static enum err
put_segment(struct checkpoint *c, const struct core_segment_view *view)
{
	struct ledger_stamp s = stamp(c);
	size_t n = view->blocks / 8;
	struct entry_segment entry = {
		.number = view->number,
		.writer = view->writer,
		.what = SEGMENT_LIVE,
	};

	while (n > 0 && view->bits[n - 1] == 0)
		n--;
	entry.blocks = (uint32_t)n * 8;
	entry.done = (struct str){ (const char *)view->bits, n };
	return entry_put_segment(&c->batch, &s, &entry);
}

static enum err
put_segments(struct checkpoint *c)
{
	struct core_segment_view view;

	for (int i = 0; i < SEGMENTS_SLICE; i++) {
		enum err err;

		if (!core_segment_next(c->conf.core, c->segment, &view))
			return ERR_OK;
		err = put_segment(c, &view);
		if (err != ERR_OK)
			return err;
		c->segment = view.number;
	}
	return ERR_AGAIN;
}

static void
put_audit(struct checkpoint *c)
{
	struct ledger_stamp s = stamp(c);
	struct entry_audit audit;

	balance_fill(c->conf.core, &audit);
	entry_put_audit(&c->batch, &s, &audit);
}

/* DESIGN 4.4: what stands in it is durable in the ledger, up to end. */
static void
on_durable(struct journal_wait *wait)
{
	struct checkpoint *c = LIST_ITEM(wait, struct checkpoint, wait);

	enum err err;

	put_audit(c);
	err = put_mark(c, true);
	BUG_IF(err != ERR_OK); /* room was made for it */
	c->phase = FINISH;
	submit_batch(c, true);
}

static void
slice(struct checkpoint *c)
{
	enum err err = ERR_OK;

	if (c->phase == CREATE) {
		err = put_mark(c, false);
		c->phase = ORDERS;
	}
	if (c->phase == ORDERS && err == ERR_OK) {
		err = put_orders(c);
		if (err == ERR_OK)
			c->phase = PARTS;
	}
	if (c->phase == PARTS && err == ERR_OK) {
		err = put_parts(c);
		if (err == ERR_OK)
			c->phase = SEGMENTS;
	}
	if (c->phase == SEGMENTS && err == ERR_OK) {
		err = put_segments(c);
		if (err == ERR_OK)
			c->phase = WAIT;
	}
	/* A state that the core has can be written. */
	BUG_IF(err == ERR_RANGE);
	if (c->phase == WAIT && outbuf_room(&c->batch.out) < END_BYTES)
		err = ERR_FULL;
	if (err == ERR_FULL) {
		BUG_IF(c->batch.count == 0);
		submit_batch(c, false);
	} else if (err == ERR_AGAIN) {
		timer_set_at(&c->timer, loop_now_ms(c->conf.loop));
	} else {
		journal_wait(c->conf.journal, &c->wait);
	}
}

static void
on_timer(void *arg)
{
	slice(arg);
}

/* --- begin ---------------------------------------------------------------- */

static void
begin(struct checkpoint *c)
{
	struct write_job *w = &c->write;
	uint64_t event;

	c->is_given_up = false;
	c->phase = CREATE;
	c->begin_ms = loop_now_ms(c->conf.loop);
	c->begin = journal_synced(c->conf.journal);
	c->failures = journal_failures(c->conf.journal);
	journal_next(c->conf.journal, &c->seq, &event);
	c->order = 0;
	c->part = 0;
	c->segment = 0;
	c->n_parts = 0;
	c->number = c->conf.next_number++;
	w->is_create = true;
	w->is_last = false;
	w->keep = c->last_number;
	w->head = (struct ledger_head){
		.number = c->number,
		.created_ms = loop_wall_ms(c->conf.loop),
		.kind = LEDGER_CHECKPOINT,
	};
	submit(c);
}

void
checkpoint_begin(struct checkpoint *c)
{
	timer_stop(&c->timer);
	journal_cancel(c->conf.journal, &c->wait);
	if (c->write.is_out) {
		c->is_given_up = true;
		return;
	}
	ledgerfile_free(&c->write.file);
	begin(c);
}

/* Bytes of the ledger that a start would have to read. */
static uint64_t
ledger_bytes(const struct checkpoint *c)
{
	struct ledger_pos now = journal_synced(c->conf.journal);

	if (now.file < c->last_begin.file)
		return 0;
	return (now.file - c->last_begin.file) * LEDGER_FILE_BYTES +
	    now.offset - c->last_begin.offset;
}

void
checkpoint_tick(struct checkpoint *c, int64_t now_ms)
{
	uint64_t due = c->last_bytes > DUE_BYTES ? c->last_bytes : DUE_BYTES;

	if (c->phase != IDLE || c->is_given_up || now_ms < c->retry_ms)
		return;
	if (journal_fault(c->conf.journal) != NULL || ledger_bytes(c) > due)
		begin(c);
}

uint64_t
checkpoint_bytes(const struct checkpoint *c)
{
	return c->last_bytes;
}

struct checkpoint *
checkpoint_new(const struct checkpoint_conf *conf)
{
	struct checkpoint *c = calloc(1, sizeof(*c));

	if (c == NULL)
		fatal("no memory for checkpoints");
	c->conf = *conf;
	c->buf = malloc(BATCH_BYTES);
	if (c->buf == NULL)
		fatal("no memory for checkpoints");
	c->last_number = conf->last_number;
	c->last_bytes = conf->last_bytes;
	/* Without one, a start reads all files that there are. */
	c->last_begin = conf->last_number != 0 ? conf->last_begin
	                                       : journal_synced(conf->journal);
	c->write.job.run = run_write;
	c->write.job.done = on_job_done;
	c->write.dir_fd = conf->ledger_fd;
	c->write.batch = &c->batch;
	c->wait.done = on_durable;
	timer_init(&c->timer, conf->loop, on_timer, c);
	return c;
}

void
checkpoint_free(struct checkpoint **checkpoint)
{
	struct checkpoint *c = *checkpoint;

	if (c == NULL)
		return;
	/* The store is freed before: no job is out. */
	BUG_IF(c->write.is_out);
	timer_fini(&c->timer);
	journal_cancel(c->conf.journal, &c->wait);
	ledgerfile_free(&c->write.file);
	free(c->buf);
	free(c);
	*checkpoint = NULL;
}
