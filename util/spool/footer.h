/* SPDX-License-Identifier: BSD-2-Clause */
/* footer: the act of sealing, for the writer and for who comes after it. */
#ifndef UTIL_SPOOL_FOOTER_H
#define UTIL_SPOOL_FOOTER_H

#include <stdint.h>

#include "util/base/err.h"
#include "util/spool/segfmt.h"

/* The records of a file, in order of block. */
struct footer {
	const struct segment_entry *entries;
	uint32_t n;     /* at most SEGMENT_RECORDS_MAX */
	uint32_t block; /* where the footer goes: behind the last record */
};

/*
 * Cuts the file behind the footer, writes it, syncs all.
 *
 * ERR_FULL	the disk is full; the file is not sealed
 * ERR_IO	anything else that failed; the file may be sealed or not
 */
MUST_USE enum err footer_write(
    int fd, const struct segment_head *head, const struct footer *footer);

#endif /* UTIL_SPOOL_FOOTER_H */
