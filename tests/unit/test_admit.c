/* SPDX-License-Identifier: BSD-2-Clause */
/* test_admit: all parts or nothing (Q6, Q7). */
#include "qmgr/core/core_int.h"

#include <check.h>

#include "tests/lib/world.h"

START_TEST(a_record_is_taken_once)
{
	struct core_admit_part part = { STR("a.test"), 1 };
	struct core_admit admit;

	world_start();
	admit = world_message(&part, 1);
	ck_assert_int_eq(core_admit(world.core, &admit), ERR_OK);
	ck_assert_int_eq(core_admit(world.core, &admit), ERR_EXISTS);
	world_run();
	world_tell(world_act(CORE_LEASE, 0), VERDICT_DELIVERED);
	ck_assert_int_eq(core_admit(world.core, &admit), ERR_EXISTS);
	ck_assert_uint_eq(world_accounts().admitted, 1);
	world_end();
}
END_TEST

START_TEST(a_message_that_does_not_fit_changes_nothing)
{
	struct core_admit_part parts[] = { { STR("a.test"), 1 },
		{ STR("b.test"), 300 }, { STR("c.test"), 1 } };
	struct core_conf conf;
	struct core_admit admit;

	world_start();
	core_free(&world.core);
	world_conf(&conf);
	conf.parts_max = 3;
	world.core = core_new(&conf);
	core_turn(world.core, world.now_ms, world.wall_ms);
	parts[1].n_rcpts = 2;
	admit = world_message(parts, 2);
	ck_assert_int_eq(core_admit(world.core, &admit), ERR_OK);
	admit = world_message(parts, 2);
	ck_assert_int_eq(core_admit(world.core, &admit), ERR_FULL);
	ck_assert_uint_eq(world_accounts().admitted, 2);
	ck_assert_int_eq(core_record_state(world.core, WORLD_SEGMENT, 2),
	    CORE_RECORD_UNKNOWN);
	ck_assert_pstr_eq(core_check(world.core), NULL);
	admit.n_parts = 1;
	ck_assert_int_eq(core_admit(world.core, &admit), ERR_OK);
	world_end();
}
END_TEST

/* There are as many queues as parts_max: the fourth domain finds none. */
START_TEST(half_a_message_is_taken_back)
{
	struct core_admit_part parts[] = { { STR("a.test"), 2 },
		{ STR("b.test"), 2 }, { STR("c.test"), 1 },
		{ STR("d.test"), 1 } };
	struct core_conf conf;
	struct core_admit admit;

	world_start();
	core_free(&world.core);
	world_conf(&conf);
	conf.parts_max = 6;
	conf.campaigns_max = 9;
	world.core = core_new(&conf);
	core_turn(world.core, world.now_ms, world.wall_ms);
	for (int i = 0; i < 4; i++) {
		static const struct queue_key keys[] = {
			{ STR_INIT(""), STR_INIT(""), STR_INIT("1") },
			{ STR_INIT(""), STR_INIT(""), STR_INIT("2") },
			{ STR_INIT(""), STR_INIT(""), STR_INIT("3") },
			{ STR_INIT(""), STR_INIT(""), STR_INIT("4") }
		};

		ck_assert_ptr_nonnull(queue_obtain(world.core, &keys[i]));
	}
	admit = world_message(parts, 4);
	ck_assert_int_eq(core_admit(world.core, &admit), ERR_FULL);
	ck_assert_uint_eq(world_accounts().admitted, 0);
	ck_assert_uint_eq(world_accounts().ready, 0);
	ck_assert_uint_eq(slab_n(&world.core->rcpts), 0);
	ck_assert_pstr_eq(core_check(world.core), NULL);
	admit.n_parts = 2;
	ck_assert_int_eq(core_admit(world.core, &admit), ERR_OK);
	world_end();
}
END_TEST

START_TEST(what_is_out_of_range_is_refused)
{
	static char name[CORE_NAME_MAX_BYTES + 1];
	struct core_admit_part part = { STR("a.test"), 1 };
	struct core_admit good, bad;

	world_start();
	good = world_message(&part, 1);
	bad = good;
	bad.n_parts = 0;
	ck_assert_int_eq(core_admit(world.core, &bad), ERR_RANGE);
	bad = good;
	bad.block = CORE_BLOCK_MAX + 1;
	ck_assert_int_eq(core_admit(world.core, &bad), ERR_RANGE);
	bad = good;
	bad.tenant = (struct str){ name, sizeof(name) };
	ck_assert_int_eq(core_admit(world.core, &bad), ERR_RANGE);
	bad = good;
	bad.campaign = (struct str){ name, sizeof(name) };
	ck_assert_int_eq(core_admit(world.core, &bad), ERR_RANGE);
	part.n_rcpts = 0;
	ck_assert_int_eq(core_admit(world.core, &good), ERR_RANGE);
	part.n_rcpts = PART_RCPTS_MAX + 1;
	ck_assert_int_eq(core_admit(world.core, &good), ERR_RANGE);
	part.n_rcpts = PART_RCPTS_MAX;
	part.domain.len = 0;
	ck_assert_int_eq(core_admit(world.core, &good), ERR_RANGE);
	part.domain = STR("a.test");
	good.block = CORE_BLOCK_MAX;
	ck_assert_int_eq(core_admit(world.core, &good), ERR_OK);
	world_end();
}
END_TEST

START_TEST(a_record_of_another_writer_is_no_record_of_the_segment)
{
	struct core_admit_part part = { STR("a.test"), 1 };
	struct core_admit admit;

	world_start();
	(void)world_admit("", "a.test");
	admit = world_message(&part, 1);
	admit.qid.b[7]++;
	ck_assert_int_eq(core_admit(world.core, &admit), ERR_RANGE);
	admit.segment++;
	ck_assert_int_eq(core_admit(world.core, &admit), ERR_OK);
	world_end();
}
END_TEST

START_TEST(a_message_may_have_thousands_of_parts)
{
	static struct core_admit_part parts[3000];
	static char names[3000][8];
	struct core_admit admit;
	uint32_t part = 0, n = 0;
	struct part_state state;

	world_start();
	world.routes = false;
	for (uint32_t i = 0; i < 3000; i++) {
		struct outbuf out = { names[i], 0, sizeof(names[i]) };

		outbuf_putc(&out, 'd');
		ck_assert_int_eq(outbuf_printf(&out, "%u", i), ERR_OK);
		parts[i] = (struct core_admit_part){ outbuf_str(&out), 1 };
	}
	admit = world_message(parts, 3000);
	ck_assert_int_eq(core_admit(world.core, &admit), ERR_OK);
	ck_assert_uint_eq(world_accounts().messages, 1);
	while ((part = core_find(world.core, &admit.qid, part)) != 0) {
		ck_assert(core_part_get(world.core, part, &state));
		ck_assert_uint_eq(state.part, n++);
	}
	ck_assert_uint_eq(n, 3000);
	world_run();
	world_end();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { a_record_is_taken_once,
		a_message_that_does_not_fit_changes_nothing,
		half_a_message_is_taken_back, what_is_out_of_range_is_refused,
		a_record_of_another_writer_is_no_record_of_the_segment,
		a_message_may_have_thousands_of_parts };

	return world_main("admit", tests, COUNT_OF(tests));
}
