/* SPDX-License-Identifier: BSD-2-Clause */
/* state: the directories of an instance, and the lock that makes it one. */
#ifndef MASTER_STATE_H
#define MASTER_STATE_H

#include <stdbool.h>
#include <sys/types.h>

#include "util/svc/priv.h"
#include "util/text/str.h"

/* Version of the spool's layout, in spool/VERSION. */
#define SPOOL_VERSION 1

#define STATE_WHY_BYTES 128

/* Others read all of it. Descriptors of directories, but for lock; -1: not
 * there. */
struct state {
	int dir;
	int spool;
	int run;
	int incoming;
	int deferred;
	int ledger;
	int quarantine;
	int lock; /* open, and locked: the title to all of this */
	struct priv_user users[PRIV_ROLE_N]; /* whom the programs become */
	bool is_separated;                   /* these are several */
	bool is_look;                        /* nothing is made or changed */
	char unseparated[STATE_WHY_BYTES];   /* why they are not */
	struct str path;                     /* state_dir; borrowed */
};

/*
 * Opens state_dir, makes what is missing beneath it, takes the lock, and looks
 * at the spool's version. What is wrong ends the process with a text that
 * names it: this is start-up. path is terminated and outlives state. lock is
 * one that this process has already, or -1; it is closed if it is no title to
 * this directory.
 */
void state_open(struct state *state, struct str path, int lock);

/*
 * Looks whether state_open() would go well, but for the lock: makes and changes
 * nothing. What is wrong ends the process likewise. False: this user cannot
 * look there; who starts the relay can.
 */
bool state_look(struct state *state, struct str path);

/* Closes all; the lock is free once no other process has it. */
void state_close(struct state *state);

#endif /* MASTER_STATE_H */
