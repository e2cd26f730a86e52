/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_check: holdfast check: whether a start would go well. */
#include "ctl/ctl.h"

int
cmd_check(struct ctl *ctl)
{
	ctl_check_args(ctl, 0, 0);
	/* Errors in it are told in full here; all else is for the master, which
	 * would start with it. */
	(void)ctl_conf(ctl);
	ctl_become_master(ctl, "-t");
}
