/* SPDX-License-Identifier: BSD-2-Clause */
/* record: preloaded, writes down what programs do to files, in one order. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/*
 * HOLDFAST_RECORD names a file of LOG_BYTES that all programs map: a tail, and
 * from LOG_BEGIN entries, each padded to 8 bytes. A call has one entry from
 * before it is made and one from after it, which names the first by its place
 * and has the result. The tail is moved by one atomic addition, so the order of
 * places is one that all processes agree on. Writing to mapped memory is no
 * system call: filters of the daemons do not see it.
 *
 * HOLDFAST_RECORD_LIE: fdatasync() says that all is well and does nothing: what
 * a relay would be that does not sync its mail. tests/crash/power_log.py reads
 * this file.
 */
#define LOG_BYTES ((uint64_t)1 << 30)
#define LOG_BEGIN 64
#define READY 1u
#define TEXT_MAX_BYTES 65536

enum kind {
	KIND_END, /* of the call whose entry is at a; b: the result */
	KIND_WRITE,
	KIND_TRUNCATE,
	KIND_ALLOCATE,
	KIND_SYNC,
	KIND_CREATE,
	KIND_MKDIR,
	KIND_LINK,
	KIND_RENAME,
	KIND_UNLINK,
	KIND_SAID, /* bytes written to a socket that tell of an acceptance */
	KIND_MARK, /* what the test itself wants to stand in the order */
};

struct entry {
	uint32_t bytes; /* with what follows, without padding */
	_Atomic uint16_t state;
	uint16_t kind;
	uint64_t file; /* identity of the file, or of the directory */
	uint64_t to;   /* the other one's */
	int64_t a, b, c;
};

#define REAL_TABLE(X) \
	X(ssize_t, write, (int, const void *, size_t)) \
	X(ssize_t, writev, (int, const struct iovec *, int)) \
	X(ssize_t, pwrite, (int, const void *, size_t, off_t)) \
	X(ssize_t, pwritev, (int, const struct iovec *, int, off_t)) \
	X(int, ftruncate, (int, off_t)) \
	X(int, fallocate, (int, int, off_t, off_t)) \
	X(int, fsync, (int)) \
	X(int, fdatasync, (int)) \
	X(int, openat, (int, const char *, int, ...)) \
	X(int, mkdirat, (int, const char *, mode_t)) \
	X(int, linkat, (int, const char *, int, const char *, int)) \
	X(int, renameat, (int, const char *, int, const char *)) \
	X(int, unlinkat, (int, const char *, int))

static struct {
#define REAL_MEMBER(type, name, params) type(*name) params;
	REAL_TABLE(REAL_MEMBER)
#undef REAL_MEMBER
} real;

static char *entries; /* NULL: nothing is recorded */
static bool is_lying;

void record_mark(const char *text);

static void
give_up(const char *what)
{
	(void)fprintf(stderr, "record: %s: %s\n", what, strerror(errno));
	_exit(111);
}

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("HOLDFAST_RECORD");
	void *mem;
	int fd;

#define REAL_FIND(type, name, params) \
	*(void **)&real.name = dlsym(RTLD_NEXT, #name);
	REAL_TABLE(REAL_FIND)
#undef REAL_FIND
	is_lying = getenv("HOLDFAST_RECORD_LIE") != NULL;
	if (path == NULL)
		return;
	fd = real.openat(AT_FDCWD, path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		give_up(path);
	mem = mmap(NULL, LOG_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mem == MAP_FAILED)
		give_up(path);
	(void)close(fd);
	entries = mem;
}

/* --- entries -------------------------------------------------------------- */

/* Takes a place for an entry and what follows it, and puts the entry there. A
 * full record ends the program: what was not written down proves nothing. */
static uint64_t
put(struct entry e, const struct iovec *v, int n)
{
	uint64_t bytes = sizeof(e), at;
	char *p;

	for (int i = 0; i < n; i++)
		bytes += v[i].iov_len;
	at = atomic_fetch_add(
	    (_Atomic uint64_t *)(void *)entries, (bytes + 7) & ~7ull);
	at += LOG_BEGIN;
	if (bytes > UINT32_MAX || at + bytes > LOG_BYTES) {
		errno = ENOSPC;
		give_up("full");
	}
	p = entries + at;
	e.bytes = (uint32_t)bytes;
	(void)memcpy(p, &e, sizeof(e));
	p += sizeof(e);
	for (int i = 0; i < n; i++) {
		if (v[i].iov_len > 0)
			(void)memcpy(p, v[i].iov_base, v[i].iov_len);
		p += v[i].iov_len;
	}
	atomic_store(&((struct entry *)(void *)(entries + at))->state, READY);
	return at;
}

/* Tells the result of the call that was put at this place; errno stays. */
static void
put_end(uint64_t at, int64_t result, uint64_t made)
{
	int saved = errno;

	(void)put(
	    (struct entry){
	        .kind = KIND_END, .file = made, .a = (int64_t)at, .b = result },
	    NULL, 0);
	errno = saved;
}

/* Puts one with up to two names behind it, each with its terminator. */
static uint64_t
put_names(struct entry e, const char *name, const char *to)
{
	struct iovec v[2] = {
		{ (void *)(uintptr_t)name, strlen(name) + 1 },
		{ (void *)(uintptr_t)to, to == NULL ? 0 : strlen(to) + 1 },
	};

	return put(e, v, 2);
}

/* Which file it is: of all file systems, for there are pages of memory too. */
static uint64_t
identity(const struct stat *st)
{
	return (uint64_t)st->st_dev << 48 ^ (uint64_t)st->st_ino;
}

/* The identity of an open file or directory; 0: it is something else. */
static uint64_t
id_of(int fd)
{
	struct stat st;
	int saved = errno;
	bool is_one =
	    fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));

	errno = saved;
	return is_one ? identity(&st) : 0;
}

/* That of a name; 0: there is none. */
static uint64_t
id_at(int dir, const char *name, int flags)
{
	struct stat st;
	int saved = errno;
	bool is_one = fstatat(dir, name, &st, flags) == 0;

	errno = saved;
	return is_one ? identity(&st) : 0;
}

/* That of the directory which a name is in; *leaf: the name within it. */
static uint64_t
id_of_parent(int dir, const char *name, const char **leaf)
{
	const char *slash = strrchr(name, '/');
	char path[4096];
	int n;

	*leaf = slash == NULL ? name : slash + 1;
	if (slash == NULL)
		return dir == AT_FDCWD ? id_at(dir, ".", 0) : id_of(dir);
	n = snprintf(path, sizeof(path), "%.*s/", (int)(slash - name), name);
	return n < 0 || (size_t)n >= sizeof(path) ? 0 : id_at(dir, path, 0);
}

/* --- bytes ---------------------------------------------------------------- */

/* What goes to a socket is of interest if it tells a client of a queue id. */
static void
put_said(const void *p, size_t n)
{
	static const char word[] = "queued as ";
	struct iovec v = { (void *)(uintptr_t)p,
		n > TEXT_MAX_BYTES ? TEXT_MAX_BYTES : n };

	if (memmem(p, n, word, sizeof(word) - 1) != NULL)
		(void)put((struct entry){ .kind = KIND_SAID }, &v, 1);
}

/* at -1: where the descriptor stands. 0: not recorded. */
static uint64_t
put_write(int fd, const struct iovec *v, int n, off_t at)
{
	uint64_t file = entries == NULL ? 0 : id_of(fd);

	if (entries != NULL && file == 0)
		for (int i = 0; i < n; i++)
			put_said(v[i].iov_base, v[i].iov_len);
	if (file == 0)
		return 0;
	if (at < 0)
		at = lseek(fd, 0, SEEK_CUR);
	return put(
	    (struct entry){ .kind = KIND_WRITE, .file = file, .a = at }, v, n);
}

ssize_t
write(int fd, const void *p, size_t n)
{
	struct iovec v = { (void *)(uintptr_t)p, n };
	uint64_t at = put_write(fd, &v, 1, -1);
	ssize_t result = real.write(fd, p, n);

	if (at != 0)
		put_end(at, result, 0);
	return result;
}

ssize_t
writev(int fd, const struct iovec *v, int n)
{
	uint64_t at = put_write(fd, v, n, -1);
	ssize_t result = real.writev(fd, v, n);

	if (at != 0)
		put_end(at, result, 0);
	return result;
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t offset)
{
	struct iovec v = { (void *)(uintptr_t)p, n };
	uint64_t at = put_write(fd, &v, 1, offset);
	ssize_t result = real.pwrite(fd, p, n, offset);

	if (at != 0)
		put_end(at, result, 0);
	return result;
}

ssize_t
pwritev(int fd, const struct iovec *v, int n, off_t offset)
{
	uint64_t at = put_write(fd, v, n, offset);
	ssize_t result = real.pwritev(fd, v, n, offset);

	if (at != 0)
		put_end(at, result, 0);
	return result;
}

/* --- sizes and syncs ------------------------------------------------------ */

int
ftruncate(int fd, off_t size)
{
	uint64_t file = entries == NULL ? 0 : id_of(fd), at = 0;
	int result;

	if (file != 0)
		at = put(
		    (struct entry){
		        .kind = KIND_TRUNCATE, .file = file, .a = size },
		    NULL, 0);
	result = real.ftruncate(fd, size);
	if (at != 0)
		put_end(at, result, 0);
	return result;
}

int
fallocate(int fd, int mode, off_t offset, off_t n)
{
	uint64_t file = entries == NULL ? 0 : id_of(fd), at = 0;
	int result;

	if (file != 0)
		at = put((struct entry){ .kind = KIND_ALLOCATE,
		             .file = file,
		             .a = offset,
		             .b = n,
		             .c = mode },
		    NULL, 0);
	result = real.fallocate(fd, mode, offset, n);
	if (at != 0)
		put_end(at, result, 0);
	return result;
}

static int
sync_with(int (*call)(int), int fd)
{
	uint64_t file, at = 0;
	int result;

	file = entries == NULL ? 0 : id_of(fd);
	if (file != 0)
		at = put(
		    (struct entry){ .kind = KIND_SYNC, .file = file }, NULL, 0);
	result = call(fd);
	if (at != 0)
		put_end(at, result, 0);
	return result;
}

int
fsync(int fd)
{
	return sync_with(real.fsync, fd);
}

int
fdatasync(int fd)
{
	return is_lying ? 0 : sync_with(real.fdatasync, fd);
}

/* --- names ---------------------------------------------------------------- */

int
openat(int dir, const char *name, int flags, ...)
{
	bool makes = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
	uint64_t parent, was = 0, at = 0;
	const char *leaf;
	va_list ap;
	mode_t mode;
	int result;

	va_start(ap, flags);
	mode = makes ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if (entries == NULL || !makes)
		return real.openat(dir, name, flags, mode);
	parent = id_of_parent(dir, name, &leaf);
	if ((flags & O_CREAT) != 0)
		was = id_at(dir, name, AT_SYMLINK_NOFOLLOW);
	/* a: 1 if it gets a name; b: 1 if it was there; c: 1 if it is cut */
	at = put_names((struct entry){ .kind = KIND_CREATE,
	                   .file = parent,
	                   .a = (flags & O_CREAT) != 0,
	                   .b = was != 0,
	                   .c = (flags & O_TRUNC) != 0 },
	    leaf, NULL);
	result = real.openat(dir, name, flags, mode);
	put_end(at, result < 0 ? -1 : 0, result < 0 ? 0 : id_of(result));
	return result;
}

int
mkdirat(int dir, const char *name, mode_t mode)
{
	const char *leaf;
	uint64_t parent, at;
	int result;

	if (entries == NULL)
		return real.mkdirat(dir, name, mode);
	parent = id_of_parent(dir, name, &leaf);
	at = put_names(
	    (struct entry){ .kind = KIND_MKDIR, .file = parent }, leaf, NULL);
	result = real.mkdirat(dir, name, mode);
	put_end(at, result, result < 0 ? 0 : id_at(dir, name, 0));
	return result;
}

int
linkat(int dir, const char *name, int to_dir, const char *to, int flags)
{
	const char *leaf;
	uint64_t file, parent, at;
	int result;

	if (entries == NULL)
		return real.linkat(dir, name, to_dir, to, flags);
	file = id_at(dir, name,
	    (flags & AT_SYMLINK_FOLLOW) != 0 ? 0 : AT_SYMLINK_NOFOLLOW);
	parent = id_of_parent(to_dir, to, &leaf);
	at = put_names(
	    (struct entry){ .kind = KIND_LINK, .file = parent, .to = file },
	    leaf, NULL);
	result = real.linkat(dir, name, to_dir, to, flags);
	put_end(at, result, 0);
	return result;
}

int
renameat(int dir, const char *name, int to_dir, const char *to)
{
	const char *leaf, *to_leaf;
	uint64_t parent, to_parent, at;
	int result;

	if (entries == NULL)
		return real.renameat(dir, name, to_dir, to);
	parent = id_of_parent(dir, name, &leaf);
	to_parent = id_of_parent(to_dir, to, &to_leaf);
	at = put_names(
	    (struct entry){
	        .kind = KIND_RENAME, .file = parent, .to = to_parent },
	    leaf, to_leaf);
	result = real.renameat(dir, name, to_dir, to);
	put_end(at, result, 0);
	return result;
}

int
unlinkat(int dir, const char *name, int flags)
{
	const char *leaf;
	uint64_t parent, at;
	int result;

	if (entries == NULL)
		return real.unlinkat(dir, name, flags);
	parent = id_of_parent(dir, name, &leaf);
	at = put_names(
	    (struct entry){ .kind = KIND_UNLINK, .file = parent }, leaf, NULL);
	result = real.unlinkat(dir, name, flags);
	put_end(at, result, 0);
	return result;
}

/* --- the test itself ------------------------------------------------------ */

/* For a test that has loaded this: its own words, in the same order. */
void
record_mark(const char *text)
{
	if (entries != NULL)
		(void)put_names(
		    (struct entry){ .kind = KIND_MARK }, text, NULL);
}
