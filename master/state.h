/* SPDX-License-Identifier: BSD-2-Clause */
/* state: the directories of an instance, and the lock that makes it one. */
#ifndef MASTER_STATE_H
#define MASTER_STATE_H

#include <sys/types.h>

#include "util/text/str.h"

/* Version of the spool's layout, in spool/VERSION. */
#define SPOOL_VERSION 1

/* Others read all of it. Descriptors of directories, but for lock. */
struct state {
	int dir;
	int spool;
	int run;
	int incoming;
	int deferred;
	int ledger;
	int quarantine;
	int lock;  /* open, and locked: the title to all of this */
	uid_t uid; /* owner of state_dir: the children's user */
	gid_t gid;
	struct str path; /* state_dir, terminated; borrowed */
};

/*
 * Opens state_dir, makes what is missing beneath it, takes the lock, and looks
 * at the spool's version. What is wrong ends the process with a text that
 * names it: this is start-up. path is terminated and outlives state.
 */
void state_open(struct state *state, struct str path);

/* Closes all; the lock is free once no other process has it. */
void state_close(struct state *state);

#endif /* MASTER_STATE_H */
