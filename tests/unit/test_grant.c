/* SPDX-License-Identifier: BSD-2-Clause */
/* test_grant: what the shaper allows, and its silence. */
#include "qmgr/core/core_int.h"

#include <check.h>

#include "tests/lib/world.h"

START_TEST(no_more_messages_than_granted)
{
	world_start();
	world.grants = false;
	for (int i = 0; i < 10; i++)
		(void)world_admit("", "a.test");
	world_run();
	ck_assert_uint_eq(world_act(CORE_GRANT_ASK, 0)->ready, 10);
	world_grant(STR("relay"), 3, 0);
	world_run();
	ck_assert_uint_eq(world_count(CORE_LEASE), 3);
	ck_assert_uint_eq(world_count(CORE_GRANT_ASK), 2);
	ck_assert_uint_eq(world_act(CORE_GRANT_ASK, 1)->unused, 0);
	world_end();
}
END_TEST

START_TEST(what_is_left_goes_back_with_the_next_question)
{
	world_start();
	world.grants = false;
	(void)world_admit("", "a.test");
	world_run();
	world_grant(STR("relay"), 5, 0);
	world_run();
	world_pass(60000);
	ck_assert_uint_eq(world_count(CORE_GRANT_ASK), 1);
	(void)world_admit("", "a.test");
	world_run();
	ck_assert_uint_eq(world_count(CORE_GRANT_ASK), 2);
	ck_assert_uint_eq(world_act(CORE_GRANT_ASK, 1)->unused, 4);
	ck_assert_uint_eq(world_count(CORE_LEASE), 1);
	world_end();
}
END_TEST

START_TEST(a_wait_is_kept_and_named)
{
	struct qid qid;

	world_start();
	world.grants = false;
	qid = world_admit("", "a.test");
	world_run();
	world_grant(STR("relay"), 0, 7000);
	world_run();
	ck_assert_int_eq(world_why(&qid).next_ms, 7000);
	WORLD_STR_EQ(world_why(&qid).limit.from, "test.conf:1");
	world_pass(6000);
	ck_assert_uint_eq(world_count(CORE_GRANT_ASK), 1);
	world_pass(1000);
	ck_assert_uint_eq(world_count(CORE_GRANT_ASK), 2);
	world_end();
}
END_TEST

START_TEST(an_empty_grant_does_not_spin)
{
	world_start();
	world.grants = false;
	(void)world_admit("", "a.test");
	world_run();
	world_grant(STR("relay"), 0, 0);
	world_run();
	ck_assert_uint_eq(world_count(CORE_GRANT_ASK), 1);
	world_pass(1000);
	ck_assert_uint_eq(world_count(CORE_GRANT_ASK), 2);
	world_end();
}
END_TEST

START_TEST(an_unlimited_grant_is_renewed_before_it_ends)
{
	world_start();
	for (int i = 0; i < 20; i++)
		(void)world_admit("", "a.test");
	world_run();
	world_pass(44000);
	ck_assert_uint_eq(world_count(CORE_GRANT_ASK), 1);
	world_pass(1000);
	ck_assert_uint_eq(world_count(CORE_GRANT_ASK), 2);
	world_end();
}
END_TEST

START_TEST(without_shaper_the_last_grant_holds_and_then_the_floor)
{
	struct qid qid;

	world_start();
	for (int i = 0; i < 8; i++)
		qid = world_admit("", "a.test");
	world_run();
	ck_assert_uint_eq(world_count(CORE_OPEN), 4);
	core_shaper_down(world.core);
	world_pass(30000);
	for (uint32_t i = 0; i < 4; i++)
		world_down(world_act(CORE_OPEN, i), CONN_CLOSED);
	for (uint32_t i = 0; i < 8; i++) {
		struct core_result r =
		    world_result(world_act(CORE_LEASE, i), OUTCOME_RETURNED);

		ck_assert_int_eq(core_result(world.core, &r), ERR_OK);
	}
	world_pass(40000);
	/* floor is 1; nothing but the first is wanted of the grant. */
	(void)qid;
	ck_assert_uint_ge(world_count(CORE_LEASE), 9);
	world_end();
}
END_TEST

START_TEST(a_silent_shaper_is_a_floor_after_5_s)
{
	struct qid qid;

	world_start();
	world.grants = false;
	qid = world_admit("", "a.test");
	world_run();
	world_pass(4000);
	ck_assert_uint_eq(world_count(CORE_OPEN), 0);
	WORLD_STR_EQ(world_why(&qid).limit.name, "grant");
	world_pass(1000);
	ck_assert_uint_eq(world_count(CORE_OPEN), 1);
	ck_assert_uint_eq(world_count(CORE_LEASE), 1);
	world_end();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { no_more_messages_than_granted,
		what_is_left_goes_back_with_the_next_question,
		a_wait_is_kept_and_named, an_empty_grant_does_not_spin,
		an_unlimited_grant_is_renewed_before_it_ends,
		without_shaper_the_last_grant_holds_and_then_the_floor,
		a_silent_shaper_is_a_floor_after_5_s };

	return world_main("grant", tests, COUNT_OF(tests));
}
