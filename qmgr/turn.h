/* SPDX-License-Identifier: BSD-2-Clause */
/* turn: the core's part of a loop turn: its time, its slices, its actions. */
#ifndef QMGR_TURN_H
#define QMGR_TURN_H

struct qmgr;

/* Begins to serve the core: call once, when all of q is there. */
void turn_init(struct qmgr *q);
void turn_fini(struct qmgr *q);

/* Tells the core the time of this turn, if it does not know; slices and
 * scheduling follow at the turn's end. Before each call that changes it. */
void turn_begin(struct qmgr *q);

/* Does what the core wants done: after each call that changes it. Within
 * itself it does nothing: the outer call goes on. */
void turn_act(struct qmgr *q);

#endif /* QMGR_TURN_H */
