/* SPDX-License-Identifier: BSD-2-Clause */
/* segread: opens segment files and reads single records of them. */
#ifndef UTIL_SPOOL_SEGREAD_H
#define UTIL_SPOOL_SEGREAD_H

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/base/err.h"
#include "util/spool/record.h"
#include "util/text/str.h"

/* What the first read of segread_load() takes: a small message needs one. */
#define SEGREAD_FIRST_BYTES 8192

/*
 * In all of these: ERR_IO means that it could not be read now, for whatever
 * reason (errno tells): try again later, and conclude nothing (S6). ERR_SYNTAX
 * means that it was read, and is malformed.
 */

/* How a segment is opened: whatever has its name must not hold us up, or lead
 * us elsewhere. */
#define SEGREAD_OPEN_FLAGS (O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK)

/* What errno means after such an open. */
MUST_USE enum err segread_open_err(void);

/* ERR_SYNTAX: a directory, a pipe, a device. */
MUST_USE enum err segread_is_file(int fd);

/*
 * Opens the segment of that number in dir_fd, read-only, and decodes its
 * header. The caller closes *fd.
 *
 * ERR_NOTFOUND	there is no such file
 * ERR_SYNTAX	not a segment, malformed, or it has another number
 * ERR_RANGE	of a newer format version
 */
MUST_USE enum err segread_open(
    int *fd, struct segment_head *seg, int dir_fd, uint64_t number);

/* Decodes the header of an open segment, or its copy when it is malformed.
 * Errors as above. */
MUST_USE enum err segread_head(int fd, struct segment_head *seg);

/*
 * Tells whether fd is sealed, by its trailer and the CRC of its footer; the
 * trailer goes to *trailer, which may be NULL. Reads at most 2 MiB.
 *
 * ERR_NOTFOUND	it is not sealed
 * ERR_SYNTAX	it has a trailer, but the footer is malformed
 */
MUST_USE enum err segread_is_sealed(
    int fd, const struct segment_head *seg, struct segment_trailer *trailer);

/* --- one record ----------------------------------------------------------- */

/* A record that was loaded. */
struct segread_record {
	struct record_head head;
	struct str envelope;     /* in the buffer it was read into */
	uint64_t content_offset; /* in the file */
};

/*
 * Reads and decodes header and envelope of the record at block into buf, whose
 * cap is at least SEGREAD_FIRST_BYTES. buf->len becomes what was read, from
 * the header on: small content comes with it, at the envelope's end.
 *
 * ERR_NOTFOUND	no record begins there
 * ERR_SYNTAX	it is malformed, or the file ends within it
 * ERR_RANGE	of a newer format version
 * ERR_FULL	buf is too small: it takes RECORD_HEAD_BYTES and
 *		record->head.envelope_bytes, at most RECORD_FRONT_MAX_BYTES
 */
MUST_USE enum err segread_load(int fd, const struct segment_head *seg,
    uint32_t block, struct outbuf *buf, struct segread_record *record);

/* Checks the content of a record against its CRC, piece by piece. */
struct segread_content {
	uint64_t offset;
	uint64_t left;
	uint32_t crc;
	uint32_t want;
};

void segread_content_init(
    struct segread_content *c, const struct record_head *head, uint64_t offset);

/*
 * Reads the next cap bytes into buf.
 *
 * ERR_OK	all is read, and it is as it was written
 * ERR_AGAIN	so far; call again
 * ERR_SYNTAX	the CRC is wrong, or the file ends before
 */
MUST_USE enum err segread_content_step(
    struct segread_content *c, int fd, char *buf, size_t cap);

#endif /* UTIL_SPOOL_SEGREAD_H */
