/* SPDX-License-Identifier: BSD-2-Clause */
/* spawn: executes a daemon with its end of the status pair. */
#include "master/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/svc/notify.h"
#include "util/svc/svc.h"

#define PATH_BYTES 4352

/* The path of a program in the folder that this one was executed from. */
static enum err
sibling(const char *name, char *path, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", path, size - 1);
	char *slash;
	size_t room;

	if (n <= 0)
		return ERR_IO;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (slash == NULL) {
		errno = ENOENT;
		return ERR_IO;
	}
	room = size - (size_t)(slash + 1 - path);
	if ((size_t)snprintf(slash + 1, room, "%s", name) >= room) {
		errno = ENAMETOOLONG;
		return ERR_IO;
	}
	return ERR_OK;
}

/* 0 or an errno, as all of posix_spawn. */
static int
set_files(posix_spawn_file_actions_t *files, int pair_fd, bool is_foreground)
{
	int e;

	e = posix_spawn_file_actions_addopen(
	    files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (e == 0 && !is_foreground)
		e = posix_spawn_file_actions_addopen(
		    files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (e == 0 && !is_foreground)
		e = posix_spawn_file_actions_adddup2(
		    files, STDOUT_FILENO, STDERR_FILENO);
	if (e == 0)
		e = posix_spawn_file_actions_adddup2(files, pair_fd, SVC_FD);
	return e;
}

static int
set_signals(posix_spawnattr_t *attr)
{
	sigset_t none, all;
	int e;

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	e = posix_spawnattr_setsigmask(attr, &none);
	if (e == 0)
		e = posix_spawnattr_setsigdefault(attr, &all);
	if (e == 0)
		e = posix_spawnattr_setflags(
		    attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	return e;
}

/* Our environment less what is for the main process; NULL: no memory. Of its
 * own memory it has the array only. */
static char **
environment(void)
{
	char **env;
	size_t n = 0, k = 0, i;

	while (environ[n] != NULL)
		n++;
	env = calloc(n + 1, sizeof(*env));
	for (i = 0; env != NULL && i < n; i++)
		if (!notify_is_private(environ[i]))
			env[k++] = environ[i];
	return env;
}

static int
execute(const char *path, const char *name, const posix_spawnattr_t *attr,
    const posix_spawn_file_actions_t *files, pid_t *pid)
{
	char argv0[NAME_MAX + 1];
	char *argv[] = { argv0, NULL };
	char **env = environment();
	int e;

	if (env == NULL)
		return ENOMEM;
	(void)snprintf(argv0, sizeof(argv0), "%s", name);
	e = posix_spawn(pid, path, files, attr, argv, env);
	free(env);
	return e;
}

enum err
spawn_daemon(const char *name, int pair_fd, bool is_foreground, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	char path[PATH_BYTES];
	int e;

	if (sibling(name, path, sizeof(path)) != ERR_OK)
		return ERR_IO;
	e = posix_spawn_file_actions_init(&files);
	if (e != 0) {
		errno = e;
		return ERR_IO;
	}
	e = posix_spawnattr_init(&attr);
	if (e == 0) {
		e = set_files(&files, pair_fd, is_foreground);
		if (e == 0)
			e = set_signals(&attr);
		if (e == 0)
			e = execute(path, name, &attr, &files, pid);
		(void)posix_spawnattr_destroy(&attr);
	}
	(void)posix_spawn_file_actions_destroy(&files);
	errno = e;
	return e == 0 ? ERR_OK : ERR_IO;
}
