/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_check: holdfast check: looks for errors in the configuration. */
#include <stdio.h>

#include "ctl/ctl.h"

int
cmd_check(struct ctl *ctl)
{
	ctl_check_args(ctl, 0, 0);
	(void)ctl_conf(ctl);
	(void)printf("%s: OK\n", ctl->conf_path);
	return CTL_FINE;
}
