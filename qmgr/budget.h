/* SPDX-License-Identifier: BSD-2-Clause */
/* budget: how much memory there is for us. */
#ifndef QMGR_BUDGET_H
#define QMGR_BUDGET_H

#include <stdint.h>

#include "util/text/str.h"

/* The least limit (memory.max, memory.high) of our control group and those
 * above it, or else the memory of the machine. What cannot be read counts as no
 * limit. Reads files that the kernel makes up: does not wait for a disk. */
uint64_t budget_memory_bytes(void);

/* The same with /proc/self/cgroup as text and the groups below root;
 * UINT64_MAX: no limit. Version 2 alone: version 1 has no line "0::". */
uint64_t budget_of_group(const char *root, struct str text);

#endif /* QMGR_BUDGET_H */
