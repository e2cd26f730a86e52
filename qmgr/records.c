/* SPDX-License-Identifier: BSD-2-Clause */
/* records: reads single records, and has those admitted that nobody
 * announced. */
#include <stdlib.h>
#include <unistd.h>

#include "qmgr/core/view.h"
#include "qmgr/store_int.h"
#include "util/base/fatal.h"
#include "util/io/loop.h"
#include "util/log/log.h"
#include "util/spool/segread.h"
#include "util/text/when.h"

/* --- in the thread -------------------------------------------------------- */

/* The segment that is open: items come in runs of one. */
struct open_file {
	uint64_t segment;
	int fd;
	struct segment_head head;
	enum err err;
};

static void
open_file(struct open_file *f, struct store *st, uint64_t segment)
{
	bool is_deferred = false;

	if (f->segment == segment)
		return;
	if (f->fd >= 0)
		(void)close(f->fd);
	f->segment = segment;
	f->fd = -1;
	f->err = store_open_file(st, segment, &f->fd, &f->head, &is_deferred);
}

/* FULL: no room in the buffer behind those that were read before. */
static enum err
read_one(
    struct read_job *r, struct open_file *f, struct read_item *item, size_t at)
{
	struct outbuf buf = { r->buf + at, 0, RECORD_FRONT_MAX_BYTES - at };
	struct segread_record record;
	enum err err = f->err;

	if (buf.cap < SEGREAD_FIRST_BYTES)
		return ERR_FULL;
	if (err == ERR_OK)
		err = segread_load(f->fd, &f->head, item->block, &buf, &record);
	if (err != ERR_OK)
		return err;
	item->at = at;
	item->bytes = RECORD_HEAD_BYTES + record.head.envelope_bytes;
	item->qid = record.head.qid;
	item->arrival_ms = record.head.arrival_ms;
	return ERR_OK;
}

static void
run_read(struct job *job)
{
	struct read_job *r = LIST_ITEM(job, struct read_job, job);
	struct open_file f = { .fd = -1 };
	size_t at = 0;

	for (r->n_read = 0; r->n_read < r->n; r->n_read++) {
		struct read_item *item = &r->items[r->n_read];

		open_file(&f, r->store, item->segment);
		item->err = read_one(r, &f, item, at);
		/* The buffer takes any record when nothing is before it. */
		if (item->err == ERR_FULL && at > 0)
			break;
		if (item->err == ERR_OK)
			at = item->at + item->bytes;
	}
	if (f.fd >= 0)
		(void)close(f.fd);
}

/* --- reading -------------------------------------------------------------- */

static void
read_next(struct store *st)
{
	struct records *rs = &st->records;
	struct read_job *r = &rs->job;

	if (r->is_out || rs->n_reads == 0)
		return;
	for (r->n = 0; r->n < READ_SLICE && r->n < rs->n_reads; r->n++)
		r->items[r->n] = rs->reads[(rs->first_read + r->n) % READS_MAX];
	store_run(st, &r->job, &r->is_out);
}

static void
tell_recovered(struct store *st, const struct read_item *item)
{
	int64_t lay_ms = loop_wall_ms(st->conf.loop) - item->arrival_ms;
	char bytes[sizeof("it lay there unannounced for ") + WHEN_MAX_BYTES];
	struct outbuf text = { bytes, 0, sizeof(bytes) };
	struct entry_note note = {
		.qid = item->qid,
		.kind = NOTE_RECOVERED,
	};

	/* The clock may have been set back since it came. */
	if (lay_ms < 0)
		lay_ms = 0;
	outbuf_put(&text, STR("it lay there unannounced for "));
	/* A time that has no text is not told: the log has the number. */
	(void)!when_span(&text, lay_ms);
	note.text = outbuf_str(&text);
	st->stats.recovered++;
	journal_put_note(st->conf.journal, &note);
	LOG(EV_RECOVERED, KV_QID("qid", &item->qid),
	    KV_HEX("segment", item->segment),
	    KV_NUM("offset", (uint64_t)item->block * SEGMENT_BLOCK_BYTES),
	    KV_NUM("lay_ms", lay_ms));
}

/* A record that cannot be read, or is malformed, is a visit's to tell. */
static void
take_item(struct store *st, const struct read_item *item)
{
	struct str front = { st->records.job.buf + item->at, item->bytes };
	enum err err;

	if (item->err != ERR_OK)
		return;
	err = st->conf.found(st->conf.arg, item->segment, item->block, front);
	if (err == ERR_OK && item->is_found)
		tell_recovered(st, item);
	else if (err == ERR_SYNTAX)
		LOG(EV_SEGMENT_DAMAGED, KV_HEX("segment", item->segment),
		    KV_NUM(
		        "offset", (uint64_t)item->block * SEGMENT_BLOCK_BYTES),
		    KV_CSTR("fault", "a record that cannot be queued"),
		    KV_CSTR("msg", "it is left where it is"));
}

static void
on_read(struct job *job)
{
	struct read_job *r = LIST_ITEM(job, struct read_job, job);
	struct store *st = r->store;
	struct records *rs = &st->records;

	r->is_out = false;
	if (st->is_ending)
		return;
	/* Out of the ring first: found() may put new wishes in. */
	rs->first_read = (rs->first_read + r->n_read) % READS_MAX;
	rs->n_reads -= r->n_read;
	for (unsigned i = 0; i < r->n_read; i++)
		take_item(st, &r->items[i]);
	rs->reads_out += r->n_read;
	read_next(st);
}

static void
ask(struct store *st, uint64_t segment, uint32_t block, bool is_found)
{
	struct records *rs = &st->records;

	if (rs->n_reads == READS_MAX)
		return;
	rs->reads_in++;
	rs->reads[(rs->first_read + rs->n_reads++) % READS_MAX] =
	    (struct read_item){
		    .segment = segment,
		    .block = block,
		    .is_found = is_found,
	    };
	read_next(st);
}

void
store_read_record(struct store *st, uint64_t segment, uint32_t block)
{
	ask(st, segment, block, false);
}

/* --- records that nobody announced ---------------------------------------- */

/* The core does not know it, and intake does not either. */
static bool
is_unknown(const struct store *st, uint64_t segment, uint32_t block)
{
	return core_record_state(st->conf.core, segment, block) ==
	    CORE_RECORD_UNKNOWN &&
	    !st->conf.is_unadmitted(st->conf.arg, segment, block);
}

void
records_unknown(
    struct store *st, uint64_t segment, uint32_t block, int64_t wait_ms)
{
	struct records *rs = &st->records;

	if (!is_unknown(st, segment, block))
		return;
	if (wait_ms == 0) {
		ask(st, segment, block, true);
		return;
	}
	/* No room: it is seen again when its segment is sealed. */
	if (rs->n_pending == PENDING_MAX)
		return;
	rs->pending_in++;
	rs->pending[(rs->first_pending + rs->n_pending++) % PENDING_MAX] =
	    (struct pending){
		    .segment = segment,
		    .block = block,
		    .due_ms = loop_now_ms(st->conf.loop) + wait_ms,
	    };
}

void
records_tick(struct store *st, int64_t now_ms)
{
	struct records *rs = &st->records;

	while (rs->n_pending > 0 && rs->n_reads < READS_MAX) {
		const struct pending *p = &rs->pending[rs->first_pending];

		if (p->due_ms > now_ms)
			return;
		rs->first_pending = (rs->first_pending + 1) % PENDING_MAX;
		rs->n_pending--;
		rs->pending_out++;
		if (is_unknown(st, p->segment, p->block))
			ask(st, p->segment, p->block, true);
	}
}

bool
records_settled(const struct store *st, struct records_mark *mark)
{
	const struct records *rs = &st->records;

	if (!mark->is_set)
		*mark = (struct records_mark){
			.is_set = true,
			.pending = rs->pending_in,
		};
	if (rs->pending_out < mark->pending)
		return false;
	/* What was pending is among the reads now. */
	if (!mark->is_read)
		mark->reads = rs->reads_in;
	mark->is_read = true;
	return rs->reads_out >= mark->reads;
}

int64_t
records_next_ms(const struct store *st)
{
	const struct records *rs = &st->records;

	return rs->n_pending == 0 ? INT64_MAX
	                          : rs->pending[rs->first_pending].due_ms;
}

void
records_init(struct store *st)
{
	struct read_job *r = &st->records.job;

	r->store = st;
	r->job.run = run_read;
	r->job.done = on_read;
	r->buf = malloc(RECORD_FRONT_MAX_BYTES);
	if (r->buf == NULL)
		fatal("no memory to read records");
}

void
records_fini(struct store *st)
{
	free(st->records.job.buf);
}
