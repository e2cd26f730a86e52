/* SPDX-License-Identifier: BSD-2-Clause */
/* holder: which process has a locked file open. */
#include "master/holder.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/text/num.h"
#include "util/text/str.h"

#define PATH_MAX_BYTES 64
#define PID_MAX_BYTES 32

/* The number a directory entry or a file's text is; 0: it is none. */
static long
number(struct str text)
{
	uint64_t n;

	return num_u64(str_trim(text), INT32_MAX, &n) == ERR_OK ? (long)n : 0;
}

bool
holder_has(long pid, const struct stat *st)
{
	char path[PATH_MAX_BYTES];
	struct dirent *entry;
	struct stat other;
	bool is_found = false;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%ld/fd", pid);
	dir = opendir(path);
	if (dir == NULL)
		return false;
	while (!is_found && (entry = readdir(dir)) != NULL)
		is_found = fstatat(dirfd(dir), entry->d_name, &other, 0) == 0 &&
		    other.st_dev == st->st_dev && other.st_ino == st->st_ino;
	(void)closedir(dir);
	return is_found;
}

long
holder_search(const struct stat *st)
{
	struct dirent *entry;
	long found = 0;
	long pid;
	DIR *dir = opendir("/proc");

	if (dir == NULL)
		return 0;
	while (found == 0 && (entry = readdir(dir)) != NULL) {
		pid = number(str_from_c(entry->d_name));
		if (pid > 0 && pid != (long)getpid() && holder_has(pid, st))
			found = pid;
	}
	(void)closedir(dir);
	return found;
}

/* The pid that the file names, if such a process lives and is another. */
static long
named(int fd)
{
	char bytes[PID_MAX_BYTES];
	ssize_t n = pread(fd, bytes, sizeof(bytes), 0);
	long pid;

	if (n <= 0)
		return 0;
	pid = number((struct str){ bytes, (size_t)n });
	if (pid <= 0 || pid == (long)getpid() || kill((pid_t)pid, 0) != 0)
		return 0;
	return pid;
}

/* A pid that is named may be somebody else's by now: who is seen to have the
 * file open goes first. */
long
holder_find(int fd)
{
	long pid = named(fd);
	struct stat st;
	long found;

	if (fstat(fd, &st) != 0 || (pid > 0 && holder_has(pid, &st)))
		return pid;
	found = holder_search(&st);
	return found > 0 ? found : pid;
}
