/* SPDX-License-Identifier: BSD-2-Clause */
/* test_ordermove: a moved part is in one queue, as it was, also over a restart
 * (R9: nothing is orphaned when what names its queue changes). */
#include "qmgr/core/core_int.h"

#include <check.h>

#include "tests/lib/world.h"

#define MANY 1500

static enum err
try_move(const struct order_match *match, const char *to, uint64_t *number)
{
	struct order order = { .kind = ORDER_MOVE,
		.uid = 7,
		.match = *match,
		.by = STR("alice"),
		.target = str_from_c(to) };

	return core_order(world.core, &order, number);
}

static uint64_t
move(const struct order_match *match, const char *to)
{
	uint64_t number = 0;

	ck_assert_int_eq(try_move(match, to, &number), ERR_OK);
	return number;
}

static uint64_t
move_message(const struct qid *qid, const char *to)
{
	struct order_match match = { .qid = *qid };

	return move(&match, to);
}

static void
check_name(const struct queue_key *key, const char *name)
{
	char bytes[CORE_QUEUE_NAME_MAX_BYTES];
	struct outbuf out = { bytes, 0, sizeof(bytes) };

	core_queue_name(key, &out);
	ck_assert_msg(str_eq(outbuf_str(&out), str_from_c(name)),
	    "%.*s is no %s", STR_ARG(outbuf_str(&out)), name);
}

static void
check_queue(const struct qid *qid, const char *name)
{
	struct part_state s = world_state(qid);

	ck_assert_uint_ne(s.state, PART_DONE);
	check_name(&s.key, name);
}

static struct core_action
last_lease(void)
{
	return *world_act(CORE_LEASE, world_count(CORE_LEASE) - 1);
}

/* A message of acme whose part is in that state; where it is READY, leases are
 * paused. */
static struct qid
in_state(enum part_status state)
{
	struct core_action lease;
	struct qid qid;

	if (state == PART_READY)
		world.grants = false;
	qid = world_admit("acme", "a.test");
	world_run();
	if (state == PART_WAITING || state == PART_HELD) {
		lease = last_lease();
		world_tell(&lease, VERDICT_DEFERRED);
		world_run();
	}
	if (state == PART_HELD) {
		(void)world_order_message(ORDER_HOLD, &qid);
		world_run();
	}
	ck_assert_uint_eq(world_state(&qid).state, state);
	world_forget();
	return qid;
}

/* --- one part ------------------------------------------------------------- */

static const enum part_status states[] = { PART_WAITING, PART_READY,
	PART_HELD };

START_TEST(a_part_moves_and_is_otherwise_as_it_was)
{
	struct part_state was, now;
	const struct core_action *a;
	struct qid qid;

	world_start();
	qid = in_state(states[_i]);
	was = world_state(&qid);
	(void)move_message(&qid, "spring:beta@b.test");
	world_run();
	check_queue(&qid, "spring:beta@b.test");
	now = world_state(&qid);
	ck_assert_uint_eq(now.state, was.state);
	ck_assert_int_eq(now.due_ms, was.due_ms);
	ck_assert_uint_eq(now.tries, was.tries);
	ck_assert_uint_eq(now.cause, was.cause);
	ck_assert_uint_eq(now.order, was.order);
	ck_assert_uint_eq(now.last_code, was.last_code);
	ck_assert_uint_eq(world_count(CORE_REMEMBER), 1);
	a = world_act(CORE_REMEMBER, 0);
	ck_assert(a->part.is_moved);
	check_name(&a->part.key, "spring:beta@b.test");
	check_name(&a->key, "acme@a.test");
	ck_assert_uint_eq(a->order->kind, ORDER_MOVE);
	ck_assert_uint_eq(a->part.order,
	    states[_i] == PART_HELD ? was.order : a->order->number);
	ck_assert_uint_eq(world_act(CORE_APPLIED, 0)->n_stuck, 0);
	ck_assert_uint_eq(world_count_stage(ORDER_OVER), 1);
	/* Again is as once. */
	world_forget();
	(void)move_message(&qid, "spring:beta@b.test");
	world_run();
	ck_assert_uint_eq(world_count(CORE_REMEMBER), 0);
	world_end();
}
END_TEST

START_TEST(what_a_target_keeps_stays)
{
	const struct order_match match = { .tenant = STR("acme") };
	struct qid a, b;

	world_start();
	world.grants = false;
	a = world_admit("acme", "a.test");
	b = world_admit("acme", "b.test");
	(void)move(&match, "spring:*@*");
	world_run();
	check_queue(&a, "spring:acme@a.test");
	check_queue(&b, "spring:acme@b.test");
	(void)move(&match, "*:*@relay.test");
	world_run();
	check_queue(&a, "spring:acme@relay.test");
	check_queue(&b, "spring:acme@relay.test");
	(void)move(&match, "relay.test");
	world_run();
	check_queue(&a, "relay.test");
	world_end();
}
END_TEST

/* It goes out by the route of its new queue. */
START_TEST(a_moved_part_is_delivered_by_its_new_queue)
{
	struct core_action lease;
	struct qid qid;

	world_start();
	qid = in_state(PART_WAITING);
	(void)move_message(&qid, "*:*@b.test");
	world_run();
	world_forget();
	(void)world_order_message(ORDER_RETRY, &qid);
	world_run();
	ck_assert_uint_ge(world_count(CORE_ROUTE_ASK), 1);
	check_name(&world_act(CORE_ROUTE_ASK, 0)->key, "acme@b.test");
	lease = last_lease();
	world_tell(&lease, VERDICT_DELIVERED);
	world_run();
	ck_assert_uint_eq(world_accounts().done, 1);
	/* The queues that are empty go. */
	world_pass(2 * QUEUE_IDLE_MS);
	ck_assert_uint_eq(world_accounts().queues, 0);
	world_end();
}
END_TEST

START_TEST(what_is_owed_and_what_travels_alone_moves_too)
{
	struct core_action lease;
	struct qid owed, lonely;

	world_start();
	owed = world_admit("acme", "a.test");
	world_run();
	lease = last_lease();
	core_pause_leases(world.core, STR("test"));
	world_tell(&lease, VERDICT_BOUNCED);
	world_run();
	lonely = world_admit("acme", "c.test");
	world_run();
	part_get(world.core, core_find(world.core, &lonely, 0))->deaths = 0;
	ck_assert_uint_eq(world.core->notices.n, 1);
	(void)move_message(&owed, "*:*@b.test");
	(void)move_message(&lonely, "*:*@d.test");
	core_pause_leases(world.core, STR(""));
	while (core_tick(world.core) || world_fetch())
		continue;
	check_queue(&owed, "acme@b.test");
	check_queue(&lonely, "acme@d.test");
	ck_assert_uint_eq(world_accounts().owed, 1);
	ck_assert_pstr_eq(core_check(world.core), NULL);
	world_run();
	ck_assert_int_eq(
	    world_act(CORE_LEASE, world_count(CORE_LEASE) - 2)->notice +
	        last_lease().notice,
	    NOTICE_FINAL);
	world_end();
}
END_TEST

/* --- the end of a lease --------------------------------------------------- */

/* The entry that frees the slot names the new queue: no crash in between finds
 * the part in the old one with nobody to move it. */
START_TEST(a_leased_part_moves_in_the_entry_that_ends_its_lease)
{
	struct core_action lease;
	uint32_t n_freed = 0;
	struct qid qid;

	world_start();
	qid = world_admit("acme", "a.test");
	world_run();
	lease = last_lease();
	world_forget();
	(void)move_message(&qid, "*:*@b.test");
	world_run();
	check_queue(&qid, "acme@a.test");
	ck_assert_uint_eq(world_act(CORE_APPLIED, 0)->n, 1);
	core_pause_leases(world.core, STR("test"));
	if (_i == 0)
		world_tell(&lease, VERDICT_DEFERRED);
	else {
		struct core_result r = world_result(&lease, OUTCOME_RETURNED);

		ck_assert_int_eq(core_result(world.core, &r), ERR_OK);
	}
	world_run();
	check_queue(&qid, "acme@b.test");
	for (uint32_t i = 0; i < world.n_acts; i++) {
		const struct core_action *a = &world.acts[i];

		if (a->freed.lease != lease.part.lease)
			continue;
		n_freed++;
		ck_assert_int_eq(a->act, CORE_REMEMBER);
		ck_assert(a->part.is_moved);
		check_name(&a->part.key, "acme@b.test");
	}
	ck_assert_uint_eq(n_freed, 1);
	core_pause_leases(world.core, STR(""));
	world_run();
	ck_assert_uint_eq(world_count_stage(ORDER_OVER), 1);
	world_end();
}
END_TEST

START_TEST(later_orders_find_a_leased_part_where_it_is_moved_to)
{
	const struct order_match to_a = { .domain = STR("a.test") };
	const struct order_match to_b = { .domain = STR("b.test") };
	struct core_action lease;
	struct qid qid;

	world_start();
	qid = world_admit("acme", "a.test");
	world_run();
	lease = last_lease();
	(void)move(&to_a, "*:*@b.test");
	world_run();
	(void)world_order(
	    _i == 0 ? ORDER_HOLD : ORDER_CANCEL, _i == 2 ? &to_a : &to_b);
	world_run();
	world_tell(&lease, VERDICT_DEFERRED);
	world_run();
	if (_i == 1) {
		ck_assert_uint_eq(world_accounts().done, 1);
	} else {
		check_queue(&qid, "acme@b.test");
		ck_assert_uint_eq(world_state(&qid).state,
		    _i == 0 ? PART_HELD : PART_WAITING);
	}
	world_end();
}
END_TEST

START_TEST(a_delivered_part_is_moved_no_more)
{
	struct core_action lease;
	struct qid qid;

	world_start();
	qid = world_admit("acme", "a.test");
	world_run();
	lease = last_lease();
	(void)move_message(&qid, "*:*@b.test");
	world_run();
	world_forget();
	world_tell(&lease, VERDICT_DELIVERED);
	world_run();
	ck_assert_uint_eq(world_accounts().done, 1);
	ck_assert_uint_eq(world_count(CORE_REMEMBER), 1);
	ck_assert_uint_eq(world_count_stage(ORDER_OVER), 1);
	world_end();
}
END_TEST

/* --- many ----------------------------------------------------------------- */

/* Queues that match, and that parts come into while it walks. */
START_TEST(many_move_in_slices_into_queues_that_match_themselves)
{
	const struct order_match match = { .tenant = STR("acme") };
	uint64_t moved = 0;

	world_start();
	world.grants = false;
	for (int i = 0; i < MANY; i++)
		(void)world_admit("acme", i % 3 == 0 ? "a.test" : "b.test");
	world_run();
	world_forget();
	(void)move(&match, "*:*@b.test");
	world_run();
	for (uint32_t i = 0; i < world.n_acts; i++)
		if (world.acts[i].act == CORE_APPLIED)
			moved = world.parts[i];
	ck_assert_uint_eq(moved, MANY / 3);
	ck_assert_uint_eq(world_count(CORE_REMEMBER), MANY / 3);
	ck_assert_uint_eq(world_accounts().ready, MANY);
	world_end();
}
END_TEST

/* Nothing that it covers goes out by the old way while it walks. */
START_TEST(nothing_is_leased_by_the_old_way_while_it_walks)
{
	const struct order_match match = { .tenant = STR("acme") };

	world_start();
	core_pause_leases(world.core, STR("test"));
	for (int i = 0; i < MANY; i++)
		(void)world_admit("acme", "a.test");
	world_run();
	world_forget();
	(void)move(&match, "*:*@b.test");
	core_pause_leases(world.core, STR(""));
	world_run();
	for (uint32_t i = 0; i < world.n_acts; i++) {
		if (world.acts[i].act == CORE_APPLIED)
			break;
		ck_assert_int_ne(world.acts[i].act, CORE_LEASE);
	}
	ck_assert_uint_gt(world_count(CORE_LEASE), 0);
	world_end();
}
END_TEST

START_TEST(later_mail_is_not_moved)
{
	const struct order_match match = { .tenant = STR("acme") };
	struct qid before, after;

	world_start();
	world.grants = false;
	before = world_admit("acme", "a.test");
	(void)move(&match, "*:*@b.test");
	world_run();
	world_pass(1000);
	after = world_admit("acme", "a.test");
	world_run();
	check_queue(&before, "acme@b.test");
	check_queue(&after, "acme@a.test");
	world_end();
}
END_TEST

/* --- bounds --------------------------------------------------------------- */

START_TEST(a_tenant_with_too_many_campaigns_gets_other)
{
	struct qid a, b;

	world_start();
	world.grants = false;
	world.core->conf.campaigns_max = 2;
	a = world_admit("acme", "a.test");
	b = world_admit("acme", "a.test");
	(void)move_message(&a, "one:*@*");
	(void)move_message(&b, "two:*@*");
	world_run();
	check_queue(&a, "one:acme@a.test");
	check_queue(&b, "other:acme@a.test");
	world_forget();
	(void)move_message(&b, "two:*@*");
	world_run();
	ck_assert_uint_eq(world_count(CORE_REMEMBER), 0);
	world_end();
}
END_TEST

START_TEST(what_finds_no_memory_stays_and_is_counted)
{
	const struct order_match match = { .tenant = STR("acme") };
	uint32_t max;
	uint64_t number;
	struct qid a, b;

	world_start();
	world.grants = false;
	a = world_admit("acme", "a.test");
	b = world_admit("acme", "b.test");
	world_run();
	max = world.core->queues.max_items;
	world.core->queues.max_items = slab_n(&world.core->queues);
	ck_assert_int_eq(try_move(&match, "beta@c.test", &number), ERR_FULL);
	world_forget();
	(void)move(&match, "*:beta@*");
	world_run();
	check_queue(&a, "acme@a.test");
	check_queue(&b, "acme@b.test");
	ck_assert_uint_eq(world_act(CORE_APPLIED, 0)->n_stuck, 2);
	ck_assert_uint_eq(world_act(CORE_APPLIED, 0)->order->parts, 0);
	world.core->queues.max_items = max;
	(void)move(&match, "*:beta@*");
	world_run();
	check_queue(&a, "beta@a.test");
	world_end();
}
END_TEST

START_TEST(a_move_needs_a_condition_and_a_queue)
{
	static const struct order_match any;
	const struct order_match acme = { .tenant = STR("acme") };
	const struct order_match one = { .qid = { { 1 } } };
	uint64_t number;

	world_start();
	ck_assert_int_eq(try_move(&any, "b.test", &number), ERR_RANGE);
	ck_assert_int_eq(try_move(&acme, "", &number), ERR_RANGE);
	ck_assert_int_eq(try_move(&acme, "*:*@*", &number), ERR_RANGE);
	ck_assert_int_eq(try_move(&one, "b.test", &number), ERR_NOTFOUND);
	ck_assert_int_eq(try_move(&acme, "b.test", &number), ERR_OK);
	world_run();
	world_end();
}
END_TEST

/* --- restart -------------------------------------------------------------- */

static struct part_state
admitted(const struct qid *qid)
{
	return (struct part_state){ .qid = *qid,
		.segment = WORLD_SEGMENT,
		.block = 1,
		.n_rcpts = 1,
		.state = PART_READY,
		.key = { STR("acme"), STR(""), STR("a.test") } };
}

/* Both before it and behind it the ledger has states without a key. */
START_TEST(a_moved_part_is_in_its_queue_after_a_restart)
{
	struct part_state s, moved;
	struct qid qid;

	world_begin();
	qid = world_qid(1);
	s = admitted(&qid);
	ck_assert_int_eq(core_restore(world.core, &s), ERR_OK);
	moved = s;
	moved.key = (struct queue_key){ STR("beta"), STR("x"), STR("b.test") };
	moved.is_moved = true;
	ck_assert_int_eq(core_restore(world.core, &moved), ERR_OK);
	check_queue(&qid, "x:beta@b.test");
	s.key = (struct queue_key){ .domain = { NULL, 0 } };
	s.state = (uint8_t)states[_i];
	s.due_ms = states[_i] == PART_WAITING ? WORLD_WALL_MS + 5000 : 0;
	s.tries = 3;
	ck_assert_int_eq(core_restore(world.core, &s), ERR_OK);
	check_queue(&qid, "x:beta@b.test");
	ck_assert_uint_eq(world_state(&qid).tries, 3);
	ck_assert_uint_eq(world_state(&qid).state, states[_i]);
	ck_assert_pstr_eq(core_check(world.core), NULL);
	core_free(&world.core);
}
END_TEST

/* A checkpoint has the newer key; the ledger is read from before it. */
START_TEST(an_admission_that_is_read_again_moves_nothing_back)
{
	struct part_state s, newer;
	struct qid qid;

	world_begin();
	qid = world_qid(1);
	s = admitted(&qid);
	newer = s;
	newer.key.domain = STR("b.test");
	ck_assert_int_eq(core_restore(world.core, &newer), ERR_OK);
	ck_assert_int_eq(core_restore(world.core, &s), ERR_OK);
	check_queue(&qid, "acme@b.test");
	core_free(&world.core);
}
END_TEST

/* Else a record of which one part alone is known would be taken for known. */
START_TEST(a_move_of_an_unknown_part_makes_none)
{
	struct part_state s;
	struct qid qid;

	world_begin();
	qid = world_qid(1);
	s = admitted(&qid);
	s.is_moved = true;
	ck_assert_int_eq(core_restore(world.core, &s), ERR_NOTFOUND);
	ck_assert_int_eq(core_record_state(world.core, WORLD_SEGMENT, 1),
	    CORE_RECORD_UNKNOWN);
	core_free(&world.core);
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { what_a_target_keeps_stays,
		a_moved_part_is_delivered_by_its_new_queue,
		what_is_owed_and_what_travels_alone_moves_too,
		a_delivered_part_is_moved_no_more,
		many_move_in_slices_into_queues_that_match_themselves,
		nothing_is_leased_by_the_old_way_while_it_walks,
		later_mail_is_not_moved,
		a_tenant_with_too_many_campaigns_gets_other,
		what_finds_no_memory_stays_and_is_counted,
		a_move_needs_a_condition_and_a_queue,
		an_admission_that_is_read_again_moves_nothing_back,
		a_move_of_an_unknown_part_makes_none };
	Suite *suite = suite_create("ordermove");
	TCase *tc = tcase_create("ordermove");
	SRunner *runner = srunner_create(suite);
	int n_states = (int)COUNT_OF(states), failed;

	suite_add_tcase(suite, tc);
	tcase_add_loop_test(
	    tc, a_part_moves_and_is_otherwise_as_it_was, 0, n_states);
	tcase_add_loop_test(
	    tc, a_leased_part_moves_in_the_entry_that_ends_its_lease, 0, 2);
	tcase_add_loop_test(
	    tc, later_orders_find_a_leased_part_where_it_is_moved_to, 0, 3);
	tcase_add_loop_test(
	    tc, a_moved_part_is_in_its_queue_after_a_restart, 0, n_states);
	for (size_t i = 0; i < COUNT_OF(tests); i++)
		tcase_add_test(tc, tests[i]);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
