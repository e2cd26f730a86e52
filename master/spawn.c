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

enum err
spawn_path(const char *name, char *path, size_t size)
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

/* argv, whose first is the program's name, with our environment. ERR_IO: errno
 * tells. */
static enum err
execute(char *const *argv, const posix_spawn_file_actions_t *files, pid_t *pid)
{
	char path[SPAWN_PATH_BYTES];
	posix_spawnattr_t attr;
	char **env = environment();
	int e = env == NULL ? ENOMEM : 0;

	if (spawn_path(argv[0], path, sizeof(path)) != ERR_OK)
		e = errno;
	if (e == 0)
		e = posix_spawnattr_init(&attr);
	if (e == 0) {
		e = set_signals(&attr);
		if (e == 0)
			e = posix_spawn(pid, path, files, &attr, argv, env);
		(void)posix_spawnattr_destroy(&attr);
	}
	free(env);
	errno = e;
	return e == 0 ? ERR_OK : ERR_IO;
}

enum err
spawn_daemon(const char *name, int pair_fd, bool is_foreground, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	char argv0[NAME_MAX + 1];
	char *argv[] = { argv0, NULL };
	enum err err = ERR_IO;
	int e;

	(void)snprintf(argv0, sizeof(argv0), "%s", name);
	e = posix_spawn_file_actions_init(&files);
	if (e == 0) {
		e = set_files(&files, pair_fd, is_foreground);
		if (e == 0)
			err = execute(argv, &files, pid);
		else
			errno = e;
		(void)posix_spawn_file_actions_destroy(&files);
	} else
		errno = e;
	return err;
}

enum err
spawn_check(const char *conf_path, int out_fd, pid_t *pid)
{
	char name[] = "master", t[] = "-t", c[] = "-c", conf[SPAWN_PATH_BYTES];
	char *argv[] = { name, t, c, conf, NULL };
	posix_spawn_file_actions_t files;
	enum err err = ERR_IO;
	int e;

	if ((size_t)snprintf(conf, sizeof(conf), "%s", conf_path) >=
	    sizeof(conf)) {
		errno = ENAMETOOLONG;
		return ERR_IO;
	}
	e = posix_spawn_file_actions_init(&files);
	if (e == 0) {
		e = posix_spawn_file_actions_adddup2(
		    &files, out_fd, STDOUT_FILENO);
		if (e == 0)
			e = posix_spawn_file_actions_adddup2(
			    &files, out_fd, STDERR_FILENO);
		if (e == 0)
			err = execute(argv, &files, pid);
		(void)posix_spawn_file_actions_destroy(&files);
	}
	if (e != 0)
		errno = e;
	return err;
}
