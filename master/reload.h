/* SPDX-License-Identifier: BSD-2-Clause */
/* reload: puts a new configuration in force, whole or not at all. */
#ifndef MASTER_RELOAD_H
#define MASTER_RELOAD_H

#include "master/master.h"
#include "util/base/err.h"
#include "util/text/str.h"

/*
 * Reads the configuration again and hands it to the children. text says what
 * is wrong, or what a reload cannot change.
 *
 * ERR_SYNTAX	it has errors
 * ERR_IO	an address cannot be bound, or the system failed
 *
 * With any error all is as it was.
 */
MUST_USE enum err master_reload(struct master *m, struct outbuf *text);

#endif /* MASTER_RELOAD_H */
