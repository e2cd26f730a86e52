/* SPDX-License-Identifier: BSD-2-Clause */
/* brood: the daemons: started, handed what they need, watched, ended. */
#include "master/brood.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "master/hand.h"
#include "master/spawn.h"
#include "master/upgrade.h"
#include "util/base/fatal.h"
#include "util/io/sock.h"
#include "util/log/log.h"
#include "util/svc/svc.h"
#include "util/text/ascii.h"

#define NAME_BYTES 32
/* HANDs and START; control clients have a bound of their own. */
#define OUT_MAX_BYTES (1024 * 1024)
#define LOOK_MS 1000
#define STUCK_MS 10000

static void step(struct child *c, enum child_event event);
static void bury(struct child *c);

/* --- names ---------------------------------------------------------------- */

uint32_t
brood_shown_number(const struct child *child)
{
	return child->program->is_single ? 0 : child->number;
}

const char *
brood_program(const struct child *child)
{
	return child->program->name;
}

const char *
brood_name(const struct child *child)
{
	static char name[NAME_BYTES];

	if (child->program->is_single)
		return child->program->name;
	(void)snprintf(
	    name, sizeof(name), "%s/%u", child->program->name, child->number);
	return name;
}

/* --- frames from a child -------------------------------------------------- */

static enum err
on_ready(struct child *c, struct frame *f)
{
	struct msg_ready ready;
	enum err err = msg_ready_decode(&ready, f->body);

	if (err != ERR_OK)
		return err;
	c->generation = ready.generation;
	if (c->fate.state == CHILD_STARTING)
		LOG(EV_PROCESS_READY, KV_CSTR("name", c->program->name),
		    KV_NUM("index", c->number), KV_NUM("pid", c->pid),
		    KV_NUM("took_ms",
		        loop_now_ms(c->master->loop) - c->fate.started_ms));
	step(c, CHILD_EV_READY);
	return ERR_OK;
}

static void
kill_child(struct child *c, struct str reason)
{
	if (c->pid <= 0)
		return;
	LOG(EV_PROCESS_KILLED, KV_CSTR("name", c->program->name),
	    KV_NUM("index", c->number), KV_NUM("pid", c->pid),
	    KV_STR("reason", reason));
	/* It is our child, and not reaped: the pid cannot be another's. */
	(void)kill(c->pid, SIGKILL);
}

/* Q5: only qmgr may ask, and only for a worker. */
static enum err
on_kill_worker(struct child *c, struct frame *f)
{
	struct master *m = c->master;
	struct msg_kill_worker ask;
	enum err err = msg_kill_worker_decode(&ask, f->body);
	struct child *worker;
	uint32_t i;

	if (err != ERR_OK)
		return err;
	if (c->program != &programs[PROGRAM_QMGR])
		return ERR_DENIED;
	for (i = 0; i < m->n_children; i++) {
		worker = &m->children[i];
		if (worker->program == &programs[PROGRAM_DELIVER] &&
		    worker->number == ask.index)
			kill_child(worker, ask.reason);
	}
	return ERR_OK;
}

/* It may quote what is foreign to us: a terminal will show it. */
static enum err
on_last_words(struct child *c, struct frame *f)
{
	struct msg_last_words words;
	enum err err = msg_last_words_decode(&words, f->body);
	size_t i;

	if (err != ERR_OK)
		return err;
	(void)snprintf(c->words, sizeof(c->words), "%.*s", STR_ARG(words.text));
	for (i = 0; c->words[i] != '\0'; i++)
		if (!ascii_is_print(c->words[i]))
			c->words[i] = '?';
	return ERR_OK;
}

static enum err
on_frame(void *arg, struct frame *f)
{
	struct child *c = arg;

	if (f->type == MSG_READY)
		return on_ready(c, f);
	if (f->type == MSG_KILL_WORKER)
		return on_kill_worker(c, f);
	if (f->type == MSG_LAST_WORDS)
		return on_last_words(c, f);
	return ERR_PROTO;
}

/* Its end of the pair is closed: it has died, or does not play by the rules.
 * SIGCHLD tells the rest either way. */
static void
on_close(void *arg, enum err why, const char *text)
{
	struct child *c = arg;

	chan_free(&c->chan);
	if (c->is_reaped)
		bury(c);
	else if (why != ERR_EOF)
		kill_child(c, str_from_c(text));
	else if (c->pid > 0)
		(void)kill(c->pid, SIGKILL);
}

/* --- actions -------------------------------------------------------------- */

/* The pair, the process, and the handshake on its way. */
static enum err
launch(struct child *c)
{
	struct chan_conf conf = { .on_frame = on_frame,
		.on_close = on_close,
		.arg = c,
		.out_max_bytes = OUT_MAX_BYTES };
	struct master *m = c->master;
	int fds[2];
	pid_t pid;
	enum err err;

	err = sock_pair(fds);
	if (err != ERR_OK)
		return err;
	err = spawn_daemon(c->program->name, fds[1], m->is_foreground, &pid);
	(void)close(fds[1]);
	if (err != ERR_OK) {
		(void)close(fds[0]);
		return err;
	}
	c->pid = pid;
	c->chan = chan_new(m->loop, fds[0], &conf);
	c->generation = m->generation;
	return hand_start(m, c);
}

static void
spawn(struct child *c)
{
	struct master *m = c->master;
	enum err err;

	m->spawns++;
	c->is_stuck = false;
	c->words[0] = '\0';
	if (c->fate.restarts > 0)
		c->restarted_ms = loop_wall_ms(m->loop);
	err = launch(c);
	if (err == ERR_OK) {
		LOG(EV_PROCESS_STARTED, KV_CSTR("name", c->program->name),
		    KV_NUM("index", c->number), KV_NUM("pid", c->pid),
		    KV_NUM("spawn", m->spawns));
		return;
	}
	LOG(EV_SYSCALL_FAILED, KV_CSTR("call", "spawn"),
	    KV_CSTR("file", c->program->name), KV_ERRNO("error", errno));
	if (c->pid > 0)
		/* It runs, and was not told all: its end is noticed. */
		kill_child(c, STR("the handshake could not be sent"));
	else
		step(c, CHILD_EV_NO_START);
}

static void
tell(struct child *c)
{
	if (c->chan == NULL)
		return;
	if (hand_reload(c->master, c) != ERR_OK)
		kill_child(c, STR("the reload could not be sent"));
}

/* Moves the child by one event; what is to be done is returned. */
static enum child_act
move(struct child *c, enum child_event event)
{
	struct master *m = c->master;
	enum child_state old = c->fate.state;
	int64_t stop_ms = m->conf->main.stop_grace_ms + SVC_KILL_MS;
	enum child_act act =
	    child_step(&c->fate, event, loop_now_ms(m->loop), stop_ms);

	if (old != c->fate.state)
		LOG(EV_STATE_CHANGED, KV_CSTR("machine", brood_name(c)),
		    KV_CSTR("from", child_state_text(old)),
		    KV_CSTR("to", child_state_text(c->fate.state)));
	if (c->fate.due_ms == INT64_MAX || c->fate.due_ms == 0)
		timer_stop(&c->due);
	else
		timer_set_at(&c->due, c->fate.due_ms);
	return act;
}

static void
act_on(struct child *c, enum child_act act)
{
	switch (act) {
	case CHILD_ACT_NONE:
		break;
	case CHILD_ACT_SPAWN:
		spawn(c);
		break;
	case CHILD_ACT_CLOSE:
		chan_free(&c->chan);
		break;
	case CHILD_ACT_KILL:
		kill_child(c, STR("it did not stop in time"));
		break;
	case CHILD_ACT_TELL:
		tell(c);
		break;
	}
	master_changed(c->master);
}

static void
step(struct child *c, enum child_event event)
{
	act_on(c, move(c, event));
}

static void
on_due(void *arg)
{
	step(arg, CHILD_EV_DUE);
}

/* Said once: an operator decides, since silence is no proof of death (Q5). */
static void
on_look(void *arg)
{
	struct child *c = arg;
	int64_t now_ms = loop_now_ms(c->master->loop);
	int64_t silent_ms = now_ms - page_heartbeat_ms(c->page);

	timer_set_at(&c->look, now_ms + LOOK_MS);
	if (c->is_reaped)
		bury(c);
	/* One that failed is well again by the clock alone. */
	master_changed(c->master);
	if (c->fate.state != CHILD_OK || silent_ms < STUCK_MS) {
		c->is_stuck = false;
		return;
	}
	if (c->is_stuck)
		return;
	c->is_stuck = true;
	LOG(EV_PROCESS_STUCK, KV_CSTR("name", c->program->name),
	    KV_NUM("index", c->number), KV_NUM("pid", c->pid),
	    KV_NUM("silent_ms", silent_ms));
}

/* --- deaths --------------------------------------------------------------- */

static void
log_death(const struct child *c, int status, int64_t uptime_ms)
{
	const struct child_fate *fate = &c->fate;
	int64_t now_ms = loop_now_ms(c->master->loop);
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
	int signo = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	int64_t retry_ms = 0;

	if (fate->due_ms != INT64_MAX && fate->due_ms > now_ms)
		retry_ms = fate->due_ms - now_ms;
	if (fate->state == CHILD_DOWN)
		LOG(EV_PROCESS_ENDED, KV_CSTR("name", c->program->name),
		    KV_NUM("index", c->number));
	else if (fate->state == CHILD_FAILING || fate->state == CHILD_BROKEN)
		LOG(EV_PROCESS_FAILING, KV_CSTR("name", c->program->name),
		    KV_NUM("index", c->number), KV_NUM("status", code),
		    KV_NUM("signal", signo), KV_NUM("retry_ms", retry_ms));
	else
		LOG(EV_PROCESS_DIED, KV_CSTR("name", c->program->name),
		    KV_NUM("index", c->number), KV_NUM("status", code),
		    KV_NUM("signal", signo), KV_NUM("uptime_ms", uptime_ms),
		    KV_NUM("retry_ms", retry_ms));
}

/* What it says reaches us before its end does, if it said anything. */
static void
note_trouble(struct child *c, int status)
{
	char how[NAME_BYTES];

	if (WIFSIGNALED(status))
		(void)snprintf(how, sizeof(how), "signal %d (%s)",
		    WTERMSIG(status), sigabbrev_np(WTERMSIG(status)));
	else
		(void)snprintf(
		    how, sizeof(how), "exit status %d", WEXITSTATUS(status));
	(void)snprintf(c->trouble, sizeof(c->trouble), "%s%s%s", how,
	    c->words[0] == '\0' ? "" : ": ", c->words);
}

static void
bury(struct child *c)
{
	int64_t uptime_ms = loop_now_ms(c->master->loop) - c->fate.started_ms;
	int status = c->wait_status;
	bool is_refusal = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_PERM;
	enum child_act act;

	c->is_reaped = false;
	chan_free(&c->chan);
	act = move(c, is_refusal ? CHILD_EV_REFUSED : CHILD_EV_DIED);
	if (c->fate.state != CHILD_DOWN)
		note_trouble(c, status);
	log_death(c, status, uptime_ms);
	act_on(c, act);
}

/* What it said last may still be on its way: it is buried at the end of the
 * status pair, which its death has closed. */
static void
reap(struct child *c, int status)
{
	c->pid = 0;
	c->wait_status = status;
	c->is_reaped = true;
	if (c->chan == NULL)
		bury(c);
}

void
brood_reap(struct master *m)
{
	int status;
	uint32_t i;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		upgrade_reaped(m, pid, status);
		for (i = 0; i < m->n_children; i++)
			if (m->children[i].pid == pid)
				reap(&m->children[i], status);
	}
}

/* --- all of them ---------------------------------------------------------- */

/* One process for each core that we may use. */
static uint32_t
cores(void)
{
	cpu_set_t set;
	int n;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	n = CPU_COUNT(&set);
	return n < WORKERS_MAX ? (uint32_t)n : WORKERS_MAX;
}

static uint32_t
wanted(const struct master *m, const struct program *program)
{
	uint32_t n = 0;

	if (program->is_single)
		return 1;
	if (program == &programs[PROGRAM_SMTPD])
		n = m->conf->workers.smtpd;
	if (program == &programs[PROGRAM_DELIVER])
		n = m->conf->workers.deliver;
	return n == 0 ? cores() : n;
}

static void
make_pages(struct child *c)
{
	if (page_create(&c->page_fd) != ERR_OK ||
	    page_map(&c->page, c->page_fd, false) != ERR_OK)
		fatal("status page: %s", strerror(errno));
	if (c->program != &programs[PROGRAM_DELIVER])
		return;
	if (slot_page_create(&c->slots_fd, PAGE_SLOTS) != ERR_OK)
		fatal("slot page: %s", strerror(errno));
}

static void
add_child(struct master *m, const struct program *program, uint32_t number)
{
	struct child *c = &m->children[m->n_children++];

	*c = (struct child){ .master = m,
		.program = program,
		.number = number,
		.slots_fd = -1 };
	c->fate.due_ms = INT64_MAX;
	make_pages(c);
	timer_init(&c->due, m->loop, on_due, c);
	timer_init(&c->look, m->loop, on_look, c);
	timer_set_at(&c->look, loop_now_ms(m->loop) + LOOK_MS);
}

void
brood_init(struct master *m)
{
	uint32_t number, n;
	size_t i;

	for (i = 0; i < PROGRAM_N; i++) {
		n = wanted(m, &programs[i]);
		BUG_IF(m->n_children + n > CHILDREN_MAX);
		for (number = 1; number <= n; number++)
			add_child(m, &programs[i], number);
	}
}

void
brood_fini(struct master *m)
{
	struct child *c;
	uint32_t i;

	for (i = 0; i < m->n_children; i++) {
		c = &m->children[i];
		timer_fini(&c->due);
		timer_fini(&c->look);
		chan_free(&c->chan);
		page_free(&c->page);
		(void)close(c->page_fd);
		if (c->slots_fd >= 0)
			(void)close(c->slots_fd);
	}
	m->n_children = 0;
}

static void
step_all(struct master *m, enum child_event event)
{
	uint32_t i;

	for (i = 0; i < m->n_children; i++)
		step(&m->children[i], event);
}

void
brood_start(struct master *m)
{
	step_all(m, CHILD_EV_START);
}

void
brood_stop(struct master *m)
{
	step_all(m, CHILD_EV_STOP);
}

void
brood_reload(struct master *m)
{
	step_all(m, CHILD_EV_RELOAD);
}

const struct child *
brood_find(const struct master *m, enum child_state state)
{
	int64_t now_ms = loop_now_ms(m->loop);
	uint32_t i;

	for (i = 0; i < m->n_children; i++)
		if (child_shown(&m->children[i].fate, now_ms) == state)
			return &m->children[i];
	return NULL;
}

bool
brood_is_down(const struct master *m)
{
	uint32_t i;

	for (i = 0; i < m->n_children; i++)
		if (m->children[i].fate.state != CHILD_DOWN)
			return false;
	return true;
}

bool
brood_is_ready(const struct master *m)
{
	int64_t now_ms = loop_now_ms(m->loop);
	uint32_t i;

	for (i = 0; i < m->n_children; i++)
		if (child_shown(&m->children[i].fate, now_ms) != CHILD_OK)
			return false;
	return true;
}

const struct child *
brood_find_behind(const struct master *m)
{
	const struct child *c;
	uint32_t i;

	for (i = 0; i < m->n_children; i++) {
		c = &m->children[i];
		if (c->pid > 0 && c->fate.state == CHILD_OK &&
		    c->generation != m->generation)
			return c;
	}
	return NULL;
}

bool
brood_is_silent(const struct master *m)
{
	int64_t now_ms = loop_now_ms(m->loop);
	const struct child *c;
	bool is_any = false;
	uint32_t i;

	for (i = 0; i < m->n_children; i++) {
		c = &m->children[i];
		if (c->pid <= 0 || c->fate.state != CHILD_OK)
			continue;
		is_any = true;
		if (now_ms - page_heartbeat_ms(c->page) < STUCK_MS)
			return false;
	}
	return is_any;
}
