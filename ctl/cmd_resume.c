/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_resume: ends a suspension. */
#include "ctl/ctl.h"
#include "ctl/order.h"

int
cmd_resume(struct ctl *ctl)
{
	return order_run_resume(ctl);
}
