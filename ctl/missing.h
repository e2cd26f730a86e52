/* SPDX-License-Identifier: BSD-2-Clause */
/* missing: parts whose record is not where it was. */
#ifndef CTL_MISSING_H
#define CTL_MISSING_H

#include <stdbool.h>

#include "ctl/ctl.h"

/* Asks qmgr for all of them and prints a line, or an object, for each; what
 * goes wrong ends the command. */
void missing_print(struct ctl *ctl, bool is_json);

#endif /* CTL_MISSING_H */
