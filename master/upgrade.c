/* SPDX-License-Identifier: BSD-2-Clause */
/* upgrade: the program that lies in our place by now goes on in our process. */
#include "master/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "master/brood.h"
#include "master/control.h"
#include "master/hand.h"
#include "master/inherit.h"
#include "master/load.h"
#include "master/report.h"
#include "master/spawn.h"
#include "util/base/fatal.h"
#include "util/log/log.h"
#include "util/text/ascii.h"

/* Longest look at the configuration; then its process is killed. */
#define CHECK_MS 60000

/*
 * CHECKING, until its process has ended and its output is read; then ENDING,
 * which is MASTER_UPGRADING.
 */
struct upgrade {
	struct master *master;
	pid_t pid; /* of the check; 0: it has ended, as status says */
	int status;
	int out_fd; /* its output; -1: read to the end */
	struct watch out;
	struct timer limit;
	struct outbuf text;
	char bytes[LOAD_TEXT_BYTES];
};

static void
upgrade_free(struct upgrade *u)
{
	u->master->upgrade = NULL;
	watch_fini(&u->out);
	timer_fini(&u->limit);
	if (u->out_fd >= 0)
		(void)close(u->out_fd);
	free(u);
}

/* What people are told: that there is none, and why. */
static void
fail(struct upgrade *u, int status)
{
	struct master *m = u->master;
	struct str text = str_trim(outbuf_str(&u->text));

	LOG(EV_UPGRADE_FAILED, KV_STR("msg", text));
	control_upgrade_failed(m->control, status, text);
	upgrade_free(u);
}

/* A text that is cut is better than none. */
#define SAY(u, ...) (void)!outbuf_printf(&(u)->text, __VA_ARGS__)

/* --- the check ------------------------------------------------------------ */

/* Both its end and that of its output have come. */
static void
checked(struct upgrade *u)
{
	struct master *m = u->master;

	if (u->pid != 0 || u->out_fd >= 0)
		return;
	timer_stop(&u->limit);
	if (WIFEXITED(u->status) && WEXITSTATUS(u->status) == 0) {
		m->phase = MASTER_UPGRADING;
		m->stop_began_ms = loop_now_ms(m->loop);
		LOG(EV_UPGRADE_BEGUN, KV_NUM("pid", getpid()));
		report_reloading(m);
		brood_stop(m);
		return;
	}
	if (WIFSIGNALED(u->status))
		SAY(u, "\nthe new program's check was killed by signal %d",
		    WTERMSIG(u->status));
	else if (u->text.len == 0)
		SAY(u, "the new program's check ended with status %d",
		    WEXITSTATUS(u->status));
	fail(u,
	    WIFEXITED(u->status) && WEXITSTATUS(u->status) == EXIT_PERM
	        ? EXIT_PERM
	        : EXIT_TEMP);
}

/* Beyond the room all is read and forgotten. */
static void
on_output(void *arg, unsigned what)
{
	struct upgrade *u = arg;
	char bytes[1024];
	ssize_t n = read(u->out_fd, bytes, sizeof(bytes));
	size_t room = outbuf_room(&u->text);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		(void)!outbuf_add(&u->text,
		    str_head((struct str){ bytes, (size_t)n },
		        (size_t)n < room ? (size_t)n : room));
		return;
	}
	watch_fini(&u->out);
	(void)close(u->out_fd);
	u->out_fd = -1;
	checked(u);
}

static void
on_limit(void *arg)
{
	struct upgrade *u = arg;

	SAY(u, "the new program's check has not ended after %d s",
	    CHECK_MS / 1000);
	if (u->pid > 0)
		(void)kill(u->pid, SIGKILL);
}

void
upgrade_begin(struct master *m)
{
	struct upgrade *u = calloc(1, sizeof(*u));
	int fds[2];

	if (u == NULL || pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0) {
		free(u);
		control_upgrade_failed(
		    m->control, EXIT_TEMP, STR("no memory or descriptor"));
		return;
	}
	u->master = m;
	u->out_fd = fds[0];
	u->text = (struct outbuf){ u->bytes, 0, sizeof(u->bytes) };
	m->upgrade = u;
	watch_init(&u->out, m->loop, u->out_fd, on_output, u);
	timer_init(&u->limit, m->loop, on_limit, u);
	if (spawn_check(m->conf_path, fds[1], &u->pid) != ERR_OK) {
		SAY(u, "the new program cannot be executed: %s",
		    strerror(errno));
		(void)close(fds[1]);
		fail(u, EXIT_TEMP);
		return;
	}
	(void)close(fds[1]);
	watch_set(&u->out, WATCH_READ);
	timer_set_at(&u->limit, loop_now_ms(m->loop) + CHECK_MS);
}

void
upgrade_reaped(struct master *m, pid_t pid, int status)
{
	struct upgrade *u = m->upgrade;

	if (u == NULL || u->pid != pid)
		return;
	u->pid = 0;
	u->status = status;
	checked(u);
}

void
upgrade_abandon(struct master *m)
{
	struct upgrade *u = m->upgrade;

	if (u == NULL)
		return;
	if (u->pid > 0)
		(void)kill(u->pid, SIGKILL);
	u->text.len = 0;
	SAY(u, "the relay is being stopped");
	fail(u, EXIT_TEMP);
}

/* --- the other program ---------------------------------------------------- */

static void
gather(const struct master *m, struct inherit *in)
{
	enum run_place i;

	in->n = 0;
	inherit_add(in, "lock", m->state.lock);
	for (i = 0; i < RUN_N; i++)
		inherit_add_run(
		    in, run_socket_of(i, m->conf).name, m->run_fds[i]);
	inherit_add_listeners(in, &m->listeners);
}

/* The signals that we handle wait until the next program does. */
static void
block_signals(int how)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(how, &set, NULL);
}

/* Returns if it fails; errno tells. */
static void
execute(const struct master *m)
{
	static struct inherit in;
	static char path[SPAWN_PATH_BYTES], conf[SPAWN_PATH_BYTES];
	char name[] = "master", u[] = "-u", b[] = "-b", c[] = "-c";
	char *argv[] = { name, u, c, conf, m->is_foreground ? NULL : b, NULL };
	int error;

	if (spawn_path(name, path, sizeof(path)) != ERR_OK)
		return;
	if (strlen(m->conf_path) >= sizeof(conf)) {
		errno = ENAMETOOLONG;
		return;
	}
	memcpy(conf, m->conf_path, strlen(m->conf_path) + 1);
	gather(m, &in);
	block_signals(SIG_BLOCK);
	if (notify_pass(in.items, in.n)) {
		(void)execv(path, argv);
		error = errno;
		notify_unpass();
		errno = error;
	}
	error = errno;
	block_signals(SIG_UNBLOCK);
	errno = error;
}

void
upgrade_execute(struct master *m)
{
	struct upgrade *u = m->upgrade;

	LOG(EV_UPGRADE_EXECUTED,
	    KV_NUM("took_ms", loop_now_ms(m->loop) - m->stop_began_ms));
	execute(m);
	u->text.len = 0;
	SAY(u, "the new program cannot be executed: %s; the old one goes on",
	    strerror(errno));
	m->phase = MASTER_STARTING;
	fail(u, EXIT_TEMP);
	brood_start(m);
}
