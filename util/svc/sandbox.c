/* SPDX-License-Identifier: BSD-2-Clause */
/* sandbox: which system calls a daemon may make once it is at work. */
#include "util/svc/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <seccomp.h>

#include "util/base/array.h"

/* What a program does beyond what all of them do. */
enum {
	THREADS = 1 << 0,   /* has disk threads */
	SERVES = 1 << 1,    /* takes connections from sockets it was handed */
	CALLS_OUT = 1 << 2, /* connects to the Internet */
	OPENS = 1 << 3,     /* reads files by name */
	MAKES = 1 << 4,     /* makes files, and writes to them */
	CHANGES = 1 << 5,   /* opens, renames and lists any that it has */
	UNLINKS = 1 << 6,   /* takes names away */
	ALL = 0,
};

static const struct program {
	const char *name;
	unsigned needs;
} programs[] = {
	{ "smtpd", THREADS | SERVES | MAKES },
	{ "qmgr", THREADS | SERVES | OPENS | MAKES | CHANGES | UNLINKS },
	{ "deliver", CALLS_OUT },
	{ "shaper", SERVES | CALLS_OUT | OPENS },
};

/* A call that is allowed when the program has one of needs, and its argument
 * number arg has the value under the mask; no mask: whatever the arguments. */
struct rule {
	int call;
	unsigned needs;
	unsigned arg;
	uint64_t mask;
	uint64_t value;
};

#define ANY(name) \
	{ \
		SCMP_SYS(name), ALL, 0, 0, 0 \
	}
#define FOR(needs, name) \
	{ \
		SCMP_SYS(name), needs, 0, 0, 0 \
	}
#define WITH(needs, name, arg, mask, value) \
	{ \
		SCMP_SYS(name), needs, arg, mask, value \
	}

#define WHOLE UINT32_MAX
#define WRITES (O_ACCMODE | O_CREAT | O_TRUNC | O_TMPFILE)
/* O_TMPFILE has O_DIRECTORY in it, which harms nobody. */
#define READS_ONLY (WRITES & ~O_DIRECTORY)

static const struct rule rules[] = {
	/* Memory: never such that can be executed. */
	ANY(brk),
	ANY(munmap),
	ANY(mremap),
	ANY(madvise),
	WITH(ALL, mmap, 2, PROT_EXEC, 0),
	WITH(ALL, mprotect, 2, PROT_EXEC, 0),

	/* The process itself, its end included: abort(), and tests' kill -9
	 * (the process number is put in by add_rule). */
	ANY(exit),
	ANY(exit_group),
	ANY(rt_sigaction),
	ANY(rt_sigprocmask),
	ANY(rt_sigreturn),
	ANY(sigaltstack),
	ANY(restart_syscall),
	ANY(getpid),
	ANY(gettid),
	ANY(getuid),
	ANY(geteuid),
	ANY(getgid),
	ANY(getegid),
	ANY(kill),
	ANY(tgkill),
	ANY(futex),
	ANY(sched_yield),
	ANY(sched_getaffinity),
	WITH(ALL, prlimit64, 2, UINT64_MAX, 0),
	FOR(THREADS, rseq),
	FOR(THREADS, set_robust_list),
	WITH(THREADS, clone, 0, CLONE_THREAD, CLONE_THREAD),
	WITH(THREADS, prctl, 0, WHOLE, PR_SET_NAME),

	/* Clocks, where the kernel does not show them in memory. */
	ANY(clock_gettime),
	ANY(clock_getres),
	ANY(gettimeofday),
	ANY(time),
	ANY(clock_nanosleep),
	ANY(getrandom),
	ANY(uname),
	ANY(sysinfo),

	/* Descriptors that are open. */
	ANY(read),
	ANY(readv),
	ANY(pread64),
	ANY(preadv),
	ANY(write),
	ANY(writev),
	ANY(pwrite64),
	ANY(pwritev),
	ANY(lseek),
	ANY(close),
	ANY(fstat),
	ANY(newfstatat),
	ANY(statx),
	ANY(fstatfs),
	ANY(poll),
	ANY(ppoll),
	ANY(epoll_create1),
	ANY(epoll_ctl),
	ANY(epoll_wait),
	ANY(epoll_pwait),
	ANY(eventfd2),
	WITH(ALL, fcntl, 1, WHOLE, F_DUPFD_CLOEXEC),
	WITH(ALL, fcntl, 1, WHOLE, F_GETFD),
	WITH(ALL, fcntl, 1, WHOLE, F_SETFD),
	WITH(ALL, fcntl, 1, WHOLE, F_GETFL),
	WITH(ALL, fcntl, 1, WHOLE, F_SETFL),
	WITH(ALL, fcntl, 1, WHOLE, F_GET_SEALS),

	/* Sockets. Other processes of ours and the system's log are reached
	 * over Unix sockets; the folder of a socket is opened as a path. */
	WITH(ALL, socket, 0, WHOLE, AF_UNIX),
	WITH(ALL, openat, 2, O_PATH, O_PATH),
	ANY(connect),
	ANY(sendmsg),
	ANY(recvmsg),
	ANY(sendto),
	ANY(recvfrom),
	ANY(shutdown),
	ANY(getsockname),
	ANY(getpeername),
	ANY(getsockopt),
	ANY(setsockopt),
	FOR(SERVES, accept4),
	WITH(CALLS_OUT, socket, 0, WHOLE, AF_INET),
	WITH(CALLS_OUT, socket, 0, WHOLE, AF_INET6),
	FOR(CALLS_OUT, bind),

	/* Files. Who only makes them can open none that is there. */
	WITH(OPENS, openat, 2, READS_ONLY, O_RDONLY),
	WITH(MAKES, openat, 2, O_CREAT | O_EXCL, O_CREAT | O_EXCL),
	WITH(MAKES, openat, 2, O_TMPFILE, O_TMPFILE),
	FOR(MAKES, linkat),
	FOR(MAKES, faccessat),
	FOR(MAKES, faccessat2),
	FOR(MAKES, ftruncate),
	FOR(MAKES, fallocate),
	FOR(MAKES, flock),
	FOR(MAKES, fsync),
	FOR(MAKES, fdatasync),
	FOR(CHANGES, openat),
	FOR(CHANGES, getdents64),
	FOR(CHANGES, renameat),
	FOR(UNLINKS, unlinkat),
};

/*
 * Nobody but an intruder makes these: the process ends before it can go on
 * trying. All that is in neither table fails with EPERM, since a library that
 * asks for something new is to be told no, not to bring mail to a stop.
 */
static const struct rule hostile[] = {
	WITH(ALL, clone, 0, CLONE_THREAD, 0),
	ANY(fork),
	ANY(vfork),
	ANY(execve),
	ANY(execveat),
	ANY(ptrace),
	ANY(process_vm_readv),
	ANY(process_vm_writev),
	ANY(pidfd_getfd),
	ANY(setuid),
	ANY(setgid),
	ANY(setreuid),
	ANY(setregid),
	ANY(setresuid),
	ANY(setresgid),
	ANY(setgroups),
	ANY(capset),
	ANY(chroot),
	ANY(pivot_root),
	ANY(mount),
	ANY(umount2),
	ANY(move_mount),
	ANY(open_tree),
	ANY(fsopen),
	ANY(setns),
	ANY(unshare),
	ANY(open_by_handle_at),
	ANY(init_module),
	ANY(finit_module),
	ANY(delete_module),
	ANY(kexec_load),
	ANY(kexec_file_load),
	ANY(bpf),
	ANY(perf_event_open),
	ANY(userfaultfd),
	ANY(io_uring_setup),
	ANY(add_key),
	ANY(keyctl),
	ANY(request_key),
	ANY(reboot),
};

/* --- sanitizers ----------------------------------------------------------- */

#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED true
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED false
#endif

/* --- the filter ----------------------------------------------------------- */

/* All of these return 0, or an errno below zero. */
static int
add_rule(scmp_filter_ctx filter, uint32_t action, const struct rule *rule)
{
	struct scmp_arg_cmp cmp = { .arg = rule->arg,
		.op = SCMP_CMP_MASKED_EQ,
		.datum_a = rule->mask,
		.datum_b = rule->value };

	if (rule->call == SCMP_SYS(kill) || rule->call == SCMP_SYS(tgkill)) {
		cmp.datum_a = WHOLE;
		cmp.datum_b = (uint64_t)getpid();
	} else if (rule->mask == 0)
		return seccomp_rule_add(filter, action, rule->call, 0);
	return seccomp_rule_add_array(filter, action, rule->call, 1, &cmp);
}

static int
add_all(scmp_filter_ctx filter, unsigned needs)
{
	size_t i;
	int rc;

	for (i = 0; i < COUNT_OF(rules); i++) {
		if (rules[i].needs != ALL && (rules[i].needs & needs) == 0)
			continue;
		rc = add_rule(filter, SCMP_ACT_ALLOW, &rules[i]);
		if (rc != 0)
			return rc;
	}
	for (i = 0; i < COUNT_OF(hostile); i++) {
		rc = add_rule(filter, SCMP_ACT_KILL_PROCESS, &hostile[i]);
		if (rc != 0)
			return rc;
	}
	/* Its flags lie in memory, where a filter cannot look: libc is told
	 * that there is only clone(). */
	return seccomp_rule_add(
	    filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

/* A tree instead of a list; and calls of another architecture, which have
 * other numbers, are no way around it. */
static int
set_attributes(scmp_filter_ctx filter)
{
	int rc;

	rc = seccomp_attr_set(
	    filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (rc == 0)
		rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	return rc;
}

static int
load(unsigned needs)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int rc;

	if (filter == NULL)
		return -ENOMEM;
	rc = set_attributes(filter);
	if (rc == 0)
		rc = add_all(filter, needs);
	if (rc == 0)
		rc = seccomp_load(filter);
	seccomp_release(filter);
	return rc;
}

enum err
sandbox_enter(const char *program, bool may_unlink)
{
	unsigned needs;
	size_t i = 0;
	int rc;

	while (i < COUNT_OF(programs) && strcmp(programs[i].name, program) != 0)
		i++;
	if (i == COUNT_OF(programs))
		return ERR_NOTFOUND;
	if (IS_SANITIZED) {
		errno = ENOTSUP;
		return ERR_DENIED;
	}
	needs = programs[i].needs | (may_unlink ? UNLINKS : 0);
	/* What libc reads at its first use. */
	tzset();
	rc = load(needs);
	if (rc == 0)
		return ERR_OK;
	errno = -rc;
	return ERR_DENIED;
}
