/* SPDX-License-Identifier: BSD-2-Clause */
/* look: whether a start would go well: what `holdfast check` prints. */
#include "master/look.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "master/holder.h"
#include "master/inuse.h"
#include "master/state.h"
#include "util/base/fatal.h"
#include "util/io/sock.h"

#define PATH_BYTES 1200
#define NAME_BYTES 64

static void
warn(const char *what, const char *why)
{
	(void)fprintf(stderr, "warning: %s: %s\n", what, why);
}

/* --- addresses ------------------------------------------------------------ */

/* Of the relay that runs in this state_dir; 0: none does, or none is seen. */
static long
running_pid(const struct state *state)
{
	long pid = 0;
	int fd = -1;

	if (state->spool >= 0)
		fd = openat(state->spool, "lock", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	pid = holder_find(fd);
	(void)close(fd);
	return pid;
}

/* "812 (postfix)". */
static const char *
process_name(long pid, char text[NAME_BYTES])
{
	char path[NAME_BYTES], name[NAME_BYTES / 2] = "";
	int fd;
	ssize_t n = 0;

	(void)snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, name, sizeof(name) - 1);
		(void)close(fd);
	}
	name[n > 0 ? n - 1 : 0] = '\0'; /* less its newline */
	(void)snprintf(text, NAME_BYTES, "%ld (%s)", pid, name);
	return text;
}

/* In use: by whom decides. False: a start could not have it. */
static bool
look_at_user(const struct sock_addr *a, const char *text, long ours)
{
	char name[NAME_BYTES];
	long pid = 0;

	switch (inuse_find(a, ours, &pid)) {
	case INUSE_OURS:
		return true;
	case INUSE_KEPT:
		warn(text,
		    "process 1 listens there: well if it keeps the "
		    "socket for this relay");
		return true;
	case INUSE_UNKNOWN:
		warn(text,
		    "in use, by whom cannot be seen: well if it is "
		    "this relay, or kept for it");
		return true;
	case INUSE_OTHER:
		break;
	}
	(void)fprintf(stderr, "%s: process %s listens there already\n", text,
	    process_name(pid, name));
	return false;
}

/* The folder, and what has the name. */
static enum err
look_at_path(const char *path)
{
	char dir[PATH_BYTES];
	struct stat st;
	char *slash;

	if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		return ERR_EXISTS;
	}
	(void)snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (slash == NULL)
		return ERR_OK;
	slash[slash == dir ? 1 : 0] = '\0';
	return faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) == 0 ? ERR_OK
	                                                              : ERR_IO;
}

static bool
look_at_address(struct str address, long ours)
{
	char bytes[SOCK_TEXT_MAX_BYTES + 1];
	struct sock_addr a;
	enum err err;

	(void)snprintf(bytes, sizeof(bytes), "%.*s", STR_ARG(address));
	err = sock_parse(&a, address);
	if (err != ERR_OK)
		errno = EINVAL;
	else if (a.family == SOCK_UNIX)
		err = look_at_path(a.path);
	else
		err = sock_try_bind(&a);
	if (err == ERR_OK)
		return true;
	if (errno == EADDRINUSE)
		return look_at_user(&a, bytes, ours);
	if (errno == EACCES && geteuid() != 0) {
		warn(bytes, "only root could listen there");
		return true;
	}
	(void)fprintf(
	    stderr, "%s: cannot listen: %s\n", bytes, strerror(errno));
	return false;
}

static bool
look_at_addresses(const struct conf *conf, long ours)
{
	const struct conf_listener *l;
	bool is_fine = true;
	uint32_t i, k;

	for (i = 0; i < conf->n_listener; i++) {
		l = &conf->listener[i];
		for (k = 0; k < l->address.n; k++)
			if (!look_at_address(l->address.items[k], ours))
				is_fine = false;
	}
	return is_fine;
}

/* --- all of it ------------------------------------------------------------ */

int
look(const struct conf *conf, const char *conf_path)
{
	struct state state;
	bool is_fine;

	if (!state_look(&state, conf->main.state_dir))
		warn(conf->main.state_dir.ptr,
		    "only root and its owner can look there, and start it");
	else if (geteuid() == 0 && !state.is_separated)
		warn("all processes will run as one user", state.unseparated);
	is_fine = look_at_addresses(conf, running_pid(&state));
	state_close(&state);
	if (!is_fine)
		return EXIT_TEMP;
	(void)printf("%s: OK\n", conf_path);
	return 0;
}
