/* SPDX-License-Identifier: BSD-2-Clause */
/* brood: the daemons: started, handed what they need, watched, ended. */
#ifndef MASTER_BROOD_H
#define MASTER_BROOD_H

#include <stdbool.h>
#include <stdint.h>

#include "master/master.h"

/* Makes the children that the configuration asks for, with their pages; none
 * is started. Without memory for a page the process ends. */
void brood_init(struct master *m);

/* Frees what brood_init made. */
void brood_fini(struct master *m);

/* Starts all, in the order of need. */
void brood_start(struct master *m);

/* Tells all to end. */
void brood_stop(struct master *m);

/* Hands the new configuration to all. */
void brood_reload(struct master *m);

/* Takes notice of all processes that have ended, orphans of others included
 * (master may be process 1). */
void brood_reap(struct master *m);

/* No process runs, and none is to be started. */
bool brood_is_down(const struct master *m);

/* All are ready, and none has just died twice. */
bool brood_is_ready(const struct master *m);

/* Some run, and not one of them shows signs of life. */
bool brood_is_silent(const struct master *m);

/* The first child in this state, or NULL. */
const struct child *brood_find(const struct master *m, enum child_state state);

/* The first child that runs with another configuration than the newest, or
 * NULL. */
const struct child *brood_find_behind(const struct master *m);

/* "smtpd/1", "qmgr"; into static storage, until the next call. */
const char *brood_name(const struct child *child);

/* Its number as people see it: 0 where there is one of its kind. */
uint32_t brood_shown_number(const struct child *child);

/* The name of its program, without number. */
const char *brood_program(const struct child *child);

#endif /* MASTER_BROOD_H */
