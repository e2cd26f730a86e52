/* SPDX-License-Identifier: BSD-2-Clause */
/* order: what the commands that order something share. */
#ifndef CTL_ORDER_H
#define CTL_ORDER_H

#include "ctl/ctl.h"
#include "util/mail/order.h"

/* Options of a command that say which mail is meant, for its usage. */
#define ORDER_MATCH_USAGE \
	"[--queue PATTERN] [--tenant NAME] [--campaign NAME] [--domain NAME]"

/*
 * Reads the arguments of hold, release, cancel, move and retry, gives one order
 * for each queue id, or one for what matches, and prints what came of it.
 * Returns the highest exit status of the answers.
 */
int order_run(struct ctl *ctl, enum order_kind kind);

/* The same for suspend and resume. */
int order_run_suspend(struct ctl *ctl);
int order_run_resume(struct ctl *ctl);

#endif /* CTL_ORDER_H */
