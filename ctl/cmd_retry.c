/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_retry: makes parts due now. */
#include "ctl/ctl.h"
#include "ctl/order.h"

int
cmd_retry(struct ctl *ctl)
{
	return order_run(ctl, ORDER_RETRY);
}
