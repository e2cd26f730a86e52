/* SPDX-License-Identifier: BSD-2-Clause */
/* hand: which descriptors each kind of daemon is given. */
#include "master/hand.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "util/proto/terms.h"

enum {
	NEEDS_INCOMING = 1u << 0,
	NEEDS_SPOOL = 1u << 1, /* all its directories */
	NEEDS_LISTENERS = 1u << 2,
	NEEDS_QMGR_PAGE = 1u << 3,
	NEEDS_PAGES = 1u << 4, /* of all workers, with their slots */
	NEEDS_SLOTS = 1u << 5, /* its own */
	NEEDS_USERS = 1u << 6, /* their names */
};

#define SOCKET(name) (1u << RUN_##name)

const struct program programs[PROGRAM_N] = {
	[PROGRAM_SHAPER] = { "shaper", 0, SOCKET(SHAPER), true, PRIV_QUEUE },
	[PROGRAM_QMGR] = { "qmgr", NEEDS_SPOOL | NEEDS_PAGES, SOCKET(QMGR),
	    true, PRIV_QUEUE },
	[PROGRAM_DELIVER] = { "deliver", NEEDS_SLOTS | NEEDS_QMGR_PAGE, 0,
	    false, PRIV_DELIVER },
	[PROGRAM_SMTPD] = { "smtpd",
	    NEEDS_INCOMING | NEEDS_LISTENERS | NEEDS_QMGR_PAGE | NEEDS_USERS,
	    SOCKET(SUBMIT) | SOCKET(NOTICE), false, PRIV_SMTPD },
};

static const struct run_socket run_sockets[RUN_N] = {
	[RUN_MASTER] = { "master", 0660, PRIV_QUEUE },
	[RUN_QMGR] = { "qmgr", 0660, PRIV_QUEUE },
	[RUN_SHAPER] = { "shaper", 0600, PRIV_QUEUE },
	[RUN_SUBMIT] = { "submit", 0, PRIV_SMTPD },
	[RUN_NOTICE] = { "notice", 0600, PRIV_DELIVER },
};

struct run_socket
run_socket_of(enum run_place place, const struct conf *conf)
{
	struct run_socket socket = run_sockets[place];

	if (place == RUN_SUBMIT)
		socket.mode = conf->submit.socket_mode;
	return socket;
}

/* What is sent to one child, until something goes wrong. */
struct sending {
	struct chan *chan;
	enum err err;
};

static void
put_text(struct sending *s, enum hand_kind kind, uint32_t index,
    struct str text, int fd)
{
	struct msg_hand hand = {
		.kind = (uint8_t)kind, .index = index, .text = text
	};

	if (s->err == ERR_OK)
		s->err = chan_send_hand(s->chan, &hand, fd);
}

static void
put(struct sending *s, enum hand_kind kind, uint32_t index, int fd)
{
	put_text(s, kind, index, STR(""), fd);
}

static void
put_listeners(struct sending *s, const struct listeners *listeners)
{
	const struct listener *l;
	uint32_t i;

	for (i = 0; i < listeners->n; i++) {
		l = &listeners->items[i];
		put_text(s, HAND_LISTENER, i,
		    (struct str){ l->title, l->title_len }, l->fd);
	}
}

/* A program that has several tells them by their order. */
static void
put_sockets(struct sending *s, const struct master *m, unsigned sockets)
{
	uint32_t index = 0, i;

	for (i = 0; i < RUN_N; i++)
		if ((sockets & (1u << i)) != 0)
			put(s, HAND_SOCKET, index++, m->run_fds[i]);
}

static void
put_spool(struct sending *s, const struct state *state)
{
	put(s, HAND_INCOMING, 0, state->incoming);
	put(s, HAND_DEFERRED, 0, state->deferred);
	put(s, HAND_LEDGER, 0, state->ledger);
	put(s, HAND_QUARANTINE, 0, state->quarantine);
}

static void
put_pages(struct sending *s, const struct master *m)
{
	const struct child *c;
	uint32_t i;

	for (i = 0; i < m->n_children; i++) {
		c = &m->children[i];
		if (c->program == &programs[PROGRAM_SMTPD])
			put(s, HAND_PAGE_SMTPD, c->number, c->page_fd);
		if (c->program != &programs[PROGRAM_DELIVER])
			continue;
		put(s, HAND_PAGE_DELIVER, c->number, c->page_fd);
		put(s, HAND_SLOTS, c->number, c->slots_fd);
	}
}

static void
put_qmgr_page(struct sending *s, const struct master *m)
{
	uint32_t i;

	for (i = 0; i < m->n_children; i++)
		if (m->children[i].program == &programs[PROGRAM_QMGR])
			put(s, HAND_PAGE_QMGR, 0, m->children[i].page_fd);
}

/* A new user is known from the next reload on: a change of the list is a new
 * file. Without the list users have numbers alone. */
static void
put_users(struct sending *s)
{
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	put(s, HAND_USERS, 0, fd);
	(void)close(fd);
}

enum err
hand_start(struct master *m, const struct child *child)
{
	const struct program *program = child->program;
	const struct priv_user *user = &m->state.users[program->role];
	struct sending s = { child->chan, ERR_OK };
	struct msg_start start = { .name = str_from_c(program->name),
		.index = child->number,
		.generation = m->generation,
		.spawn = m->spawns,
		.is_foreground = m->is_foreground,
		.run_dir = str_from_c(m->run_dir),
		.uid = user->uid,
		.gid = user->gid,
		.is_separated = m->state.is_separated,
		.smtpd_uid = m->state.users[PRIV_SMTPD].uid,
		.deliver_uid = m->state.users[PRIV_DELIVER].uid };

	put(&s, HAND_CONF, 0, m->conf_fd);
	put(&s, HAND_LOCK, 0, m->state.lock);
	put(&s, HAND_PAGE, 0, child->page_fd);
	put_sockets(&s, m, program->sockets);
	if ((program->needs & NEEDS_INCOMING) != 0)
		put(&s, HAND_INCOMING, 0, m->state.incoming);
	if ((program->needs & NEEDS_SPOOL) != 0)
		put_spool(&s, &m->state);
	if ((program->needs & NEEDS_LISTENERS) != 0)
		put_listeners(&s, &m->listeners);
	if ((program->needs & NEEDS_USERS) != 0)
		put_users(&s);
	if ((program->needs & NEEDS_QMGR_PAGE) != 0)
		put_qmgr_page(&s, m);
	if ((program->needs & NEEDS_PAGES) != 0)
		put_pages(&s, m);
	if ((program->needs & NEEDS_SLOTS) != 0)
		put(&s, HAND_SLOTS, child->number, child->slots_fd);
	if (s.err == ERR_OK)
		s.err = chan_send_start(child->chan, &start);
	return s.err;
}

enum err
hand_reload(struct master *m, const struct child *child)
{
	struct msg_reload reload = { .generation = m->generation };
	struct sending s = { child->chan, ERR_OK };

	put(&s, HAND_CONF, 0, m->conf_fd);
	if ((child->program->needs & NEEDS_LISTENERS) != 0)
		put_listeners(&s, &m->listeners);
	if ((child->program->needs & NEEDS_USERS) != 0)
		put_users(&s);
	if (s.err == ERR_OK)
		s.err = chan_send_reload(child->chan, &reload);
	return s.err;
}
