/* SPDX-License-Identifier: BSD-2-Clause */
/* upgrade: the program that lies in our place by now goes on in our process. */
#ifndef MASTER_UPGRADE_H
#define MASTER_UPGRADE_H

#include "master/master.h"

/*
 * The new program looks at the configuration; the children are told to end,
 * while all listening sockets stay open; then it is executed with these and the
 * lock, and starts children of its own. Clients wait meanwhile, none is
 * refused. What is against it is logged and told to control, and all goes on as
 * before, with children started anew if they had ended.
 *
 * Called in MASTER_RUNNING, when none is under way.
 */
void upgrade_begin(struct master *m);

/* A process has ended that may be the one that looks. */
void upgrade_reaped(struct master *m, pid_t pid, int status);

/* In MASTER_UPGRADING, when no child is left; does not return if all goes
 * well. */
void upgrade_execute(struct master *m);

/* Gives one up that is under way: the relay is to stop. */
void upgrade_abandon(struct master *m);

#endif /* MASTER_UPGRADE_H */
