/* SPDX-License-Identifier: BSD-2-Clause */
/* disk: whole reads and writes, and files that appear only when complete. */
#include "util/spool/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "util/base/fatal.h"
#include "util/io/sys.h"

#define PROC_PATH_BYTES 32
/* The umask of a process that is alone takes the group's part away. */
#define FILE_MODE 0660

enum err
disk_err(void)
{
	return errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO;
}

enum err
disk_size(int fd, uint64_t *bytes)
{
	struct stat st;

	if (sys.fstat(fd, &st) != 0)
		return ERR_IO;
	*bytes = st.st_size > 0 ? (uint64_t)st.st_size : 0;
	return ERR_OK;
}

enum err
disk_read(int fd, void *p, size_t n, uint64_t offset, size_t *got)
{
	ssize_t r;

	*got = 0;
	while (*got < n) {
		r = sys.pread(
		    fd, (char *)p + *got, n - *got, (off_t)(offset + *got));
		if (r == 0)
			break;
		if (r < 0 && errno != EINTR)
			return ERR_IO;
		if (r > 0)
			*got += (size_t)r;
	}
	return ERR_OK;
}

enum err
disk_write(int fd, const void *p, size_t n, uint64_t offset)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)p, .iov_len = n };

	return disk_writev(fd, &iov, 1, offset);
}

/* Drops n bytes from the front of the pieces. */
static void
skip_pieces(struct iovec **iov, size_t *n_iov, size_t n)
{
	while (*n_iov > 0 && n >= (*iov)->iov_len) {
		n -= (*iov)->iov_len;
		(*iov)++;
		(*n_iov)--;
	}
	if (*n_iov == 0)
		return;
	(*iov)->iov_base = (char *)(*iov)->iov_base + n;
	(*iov)->iov_len -= n;
}

enum err
disk_writev(int fd, struct iovec *iov, size_t n, uint64_t offset)
{
	ssize_t w;

	skip_pieces(&iov, &n, 0);
	while (n > 0) {
		w = sys.pwritev(fd, iov, (int)n, (off_t)offset);
		if (w < 0 && errno == EINTR)
			continue;
		if (w == 0)
			errno = EIO; /* no progress, no error: not a disk */
		if (w <= 0)
			return disk_err();
		offset += (uint64_t)w;
		skip_pieces(&iov, &n, (size_t)w);
	}
	return ERR_OK;
}

/* Where there is no O_TMPFILE (NFS, FUSE), or no /proc to name it by. */
static enum err
create_dotted(struct disk_file *f, const char *name)
{
	(void)snprintf(f->temp, sizeof(f->temp), ".%s.new", name);
	f->fd = sys.openat(f->dir_fd, f->temp,
	    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
	if (f->fd < 0)
		f->temp[0] = '\0';
	return f->fd < 0 ? disk_err() : ERR_OK;
}

static void
proc_path(int fd, char path[PROC_PATH_BYTES])
{
	(void)snprintf(path, PROC_PATH_BYTES, "/proc/self/fd/%d", fd);
}

/* False: a file without a name could never get one. */
static bool
has_proc(int fd)
{
	char path[PROC_PATH_BYTES];

	proc_path(fd, path);
	return faccessat(AT_FDCWD, path, F_OK, 0) == 0;
}

static enum err
create_unnamed(struct disk_file *f)
{
	f->fd = sys.openat(
	    f->dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, FILE_MODE);
	if (f->fd >= 0 && !has_proc(f->fd)) {
		(void)close(f->fd);
		f->fd = -1;
		errno = EOPNOTSUPP;
	}
	if (f->fd >= 0)
		return ERR_OK;
	/* EISDIR: a kernel or file system that takes "." at its word. */
	if (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)
		return ERR_NOTFOUND;
	return disk_err();
}

bool
disk_needs_names(int dir_fd)
{
	struct disk_file f = { .fd = -1, .dir_fd = dir_fd };
	enum err err = create_unnamed(&f);

	disk_file_fini(&f);
	return err == ERR_NOTFOUND;
}

enum err
disk_file_create(struct disk_file *f, int dir_fd, const char *name)
{
	enum err err;

	BUG_IF(strlen(name) > DISK_NAME_MAX_BYTES);
	*f = (struct disk_file){ .fd = -1, .dir_fd = dir_fd };
	err = create_unnamed(f);
	if (err == ERR_NOTFOUND)
		err = create_dotted(f, name);
	if (err != ERR_OK)
		return err;
	if (sys.flock(f->fd, LOCK_EX | LOCK_NB) != 0) {
		disk_file_fini(f);
		return ERR_IO;
	}
	return ERR_OK;
}

/* linkat, not renameat: it never takes a name from another file. */
static int
link_name(struct disk_file *f, const char *name)
{
	char path[PROC_PATH_BYTES];

	if (f->temp[0] != '\0')
		return sys.linkat(f->dir_fd, f->temp, f->dir_fd, name, 0);
	proc_path(f->fd, path);
	return sys.linkat(AT_FDCWD, path, f->dir_fd, name, AT_SYMLINK_FOLLOW);
}

static void
remove_temp(struct disk_file *f)
{
	int saved = errno;

	/* What fails stays behind under a name that no scan reads. */
	if (f->temp[0] != '\0')
		(void)sys.unlinkat(f->dir_fd, f->temp, 0);
	f->temp[0] = '\0';
	errno = saved;
}

enum err
disk_file_link(struct disk_file *f, const char *name)
{
	BUG_IF(strlen(name) > DISK_NAME_MAX_BYTES);
	if (sys.fsync(f->fd) != 0)
		return ERR_IO;
	if (link_name(f, name) != 0)
		return errno == EEXIST ? ERR_EXISTS : disk_err();
	remove_temp(f);
	return sys.fsync(f->dir_fd) == 0 ? ERR_OK : disk_err();
}

void
disk_file_fini(struct disk_file *f)
{
	int saved = errno;

	remove_temp(f);
	if (f->fd >= 0)
		(void)close(f->fd);
	f->fd = -1;
	errno = saved;
}
