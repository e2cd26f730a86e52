/* SPDX-License-Identifier: BSD-2-Clause */
/* status: all that `holdfast status` knows of an instance. */
#include "ctl/status.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/base/array.h"
#include "util/io/clock.h"
#include "util/svc/account.h"

/* A qmgr that does not answer soon is a finding by itself. */
#define QMGR_MS 5000
/* A spool of ten million messages is read in half a minute. */
#define SPOOL_MS 300000

static void
copy(char *to, size_t size, struct str from)
{
	(void)snprintf(to, size, "%.*s", STR_ARG(from));
}

/* --- master --------------------------------------------------------------- */

static void
take_instance(struct status *s, const struct frame *f)
{
	ctl_must(msg_instance_decode(&s->instance, f->body), "master");
	copy(s->node, sizeof(s->node), s->instance.node);
	copy(s->unseparated, sizeof(s->unseparated), s->instance.unseparated);
}

static void
take_process(struct status *s, const struct frame *f)
{
	struct msg_process *p;
	struct status_row *row;

	if (s->n == STATUS_ROWS_MAX)
		return;
	row = &s->rows[s->n++];
	p = &row->process;
	ctl_must(msg_process_decode(p, f->body), "master");
	copy(row->program, sizeof(row->program), p->name);
	copy(row->trouble, sizeof(row->trouble), p->trouble);
	if (p->index == 0)
		copy(row->name, sizeof(row->name), p->name);
	else
		(void)snprintf(row->name, sizeof(row->name), "%.*s/%u",
		    STR_ARG(p->name), p->index);
}

/* False: the relay is not running. */
static bool
ask_master(struct ctl *ctl, struct status *s)
{
	struct msg_status_ask ask = { 0 };
	struct call call;
	struct frame *f = NULL;

	if (!ctl_try_connect(ctl, "master", &call))
		return false;
	ctl_must(call_send_status_ask(&call, &ask), "master");
	for (f = ctl_must_next(&call); f->type != MSG_ANSWER;
	     f = ctl_must_next(&call)) {
		if (f->type == MSG_INSTANCE)
			take_instance(s, f);
		else if (f->type == MSG_PROCESS)
			take_process(s, f);
	}
	call_fini(&call);
	s->is_running = true;
	return true;
}

/* --- qmgr ----------------------------------------------------------------- */

static bool
is_up(const struct status *s, const char *program)
{
	uint32_t i;

	for (i = 0; i < s->n; i++)
		if (strcmp(s->rows[i].program, program) == 0)
			return s->rows[i].process.state == PROCESS_OK;
	return false;
}

static void
take_accounts(struct status *s, const struct frame *f)
{
	if (msg_accounts_decode(&s->accounts, f->body) != ERR_OK)
		return;
	s->has_accounts = true;
	copy(s->reason, sizeof(s->reason), s->accounts.reason);
}

static void
ask_qmgr(struct ctl *ctl, struct status *s)
{
	const struct msg_scan_ask look = { 0 };
	struct msg_status_ask ask = { 0 };
	struct call call;
	struct frame *f = NULL;
	enum err err;

	copy(s->reason, sizeof(s->reason),
	    STR("the queue manager is not ready"));
	if (!is_up(s, "qmgr"))
		return;
	err = ctl_connect(ctl, "qmgr", &call);
	call.deadline_ms = clock_boot_ms() + QMGR_MS;
	if (err == ERR_OK)
		err = call_send_status_ask(&call, &ask);
	if (err == ERR_OK)
		err = call_next(&call, &f);
	if (err == ERR_OK && f->type == MSG_ACCOUNTS)
		take_accounts(s, f);
	if (s->has_accounts)
		s->has_passes = passes_ask(&s->passes, &call, &look) == ERR_OK;
	if (!s->has_accounts)
		copy(s->reason, sizeof(s->reason),
		    STR("the queue manager does not answer"));
	call_fini(&call);
}

/* --- the spool of a stopped relay ----------------------------------------- */

static void
take_account(struct status *s, const struct account *a)
{
	s->has_accounts = true;
	s->accounts = (struct msg_accounts){ .admitted = a->admitted,
		.done = a->done,
		.waiting = a->waiting,
		.ready = a->ready,
		.leased = a->leased,
		.held = a->held,
		.unadmitted = a->unadmitted,
		.owed = a->owed,
		.is_balanced = a->balanced != 0,
		.messages = a->messages,
		.pass = a->pass,
		.segments = a->segments,
		.recovered = a->recovered,
		.missing = a->missing,
		.quarantined = a->quarantined,
		.pressure = PRESSURE_REFUSE };
}

/* Reads to the end of fd, or to the deadline; at most the room in out. */
static void
read_line(int fd, struct outbuf *out)
{
	int64_t deadline_ms = clock_boot_ms() + SPOOL_MS;
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int64_t left_ms;
	ssize_t n;

	while (outbuf_room(out) > 0) {
		left_ms = deadline_ms - clock_boot_ms();
		if (left_ms <= 0 || poll(&pfd, 1, (int)left_ms) == 0)
			return;
		n = read(fd, out->ptr + out->len, outbuf_room(out));
		if (n <= 0)
			return;
		out->len += (size_t)n;
	}
}

/* Executes qmgr --account, its output into fd. 0 or an errno. */
static int
start_reader(const char *qmgr, const char *state_dir, int fd, pid_t *pid)
{
	char flag[] = "--account";
	char dir[CTL_PATH_BYTES];
	char name[] = "qmgr";
	char *argv[] = { name, flag, dir, NULL };
	posix_spawn_file_actions_t files;
	int e;

	(void)snprintf(dir, sizeof(dir), "%s", state_dir);
	e = posix_spawn_file_actions_init(&files);
	if (e != 0)
		return e;
	e = posix_spawn_file_actions_adddup2(&files, fd, STDOUT_FILENO);
	if (e == 0)
		e = posix_spawn(pid, qmgr, &files, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&files);
	return e;
}

/* What is wrong is said by qmgr on our standard error. */
static void
read_spool(struct ctl *ctl, struct status *s)
{
	char bytes[ACCOUNT_LINE_MAX_BYTES];
	struct outbuf line = { bytes, 0, sizeof(bytes) };
	char path[CTL_PATH_BYTES];
	struct account account;
	int status = 0;
	int fds[2];
	pid_t pid;
	int e;

	ctl_libexec("qmgr", path);
	if (pipe2(fds, O_CLOEXEC) != 0)
		ctl_die(EXIT_TEMP, "pipe: %s", strerror(errno));
	e = start_reader(path, ctl_state_dir(ctl), fds[1], &pid);
	(void)close(fds[1]);
	if (e != 0)
		ctl_die(EXIT_TEMP, "%s: %s", path, strerror(e));
	read_line(fds[0], &line);
	/* One that goes on writing is told so by SIGPIPE. */
	(void)close(fds[0]);
	if (waitpid(pid, &status, 0) == pid && status == 0 &&
	    account_parse(&account, outbuf_str(&line)) == ERR_OK)
		take_account(s, &account);
}

static bool
has_spool(struct ctl *ctl)
{
	char path[CTL_PATH_BYTES];

	ctl_state_path(ctl, "spool", path);
	return access(path, F_OK) == 0;
}

void
status_gather(struct ctl *ctl, struct status *status)
{
	*status = (struct status){ .n = 0 };
	if (ask_master(ctl, status)) {
		ask_qmgr(ctl, status);
		status->is_ready =
		    status->instance.is_ready != 0 && status->has_accounts;
		return;
	}
	copy(status->node, sizeof(status->node), ctl_conf(ctl)->main.node);
	copy(status->reason, sizeof(status->reason),
	    STR("the relay is not running"));
	if (has_spool(ctl))
		read_spool(ctl, status);
}

const char *
status_state_text(unsigned state)
{
	static const char *const texts[PROCESS_STATE_N] = {
		[PROCESS_STARTING] = "starting",
		[PROCESS_OK] = "ok",
		[PROCESS_STOPPING] = "stopping",
		[PROCESS_BACKOFF] = "back-off",
		[PROCESS_FAILING] = "failing",
	};

	return state < COUNT_OF(texts) ? texts[state] : "?";
}
