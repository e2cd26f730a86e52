/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_release: puts held mail back into the queue. */
#include "ctl/ctl.h"
#include "ctl/order.h"

int
cmd_release(struct ctl *ctl)
{
	return order_run(ctl, ORDER_RELEASE);
}
