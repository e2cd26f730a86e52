/* SPDX-License-Identifier: BSD-2-Clause */
/* load: reads the configuration, for master and as a memfd for its children. */
#include "master/load.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/conf/snapshot.h"
#include "util/io/sys.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)

static enum err
write_all(int fd, struct str blob)
{
	ssize_t n;

	while (blob.len > 0) {
		n = sys.write(fd, blob.ptr, blob.len);
		if (n <= 0)
			return ERR_IO;
		str_skip(&blob, (size_t)n);
	}
	return fcntl(fd, F_ADD_SEALS, SEALS) == 0 ? ERR_OK : ERR_IO;
}

static enum err
make_memfd(struct str blob, int *fd)
{
	*fd = memfd_create("configuration", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*fd < 0)
		return ERR_IO;
	if (write_all(*fd, blob) == ERR_OK)
		return ERR_OK;
	(void)close(*fd);
	return ERR_IO;
}

static enum err
parse(struct loaded *loaded, struct str blob, struct outbuf *text)
{
	struct conf_errors errors;
	enum err err;

	conf_errors_init(&errors);
	err = conf_new(&loaded->conf, blob, &errors);
	if (err != ERR_OK)
		conf_errors_put(&errors, text);
	conf_errors_fini(&errors);
	return err;
}

enum err
load_conf(struct loaded *loaded, const char *path, struct outbuf *text)
{
	struct conf_snapshot snapshot;
	enum err err;

	*loaded = (struct loaded){ .fd = -1 };
	conf_snapshot_read(&snapshot, path);
	err = parse(loaded, snapshot.blob, text);
	if (err == ERR_OK)
		err = make_memfd(snapshot.blob, &loaded->fd);
	if (err == ERR_IO) {
		(void)!outbuf_printf(
		    text, "%s: memfd: %s", path, strerror(errno));
		conf_free(&loaded->conf);
	}
	conf_snapshot_fini(&snapshot);
	return err;
}
