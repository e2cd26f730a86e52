/* SPDX-License-Identifier: BSD-2-Clause */
/* quarantine: sets a copy of damaged bytes aside, with the reason. */
#ifndef UTIL_SPOOL_QUARANTINE_H
#define UTIL_SPOOL_QUARANTINE_H

#include <stdint.h>

#include "util/base/err.h"
#include "util/text/str.h"

/* Longest name of a file that bytes are taken from. */
#define QUARANTINE_NAME_MAX_BYTES 32

struct quarantine {
	int dir_fd;       /* quarantine/ */
	int fd;           /* file with the damaged bytes */
	const char *name; /* its name: at most QUARANTINE_NAME_MAX_BYTES */
	uint64_t offset;
	uint64_t bytes; /* from there; as many of them as the file has */
	struct str why; /* a line for people */
};

/*
 * Copies the bytes to NAME-OFFSET (hex), and the reason to NAME-OFFSET.why;
 * both are durable then. Neither name appears before its file is complete.
 * What is there already is not copied again. Blocks.
 *
 * ERR_EXISTS	it was set aside before; nothing was done
 * ERR_FULL	the disk is full
 * ERR_IO	cannot be read (then it is not known to be damaged, S6) or
 *		written; errno tells
 */
MUST_USE enum err quarantine_copy(const struct quarantine *q);

#endif /* UTIL_SPOOL_QUARANTINE_H */
