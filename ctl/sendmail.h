/* SPDX-License-Identifier: BSD-2-Clause */
/* sendmail: what the files of the sendmail command share. */
#ifndef CTL_SENDMAIL_H
#define CTL_SENDMAIL_H

#include <sysexits.h>

#include "ctl/ctl.h"

/* Ends with a status of sysexits.h, after "sendmail: ..." on standard error. */
NORETURN void sendmail_die(int status, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Does what the options say, as sendmail or as mailq; returns the exit status,
 * of sysexits.h. */
int sendmail_run(struct ctl *ctl, bool is_mailq);

/* Prints the queue as mailq does; returns the exit status. */
int mailq_print(struct ctl *ctl);

#endif /* CTL_SENDMAIL_H */
