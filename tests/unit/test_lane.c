/* SPDX-License-Identifier: BSD-2-Clause */
/* test_lane: turns of tenants and queues. */
#include "qmgr/core/core_int.h"

#include <check.h>

#include "tests/lib/world.h"

#define ROUNDS 20

/* The tenant of each lease so far: its queue's, by its part. */
static struct str
tenant_of(uint32_t n)
{
	const struct core_action *a = world_act(CORE_LEASE, n);
	struct part_state state;

	ck_assert(core_part_get(
	    world.core, core_find(world.core, &a->part.qid, 0), &state));
	return state.key.tenant;
}

/* Delivers n leases from the one with number from on, one at a time, and
 * counts them by tenant. */
static void
serve(const char *tenants[3], uint32_t counts[3], uint32_t from, uint32_t n)
{
	for (uint32_t i = from; i < from + n; i++) {
		for (uint32_t t = 0; t < 3; t++)
			if (str_eq(tenant_of(i), str_from_c(tenants[t])))
				counts[t]++;
		world_tell(world_act(CORE_LEASE, i), VERDICT_DELIVERED);
		world_run();
	}
}

START_TEST(each_round_is_shared_by_weight)
{
	const char *tenants[] = { "w1", "w2", "w4" };

	world_start();
	world.connections = 1;
	for (int i = 0; i < 300; i++)
		(void)world_admit("w1", "a.test");
	for (int i = 0; i < 100; i++) {
		(void)world_admit("w2", "a.test");
		(void)world_admit("w4", "a.test");
	}
	world_run();
	/* Until the others are known, the first has it all: let those go. */
	for (uint32_t i = 0; i < 2; i++) {
		world_tell(world_act(CORE_LEASE, i), VERDICT_DELIVERED);
		world_run();
	}
	for (uint32_t round = 0; round < ROUNDS; round++) {
		uint32_t counts[3] = { 0 };

		serve(tenants, counts, 2 + 7 * round, 7);
		ck_assert_uint_eq(counts[0], 1);
		ck_assert_uint_eq(counts[1], 2);
		ck_assert_uint_eq(counts[2], 4);
	}
	world_end();
}
END_TEST

START_TEST(each_tenant_has_its_share_whatever_others_queue)
{
	const char *tenants[] = { "w1", "w2", "w4" };
	uint32_t counts[3] = { 0 };

	world_start();
	world.connections = 1;
	for (int i = 0; i < 3000; i++)
		(void)world_admit("w1", "a.test");
	for (int i = 0; i < 500; i++) {
		(void)world_admit("w2", "b.test");
		(void)world_admit("w4", "c.test");
	}
	world_run();
	serve(tenants, counts, 0, 700);
	/* Shares 1:2:4, to within one round of 7. */
	ck_assert_uint_ge(counts[0], 99);
	ck_assert_uint_le(counts[0], 107);
	ck_assert_uint_ge(counts[1], 196);
	ck_assert_uint_le(counts[1], 204);
	ck_assert_uint_ge(counts[2], 392);
	ck_assert_uint_le(counts[2], 404);
	world_end();
}
END_TEST

START_TEST(queues_of_a_tenant_take_turns)
{
	struct core_queue_row row;
	uint32_t cursor = 0;

	world_start();
	world.connections = 1;
	for (int i = 0; i < 100; i++)
		(void)world_admit("acme", "big.test");
	for (int i = 0; i < 10; i++)
		(void)world_admit("acme", "small.test");
	world_run();
	for (uint32_t i = 0; i < 20; i++) {
		world_tell(world_act(CORE_LEASE, i), VERDICT_DELIVERED);
		world_run();
	}
	while ((cursor = core_queue_next(world.core, cursor, &row)) != 0)
		if (str_eq(row.key.domain, STR("small.test")))
			ck_assert_uint_le(row.ready + row.leased, 2);
	world_end();
}
END_TEST

START_TEST(the_oldest_of_a_queue_goes_first)
{
	struct qid qid[3];

	world_start();
	world.connections = 1;
	for (int i = 0; i < 3; i++)
		qid[i] = world_admit("", "a.test");
	world_run();
	world_tell(world_act(CORE_LEASE, 0), VERDICT_DELIVERED);
	world_run();
	for (uint32_t i = 0; i < 3; i++)
		ck_assert_int_eq(
		    qid_cmp(&qid[i], &world_act(CORE_LEASE, i)->part.qid), 0);
	world_end();
}
END_TEST

START_TEST(no_part_goes_before_its_last_result_is_written)
{
	struct qid qid;
	struct core_result r;

	world_start();
	qid = world_admit("", "a.test");
	world_run();
	world.clears = false;
	r = world_result(world_act(CORE_LEASE, 0), OUTCOME_TRIED);
	ck_assert_int_eq(core_result(world.core, &r), ERR_OK);
	(void)world_order_message(ORDER_RETRY, &qid);
	world_run();
	ck_assert_uint_eq(world_count(CORE_LEASE), 1);
	/* It holds up no other. */
	(void)world_admit("", "a.test");
	world_run();
	ck_assert_uint_eq(world_count(CORE_LEASE), 2);
	core_slot_cleared(world.core, 0, world_act(CORE_LEASE, 0)->slot);
	world_run();
	ck_assert_uint_eq(world_count(CORE_LEASE), 3);
	ck_assert_int_eq(qid_cmp(&qid, &world_act(CORE_LEASE, 2)->part.qid), 0);
	world_end();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { each_round_is_shared_by_weight,
		each_tenant_has_its_share_whatever_others_queue,
		queues_of_a_tenant_take_turns, the_oldest_of_a_queue_goes_first,
		no_part_goes_before_its_last_result_is_written };

	return world_main("lane", tests, COUNT_OF(tests));
}
