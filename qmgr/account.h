/* SPDX-License-Identifier: BSD-2-Clause */
/* account: what a spool holds while nobody runs. */
#ifndef QMGR_ACCOUNT_H
#define QMGR_ACCOUNT_H

/* `qmgr --account STATE_DIR`: reads a spool whose lock nobody holds, before and
 * afterwards; changes nothing, prints the line of util/svc/account.h. Returns
 * the exit status 0; all else ends in fatal_conf() (100: not a spool of this
 * version) or fatal() (111: in use, or it cannot be read now). */
int account_main(const char *state_dir);

#endif /* QMGR_ACCOUNT_H */
