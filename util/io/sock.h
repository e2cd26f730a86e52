/* SPDX-License-Identifier: BSD-2-Clause */
/* sock: addresses, and sockets that listen, connect and are accepted. */
#ifndef UTIL_IO_SOCK_H
#define UTIL_IO_SOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/base/err.h"
#include "util/text/str.h"

/* Longest path of a Unix socket, without terminator: longer than the kernel's
 * 107 bytes, which are got round by way of /proc/self/fd. */
#define SOCK_PATH_MAX_BYTES 255

/* Longest text of an address: "unix:" and a path. */
#define SOCK_TEXT_MAX_BYTES (5 + SOCK_PATH_MAX_BYTES)

enum sock_family { SOCK_NONE, SOCK_IP4, SOCK_IP6, SOCK_UNIX };

/* An address. Compare with sock_addr_eq: bytes beyond the used ones vary. */
struct sock_addr {
	enum sock_family family;
	uint16_t port;  /* host order; 0 for Unix */
	uint8_t ip[16]; /* network order; the first 4 for SOCK_IP4 */
	char path[SOCK_PATH_MAX_BYTES + 1]; /* empty: a Unix peer without */
};

/*
 * Reads "127.0.0.1:25", "[::1]:25" or "unix:PATH".
 * ERR_SYNTAX	none of these
 * ERR_RANGE	the port is above 65535, or the path too long
 */
MUST_USE enum err sock_parse(struct sock_addr *a, struct str text);

/* Reads an IP address without a port: "192.0.2.1", "2001:db8::1", also in
 * brackets. ERR_SYNTAX: it is none. */
MUST_USE enum err sock_parse_ip(
    struct sock_addr *a, struct str text, uint16_t port);

/* Appends the text that sock_parse reads; ERR_FULL below
 * SOCK_TEXT_MAX_BYTES of room. SOCK_NONE is "none". */
MUST_USE enum err sock_format(struct outbuf *out, const struct sock_addr *a);

/* Appends the IP address alone, without port or brackets; "unix" for a Unix
 * address. ERR_FULL as above. */
MUST_USE enum err sock_format_ip(struct outbuf *out, const struct sock_addr *a);

bool sock_addr_eq(const struct sock_addr *a, const struct sock_addr *b);

/* Whether an IP address is one of this machine's, so that a socket can be bound
 * to it. False as well when no socket can be had. */
bool sock_is_local(const struct sock_addr *a);

/*
 * New listening socket, non-blocking, closed on exec. IPv6 takes no IPv4. A
 * Unix socket that is in the way is removed: the caller holds the lock of its
 * instance. On any error errno is set.
 *
 * ERR_EXISTS	the address is in use, or something else has the path
 * ERR_DENIED	a port below 1024, or no right to the directory
 * ERR_NOTFOUND	no such local address, or no directory
 */
MUST_USE enum err sock_listen(const struct sock_addr *a, int backlog, int *fd);

/* The same for a Unix socket of this name in the directory dir_fd. */
MUST_USE enum err sock_listen_at(
    int dir_fd, const char *name, int backlog, int *fd);

/*
 * Takes a socket that others made and left to us; non-blocking, closed on exec,
 * with this backlog from now on.
 * ERR_PROTO	it does not listen for streams: unchanged, and the caller's
 */
MUST_USE enum err sock_adopt(int fd, int backlog);

/* Whether sock_listen() could bind an IP address, right now, without taking
 * connections; the errors are its. */
MUST_USE enum err sock_try_bind(const struct sock_addr *a);

/*
 * Begins to connect, without waiting; with TCP_NODELAY. from: local address,
 * whose port may be 0; NULL: the system chooses. ERR_OK: wait until *fd is
 * writable, then ask sock_connect_result. Errors that are known at once, with
 * errno set: as sys_err says.
 */
MUST_USE enum err sock_connect(
    const struct sock_addr *to, const struct sock_addr *from, int *fd);

/* Connects to the Unix socket of this name in dir_fd; as sock_connect.
 * ERR_AGAIN: the other side's queue is full, try again later. */
MUST_USE enum err sock_connect_at(int dir_fd, const char *name, int *fd);

/* The same for a path of any length. */
MUST_USE enum err sock_connect_path(const char *path, int *fd);

/* How connecting ended, once fd is writable; errno is set if not ERR_OK. */
MUST_USE enum err sock_connect_result(int fd);

/*
 * Takes one waiting connection, non-blocking, closed on exec; TCP_NODELAY for
 * TCP. peer may be NULL.
 *
 * ERR_AGAIN	none waits
 * ERR_FULL	no descriptor or memory left: pause; it would be called for ever
 * ERR_IO	this one connection failed before it was taken: go on
 */
MUST_USE enum err sock_accept(int listen_fd, struct sock_addr *peer, int *fd);

/* The two ends of a connected Unix stream, non-blocking, closed on exec. */
MUST_USE enum err sock_pair(int fds[2]);

/* Address of this end and of the other end. */
MUST_USE enum err sock_local(int fd, struct sock_addr *a);
MUST_USE enum err sock_peer(int fd, struct sock_addr *a);

/* Who has the other end of a Unix socket, as of when it connected. */
struct sock_cred {
	pid_t pid;
	uid_t uid;
	gid_t gid;
};
MUST_USE enum err sock_peer_cred(int fd, struct sock_cred *cred);

#endif /* UTIL_IO_SOCK_H */
