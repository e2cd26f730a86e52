/* SPDX-License-Identifier: BSD-2-Clause */
/* scan: which files are there: incoming/ every 2 s, all of them in a pass. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "qmgr/store_int.h"
#include "util/io/loop.h"
#include "util/io/sys.h"
#include "util/log/log.h"
#include "util/spool/segname.h"

/*
 * A listing is a number of slices, each a job. A whole one, for a pass, goes
 * on with deferred/; then the pass visits one segment after the other, files
 * that were not listed too: of those a visit tells that they are gone.
 */

/* --- in the thread -------------------------------------------------------- */

static DIR *
open_dir(int dir_fd)
{
	int fd = sys.openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	DIR *dir;

	if (fd < 0)
		return NULL;
	dir = fdopendir(fd);
	if (dir == NULL)
		(void)close(fd);
	return dir;
}

static void
read_names(struct list_job *l)
{
	struct dirent *entry;

	while (l->n < LIST_NAMES_MAX) {
		errno = 0;
		entry = readdir(l->dir);
		if (entry == NULL) {
			l->error = errno;
			l->is_end = true;
			return;
		}
		if (segname_parse(
		        str_from_c(entry->d_name), &l->numbers[l->n]) == ERR_OK)
			l->n++;
	}
}

static void
run_list(struct job *job)
{
	struct list_job *l = LIST_ITEM(job, struct list_job, job);
	struct store *st = LIST_ITEM(l, struct store, list);

	l->n = 0;
	l->error = 0;
	if (l->dir == NULL) {
		l->is_end = false;
		l->dir = open_dir(l->is_deferred ? st->conf.deferred_fd
		                                 : st->conf.incoming_fd);
	}
	if (l->dir == NULL) {
		l->error = errno;
		l->is_end = true;
		return;
	}
	read_names(l);
	if (l->is_end) {
		(void)closedir(l->dir);
		l->dir = NULL;
	}
}

/* --- a listing ------------------------------------------------------------ */

static void
take_names(struct store *st)
{
	struct list_job *l = &st->list;

	for (unsigned i = 0; i < l->n; i++) {
		struct store_seg *seg = store_find(st, l->numbers[i]);

		if (seg == NULL)
			seg = store_add(st, l->numbers[i]);
		/* No room: it stays on disk, and is listed again. */
		if (seg == NULL)
			continue;
		if (!seg->is_busy)
			seg->is_deferred = l->is_deferred;
		if (seg->is_gone) {
			seg->is_gone = false;
			seg->again_ms = 0;
		}
	}
}

static void
begin_visits(struct store *st)
{
	st->pass.is_visiting = true;
	st->pass.cursor = 0;
	visit_next(st);
}

static void
on_listed(struct job *job)
{
	struct list_job *l = LIST_ITEM(job, struct list_job, job);
	struct store *st = LIST_ITEM(l, struct store, list);

	l->is_out = false;
	if (l->error != 0) {
		LOG(EV_SYSCALL_FAILED, KV_CSTR("call", "readdir"),
		    KV_CSTR("file", l->is_deferred ? "deferred" : "incoming"),
		    KV_ERRNO("error", l->error));
		if (l->is_whole)
			st->pass.has_failed = true;
	}
	take_names(st);
	if (st->is_ending)
		return;
	if (l->is_end && (l->is_deferred || !l->is_whole)) {
		l->is_on = false;
		/* All are looked at: new ones, and those with news. */
		st->is_polling = true;
		if (l->is_whole)
			begin_visits(st);
		return;
	}
	l->is_deferred = l->is_deferred || l->is_end;
	store_run(st, &l->job, &l->is_out);
}

static void
begin_list(struct store *st, bool is_whole)
{
	struct list_job *l = &st->list;

	l->is_on = true;
	l->is_whole = is_whole;
	l->is_deferred = false;
	store_run(st, &l->job, &l->is_out);
}

/* --- passes --------------------------------------------------------------- */

static void
begin_pass(struct store *st, int64_t now_ms)
{
	st->pass = (struct pass){
		.is_on = true,
		.begin_ms = now_ms,
		.recovered_before = st->stats.recovered,
		.quarantined_before = st->stats.quarantined,
	};
	begin_list(st, true);
}

static void
end_pass(struct store *st)
{
	struct pass *p = &st->pass;
	int64_t now_ms = loop_now_ms(st->conf.loop);

	p->is_on = p->is_visiting = false;
	st->pass_ms = now_ms + st->conf.scan_cycle_ms;
	if (p->has_failed)
		return;
	st->stats.pass++;
	LOG(EV_SCAN_DONE, KV_NUM("pass", st->stats.pass),
	    KV_NUM("segments", slab_n(&st->segs)),
	    KV_NUM("records", p->records),
	    KV_NUM("recovered", st->stats.recovered - p->recovered_before),
	    KV_NUM("missing", st->stats.missing),
	    KV_NUM(
	        "quarantined", st->stats.quarantined - p->quarantined_before),
	    KV_NUM("took_ms", now_ms - p->begin_ms));
}

struct store_seg *
scan_take(struct store *st)
{
	struct pass *p = &st->pass;

	while (p->is_visiting) {
		struct store_seg *seg;

		p->cursor = slab_next(&st->segs, p->cursor);
		if (p->cursor == 0) {
			end_pass(st);
			return NULL;
		}
		seg = slab_get(&st->segs, p->cursor);
		if (!seg->is_busy)
			return seg;
	}
	return NULL;
}

void
scan_tick(struct store *st, int64_t now_ms)
{
	bool is_due = st->pass.is_wanted || now_ms >= st->pass_ms;

	if (st->list.is_on)
		return;
	if (is_due && !st->pass.is_on) {
		begin_pass(st, now_ms);
		st->scan_ms = now_ms + st->conf.scan_ms;
	} else if (now_ms >= st->scan_ms) {
		begin_list(st, false);
		st->scan_ms = now_ms + st->conf.scan_ms;
	}
}

int64_t
scan_next_ms(const struct store *st)
{
	if (st->list.is_on)
		return INT64_MAX;
	if (!st->pass.is_on && st->pass.is_wanted)
		return loop_now_ms(st->conf.loop);
	if (!st->pass.is_on && st->pass_ms < st->scan_ms)
		return st->pass_ms;
	return st->scan_ms;
}

void
scan_init(struct store *st)
{
	st->list.job.run = run_list;
	st->list.job.done = on_listed;
}
