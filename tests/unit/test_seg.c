/* SPDX-License-Identifier: BSD-2-Clause */
/* test_seg: index of live records, done bits. */
#include "qmgr/core/core_int.h"

#include <check.h>

#include "tests/lib/world.h"

START_TEST(a_record_is_unknown_then_live_then_done)
{
	struct core *core;

	world_start();
	core = world.core;
	ck_assert_int_eq(
	    core_record_state(core, WORLD_SEGMENT, 1), CORE_RECORD_UNKNOWN);
	(void)world_admit("", "example.org");
	ck_assert_int_eq(
	    core_record_state(core, WORLD_SEGMENT, 1), CORE_RECORD_LIVE);
	ck_assert_int_eq(
	    core_record_state(core, WORLD_SEGMENT, 2), CORE_RECORD_UNKNOWN);
	world_run();
	world_tell(world_act(CORE_LEASE, 0), VERDICT_DELIVERED);
	ck_assert_int_eq(
	    core_record_state(core, WORLD_SEGMENT, 1), CORE_RECORD_DONE);
	ck_assert_int_eq(
	    core_record_state(core, WORLD_SEGMENT, 0), CORE_RECORD_UNKNOWN);
	world_end();
}
END_TEST

START_TEST(a_record_is_done_with_its_last_part_only)
{
	struct core_admit_part parts[] = { { STR("a.test"), 1 },
		{ STR("b.test"), 1 }, { STR("c.test"), 1 } };
	struct core_admit admit;

	world_start();
	admit = world_message(parts, 3);
	ck_assert_int_eq(core_admit(world.core, &admit), ERR_OK);
	world_run();
	ck_assert_uint_eq(world_accounts().messages, 1);
	for (uint32_t i = 0; i < 3; i++) {
		ck_assert_int_eq(
		    core_record_state(world.core, WORLD_SEGMENT, admit.block),
		    CORE_RECORD_LIVE);
		world_tell(world_act(CORE_LEASE, i), VERDICT_DELIVERED);
		world_run();
	}
	ck_assert_int_eq(
	    core_record_state(world.core, WORLD_SEGMENT, admit.block),
	    CORE_RECORD_DONE);
	ck_assert_uint_eq(world_accounts().messages, 0);
	world_end();
}
END_TEST

START_TEST(a_segment_is_done_when_sealed_and_without_live_records)
{
	world_start();
	ck_assert(!core_segment_is_done(world.core, WORLD_SEGMENT));
	(void)world_admit("", "example.org");
	world_run();
	core_segment_sealed(world.core, WORLD_SEGMENT);
	ck_assert(!core_segment_is_done(world.core, WORLD_SEGMENT));
	world_tell(world_act(CORE_LEASE, 0), VERDICT_DELIVERED);
	ck_assert(core_segment_is_done(world.core, WORLD_SEGMENT));
	core_segment_forget(world.core, WORLD_SEGMENT);
	ck_assert(!core_segment_is_done(world.core, WORLD_SEGMENT));
	core_segment_forget(world.core, WORLD_SEGMENT);
	core_segment_sealed(world.core, WORLD_SEGMENT);
	ck_assert_uint_eq(world_accounts().segments, 0);
	world_end();
}
END_TEST

START_TEST(segments_come_in_order_with_their_bits)
{
	struct core_segment_view view;

	world_start();
	ck_assert_int_eq(core_segment_add(world.core, 300, 1), ERR_OK);
	ck_assert_int_eq(core_segment_add(world.core, 5, 2), ERR_OK);
	ck_assert_int_eq(
	    core_segment_add(world.core, UINT64_C(1) << 60, 3), ERR_OK);
	ck_assert_int_eq(core_segment_add(world.core, 5, 2), ERR_OK);
	ck_assert(core_segment_next(world.core, 0, &view));
	ck_assert_uint_eq(view.number, 5);
	ck_assert_uint_eq(view.writer, 2);
	ck_assert(core_segment_next(world.core, 5, &view));
	ck_assert_uint_eq(view.number, 300);
	ck_assert(core_segment_next(world.core, 300, &view));
	ck_assert_uint_eq(view.number, UINT64_C(1) << 60);
	ck_assert(!core_segment_next(world.core, view.number, &view));
	(void)world_admit("", "example.org");
	world_run();
	world_tell(world_act(CORE_LEASE, 0), VERDICT_DELIVERED);
	ck_assert(core_segment_next(world.core, WORLD_SEGMENT - 1, &view));
	ck_assert_uint_ge(view.blocks, 2);
	ck_assert_uint_eq(view.bits[0], 2);
	world_end();
}
END_TEST

/* Records that come and go in an order that a draw decides. */
START_TEST(live_records_are_found_in_any_order)
{
	uint64_t seed = 88172645463325252u;
	struct seg *seg;

	world_start();
	world.routes = false;
	for (int i = 0; i < 500; i++)
		(void)world_admit("", "example.org");
	seg = seg_find(world.core, WORLD_SEGMENT);
	for (uint32_t left = 500; left > 0; left--) {
		uint32_t at, part;

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		at = seg->first + (uint32_t)(seed % seg->n);
		part = seg->live[at].part;
		ck_assert_uint_eq(
		    part, seg_part(world.core, seg, seg->live[at].block, 0));
		part_finish(world.core, part);
		ck_assert_uint_eq(seg->n, left - 1);
		for (uint32_t i = 1; i < seg->n; i++)
			ck_assert_uint_lt(seg->live[seg->first + i - 1].block,
			    seg->live[seg->first + i].block);
	}
	ck_assert_uint_eq(world_accounts().done, 500);
	world_end();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { a_record_is_unknown_then_live_then_done,
		a_record_is_done_with_its_last_part_only,
		a_segment_is_done_when_sealed_and_without_live_records,
		segments_come_in_order_with_their_bits,
		live_records_are_found_in_any_order };

	return world_main("seg", tests, COUNT_OF(tests));
}
