/* SPDX-License-Identifier: BSD-2-Clause */
/* journal_hands: the ledger thread's half of journal: files and syncs. */
#include <errno.h>
#include <stdlib.h>

#include "qmgr/journal_int.h"
#include "qmgr/ledgerdir.h"
#include "util/base/fatal.h"

/* Makes and names the file that will be written next. */
static enum err
open_next(struct write_job *w)
{
	struct ledger_head head = {
		.number = w->next_number,
		.created_ms = w->wall_ms,
		.kind = LEDGER_LOG,
	};
	enum err err = ledgerfile_create(&w->next, w->dir_fd, &head);

	w->call = "create";
	if (err != ERR_OK)
		return err;
	/* Taken or not: the number is never used twice. */
	w->next_number++;
	w->call = "publish";
	err = ledgerfile_publish(w->next);
	if (err != ERR_OK) {
		w->error = errno;
		ledgerfile_free(&w->next);
	}
	return err;
}

static enum err
sync_file(struct write_job *w)
{
	enum err err = ERR_OK;

	w->call = "sync";
	if (w->file != NULL)
		err = ledgerfile_sync(w->file);
	if (err != ERR_OK || w->file == NULL)
		return err;
	w->is_synced = true;
	w->synced = ledgerfile_get_pos(w->file);
	return ERR_OK;
}

/* The one ahead becomes the one that is written. */
static enum err
turn_over(struct write_job *w)
{
	enum err err = sync_file(w);

	if (err == ERR_OK && w->next == NULL)
		err = open_next(w);
	if (err != ERR_OK)
		return err;
	ledgerfile_free(&w->file);
	w->file = w->next;
	w->next = NULL;
	return ERR_OK;
}

static enum err
write_batch(struct write_job *w)
{
	struct outbuf *out = &w->batch->batch.out;
	enum err err = ERR_OK;

	if (w->file == NULL || ledgerfile_room_bytes(w->file) < out->len)
		err = turn_over(w);
	if (err != ERR_OK)
		return err;
	w->is_synced = false;
	w->at = ledgerfile_get_pos(w->file);
	w->call = "write";
	return ledgerfile_append(w->file, out);
}

static enum err
do_write(struct write_job *w)
{
	enum err err = ERR_OK;

	if (w->batch != NULL)
		err = write_batch(w);
	if (err == ERR_OK && w->wants_sync)
		err = sync_file(w);
	return err;
}

static void
run_write(struct job *job)
{
	struct write_job *w = LIST_ITEM(job, struct write_job, job);

	w->is_synced = false;
	errno = w->error = 0;
	w->err = do_write(w);
	if (w->err != ERR_OK) {
		if (w->error == 0)
			w->error = errno;
		/* S2: never written again. */
		ledgerfile_free(&w->file);
	}
	/* One ahead. That there is no room for it shows in room_bytes. */
	if (w->next == NULL)
		(void)!open_next(w);
	w->lacks_next = w->next == NULL;
	w->room_bytes = 0;
	if (w->file != NULL)
		w->room_bytes += ledgerfile_room_bytes(w->file);
	if (w->next != NULL)
		w->room_bytes += ledgerfile_room_bytes(w->next);
}

/* --- retiring ------------------------------------------------------------- */

static void
run_retire(struct job *job)
{
	struct retire_job *r = LIST_ITEM(job, struct retire_job, job);

	ledgerdir_remove(r->dir_fd, LEDGER_LOG, r->before, r->keep, r->n_keep);
}

static void
on_retired(struct job *job)
{
	struct retire_job *r = LIST_ITEM(job, struct retire_job, job);

	free(r->keep);
	r->keep = NULL;
	r->is_out = false;
}

void
journal_retire(
    struct journal *j, struct ledger_pos pos, uint64_t *keep, size_t n)
{
	struct retire_job *r = &j->retiring;
	enum err err;

	if (r->is_out) {
		free(keep);
		return;
	}
	r->before = pos.file;
	r->keep = keep;
	r->n_keep = n;
	r->is_out = true;
	err = bgthread_submit(j->thread, &r->job);
	BUG_IF(err != ERR_OK);
}

void
journal_hands_init(struct journal *j, uint64_t next_file)
{
	j->writing.job.run = run_write;
	j->writing.next_number = next_file;
	j->writing.dir_fd = j->conf.ledger_fd;
	j->retiring.job.run = run_retire;
	j->retiring.job.done = on_retired;
	j->retiring.dir_fd = j->conf.ledger_fd;
}

void
journal_hands_fini(struct journal *j)
{
	ledgerfile_free(&j->writing.file);
	ledgerfile_free(&j->writing.next);
}
