/* SPDX-License-Identifier: BSD-2-Clause */
/* test_check: that a broken core is found out. */
#include "qmgr/core/core_int.h"

#include <check.h>

#include "tests/lib/world.h"

static struct part *
some_part(void)
{
	return part_get(world.core, core_part_next(world.core, 0));
}

static void
begin(void)
{
	world_start();
	world.connections = 1;
	for (int i = 0; i < 5; i++)
		(void)world_admit("", "a.test");
	world_run();
	ck_assert_pstr_eq(core_check(world.core), NULL);
}

START_TEST(a_state_without_its_list_is_found)
{
	begin();
	some_part()->state = PART_HELD;
	ck_assert_ptr_nonnull(core_check(world.core));
}
END_TEST

START_TEST(a_part_without_deadline_is_found)
{
	begin();
	some_part()->heap_pos++;
	ck_assert_ptr_nonnull(strstr(core_check(world.core), "Q2"));
}
END_TEST

START_TEST(a_wrong_sum_is_found)
{
	begin();
	world.core->done++;
	ck_assert_ptr_nonnull(strstr(core_check(world.core), "Q6"));
}
END_TEST

START_TEST(a_lost_turn_is_found)
{
	struct site *s;

	begin();
	s = site_find(world.core, STR("default"), STR("relay"));
	s->n_ready++;
	ck_assert_ptr_nonnull(strstr(core_check(world.core), "Q3"));
}
END_TEST

START_TEST(a_slot_that_lost_its_part_is_found)
{
	begin();
	lease_slot(world.core, 0, 0)->part = 0;
	ck_assert_ptr_nonnull(core_check(world.core));
}
END_TEST

START_TEST(a_live_record_that_is_marked_done_is_found)
{
	begin();
	seg_find(world.core, WORLD_SEGMENT)->done[0] |= 2;
	ck_assert_ptr_nonnull(core_check(world.core));
}
END_TEST

START_TEST(a_broken_list_is_found)
{
	begin();
	queue_get(world.core, some_part()->queue)->ready.n++;
	ck_assert_ptr_nonnull(core_check(world.core));
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { a_state_without_its_list_is_found,
		a_part_without_deadline_is_found, a_wrong_sum_is_found,
		a_lost_turn_is_found, a_slot_that_lost_its_part_is_found,
		a_live_record_that_is_marked_done_is_found,
		a_broken_list_is_found };

	return world_main("check", tests, COUNT_OF(tests));
}
