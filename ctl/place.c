/* SPDX-License-Identifier: BSD-2-Clause */
/* place: configuration, directories and binaries of the instance. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "util/base/array.h"
#include "util/conf/snapshot.h"

#define ERRORS_BYTES 131072

const struct conf *
ctl_conf(struct ctl *ctl)
{
	static char text[ERRORS_BYTES];
	struct outbuf out = { text, 0, sizeof(text) };
	struct conf_snapshot snapshot;
	struct conf_errors errors;
	enum err err;

	if (ctl->conf != NULL)
		return ctl->conf;
	conf_snapshot_read(&snapshot, ctl->conf_path);
	conf_errors_init(&errors);
	err = conf_new(&ctl->conf, snapshot.blob, &errors);
	if (err != ERR_OK)
		conf_errors_put(&errors, &out);
	conf_errors_fini(&errors);
	conf_snapshot_fini(&snapshot);
	if (err == ERR_OK)
		return ctl->conf;
	(void)fflush(stdout);
	(void)fwrite(out.ptr, 1, out.len, stderr);
	_exit(EXIT_PERM);
}

void
ctl_libexec(const char *name, char *path)
{
	/* In the build tree, and installed. */
	static const char *const folders[] = { "../libexec",
		"../libexec/holdfast" };
	char own[CTL_PATH_BYTES];
	ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);
	size_t i;

	if (n <= 0)
		ctl_die(EXIT_TEMP, "/proc/self/exe: %s", strerror(errno));
	own[n] = '\0';
	*strrchr(own, '/') = '\0';
	for (i = 0; i < COUNT_OF(folders); i++) {
		if ((size_t)snprintf(path, CTL_PATH_BYTES, "%s/%s/%s", own,
		        folders[i], name) >= CTL_PATH_BYTES)
			ctl_die(EXIT_TEMP, "%s: path too long", own);
		if (access(path, X_OK) == 0)
			return;
	}
	ctl_die(EXIT_TEMP, "%s is not in %s/../libexec: %s", name, own,
	    strerror(errno));
}

void
ctl_state_path(struct ctl *ctl, const char *name, char *path)
{
	struct str dir = ctl_conf(ctl)->main.state_dir;

	if ((size_t)snprintf(path, CTL_PATH_BYTES, "%.*s/%s", STR_ARG(dir),
	        name) >= CTL_PATH_BYTES)
		ctl_die(EXIT_TEMP, "%.*s: path too long", STR_ARG(dir));
}

bool
ctl_is_locked(struct ctl *ctl)
{
	char path[CTL_PATH_BYTES];
	bool is_locked;
	int fd;

	ctl_state_path(ctl, "spool/lock", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return false;
	if (fd < 0)
		ctl_die(EXIT_TEMP, "%s: %s", path, strerror(errno));
	is_locked = flock(fd, LOCK_SH | LOCK_NB) != 0;
	(void)close(fd);
	return is_locked;
}
