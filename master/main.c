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
#include "master/load.h"
#include "master/master.h"
#include "master/reload.h"
#include "util/base/fatal.h"
#include "util/io/sys.h"
#include "util/log/log.h"
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
	m->phase = MASTER_STOPPING;
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
	if (m->phase == MASTER_STOPPING && brood_is_down(m))
		loop_stop(m->loop);
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
	else if (m->phase != MASTER_STOPPING)
		/* It has logged what went wrong; nobody asked. */
		(void)!master_reload(m, &out);
}

/* --- start ---------------------------------------------------------------- */

struct options {
	const char *conf_path;
	bool is_background;
};

static void
parse_options(struct options *options, int argc, char **argv)
{
	int c;

	*options = (struct options){ .conf_path = NULL };
	while ((c = getopt(argc, argv, "c:b")) != -1) {
		if (c == 'c')
			options->conf_path = optarg;
		else if (c == 'b')
			options->is_background = true;
		else
			fatal_conf("usage: master [-b] -c FILE");
	}
	if (options->conf_path == NULL || optind != argc)
		fatal_conf("usage: master [-b] -c FILE");
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

/* All that clients and children connect to. */
static void
bind_all(struct master *m)
{
	char bytes[512];
	struct outbuf out = { bytes, 0, sizeof(bytes) - 1 };
	struct run_socket socket;
	enum run_place i;
	enum err err;

	err = listeners_make(&m->listeners, &none, m->conf, &out);
	bytes[out.len] = '\0';
	if (err == ERR_FULL)
		fatal_conf("%s", bytes);
	if (err != ERR_OK)
		fatal("%s", bytes);
	for (i = 0; i < RUN_N; i++) {
		socket = run_socket_of(i, m->conf);
		if (listen_run(&m->state, &socket, &m->run_fds[i]) != ERR_OK)
			fatal("%s/%s: cannot listen: %s", m->run_dir,
			    socket.name, strerror(errno));
	}
}

static void
begin_log(const struct master *m)
{
	struct log_conf conf = { .ident = "holdfast/master",
		.is_foreground = m->is_foreground };

	log_init(&conf);
	log_set_level(m->conf->main.log_level);
	listeners_log(&m->listeners, &none);
	if (!m->state.is_separated)
		LOG(EV_PRIVILEGES_NOT_SEPARATED,
		    KV_NUM("user", m->state.users[PRIV_QUEUE].uid),
		    KV_CSTR("msg", m->state.unseparated));
}

static void
begin_loop(struct master *m)
{
	m->loop = loop_new();
	m->started_ms = loop_wall_ms(m->loop);
	m->loaded_ms = m->started_ms;
	m->generation = 1;
	loop_signal(m->loop, SIGCHLD, on_signal, m);
	loop_signal(m->loop, SIGTERM, on_signal, m);
	loop_signal(m->loop, SIGINT, on_signal, m);
	loop_signal(m->loop, SIGHUP, on_signal, m);
}

static void
begin(struct master *m)
{
	static char run_dir[RUN_DIR_BYTES];
	struct str dir = m->conf->main.state_dir;

	(void)umask(077);
	priv_raise_files();
	state_open(&m->state, dir);
	(void)snprintf(run_dir, sizeof(run_dir), "%s/run", dir.ptr);
	m->run_dir = run_dir;
	bind_all(m);
	begin_log(m);
	begin_loop(m);
	m->control = control_new(m);
	brood_init(m);
}

static void
end(struct master *m)
{
	enum run_place i;

	LOG(EV_RELAY_STOPPED,
	    KV_NUM("took_ms", loop_now_ms(m->loop) - m->stop_began_ms));
	control_free(&m->control, m);
	brood_fini(m);
	loop_free(&m->loop);
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
	if (options.is_background)
		detach_prepare();
	m.conf_path = absolute(options.conf_path);
	m.is_foreground = !options.is_background;
	load_first(&m);
	if (options.is_background)
		detach_begin();
	begin(&m);
	brood_start(&m);
	loop_run(m.loop);
	end(&m);
	return m.exit_status;
}
