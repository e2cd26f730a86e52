/* SPDX-License-Identifier: BSD-2-Clause */
/* test_hands: descriptors are found by their use, and closed once. */
#include "util/svc/hands.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <check.h>

static int
open_null(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static int
add(struct hands *hands, enum hand_kind kind, uint32_t index)
{
	int fd = open_null();

	ck_assert_int_eq(
	    hands_add(hands, kind, index, STR("title"), fd), ERR_OK);
	return fd;
}

START_TEST(what_was_added_is_found_and_nothing_else)
{
	struct hands hands;
	int conf, page;

	hands_init(&hands);
	ck_assert_int_eq(hands_fd(&hands, HAND_CONF, 0), -1);
	conf = add(&hands, HAND_CONF, 0);
	page = add(&hands, HAND_PAGE_SMTPD, 2);
	ck_assert_int_eq(hands_fd(&hands, HAND_CONF, 0), conf);
	ck_assert_int_eq(hands_fd(&hands, HAND_PAGE_SMTPD, 2), page);
	ck_assert_int_eq(hands_fd(&hands, HAND_PAGE_SMTPD, 1), -1);
	ck_assert_int_eq(hands_fd(&hands, HAND_PAGE_DELIVER, 2), -1);
	ck_assert_str_eq(hands_find(&hands, HAND_CONF, 0)->text, "title");
	hands_fini(&hands);
	ck_assert(!is_open(conf));
	ck_assert(!is_open(page));
	ck_assert_int_eq(hands_fd(&hands, HAND_CONF, 0), -1);
}
END_TEST

START_TEST(a_second_of_one_use_stays_with_the_caller)
{
	struct hands hands;
	int fd = open_null();

	hands_init(&hands);
	(void)add(&hands, HAND_CONF, 0);
	ck_assert_int_eq(
	    hands_add(&hands, HAND_CONF, 0, STR(""), fd), ERR_EXISTS);
	ck_assert(is_open(fd));
	ck_assert_int_eq(close(fd), 0);
	hands_fini(&hands);
}
END_TEST

START_TEST(the_last_that_fits_is_taken_and_the_next_refused)
{
	struct hands hands;
	uint32_t i;

	/* Numbers that no descriptor has: closing them does nothing. */
	hands_init(&hands);
	for (i = 0; i < HANDS_MAX; i++)
		ck_assert_int_eq(
		    hands_add(&hands, HAND_SLOTS, i, STR(""), 1000000 + (int)i),
		    ERR_OK);
	ck_assert_int_eq(
	    hands_add(&hands, HAND_SLOTS, i, STR(""), 1000000), ERR_FULL);
	hands_fini(&hands);
}
END_TEST

START_TEST(the_longest_text_is_kept_and_a_longer_one_refused)
{
	char text[HAND_TEXT_MAX_BYTES + 1];
	struct hands hands;
	int fd = open_null();

	memset(text, 't', sizeof(text));
	hands_init(&hands);
	ck_assert_int_eq(hands_add(&hands, HAND_LISTENER, 0,
	                     (struct str){ text, sizeof(text) }, fd),
	    ERR_RANGE);
	ck_assert_int_eq(hands_add(&hands, HAND_LISTENER, 0,
	                     (struct str){ text, HAND_TEXT_MAX_BYTES }, fd),
	    ERR_OK);
	ck_assert_uint_eq(hands_find(&hands, HAND_LISTENER, 0)->text_len,
	    HAND_TEXT_MAX_BYTES);
	hands_fini(&hands);
	ck_assert(!is_open(fd));
}
END_TEST

START_TEST(an_exchange_retires_what_is_replaced_and_all_listeners)
{
	int conf, page, in, mx, new_conf, new_in;
	struct hands hands, fresh;

	hands_init(&hands);
	hands_init(&fresh);
	conf = add(&hands, HAND_CONF, 0);
	page = add(&hands, HAND_PAGE, 0);
	in = add(&hands, HAND_LISTENER, 0);
	mx = add(&hands, HAND_LISTENER, 1);
	new_conf = add(&fresh, HAND_CONF, 0);
	new_in = add(&fresh, HAND_LISTENER, 0);
	ck_assert_int_eq(hands_exchange(&hands, &fresh), ERR_OK);
	ck_assert_int_eq(hands_fd(&hands, HAND_CONF, 0), new_conf);
	ck_assert_int_eq(hands_fd(&hands, HAND_PAGE, 0), page);
	ck_assert_int_eq(hands_fd(&hands, HAND_LISTENER, 0), new_in);
	ck_assert_int_eq(hands_fd(&hands, HAND_LISTENER, 1), -1);
	ck_assert(is_open(conf) && is_open(in) && is_open(mx));
	hands_fini(&fresh);
	ck_assert(!is_open(conf) && !is_open(in) && !is_open(mx));
	ck_assert(is_open(page) && is_open(new_conf) && is_open(new_in));
	hands_fini(&hands);
}
END_TEST

START_TEST(an_exchange_that_has_no_room_changes_nothing)
{
	struct hands hands, fresh;
	uint32_t i;

	hands_init(&hands);
	hands_init(&fresh);
	for (i = 0; i < HANDS_MAX; i++)
		ck_assert_int_eq(
		    hands_add(&hands, HAND_SLOTS, i, STR(""), 1000000 + (int)i),
		    ERR_OK);
	(void)add(&fresh, HAND_CONF, 0);
	ck_assert_int_eq(hands_exchange(&hands, &fresh), ERR_FULL);
	ck_assert_uint_eq(hands.n, HANDS_MAX);
	ck_assert_uint_eq(fresh.n, 1);
	hands_fini(&hands);
	hands_fini(&fresh);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("hands");
	TCase *tc = tcase_create("hands");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, what_was_added_is_found_and_nothing_else);
	tcase_add_test(tc, a_second_of_one_use_stays_with_the_caller);
	tcase_add_test(tc, the_last_that_fits_is_taken_and_the_next_refused);
	tcase_add_test(tc, the_longest_text_is_kept_and_a_longer_one_refused);
	tcase_add_test(
	    tc, an_exchange_retires_what_is_replaced_and_all_listeners);
	tcase_add_test(tc, an_exchange_that_has_no_room_changes_nothing);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
