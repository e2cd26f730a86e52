/* SPDX-License-Identifier: BSD-2-Clause */
/* sock: addresses and sockets. */
#include "util/io/sock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/io/sys.h"
#include "util/text/num.h"

#define IP4_BYTES 4
#define IP6_BYTES 16

#define STREAM (SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC)

/* An address as the kernel has it. */
union kernel_addr {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

/* --- texts ---------------------------------------------------------------- */

static enum err
parse_unix(struct sock_addr *a, struct str path)
{
	if (path.len == 0 || str_find(path, '\0') < path.len)
		return ERR_SYNTAX;
	if (path.len > SOCK_PATH_MAX_BYTES)
		return ERR_RANGE;
	*a = (struct sock_addr){ .family = SOCK_UNIX };
	memcpy(a->path, path.ptr, path.len);
	return ERR_OK;
}

/* text without brackets, and a C string: it has no NUL of its own. */
static enum err
parse_family(struct sock_addr *a, struct str text, enum sock_family family)
{
	struct sock_addr addr = { .family = family };
	char c[INET6_ADDRSTRLEN];

	if (text.len >= sizeof(c) || str_find(text, '\0') < text.len)
		return ERR_SYNTAX;
	memcpy(c, text.ptr, text.len);
	c[text.len] = '\0';
	if (inet_pton(family == SOCK_IP4 ? AF_INET : AF_INET6, c, addr.ip) != 1)
		return ERR_SYNTAX;
	*a = addr;
	return ERR_OK;
}

static bool
is_bracketed(struct str s)
{
	return s.len > 2 && s.ptr[0] == '[' && s.ptr[s.len - 1] == ']';
}

/* What stands between the brackets. */
static struct str
unbracket(struct str s)
{
	return (struct str){ s.ptr + 1, s.len - 2 };
}

enum err
sock_parse_ip(struct sock_addr *a, struct str text, uint16_t port)
{
	enum err err = ERR_SYNTAX;

	if (text.len == 0)
		return ERR_SYNTAX;
	if (!is_bracketed(text))
		err = parse_family(a, text, SOCK_IP4);
	else
		text = unbracket(text);
	if (err != ERR_OK)
		err = parse_family(a, text, SOCK_IP6);
	if (err == ERR_OK)
		a->port = port;
	return err;
}

/* Index of the last c, or s.len. */
static size_t
find_last(struct str s, char c)
{
	const char *p = s.len > 0 ? memrchr(s.ptr, c, s.len) : NULL;

	return p == NULL ? s.len : (size_t)(p - s.ptr);
}

enum err
sock_parse(struct sock_addr *a, struct str text)
{
	size_t colon = find_last(text, ':');
	struct sock_addr addr;
	struct str host;
	uint64_t port;
	enum err err;

	if (str_starts(text, STR("unix:")))
		return parse_unix(a, str_tail(text, STR("unix:").len));
	if (colon == text.len || colon == 0)
		return ERR_SYNTAX;
	host = str_head(text, colon);
	if (is_bracketed(host))
		err = parse_family(&addr, unbracket(host), SOCK_IP6);
	else
		err = parse_family(&addr, host, SOCK_IP4);
	if (err != ERR_OK)
		return err;
	err = num_u64(str_tail(text, colon + 1), UINT16_MAX, &port);
	if (err != ERR_OK)
		return err;
	addr.port = (uint16_t)port;
	*a = addr;
	return ERR_OK;
}

static void
ip_text(const struct sock_addr *a, char text[INET6_ADDRSTRLEN])
{
	int family = a->family == SOCK_IP4 ? AF_INET : AF_INET6;

	BUG_IF(inet_ntop(family, a->ip, text, INET6_ADDRSTRLEN) == NULL);
}

enum err
sock_format(struct outbuf *out, const struct sock_addr *a)
{
	char ip[INET6_ADDRSTRLEN];

	switch (a->family) {
	case SOCK_NONE:
		return outbuf_add(out, STR("none"));
	case SOCK_IP4:
		ip_text(a, ip);
		return outbuf_printf(out, "%s:%u", ip, a->port);
	case SOCK_IP6:
		ip_text(a, ip);
		return outbuf_printf(out, "[%s]:%u", ip, a->port);
	case SOCK_UNIX:
		return outbuf_printf(out, "unix:%s", a->path);
	}
	return ERR_RANGE;
}

enum err
sock_format_ip(struct outbuf *out, const struct sock_addr *a)
{
	char ip[INET6_ADDRSTRLEN];

	switch (a->family) {
	case SOCK_NONE:
		return outbuf_add(out, STR("none"));
	case SOCK_IP4:
	case SOCK_IP6:
		ip_text(a, ip);
		return outbuf_add(out, str_from_c(ip));
	case SOCK_UNIX:
		return outbuf_add(out, STR("unix"));
	}
	return ERR_RANGE;
}

bool
sock_addr_eq(const struct sock_addr *a, const struct sock_addr *b)
{
	if (a->family != b->family || a->port != b->port)
		return false;
	switch (a->family) {
	case SOCK_NONE:
		return true;
	case SOCK_IP4:
		return memcmp(a->ip, b->ip, IP4_BYTES) == 0;
	case SOCK_IP6:
		return memcmp(a->ip, b->ip, IP6_BYTES) == 0;
	case SOCK_UNIX:
		return str_eq(str_from_c(a->path), str_from_c(b->path));
	}
	return false;
}

/* --- to and from the kernel's form ---------------------------------------- */

/* a is an IP address. */
static socklen_t
to_kernel(const struct sock_addr *a, union kernel_addr *k)
{
	*k = (union kernel_addr){ .sa = { 0 } };
	if (a->family == SOCK_IP4) {
		k->in.sin_family = AF_INET;
		k->in.sin_port = htons(a->port);
		memcpy(&k->in.sin_addr, a->ip, IP4_BYTES);
		return sizeof(k->in);
	}
	BUG_IF(a->family != SOCK_IP6);
	k->in6.sin6_family = AF_INET6;
	k->in6.sin6_port = htons(a->port);
	memcpy(&k->in6.sin6_addr, a->ip, IP6_BYTES);
	return sizeof(k->in6);
}

static void
from_kernel(const union kernel_addr *k, socklen_t len, struct sock_addr *a)
{
	size_t n;

	*a = (struct sock_addr){ .family = SOCK_NONE };
	switch (k->sa.sa_family) {
	case AF_INET:
		a->family = SOCK_IP4;
		a->port = ntohs(k->in.sin_port);
		memcpy(a->ip, &k->in.sin_addr, IP4_BYTES);
		break;
	case AF_INET6:
		a->family = SOCK_IP6;
		a->port = ntohs(k->in6.sin6_port);
		memcpy(a->ip, &k->in6.sin6_addr, IP6_BYTES);
		break;
	case AF_UNIX:
		/* The path need not end in a NUL, nor be there at all. */
		a->family = SOCK_UNIX;
		n = len - offsetof(struct sockaddr_un, sun_path);
		memcpy(a->path, k->un.sun_path, strnlen(k->un.sun_path, n));
		break;
	default:
		break;
	}
}

/* Leaves errno as it is, which tells what went wrong before. */
static void
close_quietly(int fd)
{
	int errnum = errno;

	if (fd >= 0)
		(void)close(fd);
	errno = errnum;
}

/* Ends the making of s, which may be -1, as errno says. */
static enum err
give_up(int s)
{
	close_quietly(s);
	return sys_err(errno);
}

bool
sock_is_local(const struct sock_addr *a)
{
	struct sock_addr any_port = *a;
	union kernel_addr k;
	socklen_t len;
	bool is_local;
	int s;

	any_port.port = 0;
	len = to_kernel(&any_port, &k);
	s = sys.socket(k.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	is_local = s >= 0 && bind(s, &k.sa, len) == 0;
	close_quietly(s);
	return is_local;
}

static void
set_option(int fd, int level, int option)
{
	int on = 1;

	/* Without it all works, but slower or after a longer wait. */
	(void)setsockopt(fd, level, option, &on, sizeof(on));
}

/* --- Unix sockets, always by their directory ------------------------------ */

/* The kernel takes 107 bytes; by way of the descriptor any directory is short
 * enough. errno is set. */
static enum err
unix_addr(int dir_fd, const char *name, union kernel_addr *k)
{
	int n;

	*k = (union kernel_addr){ .un = { .sun_family = AF_UNIX } };
	n = snprintf(k->un.sun_path, sizeof(k->un.sun_path),
	    "/proc/self/fd/%d/%s", dir_fd, name);
	if (n > 0 && (size_t)n < sizeof(k->un.sun_path))
		return ERR_OK;
	errno = ENAMETOOLONG;
	return ERR_RANGE;
}

/* Opens the directory of path; *name is the rest of path. errno is set. */
static enum err
open_dir(const char *path, int *dir_fd, const char **name)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX] = ".";
	size_t n = 0;

	if (slash != NULL)
		n = slash == path ? 1 : (size_t)(slash - path);
	if (n >= sizeof(dir)) {
		errno = ENAMETOOLONG;
		return ERR_RANGE;
	}
	if (n > 0)
		memcpy(dir, path, n);
	*dir_fd =
	    sys.openat(AT_FDCWD, dir, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (*dir_fd < 0)
		return sys_err(errno);
	*name = slash == NULL ? path : slash + 1;
	return ERR_OK;
}

enum err
sock_listen_at(int dir_fd, const char *name, int backlog, int *fd)
{
	union kernel_addr k;
	struct stat st;
	enum err err = unix_addr(dir_fd, name, &k);
	int s;

	if (err != ERR_OK)
		return err;
	s = sys.socket(AF_UNIX, STREAM, 0);
	if (s < 0)
		return give_up(s);
	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISSOCK(st.st_mode) && sys.unlinkat(dir_fd, name, 0) != 0)
		return give_up(s);
	if (bind(s, &k.sa, sizeof(k.un)) != 0 || listen(s, backlog) != 0)
		return give_up(s);
	*fd = s;
	return ERR_OK;
}

enum err
sock_connect_at(int dir_fd, const char *name, int *fd)
{
	union kernel_addr k;
	enum err err = unix_addr(dir_fd, name, &k);
	int s;

	if (err != ERR_OK)
		return err;
	s = sys.socket(AF_UNIX, STREAM, 0);
	if (s < 0 || sys.connect(s, &k.sa, sizeof(k.un)) != 0)
		return give_up(s);
	*fd = s;
	return ERR_OK;
}

enum err
sock_connect_path(const char *path, int *fd)
{
	const char *name;
	int dir_fd;
	enum err err = open_dir(path, &dir_fd, &name);

	if (err != ERR_OK)
		return err;
	err = sock_connect_at(dir_fd, name, fd);
	close_quietly(dir_fd);
	return err;
}

static enum err
listen_path(const char *path, int backlog, int *fd)
{
	const char *name;
	int dir_fd;
	enum err err = open_dir(path, &dir_fd, &name);

	if (err != ERR_OK)
		return err;
	err = sock_listen_at(dir_fd, name, backlog, fd);
	close_quietly(dir_fd);
	return err;
}

/* --- all sockets ---------------------------------------------------------- */

/* A socket with this IP address. */
static enum err
bind_ip(const struct sock_addr *a, int *fd)
{
	union kernel_addr k;
	socklen_t n = to_kernel(a, &k);
	int s = sys.socket(k.sa.sa_family, STREAM, 0);

	if (s < 0)
		return give_up(s);
	set_option(s, SOL_SOCKET, SO_REUSEADDR);
	if (a->family == SOCK_IP6)
		set_option(s, IPPROTO_IPV6, IPV6_V6ONLY);
	if (bind(s, &k.sa, n) != 0)
		return give_up(s);
	*fd = s;
	return ERR_OK;
}

enum err
sock_listen(const struct sock_addr *a, int backlog, int *fd)
{
	enum err err;
	int s;

	if (a->family == SOCK_UNIX)
		return listen_path(a->path, backlog, fd);
	err = bind_ip(a, &s);
	if (err != ERR_OK)
		return err;
	if (listen(s, backlog) != 0)
		return give_up(s);
	*fd = s;
	return ERR_OK;
}

enum err
sock_try_bind(const struct sock_addr *a)
{
	enum err err;
	int s;

	err = bind_ip(a, &s);
	if (err == ERR_OK)
		close_quietly(s);
	return err;
}

static int
get_number(int fd, int option)
{
	socklen_t n = sizeof(int);
	int value = -1;

	return getsockopt(fd, SOL_SOCKET, option, &value, &n) == 0 ? value : -1;
}

enum err
sock_adopt(int fd, int backlog)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || get_number(fd, SO_TYPE) != SOCK_STREAM ||
	    get_number(fd, SO_ACCEPTCONN) != 1)
		return ERR_PROTO;
	if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || listen(fd, backlog) != 0)
		return ERR_PROTO;
	return ERR_OK;
}

/* Binds s to the local address from; its port is chosen on connecting, when
 * the other end is known: then one port serves for many peers. */
static int
bind_source(int s, const struct sock_addr *from)
{
	union kernel_addr k;
	socklen_t n = to_kernel(from, &k);

	if (from->port == 0)
		set_option(s, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
	return bind(s, &k.sa, n);
}

enum err
sock_connect(const struct sock_addr *to, const struct sock_addr *from, int *fd)
{
	union kernel_addr k;
	socklen_t n;
	int s;

	if (to->family == SOCK_UNIX)
		return sock_connect_path(to->path, fd);
	n = to_kernel(to, &k);
	s = sys.socket(k.sa.sa_family, STREAM, 0);
	if (s < 0)
		return give_up(s);
	set_option(s, IPPROTO_TCP, TCP_NODELAY);
	if (from != NULL && bind_source(s, from) != 0)
		return give_up(s);
	if (sys.connect(s, &k.sa, n) != 0 && errno != EINPROGRESS)
		return give_up(s);
	*fd = s;
	return ERR_OK;
}

enum err
sock_connect_result(int fd)
{
	int errnum = 0;
	socklen_t n = sizeof(errnum);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &n) != 0)
		return sys_err(errno);
	errno = errnum;
	return sys_err(errnum);
}

enum err
sock_accept(int listen_fd, struct sock_addr *peer, int *fd)
{
	union kernel_addr k = { .sa = { 0 } };
	socklen_t n = sizeof(k);
	int s;

	s = sys.accept4(listen_fd, &k.sa, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (s < 0 && errno == EAGAIN)
		return ERR_AGAIN;
	if (s < 0)
		return sys_err(errno) == ERR_FULL ? ERR_FULL : ERR_IO;
	if (k.sa.sa_family != AF_UNIX)
		set_option(s, IPPROTO_TCP, TCP_NODELAY);
	if (peer != NULL)
		from_kernel(&k, n, peer);
	*fd = s;
	return ERR_OK;
}

enum err
sock_pair(int fds[2])
{
	if (socketpair(AF_UNIX, STREAM, 0, fds) != 0)
		return sys_err(errno);
	return ERR_OK;
}

enum err
sock_local(int fd, struct sock_addr *a)
{
	union kernel_addr k = { .sa = { 0 } };
	socklen_t n = sizeof(k);

	if (getsockname(fd, &k.sa, &n) != 0)
		return sys_err(errno);
	from_kernel(&k, n, a);
	return ERR_OK;
}

enum err
sock_peer(int fd, struct sock_addr *a)
{
	union kernel_addr k = { .sa = { 0 } };
	socklen_t n = sizeof(k);

	if (getpeername(fd, &k.sa, &n) != 0)
		return sys_err(errno);
	from_kernel(&k, n, a);
	return ERR_OK;
}

enum err
sock_peer_cred(int fd, struct sock_cred *cred)
{
	struct ucred u;
	socklen_t n = sizeof(u);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &u, &n) != 0)
		return sys_err(errno);
	*cred = (struct sock_cred){ u.pid, u.uid, u.gid };
	return ERR_OK;
}
