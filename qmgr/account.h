/* SPDX-License-Identifier: BSD-2-Clause */
/* account: what a spool holds while nobody runs. */
#ifndef QMGR_ACCOUNT_H
#define QMGR_ACCOUNT_H

/* `qmgr --account STATE_DIR`: reads the spool under its lock, changes nothing,
 * prints the line of util/svc/account.h. Returns the exit status: 0, 100 (not
 * a spool of this version), 111 (in use, or cannot be read now). */
int account_main(const char *state_dir);

#endif /* QMGR_ACCOUNT_H */
