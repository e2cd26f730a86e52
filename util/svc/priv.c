/* SPDX-License-Identifier: BSD-2-Clause */
/* priv: who the processes are, and what they may do. */
#include "util/svc/priv.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "util/base/fatal.h"

static const char *const names[PRIV_ROLE_N] = {
	[PRIV_QUEUE] = PRIV_GROUP,
	[PRIV_SMTPD] = "holdfast-smtpd",
	[PRIV_DELIVER] = "holdfast-deliver",
};

const char *
priv_name(enum priv_role role)
{
	BUG_IF(role >= PRIV_ROLE_N);
	return names[role];
}

/* What getpwnam() and getgrnam() say besides "there is none". */
static enum err
not_found(const char *name, const char **missing)
{
	if (errno != 0 && errno != ENOENT && errno != ESRCH)
		return ERR_IO;
	*missing = name;
	return ERR_NOTFOUND;
}

enum err
priv_find(struct priv_user users[PRIV_ROLE_N], const char **missing)
{
	const struct passwd *pw;
	const struct group *gr;
	uint32_t gid;
	unsigned i;

	errno = 0;
	gr = getgrnam(PRIV_GROUP);
	if (gr == NULL)
		return not_found("group " PRIV_GROUP, missing);
	gid = gr->gr_gid;
	for (i = 0; i < PRIV_ROLE_N; i++) {
		errno = 0;
		pw = getpwnam(names[i]);
		if (pw == NULL)
			return not_found(names[i], missing);
		users[i] = (struct priv_user){ pw->pw_uid, gid };
	}
	return ERR_OK;
}

/* The groups go first: afterwards there is no right to change them. */
static enum err
become(uid_t uid, gid_t gid)
{
	if (setgroups(0, NULL) != 0)
		return ERR_IO;
	if (setresgid(gid, gid, gid) != 0)
		return ERR_IO;
	if (setresuid(uid, uid, uid) != 0)
		return ERR_IO;
	return ERR_OK;
}

enum err
priv_drop(const struct priv_user *user)
{
	if (geteuid() == 0 && user->uid != 0 &&
	    become(user->uid, user->gid) != ERR_OK)
		return ERR_IO;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return ERR_IO;
	return ERR_OK;
}

void
priv_raise_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}
