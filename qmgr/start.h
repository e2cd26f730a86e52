/* SPDX-License-Identifier: BSD-2-Clause */
/* start: builds the queue manager from spool and slots, in the one order. */
#ifndef QMGR_START_H
#define QMGR_START_H

struct svc;

/* The three calls of struct svc_ops. start_service() blocks while it reads
 * checkpoint and ledger: some seconds for a million messages. */
void start_service(struct svc *svc);
void start_reload(struct svc *svc);
void start_stop(struct svc *svc);

#endif /* QMGR_START_H */
