/* SPDX-License-Identifier: BSD-2-Clause */
/* test_orderpart: each order in each state, and at the end of a lease. */
#include "qmgr/core/core_int.h"

#include <check.h>

#include "tests/lib/world.h"

static struct core_action
last_lease(void)
{
	return *world_act(CORE_LEASE, world_count(CORE_LEASE) - 1);
}

static void
give(enum order_kind kind, const struct qid *qid)
{
	world_forget();
	(void)world_order_message(kind, qid);
	world_run();
}

/* A message whose part is in that state. */
static struct qid
in_state(enum part_status state)
{
	struct qid qid;

	if (state == PART_READY)
		core_pause_leases(world.core, STR("test"));
	qid = world_admit("acme", "a.test");
	world_run();
	if (state == PART_WAITING || state == PART_HELD) {
		struct core_action lease = last_lease();

		world_tell(&lease, VERDICT_DEFERRED);
		world_run();
	}
	if (state == PART_HELD)
		give(ORDER_HOLD, &qid);
	ck_assert_uint_eq(world_state(&qid).state, state);
	world_forget();
	return qid;
}

/* Where the part is when an order came to it; rows are orders, columns states.
 * What is READY again is leased at once. */
static const struct {
	enum order_kind kind;
	enum part_status after[PART_DONE];
	unsigned n; /* bit of each state that is changed */
} cells[] = {
	{ ORDER_RETRY, { PART_LEASED, PART_READY, PART_LEASED, PART_HELD },
	    1u << PART_WAITING },
	{ ORDER_HOLD, { PART_HELD, PART_HELD, PART_LEASED, PART_HELD },
	    1u << PART_WAITING | 1u << PART_READY },
	{ ORDER_RELEASE, { PART_WAITING, PART_READY, PART_LEASED, PART_LEASED },
	    1u << PART_HELD },
	{ ORDER_CANCEL, { PART_DONE, PART_DONE, PART_LEASED, PART_DONE },
	    1u << PART_WAITING | 1u << PART_READY | 1u << PART_HELD },
};

START_TEST(each_order_does_its_own_in_each_state)
{
	size_t row = (size_t)_i / PART_DONE, column = (size_t)_i % PART_DONE;
	bool is_changed = (cells[row].n & 1u << column) != 0;
	const struct core_action *a;
	struct qid qid;

	world_start();
	qid = in_state((enum part_status)column);
	(void)world_order_message(cells[row].kind, &qid);
	if (column == PART_READY && is_changed)
		core_pause_leases(world.core, STR(""));
	/* Or it would be leased before it is looked at. */
	if (column == PART_READY && !is_changed)
		(void)world_fetch();
	world_run();
	ck_assert_uint_eq(world_state(&qid).state, cells[row].after[column]);
	if (column == PART_READY && !is_changed) {
		world_end();
		return;
	}
	ck_assert_uint_eq(world_act(CORE_APPLIED, 0)->n,
	    column == PART_LEASED &&
	            (cells[row].kind == ORDER_HOLD ||
	                cells[row].kind == ORDER_CANCEL)
	        ? 1
	        : 0);
	ck_assert_uint_eq(world_count(CORE_REMEMBER), is_changed ? 1 : 0);
	if (is_changed) {
		a = world_act(CORE_REMEMBER, 0);
		ck_assert_uint_ne(a->part.order, 0);
		ck_assert_uint_eq(a->freed.lease, 0);
	}
	world_end();
}
END_TEST

/* --- the end of a lease --------------------------------------------------- */

enum way { DELIVERED, DEFERRED, BOUNCED, THROTTLED, RETURNED, DAMAGED, DIED };
#define WAYS 7

static void
end_lease(const struct core_action *lease, enum way way)
{
	uint8_t phases[WORLD_SLOTS] = { 0 };
	struct core_result r = world_result(lease, OUTCOME_THROTTLED);

	switch (way) {
	case DELIVERED:
		world_tell(lease, VERDICT_DELIVERED);
		break;
	case DEFERRED:
		world_tell(lease, VERDICT_DEFERRED);
		break;
	case BOUNCED:
		world_tell(lease, VERDICT_BOUNCED);
		break;
	case RETURNED:
		r.outcome = OUTCOME_RETURNED;
		ck_assert_int_eq(core_result(world.core, &r), ERR_OK);
		break;
	case DAMAGED:
		r.outcome = OUTCOME_DAMAGED;
		ck_assert_int_eq(core_result(world.core, &r), ERR_OK);
		break;
	case THROTTLED:
		ck_assert_int_eq(core_result(world.core, &r), ERR_OK);
		break;
	case DIED:
		phases[lease->slot] = SLOT_TRANSACTION;
		core_worker_down(world.core, 0, phases);
		break;
	}
}

/* Exactly one entry frees the slot, and it says what the order made of it: so
 * no crash finds the slot free and the part not held. */
START_TEST(a_leased_part_is_held_when_its_lease_ends)
{
	struct core_action lease;
	uint32_t n_freed = 0;
	struct qid qid;

	world_start();
	qid = world_admit("acme", "a.test");
	world_run();
	lease = last_lease();
	give(ORDER_HOLD, &qid);
	world_forget();
	end_lease(&lease, (enum way)_i);
	world_run();
	for (uint32_t i = 0; i < world.n_acts; i++) {
		const struct core_action *a = &world.acts[i];

		if (a->freed.lease != lease.part.lease)
			continue;
		n_freed++;
		ck_assert_int_eq(a->act, CORE_REMEMBER);
		if (_i == DELIVERED) {
			ck_assert_uint_eq(a->part.state, PART_DONE);
			continue;
		}
		ck_assert_uint_eq(a->part.state, PART_HELD);
		ck_assert_uint_eq(a->part.lease, lease.part.lease);
		if (_i != DAMAGED)
			ck_assert_uint_eq(a->part.order, 1);
	}
	ck_assert_uint_eq(n_freed, 1);
	ck_assert_uint_eq(world_count_stage(ORDER_OVER), 1);
	/* How the lease ended is still told. */
	if (_i != DELIVERED)
		ck_assert_uint_ne(world_state(&qid).cause, CAUSE_OPERATOR);
	world_end();
}
END_TEST

START_TEST(a_leased_part_is_cancelled_when_its_lease_ends)
{
	struct core_action lease;
	const struct core_action *a;
	struct qid qid;

	world_start();
	qid = world_admit("acme", "a.test");
	world_run();
	lease = last_lease();
	give(ORDER_CANCEL, &qid);
	world_forget();
	end_lease(&lease, (enum way)_i);
	world_run();
	ck_assert_uint_eq(world_accounts().done, 1);
	ck_assert_uint_eq(world_accounts().owed, 0);
	a = world_act(CORE_REMEMBER, world_count(CORE_REMEMBER) - 1);
	ck_assert_uint_eq(a->part.state, PART_DONE);
	if (_i != DELIVERED) {
		ck_assert_uint_eq(a->part.cause, CAUSE_OPERATOR);
		ck_assert_uint_eq(a->part.order, 1);
		ck_assert_int_eq(
		    part_standing_get(a->part.standing, 0), RCPT_TOLD);
	}
	ck_assert_uint_eq(world_count_stage(ORDER_OVER), 1);
	world_end();
}
END_TEST

START_TEST(a_release_is_the_end_of_a_hold_that_waits)
{
	struct core_action lease;
	struct qid qid;

	world_start();
	qid = world_admit("acme", "a.test");
	world_run();
	lease = last_lease();
	give(ORDER_HOLD, &qid);
	give(ORDER_RELEASE, &qid);
	world_forget();
	end_lease(&lease, DEFERRED);
	world_run();
	ck_assert_uint_eq(world_state(&qid).state, PART_WAITING);
	ck_assert_uint_eq(world_count_stage(ORDER_OVER), 2);
	world_end();
}
END_TEST

START_TEST(nothing_comes_behind_a_cancel)
{
	struct core_action lease;
	struct qid qid;

	world_start();
	qid = world_admit("acme", "a.test");
	world_run();
	lease = last_lease();
	give(ORDER_CANCEL, &qid);
	give(ORDER_RELEASE, &qid);
	give(ORDER_HOLD, &qid);
	end_lease(&lease, DEFERRED);
	world_run();
	ck_assert_uint_eq(world_accounts().done, 1);
	world_end();
}
END_TEST

/* A hold that waits for another part does not take what was leased since. */
START_TEST(a_later_lease_is_not_covered)
{
	struct core_action old, young;
	struct qid slow, fast;

	world_start();
	slow = world_admit("acme", "a.test");
	world_run();
	old = last_lease();
	core_pause_leases(world.core, STR("test"));
	fast = world_admit("acme", "b.test");
	core_pause_leases(world.core, STR(""));
	(void)world_order_tenant(ORDER_HOLD, "acme");
	world_run();
	ck_assert_uint_eq(world_state(&fast).state, PART_HELD);
	give(ORDER_RELEASE, &fast);
	young = last_lease();
	end_lease(&young, DEFERRED);
	world_run();
	ck_assert_uint_eq(world_state(&fast).state, PART_WAITING);
	end_lease(&old, DEFERRED);
	world_run();
	ck_assert_uint_eq(world_state(&slow).state, PART_HELD);
	world_end();
}
END_TEST

/* --- what was held otherwise ---------------------------------------------- */

START_TEST(what_killed_its_workers_gets_more_tries_alone)
{
	struct part *p;
	struct qid qid;

	world_start();
	qid = in_state(PART_WAITING);
	p = part_get(world.core, core_find(world.core, &qid, 0));
	p->deaths = PART_DEATHS_MAX;
	p->cause = CAUSE_DEATHS;
	part_move(world.core, core_find(world.core, &qid, 0), PART_HELD,
	    world.now_ms + PART_HELD_REMIND_MS);
	give(ORDER_RELEASE, &qid);
	ck_assert_uint_eq(world_state(&qid).state, PART_LEASED);
	ck_assert_uint_eq(world_state(&qid).deaths, PART_DEATHS_LONELY);
	world_end();
}
END_TEST

START_TEST(a_lonely_part_is_held)
{
	struct qid qid;

	world_start();
	qid = in_state(PART_WAITING);
	core_pause_leases(world.core, STR("test"));
	part_get(world.core, core_find(world.core, &qid, 0))->deaths =
	    PART_DEATHS_LONELY;
	world_pass(120000);
	ck_assert_uint_eq(world.core->lonely.n, 1);
	(void)world_order_tenant(ORDER_HOLD, "acme");
	core_pause_leases(world.core, STR(""));
	world_run();
	ck_assert_uint_eq(world_state(&qid).state, PART_HELD);
	ck_assert_uint_eq(world.core->lonely.n, 0);
	world_end();
}
END_TEST

START_TEST(what_is_held_does_not_expire_and_gets_a_try_when_released)
{
	struct qid qid;

	world_start();
	qid = in_state(PART_HELD);
	world_pass(3 * world.queue_policy.backoff.life_ms);
	ck_assert_uint_eq(world_state(&qid).state, PART_HELD);
	ck_assert_uint_ge(world_count(CORE_NOTE), 2);
	give(ORDER_RELEASE, &qid);
	ck_assert_uint_eq(world_state(&qid).state, PART_LEASED);
	world_end();
}
END_TEST

START_TEST(an_expiring_part_is_held_while_the_hold_is_applied)
{
	struct qid qid;
	uint32_t part;

	world_start();
	qid = in_state(PART_READY);
	part = core_find(world.core, &qid, 0);
	(void)world_order_tenant(ORDER_HOLD, "acme");
	ck_assert(orderpart_takes(world.core, part));
	ck_assert_uint_eq(world_state(&qid).state, PART_HELD);
	core_pause_leases(world.core, STR(""));
	world_run();
	ck_assert(!orderpart_takes(world.core, part));
	world_end();
}
END_TEST

/* A notice that is owed is kept back with the part, and given later. */
START_TEST(a_notice_is_held_and_released)
{
	struct core_action lease;
	struct qid qid;

	world_start();
	qid = world_admit("acme", "a.test");
	world_run();
	lease = last_lease();
	core_pause_leases(world.core, STR("test"));
	world_tell(&lease, VERDICT_BOUNCED);
	world_run();
	(void)world_order_tenant(ORDER_HOLD, "acme");
	core_pause_leases(world.core, STR(""));
	/* Not even before the first slice. */
	while (core_schedule(world.core) || world_fetch())
		continue;
	world_run();
	ck_assert_uint_eq(world_state(&qid).state, PART_HELD);
	ck_assert_uint_eq(world_accounts().owed, 1);
	ck_assert_uint_eq(world_count(CORE_LEASE), 1);
	give(ORDER_RELEASE, &qid);
	ck_assert_int_eq(last_lease().notice, NOTICE_FINAL);
	world_end();
}
END_TEST

START_TEST(who_has_several_recipients_keeps_what_was_delivered)
{
	const struct core_admit_part part = { STR("a.test"), 3 };
	struct core_rcpt rcpts[3] = { { 0, VERDICT_DELIVERED, 250, false },
		{ 1, VERDICT_BOUNCED, 550, true },
		{ 2, VERDICT_DEFERRED, 450, false } };
	struct core_action lease;
	struct core_admit admit;
	struct core_result r;
	const struct part_state *s;

	world_start();
	admit = world_message(&part, 1);
	ck_assert_int_eq(core_admit(world.core, &admit), ERR_OK);
	world_run();
	lease = last_lease();
	r = world_result(&lease, OUTCOME_TRIED);
	r.rcpts = rcpts;
	r.n_rcpts = 3;
	core_pause_leases(world.core, STR("test"));
	ck_assert_int_eq(core_result(world.core, &r), ERR_OK);
	world_run();
	ck_assert_uint_eq(world_accounts().owed, 1);
	(void)world_order_message(ORDER_CANCEL, &admit.qid);
	core_pause_leases(world.core, STR(""));
	world_run();
	s = &world_act(CORE_REMEMBER, world_count(CORE_REMEMBER) - 1)->part;
	ck_assert_uint_eq(s->state, PART_DONE);
	ck_assert_int_eq(part_standing_get(s->standing, 0), RCPT_DELIVERED);
	ck_assert_int_eq(part_standing_get(s->standing, 1), RCPT_TOLD);
	ck_assert_int_eq(part_standing_get(s->standing, 2), RCPT_TOLD);
	ck_assert_uint_eq(world_accounts().owed, 0);
	world_end();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { a_release_is_the_end_of_a_hold_that_waits,
		nothing_comes_behind_a_cancel, a_later_lease_is_not_covered,
		what_killed_its_workers_gets_more_tries_alone,
		a_lonely_part_is_held,
		what_is_held_does_not_expire_and_gets_a_try_when_released,
		an_expiring_part_is_held_while_the_hold_is_applied,
		a_notice_is_held_and_released,
		who_has_several_recipients_keeps_what_was_delivered };
	Suite *suite = suite_create("orderpart");
	TCase *tc = tcase_create("orderpart");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_loop_test(tc, each_order_does_its_own_in_each_state, 0,
	    (int)COUNT_OF(cells) * PART_DONE);
	tcase_add_loop_test(
	    tc, a_leased_part_is_held_when_its_lease_ends, 0, WAYS);
	tcase_add_loop_test(
	    tc, a_leased_part_is_cancelled_when_its_lease_ends, 0, WAYS);
	for (size_t i = 0; i < COUNT_OF(tests); i++)
		tcase_add_test(tc, tests[i]);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
