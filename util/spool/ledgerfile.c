/* SPDX-License-Identifier: BSD-2-Clause */
/* ledgerfile: writes files of the ledger and checkpoints. */
#include "util/spool/ledgerfile.h"

#include <errno.h>
#include <stdlib.h>

#include "util/base/fatal.h"
#include "util/base/rand.h"
#include "util/io/sys.h"
#include "util/spool/disk.h"

struct ledgerfile {
	struct disk_file file;
	struct ledger_head head;
	uint64_t offset; /* of the next batch */
	bool is_dead;    /* a write or sync has failed */
};

/* So that a result can always be written down, however full the disk is. */
static enum err
allocate(const struct ledgerfile *f)
{
	int result;

	if (f->head.kind != LEDGER_LOG)
		return ERR_OK;
	do
		result =
		    sys.fallocate(f->file.fd, 0, 0, (off_t)LEDGER_FILE_BYTES);
	while (result != 0 && errno == EINTR);
	if (result == 0 || errno == EOPNOTSUPP)
		return ERR_OK;
	return disk_err();
}

static enum err
write_head(const struct ledgerfile *f)
{
	uint8_t p[LEDGER_BLOCK_BYTES];

	ledger_head_encode(&f->head, p);
	return disk_write(f->file.fd, p, sizeof(p), 0);
}

enum err
ledgerfile_create(
    struct ledgerfile **out, int dir_fd, const struct ledger_head *head)
{
	char name[LEDGER_NAME_BYTES + 1];
	struct ledgerfile *f = calloc(1, sizeof(*f));
	enum err err;

	*out = NULL;
	if (f == NULL)
		return ERR_IO;
	f->file.fd = -1;
	f->head = *head;
	f->head.salt = rand_u64();
	f->offset = LEDGER_BLOCK_BYTES;
	ledger_name_format(&f->head, name);
	err = disk_file_create(&f->file, dir_fd, name);
	if (err == ERR_OK)
		err = allocate(f);
	if (err == ERR_OK)
		err = write_head(f);
	if (err != ERR_OK)
		ledgerfile_free(&f);
	*out = f;
	return err;
}

enum err
ledgerfile_publish(struct ledgerfile *f)
{
	char name[LEDGER_NAME_BYTES + 1];
	enum err err;

	BUG_IF(f->is_dead);
	ledger_name_format(&f->head, name);
	err = disk_file_link(&f->file, name);
	if (err != ERR_OK)
		f->is_dead = true;
	return err;
}

void
ledgerfile_free(struct ledgerfile **f)
{
	if (*f == NULL)
		return;
	disk_file_fini(&(*f)->file);
	free(*f);
	*f = NULL;
}

const struct ledger_head *
ledgerfile_get_head(const struct ledgerfile *f)
{
	return &f->head;
}

struct ledger_pos
ledgerfile_get_pos(const struct ledgerfile *f)
{
	return (struct ledger_pos){ f->head.number, f->offset };
}

uint64_t
ledgerfile_room_bytes(const struct ledgerfile *f)
{
	if (f->head.kind == LEDGER_CHECKPOINT)
		return UINT64_MAX;
	return LEDGER_FILE_BYTES - f->offset;
}

enum err
ledgerfile_append(struct ledgerfile *f, struct outbuf *batch)
{
	enum err err;

	BUG_IF(f->is_dead || batch->len > ledgerfile_room_bytes(f));
	BUG_IF(batch->len % LEDGER_BLOCK_BYTES != 0);
	ledger_batch_stamp(batch, &f->head);
	err = disk_write(f->file.fd, batch->ptr, batch->len, f->offset);
	if (err == ERR_OK)
		f->offset += batch->len;
	else
		f->is_dead = true;
	return err;
}

enum err
ledgerfile_sync(struct ledgerfile *f)
{
	BUG_IF(f->is_dead);
	if (sys.fdatasync(f->file.fd) == 0)
		return ERR_OK;
	f->is_dead = true;
	return disk_err();
}
