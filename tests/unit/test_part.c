/* SPDX-License-Identifier: BSD-2-Clause */
/* test_part: states, lists, recipients, memory. */
#include "qmgr/core/core_int.h"

#include <check.h>

#include "tests/lib/world.h"

#define MANY 100000

START_TEST(a_message_takes_at_most_128_bytes)
{
	size_t before;

	world_start();
	world.routes = false;
	(void)world_admit("acme", "example.org");
	before = core_memory_bytes(world.core);
	for (uint32_t i = 0; i < MANY; i++)
		(void)world_admit("acme", "example.org");
	ck_assert_uint_le((core_memory_bytes(world.core) - before) / MANY, 128);
	world_end();
}
END_TEST

START_TEST(a_qid_comes_back_as_it_went_in)
{
	struct qid qid;
	struct part_state state;

	world_start();
	qid = world_admit("", "example.org");
	state = world_state(&qid);
	ck_assert_int_eq(qid_cmp(&qid, &state.qid), 0);
	ck_assert_uint_eq(state.segment, WORLD_SEGMENT);
	ck_assert_uint_eq(state.block, 1);
	WORLD_STR_EQ(state.key.domain, "example.org");
	world_end();
}
END_TEST

START_TEST(recipients_stand_each_for_itself)
{
	struct core_admit_part one = { STR("example.org"), PART_RCPTS_MAX };
	struct core_admit admit;
	struct part *p;

	world_start();
	admit = world_message(&one, 1);
	ck_assert_int_eq(core_admit(world.core, &admit), ERR_OK);
	p = part_get(world.core, core_find(world.core, &admit.qid, 0));
	ck_assert_uint_eq(part_n_rcpts(world.core, p), PART_RCPTS_MAX);
	for (uint32_t i = 0; i < PART_RCPTS_MAX; i++)
		part_set_standing(
		    world.core, p, i, i % 2 == 0 ? RCPT_OWED : RCPT_DELIVERED);
	ck_assert(!part_is_open(world.core, p));
	ck_assert_uint_eq(world_accounts().owed, 1);
	for (uint32_t i = 0; i < PART_RCPTS_MAX; i++)
		part_set_standing(world.core, p, i, RCPT_OPEN);
	ck_assert_uint_eq(world_accounts().owed, 0);
	world_end();
}
END_TEST

START_TEST(parts_leave_lists_from_any_place)
{
	struct qid qid[3];
	uint32_t part[3];
	struct queue *q;

	world_start();
	world.routes = false;
	for (int i = 0; i < 3; i++) {
		qid[i] = world_admit("", "example.org");
		part[i] = core_find(world.core, &qid[i], 0);
	}
	q = queue_get(world.core, part_get(world.core, part[0])->queue);
	part_move(world.core, part[1], PART_HELD, world.now_ms + 1000000);
	ck_assert_uint_eq(q->ready.first, part[0]);
	ck_assert_uint_eq(q->ready.last, part[2]);
	part_move(world.core, part[0], PART_HELD, world.now_ms + 1000000);
	ck_assert_uint_eq(q->ready.first, part[2]);
	part_move(world.core, part[2], PART_HELD, world.now_ms + 1000000);
	ck_assert_uint_eq(q->ready.n, 0);
	ck_assert_uint_eq(q->held.first, part[1]);
	world_end();
}
END_TEST

START_TEST(a_message_from_the_future_is_new)
{
	struct qid qid;

	world_start();
	world.routes = false;
	world.wall_ms += 1000000000;
	qid = world_admit("", "example.org");
	ck_assert_int_eq(
	    part_end_ms(world.core,
	        part_get(world.core, core_find(world.core, &qid, 0))),
	    world.now_ms + 86400000);
	world_end();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { a_message_takes_at_most_128_bytes,
		a_qid_comes_back_as_it_went_in,
		recipients_stand_each_for_itself,
		parts_leave_lists_from_any_place,
		a_message_from_the_future_is_new };

	return world_main("part", tests, COUNT_OF(tests));
}
