/* SPDX-License-Identifier: BSD-2-Clause */
/* owner: whom the files of an instance belong to, and who may not have them. */
#include "master/owner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/base/fatal.h"
#include "util/io/sys.h"

#define NAME_BYTES 64
#define PATH_BYTES 1200 /* state_dir is at most 1024 */
#define PERMISSIONS 07777u
/* More files than a spool of a hundred million messages has. */
#define FILES_MAX 1000000

static bool
is_root(void)
{
	return geteuid() == 0;
}

/* "holdfast", or the number of a user without name. */
static const char *
user_name(uid_t uid, char text[NAME_BYTES])
{
	const struct passwd *pw = getpwuid(uid);

	if (pw == NULL)
		(void)snprintf(text, NAME_BYTES, "%u", (unsigned)uid);
	else
		(void)snprintf(text, NAME_BYTES, "%s", pw->pw_name);
	return text;
}

/* The instance's user, and everything that is to be given to it. */
NORETURN static void
refuse(const struct state *state, uid_t has, const char *name)
{
	const struct priv_user *queue = &state->users[PRIV_QUEUE];
	char owner[NAME_BYTES], wanted[NAME_BYTES];

	fatal_conf("%s%s%s: belongs to user %s, which is none of this "
	           "instance's; if all of it is the relay's, run: "
	           "chown -hR %s:%u %s",
	    state->path.ptr, name[0] == '\0' ? "" : "/", name,
	    user_name(has, owner), user_name(queue->uid, wanted), queue->gid,
	    state->path.ptr);
}

NORETURN static void
failed(const struct state *state, const char *name, const char *what)
{
	fatal("%s/%s: %s: %s", state->path.ptr, name, what, strerror(errno));
}

/* --- who the programs are ------------------------------------------------- */

static void
set_all(struct state *state, uid_t uid, gid_t gid)
{
	unsigned i;

	for (i = 0; i < PRIV_ROLE_N; i++)
		state->users[i] = (struct priv_user){ uid, gid };
}

/* As root: the system's users for it, or the owner of state_dir. */
static void
find_as_root(struct state *state)
{
	const char *missing = NULL;
	struct stat st;
	enum err err = priv_find(state->users, &missing);

	if (err == ERR_IO)
		fatal("the system's users cannot be read: %s", strerror(errno));
	state->is_separated = err == ERR_OK;
	if (state->is_separated)
		return;
	if (state->dir < 0)
		st = (struct stat){ .st_uid = 0 };
	else if (sys.fstat(state->dir, &st) != 0)
		failed(state, "", "cannot be looked at");
	set_all(state, st.st_uid, st.st_gid);
	(void)snprintf(state->unseparated, sizeof(state->unseparated),
	    "%s does not exist", missing);
}

void
owner_find_users(struct state *state)
{
	if (is_root()) {
		find_as_root(state);
		return;
	}
	set_all(state, geteuid(), getegid());
	(void)snprintf(state->unseparated, sizeof(state->unseparated),
	    "it was not started by root");
}

/* Whether what uid has was made by this instance: by root, or by one of its
 * users before they were as they are. */
static bool
is_ours(const struct state *state, uid_t uid)
{
	unsigned i;

	for (i = 0; i < PRIV_ROLE_N; i++)
		if (uid == state->users[i].uid)
			return true;
	return uid == 0 && is_root();
}

/* --- the way there -------------------------------------------------------- */

/* The first folder on the way that cannot be passed; errno tells. False: all
 * can be. path is changed, and then holds the folder. */
static bool
find_barrier(char *path)
{
	char *slash;

	for (slash = strchr(path + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) != 0)
			return true;
		*slash = '/';
	}
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) != 0;
}

/* As whom we look is for this moment only; the right to change back stays. */
static void
check_way_of(const struct state *state, enum priv_role role)
{
	const struct priv_user *user = &state->users[role];
	char path[PATH_BYTES];
	bool is_barred;
	int error;

	(void)snprintf(path, sizeof(path), "%s", state->path.ptr);
	if (setegid(user->gid) != 0 || seteuid(user->uid) != 0)
		fatal("cannot become %s: %s", priv_name(role), strerror(errno));
	is_barred = find_barrier(path);
	error = errno;
	if (seteuid(0) != 0 || setegid(0) != 0)
		fatal("cannot become root again: %s", strerror(errno));
	if (is_barred)
		fatal_conf("state_dir %s: user %s cannot get to it: %s: %s; "
		           "let others pass (chmod o+x), or take another place",
		    state->path.ptr, priv_name(role), path, strerror(error));
}

void
owner_check_way(const struct state *state)
{
	unsigned i;

	if (!state->is_separated)
		return;
	if (setgroups(0, NULL) != 0)
		fatal("groups: %s", strerror(errno));
	for (i = 0; i < PRIV_ROLE_N; i++)
		check_way_of(state, (enum priv_role)i);
}

/* --- what lies there ------------------------------------------------------ */

/* state_dir may be another's where only its user is to work: he finds out when
 * he makes something in it. */
void
owner_check_state_dir(const struct state *state)
{
	struct stat st;

	if (sys.fstat(state->dir, &st) != 0)
		failed(state, "", "cannot be looked at");
	if (is_root() && !is_ours(state, st.st_uid))
		refuse(state, st.st_uid, "");
}

void
owner_check_dir(const struct state *state, int parent_fd, const char *leaf,
    const char *name)
{
	struct stat st;

	if (fstatat(parent_fd, leaf, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		if (errno == ENOENT)
			return;
		failed(state, name, "cannot be looked at");
	}
	if (!is_ours(state, st.st_uid))
		refuse(state, st.st_uid, name);
}

static void
give_dir(const struct state *state, int fd, const char *name,
    const struct priv_user *user)
{
	struct stat st;

	if (sys.fstat(fd, &st) != 0)
		failed(state, name, "cannot be looked at");
	if (st.st_uid == user->uid && st.st_gid == user->gid)
		return;
	if (is_root() && fchown(fd, user->uid, user->gid) != 0)
		failed(state, name, "owner");
}

void
owner_take_state_dir(const struct state *state)
{
	give_dir(state, state->dir, "", &state->users[PRIV_QUEUE]);
}

void
owner_take_dir(const struct state *state, int fd, const char *name,
    enum priv_role role, mode_t mode)
{
	struct stat st;

	give_dir(state, fd, name, &state->users[role]);
	if (sys.fstat(fd, &st) != 0)
		failed(state, name, "cannot be looked at");
	if (mode != 0 && (st.st_mode & PERMISSIONS) != mode &&
	    fchmod(fd, mode) != 0)
		failed(state, name, "mode");
}

/* Whether qmgr can read and write it: as owner, or as one of the group. */
static bool
is_within_reach(const struct state *state, const struct stat *st)
{
	const struct priv_user *queue = &state->users[PRIV_QUEUE];
	mode_t both = S_IRGRP | S_IWGRP;

	if (st->st_uid == queue->uid)
		return true;
	return state->is_separated && is_ours(state, st->st_uid) &&
	    st->st_gid == queue->gid && (st->st_mode & both) == both;
}

/* Gives the file to qmgr. Other names of it may be of files that are none of
 * ours: only what has one name is given away. */
static void
take(const struct state *state, int fd, const struct stat *st, const char *name)
{
	const struct priv_user *queue = &state->users[PRIV_QUEUE];

	if (!is_root() || !is_ours(state, st->st_uid) || st->st_nlink > 1)
		refuse(state, st->st_uid, name);
	if (!state->is_look &&
	    fchownat(fd, "", queue->uid, queue->gid, AT_EMPTY_PATH) != 0)
		failed(state, name, "owner");
}

/* Folders and links are none of ours. */
static void
take_entry(
    const struct state *state, int dir_fd, const char *dir, const char *name)
{
	char path[PATH_BYTES];
	struct stat st;
	int fd = openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	/* When we only look, others are at work. */
	if (fd < 0 && errno == ENOENT)
		return;
	if (fd < 0 || fstat(fd, &st) != 0)
		failed(state, path, "cannot be looked at");
	if (S_ISREG(st.st_mode) && !is_within_reach(state, &st))
		take(state, fd, &st, path);
	(void)close(fd);
}

void
owner_take_files(const struct state *state, int dir_fd, const char *name)
{
	const struct dirent *entry;
	unsigned n = 0;
	DIR *dir;
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	dir = fd < 0 ? NULL : fdopendir(fd);
	if (dir == NULL)
		failed(state, name, "cannot be read");
	for (entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		if (strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0)
			continue;
		if (++n > FILES_MAX)
			fatal_conf("%s/%s: more than %d files: that is no "
			           "spool",
			    state->path.ptr, name, FILES_MAX);
		take_entry(state, dir_fd, name, entry->d_name);
	}
	(void)closedir(dir);
}
