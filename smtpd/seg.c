/* SPDX-License-Identifier: BSD-2-Clause */
/* seg: opens, seals and gives up segment files, in the file thread. */
#include "smtpd/seg.h"

#include <errno.h>
#include <stdlib.h>

#include "smtpd/admit.h"
#include "util/base/fatal.h"
#include "util/base/rand.h"
#include "util/log/log.h"
#include "util/svc/svc.h"

void
segs_init(struct segs *segs, struct svc *svc, struct bgthread *thread,
    struct admit *admit)
{
	*segs = (struct segs){ .svc = svc, .thread = thread, .admit = admit };
	segment_numbers_init(&segs->numbers, svc_index(svc), rand_u64());
}

static void
job_run(struct job *job)
{
	struct seg *seg = LIST_ITEM(job, struct seg, job);

	errno = 0;
	seg->run(seg);
	seg->errnum = errno;
}

static void
job_done(struct job *job)
{
	struct seg *seg = LIST_ITEM(job, struct seg, job);

	seg->done(seg);
}

void
seg_work(struct seg *seg, seg_fn *run, seg_fn *done)
{
	seg->run = run;
	seg->done = done;
	seg->job = (struct job){ job_run, job_done };
	/* The thread has room for a job of each place. */
	BUG_IF(bgthread_submit(seg->segs->thread, &seg->job) != ERR_OK);
}

void
seg_log_failed(const struct seg *seg, const char *call, unsigned n_refused)
{
	LOG(EV_SEGMENT_FAILED, KV_HEX("segment", seg->number),
	    KV_CSTR("call", call), KV_ERRNO("error", seg->errnum),
	    KV_NUM("refused", n_refused));
}

/* --- opening -------------------------------------------------------------- */

static void
open_run(struct seg *seg)
{
	struct segment_conf conf = {
		.dir_fd = svc_fd(seg->segs->svc, HAND_INCOMING, 0),
		.flags = seg->max_bytes == 0 ? SEGMENT_OWN : 0,
		.alloc_bytes = seg->max_bytes,
		.max_bytes = seg->max_bytes,
	};

	seg->err = segment_create(
	    &seg->file, &conf, &seg->segs->numbers, seg->wall_ms);
}

static void
open_done(struct seg *seg)
{
	if (seg->err == ERR_OK) {
		struct page_segment place;

		seg->number = segment_get_number(seg->file);
		seg->synced_bytes = segment_get_bytes(seg->file);
		place = (struct page_segment){ seg->number, seg->synced_bytes };
		page_set_segment(svc_page(seg->segs->svc), seg->place, &place);
		LOG(EV_SEGMENT_OPENED, KV_HEX("segment", seg->number),
		    KV_NUM("writer", svc_index(seg->segs->svc)));
	} else {
		seg_log_failed(seg, "create", 0);
	}
	seg->opened(seg);
}

/* A free place, or PAGE_SEGMENTS_MAX. */
static unsigned
find_place(const struct segs *segs)
{
	unsigned i = 0;

	while (i < PAGE_SEGMENTS_MAX && segs->used[i])
		i++;
	return i;
}

struct seg *
seg_open(struct segs *segs, uint64_t max_bytes, seg_fn *opened)
{
	unsigned place = find_place(segs);
	struct seg *seg;

	if (place == PAGE_SEGMENTS_MAX)
		return NULL;
	seg = calloc(1, sizeof(*seg));
	if (seg == NULL)
		return NULL;
	*seg = (struct seg){
		.segs = segs,
		.opened = opened,
		.max_bytes = max_bytes,
		.wall_ms = loop_wall_ms(svc_loop(segs->svc)),
		.place = place,
	};
	list_init(&seg->appended);
	segs->used[place] = true;
	segs->n++;
	seg_work(seg, open_run, open_done);
	return seg;
}

void
seg_publish(struct seg *seg, uint64_t synced_bytes)
{
	seg->synced_bytes = synced_bytes;
	page_set_synced(svc_page(seg->segs->svc), seg->place, synced_bytes);
}

/* --- closing -------------------------------------------------------------- */

void
seg_forget(struct seg **seg)
{
	struct segs *segs = (*seg)->segs;

	BUG_IF(!list_is_empty(&(*seg)->appended));
	segs->used[(*seg)->place] = false;
	segs->n--;
	free(*seg);
	*seg = NULL;
	if (segs->n == 0 && segs->emptied != NULL)
		segs->emptied(segs->arg);
}

static void
seal_run(struct seg *seg)
{
	seg->max_bytes = segment_get_bytes(seg->file);
	seg->err = segment_seal(seg->file);
	/* Closing may wait for the disk as well; it gives up the lock. */
	if (seg->err == ERR_OK)
		segment_free(&seg->file);
}

static void
close_place(struct seg *seg)
{
	struct page_segment none = { 0, 0 };

	page_set_segment(svc_page(seg->segs->svc), seg->place, &none);
	seg_forget(&seg);
}

static void
seal_done(struct seg *seg)
{
	if (seg->err == ERR_OK) {
		LOG(EV_SEGMENT_SEALED, KV_HEX("segment", seg->number),
		    KV_NUM("writer", svc_index(seg->segs->svc)),
		    KV_NUM("records", seg->n_records),
		    KV_NUM("bytes", seg->max_bytes), KV_CSTR("by", "smtpd"));
		admit_sealed(seg->segs->admit, seg->number);
	} else {
		/* Its records are synced; qmgr seals it for us. */
		seg_log_failed(seg, "seal", 0);
		segment_free(&seg->file);
	}
	close_place(seg);
}

void
seg_seal(struct seg **seg)
{
	/* S1: what is not synced is not told of, and would be sealed. */
	BUG_IF(!list_is_empty(&(*seg)->appended));
	(*seg)->is_closing = true;
	seg_work(*seg, seal_run, seal_done);
	*seg = NULL;
}

static void
give_up_run(struct seg *seg)
{
	segment_refuse(seg->file, seg->synced_bytes);
	segment_free(&seg->file);
}

void
seg_give_up(struct seg **seg)
{
	(*seg)->is_closing = true;
	seg_work(*seg, give_up_run, close_place);
	*seg = NULL;
}
