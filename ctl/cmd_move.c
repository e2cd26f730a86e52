/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_move: puts mail into another queue: tenant, campaign, way to go. */
#include "ctl/ctl.h"
#include "ctl/order.h"

int
cmd_move(struct ctl *ctl)
{
	return order_run(ctl, ORDER_MOVE);
}
