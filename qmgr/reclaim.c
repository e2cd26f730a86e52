/* SPDX-License-Identifier: BSD-2-Clause */
/* reclaim: moves sealed segments to deferred/, and removes finished ones: the
 * one place that does (S5). */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "qmgr/core/view.h"
#include "qmgr/store_int.h"
#include "util/base/fatal.h"
#include "util/io/loop.h"
#include "util/io/sys.h"
#include "util/log/log.h"
#include "util/spool/segname.h"

/* --- in the thread -------------------------------------------------------- */

/*
 * Removes a file that is done. Workers may hold it open for long, in a place
 * that is not used anew: so its blocks are given back by force, but not before
 * the directory is synced, or a crash would bring an empty file back.
 */
static enum err
spool_reclaim(const struct store *st, uint64_t number, int *fd)
{
	char name[SEGNAME_BYTES + 1];
	int dir_fd = st->conf.deferred_fd;

	segname_format(number, name);
	*fd = sys.openat(dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0);
	if (*fd < 0 && errno == ENOENT) {
		dir_fd = st->conf.incoming_fd;
		*fd = sys.openat(
		    dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0);
	}
	if (*fd < 0)
		return errno == ENOENT ? ERR_NOTFOUND : ERR_IO;
	if (sys.unlinkat(dir_fd, name, 0) == 0)
		return ERR_OK;
	(void)close(*fd);
	*fd = -1;
	return ERR_IO;
}

static enum err
sync_dirs(struct change_job *c)
{
	if (sys.fsync(c->store->conf.deferred_fd) == 0 &&
	    sys.fsync(c->store->conf.incoming_fd) == 0)
		return ERR_OK;
	c->error = errno;
	return ERR_IO;
}

static void
run_remove(struct job *job)
{
	struct change_job *c = LIST_ITEM(job, struct change_job, job);
	int fds[CHANGES_MAX];
	enum err err;

	for (unsigned i = 0; i < c->n; i++) {
		errno = 0;
		c->errs[i] = spool_reclaim(c->store, c->numbers[i], &fds[i]);
		if (c->errs[i] == ERR_IO)
			c->error = errno;
	}
	err = sync_dirs(c);
	for (unsigned i = 0; i < c->n; i++) {
		if (fds[i] < 0)
			continue;
		/* Its last user's close does the same, only later. */
		if (err == ERR_OK)
			(void)sys.ftruncate(fds[i], 0);
		(void)close(fds[i]);
	}
}

static void
run_move(struct job *job)
{
	struct change_job *c = LIST_ITEM(job, struct change_job, job);
	const struct store_conf *conf = &c->store->conf;
	char name[SEGNAME_BYTES + 1];
	enum err err;

	for (unsigned i = 0; i < c->n; i++) {
		segname_format(c->numbers[i], name);
		c->errs[i] = ERR_OK;
		if (sys.renameat(
		        conf->incoming_fd, name, conf->deferred_fd, name) == 0)
			continue;
		c->error = errno;
		c->errs[i] = ERR_IO;
	}
	/* Either place is good after a crash: nothing depends on it. */
	err = sync_dirs(c);
	(void)err;
}

/* --- moving --------------------------------------------------------------- */

/* Fills the job from a list. */
static void
take(struct change_job *c, struct list *l)
{
	struct link *link;

	c->n = 0;
	c->error = 0;
	while (c->n < CHANGES_MAX && (link = list_first(l)) != NULL) {
		struct store_seg *seg = LIST_ITEM(link, struct store_seg, link);

		list_remove(l, link);
		c->numbers[c->n++] = seg->number;
	}
}

static void
tell_failed(const struct change_job *c, const char *call)
{
	if (c->error != 0)
		LOG(EV_SYSCALL_FAILED, KV_CSTR("call", call),
		    KV_CSTR("file", "of the spool"),
		    KV_ERRNO("error", c->error));
}

static void
give_back(struct store *st, struct store_seg *seg, int64_t wait_ms)
{
	seg->is_busy = false;
	seg->again_ms = loop_now_ms(st->conf.loop) + wait_ms;
}

static void
on_moved(struct job *job)
{
	struct change_job *c = LIST_ITEM(job, struct change_job, job);
	struct store *st = c->store;

	c->is_out = false;
	tell_failed(c, "renameat");
	for (unsigned i = 0; i < c->n; i++) {
		struct store_seg *seg = store_find(st, c->numbers[i]);

		BUG_IF(seg == NULL); /* a busy one is not forgotten */
		seg->is_deferred = c->errs[i] == ERR_OK;
		give_back(st, seg, c->errs[i] == ERR_OK ? 0 : RETRY_MS);
	}
	if (!st->is_ending)
		reclaim_tick(st);
}

/* --- removing ------------------------------------------------------------- */

static bool
may_remove(const struct store *st, uint64_t number)
{
	/* S4; a ledger with a fault may lack what makes it done. */
	return journal_fault(st->conf.journal) == NULL &&
	    core_segment_is_done(st->conf.core, number);
}

static void
on_removed(struct job *job)
{
	struct change_job *c = LIST_ITEM(job, struct change_job, job);
	struct store *st = c->store;

	c->is_out = false;
	tell_failed(c, "unlinkat");
	for (unsigned i = 0; i < c->n; i++) {
		struct store_seg *seg = store_find(st, c->numbers[i]);
		struct entry_segment entry = {
			.number = c->numbers[i],
			.created_ms = segment_number_ms(c->numbers[i]),
			.writer = segment_number_worker(c->numbers[i]),
			.what = SEGMENT_UNLINKED,
		};

		BUG_IF(seg == NULL);
		give_back(st, seg, RETRY_MS);
		/* A part that came since is missing: a visit tells. */
		if (c->errs[i] == ERR_IO ||
		    core_segment_part(st->conf.core, seg->number, 0) != 0)
			continue;
		journal_put_segment(st->conf.journal, &entry);
		LOG(EV_SEGMENT_REMOVED, KV_HEX("segment", seg->number));
		store_forget(st, seg);
	}
	if (!st->is_ending)
		reclaim_tick(st);
}

/* S4: the ledger that makes all their parts done is durable. */
static void
on_durable(struct journal_wait *wait)
{
	struct change_job *c = LIST_ITEM(wait, struct change_job, wait);
	struct store *st = c->store;
	unsigned n = 0;

	c->is_waiting = false;
	for (unsigned i = 0; i < c->n; i++) {
		if (may_remove(st, c->numbers[i]))
			c->numbers[n++] = c->numbers[i];
		else
			give_back(st, store_find(st, c->numbers[i]), RETRY_MS);
	}
	c->n = n;
	if (n > 0)
		store_run(st, &c->job, &c->is_out);
}

void
reclaim_look(struct store *st, struct store_seg *seg)
{
	struct changes *ch = &st->changes;

	if (!seg->is_walked || seg->is_asked || seg->is_busy)
		return;
	if (core_segment_is_done(st->conf.core, seg->number))
		list_push_back(&ch->removals, &seg->link);
	else if (!seg->is_deferred)
		list_push_back(&ch->moves, &seg->link);
	else
		return;
	seg->is_busy = true;
}

void
reclaim_tick(struct store *st)
{
	struct changes *ch = &st->changes;

	if (!ch->move.is_out && !list_is_empty(&ch->moves)) {
		take(&ch->move, &ch->moves);
		store_run(st, &ch->move.job, &ch->move.is_out);
	}
	if (!ch->remove.is_out && !ch->remove.is_waiting &&
	    !list_is_empty(&ch->removals) &&
	    journal_fault(st->conf.journal) == NULL) {
		take(&ch->remove, &ch->removals);
		ch->remove.is_waiting = true;
		journal_wait(st->conf.journal, &ch->remove.wait);
	}
}

void
reclaim_init(struct store *st)
{
	struct changes *ch = &st->changes;

	list_init(&ch->moves);
	list_init(&ch->removals);
	ch->move.store = ch->remove.store = st;
	ch->move.job.run = run_move;
	ch->move.job.done = on_moved;
	ch->remove.job.run = run_remove;
	ch->remove.job.done = on_removed;
	ch->remove.wait.done = on_durable;
}

void
reclaim_fini(struct store *st)
{
	struct change_job *c = &st->changes.remove;

	if (c->is_waiting)
		journal_cancel(st->conf.journal, &c->wait);
	c->is_waiting = false;
}
