/* SPDX-License-Identifier: BSD-2-Clause */
/* inherit: sockets that outlive a process: taken over, kept, passed on. */
#include "master/inherit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/base/fatal.h"
#include "util/log/log.h"

#define RUN_PREFIX "run/"
/* Text of a Unix address with its colon replaced, as in names. */
#define UNIX_PREFIX STR("unix,")
#define NAME_BYTES (NOTIFY_NAME_MAX_BYTES + 1)

/* --- names ---------------------------------------------------------------- */

/* Its address, commas in place of the colons that no name may have. False: a
 * path that no name can hold. */
static bool
listener_name(const struct listener *l, char name[NAME_BYTES])
{
	struct outbuf out = { name, 0, NAME_BYTES - 1 };
	size_t i, end;

	if (sock_format(&out, &l->addr) != ERR_OK)
		return false;
	name[out.len] = '\0';
	end = l->addr.family == SOCK_UNIX ? UNIX_PREFIX.len : out.len;
	for (i = 0; i < end; i++)
		if (name[i] == ':')
			name[i] = ',';
	return notify_is_name(name);
}

static bool
is_socket_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* The address that clients use. Of one that we bound by way of its directory
 * the kernel knows another path than its name tells. */
static bool
find_address(const struct notify_fd *item, struct sock_addr *addr)
{
	struct str name = str_from_c(item->name);
	size_t prefix = UNIX_PREFIX.len;

	if (sock_local(item->fd, addr) != ERR_OK || addr->family == SOCK_NONE)
		return false;
	if (addr->family != SOCK_UNIX)
		return true;
	if (str_starts(name, UNIX_PREFIX) && name.len > prefix)
		(void)snprintf(
		    addr->path, sizeof(addr->path), "%s", item->name + prefix);
	/* Where its file is gone, nobody can come. */
	return is_socket_there(addr->path);
}

/* --- taking --------------------------------------------------------------- */

void
inherit_take(struct inherit *in)
{
	in->n = notify_take_fds(in->items);
}

static void
remove_item(struct inherit *in, unsigned i)
{
	in->items[i] = in->items[--in->n];
}

int
inherit_take_name(struct inherit *in, const char *name)
{
	unsigned i;
	int fd;

	for (i = 0; i < in->n; i++)
		if (strcmp(in->items[i].name, name) == 0) {
			fd = in->items[i].fd;
			remove_item(in, i);
			return fd;
		}
	return -1;
}

int
inherit_take_run(struct inherit *in, const char *name)
{
	char whole[NAME_BYTES];
	int fd;

	(void)snprintf(whole, sizeof(whole), RUN_PREFIX "%s", name);
	fd = inherit_take_name(in, whole);
	if (fd < 0 || sock_adopt(fd, LISTEN_BACKLOG) == ERR_OK)
		return fd;
	(void)close(fd);
	return -1;
}

void
inherit_take_listeners(struct inherit *in, struct listeners *set)
{
	struct listener *l;
	unsigned i = 0;

	set->n = 0;
	while (i < in->n && set->n < SVC_LISTENERS_MAX) {
		l = &set->items[set->n];
		*l = (struct listener){ .fd = in->items[i].fd };
		if (!find_address(&in->items[i], &l->addr) ||
		    sock_adopt(l->fd, LISTEN_BACKLOG) != ERR_OK) {
			i++;
			continue;
		}
		set->n++;
		remove_item(in, i);
	}
}

void
inherit_leave_listeners(struct listeners *set, const struct listeners *fresh)
{
	char name[NAME_BYTES];
	uint32_t i;

	for (i = 0; i < set->n; i++)
		if (!listeners_has(fresh, &set->items[i]) &&
		    listener_name(&set->items[i], name))
			LOG(EV_SOCKET_UNUSED, KV_CSTR("name", name));
	listeners_leave(set, fresh);
}

void
inherit_close(struct inherit *in)
{
	unsigned i;

	for (i = 0; i < in->n; i++) {
		LOG(EV_SOCKET_UNUSED, KV_CSTR("name", in->items[i].name));
		(void)close(in->items[i].fd);
	}
	in->n = 0;
}

/* --- passing on ----------------------------------------------------------- */

void
inherit_add(struct inherit *in, const char *name, int fd)
{
	struct notify_fd *item = &in->items[in->n];

	BUG_IF(in->n == NOTIFY_FDS_MAX || !notify_is_name(name));
	item->fd = fd;
	(void)snprintf(item->name, sizeof(item->name), "%s", name);
	in->n++;
}

void
inherit_add_run(struct inherit *in, const char *name, int fd)
{
	char whole[NAME_BYTES];

	(void)snprintf(whole, sizeof(whole), RUN_PREFIX "%s", name);
	inherit_add(in, whole, fd);
}

void
inherit_add_listeners(struct inherit *in, const struct listeners *listeners)
{
	char name[NAME_BYTES];
	uint32_t i;

	for (i = 0; i < listeners->n; i++)
		if (listener_name(&listeners->items[i], name))
			inherit_add(in, name, listeners->items[i].fd);
}

void
inherit_store(const struct listeners *listeners)
{
	char name[NAME_BYTES];
	uint32_t i;

	for (i = 0; i < listeners->n; i++)
		if (listener_name(&listeners->items[i], name) &&
		    !notify_store(listeners->items[i].fd, name))
			return;
}

void
inherit_drop(const struct listeners *listeners, const struct listeners *fresh)
{
	char name[NAME_BYTES];
	const struct listener *l;
	uint32_t i;

	for (i = 0; i < listeners->n; i++) {
		l = &listeners->items[i];
		if (!listeners_has(fresh, l) && listener_name(l, name) &&
		    !notify_drop(name))
			return;
	}
}
