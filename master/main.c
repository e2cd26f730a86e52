/* SPDX-License-Identifier: BSD-2-Clause */
/* main: master, the process that starts, watches and ends all others. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "master/brood.h"
#include "master/control.h"
#include "master/detach.h"
#include "master/hand.h"
#include "master/inherit.h"
#include "master/load.h"
#include "master/look.h"
#include "master/master.h"
#include "master/reload.h"
#include "master/report.h"
#include "master/upgrade.h"
#include "util/base/fatal.h"
#include "util/io/sys.h"
#include "util/log/log.h"
#include "util/svc/notify.h"
#include "util/svc/priv.h"
#include "util/svc/version.h"

#define RUN_DIR_BYTES 1200 /* state_dir is at most 1024 */

static const struct listeners none;

/* --- what follows from changes -------------------------------------------- */

bool
master_is_ready(const struct master *m)
{
	return m->phase == MASTER_RUNNING && brood_is_ready(m);
}

void
master_stop(struct master *m, int status)
{
	if (m->phase == MASTER_STOPPING)
		return;
	upgrade_abandon(m);
	m->phase = MASTER_STOPPING;
	notify_stopping();
	m->exit_status = status;
	m->stop_began_ms = loop_now_ms(m->loop);
	LOG(EV_RELAY_STOPPING, KV_NUM("pid", getpid()));
	brood_stop(m);
}

/* Tells whoever waits for the start how it goes. */
static void
look_at_start(struct master *m)
{
	const struct child *bad = brood_find(m, CHILD_BROKEN);
	char text[128];

	if (bad != NULL) {
		(void)snprintf(text, sizeof(text),
		    "%s cannot work with this configuration; the log says why",
		    brood_name(bad));
		LOG(EV_FATAL, KV_CSTR("msg", text));
		detach_tell(EXIT_PERM, text);
		master_stop(m, EXIT_PERM);
		return;
	}
	if (brood_is_ready(m)) {
		m->phase = MASTER_RUNNING;
		LOG(EV_RELAY_STARTED, KV_STR("node", m->conf->main.node),
		    KV_CSTR("version", HOLDFAST_VERSION),
		    KV_NUM("pid", getpid()), KV_CSTR("conf", m->conf_path));
		report_ready(m);
		detach_tell(0, NULL);
		return;
	}
	bad = brood_find(m, CHILD_FAILING);
	if (bad == NULL)
		return;
	(void)snprintf(text, sizeof(text),
	    "%s dies again and again, and is started again; "
	    "the log says why",
	    brood_name(bad));
	detach_tell(EXIT_TEMP, text);
}

void
master_changed(struct master *m)
{
	if (m->phase == MASTER_STARTING)
		look_at_start(m);
	if (m->control != NULL)
		control_changed(m->control);
	report_changed(m);
	if (m->phase == MASTER_STOPPING && brood_is_down(m))
		loop_stop(m->loop);
	if (m->phase == MASTER_UPGRADING && brood_is_down(m))
		turn_end_ask(&m->exec);
}

/* --- signals -------------------------------------------------------------- */

static void
on_signal(void *arg, int signo)
{
	static char text[LOAD_TEXT_BYTES];
	struct outbuf out = { text, 0, sizeof(text) };
	struct master *m = arg;

	if (signo == SIGCHLD)
		brood_reap(m);
	else if (signo != SIGHUP)
		master_stop(m, 0);
	else if (m->phase != MASTER_STOPPING && m->upgrade == NULL)
		/* It has logged what went wrong; nobody asked. */
		(void)!master_reload(m, &out);
}

/* --- start ---------------------------------------------------------------- */

struct options {
	const char *conf_path;
	bool is_background;
	bool is_look;    /* whether this would start, no more */
	bool is_upgrade; /* in the place of another, in the background or not */
};

#define USAGE "usage: master [-b | -t] [-u] -c FILE"

static void
parse_options(struct options *options, int argc, char **argv)
{
	int c;

	*options = (struct options){ .conf_path = NULL };
	while ((c = getopt(argc, argv, "c:btu")) != -1) {
		if (c == 'c')
			options->conf_path = optarg;
		else if (c == 'b')
			options->is_background = true;
		else if (c == 't')
			options->is_look = true;
		else if (c == 'u')
			options->is_upgrade = true;
		else
			fatal_conf(USAGE);
	}
	if (options->conf_path == NULL || optind != argc)
		fatal_conf(USAGE);
}

/* In the background the working directory is another. */
static const char *
absolute(const char *path)
{
	static char whole[2 * PATH_MAX];
	char cwd[PATH_MAX];

	if (path[0] == '/')
		return path;
	if (getcwd(cwd, sizeof(cwd)) == NULL)
		fatal("working directory: %s", strerror(errno));
	if ((size_t)snprintf(whole, sizeof(whole), "%s/%s", cwd, path) >=
	    sizeof(whole))
		fatal("%s: path too long", path);
	return whole;
}

static void
load_first(struct master *m)
{
	static char text[LOAD_TEXT_BYTES];
	struct outbuf out = { text, 0, sizeof(text) - 1 };
	struct loaded loaded;
	enum err err = load_conf(&loaded, m->conf_path, &out);

	if (err == ERR_OK) {
		m->conf = loaded.conf;
		m->conf_fd = loaded.fd;
		return;
	}
	while (out.len > 0 && text[out.len - 1] == '\n')
		out.len--;
	text[out.len] = '\0';
	if (err == ERR_SYNTAX)
		fatal_conf("%s", text);
	fatal("%s", text);
}

/* All that clients and children connect to; what was left to us is taken. */
static void
bind_all(struct master *m, struct inherit *in, struct listeners *left)
{
	char bytes[512];
	struct outbuf out = { bytes, 0, sizeof(bytes) - 1 };
	struct run_socket socket;
	enum run_place i;
	enum err err;

	for (i = 0; i < RUN_N; i++) {
		socket = run_socket_of(i, m->conf);
		m->run_fds[i] = inherit_take_run(in, socket.name);
		if (listen_run(&m->state, &socket, &m->run_fds[i]) != ERR_OK)
			fatal("%s/%s: cannot listen: %s", m->run_dir,
			    socket.name, strerror(errno));
	}
	inherit_take_listeners(in, left);
	err = listeners_make(&m->listeners, left, m->conf, &out);
	bytes[out.len] = '\0';
	if (err == ERR_FULL)
		fatal_conf("%s", bytes);
	if (err != ERR_OK)
		fatal("%s", bytes);
}

static void
begin_log(const struct master *m)
{
	struct log_conf conf = { .ident = "holdfast/master",
		.is_foreground = m->is_foreground };

	log_init(&conf);
	log_set_level(m->conf->main.log_level);
	if (!m->state.is_separated)
		LOG(EV_PRIVILEGES_NOT_SEPARATED,
		    KV_NUM("user", m->state.users[PRIV_QUEUE].uid),
		    KV_CSTR("msg", m->state.unseparated));
}

static void
on_exec(void *arg)
{
	struct master *m = arg;

	if (m->phase == MASTER_UPGRADING)
		upgrade_execute(m);
}

static void
begin_loop(struct master *m)
{
	sigset_t handled;

	m->loop = loop_new();
	m->started_ms = loop_wall_ms(m->loop);
	m->loaded_ms = m->started_ms;
	m->generation = 1;
	loop_signal(m->loop, SIGCHLD, on_signal, m);
	loop_signal(m->loop, SIGTERM, on_signal, m);
	loop_signal(m->loop, SIGINT, on_signal, m);
	loop_signal(m->loop, SIGHUP, on_signal, m);
	/* An upgrade keeps them until here. */
	(void)sigemptyset(&handled);
	(void)sigprocmask(SIG_SETMASK, &handled, NULL);
	turn_end_init(&m->exec, m->loop, on_exec, m);
}

static void
begin(struct master *m)
{
	static char run_dir[RUN_DIR_BYTES];
	static struct listeners left;
	static struct inherit in;
	struct str dir = m->conf->main.state_dir;

	(void)umask(077);
	priv_raise_files();
	inherit_take(&in);
	state_open(&m->state, dir, inherit_take_name(&in, "lock"));
	(void)snprintf(run_dir, sizeof(run_dir), "%s/run", dir.ptr);
	m->run_dir = run_dir;
	bind_all(m, &in, &left);
	/* What is wrong above, who waits for the start reads himself. */
	begin_log(m);
	listeners_log(&m->listeners, &none);
	inherit_leave_listeners(&left, &m->listeners);
	inherit_close(&in);
	begin_loop(m);
	m->control = control_new(m);
	report_begin(m);
	brood_init(m);
}

static void
end(struct master *m)
{
	enum run_place i;

	LOG(EV_RELAY_STOPPED,
	    KV_NUM("took_ms", loop_now_ms(m->loop) - m->stop_began_ms));
	control_free(&m->control);
	report_end(m);
	brood_fini(m);
	turn_end_fini(&m->exec);
	loop_free(&m->loop);
	/* The manager has them, for the next start. */
	if (notify_is_used())
		listeners_leave(&m->listeners, &none);
	else
		listeners_retire(&m->listeners, &none);
	for (i = 0; i < RUN_N; i++) {
		(void)close(m->run_fds[i]);
		(void)unlinkat(m->state.run, run_socket_of(i, m->conf).name, 0);
	}
	(void)close(m->conf_fd);
	conf_free(&m->conf);
	/* Last: whoever waits for the lock finds all of it gone. */
	state_close(&m->state);
}

int
main(int argc, char **argv)
{
	static struct master m;
	struct options options;

	parse_options(&options, argc, argv);
	if (sys_fault_init(getenv("HOLDFAST_FAULT_master")) != ERR_OK)
		fatal_conf("HOLDFAST_FAULT_master: no list of faults");
	if (options.is_background && !options.is_upgrade)
		detach_prepare();
	m.conf_path = absolute(options.conf_path);
	m.is_foreground = !options.is_background;
	load_first(&m);
	if (options.is_look)
		return look(m.conf, m.conf_path);
	if (options.is_background && !options.is_upgrade)
		detach_begin();
	begin(&m);
	brood_start(&m);
	loop_run(m.loop);
	end(&m);
	return m.exit_status;
}
