/* SPDX-License-Identifier: BSD-2-Clause */
/* order_list: orders that are in hand, in force, or why mail is held. */
#ifndef CTL_ORDER_LIST_H
#define CTL_ORDER_LIST_H

#include <stdbool.h>

#include "ctl/ctl.h"
#include "util/mail/order.h"

/* Called for each, with its frame's views. */
typedef void order_list_fn(void *arg, const struct msg_order_row *row);

/* Asks for all of a kind that are kept. */
void order_list_each(
    struct ctl *ctl, enum order_kind kind, order_list_fn *fn, void *arg);

/* Prints them; returns the exit status. */
int order_list_print(struct ctl *ctl, enum order_kind kind, bool is_json);

#endif /* CTL_ORDER_LIST_H */
