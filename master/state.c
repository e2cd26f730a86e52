/* SPDX-License-Identifier: BSD-2-Clause */
/* state: the directories of an instance, and the lock that makes it one. */
#include "master/state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "master/holder.h"
#include "master/owner.h"
#include "util/base/array.h"
#include "util/base/fatal.h"
#include "util/io/sys.h"
#include "util/log/log.h"
#include "util/text/num.h"

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
#define NUMBER_MAX_BYTES 32
#define PARENT_BYTES 1200 /* state_dir is at most 1024 */
/* Longest wait for commands that read the spool. */
#define READERS_MAX_S 300

#define AT(member) offsetof(struct state, member)

/* What lies beneath state_dir, outer ones first. run/ is open to all: its
 * sockets have modes of their own, and anybody may submit. In incoming/ an
 * smtpd makes files, and qmgr, of its group, takes them out; spool/ keeps all
 * others from both. */
static const struct place {
	const char *path;
	size_t name_at; /* where the last part of path begins */
	mode_t mode;
	enum priv_role role;
	size_t parent_at; /* of the descriptors in struct state */
	size_t at;
	bool has_files;
} places[] = {
	{ "spool", 0, 0700, PRIV_QUEUE, AT(dir), AT(spool), true },
	{ "run", 0, 0755, PRIV_QUEUE, AT(dir), AT(run), false },
	{ "spool/incoming", 6, 0770, PRIV_SMTPD, AT(spool), AT(incoming),
	    true },
	{ "spool/deferred", 6, 0700, PRIV_QUEUE, AT(spool), AT(deferred),
	    true },
	{ "spool/ledger", 6, 0700, PRIV_QUEUE, AT(spool), AT(ledger), true },
	{ "spool/quarantine", 6, 0700, PRIV_QUEUE, AT(spool), AT(quarantine),
	    true },
};

/* Directories that only the children use. */
static const struct place leaves[] = {
	{ "log", 0, 0750, PRIV_QUEUE, AT(dir), 0, true },
	{ "store", 0, 0700, PRIV_QUEUE, AT(dir), 0, true },
};

static int *
fd_at(struct state *state, size_t at)
{
	return (int *)((char *)state + at);
}

/* Where all are one user, his group has no part in what was another's. */
static mode_t
mode_of(const struct state *state, const struct place *place)
{
	if (state->is_separated || place->role == PRIV_QUEUE)
		return place->mode;
	return place->mode & ~(mode_t)070;
}

/* The umask has no say in its mode. */
static int
make_place(struct state *state, const struct place *place)
{
	int parent = *fd_at(state, place->parent_at);
	const char *leaf = place->path + place->name_at;
	int fd = -1;

	if (sys.mkdirat(parent, leaf, 0700) == 0)
		fd = sys.openat(parent, leaf, DIR_FLAGS, 0);
	if (fd < 0 || fchmod(fd, mode_of(state, place)) != 0)
		fatal("%s/%s: cannot be made: %s", state->path.ptr, place->path,
		    strerror(errno));
	return fd;
}

/* Opens one place, and makes it if it is missing; -1: it is, and we only
 * look. */
static int
open_place(struct state *state, const struct place *place)
{
	int parent = *fd_at(state, place->parent_at);
	const char *leaf = place->path + place->name_at;
	int fd;

	if (parent < 0)
		return -1;
	owner_check_dir(state, parent, leaf, place->path);
	fd = sys.openat(parent, leaf, DIR_FLAGS, 0);
	if (fd >= 0)
		return fd;
	if (errno != ENOENT)
		fatal(
		    "%s/%s: %s", state->path.ptr, place->path, strerror(errno));
	return state->is_look ? -1 : make_place(state, place);
}

/* Mail is as durable as the names that lead to it. At each start: who made them
 * may have been killed before he came to this. What we found may lie in what
 * cannot be synced: a file system that is read only. */
static void
sync_way(const struct state *state, bool is_new)
{
	int fd =
	    sys.openat(state->dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

	if ((fd < 0 || sys.fsync(fd) != 0) && is_new)
		fatal("state_dir %s: the directory that it is in cannot be "
		      "synced: %s",
		    state->path.ptr, strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	if (sys.fsync(state->dir) != 0 || sys.fsync(state->spool) != 0)
		fatal("%s/spool: its directories cannot be synced: %s",
		    state->path.ptr, strerror(errno));
}

/* The directory itself; only its last component is made. True: it was. */
static bool
open_dir(struct state *state)
{
	bool is_new;

	is_new = sys.mkdirat(AT_FDCWD, state->path.ptr, 0755) == 0;
	if (!is_new && errno != EEXIST)
		fatal("state_dir %s: cannot be made: %s", state->path.ptr,
		    strerror(errno));
	state->dir = sys.openat(
	    AT_FDCWD, state->path.ptr, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (state->dir < 0)
		fatal("state_dir %s: %s", state->path.ptr, strerror(errno));
	/* The umask has no say in it. */
	if (is_new && fchmod(state->dir, 0755) != 0)
		fatal(
		    "state_dir %s: mode: %s", state->path.ptr, strerror(errno));
	return is_new;
}

static void
write_pid(const struct state *state)
{
	char text[NUMBER_MAX_BYTES];
	int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	if (sys.ftruncate(state->lock, 0) != 0 ||
	    sys.pwrite(state->lock, text, (size_t)n, 0) != n)
		fatal("%s/spool/lock: cannot be written: %s", state->path.ptr,
		    strerror(errno));
}

/* It has only to interrupt flock(). */
static void
on_alarm(int signo)
{
	(void)signo;
}

static void
set_ticks(int seconds)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	struct itimerval timer = { .it_interval.tv_sec = seconds,
		.it_value.tv_sec = seconds };

	if (sigaction(SIGALRM, &sa, NULL) != 0 ||
	    setitimer(ITIMER_REAL, &timer, NULL) != 0)
		fatal("timer: %s", strerror(errno));
}

/* Whether those who hold the lock share it: commands that look at the spool of
 * a stopped relay. A relay would not let us. */
static bool
is_shared(int fd)
{
	if (sys.flock(fd, LOCK_SH | LOCK_NB) != 0)
		return false;
	(void)sys.flock(fd, LOCK_UN);
	return true;
}

/* Takes the lock, and waits for readers, who are done soon. False: another
 * holds it; errno tells if it is something else. */
static bool
lock_exclusively(int fd)
{
	bool is_mine = sys.flock(fd, LOCK_EX | LOCK_NB) == 0;
	int tries;

	if (is_mine || errno != EWOULDBLOCK || !is_shared(fd))
		return is_mine;
	set_ticks(1);
	for (tries = 0; tries < READERS_MAX_S && !is_mine; tries++) {
		is_mine = sys.flock(fd, LOCK_EX) == 0;
		if (!is_mine && (errno != EINTR || !is_shared(fd)))
			break;
	}
	set_ticks(0);
	return is_mine;
}

/* Whether the lock that was left to us is that of this spool. Anything else is
 * closed. */
static bool
is_title(const struct state *state)
{
	struct stat has, wanted;

	if (state->lock < 0)
		return false;
	if (sys.fstat(state->lock, &has) == 0 &&
	    fstatat(state->spool, "lock", &wanted, AT_SYMLINK_NOFOLLOW) == 0 &&
	    has.st_dev == wanted.st_dev && has.st_ino == wanted.st_ino)
		return true;
	(void)close(state->lock);
	return false;
}

static void
take_lock(struct state *state)
{
	long pid;

	if (!is_title(state))
		state->lock = sys.openat(state->spool, "lock",
		    O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (state->lock < 0)
		fatal("%s/spool/lock: %s", state->path.ptr, strerror(errno));
	if (lock_exclusively(state->lock)) {
		write_pid(state);
		return;
	}
	if (errno != EWOULDBLOCK && errno != EINTR)
		fatal("%s/spool/lock: %s", state->path.ptr, strerror(errno));
	pid = holder_find(state->lock);
	if (pid == 0)
		fatal("%s/spool/lock: another process holds it: is the relay "
		      "running already?",
		    state->path.ptr);
	fatal("%s/spool/lock: process %ld holds it: the relay is running "
	      "already, or its last process has not ended yet",
	    state->path.ptr, pid);
}

/* In place of a half-written file there is none: the next start writes it. */
static void
write_version(const struct state *state)
{
	char text[NUMBER_MAX_BYTES];
	int n = snprintf(text, sizeof(text), "%d\n", SPOOL_VERSION);
	int fd = sys.openat(state->spool, "VERSION.new",
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd < 0)
		fatal("%s/spool/VERSION: %s", state->path.ptr, strerror(errno));
	if (sys.write(fd, text, (size_t)n) != n || sys.fsync(fd) != 0 ||
	    sys.renameat(
	        state->spool, "VERSION.new", state->spool, "VERSION") != 0 ||
	    sys.fsync(state->spool) != 0)
		fatal("%s/spool/VERSION: cannot be written: %s",
		    state->path.ptr, strerror(errno));
	(void)close(fd);
}

static void
check_version(const struct state *state)
{
	char bytes[NUMBER_MAX_BYTES];
	struct str text = { bytes, 0 };
	uint64_t version;
	ssize_t n;
	int fd;

	fd = sys.openat(
	    state->spool, "VERSION", O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
	if (fd < 0 && errno == ENOENT) {
		if (!state->is_look)
			write_version(state);
		return;
	}
	if (fd < 0)
		fatal("%s/spool/VERSION: %s", state->path.ptr, strerror(errno));
	n = sys.read(fd, bytes, sizeof(bytes));
	if (n < 0)
		fatal("%s/spool/VERSION: %s", state->path.ptr, strerror(errno));
	(void)close(fd);
	text.len = (size_t)n;
	if (num_u64(str_trim(text), UINT32_MAX, &version) != ERR_OK ||
	    version == 0)
		fatal_conf("%s/spool/VERSION: is no version number; write %d "
		           "into it if the spool was made by this version",
		    state->path.ptr, SPOOL_VERSION);
	if (version > SPOOL_VERSION)
		fatal_conf("%s/spool: has version %u, this program reads up "
		           "to version %d: start a newer one",
		    state->path.ptr, (unsigned)version, SPOOL_VERSION);
}

static void
close_open(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

/* mode 0: as it is. */
static void
take_place(struct state *state, const struct place *place, mode_t mode, int fd)
{
	if (fd < 0)
		return;
	if (!state->is_look)
		owner_take_dir(state, fd, place->path, place->role, mode);
	if (place->has_files)
		owner_take_files(state, fd, place->path);
}

static void
open_places(struct state *state)
{
	size_t i;

	for (i = 0; i < COUNT_OF(places); i++)
		*fd_at(state, places[i].at) = open_place(state, &places[i]);
}

static void
take_places(struct state *state)
{
	size_t i;
	int fd;

	for (i = 0; i < COUNT_OF(places); i++)
		take_place(state, &places[i], mode_of(state, &places[i]),
		    *fd_at(state, places[i].at));
	for (i = 0; i < COUNT_OF(leaves); i++) {
		fd = open_place(state, &leaves[i]);
		take_place(state, &leaves[i], 0, fd);
		close_open(fd);
	}
}

void
state_open(struct state *state, struct str path, int lock)
{
	bool is_new;

	*state = (struct state){ .path = path, .lock = lock };
	is_new = open_dir(state);
	owner_find_users(state);
	owner_check_state_dir(state);
	owner_check_way(state);
	open_places(state);
	sync_way(state, is_new);
	take_lock(state);
	check_version(state);
	owner_take_state_dir(state);
	take_places(state);
}

/* Where it would be made. */
static void
look_at_parent(const struct str path)
{
	char parent[PARENT_BYTES];
	char *slash;

	(void)snprintf(parent, sizeof(parent), "%s", path.ptr);
	slash = strrchr(parent, '/');
	slash[slash == parent ? 1 : 0] = '\0';
	if (faccessat(AT_FDCWD, parent, W_OK | X_OK, AT_EACCESS) != 0)
		fatal("state_dir %s: cannot be made: %s", path.ptr,
		    strerror(errno));
}

bool
state_look(struct state *state, struct str path)
{
	size_t i;

	*state = (struct state){ .path = path, .is_look = true, .lock = -1 };
	for (i = 0; i < COUNT_OF(places); i++)
		*fd_at(state, places[i].at) = -1;
	owner_find_users(state);
	state->dir = sys.openat(
	    AT_FDCWD, path.ptr, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (state->dir < 0 && errno == ENOENT) {
		owner_find_users(state);
		look_at_parent(path);
		return true;
	}
	if (state->dir < 0 && errno == EACCES && geteuid() != 0)
		return false;
	if (state->dir < 0)
		fatal("state_dir %s: %s", path.ptr, strerror(errno));
	owner_find_users(state);
	owner_check_state_dir(state);
	owner_check_way(state);
	if (geteuid() != 0 &&
	    faccessat(state->dir, "spool", R_OK | X_OK, AT_EACCESS) != 0 &&
	    errno == EACCES)
		return false;
	open_places(state);
	if (state->spool >= 0)
		check_version(state);
	take_places(state);
	return true;
}

void
state_close(struct state *state)
{
	size_t i;

	for (i = 0; i < COUNT_OF(places); i++)
		close_open(*fd_at(state, places[i].at));
	close_open(state->dir);
	close_open(state->lock);
}
