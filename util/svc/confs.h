/* SPDX-License-Identifier: BSD-2-Clause */
/* confs: the configuration in force, and older ones that are held still. */
#ifndef UTIL_SVC_CONFS_H
#define UTIL_SVC_CONFS_H

#include <stdbool.h>
#include <stdint.h>

#include "util/base/err.h"
#include "util/conf/conf.h"
#include "util/svc/svc.h"
#include "util/text/str.h"

/* Embedded in its owner; others use the functions. */
struct confs {
	struct held_conf {
		struct conf *conf; /* NULL: the place is free */
		uint32_t holds;
	} items[SVC_CONFS_MAX];
	uint32_t current;
};

void confs_init(struct confs *confs);

/* Frees all, held or not. */
void confs_fini(struct confs *confs);

/*
 * Parses the snapshot in fd, a memfd. On errors text says what is wrong, as
 * far as it has room.
 *
 * ERR_SYNTAX	the configuration has errors
 * ERR_IO	it cannot be read
 */
MUST_USE enum err confs_read(int fd, struct conf **conf, struct outbuf *text);

/* Whether one more can be put. */
bool confs_has_room(const struct confs *confs);

/* Puts conf in force, and takes it. The one before stays until it is swept.
 * There is room. */
void confs_put(struct confs *confs, struct conf *conf);

/* The one in force. */
struct conf *confs_current(struct confs *confs);

/* Frees all that are neither in force nor held. */
void confs_sweep(struct confs *confs);

/* Keeps the one in force until it is dropped as often as it was held. */
const struct conf *confs_hold(struct confs *confs);
void confs_drop(struct confs *confs, const struct conf *conf);

#endif /* UTIL_SVC_CONFS_H */
