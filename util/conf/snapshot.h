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
#include "util/conf/tree.h"
#include "util/text/str.h"

/* Bound of all files together; what is beyond is an error at its include. */
#define CONF_SNAPSHOT_MAX_BYTES (16u << 20)

struct conf_snapshot {
	struct str blob; /* give this to conf_new() */
	char *bytes;     /* the memory of it: private */
};

/*
 * Reads the file at path and all that it includes, names as seen from the
 * folder of the file that includes them. Blocks: for master and the commands.
 * What is wrong in or with the files is told by conf_new(). Ends the process
 * when there is no memory.
 */
void conf_snapshot_read(struct conf_snapshot *snapshot, const char *path);

/* The same of one text that is no file; name goes into errors. */
void conf_snapshot_of_text(
    struct conf_snapshot *snapshot, const char *name, struct str text);

void conf_snapshot_fini(struct conf_snapshot *snapshot);

/* The source of the files in blob, a view. */
struct conf_source conf_snapshot_source(const struct str *blob);

/*
 * Sets *name, a view, to the first file's.
 *
 * ERR_SYNTAX	blob is no snapshot
 */
MUST_USE enum err conf_snapshot_main(struct str blob, struct str *name);

#endif /* UTIL_CONF_SNAPSHOT_H */
