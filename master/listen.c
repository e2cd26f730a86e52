/* SPDX-License-Identifier: BSD-2-Clause */
/* listen: the sockets that clients connect to. */
#include "master/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/log/log.h"

#define PROC_PATH_BYTES 64

static const struct listener *
find(const struct listeners *set, const struct sock_addr *addr)
{
	uint32_t i;

	for (i = 0; i < set->n; i++)
		if (sock_addr_eq(&set->items[i].addr, addr))
			return &set->items[i];
	return NULL;
}

static enum err
bind_new(struct listener *l, const struct conf_listener *conf)
{
	enum err err = sock_listen(&l->addr, LISTEN_BACKLOG, &l->fd);

	if (err != ERR_OK || l->addr.family != SOCK_UNIX)
		return err;
	if (chmod(l->addr.path, conf->socket_mode) == 0)
		return ERR_OK;
	(void)close(l->fd);
	return ERR_IO;
}

/* Closes what only fresh has. */
static void
give_up(struct listeners *fresh, const struct listeners *old)
{
	listeners_retire(fresh, old);
}

static enum err
add(struct listeners *fresh, const struct listeners *old,
    const struct conf_listener *conf, struct str address)
{
	struct listener *l = &fresh->items[fresh->n];
	const struct listener *same;
	enum err err;

	if (fresh->n == SVC_LISTENERS_MAX)
		return ERR_FULL;
	err = sock_parse(&l->addr, address);
	if (err != ERR_OK) {
		errno = EINVAL;
		return ERR_IO;
	}
	if (find(fresh, &l->addr) != NULL) {
		errno = EADDRINUSE;
		return ERR_IO;
	}
	if (conf->head.title.len > LISTEN_TITLE_MAX_BYTES) {
		errno = ENAMETOOLONG;
		return ERR_IO;
	}
	same = find(old, &l->addr);
	if (same != NULL)
		l->fd = same->fd;
	else if (bind_new(l, conf) != ERR_OK)
		return ERR_IO;
	l->title_len = (uint16_t)conf->head.title.len;
	memcpy(l->title, conf->head.title.ptr, l->title_len);
	fresh->n++;
	return ERR_OK;
}

static void
explain(struct outbuf *text, enum err err, const struct conf_listener *conf,
    struct str address)
{
	int error = errno;

	/* A text that is cut is better than none. */
	if (err == ERR_FULL)
		(void)!outbuf_printf(text,
		    "more than %d addresses to listen on", SVC_LISTENERS_MAX);
	else
		(void)!outbuf_printf(text,
		    "listener \"%.*s\": cannot listen on %.*s: %s",
		    STR_ARG(conf->head.title), STR_ARG(address),
		    strerror(error));
}

enum err
listeners_make(struct listeners *fresh, const struct listeners *old,
    const struct conf *conf, struct outbuf *text)
{
	const struct conf_listener *cl;
	struct str address;
	uint32_t i, k;
	enum err err;

	fresh->n = 0;
	for (i = 0; i < conf->n_listener; i++) {
		cl = &conf->listener[i];
		for (k = 0; k < cl->address.n; k++) {
			address = cl->address.items[k];
			err = add(fresh, old, cl, address);
			if (err == ERR_OK)
				continue;
			explain(text, err, cl, address);
			give_up(fresh, old);
			return err;
		}
	}
	return ERR_OK;
}

void
listeners_retire(struct listeners *old, const struct listeners *fresh)
{
	struct listener *l;
	uint32_t i;

	for (i = 0; i < old->n; i++) {
		l = &old->items[i];
		if (l->addr.family == SOCK_UNIX && !listeners_has(fresh, l))
			(void)unlink(l->addr.path);
	}
	listeners_leave(old, fresh);
}

void
listeners_leave(struct listeners *old, const struct listeners *fresh)
{
	const struct listener *same;
	uint32_t i;

	/* One that is there twice may be shared once. */
	for (i = 0; i < old->n; i++) {
		same = find(fresh, &old->items[i].addr);
		if (same == NULL || same->fd != old->items[i].fd)
			(void)close(old->items[i].fd);
	}
	old->n = 0;
}

bool
listeners_has(const struct listeners *set, const struct listener *l)
{
	return find(set, &l->addr) != NULL;
}

void
listeners_log(const struct listeners *fresh, const struct listeners *old)
{
	char bytes[SOCK_TEXT_MAX_BYTES];
	const struct listener *l;
	struct outbuf text;
	uint32_t i;

	for (i = 0; i < fresh->n; i++) {
		l = &fresh->items[i];
		text = (struct outbuf){ bytes, 0, sizeof(bytes) };
		if (find(old, &l->addr) == NULL &&
		    sock_format(&text, &l->addr) == ERR_OK)
			LOG(EV_LISTENING,
			    KV_STR("listener",
			        ((struct str){ l->title, l->title_len })),
			    KV_STR("address", outbuf_str(&text)));
	}
}

/* By a descriptor of the name: in a directory of an unprivileged user it may
 * be another file by now. */
enum err
listen_give(const struct state *state, const struct run_socket *socket)
{
	const struct priv_user *user = &state->users[socket->role];
	char path[PROC_PATH_BYTES];
	struct stat st;
	enum err err = ERR_IO;
	int fd =
	    openat(state->run, socket->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return ERR_IO;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) &&
	    chmod(path, socket->mode) == 0 &&
	    (geteuid() != 0 ||
	        fchownat(fd, "", user->uid, user->gid, AT_EMPTY_PATH) == 0))
		err = ERR_OK;
	(void)close(fd);
	return err;
}

enum err
listen_run(const struct state *state, const struct run_socket *socket, int *fd)
{
	enum err err = ERR_OK;

	if (*fd < 0)
		err = sock_listen_at(
		    state->run, socket->name, LISTEN_BACKLOG, fd);
	if (err != ERR_OK)
		return err;
	if (listen_give(state, socket) == ERR_OK)
		return ERR_OK;
	(void)close(*fd);
	return ERR_IO;
}
