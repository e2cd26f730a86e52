/* SPDX-License-Identifier: BSD-2-Clause */
/* inuse: which process has an address that is in use. */
#include "master/inuse.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "master/holder.h"
#include "util/base/array.h"
#include "util/text/num.h"

#define LINE_BYTES 512
/* An address as /proc/net has it: words of 8 hex digits. */
#define HEX_BYTES 33
#define IP6_WORDS 4
/* Columns of /proc/net/tcp. */
enum { COLUMN_LOCAL = 1, COLUMN_STATE = 3, COLUMN_INODE = 9, COLUMN_N };
#define STATE_LISTEN STR("0A")

struct wanted {
	char address[HEX_BYTES];
	char port[HEX_BYTES];
};

static struct wanted
in_hex(const struct sock_addr *a)
{
	unsigned n = a->family == SOCK_IP6 ? IP6_WORDS : 1;
	struct wanted w;
	uint32_t word;
	unsigned i;

	for (i = 0; i < n; i++) {
		memcpy(&word, a->ip + i * sizeof(word), sizeof(word));
		(void)snprintf(w.address + i * 8, 9, "%08X", word);
	}
	(void)snprintf(w.port, sizeof(w.port), "%04X", a->port);
	return w;
}

/* All is zeros. */
static bool
is_any(struct str address)
{
	size_t i;

	for (i = 0; i < address.len; i++)
		if (address.ptr[i] != '0')
			return false;
	return true;
}

static void
split(struct str line, struct str columns[COLUMN_N])
{
	unsigned i;

	for (i = 0; i < COLUMN_N; i++) {
		while (line.len > 0 && line.ptr[0] == ' ')
			str_skip(&line, 1);
		columns[i] = str_take_field(&line, ' ');
	}
}

/* The inode of the socket in this line, if it bars what is wanted; else 0. */
static uint64_t
match(struct str line, const struct wanted *w)
{
	struct str columns[COLUMN_N];
	struct str address, rest;
	uint64_t inode = 0;

	split(line, columns);
	rest = columns[COLUMN_LOCAL];
	address = str_take_field(&rest, ':');
	if (!str_eq(columns[COLUMN_STATE], STATE_LISTEN) ||
	    !str_eq(rest, str_from_c(w->port)))
		return 0;
	if (!is_any(address) && !is_any(str_from_c(w->address)) &&
	    !str_eq(address, str_from_c(w->address)))
		return 0;
	if (num_u64(columns[COLUMN_INODE], UINT64_MAX, &inode) != ERR_OK)
		return 0;
	return inode;
}

static uint64_t
find_inode(const char *path, const struct wanted *w)
{
	char line[LINE_BYTES];
	uint64_t inode = 0;
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return 0;
	while (inode == 0 && fgets(line, sizeof(line), f) != NULL)
		inode = match(str_trim(str_from_c(line)), w);
	(void)fclose(f);
	return inode;
}

/* All sockets are of one file system. */
static bool
set_device(struct stat *st)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is_known = fd >= 0 && fstat(fd, st) == 0;

	if (fd >= 0)
		(void)close(fd);
	return is_known;
}

enum inuse
inuse_find(const struct sock_addr *a, long ours, long *pid)
{
	static const char *const tables[] = { "/proc/net/tcp",
		"/proc/net/tcp6" };
	struct wanted w = in_hex(a);
	uint64_t inode = 0;
	struct stat st;
	size_t i;

	for (i = 0; i < COUNT_OF(tables) && inode == 0; i++)
		inode = find_inode(tables[i], &w);
	if (inode == 0 || !set_device(&st))
		return INUSE_UNKNOWN;
	st.st_ino = inode;
	if (ours > 0 && holder_has(ours, &st))
		return INUSE_OURS;
	if (holder_has(1, &st))
		return INUSE_KEPT;
	*pid = holder_search(&st);
	return *pid > 0 ? INUSE_OTHER : INUSE_UNKNOWN;
}
