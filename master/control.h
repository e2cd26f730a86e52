/* SPDX-License-Identifier: BSD-2-Clause */
/* control: the socket run/master, by which the commands ask and order. */
#ifndef MASTER_CONTROL_H
#define MASTER_CONTROL_H

#include "master/master.h"

/* Clients at once; further ones are cut off. */
#define CONTROL_CLIENTS_MAX 32
/* Longest a client may stay, and an order may take. */
#define CONTROL_DEADLINE_MS 60000

/* Serves run/master, which is bound; without memory the process ends. */
struct control *control_new(struct master *m);

/* Cuts all clients off. */
void control_free(struct control **control);

/* A child's state has changed: answers a reload that all have taken. */
void control_changed(struct control *control);

/* Answers who ordered an upgrade, which did not come about. */
void control_upgrade_failed(
    struct control *control, int status, struct str text);

#endif /* MASTER_CONTROL_H */
