/* SPDX-License-Identifier: BSD-2-Clause */
/* priv: who the processes are, and what they may do. */
#ifndef UTIL_SVC_PRIV_H
#define UTIL_SVC_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "util/base/err.h"

/* The group of all users of an instance. */
#define PRIV_GROUP "holdfast"

/* Users; each owns what only its programs may touch (DESIGN 12). */
enum priv_role {
	PRIV_QUEUE,   /* "holdfast": qmgr, shaper; owner of state_dir */
	PRIV_SMTPD,   /* "holdfast-smtpd": owner of spool/incoming */
	PRIV_DELIVER, /* "holdfast-deliver": owner of nothing */
	PRIV_ROLE_N
};

struct priv_user {
	uint32_t uid;
	uint32_t gid;
};

/* "holdfast-smtpd" ...: static storage. */
const char *priv_name(enum priv_role role);

/*
 * Looks the users up in the system's accounts; each with the group PRIV_GROUP.
 *
 * ERR_NOTFOUND	*missing, a user or the group, does not exist: static storage
 * ERR_IO	the accounts cannot be read; errno tells
 */
MUST_USE enum err priv_find(
    struct priv_user users[PRIV_ROLE_N], const char **missing);

/*
 * Becomes this user for good, without further groups, when it runs as root and
 * the user is another; and in any case gives up gaining privileges by
 * executing. errno is set on errors.
 *
 * ERR_IO	the system refused: the process must end
 */
MUST_USE enum err priv_drop(const struct priv_user *user);

/* Raises the limit of open files to the hard limit; where that cannot be, all
 * stays as it was. */
void priv_raise_files(void);

#endif /* UTIL_SVC_PRIV_H */
