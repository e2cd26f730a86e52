/* SPDX-License-Identifier: BSD-2-Clause */
/* test_stuck: a ready part for which nothing is under way is found (Q3). */
#include "qmgr/core/core_int.h"

#include <check.h>

#include "tests/lib/world.h"

#define FAR_MS 50000

static struct queue *
only_queue(void)
{
	return queue_get(world.core, slab_next(&world.core->queues, 0));
}

/* The question for the route is out, and never answered. */
static struct qid
begin(void)
{
	struct qid qid;

	world_start();
	world.routes = false;
	qid = world_admit("w1", "a.test");
	(void)world_admit("w1", "a.test");
	world_run();
	ck_assert_uint_eq(world_count(CORE_ROUTE_ASK), 1);
	/* Sweeps that see all of it. */
	world_pass(2000);
	world_forget();
	return qid;
}

/* As if the core had forgotten it. */
static void
forget_question(void)
{
	struct queue *q = only_queue();

	q->route_ask_ms = 0;
	heap_change(&world.core->queue_due, q->heap_pos, world.now_ms + FAR_MS);
}

START_TEST(a_queue_that_waits_for_nothing_is_told_and_asks_again)
{
	struct qid qid = begin();
	const struct core_action *a;

	world_pass(3000);
	ck_assert_uint_eq(world_count(CORE_STUCK), 0);
	forget_question();
	world_pass(1000);
	ck_assert_uint_eq(world_count(CORE_STUCK), 1);
	a = world_act(CORE_STUCK, 0);
	ck_assert_uint_eq(a->n, 2);
	ck_assert_int_eq(qid_cmp(&a->part.qid, &qid), 0);
	WORLD_STR_EQ(a->part.key.domain, "a.test");
	ck_assert_int_ge(a->age_ms, 5000);
	ck_assert_uint_eq(world_accounts().stuck, 2);
	ck_assert_int_ge(world_accounts().stuck_ms, 5000);
	/* It is put right. */
	ck_assert_uint_eq(world_count(CORE_ROUTE_ASK), 1);
	world_pass(2000);
	ck_assert_uint_eq(world_count(CORE_STUCK), 1);
	ck_assert_uint_eq(world_accounts().stuck, 0);
	ck_assert_uint_eq(world_accounts().stuck_found, 2);
	world_end();
}
END_TEST

START_TEST(what_has_a_reason_is_not_told)
{
	struct queue *q;

	(void)begin();
	forget_question();
	/* A wait of its own ... */
	q = only_queue();
	q->route_wait_ms = world.now_ms + 5000;
	world_pass(3000);
	ck_assert_uint_eq(world_count(CORE_STUCK), 0);
	/* ... no shaper ... */
	core_shaper_down(world.core);
	world_pass(10000);
	ck_assert_uint_eq(world_count(CORE_STUCK), 0);
	/* ... and what is new to all: the sweep is how they learn of it. */
	core_shaper_up(world.core);
	forget_question();
	q->route_wait_ms = 0;
	world_pass(1000);
	ck_assert_uint_eq(world_count(CORE_STUCK), 0);
	ck_assert_uint_ge(world_count(CORE_ROUTE_ASK), 1);
	world_end();
}
END_TEST

START_TEST(a_question_minds_its_deadline_after_a_stop)
{
	struct queue *q;

	(void)begin();
	q = only_queue();
	/* It was stopped when it was visited last, and is not any more. */
	heap_change(&world.core->queue_due, q->heap_pos, world.now_ms + FAR_MS);
	world_pass(1000);
	ck_assert_int_eq(
	    heap_get(&world.core->queue_due, q->heap_pos).key, q->route_ask_ms);
	ck_assert_uint_eq(world_count(CORE_STUCK), 0);
	world_end();
}
END_TEST

START_TEST(a_queue_without_route_that_does_not_bounce_is_told)
{
	struct queue *q;

	(void)begin();
	q = only_queue();
	q->is_bouncing = true;
	q->route_until_ms = world.now_ms + 10 * FAR_MS;
	forget_question();
	world_pass(1000);
	ck_assert_uint_eq(world_count(CORE_STUCK), 1);
	world_pass(1000);
	ck_assert_uint_eq(world_accounts().owed, 2);
	world_end();
}
END_TEST

START_TEST(a_site_that_waits_for_nothing_is_told_and_connects)
{
	struct site *s;

	world_start();
	world.opens = false;
	(void)world_admit("", "a.test");
	world_run();
	world_pass(2000);
	ck_assert_uint_eq(world_count(CORE_STUCK), 0);
	s = site_find(world.core, STR("default"), STR("relay"));
	ck_assert_uint_eq(s->n_opening, 1);
	conn_free(
	    world.core, LIST_ITEM(list_first(&s->other), struct conn, in_site));
	site_unmark(world.core, s);
	world_forget();
	world_pass(1000);
	ck_assert_uint_eq(world_count(CORE_STUCK), 1);
	ck_assert_uint_eq(world_act(CORE_STUCK, 0)->n, 1);
	ck_assert_uint_eq(world_count(CORE_OPEN), 1);
	world_end();
}
END_TEST

START_TEST(a_site_whose_question_is_lost_is_told_and_asks_again)
{
	struct site *s;

	world_start();
	world.grants = false;
	(void)world_admit("", "a.test");
	world_run();
	world_pass(2000);
	s = site_find(world.core, STR("default"), STR("relay"));
	ck_assert_int_gt(s->ask_ms, 0);
	s->ask_ms = 0;
	heap_change(&world.core->site_due, s->heap_pos, world.now_ms + FAR_MS);
	world_forget();
	world_pass(1000);
	ck_assert_uint_eq(world_count(CORE_STUCK), 1);
	ck_assert_uint_eq(world_count(CORE_GRANT_ASK), 1);
	world_end();
}
END_TEST

START_TEST(no_worker_and_no_room_are_reasons)
{
	uint8_t phases[WORLD_SLOTS] = { 0 };
	struct site *s;

	world_start();
	world.opens = false;
	(void)world_admit("", "a.test");
	world_run();
	world_pass(2000);
	s = site_find(world.core, STR("default"), STR("relay"));
	core_worker_down(world.core, 0, phases);
	world_pass(5000);
	ck_assert_uint_eq(s->n_opening, 0);
	ck_assert_uint_eq(world_count(CORE_STUCK), 0);
	world_end();
}
END_TEST

/* --- what an AUDIT says of it --------------------------------------------- */

START_TEST(accounts_know_the_lowest_lease_and_the_times_due)
{
	struct core_accounts a;

	world_start();
	world.connections = 1;
	for (int i = 0; i < 3; i++)
		(void)world_admit("", "a.test");
	world_run();
	a = world_accounts();
	ck_assert_uint_eq(a.messages_admitted, 3);
	ck_assert_uint_eq(a.messages_done, 0);
	ck_assert_uint_eq(a.first_lease, 1);
	ck_assert_int_eq(a.first_due_ms, 0);
	world_tell(world_act(CORE_LEASE, 0), VERDICT_DEFERRED);
	world_run();
	a = world_accounts();
	ck_assert_uint_eq(a.first_lease, 2);
	ck_assert_int_le(a.first_due_ms, world.wall_ms + 60000);
	ck_assert_int_eq(a.last_due_ms, world.wall_ms + 60000);
	world_tell(world_act(CORE_LEASE, 1), VERDICT_DELIVERED);
	world_tell(world_act(CORE_LEASE, 2), VERDICT_DELIVERED);
	world_run();
	a = world_accounts();
	ck_assert_uint_eq(a.first_lease, 0);
	ck_assert_uint_eq(a.messages_done, 2);
	ck_assert_uint_eq(a.messages, 1);
	world_end();
}
END_TEST

START_TEST(a_message_is_done_with_its_last_part)
{
	struct core_admit_part parts[] = { { STR("a.test"), 1 },
		{ STR("b.test"), 1 } };
	struct core_admit admit;

	world_start();
	admit = world_message(parts, 2);
	ck_assert_int_eq(core_admit(world.core, &admit), ERR_OK);
	world_run();
	ck_assert_uint_eq(world_accounts().messages_admitted, 1);
	world_tell(world_act(CORE_LEASE, 0), VERDICT_DELIVERED);
	world_run();
	ck_assert_uint_eq(world_accounts().messages_done, 0);
	ck_assert(!world_act(CORE_REMEMBER, 0)->is_last);
	world_tell(world_act(CORE_LEASE, 1), VERDICT_DELIVERED);
	world_run();
	ck_assert_uint_eq(world_accounts().messages_done, 1);
	ck_assert(world_act(CORE_REMEMBER, 1)->is_last);
	world_end();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		a_queue_that_waits_for_nothing_is_told_and_asks_again,
		what_has_a_reason_is_not_told,
		a_question_minds_its_deadline_after_a_stop,
		a_queue_without_route_that_does_not_bounce_is_told,
		a_site_that_waits_for_nothing_is_told_and_connects,
		a_site_whose_question_is_lost_is_told_and_asks_again,
		no_worker_and_no_room_are_reasons,
		accounts_know_the_lowest_lease_and_the_times_due,
		a_message_is_done_with_its_last_part,
	};

	return world_main("stuck", tests, COUNT_OF(tests));
}
