/* SPDX-License-Identifier: BSD-2-Clause */
/* snapshot: the configuration files as they were at one moment, in one blob.
 *
 * master reads the files and hands the blob (in a memfd) to its children, which
 * may not read files and must all see the same. A file that cannot be read is
 * in the blob as well, with the reason, so that conf_new() can tell it with the
 * other errors.
 */
#ifndef UTIL_CONF_SNAPSHOT_H
#define UTIL_CONF_SNAPSHOT_H

#include "util/base/err.h"
#include "util/text/str.h"

/* Bounds of all files together; what is beyond is an error at its include. */
#define CONF_SNAPSHOT_MAX_BYTES (16u << 20)
#define CONF_FILES_MAX 256
#define CONF_INCLUDE_DEPTH_MAX 8

struct conf_snapshot {
	struct str blob; /* give this to conf_new() */
	char *bytes;     /* the memory of it: private */
};

/*
 * Reads the file at path and all that it includes, names as seen from the
 * folder of the file that includes them. Blocks: for master and the commands.
 * What is wrong in or with the files is told by conf_new().
 *
 * ERR_FULL	no memory
 */
MUST_USE enum err conf_snapshot_read(
    struct conf_snapshot *snapshot, const char *path);

/* The same of a text that is no file; for tests. name goes into errors. */
MUST_USE enum err conf_snapshot_of_text(
    struct conf_snapshot *snapshot, const char *name, struct str text);

void conf_snapshot_fini(struct conf_snapshot *snapshot);

#endif /* UTIL_CONF_SNAPSHOT_H */
