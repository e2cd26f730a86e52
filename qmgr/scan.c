/* SPDX-License-Identifier: BSD-2-Clause */
/* scan: which files are there: incoming/ every 2 s, all of them in a pass. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qmgr/store_int.h"
#include "util/io/loop.h"
#include "util/io/sys.h"
#include "util/log/log.h"
#include "util/spool/ledger.h"
#include "util/spool/segname.h"

/*
 * A listing is a number of slices, each a job. A whole one, for a pass, goes
 * on with deferred/ and ledger/; then the pass visits one segment after the
 * other, files that were not listed too: of those a visit tells that they are
 * gone. It is over when what was unknown is admitted.
 */

/* A file that is to appear under its name soon has one with a dot until then,
 * where the file system can do no better. */
#define TEMP_MAX_MS 3600000
/* Between two looks whether a pass is settled. */
#define SETTLE_MS 20

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

static int
dir_fd_of(const struct store *st, enum list_dir dir)
{
	switch (dir) {
	case LIST_INCOMING:
		return st->conf.incoming_fd;
	case LIST_DEFERRED:
		return st->conf.deferred_fd;
	case LIST_LEDGER:
		break;
	}
	return st->conf.ledger_fd;
}

static const char *
dir_name(enum list_dir dir)
{
	static const char *const names[] = { "incoming", "deferred", "ledger" };

	return names[dir];
}

/* It is being written, or was when its writer died. */
static bool
is_temp(const struct list_job *l, int dir_fd, const char *name)
{
	struct stat s;

	return name[0] == '.' && str_ends(str_from_c(name), STR(".new")) &&
	    fstatat(dir_fd, name, &s, AT_SYMLINK_NOFOLLOW) == 0 &&
	    l->wall_ms - (int64_t)s.st_ctim.tv_sec * 1000 < TEMP_MAX_MS;
}

static void
note_stranger(struct list_job *l, const char *name)
{
	char *to = l->strangers[l->n_strangers % LIST_STRANGERS_MAX];

	if (l->n_strangers++ < LIST_STRANGERS_MAX)
		(void)snprintf(to, LIST_STRANGER_BYTES, "%s", name);
}

static void
take_name(struct list_job *l, int dir_fd, const char *name)
{
	struct str s = str_from_c(name);
	struct ledger_head head;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return;
	if (l->at == LIST_LEDGER) {
		if (ledger_name_parse(s, &head) == ERR_OK)
			return;
	} else if (segname_parse(s, &l->numbers[l->n]) == ERR_OK) {
		l->n++;
		return;
	}
	if (!is_temp(l, dir_fd, name))
		note_stranger(l, name);
}

static void
read_names(struct list_job *l, int dir_fd)
{
	struct dirent *entry;

	for (unsigned i = 0; i < LIST_NAMES_MAX; i++) {
		errno = 0;
		entry = readdir(l->dir);
		if (entry == NULL) {
			l->error = errno;
			l->is_end = true;
			return;
		}
		take_name(l, dir_fd, entry->d_name);
	}
}

static void
run_list(struct job *job)
{
	struct list_job *l = LIST_ITEM(job, struct list_job, job);
	struct store *st = LIST_ITEM(l, struct store, list);
	int dir_fd = dir_fd_of(st, l->at);

	l->n = l->n_strangers = 0;
	l->error = 0;
	if (l->dir == NULL) {
		l->is_end = false;
		l->dir = open_dir(dir_fd);
	}
	if (l->dir == NULL) {
		l->error = errno;
		l->is_end = true;
		return;
	}
	read_names(l, dir_fd);
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
			seg->is_deferred = l->at == LIST_DEFERRED;
		if (seg->is_gone) {
			seg->is_gone = false;
			seg->again_ms = 0;
		}
	}
}

static void
tell_strangers(struct store *st)
{
	const struct list_job *l = &st->list;
	char file[LIST_STRANGER_BYTES + sizeof("incoming/")];

	if (!l->is_whole)
		return;
	st->pass.now.foreign += l->n_strangers;
	for (unsigned i = 0; i < l->n_strangers && i < LIST_STRANGERS_MAX;
	     i++) {
		(void)snprintf(file, sizeof(file), "%s/%s", dir_name(l->at),
		    l->strangers[i]);
		LOG(EV_FILE_FOREIGN, KV_CSTR("file", file),
		    KV_CSTR("msg",
		        "it is none of ours, and is left alone: take it out "
		        "of spool/"));
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
tell_list_failed(struct store *st)
{
	const struct list_job *l = &st->list;

	LOG(EV_SYSCALL_FAILED, KV_CSTR("call", "readdir"),
	    KV_CSTR("file", dir_name(l->at)), KV_ERRNO("error", l->error));
	if (l->is_whole)
		st->pass.now.has_failed = true;
}

static void
on_listed(struct job *job)
{
	struct list_job *l = LIST_ITEM(job, struct list_job, job);
	struct store *st = LIST_ITEM(l, struct store, list);

	l->is_out = false;
	if (l->error != 0)
		tell_list_failed(st);
	take_names(st);
	tell_strangers(st);
	if (st->is_ending)
		return;
	if (l->is_end && (l->at == LIST_LEDGER || !l->is_whole)) {
		l->is_on = false;
		/* All are looked at: new ones, and those with news. */
		st->is_polling = true;
		if (l->is_whole)
			begin_visits(st);
		return;
	}
	if (l->is_end)
		l->at++;
	store_run(st, &l->job, &l->is_out);
}

static void
begin_list(struct store *st, bool is_whole)
{
	struct list_job *l = &st->list;

	l->is_on = true;
	l->is_whole = is_whole;
	l->at = LIST_INCOMING;
	l->wall_ms = loop_wall_ms(st->conf.loop);
	store_run(st, &l->job, &l->is_out);
}

/* --- passes --------------------------------------------------------------- */

static void
begin_pass(struct store *st, int64_t now_ms)
{
	st->pass = (struct pass){
		.now = { .number = st->pass.now.number + 1, .is_on = true },
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
	struct store_pass *now = &p->now;
	int64_t now_ms = loop_now_ms(st->conf.loop);

	p->is_settling = false;
	now->is_on = false;
	now->ended_ms = loop_wall_ms(st->conf.loop);
	now->took_ms = now_ms - p->begin_ms;
	st->pass_ms = now_ms + st->conf.scan_cycle_ms;
	st->stats.last_index = *now;
	if (now->has_failed)
		return;
	st->stats.pass++;
	LOG(EV_SCAN_DONE, KV_NUM("pass", st->stats.pass),
	    KV_NUM("segments", now->segments), KV_NUM("records", now->records),
	    KV_NUM("recovered", st->stats.recovered - p->recovered_before),
	    KV_NUM("missing", st->stats.missing),
	    KV_NUM(
	        "quarantined", st->stats.quarantined - p->quarantined_before),
	    KV_NUM("unread", now->unreadable), KV_NUM("took_ms", now->took_ms));
}

struct store_seg *
scan_take(struct store *st)
{
	struct pass *p = &st->pass;

	while (p->is_visiting) {
		struct store_seg *seg;

		p->cursor = slab_next(&st->segs, p->cursor);
		if (p->cursor == 0) {
			p->is_visiting = false;
			p->is_settling = true;
			return NULL;
		}
		seg = slab_get(&st->segs, p->cursor);
		if (!seg->is_busy)
			return seg;
	}
	return NULL;
}

/* The last visit is over, and so is what it has asked for. */
static void
settle(struct store *st)
{
	struct pass *p = &st->pass;

	if (p->is_settling && !(st->visit.is_out && st->visit.is_pass) &&
	    records_settled(st, &p->mark))
		end_pass(st);
}

void
scan_tick(struct store *st, int64_t now_ms)
{
	bool is_due = st->pass.is_wanted || now_ms >= st->pass_ms;

	settle(st);
	if (st->list.is_on)
		return;
	if (is_due && !st->pass.now.is_on) {
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
	const struct pass *p = &st->pass;
	int64_t next_ms = st->scan_ms;

	if (st->list.is_on)
		return INT64_MAX;
	if (p->is_wanted && !p->now.is_on)
		next_ms = loop_now_ms(st->conf.loop);
	else if (!p->now.is_on && st->pass_ms < next_ms)
		next_ms = st->pass_ms;
	/* The thread tells nobody but its own: what it has read is looked at
	 * soon. */
	if (p->is_settling && next_ms > loop_now_ms(st->conf.loop) + SETTLE_MS)
		next_ms = loop_now_ms(st->conf.loop) + SETTLE_MS;
	return next_ms;
}

uint64_t
store_rescan(struct store *st)
{
	st->pass.is_wanted = true;
	return st->pass.now.number + 1;
}

void
scan_init(struct store *st)
{
	st->list.job.run = run_list;
	st->list.job.done = on_listed;
}
