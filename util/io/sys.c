/* SPDX-License-Identifier: BSD-2-Clause */
/* sys: the table of system calls, and the faults that can be armed in it. */
#include "util/io/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "util/base/array.h"
#include "util/text/num.h"
#include "util/text/str.h"

/* Above the last errno of Linux. */
#define ERRNO_END 134

enum call {
#define CALL_ENUM(type, name, params, args, less) CALL_##name,
	SYS_TABLE(CALL_ENUM)
#undef CALL_ENUM
	    CALL_N
};

enum what { WHAT_NOTHING, WHAT_ERRNO, WHAT_SHORT, WHAT_KILL };

struct fault {
	enum call call;
	enum what what;
	int errnum;      /* of WHAT_ERRNO */
	uint32_t from;   /* the call that meets it, from 1 */
	bool is_onward;  /* so do all later ones */
	atomic_uint met; /* calls so far: the sync threads count too */
};

static const char *const call_names[] = {
#define CALL_NAME(type, name, params, args, less) #name,
	SYS_TABLE(CALL_NAME)
#undef CALL_NAME
};

/* Written before there are threads. */
static struct fault faults[SYS_FAULTS_MAX];
static size_t n_faults;

/* On a line of standard error, for who armed it. */
static void
tell(const struct fault *f)
{
	char text[64];
	int n = snprintf(
	    text, sizeof(text), "fault met: %s\n", call_names[f->call]);

	if (n > 0 && (size_t)n < sizeof(text))
		(void)!write(STDERR_FILENO, text, (size_t)n);
}

static bool
is_hit(struct fault *f)
{
	uint32_t n = atomic_fetch_add(&f->met, 1) + 1;

	if (n == f->from)
		tell(f);
	return n == f->from || (n > f->from && f->is_onward);
}

/* What the call about to be made meets; errno is set for WHAT_ERRNO. */
static enum what
meet(enum call call)
{
	enum what what = WHAT_NOTHING;

	for (size_t i = 0; i < n_faults; i++) {
		if (faults[i].call != call || !is_hit(&faults[i]))
			continue;
		what = faults[i].what;
		if (what == WHAT_ERRNO)
			errno = faults[i].errnum;
		if (what == WHAT_KILL)
			(void)kill(getpid(), SIGKILL);
	}
	return what;
}

/* Half of the first piece alone. */
static const struct iovec *
less_iov(const struct iovec *v)
{
	static _Thread_local struct iovec half;

	half = (struct iovec){ v->iov_base, (v->iov_len + 1) / 2 };
	return &half;
}

#define SYS_WHOLE ((void)0)
#define SYS_LESS (n = (n + 1) / 2)
#define SYS_LESS_IOV (v = less_iov(v), n = 1)

#define SYS_CALL(type, name, params, args, less) \
	static type call_##name params \
	{ \
		enum what what = \
		    n_faults == 0 ? WHAT_NOTHING : meet(CALL_##name); \
\
		if (what == WHAT_ERRNO) \
			return -1; \
		if (what == WHAT_SHORT) \
			less; \
		return name args; \
	}
SYS_TABLE(SYS_CALL)

struct sys_table sys = {
#define SYS_ENTRY(type, name, params, args, less) .name = call_##name,
	SYS_TABLE(SYS_ENTRY)
#undef SYS_ENTRY
};

static enum err
parse_call(struct str s, enum call *call)
{
	for (unsigned i = 0; i < CALL_N; i++) {
		if (str_eq(s, str_from_c(call_names[i]))) {
			*call = (enum call)i;
			return ERR_OK;
		}
	}
	return ERR_SYNTAX;
}

static enum err
parse_when(struct str s, struct fault *f)
{
	uint64_t from;
	enum err err;

	f->is_onward = str_ends(s, STR("+"));
	if (f->is_onward)
		s = str_head(s, s.len - 1);
	err = num_u64(s, UINT32_MAX, &from);
	if (err != ERR_OK || from == 0)
		return ERR_SYNTAX;
	f->from = (uint32_t)from;
	return ERR_OK;
}

static enum err
parse_what(struct str s, struct fault *f)
{
	f->what = WHAT_ERRNO;
	if (str_eq(s, STR("short")))
		f->what = WHAT_SHORT;
	else if (str_eq(s, STR("kill")))
		f->what = WHAT_KILL;
	if (f->what != WHAT_ERRNO)
		return ERR_OK;
	/* Numbers without a name give the empty one. */
	for (int i = 1; i < ERRNO_END && s.len > 0; i++) {
		if (str_eq(s, str_from_c(strerrorname_np(i)))) {
			f->errnum = i;
			return ERR_OK;
		}
	}
	return ERR_SYNTAX;
}

/* One rule: CALL:N:WHAT. */
static enum err
parse_fault(struct str s, struct fault *f)
{
	enum err err;

	err = parse_call(str_take_field(&s, ':'), &f->call);
	if (err == ERR_OK)
		err = parse_when(str_take_field(&s, ':'), f);
	if (err == ERR_OK)
		err = parse_what(s, f);
	return err;
}

enum err
sys_fault_init(const char *spec)
{
	struct str s = str_from_c(spec);
	size_t n = 0;

	n_faults = 0;
	while (s.len > 0) {
		struct fault *f = &faults[n];
		enum err err;

		if (n == SYS_FAULTS_MAX)
			return ERR_FULL;
		atomic_store(&f->met, 0);
		err = parse_fault(str_take_field(&s, ','), f);
		if (err != ERR_OK)
			return err;
		n++;
	}
	n_faults = n;
	return ERR_OK;
}

enum err
sys_err(int errnum)
{
	static const struct {
		int errnum;
		enum err err;
	} meanings[] = {
		{ 0, ERR_OK },
		{ EAGAIN, ERR_AGAIN },
		{ EINTR, ERR_AGAIN },
		{ EINPROGRESS, ERR_AGAIN },
		{ EPIPE, ERR_EOF },
		{ ECONNRESET, ERR_EOF },
		{ ENOENT, ERR_NOTFOUND },
		{ ENOTDIR, ERR_NOTFOUND },
		{ ECONNREFUSED, ERR_NOTFOUND },
		{ EADDRNOTAVAIL, ERR_NOTFOUND },
		{ EEXIST, ERR_EXISTS },
		{ EADDRINUSE, ERR_EXISTS },
		{ ENOTEMPTY, ERR_EXISTS },
		{ EACCES, ERR_DENIED },
		{ EPERM, ERR_DENIED },
		{ EROFS, ERR_DENIED },
		{ ETIMEDOUT, ERR_TIMEOUT },
		{ ENOSPC, ERR_FULL },
		{ EDQUOT, ERR_FULL },
		{ EMFILE, ERR_FULL },
		{ ENFILE, ERR_FULL },
		{ ENOMEM, ERR_FULL },
		{ ENOBUFS, ERR_FULL },
		{ EMLINK, ERR_FULL },
		{ EFBIG, ERR_FULL },
		{ ENAMETOOLONG, ERR_RANGE },
	};

	for (size_t i = 0; i < COUNT_OF(meanings); i++)
		if (meanings[i].errnum == errnum)
			return meanings[i].err;
	return ERR_IO;
}
