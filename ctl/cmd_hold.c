/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_hold: keeps mail in the queue until a person decides. */
#include "ctl/ctl.h"
#include "ctl/order.h"

int
cmd_hold(struct ctl *ctl)
{
	return order_run(ctl, ORDER_HOLD);
}
