/* SPDX-License-Identifier: BSD-2-Clause */
/* test_sock: texts of addresses, and sockets that find each other. */
#include "util/io/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

#include "util/base/array.h"
#include "util/io/sys.h"

static char text_bytes[SOCK_TEXT_MAX_BYTES + 1];

/* The address as text, a C string until the next call. */
static const char *
text_of(const struct sock_addr *a)
{
	struct outbuf out = { text_bytes, 0, sizeof(text_bytes) };

	ck_assert_int_eq(sock_format(&out, a), ERR_OK);
	text_bytes[out.len] = '\0';
	return text_bytes;
}

static struct sock_addr
parsed(const char *text)
{
	struct sock_addr a;

	ck_assert_int_eq(sock_parse(&a, str_from_c(text)), ERR_OK);
	return a;
}

static const char *const good[] = {
	"127.0.0.1:25",
	"0.0.0.0:0",
	"255.255.255.255:65535",
	"[::1]:25",
	"[::]:65535",
	"[2001:db8::1:2]:587",
	"unix:/run/x",
	"unix:x",
};

START_TEST(address_is_read_and_written_back)
{
	struct sock_addr a = parsed(good[_i]);
	struct sock_addr b;

	ck_assert_str_eq(text_of(&a), good[_i]);
	b = parsed(text_of(&a));
	ck_assert(sock_addr_eq(&a, &b));
}
END_TEST

static const struct {
	struct str text;
	enum err err;
} bad[] = {
	{ STR_INIT(""), ERR_SYNTAX },
	{ STR_INIT(":25"), ERR_SYNTAX },
	{ STR_INIT("127.0.0.1"), ERR_SYNTAX },
	{ STR_INIT("127.0.0.1:"), ERR_SYNTAX },
	{ STR_INIT("127.0.0.1:-1"), ERR_SYNTAX },
	{ STR_INIT("127.0.0.1:25 "), ERR_SYNTAX },
	{ STR_INIT("127.0.0.1:65536"), ERR_RANGE },
	{ STR_INIT("127.0.0:25"), ERR_SYNTAX },
	{ STR_INIT("127.0.0.256:25"), ERR_SYNTAX },
	{ STR_INIT("127.0.0.1\0:25"), ERR_SYNTAX },
	{ STR_INIT("[127.0.0.1]:25"), ERR_SYNTAX },
	{ STR_INIT("::1:25"), ERR_SYNTAX },
	{ STR_INIT("[]:25"), ERR_SYNTAX },
	{ STR_INIT("[::1:25"), ERR_SYNTAX },
	{ STR_INIT("[::1]25"), ERR_SYNTAX },
	{ STR_INIT("localhost:25"), ERR_SYNTAX },
	{ STR_INIT("unix:"), ERR_SYNTAX },
	{ STR_INIT("unix:a\0b"), ERR_SYNTAX },
};

START_TEST(what_is_no_address_is_refused)
{
	struct sock_addr a;

	ck_assert_int_eq(sock_parse(&a, bad[_i].text), bad[_i].err);
}
END_TEST

START_TEST(longest_path_fits_and_one_more_does_not)
{
	char text[SOCK_TEXT_MAX_BYTES + 2];
	struct outbuf out = { text_bytes, 0, SOCK_TEXT_MAX_BYTES };
	struct sock_addr a;

	memset(text, 'p', sizeof(text));
	memcpy(text, "unix:", 5);
	ck_assert_int_eq(
	    sock_parse(&a, (struct str){ text, SOCK_TEXT_MAX_BYTES + 1 }),
	    ERR_RANGE);
	ck_assert_int_eq(
	    sock_parse(&a, (struct str){ text, SOCK_TEXT_MAX_BYTES }), ERR_OK);
	ck_assert_uint_eq(strlen(text_of(&a)), SOCK_TEXT_MAX_BYTES);
	out.cap = SOCK_TEXT_MAX_BYTES - 1;
	ck_assert_int_eq(sock_format(&out, &a), ERR_FULL);
	ck_assert_uint_eq(out.len, 0);
}
END_TEST

START_TEST(ip_without_port_is_read_and_written)
{
	struct outbuf out = { text_bytes, 0, sizeof(text_bytes) };
	struct sock_addr a, b;

	ck_assert_int_eq(sock_parse_ip(&a, STR("192.0.2.1"), 0), ERR_OK);
	ck_assert_int_eq(a.family, SOCK_IP4);
	ck_assert_int_eq(sock_parse_ip(&a, STR("::1"), 7), ERR_OK);
	ck_assert_int_eq(sock_parse_ip(&b, STR("[::1]"), 7), ERR_OK);
	ck_assert(sock_addr_eq(&a, &b));
	ck_assert_int_eq(sock_format_ip(&out, &b), ERR_OK);
	ck_assert(str_eq(outbuf_str(&out), STR("::1")));
	ck_assert_int_eq(sock_parse_ip(&b, STR("::1"), 8), ERR_OK);
	ck_assert(!sock_addr_eq(&a, &b));
	ck_assert_int_eq(sock_parse_ip(&a, STR(""), 0), ERR_SYNTAX);
	ck_assert_int_eq(sock_parse_ip(&a, STR("[]"), 0), ERR_SYNTAX);
	ck_assert_int_eq(sock_parse_ip(&a, STR("[192.0.2.1]"), 0), ERR_SYNTAX);
	ck_assert_int_eq(sock_parse_ip(&a, STR("1.2.3.4:25"), 0), ERR_SYNTAX);
}
END_TEST

static void
wait_for(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	ck_assert_int_eq(poll(&p, 1, -1), 1);
}

/* Sends a byte from a to b. */
static void
assert_linked(int a, int b)
{
	char c = 0;

	ck_assert_int_eq(write(a, "x", 1), 1);
	wait_for(b, POLLIN);
	ck_assert_int_eq(read(b, &c, 1), 1);
	ck_assert_int_eq(c, 'x');
}

static void
assert_flags(int fd)
{
	ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
}

static const char *const tcp[] = { "127.0.0.1:0", "[::1]:0" };

START_TEST(tcp_client_and_server_meet)
{
	struct sock_addr a = parsed(tcp[_i]);
	struct sock_addr from = a;
	struct sock_addr peer, local;
	int listener, client, server;

	ck_assert_int_eq(sock_listen(&a, 5, &listener), ERR_OK);
	ck_assert_int_eq(sock_accept(listener, NULL, &server), ERR_AGAIN);
	ck_assert_int_eq(sock_local(listener, &a), ERR_OK);
	ck_assert_uint_ne(a.port, 0);
	ck_assert_int_eq(sock_connect(&a, &from, &client), ERR_OK);
	wait_for(client, POLLOUT);
	ck_assert_int_eq(sock_connect_result(client), ERR_OK);
	wait_for(listener, POLLIN);
	ck_assert_int_eq(sock_accept(listener, &peer, &server), ERR_OK);
	ck_assert_int_eq(sock_local(client, &local), ERR_OK);
	ck_assert(sock_addr_eq(&peer, &local));
	ck_assert_int_eq(sock_peer(client, &peer), ERR_OK);
	ck_assert(sock_addr_eq(&peer, &a));
	assert_flags(listener);
	assert_flags(client);
	assert_flags(server);
	assert_linked(client, server);
	(void)close(client);
	(void)close(server);
	(void)close(listener);
}
END_TEST

START_TEST(address_in_use_is_told)
{
	struct sock_addr a = parsed("127.0.0.1:0");
	int one, two;

	ck_assert_int_eq(sock_listen(&a, 5, &one), ERR_OK);
	ck_assert_int_eq(sock_local(one, &a), ERR_OK);
	ck_assert_int_eq(sock_listen(&a, 5, &two), ERR_EXISTS);
	ck_assert_int_eq(errno, EADDRINUSE);
	(void)close(one);
	a = parsed("192.0.2.1:0");
	ck_assert_int_eq(sock_listen(&a, 5, &two), ERR_NOTFOUND);
}
END_TEST

START_TEST(trying_an_address_takes_nothing)
{
	struct sock_addr a = parsed("127.0.0.1:0");
	int one, two;

	ck_assert_int_eq(sock_listen(&a, 5, &one), ERR_OK);
	ck_assert_int_eq(sock_local(one, &a), ERR_OK);
	ck_assert_int_eq(sock_try_bind(&a), ERR_EXISTS);
	ck_assert_int_eq(errno, EADDRINUSE);
	(void)close(one);
	ck_assert_int_eq(sock_try_bind(&a), ERR_OK);
	ck_assert_int_eq(sock_listen(&a, 5, &two), ERR_OK);
	(void)close(two);
	a = parsed("192.0.2.1:0");
	ck_assert_int_eq(sock_try_bind(&a), ERR_NOTFOUND);
}
END_TEST

/* As a service manager leaves one to us: blocking, and open on exec. */
START_TEST(what_listens_is_adopted_and_nothing_else)
{
	struct sock_addr a = parsed("127.0.0.1:0");
	int listener, other, pair[2];

	ck_assert_int_eq(sock_listen(&a, 5, &listener), ERR_OK);
	ck_assert_int_eq(fcntl(listener, F_SETFL, 0), 0);
	ck_assert_int_eq(fcntl(listener, F_SETFD, 0), 0);
	ck_assert_int_eq(sock_adopt(listener, 5), ERR_OK);
	assert_flags(listener);
	ck_assert_int_eq(sock_accept(listener, NULL, &other), ERR_AGAIN);
	(void)close(listener);
	ck_assert_int_eq(sock_adopt(listener, 5), ERR_PROTO);
	ck_assert_int_eq(sock_pair(pair), ERR_OK);
	ck_assert_int_eq(sock_adopt(pair[0], 5), ERR_PROTO);
	(void)close(pair[0]);
	(void)close(pair[1]);
	other = socket(AF_INET, SOCK_DGRAM, 0);
	ck_assert_int_eq(sock_adopt(other, 5), ERR_PROTO);
	(void)close(other);
}
END_TEST

START_TEST(addresses_of_this_machine_are_local)
{
	struct sock_addr a = parsed("127.0.0.1:25");

	ck_assert(sock_is_local(&a));
	/* The port does not matter, taken or not. */
	a = parsed("127.255.255.254:65535");
	ck_assert(sock_is_local(&a));
	a = parsed("192.0.2.1:25");
	ck_assert(!sock_is_local(&a));
	a = parsed("[2001:db8::1]:25");
	ck_assert(!sock_is_local(&a));
}
END_TEST

START_TEST(without_a_socket_no_address_is_local)
{
	struct sock_addr a = parsed("127.0.0.1:25");

	ck_assert_int_eq(sys_fault_init("socket:1:EMFILE"), ERR_OK);
	ck_assert(!sock_is_local(&a));
	ck_assert(sock_is_local(&a));
}
END_TEST

START_TEST(refused_connection_is_told)
{
	struct sock_addr a = parsed("127.0.0.1:0");
	int listener, client;
	enum err err;

	ck_assert_int_eq(sock_listen(&a, 5, &listener), ERR_OK);
	ck_assert_int_eq(sock_local(listener, &a), ERR_OK);
	(void)close(listener);
	err = sock_connect(&a, NULL, &client);
	if (err == ERR_OK) {
		wait_for(client, POLLOUT);
		err = sock_connect_result(client);
		(void)close(client);
	}
	ck_assert_int_eq(err, ERR_NOTFOUND);
	ck_assert_int_eq(errno, ECONNREFUSED);
}
END_TEST

/* --- Unix ----------------------------------------------------------------- */

static char dir[64];
static int dir_fd;

static void
set_up(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/test_sock.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	dir_fd = open(dir, O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(dir_fd, 0);
}

static void
tear_down(void)
{
	(void)unlinkat(dir_fd, "s", 0);
	(void)unlinkat(dir_fd, "d", AT_REMOVEDIR);
	(void)close(dir_fd);
	ck_assert_int_eq(rmdir(dir), 0);
}

START_TEST(unix_client_and_server_meet)
{
	struct sock_addr a, peer;
	struct sock_cred cred;
	char path[100];
	int listener, client[2], server;

	(void)snprintf(path, sizeof(path), "unix:%s/s", dir);
	a = parsed(path);
	ck_assert_int_eq(sock_listen(&a, 5, &listener), ERR_OK);
	ck_assert_int_eq(sock_connect(&a, NULL, &client[0]), ERR_OK);
	ck_assert_int_eq(sock_connect_at(dir_fd, "s", &client[1]), ERR_OK);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(sock_accept(listener, &peer, &server), ERR_OK);
		ck_assert_int_eq(peer.family, SOCK_UNIX);
		ck_assert_str_eq(text_of(&peer), "unix:");
		assert_linked(client[i], server);
		ck_assert_int_eq(sock_peer_cred(server, &cred), ERR_OK);
		ck_assert_int_eq(cred.pid, getpid());
		ck_assert_int_eq(cred.uid, geteuid());
		ck_assert_int_eq(cred.gid, getegid());
		(void)close(client[i]);
		(void)close(server);
	}
	(void)close(listener);
}
END_TEST

START_TEST(stale_socket_is_replaced_and_nothing_else)
{
	int old, new, fd;

	ck_assert_int_eq(sock_listen_at(dir_fd, "s", 5, &old), ERR_OK);
	(void)close(old);
	ck_assert_int_eq(sock_connect_at(dir_fd, "s", &fd), ERR_NOTFOUND);
	ck_assert_int_eq(sock_listen_at(dir_fd, "s", 5, &new), ERR_OK);
	ck_assert_int_eq(sock_connect_at(dir_fd, "s", &fd), ERR_OK);
	(void)close(fd);
	(void)close(new);
	ck_assert_int_eq(mkdirat(dir_fd, "d", 0700), 0);
	ck_assert_int_eq(sock_listen_at(dir_fd, "d", 5, &fd), ERR_EXISTS);
	ck_assert_int_eq(sock_connect_at(dir_fd, "no", &fd), ERR_NOTFOUND);
	ck_assert_int_eq(sock_connect_path("/no/such/dir", &fd), ERR_NOTFOUND);
}
END_TEST

START_TEST(path_above_the_kernels_limit_works)
{
	char long_dir[200], path[300];
	size_t n = (size_t)snprintf(long_dir, sizeof(long_dir), "%s/", dir);
	int listener, client;

	memset(long_dir + n, 'd', 150);
	long_dir[n + 150] = '\0';
	ck_assert_int_eq(mkdir(long_dir, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/s", long_dir);
	ck_assert_uint_gt(strlen(path), 107);
	(void)snprintf(path, sizeof(path), "unix:%s/s", long_dir);
	{
		struct sock_addr a = parsed(path);

		ck_assert_int_eq(sock_listen(&a, 5, &listener), ERR_OK);
	}
	ck_assert_int_eq(sock_connect_path(path + 5, &client), ERR_OK);
	(void)close(client);
	(void)close(listener);
	ck_assert_int_eq(unlink(path + 5), 0);
	ck_assert_int_eq(rmdir(long_dir), 0);
}
END_TEST

START_TEST(accept_tells_a_lack_from_a_failure)
{
	int listener, client, server;

	ck_assert_int_eq(sock_listen_at(dir_fd, "s", 5, &listener), ERR_OK);
	ck_assert_int_eq(sock_connect_at(dir_fd, "s", &client), ERR_OK);
	ck_assert_int_eq(
	    sys_fault_init("accept4:1:EMFILE,accept4:2:ECONNABORTED"), ERR_OK);
	ck_assert_int_eq(sock_accept(listener, NULL, &server), ERR_FULL);
	ck_assert_int_eq(sock_accept(listener, NULL, &server), ERR_IO);
	ck_assert_int_eq(sock_accept(listener, NULL, &server), ERR_OK);
	(void)close(server);
	(void)close(client);
	(void)close(listener);
}
END_TEST

START_TEST(failed_calls_leave_no_descriptor_open)
{
	static const char *const faults[] = { "socket:1:EMFILE",
		"connect:1:EACCES", "connect:1:EAGAIN", "openat:1:ENFILE" };
	static const enum err errs[] = { ERR_FULL, ERR_DENIED, ERR_AGAIN,
		ERR_FULL };
	char path[100];
	int before = dup(dir_fd);
	int fd;

	(void)close(before);
	(void)snprintf(path, sizeof(path), "%s/s", dir);
	for (size_t i = 0; i < COUNT_OF(faults); i++) {
		ck_assert_int_eq(sys_fault_init(faults[i]), ERR_OK);
		ck_assert_int_eq(sock_connect_path(path, &fd), errs[i]);
		fd = dup(dir_fd);
		ck_assert_int_eq(fd, before);
		(void)close(fd);
	}
}
END_TEST

START_TEST(pair_is_linked)
{
	struct sock_addr peer;
	int fds[2];

	ck_assert_int_eq(sock_pair(fds), ERR_OK);
	assert_flags(fds[0]);
	assert_flags(fds[1]);
	assert_linked(fds[0], fds[1]);
	ck_assert_int_eq(sock_peer(fds[0], &peer), ERR_OK);
	ck_assert_str_eq(text_of(&peer), "unix:");
	(void)close(fds[0]);
	(void)close(fds[1]);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sock");
	TCase *tc = tcase_create("ip");
	TCase *tc_unix = tcase_create("unix");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	suite_add_tcase(suite, tc_unix);
	tcase_add_loop_test(
	    tc, address_is_read_and_written_back, 0, COUNT_OF(good));
	tcase_add_loop_test(
	    tc, what_is_no_address_is_refused, 0, COUNT_OF(bad));
	tcase_add_test(tc, longest_path_fits_and_one_more_does_not);
	tcase_add_test(tc, ip_without_port_is_read_and_written);
	tcase_add_loop_test(tc, tcp_client_and_server_meet, 0, COUNT_OF(tcp));
	tcase_add_test(tc, address_in_use_is_told);
	tcase_add_test(tc, trying_an_address_takes_nothing);
	tcase_add_test(tc, what_listens_is_adopted_and_nothing_else);
	tcase_add_test(tc, addresses_of_this_machine_are_local);
	tcase_add_test(tc, without_a_socket_no_address_is_local);
	tcase_add_test(tc, refused_connection_is_told);
	tcase_add_checked_fixture(tc_unix, set_up, tear_down);
	tcase_add_test(tc_unix, unix_client_and_server_meet);
	tcase_add_test(tc_unix, stale_socket_is_replaced_and_nothing_else);
	tcase_add_test(tc_unix, path_above_the_kernels_limit_works);
	tcase_add_test(tc_unix, accept_tells_a_lack_from_a_failure);
	tcase_add_test(tc_unix, failed_calls_leave_no_descriptor_open);
	tcase_add_test(tc_unix, pair_is_linked);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
