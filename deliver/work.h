/* SPDX-License-Identifier: BSD-2-Clause */
/* work: the link with qmgr: frames in, frames out. */
#ifndef DELIVER_WORK_H
#define DELIVER_WORK_H

#include "util/proto/messages.h"

struct conn;
struct deliver;
struct lease;
struct svc;

/* The three calls of struct svc_ops. */
void work_start(struct svc *svc);
void work_reload(struct svc *svc);
void work_stop(struct svc *svc);

/*
 * Each sends a frame, or drops it while there is no qmgr: one that comes is
 * told what we hold, and then gets the results that were kept. Output is
 * bounded by leases and connections, of which qmgr gives no more before it has
 * read our answers; so only lack of memory can stop a frame, and ends the
 * process: the slots say what it had.
 */
void work_send_result(struct deliver *d, const struct msg_result *m);
void work_send_hold(struct deliver *d, const struct lease *l);
void work_send_hold_conn(struct deliver *d, const struct conn *c);
void work_send_up(struct deliver *d, const struct msg_conn_up *m);
void work_send_down(struct deliver *d, const struct msg_conn_down *m);

/* A connection is gone: when all are, and we are to stop, so do we. */
void work_conn_gone(struct deliver *d);

#endif /* DELIVER_WORK_H */
