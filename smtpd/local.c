/* SPDX-License-Identifier: BSD-2-Clause */
/* local: the peer of a socket in run/. */
#include "smtpd/local.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smtpd/limits.h"

/* Only this file is asked: what else the system may know of users can be at
 * the other end of a network, and a session would wait for it. */
#define USERS_PATH "/etc/passwd"
/* Users that are looked at, and the longest line. */
#define USERS_MAX 20000
#define USER_LINE_MAX_BYTES 1024

/* Leaves user empty when there is no such user, or the file cannot be read:
 * the number is known in any case. */
static void
find_user(uint32_t uid, char *user)
{
	FILE *f = fopen(USERS_PATH, "re");
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
local_new(enum listener_kind kind, const struct conf *conf, uint32_t uid)
{
	struct local *local = calloc(1, sizeof(*local));

	if (local == NULL)
		return NULL;
	local->uid = uid;
	if (kind == LISTENER_NOTICE) {
		limits_of_notice(&local->limits);
		return local;
	}
	limits_of_submit(conf, &local->limits);
	find_user(uid, local->user);
	return local;
}

void
local_free(struct local **local)
{
	free(*local);
	*local = NULL;
}
