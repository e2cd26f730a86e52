/* SPDX-License-Identifier: BSD-2-Clause */
/* test_route: asking, stale routes, none at all. */
#include "qmgr/core/core_int.h"

#include <check.h>

#include "tests/lib/world.h"

static void
answer(enum route_status status, uint32_t valid_ms, const char *text)
{
	const struct core_action *ask =
	    world_act(CORE_ROUTE_ASK, world_count(CORE_ROUTE_ASK) - 1);
	struct core_route route = { .queue = ask->queue,
		.status = status,
		.valid_ms = valid_ms,
		.source = STR("default"),
		.provider = STR("relay"),
		.hosts = STR("hosts"),
		.code = 550,
		.text = str_from_c(text) };

	ck_assert_int_eq(core_route(world.core, &route), ERR_OK);
	world_run();
}

START_TEST(a_question_has_a_deadline)
{
	struct qid qid;

	world_start();
	world.routes = false;
	qid = world_admit("acme", "a.test");
	world_run();
	ck_assert_uint_eq(world_count(CORE_ROUTE_ASK), 1);
	WORLD_STR_EQ(world_act(CORE_ROUTE_ASK, 0)->key.tenant, "acme");
	WORLD_STR_EQ(world_why(&qid).limit.name, "route");
	world_pass(29000);
	ck_assert_uint_eq(world_count(CORE_ROUTE_ASK), 1);
	world_pass(1000);
	ck_assert_uint_eq(world_count(CORE_ROUTE_ASK), 2);
	world_end();
}
END_TEST

START_TEST(no_route_for_now_is_asked_again_when_it_says)
{
	struct qid qid;

	world_start();
	world.routes = false;
	qid = world_admit("", "a.test");
	world_run();
	answer(ROUTE_AGAIN, 20000, "DNS does not answer");
	WORLD_STR_EQ(world_why(&qid).limit.cause, "DNS does not answer");
	ck_assert_int_eq(world_why(&qid).next_ms, 20000);
	world_pass(19000);
	ck_assert_uint_eq(world_count(CORE_ROUTE_ASK), 1);
	world_pass(1000);
	ck_assert_uint_eq(world_count(CORE_ROUTE_ASK), 2);
	answer(ROUTE_OK, 60000, "");
	ck_assert_uint_eq(world_count(CORE_LEASE), 1);
	world_end();
}
END_TEST

START_TEST(a_stale_route_is_used_until_there_is_another)
{
	world_start();
	world.routes = false;
	(void)world_admit("", "a.test");
	world_run();
	answer(ROUTE_OK, 60000, "");
	world_pass(61000);
	ck_assert_uint_eq(world_count(CORE_ROUTE_ASK), 1);
	(void)world_admit("", "a.test");
	world_run();
	ck_assert_uint_eq(world_count(CORE_ROUTE_ASK), 2);
	ck_assert_uint_eq(world_count(CORE_LEASE), 2);
	world_end();
}
END_TEST

START_TEST(parts_wait_a_moment_for_the_route_of_a_new_configuration)
{
	struct qid qid;

	world_start();
	(void)world_admit("", "a.test");
	world_run();
	ck_assert_uint_eq(world_count(CORE_LEASE), 1);
	world.routes = false;
	core_shaper_stale(world.core);
	world_run();
	qid = world_admit("", "a.test");
	world_run();
	ck_assert_uint_eq(world_count(CORE_ROUTE_ASK), 2);
	ck_assert_uint_eq(world_count(CORE_LEASE), 1);
	WORLD_STR_EQ(world_why(&qid).limit.name, "route");
	/* The same route again: it goes at once. */
	answer(ROUTE_OK, 60000, "");
	ck_assert_uint_eq(world_count(CORE_LEASE), 2);
	/* Without an answer it goes by the old one. */
	core_shaper_stale(world.core);
	(void)world_admit("", "a.test");
	world_run();
	world_pass(1999);
	ck_assert_uint_eq(world_count(CORE_LEASE), 2);
	world_pass(1001);
	ck_assert_uint_eq(world_count(CORE_LEASE), 3);
	/* Nobody is there to answer. */
	core_shaper_down(world.core);
	core_shaper_stale(world.core);
	(void)world_admit("", "a.test");
	world_run();
	ck_assert_uint_eq(world_count(CORE_LEASE), 4);
	world_end();
}
END_TEST

START_TEST(no_route_for_good_bounces_all_that_is_there_and_comes)
{
	struct qid qid, late;

	world_start();
	world.routes = false;
	for (int i = 0; i < 300; i++)
		qid = world_admit("", "a.test");
	world_run();
	answer(ROUTE_NONE, 60000, "no such domain");
	ck_assert_uint_eq(world_accounts().owed, 300);
	ck_assert_uint_eq(world_state(&qid).cause, CAUSE_BOUNCED);
	ck_assert_uint_eq(world_state(&qid).last_code, 550);
	ck_assert_uint_eq(world_count(CORE_REMEMBER), 300);
	WORLD_STR_EQ(world_act(CORE_REMEMBER, 299)->text, "no such domain");
	late = world_admit("", "a.test");
	world_run();
	ck_assert_uint_eq(world_state(&late).cause, CAUSE_BOUNCED);
	ck_assert_uint_eq(world_count(CORE_ROUTE_ASK), 1);
	world_pass(60000);
	late = world_admit("", "a.test");
	world_run();
	ck_assert_uint_eq(world_count(CORE_ROUTE_ASK), 2);
	answer(ROUTE_OK, 60000, "");
	/* The notices are out, as many as there are connections for. */
	ck_assert_uint_eq(world_state(&late).state, PART_LEASED);
	ck_assert_uint_eq(world_count(CORE_LEASE), 8 + 1);
	world_end();
}
END_TEST

START_TEST(no_mail_goes_to_where_notices_go)
{
	struct core_route route = { .status = ROUTE_OK,
		.valid_ms = 1000,
		.source = STR("local"),
		.provider = STR("notice") };

	world_start();
	world.routes = false;
	(void)world_admit("", "a.test");
	world_run();
	route.queue = world_act(CORE_ROUTE_ASK, 0)->queue;
	ck_assert_int_eq(core_route(world.core, &route), ERR_RANGE);
	world_run();
	ck_assert_uint_eq(world_count(CORE_LEASE), 0);
	world_end();
}
END_TEST

START_TEST(answers_out_of_bounds_are_refused)
{
	static char longest[CORE_HOSTS_MAX_BYTES + 1];
	struct core_route route = { .status = ROUTE_OK,
		.valid_ms = 1000,
		.source = STR("default"),
		.provider = STR("relay") };

	world_start();
	world.routes = false;
	(void)world_admit("", "a.test");
	world_run();
	route.queue = world_act(CORE_ROUTE_ASK, 0)->queue;
	route.hosts = (struct str){ longest, sizeof(longest) };
	ck_assert_int_eq(core_route(world.core, &route), ERR_RANGE);
	route.hosts.len--;
	ck_assert_int_eq(core_route(world.core, &route), ERR_OK);
	route.provider = (struct str){ longest, CORE_NAME_MAX_BYTES + 1 };
	ck_assert_int_eq(core_route(world.core, &route), ERR_RANGE);
	route.queue = 12345;
	route.provider = STR("relay");
	ck_assert_int_eq(core_route(world.core, &route), ERR_OK);
	world_end();
}
END_TEST

START_TEST(a_shaper_that_comes_back_is_asked_again)
{
	world_start();
	world.routes = false;
	(void)world_admit("", "a.test");
	world_run();
	core_shaper_down(world.core);
	world_run();
	world_pass(60000);
	ck_assert_uint_eq(world_count(CORE_ROUTE_ASK), 1);
	core_shaper_up(world.core);
	world_run();
	ck_assert_uint_eq(world_count(CORE_ROUTE_ASK), 2);
	world_end();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { a_question_has_a_deadline,
		no_route_for_now_is_asked_again_when_it_says,
		a_stale_route_is_used_until_there_is_another,
		parts_wait_a_moment_for_the_route_of_a_new_configuration,
		no_route_for_good_bounces_all_that_is_there_and_comes,
		no_mail_goes_to_where_notices_go,
		answers_out_of_bounds_are_refused,
		a_shaper_that_comes_back_is_asked_again };

	return world_main("route", tests, COUNT_OF(tests));
}
