/* SPDX-License-Identifier: BSD-2-Clause */
/* priv: what a process may do: its user, its limits. */
#include "util/svc/priv.h"

#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

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
priv_drop(const char *state_dir)
{
	struct stat st;

	if (stat(state_dir, &st) != 0)
		return ERR_IO;
	if (geteuid() == 0 && st.st_uid != 0 &&
	    become(st.st_uid, st.st_gid) != ERR_OK)
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
