/* SPDX-License-Identifier: BSD-2-Clause */
/* damage: sets records aside that workers, or the byte pass, found damaged. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "qmgr/store_int.h"
#include "util/io/loop.h"
#include "util/log/log.h"
#include "util/spool/quarantine.h"
#include "util/spool/segname.h"
#include "util/spool/segread.h"

void
damage_name(char *name, uint64_t segment, uint64_t offset)
{
	char seg[SEGNAME_BYTES + 1];

	segname_format(segment, seg);
	(void)snprintf(name, DAMAGE_NAME_BYTES, "%s-%016" PRIx64, seg, offset);
}

/* --- in the thread -------------------------------------------------------- */

/* The record with its content, wherever that lies. */
static enum err
copy(struct damage_job *d, int fd, const struct segread_record *record)
{
	char name[SEGNAME_BYTES + 1];
	uint64_t offset = (uint64_t)d->block * SEGMENT_BLOCK_BYTES;
	uint64_t from =
	    offset < record->content_offset ? offset : record->content_offset;
	struct quarantine q = {
		.dir_fd = d->store->conf.quarantine_fd,
		.fd = fd,
		.name = name,
		.offset = from,
		.bytes = offset + record_total_bytes(&record->head) - from,
		.why = STR("the content does not have the checksum that "
		           "its header says"),
	};

	segname_format(d->segment, name);
	d->qid = record->head.qid;
	d->offset = from;
	return quarantine_copy(&q);
}

static enum err
set_aside(struct damage_job *d, int fd, const struct segment_head *head)
{
	char bytes[SEGREAD_FIRST_BYTES];
	struct outbuf buf = { bytes, 0, sizeof(bytes) };
	struct segread_record record;
	enum err err = segread_load(fd, head, d->block, &buf, &record);

	/* A long envelope: the header is enough. */
	if (err == ERR_FULL) {
		record.content_offset = record_content_offset(
		    &record.head, (uint64_t)d->block * SEGMENT_BLOCK_BYTES);
		err = ERR_OK;
	}
	return err == ERR_OK ? copy(d, fd, &record) : err;
}

static void
run(struct job *job)
{
	struct damage_job *d = LIST_ITEM(job, struct damage_job, job);
	struct segment_head head;
	bool is_deferred = true;
	int fd;

	errno = 0;
	d->is_bad_head = false;
	d->err =
	    store_open_file(d->store, d->segment, &fd, &head, &is_deferred);
	if (d->err == ERR_OK) {
		d->err = set_aside(d, fd, &head);
		d->is_bad_head = d->err == ERR_SYNTAX || d->err == ERR_NOTFOUND;
		(void)close(fd);
	}
	d->error = errno;
}

/* --- in the loop ---------------------------------------------------------- */

static void
next(struct store *st)
{
	struct damages *ds = &st->damages;
	struct damage_job *d = &ds->job;

	if (d->is_out || ds->n == 0)
		return;
	d->segment = ds->queue[ds->first].segment;
	d->block = ds->queue[ds->first].block;
	ds->first = (ds->first + 1) % DAMAGES_MAX;
	ds->n--;
	store_run(st, &d->job, &d->is_out);
}

static void
tell(struct store *st, const struct damage_job *d)
{
	char name[DAMAGE_NAME_BYTES];

	damage_name(name, d->segment, d->offset);
	if (d->err == ERR_OK) {
		st->stats.quarantined++;
		LOG(EV_QUARANTINED, KV_CSTR("file", name),
		    KV_HEX("segment", d->segment), KV_NUM("offset", d->offset),
		    KV_QID("qid", &d->qid), KV_CSTR("fault", "wrong checksum"));
	} else if (d->err != ERR_EXISTS) {
		LOG(EV_SEGMENT_DAMAGED, KV_HEX("segment", d->segment),
		    KV_NUM("offset", (uint64_t)d->block * SEGMENT_BLOCK_BYTES),
		    KV_CSTR("fault", "damaged record"),
		    KV_CSTR("msg", err_text(d->err)));
	}
}

/* It is set aside: the parts that the worker did not have are held as well. */
static void
hold(struct store *st, const struct damage_job *d)
{
	struct findings_range range = {
		.segment = d->segment,
		.from = d->block,
		.to = d->block + 1,
		.cause = CAUSE_DAMAGED,
		.left = VISIT_HOLDS_MAX,
	};

	(void)findings_lost(st, &range);
}

static void
done(struct job *job)
{
	struct damage_job *d = LIST_ITEM(job, struct damage_job, job);
	struct store *st = d->store;
	struct store_seg *seg = store_find(st, d->segment);

	d->is_out = false;
	if (st->is_ending)
		return;
	tell(st, d);
	if (d->err == ERR_OK || d->err == ERR_EXISTS)
		hold(st, d);
	/* How long it is only a walk from header to header can tell. */
	if (d->is_bad_head && seg != NULL) {
		seg->wants_header = true;
		seg->is_walked = false;
		visit_ask(st, seg);
		visit_next(st);
	}
	next(st);
}

void
store_damaged(struct store *st, uint64_t segment, uint32_t block)
{
	struct damages *ds = &st->damages;
	unsigned at = (ds->first + ds->n) % DAMAGES_MAX;

	/* Too many at once: the part is held, and its record stays where it
	 * is as long as that is so. */
	if (ds->n == DAMAGES_MAX)
		return;
	ds->queue[at].segment = segment;
	ds->queue[at].block = block;
	ds->n++;
	next(st);
}

void
damage_init(struct store *st)
{
	struct damage_job *d = &st->damages.job;

	d->store = st;
	d->job.run = run;
	d->job.done = done;
}
