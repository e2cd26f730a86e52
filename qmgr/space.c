/* SPDX-License-Identifier: BSD-2-Clause */
/* space: how much room is left on the spool's disk. */
#include <errno.h>
#include <sys/statvfs.h>

#include "qmgr/store_int.h"
#include "util/io/loop.h"
#include "util/log/log.h"

static void
look(struct space_job *s)
{
	struct statvfs v;

	s->is_ok = fstatvfs(s->fd, &v) == 0;
	if (!s->is_ok)
		return;
	s->free_bytes = (uint64_t)v.f_bavail * v.f_frsize;
	/* A file system without a table of inodes says 0 of 0. */
	s->free_inodes = v.f_files == 0 ? INT64_MAX : v.f_favail;
	s->is_read_only = (v.f_flag & ST_RDONLY) != 0;
}

static void
run(struct job *job)
{
	look(LIST_ITEM(job, struct space_job, job));
}

static void
done(struct job *job)
{
	struct space_job *s = LIST_ITEM(job, struct space_job, job);

	s->is_out = false;
	/* What was known stays: it is looked at again in a second. */
	if (!s->is_ok)
		LOG(EV_SYSCALL_FAILED, KV_CSTR("call", "fstatvfs"),
		    KV_CSTR("file", "incoming"));
}

void
space_init(struct store *st)
{
	struct space_job *s = &st->space;

	s->fd = st->conf.incoming_fd;
	s->job.run = run;
	s->job.done = done;
	/* The first answer is there before anybody asks. */
	look(s);
	if (!s->is_ok)
		fatal("the room on the spool's disk cannot be told");
}

void
space_tick(struct store *st, int64_t now_ms)
{
	struct space_job *s = &st->space;

	if (now_ms < s->next_ms)
		return;
	s->next_ms = now_ms + SPACE_MS;
	if (!s->is_out)
		store_run(st, &s->job, &s->is_out);
}
