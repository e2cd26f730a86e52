/* SPDX-License-Identifier: BSD-2-Clause */
/* quarantine: sets a copy of damaged bytes aside, with the reason. */
#include "util/spool/quarantine.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/base/fatal.h"
#include "util/spool/disk.h"

#define CHUNK_BYTES 16384
#define NAME_BYTES (DISK_NAME_MAX_BYTES + 1)

/* Gives the file its name; what is there already is as good. */
static enum err
finish(struct disk_file *f, const char *name, enum err err)
{
	if (err == ERR_OK)
		err = disk_file_link(f, name);
	disk_file_fini(f);
	return err;
}

static enum err
write_why(const struct quarantine *q, const char *name)
{
	struct disk_file f;
	enum err err;

	err = disk_file_create(&f, q->dir_fd, name);
	if (err != ERR_OK)
		return err;
	err = disk_write(f.fd, q->why.ptr, q->why.len, 0);
	if (err == ERR_OK)
		err = disk_write(f.fd, "\n", 1, q->why.len);
	err = finish(&f, name, err);
	return err == ERR_EXISTS ? ERR_OK : err;
}

static enum err
copy_bytes(const struct quarantine *q, int to)
{
	char chunk[CHUNK_BYTES];
	uint64_t done = 0;
	size_t n, got;
	enum err err;

	while (done < q->bytes) {
		n = sizeof(chunk);
		if (n > q->bytes - done)
			n = (size_t)(q->bytes - done);
		err = disk_read(q->fd, chunk, n, q->offset + done, &got);
		if (err != ERR_OK)
			return err;
		if (got == 0)
			return ERR_OK;
		err = disk_write(to, chunk, got, done);
		if (err != ERR_OK)
			return err;
		done += got;
	}
	return ERR_OK;
}

static enum err
write_copy(const struct quarantine *q, const char *name)
{
	struct disk_file f;
	enum err err;

	err = disk_file_create(&f, q->dir_fd, name);
	if (err != ERR_OK)
		return err;
	err = copy_bytes(q, f.fd);
	return finish(&f, name, err);
}

enum err
quarantine_copy(const struct quarantine *q)
{
	char name[NAME_BYTES], why[NAME_BYTES];
	enum err err;

	BUG_IF(strlen(q->name) > QUARANTINE_NAME_MAX_BYTES);
	(void)snprintf(
	    name, sizeof(name), "%s-%016" PRIx64, q->name, q->offset);
	(void)snprintf(
	    why, sizeof(why), "%s-%016" PRIx64 ".why", q->name, q->offset);
	if (faccessat(q->dir_fd, name, F_OK, 0) == 0)
		return ERR_EXISTS;
	/* The reason first: so a copy is never without one. */
	err = write_why(q, why);
	return err == ERR_OK ? write_copy(q, name) : err;
}
