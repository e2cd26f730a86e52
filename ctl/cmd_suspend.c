/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_suspend: keeps queues from delivering, for a time. */
#include "ctl/ctl.h"
#include "ctl/order.h"

int
cmd_suspend(struct ctl *ctl)
{
	return order_run_suspend(ctl);
}
