/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_cancel: ends mail without a notice. */
#include "ctl/ctl.h"
#include "ctl/order.h"

int
cmd_cancel(struct ctl *ctl)
{
	return order_run(ctl, ORDER_CANCEL);
}
