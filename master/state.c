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
#include "util/base/array.h"
#include "util/base/fatal.h"
#include "util/io/sys.h"
#include "util/log/log.h"
#include "util/text/num.h"

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
#define NUMBER_MAX_BYTES 32
/* Longest wait for commands that read the spool. */
#define READERS_MAX_S 300

/* What lies beneath state_dir, outer ones first. run/ is open to all: its
 * sockets have modes of their own, and anybody may submit. */
static const struct place {
	const char *name;
	const char *parent; /* for messages */
	mode_t mode;
	size_t parent_at; /* of the descriptors in struct state */
	size_t at;
} places[] = {
	{ "spool", "", 0700, offsetof(struct state, dir),
	    offsetof(struct state, spool) },
	{ "run", "", 0755, offsetof(struct state, dir),
	    offsetof(struct state, run) },
	{ "incoming", "spool/", 0700, offsetof(struct state, spool),
	    offsetof(struct state, incoming) },
	{ "deferred", "spool/", 0700, offsetof(struct state, spool),
	    offsetof(struct state, deferred) },
	{ "ledger", "spool/", 0700, offsetof(struct state, spool),
	    offsetof(struct state, ledger) },
	{ "quarantine", "spool/", 0700, offsetof(struct state, spool),
	    offsetof(struct state, quarantine) },
};

/* Directories that only the children use. */
static const struct place leaves[] = {
	{ "log", "", 0750, offsetof(struct state, dir), 0 },
	{ "store", "", 0700, offsetof(struct state, dir), 0 },
};

static int *
fd_at(struct state *state, size_t at)
{
	return (int *)((char *)state + at);
}

/* Gives a new file to the owner of state_dir. */
static void
give(const struct state *state, int fd, const char *name)
{
	if (geteuid() != 0 || state->uid == 0)
		return;
	if (fchown(fd, state->uid, state->gid) != 0)
		fatal("%s/%s: cannot be given to user %u: %s", state->path.ptr,
		    name, (unsigned)state->uid, strerror(errno));
}

static void
check_owner(const struct state *state, int fd, const struct place *place)
{
	struct stat st;

	if (sys.fstat(fd, &st) != 0)
		fatal("%s/%s%s: %s", state->path.ptr, place->parent,
		    place->name, strerror(errno));
	if (geteuid() == 0 && state->uid != 0 && st.st_uid != state->uid)
		fatal_conf("%s/%s%s: belongs to user %u, must belong to the "
		           "owner of %s, user %u",
		    state->path.ptr, place->parent, place->name,
		    (unsigned)st.st_uid, state->path.ptr, (unsigned)state->uid);
}

/* Opens one place, and makes it if it is missing. */
static int
open_place(struct state *state, const struct place *place)
{
	int parent = *fd_at(state, place->parent_at);
	bool is_new = sys.mkdirat(parent, place->name, place->mode) == 0;
	int fd;

	if (!is_new && errno != EEXIST)
		fatal("%s/%s%s: cannot be made: %s", state->path.ptr,
		    place->parent, place->name, strerror(errno));
	fd = sys.openat(parent, place->name, DIR_FLAGS, 0);
	if (fd < 0)
		fatal("%s/%s%s: %s", state->path.ptr, place->parent,
		    place->name, strerror(errno));
	if (is_new) {
		/* The umask has no say in it. */
		if (fchmod(fd, place->mode) != 0)
			fatal("%s/%s%s: mode: %s", state->path.ptr,
			    place->parent, place->name, strerror(errno));
		give(state, fd, place->name);
	}
	check_owner(state, fd, place);
	return fd;
}

/* The directory itself; only its last component is made. */
static void
open_dir(struct state *state)
{
	struct stat st;
	bool is_new;

	is_new = sys.mkdirat(AT_FDCWD, state->path.ptr, 0755) == 0;
	if (!is_new && errno != EEXIST)
		fatal("state_dir %s: cannot be made: %s", state->path.ptr,
		    strerror(errno));
	state->dir = sys.openat(
	    AT_FDCWD, state->path.ptr, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (state->dir < 0)
		fatal("state_dir %s: %s", state->path.ptr, strerror(errno));
	if (is_new && fchmod(state->dir, 0755) != 0)
		fatal(
		    "state_dir %s: mode: %s", state->path.ptr, strerror(errno));
	if (sys.fstat(state->dir, &st) != 0)
		fatal("state_dir %s: %s", state->path.ptr, strerror(errno));
	state->uid = st.st_uid;
	state->gid = st.st_gid;
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

static void
take_lock(struct state *state)
{
	long pid;

	state->lock = sys.openat(state->spool, "lock",
	    O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (state->lock < 0)
		fatal("%s/spool/lock: %s", state->path.ptr, strerror(errno));
	if (lock_exclusively(state->lock)) {
		give(state, state->lock, "spool/lock");
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
	give(state, fd, "spool/VERSION");
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

void
state_open(struct state *state, struct str path)
{
	size_t i;

	*state = (struct state){ .path = path };
	open_dir(state);
	for (i = 0; i < COUNT_OF(places); i++)
		*fd_at(state, places[i].at) = open_place(state, &places[i]);
	for (i = 0; i < COUNT_OF(leaves); i++)
		(void)close(open_place(state, &leaves[i]));
	take_lock(state);
	check_version(state);
}

void
state_close(struct state *state)
{
	size_t i;

	for (i = 0; i < COUNT_OF(places); i++)
		(void)close(*fd_at(state, places[i].at));
	(void)close(state->dir);
	(void)close(state->lock);
}
