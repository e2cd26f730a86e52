/* SPDX-License-Identifier: BSD-2-Clause */
/* disk: whole reads and writes, and files that appear only when complete. */
#ifndef UTIL_SPOOL_DISK_H
#define UTIL_SPOOL_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "util/base/err.h"

/* Longest name that disk_link() gives, and the size of its own name for a
 * file without one. */
#define DISK_NAME_MAX_BYTES 64
#define DISK_TEMP_BYTES (DISK_NAME_MAX_BYTES + 6)

/* What errno means for a file: ERR_FULL when the disk is, else ERR_IO. */
MUST_USE enum err disk_err(void);

/* Length of a file. ERR_IO: cannot be told now; errno tells. */
MUST_USE enum err disk_size(int fd, uint64_t *bytes);

/* Reads n bytes at offset, or up to the end of the file: *got says how many.
 * ERR_IO: not readable now; errno tells. */
MUST_USE enum err disk_read(
    int fd, void *p, size_t n, uint64_t offset, size_t *got);

/* Writes n bytes at offset, as often as it takes. Errors of disk_err(). */
MUST_USE enum err disk_write(int fd, const void *p, size_t n, uint64_t offset);

/* Writes n pieces (at most IOV_MAX), one behind the other; iov is used up.
 * Errors of disk_err(). */
MUST_USE enum err disk_writev(
    int fd, struct iovec *iov, size_t n, uint64_t offset);

/*
 * A file that has no name yet. Where the file system cannot make one without
 * (temp is then not empty) it has a name with a dot in front, which no scan
 * reads; it stays behind if the process ends before disk_link().
 */
struct disk_file {
	int fd; /* -1: none */
	int dir_fd;
	char temp[DISK_TEMP_BYTES]; /* ".NAME.new", or "" */
};

/* Whether files made in the directory have a name from the beginning, which is
 * to be taken away later. */
bool disk_needs_names(int dir_fd);

/* Makes a file, to be called name later; readable and writable by its owner
 * alone. The lock comes before the name (S3): it is locked when this returns.
 * Errors of disk_err(). */
MUST_USE enum err disk_file_create(
    struct disk_file *f, int dir_fd, const char *name);

/*
 * Syncs the file and gives it its name, durably. A name that exists is left
 * as it is.
 *
 * ERR_EXISTS	the name is taken; another may be tried
 *
 * and errors of disk_err(). The file stays open in any case.
 */
MUST_USE enum err disk_file_link(struct disk_file *f, const char *name);

/* Closes the file; one that has got no name is gone. */
void disk_file_fini(struct disk_file *f);

#endif /* UTIL_SPOOL_DISK_H */
