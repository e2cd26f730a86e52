/* SPDX-License-Identifier: BSD-2-Clause */
/* test_campaign: how many queues a header can make. */
#include "qmgr/core/core_int.h"

#include <check.h>

#include "tests/lib/world.h"

static void
admit(const char *campaign)
{
	struct core_admit_part part = { STR("example.org"), 1 };
	struct core_admit a = world_message(&part, 1);

	a.tenant = STR("acme");
	a.campaign = str_from_c(campaign);
	ck_assert_int_eq(core_admit(world.core, &a), ERR_OK);
}

/* campaigns_max is 3. */
START_TEST(campaigns_beyond_the_limit_share_other)
{
	struct core_queue_row row;
	uint32_t cursor = 0, others = 0;

	world_start();
	world.routes = false;
	admit("one");
	admit("two");
	admit("three");
	ck_assert_uint_eq(world_accounts().queues, 3);
	admit("four");
	admit("five");
	admit("two");
	ck_assert_uint_eq(world_accounts().queues, 4);
	while ((cursor = core_queue_next(world.core, cursor, &row)) != 0)
		if (str_eq(row.key.campaign, STR("other")))
			others += row.ready;
	ck_assert_uint_eq(others, 2);
	world_end();
}
END_TEST

START_TEST(campaigns_without_parts_make_room)
{
	world_start();
	admit("one");
	admit("two");
	admit("three");
	world_run();
	for (uint32_t i = 0; i < 3; i++)
		world_tell(world_act(CORE_LEASE, i), VERDICT_DELIVERED);
	world_pass(QUEUE_IDLE_MS);
	ck_assert_uint_eq(world_accounts().queues, 0);
	ck_assert_uint_eq(slab_n(&world.core->tenants), 0);
	ck_assert_uint_eq(slab_n(&world.core->campaigns), 0);
	admit("four");
	ck_assert_uint_eq(world_accounts().queues, 1);
	world_end();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { campaigns_beyond_the_limit_share_other,
		campaigns_without_parts_make_room };

	return world_main("campaign", tests, COUNT_OF(tests));
}
