/* SPDX-License-Identifier: BSD-2-Clause */
/* owner: whom the files of an instance belong to, and who may not have them. */
#ifndef MASTER_OWNER_H
#define MASTER_OWNER_H

#include <sys/types.h>

#include "master/state.h"
#include "util/svc/priv.h"

/*
 * All of this is start-up: what is wrong ends the process with a text that
 * names the path, its owner, and what to do. Root sets right what an earlier
 * run left to root, or to another user of the instance; what belongs to a
 * stranger is refused. Nothing is changed before the lock is taken.
 */

/* Finds out whom the programs run as; state->dir is open, or -1: it is to be
 * made. */
void owner_find_users(struct state *state);

/* Refuses state_dir if it is a stranger's. */
void owner_check_state_dir(const struct state *state);

/* The same for a directory in it, before it is opened: leaf in parent_fd. name
 * is for messages: "spool/incoming". What is not there is fine. */
void owner_check_dir(const struct state *state, int parent_fd, const char *leaf,
    const char *name);

/* Whether all users can get to state_dir from the root folder. */
void owner_check_way(const struct state *state);

/* Takes state_dir itself: its owner is to be PRIV_QUEUE; its mode is the
 * administrator's. */
void owner_take_state_dir(const struct state *state);

/* Takes a directory in it: its owner is to be that role, its mode this one; 0:
 * as it is. */
void owner_take_dir(const struct state *state, int fd, const char *name,
    enum priv_role role, mode_t mode);

/* Takes the files in such a directory: qmgr is to have all of them. With
 * state->is_look a stranger's are refused, and nothing is changed. */
void owner_take_files(const struct state *state, int dir_fd, const char *name);

#endif /* MASTER_OWNER_H */
