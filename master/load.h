/* SPDX-License-Identifier: BSD-2-Clause */
/* load: reads the configuration, for master and as a memfd for its children. */
#ifndef MASTER_LOAD_H
#define MASTER_LOAD_H

#include "util/base/err.h"
#include "util/conf/conf.h"
#include "util/text/str.h"

/* Room that is enough for all errors of a configuration that people read. */
#define LOAD_TEXT_BYTES 8192

struct loaded {
	struct conf *conf;
	int fd; /* sealed memfd with the snapshot */
};

/*
 * Reads the configuration at path. On any error nothing is to be freed, and
 * text has what is wrong, cut where it has no room.
 *
 * ERR_SYNTAX	the configuration has errors
 * ERR_IO	no memfd
 */
MUST_USE enum err load_conf(
    struct loaded *loaded, const char *path, struct outbuf *text);

#endif /* MASTER_LOAD_H */
