/* SPDX-License-Identifier: BSD-2-Clause */
/* confs: the configuration in force, and older ones that are held still. */
#include "util/svc/confs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/base/fatal.h"
#include "util/conf/snapshot.h"
#include "util/io/sys.h"

void
confs_init(struct confs *confs)
{
	*confs = (struct confs){ .current = 0 };
}

void
confs_fini(struct confs *confs)
{
	uint32_t i;

	for (i = 0; i < SVC_CONFS_MAX; i++)
		conf_free(&confs->items[i].conf);
	confs_init(confs);
}

/* The bytes of fd; NULL: no memory, or it cannot be read; errno tells. */
static char *
read_memfd(int fd, struct str *blob)
{
	struct stat st;
	char *bytes;
	ssize_t n;

	if (sys.fstat(fd, &st) != 0)
		return NULL;
	if (st.st_size < 0 || st.st_size > CONF_SNAPSHOT_MAX_BYTES) {
		errno = EFBIG;
		return NULL;
	}
	bytes = malloc((size_t)st.st_size + 1);
	if (bytes == NULL)
		return NULL;
	n = sys.pread(fd, bytes, (size_t)st.st_size, 0);
	if (n != st.st_size) {
		free(bytes);
		return NULL;
	}
	*blob = (struct str){ bytes, (size_t)n };
	return bytes;
}

enum err
confs_read(int fd, struct conf **conf, struct outbuf *text)
{
	struct conf_errors errors;
	struct str blob;
	char *bytes = read_memfd(fd, &blob);
	enum err err;

	if (bytes == NULL) {
		(void)!outbuf_printf(
		    text, "configuration snapshot: %s", strerror(errno));
		return ERR_IO;
	}
	conf_errors_init(&errors);
	err = conf_new(conf, blob, &errors);
	if (err != ERR_OK)
		conf_errors_put(&errors, text);
	conf_errors_fini(&errors);
	free(bytes);
	return err;
}

/* A free place; SVC_CONFS_MAX: there is none. */
static uint32_t
free_place(const struct confs *confs)
{
	uint32_t i;

	for (i = 0; i < SVC_CONFS_MAX; i++)
		if (confs->items[i].conf == NULL)
			break;
	return i;
}

bool
confs_has_room(const struct confs *confs)
{
	return free_place(confs) < SVC_CONFS_MAX;
}

void
confs_put(struct confs *confs, struct conf *conf)
{
	uint32_t i = free_place(confs);

	BUG_IF(i == SVC_CONFS_MAX);
	confs->items[i] = (struct held_conf){ .conf = conf };
	confs->current = i;
}

struct conf *
confs_current(struct confs *confs)
{
	return confs->items[confs->current].conf;
}

void
confs_sweep(struct confs *confs)
{
	uint32_t i;

	for (i = 0; i < SVC_CONFS_MAX; i++)
		if (i != confs->current && confs->items[i].holds == 0)
			conf_free(&confs->items[i].conf);
}

const struct conf *
confs_hold(struct confs *confs)
{
	confs->items[confs->current].holds++;
	return confs_current(confs);
}

void
confs_drop(struct confs *confs, const struct conf *conf)
{
	uint32_t i;

	for (i = 0; i < SVC_CONFS_MAX; i++)
		if (confs->items[i].conf == conf)
			break;
	BUG_IF(i == SVC_CONFS_MAX || confs->items[i].holds == 0);
	confs->items[i].holds--;
	if (i != confs->current && confs->items[i].holds == 0)
		conf_free(&confs->items[i].conf);
}
