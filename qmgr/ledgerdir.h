/* SPDX-License-Identifier: BSD-2-Clause */
/* ledgerdir: which files of the ledger, and which checkpoints, there are. */
#ifndef QMGR_LEDGERDIR_H
#define QMGR_LEDGERDIR_H

#include <stddef.h>
#include <stdint.h>

#include "util/base/err.h"
#include "util/spool/ledger.h"

/* Most files of one kind; beyond that something is very wrong with us. */
#define LEDGERDIR_MAX (1u << 20)

/* Numbers of files, in rising order. Embedded in its owner. */
struct ledgerdir {
	uint64_t *numbers;
	size_t n, cap;
};

/*
 * Lists the files of that kind. Blocks.
 *
 * ERR_FULL	no memory, or more than LEDGERDIR_MAX
 * ERR_IO	the directory cannot be read now; errno tells
 */
MUST_USE enum err ledgerdir_list(
    struct ledgerdir *l, int dir_fd, enum ledger_kind kind);

/* Also after an error, and harmless when done again. */
void ledgerdir_fini(struct ledgerdir *l);

/* Removes the files of that kind with lower numbers, but for the n in keep, in
 * rising order, as far as it can: what stays goes the next time. Blocks. */
void ledgerdir_remove(int dir_fd, enum ledger_kind kind, uint64_t before,
    const uint64_t *keep, size_t n);

#endif /* QMGR_LEDGERDIR_H */
