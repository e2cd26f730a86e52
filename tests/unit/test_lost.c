/* SPDX-License-Identifier: BSD-2-Clause */
/* test_lost: parts whose record is missing, damaged, or back. */
#include "qmgr/core/core_int.h"

#include <check.h>

#include "tests/lib/world.h"

static uint32_t
part_of(const struct qid *qid)
{
	return core_find(world.core, qid, 0);
}

/* A message whose part is READY, WAITING or LEASED. */
static struct qid
in_state(enum part_status state)
{
	struct qid qid;

	if (state == PART_READY)
		core_pause_leases(world.core, STR("test"));
	qid = world_admit("", "a.test");
	world_run();
	if (state == PART_WAITING) {
		world_tell(world_act(CORE_LEASE, 0), VERDICT_DEFERRED);
		world_run();
	}
	ck_assert_uint_eq(world_state(&qid).state, state);
	world_forget();
	return qid;
}

static void
ck_held(const struct qid *qid, enum part_cause cause)
{
	ck_assert_uint_eq(world_state(qid).state, PART_HELD);
	ck_assert_uint_eq(world_state(qid).cause, cause);
}

START_TEST(what_is_lost_is_held_with_its_cause)
{
	enum part_status state = _i % 2 == 0 ? PART_READY : PART_WAITING;
	enum part_cause cause = _i < 2 ? CAUSE_MISSING : CAUSE_DAMAGED;
	struct qid qid;

	world_start();
	qid = in_state(state);
	ck_assert(core_part_lost(world.core, part_of(&qid), cause));
	world_run();
	ck_held(&qid, cause);
	ck_assert_uint_eq(world_count(CORE_NOTE), 1);
	ck_assert_uint_eq(world_act(CORE_NOTE, 0)->part.cause, cause);
	ck_assert_uint_eq(world_count(CORE_REMEMBER), 1);
	ck_assert_uint_eq(world_act(CORE_REMEMBER, 0)->part.state, PART_HELD);
	ck_assert_int_eq(core_part_is_missing(world.core, part_of(&qid)),
	    cause == CAUSE_MISSING);
	/* It is told once. */
	ck_assert(!core_part_lost(world.core, part_of(&qid), cause));
	ck_assert_uint_eq(world_accounts().held, 1);
	world_end();
}
END_TEST

START_TEST(what_is_leased_is_left_alone)
{
	struct qid qid;

	world_start();
	qid = in_state(PART_LEASED);
	ck_assert(!core_part_lost(world.core, part_of(&qid), CAUSE_MISSING));
	ck_assert(!core_part_found(world.core, part_of(&qid)));
	ck_assert_uint_eq(world_state(&qid).state, PART_LEASED);
	world_end();
}
END_TEST

START_TEST(what_is_gone_is_nobody)
{
	world_start();
	ck_assert(!core_part_lost(world.core, 12345, CAUSE_MISSING));
	ck_assert(!core_part_found(world.core, 12345));
	ck_assert(!core_part_is_missing(world.core, 12345));
	world_end();
}
END_TEST

START_TEST(what_is_back_goes_on)
{
	struct qid qid;

	world_start();
	qid = in_state(PART_WAITING);
	ck_assert(core_part_lost(world.core, part_of(&qid), CAUSE_MISSING));
	world_run();
	world_forget();
	ck_assert(core_part_found(world.core, part_of(&qid)));
	world_run();
	ck_assert_uint_eq(world_state(&qid).state, PART_LEASED);
	ck_assert_uint_eq(world_act(CORE_NOTE, 0)->part.cause, CAUSE_RECOVERED);
	ck_assert_uint_eq(world_act(CORE_REMEMBER, 0)->part.state, PART_READY);
	ck_assert(!core_part_found(world.core, part_of(&qid)));
	world_end();
}
END_TEST

/* Only a person, or a whole copy put in its place, makes it better. */
START_TEST(what_is_damaged_does_not_come_back)
{
	struct qid qid;

	world_start();
	qid = in_state(PART_READY);
	ck_assert(core_part_lost(world.core, part_of(&qid), CAUSE_DAMAGED));
	ck_assert(!core_part_found(world.core, part_of(&qid)));
	ck_held(&qid, CAUSE_DAMAGED);
	/* But it can be missing, too. */
	ck_assert(core_part_lost(world.core, part_of(&qid), CAUSE_MISSING));
	ck_assert(core_part_is_missing(world.core, part_of(&qid)));
	world_run();
	world_end();
}
END_TEST

START_TEST(an_order_goes_on_holding_what_is_back)
{
	struct qid qid;
	uint64_t order;

	world_start();
	qid = in_state(PART_WAITING);
	order = world_order_message(ORDER_HOLD, &qid);
	world_run();
	ck_held(&qid, CAUSE_OPERATOR);
	ck_assert(core_part_lost(world.core, part_of(&qid), CAUSE_MISSING));
	world_run();
	ck_held(&qid, CAUSE_MISSING);
	ck_assert_uint_eq(world_state(&qid).order, order);
	ck_assert(core_part_found(world.core, part_of(&qid)));
	world_run();
	ck_held(&qid, CAUSE_OPERATOR);
	ck_assert_uint_eq(world_state(&qid).order, order);
	world_end();
}
END_TEST

START_TEST(what_killed_its_workers_stays_held_when_it_is_back)
{
	struct qid qid;

	world_start();
	qid = in_state(PART_WAITING);
	part_get(world.core, part_of(&qid))->deaths = PART_DEATHS_MAX;
	ck_assert(core_part_lost(world.core, part_of(&qid), CAUSE_MISSING));
	world_run();
	ck_assert(core_part_found(world.core, part_of(&qid)));
	world_run();
	ck_held(&qid, CAUSE_DEATHS);
	world_end();
}
END_TEST

START_TEST(a_person_releases_or_cancels_what_is_lost)
{
	bool is_cancel = _i == 1;
	struct qid qid;

	world_start();
	qid = in_state(PART_WAITING);
	ck_assert(core_part_lost(world.core, part_of(&qid), CAUSE_MISSING));
	world_run();
	(void)world_order_message(
	    is_cancel ? ORDER_CANCEL : ORDER_RELEASE, &qid);
	world_run();
	ck_assert_uint_eq(
	    world_state(&qid).state, is_cancel ? PART_DONE : PART_LEASED);
	world_end();
}
END_TEST

START_TEST(a_restart_knows_what_was_lost)
{
	struct part_state state;
	struct qid qid;

	world_start();
	qid = in_state(PART_WAITING);
	ck_assert(core_part_lost(world.core, part_of(&qid), CAUSE_MISSING));
	state = world_state(&qid);
	state.key.domain = STR("a.test");
	world_run();
	world_end();
	world_begin();
	ck_assert_int_eq(core_restore(world.core, &state), ERR_OK);
	ck_assert(!core_restore_end(world.core, 0, 0));
	ck_held(&qid, CAUSE_MISSING);
	/* It is no news. */
	ck_assert(!core_part_lost(world.core, part_of(&qid), CAUSE_MISSING));
	ck_assert(core_part_found(world.core, part_of(&qid)));
	ck_assert_uint_eq(world_state(&qid).state, PART_READY);
	world_end();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("lost");
	TCase *tc = tcase_create("lost");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_loop_test(tc, what_is_lost_is_held_with_its_cause, 0, 4);
	tcase_add_test(tc, what_is_leased_is_left_alone);
	tcase_add_test(tc, what_is_gone_is_nobody);
	tcase_add_test(tc, what_is_back_goes_on);
	tcase_add_test(tc, what_is_damaged_does_not_come_back);
	tcase_add_test(tc, an_order_goes_on_holding_what_is_back);
	tcase_add_test(tc, what_killed_its_workers_stays_held_when_it_is_back);
	tcase_add_loop_test(
	    tc, a_person_releases_or_cancels_what_is_lost, 0, 2);
	tcase_add_test(tc, a_restart_knows_what_was_lost);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
