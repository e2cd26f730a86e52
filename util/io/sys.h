/* SPDX-License-Identifier: BSD-2-Clause */
/* sys: the system calls that can fail, in a table that tests can replace. */
#ifndef UTIL_IO_SYS_H
#define UTIL_IO_SYS_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "util/base/err.h"

/*
 * X(type of the result, name, parameters, arguments, how to make it short)
 * One line for each call; the order has no meaning.
 */
#define SYS_TABLE(X) \
	X(ssize_t, read, (int fd, void *p, size_t n), (fd, p, n), SYS_LESS) \
	X(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n), \
	    SYS_LESS) \
	X(ssize_t, readv, (int fd, const struct iovec *v, int n), (fd, v, n), \
	    SYS_LESS_IOV) \
	X(ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n), \
	    SYS_LESS_IOV) \
	X(ssize_t, pread, (int fd, void *p, size_t n, off_t at), \
	    (fd, p, n, at), SYS_LESS) \
	X(ssize_t, pwrite, (int fd, const void *p, size_t n, off_t at), \
	    (fd, p, n, at), SYS_LESS) \
	X(ssize_t, pwritev, (int fd, const struct iovec *v, int n, off_t at), \
	    (fd, v, n, at), SYS_LESS_IOV) \
	X(int, fdatasync, (int fd), (fd), SYS_WHOLE) \
	X(int, fsync, (int fd), (fd), SYS_WHOLE) \
	X(int, openat, (int dir, const char *name, int flags, mode_t mode), \
	    (dir, name, flags, mode), SYS_WHOLE) \
	X(int, mkdirat, (int dir, const char *name, mode_t mode), \
	    (dir, name, mode), SYS_WHOLE) \
	X(int, linkat, \
	    (int dir, const char *name, int to_dir, const char *to, \
	        int flags), \
	    (dir, name, to_dir, to, flags), SYS_WHOLE) \
	X(int, renameat, \
	    (int dir, const char *name, int to_dir, const char *to), \
	    (dir, name, to_dir, to), SYS_WHOLE) \
	X(int, unlinkat, (int dir, const char *name, int flags), \
	    (dir, name, flags), SYS_WHOLE) \
	X(int, ftruncate, (int fd, off_t size), (fd, size), SYS_WHOLE) \
	X(int, fallocate, (int fd, int mode, off_t at, off_t n), \
	    (fd, mode, at, n), SYS_WHOLE) \
	X(int, flock, (int fd, int how), (fd, how), SYS_WHOLE) \
	X(int, fstat, (int fd, struct stat *st), (fd, st), SYS_WHOLE) \
	X(int, socket, (int family, int type, int proto), \
	    (family, type, proto), SYS_WHOLE) \
	X(int, connect, (int fd, const struct sockaddr *to, socklen_t n), \
	    (fd, to, n), SYS_WHOLE) \
	X(int, accept4, \
	    (int fd, struct sockaddr *from, socklen_t *n, int flags), \
	    (fd, from, n, flags), SYS_WHOLE) \
	X(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), \
	    (fd, m, flags), SYS_WHOLE) \
	X(ssize_t, recvmsg, (int fd, struct msghdr *m, int flags), \
	    (fd, m, flags), SYS_WHOLE)

/* Each entry has the result and errno of the call it is named after. */
struct sys_table {
#define SYS_MEMBER(type, name, params, args, less) type(*name) params;
	SYS_TABLE(SYS_MEMBER)
#undef SYS_MEMBER
};

/* All of the tree calls through this one. A test may set entries, and sets
 * them back; nobody else writes to it. */
extern struct sys_table sys;

/*
 * Arms faults, for tests of whole programs: "pwritev:5:EIO,fdatasync:3:kill".
 * Each rule is CALL:N:WHAT: the N-th call from now (from 1; "N+": that one and
 * all later) meets WHAT: the name of an errno; "short", which halves the
 * length of a call that has one; or "kill": SIGKILL before the call is made.
 * The counts are of the whole process, threads included. That a rule is met
 * first is told on standard error: "fault met: CALL". At most
 * SYS_FAULTS_MAX rules; those of an earlier call are forgotten. Call before
 * there are threads. NULL or "" arms none.
 *
 * ERR_SYNTAX	not such a list, or a call or errno that is not known
 * ERR_FULL	too many rules
 */
#define SYS_FAULTS_MAX 16
MUST_USE enum err sys_fault_init(const char *spec);

/* What an errno means to a caller; 0 is ERR_OK, what is in no list ERR_IO. */
MUST_USE enum err sys_err(int errnum);

#endif /* UTIL_IO_SYS_H */
