/* SPDX-License-Identifier: BSD-2-Clause */
/* test_retry: operators make parts due (Q8). */
#include "qmgr/core/core_int.h"

#include <check.h>

#include "tests/lib/world.h"

static struct qid
deferred(const char *tenant, const char *domain)
{
	struct qid qid = world_admit(tenant, domain);

	world_run();
	world_tell(world_act(CORE_LEASE, world_count(CORE_LEASE) - 1),
	    VERDICT_DEFERRED);
	world_run();
	ck_assert_uint_eq(world_state(&qid).state, PART_WAITING);
	return qid;
}

START_TEST(one_message_is_due_at_once)
{
	struct qid a, b;

	world_start();
	a = deferred("", "a.test");
	b = deferred("", "a.test");
	ck_assert_uint_eq(core_retry_message(world.core, &a), 1);
	ck_assert_uint_eq(core_retry_message(world.core, &a), 0);
	world_run();
	ck_assert_uint_eq(world_state(&a).state, PART_LEASED);
	ck_assert_uint_eq(world_state(&b).state, PART_WAITING);
	world_end();
}
END_TEST

START_TEST(matching_queues_are_due_and_no_others)
{
	struct qid a, b, c;
	uint32_t op;

	world_start();
	a = deferred("acme", "a.test");
	b = deferred("acme", "b.test");
	c = deferred("beta", "a.test");
	ck_assert_int_eq(
	    core_retry_queues(world.core, STR("acme@*"), &op), ERR_OK);
	world_run();
	ck_assert_uint_eq(world_state(&a).state, PART_LEASED);
	ck_assert_uint_eq(world_state(&b).state, PART_LEASED);
	ck_assert_uint_eq(world_state(&c).state, PART_WAITING);
	ck_assert_uint_eq(world_act(CORE_RETRIED, 0)->op, op);
	ck_assert_uint_eq(world_act(CORE_RETRIED, 0)->n, 2);
	world_end();
}
END_TEST

START_TEST(all_are_due_in_slices_and_each_once)
{
	uint32_t op;

	world_start();
	world.connections = 30;
	for (int i = 0; i < 2000; i++)
		(void)world_admit("", i % 3 == 0 ? "a.test" : "b.test");
	world_run();
	for (uint32_t i = 0; i < 2000; i++) {
		world_tell(world_act(CORE_LEASE, i), VERDICT_DEFERRED);
		if (i % 50 == 0)
			world_run();
		else
			while (core_schedule(world.core) || world_fetch())
				continue;
	}
	ck_assert_uint_eq(world_accounts().waiting, 2000);
	world_forget();
	ck_assert_int_eq(core_retry_all(world.core, &op), ERR_OK);
	world_run();
	ck_assert_uint_eq(world_act(CORE_RETRIED, 0)->n, 2000);
	/* Those that fail again wait by the schedule. */
	for (uint32_t i = 0; i < 20; i++)
		world_tell(world_act(CORE_LEASE, i), VERDICT_DEFERRED);
	world_run();
	ck_assert_uint_eq(world_accounts().waiting, 20);
	world_end();
}
END_TEST

START_TEST(a_notice_that_was_refused_is_due_too)
{
	struct core_result r;
	struct qid qid;
	uint32_t op;

	world_start();
	qid = world_admit("", "a.test");
	world_run();
	world_tell(world_act(CORE_LEASE, 0), VERDICT_BOUNCED);
	world_run();
	r = world_result(world_act(CORE_LEASE, 1), OUTCOME_TRIED);
	ck_assert_int_eq(core_result(world.core, &r), ERR_OK);
	world_run();
	ck_assert_uint_eq(world_state(&qid).state, PART_WAITING);
	ck_assert_int_eq(core_retry_all(world.core, &op), ERR_OK);
	world_run();
	ck_assert_uint_eq(world_act(CORE_RETRIED, 0)->n, 1);
	ck_assert_uint_eq(world_state(&qid).state, PART_LEASED);
	world_end();
}
END_TEST

START_TEST(too_many_at_once_are_refused)
{
	static char pattern[CORE_MATCH_MAX_BYTES + 1];
	struct str match = { pattern, sizeof(pattern) };
	uint32_t op, last = 0;

	world_start();
	ck_assert_int_eq(core_retry_queues(world.core, match, &op), ERR_RANGE);
	match.len--;
	for (uint32_t i = 0; i < CORE_RETRIES_MAX; i++) {
		ck_assert_int_eq(
		    core_retry_queues(world.core, match, &op), ERR_OK);
		ck_assert_uint_gt(op, last);
		last = op;
	}
	ck_assert_int_eq(core_retry_all(world.core, &op), ERR_FULL);
	world_run();
	ck_assert_uint_eq(world_count(CORE_RETRIED), CORE_RETRIES_MAX);
	ck_assert_int_eq(core_retry_all(world.core, &op), ERR_OK);
	world_run();
	world_end();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { one_message_is_due_at_once,
		matching_queues_are_due_and_no_others,
		all_are_due_in_slices_and_each_once,
		a_notice_that_was_refused_is_due_too,
		too_many_at_once_are_refused };

	return world_main("retry", tests, COUNT_OF(tests));
}
