/* SPDX-License-Identifier: BSD-2-Clause */
/* control: the socket run/master, by which the commands ask and order. */
#include "master/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "master/brood.h"
#include "master/listen.h"
#include "master/load.h"
#include "master/reload.h"
#include "master/upgrade.h"
#include "util/base/fatal.h"
#include "util/io/acceptor.h"
#include "util/log/log.h"
#include "util/proto/chan.h"

#define OUT_MAX_BYTES (256 * 1024)
#define NAME "master"

/* One connection; free where chan is NULL. */
struct client {
	struct control *control;
	struct chan *chan;
	struct timer deadline;
	bool is_reloading;  /* waits until all children have the new one */
	bool is_upgrading;  /* waits for the end of this program */
	struct outbuf text; /* of the answer to that */
	char bytes[LOAD_TEXT_BYTES];
};

struct control {
	struct master *master;
	struct acceptor acceptor;
	struct client clients[CONTROL_CLIENTS_MAX];
};

static void
hang_up(struct client *client)
{
	timer_fini(&client->deadline);
	chan_free(&client->chan);
}

/* The last frame of an answer, with the number of the configuration. A client
 * that does not read is cut off. */
static enum err
answer(struct client *client, int status, struct str text)
{
	struct msg_answer msg = { .status = (uint8_t)status,
		.n = client->control->master->generation,
		.text = text };

	return chan_send_answer(client->chan, &msg);
}

/* --- status --------------------------------------------------------------- */

static enum process_state
shown(const struct child *c)
{
	int64_t now_ms = loop_now_ms(c->master->loop);

	switch (child_shown(&c->fate, now_ms)) {
	case CHILD_STARTING:
		return PROCESS_STARTING;
	case CHILD_OK:
		return PROCESS_OK;
	case CHILD_DOWN:
	case CHILD_STOPPING:
		return PROCESS_STOPPING;
	case CHILD_BACKOFF:
		return PROCESS_BACKOFF;
	case CHILD_FAILING:
	case CHILD_BROKEN:
	case CHILD_STATE_N:
		break;
	}
	return PROCESS_FAILING;
}

static enum err
send_instance(struct client *client)
{
	const struct master *m = client->control->master;
	struct msg_instance instance = { .node = m->conf->main.node,
		.started_ms = m->started_ms,
		.generation = m->generation,
		.loaded_ms = m->loaded_ms,
		.is_ready = master_is_ready(m),
		.unseparated = str_from_c(m->state.unseparated) };

	return chan_send_instance(client->chan, &instance);
}

static enum err
send_self(struct client *client)
{
	struct msg_process row = { .name = STR(NAME),
		.pid = (uint32_t)getpid(),
		.state = PROCESS_OK };

	if (client->control->master->phase == MASTER_STOPPING)
		row.state = PROCESS_STOPPING;
	return chan_send_process(client->chan, &row);
}

static enum err
send_child(struct client *client, const struct child *c)
{
	struct msg_process row = { .name = str_from_c(brood_program(c)),
		.index = brood_shown_number(c),
		.pid = c->pid > 0 ? (uint32_t)c->pid : 0,
		.state = (uint8_t)shown(c),
		.restarts = c->fate.restarts,
		.restarted_ms = c->restarted_ms,
		.figure = c->pid > 0 ? page_figure(c->page) : 0,
		.trouble = str_from_c(c->trouble) };

	if (c->pid > 0)
		page_get_turns(c->page, &row.turn_us, &row.turn_recent_us);
	return chan_send_process(client->chan, &row);
}

static enum err
on_status(struct client *client)
{
	const struct master *m = client->control->master;
	enum err err = send_instance(client);
	uint32_t i;

	if (err == ERR_OK)
		err = send_self(client);
	for (i = 0; i < m->n_children && err == ERR_OK; i++)
		err = send_child(client, &m->children[i]);
	if (err == ERR_OK)
		err = answer(client, 0, STR(""));
	return err;
}

/* --- orders --------------------------------------------------------------- */

/* Who may change anything: root, and the owner of the instance. */
static bool
may_order(const struct client *client)
{
	struct sock_cred cred;

	if (chan_peer_cred(client->chan, &cred) != ERR_OK)
		return false;
	return cred.uid == 0 ||
	    cred.uid == client->control->master->state.users[PRIV_QUEUE].uid;
}

static enum err
on_stop(struct client *client)
{
	enum err err;

	if (!may_order(client))
		return answer(client, EXIT_PERM,
		    STR("only root and the owner of state_dir may stop it"));
	err = answer(client, 0, STR(""));
	master_stop(client->control->master, 0);
	return err;
}

static bool
is_reloading(const struct control *control)
{
	size_t i;

	for (i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (control->clients[i].chan != NULL &&
		    control->clients[i].is_reloading)
			return true;
	return false;
}

static enum err
on_reload(struct client *client)
{
	struct master *m = client->control->master;
	enum err err;

	if (!may_order(client))
		return answer(client, EXIT_PERM,
		    STR("only root and the owner of state_dir may reload"));
	if (m->phase == MASTER_STOPPING)
		return answer(client, EXIT_TEMP, STR("it is stopping"));
	if (m->upgrade != NULL)
		return answer(client, EXIT_TEMP,
		    STR("an upgrade is under way: try again"));
	if (is_reloading(client->control))
		return answer(client, EXIT_TEMP,
		    STR("another reload is under way: try again"));
	client->text =
	    (struct outbuf){ client->bytes, 0, sizeof(client->bytes) };
	err = master_reload(m, &client->text);
	if (err != ERR_OK)
		return answer(client, err == ERR_SYNTAX ? EXIT_PERM : EXIT_TEMP,
		    outbuf_str(&client->text));
	client->is_reloading = true;
	control_changed(client->control);
	return ERR_OK;
}

static enum err
on_upgrade(struct client *client)
{
	struct master *m = client->control->master;
	int64_t limit_ms = loop_now_ms(m->loop) + CONTROL_DEADLINE_MS +
	    m->conf->main.stop_grace_ms + SVC_KILL_MS;

	if (!may_order(client))
		return answer(client, EXIT_PERM,
		    STR("only root and the owner of state_dir may upgrade"));
	if (m->phase != MASTER_RUNNING || m->upgrade != NULL ||
	    is_reloading(client->control))
		return answer(client, EXIT_TEMP,
		    STR("it is starting, stopping, reloading or upgrading "
		        "just now: try again"));
	client->is_upgrading = true;
	timer_set_at(&client->deadline, limit_ms);
	upgrade_begin(m);
	return ERR_OK;
}

void
control_upgrade_failed(struct control *control, int status, struct str text)
{
	struct client *client;
	size_t i;

	for (i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		client = &control->clients[i];
		if (client->chan == NULL || !client->is_upgrading)
			continue;
		client->is_upgrading = false;
		if (answer(client, status, text) != ERR_OK)
			hang_up(client);
	}
}

/* --- connections ---------------------------------------------------------- */

static enum err
on_frame(void *arg, struct frame *f)
{
	struct client *client = arg;

	if (f->type == MSG_STATUS_ASK)
		return on_status(client);
	if (f->type == MSG_STOP_ASK)
		return on_stop(client);
	if (f->type == MSG_RELOAD_ASK)
		return on_reload(client);
	if (f->type == MSG_UPGRADE_ASK)
		return on_upgrade(client);
	return ERR_PROTO;
}

static void
on_close(void *arg, enum err why, const char *text)
{
	if (why != ERR_EOF)
		LOG(EV_PEER_BROKEN, KV_CSTR("peer", "control"),
		    KV_CSTR("fault", err_text(why)), KV_CSTR("msg", text));
	hang_up(arg);
}

static void
on_deadline(void *arg)
{
	struct client *client = arg;
	const struct child *behind = brood_find_behind(client->control->master);
	char text[128];

	if (client->is_reloading && behind != NULL) {
		(void)snprintf(text, sizeof(text),
		    "%s has not taken the new configuration yet",
		    brood_name(behind));
		if (answer(client, EXIT_TEMP, str_from_c(text)) == ERR_OK)
			(void)!chan_flush(client->chan);
	}
	hang_up(client);
}

static void
on_connect(void *arg, int fd, const struct sock_addr *peer)
{
	struct control *control = arg;
	struct chan_conf conf = { .on_frame = on_frame,
		.on_close = on_close,
		.out_max_bytes = OUT_MAX_BYTES };
	struct loop *loop = control->master->loop;
	struct client *client = NULL;
	size_t i;

	(void)peer;
	for (i = 0; i < CONTROL_CLIENTS_MAX && client == NULL; i++)
		if (control->clients[i].chan == NULL)
			client = &control->clients[i];
	if (client == NULL) {
		(void)close(fd);
		return;
	}
	client->control = control;
	client->is_reloading = false;
	client->is_upgrading = false;
	conf.arg = client;
	client->chan = chan_new(loop, fd, &conf);
	timer_init(&client->deadline, loop, on_deadline, client);
	timer_set_at(
	    &client->deadline, loop_now_ms(loop) + CONTROL_DEADLINE_MS);
}

void
control_changed(struct control *control)
{
	const struct master *m = control->master;
	struct client *client;
	size_t i;

	if (brood_find_behind(m) != NULL && m->phase != MASTER_STOPPING)
		return;
	for (i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		client = &control->clients[i];
		if (client->chan == NULL || !client->is_reloading)
			continue;
		client->is_reloading = false;
		if (answer(client, 0, outbuf_str(&client->text)) != ERR_OK)
			hang_up(client);
	}
}

struct control *
control_new(struct master *m)
{
	struct control *control = calloc(1, sizeof(*control));

	if (control == NULL)
		fatal("no memory for control clients");
	control->master = m;
	acceptor_init(&control->acceptor, m->loop, m->run_fds[RUN_MASTER],
	    on_connect, control);
	return control;
}

void
control_free(struct control **control)
{
	struct control *c = *control;
	size_t i;

	if (c == NULL)
		return;
	for (i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (c->clients[i].chan != NULL)
			hang_up(&c->clients[i]);
	acceptor_fini(&c->acceptor);
	free(c);
	*control = NULL;
}
