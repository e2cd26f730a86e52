/* SPDX-License-Identifier: BSD-2-Clause */
/* account: the line in which `qmgr --account` tells what a spool holds. */
#ifndef UTIL_SVC_ACCOUNT_H
#define UTIL_SVC_ACCOUNT_H

#include <stdint.h>

#include "util/base/err.h"
#include "util/text/str.h"

/*
 * With the relay stopped, `holdfast status` executes
 *
 *	libexec/qmgr --account STATE_DIR
 *
 * which reads the spool under its lock, writes one line to standard output
 * and exits 0; or a reason to standard error, and exits 100 or 111. The line:
 * the numbers of ACCOUNT_TABLE in this order, one blank between, then LF.
 */
#define ACCOUNT_TABLE(X) \
	X(admitted) \
	X(done) \
	X(waiting) \
	X(ready) \
	X(leased) \
	X(held) \
	X(unadmitted) \
	X(owed) \
	X(balanced) \
	X(messages) \
	X(pass) \
	X(segments) \
	X(recovered) \
	X(missing) \
	X(quarantined)

struct account {
#define ACCOUNT_FIELD(name) uint64_t name;
	ACCOUNT_TABLE(ACCOUNT_FIELD)
#undef ACCOUNT_FIELD
};

/* Longest line: 15 numbers of 20 digits, each with its blank or LF. */
#define ACCOUNT_LINE_MAX_BYTES 315

/*
 * Appends the line.
 *
 * ERR_FULL	less than ACCOUNT_LINE_MAX_BYTES of room
 */
MUST_USE enum err account_format(
    const struct account *account, struct outbuf *out);

/*
 * Parses one whole line, with its LF.
 *
 * ERR_SYNTAX	anything but such a line
 */
MUST_USE enum err account_parse(struct account *account, struct str line);

#endif /* UTIL_SVC_ACCOUNT_H */
