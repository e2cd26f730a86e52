/* SPDX-License-Identifier: BSD-2-Clause */
/* local: the peer of a socket in run/. */
#include "smtpd/local.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "smtpd/limits.h"
#include "util/svc/svc.h"

/* Users that are looked at, and the longest line. */
#define USERS_MAX 20000
#define USER_LINE_MAX_BYTES 1024

/* The list from its beginning on, or NULL. */
static FILE *
open_users(int users_fd)
{
	int fd = fcntl(users_fd, F_DUPFD_CLOEXEC, 0);
	FILE *f;

	if (fd < 0)
		return NULL;
	f = lseek(fd, 0, SEEK_SET) == 0 ? fdopen(fd, "r") : NULL;
	if (f == NULL)
		(void)close(fd);
	return f;
}

/* Leaves user empty when there is no such user, or the list cannot be read:
 * the number is known in any case. Only the list is asked: what else the system
 * may know of users can be at the other end of a network. */
static void
find_user(int users_fd, uint32_t uid, char *user)
{
	FILE *f = open_users(users_fd);
	char line[USER_LINE_MAX_BYTES];
	struct passwd entry, *found;
	size_t len;

	if (f == NULL)
		return;
	for (int i = 0; i < USERS_MAX; i++) {
		if (fgetpwent_r(f, &entry, line, sizeof(line), &found) != 0)
			break;
		if (entry.pw_uid != uid)
			continue;
		len = strlen(entry.pw_name);
		if (len <= LOCAL_USER_MAX_BYTES)
			memcpy(user, entry.pw_name, len + 1);
		break;
	}
	(void)fclose(f);
}

struct local *
local_new(enum listener_kind kind, struct svc *svc, uint32_t uid)
{
	struct local *local = calloc(1, sizeof(*local));

	if (local == NULL)
		return NULL;
	local->uid = uid;
	if (kind == LISTENER_NOTICE) {
		limits_of_notice(&local->limits);
		return local;
	}
	limits_of_submit(svc_conf(svc), &local->limits);
	find_user(svc_fd(svc, HAND_USERS, 0), uid, local->user);
	return local;
}

void
local_free(struct local **local)
{
	free(*local);
	*local = NULL;
}
