/* SPDX-License-Identifier: BSD-2-Clause */
/* test_sandbox: each program can do what it must, and no more. */
#include "util/svc/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <check.h>

#include "util/base/array.h"
#include "util/base/fatal.h"

#ifdef __SANITIZE_ADDRESS__
#define IS_SANITIZED true
#else
#define IS_SANITIZED false
#endif

static const char *const programs[] = { "smtpd", "qmgr", "deliver", "shaper" };

enum { SMTPD = 1, QMGR = 2, DELIVER = 4, SHAPER = 8, NONE = 0, ALL = 15 };

/* Bit 30: the numbers of another architecture (x32). */
#define FOREIGN_CALL 0x40000000
#define BAD_FD 1000000

static char dir[] = "/tmp/holdfast-sandbox-XXXXXX";
static int dir_fd = -1;

/* --- what is tried: 0, or the errno --------------------------------------- */

/* errno of a call that returned below zero. */
static int
result(long rc)
{
	return rc < 0 ? errno : 0;
}

static void *
nothing(void *arg)
{
	return arg;
}

static int
make_thread(void)
{
	pthread_t thread;
	int rc = pthread_create(&thread, NULL, nothing, NULL);

	return rc != 0 ? rc : pthread_join(thread, NULL);
}

static int
name_itself(void)
{
	return pthread_setname_np(pthread_self(), "named");
}

static int
allocate(void)
{
	char *p = malloc(64 << 20);

	if (p == NULL)
		return errno;
	memset(p, 1, 64 << 20);
	p = realloc(p, 128 << 20);
	free(p);
	return p == NULL ? errno : 0;
}

static int
tell_time(void)
{
	struct timespec ts;
	struct tm tm;

	if (clock_gettime(CLOCK_REALTIME, &ts) != 0)
		return errno;
	return localtime_r(&ts.tv_sec, &tm) == NULL ? errno : 0;
}

static int
map_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : 0;
}

static int
turn_into_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return errno;
	return result(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

#define TRY(name, call) \
	static int name(void) \
	{ \
		return result(call); \
	}

TRY(unix_socket, socket(AF_UNIX, SOCK_STREAM, 0))
TRY(inet_socket, socket(AF_INET, SOCK_STREAM, 0))
TRY(inet6_socket, socket(AF_INET6, SOCK_DGRAM, 0))
TRY(netlink_socket, socket(AF_NETLINK, SOCK_RAW, 0))
TRY(packet_socket, socket(AF_PACKET, SOCK_RAW, 0))
TRY(call_bind, bind(BAD_FD, NULL, 0))
TRY(call_listen, listen(BAD_FD, 1))
TRY(call_accept, accept4(BAD_FD, NULL, NULL, 0))
TRY(open_path, openat(AT_FDCWD, dir, O_PATH | O_DIRECTORY))
TRY(open_to_read, openat(dir_fd, "old", O_RDONLY))
TRY(open_to_write, openat(dir_fd, "old", O_WRONLY))
TRY(open_to_change, openat(dir_fd, "old", O_RDWR))
TRY(open_and_cut, openat(dir_fd, "old", O_RDONLY | O_TRUNC))
TRY(make_file, openat(dir_fd, "new", O_RDWR | O_CREAT | O_EXCL, 0600))
TRY(make_or_open, openat(dir_fd, "new", O_RDWR | O_CREAT, 0600))
TRY(make_unnamed, openat(dir_fd, ".", O_RDWR | O_TMPFILE, 0600))
TRY(link_file, linkat(dir_fd, "old", dir_fd, "other", 0))
TRY(unlink_file, unlinkat(dir_fd, "old", 0))
TRY(rename_file, renameat(dir_fd, "old", dir_fd, "other"))
TRY(make_folder, mkdirat(dir_fd, "folder", 0700))
TRY(list_folder, syscall(SYS_getdents64, BAD_FD, NULL, 0))
TRY(sync_file, fdatasync(BAD_FD))
TRY(lock_file, flock(BAD_FD, LOCK_SH))
TRY(cut_file, ftruncate(BAD_FD, 0))
TRY(change_mode, fchmod(BAD_FD, 0777))
TRY(kill_itself, kill(getpid(), 0))
TRY(kill_another, kill(getppid(), 0))
TRY(kill_all, kill(-1, 0))
TRY(look_at_limit, getrlimit(RLIMIT_NOFILE, &(struct rlimit){ .rlim_cur = 0 }))
TRY(set_limit, setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 64, 64 }))
TRY(set_owner, fcntl(BAD_FD, F_SETOWN, 1))
TRY(look_at_flags, fcntl(BAD_FD, F_GETFL))
TRY(set_terminal, (int)syscall(SYS_ioctl, BAD_FD, 0))

static const struct attempt {
	const char *what;
	int (*run)(void);
	unsigned allowed;
} attempts[] = {
	{ "thread", make_thread, SMTPD | QMGR },
	{ "name of a thread", name_itself, SMTPD | QMGR },
	{ "memory", allocate, ALL },
	{ "time", tell_time, ALL },
	{ "code", map_code, NONE },
	{ "memory becomes code", turn_into_code, NONE },
	{ "Unix socket", unix_socket, ALL },
	{ "IPv4 socket", inet_socket, DELIVER | SHAPER },
	{ "IPv6 socket", inet6_socket, DELIVER | SHAPER },
	{ "netlink socket", netlink_socket, NONE },
	{ "packet socket", packet_socket, NONE },
	{ "bind", call_bind, DELIVER | SHAPER },
	{ "listen", call_listen, NONE },
	{ "accept", call_accept, SMTPD | QMGR | SHAPER },
	{ "open a path", open_path, ALL },
	{ "open to read", open_to_read, QMGR | SHAPER },
	{ "open to write", open_to_write, QMGR },
	{ "open to change", open_to_change, QMGR },
	{ "open and cut", open_and_cut, QMGR },
	{ "make a file", make_file, SMTPD | QMGR },
	{ "make a file or open it", make_or_open, QMGR },
	{ "make a file without a name", make_unnamed, SMTPD | QMGR },
	{ "link", link_file, SMTPD | QMGR },
	{ "unlink", unlink_file, QMGR },
	{ "rename", rename_file, QMGR },
	{ "make a folder", make_folder, NONE },
	{ "list a folder", list_folder, QMGR },
	{ "sync", sync_file, SMTPD | QMGR },
	{ "lock", lock_file, SMTPD | QMGR },
	{ "cut", cut_file, SMTPD | QMGR },
	{ "change a mode", change_mode, NONE },
	{ "kill itself", kill_itself, ALL },
	{ "kill another", kill_another, NONE },
	{ "kill all", kill_all, NONE },
	{ "look at a limit", look_at_limit, ALL },
	{ "set a limit", set_limit, NONE },
	{ "set an owner", set_owner, NONE },
	{ "look at flags", look_at_flags, ALL },
	{ "ioctl", set_terminal, NONE },
};

static int
spawn(void)
{
	char name[] = "true";
	char *argv[] = { name, NULL };
	pid_t pid;

	return posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ);
}

TRY(call_fork, (long)fork())
TRY(execute, execl("/bin/true", "true", (char *)NULL))
TRY(trace, ptrace(PTRACE_TRACEME, 0, NULL, NULL))
TRY(become_root, setresuid(0, 0, 0))
TRY(call_mount, mount("none", dir, "tmpfs", 0, NULL))
TRY(call_unshare, unshare(CLONE_NEWUSER))
TRY(call_foreign, syscall(FOREIGN_CALL | SYS_getpid))

static const struct attempt hostile[] = {
	{ "fork", call_fork, NONE },
	{ "execute", execute, NONE },
	{ "spawn", spawn, NONE },
	{ "trace", trace, NONE },
	{ "become root", become_root, NONE },
	{ "mount", call_mount, NONE },
	{ "unshare", call_unshare, NONE },
#ifdef __x86_64__
	{ "call of another architecture", call_foreign, NONE },
#endif
};

/* --- in a child ----------------------------------------------------------- */

enum { CHILD_MAY, CHILD_MAY_NOT, CHILD_NO_FILTER };

/* Wait status of a child that tries it as the program. */
static int
try_as(const char *program, int (*run)(void), bool may_unlink)
{
	int status, e;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (sandbox_enter(program, may_unlink) != ERR_OK)
			_exit(CHILD_NO_FILTER);
		e = run();
		_exit(e == EPERM ? CHILD_MAY_NOT : CHILD_MAY);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static void
set_up(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(dir_fd, 0);
	ck_assert_int_eq(mknodat(dir_fd, "old", S_IFREG | 0600, 0), 0);
}

static void
tear_down(void)
{
	(void)unlinkat(dir_fd, "old", 0);
	(void)unlinkat(dir_fd, "new", 0);
	(void)unlinkat(dir_fd, "other", 0);
	(void)unlinkat(dir_fd, "folder", AT_REMOVEDIR);
	(void)close(dir_fd);
	ck_assert_int_eq(rmdir(dir), 0);
}

START_TEST(each_program_can_do_what_it_must_and_no_more)
{
	const struct attempt *a = &attempts[_i];
	int status, expected;
	size_t k;

	for (k = 0; k < COUNT_OF(programs); k++) {
		status = try_as(programs[k], a->run, false);
		expected =
		    (a->allowed & 1u << k) != 0 ? CHILD_MAY : CHILD_MAY_NOT;
		if (IS_SANITIZED)
			expected = CHILD_NO_FILTER;
		ck_assert_msg(
		    WIFEXITED(status) && WEXITSTATUS(status) == expected,
		    "%s: %s: status %#x", programs[k], a->what,
		    (unsigned)status);
	}
}
END_TEST

START_TEST(what_only_an_intruder_does_ends_the_process)
{
	const struct attempt *a = &hostile[_i];
	int status;
	size_t k;

	for (k = 0; k < COUNT_OF(programs); k++) {
		status = try_as(programs[k], a->run, false);
		ck_assert_msg(IS_SANITIZED ||
		        (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS),
		    "%s: %s: status %#x", programs[k], a->what,
		    (unsigned)status);
	}
}
END_TEST

/* Where files have names from the beginning. */
START_TEST(smtpd_may_unlink_where_it_has_to)
{
	int expected = IS_SANITIZED ? CHILD_NO_FILTER : CHILD_MAY;
	int status = try_as("smtpd", unlink_file, true);

	ck_assert_int_eq(WEXITSTATUS(status), expected);
}
END_TEST

static int
fail_an_assertion(void)
{
	BUG_IF(dir_fd >= 0);
	return 0;
}

/* A mistake of ours is seen as one, and leaves a core. */
START_TEST(the_end_by_a_bug_is_as_ever)
{
	size_t k;

	for (k = 0; k < COUNT_OF(programs); k++) {
		int status = try_as(programs[k], fail_an_assertion, false);

		ck_assert(IS_SANITIZED ||
		    (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT));
	}
}
END_TEST

START_TEST(a_program_that_is_not_known_is_told)
{
	ck_assert_int_eq(sandbox_enter("smtpd2", false), ERR_NOTFOUND);
	ck_assert_int_eq(sandbox_enter("", false), ERR_NOTFOUND);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sandbox");
	TCase *tc = tcase_create("sandbox");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, each_program_can_do_what_it_must_and_no_more, 0,
	    COUNT_OF(attempts));
	tcase_add_loop_test(tc, what_only_an_intruder_does_ends_the_process, 0,
	    COUNT_OF(hostile));
	tcase_add_test(tc, smtpd_may_unlink_where_it_has_to);
	tcase_add_test(tc, the_end_by_a_bug_is_as_ever);
	tcase_add_test(tc, a_program_that_is_not_known_is_told);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
