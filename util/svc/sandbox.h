/* SPDX-License-Identifier: BSD-2-Clause */
/* sandbox: which system calls a daemon may make once it is at work. */
#ifndef UTIL_SVC_SANDBOX_H
#define UTIL_SVC_SANDBOX_H

#include <stdbool.h>

#include "util/base/err.h"

/*
 * From now on, this thread and those it makes may only make the system calls
 * that the table in sandbox.c has for program ("smtpd", "qmgr", "deliver" or
 * "shaper"); for good, and over everything that it could execute. Others fail
 * with EPERM; those that nobody but an intruder makes (execute, fork, trace,
 * mount, become another user ...) kill the process with SIGSYS. Call it after
 * privileges are dropped, before the first foreign byte and the first thread.
 *
 * may_unlink: the program makes files where they must have a name from the
 * beginning, and takes that first name away (disk_needs_names()).
 *
 * ERR_NOTFOUND	there is no such program
 * ERR_DENIED	no filter is in force: the kernel refuses one, or this is a
 *		build with sanitizers, which need more than a daemon does;
 *		errno tells
 */
MUST_USE enum err sandbox_enter(const char *program, bool may_unlink);

#endif /* UTIL_SVC_SANDBOX_H */
