/* SPDX-License-Identifier: BSD-2-Clause */
/* look: whether a start would go well: what `holdfast check` prints. */
#ifndef MASTER_LOOK_H
#define MASTER_LOOK_H

#include "util/conf/conf.h"

/*
 * Looks at the users, at state_dir with its owners, and at all addresses;
 * changes nothing, also beside a relay that runs. What a start would cope with
 * is a warning. Returns the exit status, or ends with it.
 */
int look(const struct conf *conf, const char *conf_path);

#endif /* MASTER_LOOK_H */
