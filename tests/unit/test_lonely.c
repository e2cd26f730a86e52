/* SPDX-License-Identifier: BSD-2-Clause */
/* test_lonely: parts that travel alone (Q13). */
#include "qmgr/core/core_int.h"

#include <check.h>

#include "tests/lib/world.h"

static uint8_t phases[WORLD_SLOTS];

static void
kill_worker(unsigned worker)
{
	core_worker_down(world.core, worker, phases);
	world_run();
	world_worker(worker);
}

/* A part that has died twice, and is due in a minute or two. */
static struct qid
outcast(void)
{
	struct qid qid = world_admit("", "a.test");

	world_run();
	memset(phases, SLOT_TRANSACTION, sizeof(phases));
	kill_worker(0);
	world_run();
	kill_worker(0);
	ck_assert_uint_eq(world_state(&qid).deaths, 2);
	ck_assert_uint_eq(world_state(&qid).state, PART_WAITING);
	return qid;
}

START_TEST(it_waits_until_the_worker_has_nothing_else)
{
	struct qid qid;
	uint32_t first, n;

	world_start();
	qid = outcast();
	world_pass(world_why(&qid).next_ms - 1000);
	world_forget();
	world.connections = 1;
	core_shaper_stale(world.core);
	for (int i = 0; i < 10; i++)
		(void)world_admit("", "b.test");
	world_run();
	first = world_count(CORE_LEASE);
	ck_assert_uint_eq(first, 2);
	world_pass(1000);
	ck_assert_uint_eq(world_state(&qid).state, PART_READY);
	WORLD_STR_EQ(world_why(&qid).provider, "relay");
	for (n = 0; n < first; n++) {
		ck_assert_uint_eq(world_state(&qid).state, PART_READY);
		world_tell(world_act(CORE_LEASE, n), VERDICT_DELIVERED);
		world_run();
	}
	/* It has the worker to itself. */
	ck_assert_uint_eq(world_accounts().leased, 1);
	ck_assert_uint_eq(world_state(&qid).state, PART_LEASED);
	world_tell(world_act(CORE_LEASE, n), VERDICT_DELIVERED);
	world_run();
	ck_assert_uint_eq(world_state(&qid).state, PART_DONE);
	ck_assert_uint_eq(world_accounts().leased, 2);
	world_end();
}
END_TEST

START_TEST(other_workers_go_on_meanwhile)
{
	struct qid qid;

	world_start();
	ck_assert_int_eq(core_worker_add(world.core, 1, WORLD_SLOTS), ERR_OK);
	qid = outcast();
	world_worker(1);
	world_pass(world_why(&qid).next_ms);
	ck_assert_uint_eq(world_state(&qid).state, PART_LEASED);
	for (int i = 0; i < 20; i++)
		(void)world_admit("", "b.test");
	world_run();
	ck_assert_uint_ge(world_accounts().leased, 3);
	for (uint32_t i = 0; i < world_count(CORE_LEASE); i++) {
		const struct core_action *a = world_act(CORE_LEASE, i);

		if (qid_cmp(&a->part.qid, &qid) != 0)
			ck_assert_uint_ne(
			    a->worker, (uint32_t)world_why(&qid).worker);
	}
	world_end();
}
END_TEST

START_TEST(a_site_that_is_shut_reserves_no_worker)
{
	struct qid qid;

	world_start();
	qid = outcast();
	world.grants = false;
	core_shaper_stale(world.core);
	world_run();
	world_grant(STR("relay"), 0, 3600000);
	world_pass(world_why(&qid).next_ms);
	ck_assert_uint_eq(world_state(&qid).state, PART_READY);
	ck_assert_int_eq(world.core->lonely_worker, -1);
	world_end();
}
END_TEST

START_TEST(it_expires_and_bounces_like_others)
{
	struct qid qid;

	world_start();
	qid = outcast();
	world.grants = false;
	core_shaper_stale(world.core);
	world_run();
	world_grant(STR("relay"), 0, 100000000);
	world_pass(86400000 + PART_LAST_TRY_MS);
	ck_assert_uint_eq(world_state(&qid).cause, CAUSE_EXPIRED);
	ck_assert_uint_eq(world.core->lonely.n, 0);
	world_end();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { it_waits_until_the_worker_has_nothing_else,
		other_workers_go_on_meanwhile,
		a_site_that_is_shut_reserves_no_worker,
		it_expires_and_bounces_like_others };

	return world_main("lonely", tests, COUNT_OF(tests));
}
