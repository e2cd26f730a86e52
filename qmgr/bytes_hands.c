/* SPDX-License-Identifier: BSD-2-Clause */
/* bytes_hands: the disk thread's half of the byte pass: reads and compares. */
#include <errno.h>
#include <unistd.h>

#include "qmgr/store_int.h"

/* --- the file ------------------------------------------------------------- */

void
bytes_close(struct bytes_job *j)
{
	if (j->fd >= 0)
		(void)close(j->fd);
	j->fd = -1;
	j->open = 0;
	j->is_checking = false;
}

static enum err
open_file(struct bytes_job *j)
{
	enum err err;

	if (j->open == j->number)
		return ERR_OK;
	bytes_close(j);
	err = store_open_file(
	    j->store, j->number, &j->fd, &j->head, &j->is_deferred);
	if (err == ERR_OK)
		j->open = j->number;
	else
		j->fd = -1;
	return err;
}

/* --- a record ------------------------------------------------------------- */

/* Header and envelope. OK: the content is to be read. */
static enum err
begin_record(struct bytes_job *j)
{
	struct outbuf buf = { j->buf, 0, RECORD_FRONT_MAX_BYTES };
	struct segread_record record;
	enum err err;

	err =
	    segread_load(j->fd, &j->head, j->items[j->at].block, &buf, &record);
	j->bytes += buf.len;
	if (err != ERR_OK)
		return err;
	segread_content_init(&j->content, &record.head, record.content_offset);
	j->is_checking = true;
	return ERR_OK;
}

static enum err
step(struct bytes_job *j)
{
	uint64_t before = j->content.left;
	uint64_t room = j->slice_bytes - j->bytes;
	enum err err;

	if (!j->is_checking) {
		err = begin_record(j);
		return err == ERR_OK ? ERR_AGAIN : err;
	}
	err = segread_content_step(&j->content, j->fd, j->buf,
	    room < BYTES_STEP ? (size_t)room : BYTES_STEP);
	j->bytes += before - j->content.left;
	return err;
}

static void
read_slice(struct bytes_job *j)
{
	unsigned records = 0;

	while (j->at < j->n && j->bytes < j->slice_bytes &&
	    records < BYTES_RECORDS_IN_SLICE) {
		struct bytes_item *item = &j->items[j->at];

		errno = 0;
		item->err = step(j);
		if (item->err == ERR_AGAIN)
			continue;
		if (item->err == ERR_IO)
			j->error = errno;
		j->is_checking = false;
		j->at++;
		records++;
	}
}

void
bytes_run(struct job *job)
{
	struct bytes_job *j = LIST_ITEM(job, struct bytes_job, job);

	j->bytes = 0;
	j->error = 0;
	errno = 0;
	j->err = open_file(j);
	if (j->err == ERR_OK)
		read_slice(j);
	else if (j->err == ERR_IO)
		j->error = errno;
	if (j->err != ERR_OK || (j->is_last && j->at == j->n))
		bytes_close(j);
}
