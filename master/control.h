/* SPDX-License-Identifier: BSD-2-Clause */
/* control: the socket run/master, by which the commands ask and order. */
#ifndef MASTER_CONTROL_H
#define MASTER_CONTROL_H

#include "master/master.h"

/* Clients at once; further ones are cut off. */
#define CONTROL_CLIENTS_MAX 32
/* Longest a client may stay, and an order may take. */
#define CONTROL_DEADLINE_MS 60000

/* Binds run/master and serves it; what is wrong ends the process. */
struct control *control_new(struct master *m);

/* Cuts all clients off, and removes the socket. */
void control_free(struct control **control, struct master *m);

/* A child's state has changed: answers a reload that all have taken. */
void control_changed(struct control *control);

#endif /* MASTER_CONTROL_H */
