/* SPDX-License-Identifier: BSD-2-Clause */
/* report: what the service manager is told, while the relay lives. */
#ifndef MASTER_REPORT_H
#define MASTER_REPORT_H

#include "master/master.h"

/* Begins to tell it how we are; without memory the process ends. */
void report_begin(struct master *m);
void report_end(struct master *m);

/* All processes are up, and it is to keep the listening sockets. */
void report_ready(struct master *m);

/* A new configuration or program comes in force; until report_changed() finds
 * that all have it, or report_ready(). */
void report_reloading(struct master *m);

/* Something may have changed. */
void report_changed(struct master *m);

#endif /* MASTER_REPORT_H */
