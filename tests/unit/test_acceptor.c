/* SPDX-License-Identifier: BSD-2-Clause */
/* test_acceptor: a few at a time, with pauses, and an end in between. */
#include "util/io/acceptor.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>

#include "util/base/array.h"
#include "util/io/sys.h"

#define CLIENTS_N (ACCEPTOR_TURN_MAX * 2 + 1)

static struct loop *loop;
static struct acceptor acceptor;
static struct sock_addr addr;
static int listener;
static int clients[CLIENTS_N];
static struct turn_end end;
static int n_accepted;
static int n_turns;
static int n_most; /* accepted in one turn */
static int n_turn;
static int until; /* so many, then fini or pause */
static bool is_pausing;

static void
set_up(void)
{
	ck_assert_int_eq(sock_parse(&addr, STR("127.0.0.1:0")), ERR_OK);
	ck_assert_int_eq(sock_listen(&addr, CLIENTS_N, &listener), ERR_OK);
	ck_assert_int_eq(sock_local(listener, &addr), ERR_OK);
	loop = loop_new();
	until = CLIENTS_N;
	for (size_t i = 0; i < COUNT_OF(clients); i++)
		ck_assert_int_eq(
		    sock_connect(&addr, NULL, &clients[i]), ERR_OK);
}

static void
tear_down(void)
{
	ck_assert_int_eq(sys_fault_init(NULL), ERR_OK);
	for (size_t i = 0; i < COUNT_OF(clients); i++)
		(void)close(clients[i]);
	(void)close(listener);
	loop_free(&loop);
}

static void
on_turn_end(void *arg)
{
	(void)arg;
	n_turns++;
	if (n_turn > n_most)
		n_most = n_turn;
	n_turn = 0;
}

static void
on_client(void *arg, int fd, const struct sock_addr *peer)
{
	ck_assert_int_eq(peer->family, SOCK_IP4);
	ck_assert_uint_ne(peer->port, 0);
	(void)close(fd);
	n_accepted++;
	n_turn++;
	turn_end_ask(&end);
	if (n_accepted != until)
		return;
	if (is_pausing)
		acceptor_pause(arg, true);
	else
		acceptor_fini(arg);
}

static void
begin(void)
{
	turn_end_init(&end, loop, on_turn_end, NULL);
	acceptor_init(&acceptor, loop, listener, on_client, &acceptor);
}

START_TEST(all_are_taken_a_few_each_turn)
{
	begin();
	loop_run(loop);
	ck_assert_int_eq(n_accepted, CLIENTS_N);
	ck_assert_int_le(n_most, ACCEPTOR_TURN_MAX);
	ck_assert_int_ge(n_turns, 3);
}
END_TEST

START_TEST(it_may_be_finished_in_its_own_call)
{
	until = 2;
	begin();
	loop_run(loop);
	ck_assert_int_eq(n_accepted, 2);
}
END_TEST

START_TEST(paused_takes_none_until_it_goes_on)
{
	until = 3;
	is_pausing = true;
	begin();
	loop_run(loop);
	ck_assert_int_eq(n_accepted, 3);
	until = CLIENTS_N;
	is_pausing = false;
	acceptor_pause(&acceptor, false);
	loop_run(loop);
	ck_assert_int_eq(n_accepted, CLIENTS_N);
}
END_TEST

START_TEST(lack_of_descriptors_pauses_for_a_while)
{
	ck_assert_int_eq(
	    sys_fault_init("accept4:2:EMFILE,accept4:4:ECONNABORTED"), ERR_OK);
	begin();
	loop_run(loop);
	ck_assert_uint_eq(acceptor.n_full, 1);
	ck_assert_int_eq(n_accepted, CLIENTS_N);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("acceptor");
	TCase *tc = tcase_create("acceptor");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, all_are_taken_a_few_each_turn);
	tcase_add_test(tc, it_may_be_finished_in_its_own_call);
	tcase_add_test(tc, paused_takes_none_until_it_goes_on);
	tcase_add_test(tc, lack_of_descriptors_pauses_for_a_while);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
