/* SPDX-License-Identifier: BSD-2-Clause */
/* test_queue: keys, policies, attaching to sites. */
#include "qmgr/core/core_int.h"

#include <check.h>

#include "tests/lib/world.h"

START_TEST(keys_that_look_alike_are_different)
{
	struct queue_key a = { STR("ab"), STR("c"), STR("d") };
	struct queue_key b = { STR("a"), STR("bc"), STR("d") };
	struct queue_key c = { STR("a"), STR("b"), STR("cd") };
	struct queue *qa, *qb, *qc;

	world_start();
	qa = queue_obtain(world.core, &a);
	qb = queue_obtain(world.core, &b);
	qc = queue_obtain(world.core, &c);
	ck_assert_ptr_ne(qa, qb);
	ck_assert_ptr_ne(qb, qc);
	ck_assert_ptr_eq(qa, queue_obtain(world.core, &a));
	WORLD_STR_EQ(qb->key.tenant, "a");
	WORLD_STR_EQ(qb->key.campaign, "bc");
	WORLD_STR_EQ(qb->key.domain, "d");
	world_end();
}
END_TEST

START_TEST(names_leave_out_what_is_empty)
{
	static const struct {
		struct queue_key key;
		const char *name;
	} cases[] = {
		{ { STR_INIT(""), STR_INIT(""), STR_INIT("d") }, "d" },
		{ { STR_INIT("t"), STR_INIT(""), STR_INIT("d") }, "t@d" },
		{ { STR_INIT(""), STR_INIT("c"), STR_INIT("d") }, "c:@d" },
		{ { STR_INIT("t"), STR_INIT("c"), STR_INIT("d") }, "c:t@d" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char bytes[CORE_QUEUE_NAME_MAX_BYTES];
		struct outbuf out = { bytes, 0, sizeof(bytes) };

		core_queue_name(&cases[i].key, &out);
		ck_assert(str_eq(outbuf_str(&out), str_from_c(cases[i].name)));
	}
}
END_TEST

START_TEST(longest_names_fit)
{
	static char name[CORE_NAME_MAX_BYTES];
	struct queue_key key = { { name, sizeof(name) }, { name, sizeof(name) },
		{ name, sizeof(name) } };
	char bytes[CORE_QUEUE_NAME_MAX_BYTES];
	struct outbuf out = { bytes, 0, sizeof(bytes) };

	memset(name, 'x', sizeof(name));
	world_start();
	ck_assert_ptr_nonnull(queue_obtain(world.core, &key));
	core_queue_name(&key, &out);
	ck_assert_uint_eq(out.len, 3 * sizeof(name) + 2);
	world_end();
}
END_TEST

START_TEST(a_queue_moves_to_another_site_with_its_parts)
{
	struct qid qid;

	world_start();
	world.grants = false;
	qid = world_admit("", "a.test");
	(void)world_admit("", "a.test");
	world_run();
	WORLD_STR_EQ(world_why(&qid).provider, "relay");
	world.provider = "other";
	core_shaper_stale(world.core);
	world_run();
	WORLD_STR_EQ(world_why(&qid).provider, "other");
	/* The old site goes when nobody waits for its grant. */
	world_pass(70000);
	ck_assert_uint_eq(world_accounts().sites, 1);
	world_end();
}
END_TEST

START_TEST(an_empty_queue_goes_and_its_site)
{
	world_start();
	(void)world_admit("", "a.test");
	world_run();
	world_tell(world_act(CORE_LEASE, 0), VERDICT_DELIVERED);
	world_pass(QUEUE_IDLE_MS - 1000);
	ck_assert_uint_eq(world_accounts().queues, 1);
	world_pass(1000);
	ck_assert_uint_eq(world_accounts().queues, 0);
	ck_assert_uint_eq(world_count(CORE_CLOSE), 1);
	world_pass(120000);
	ck_assert_uint_eq(world_accounts().sites, 0);
	ck_assert_uint_eq(slab_n(&world.core->lanes), 0);
	world_end();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { keys_that_look_alike_are_different,
		names_leave_out_what_is_empty, longest_names_fit,
		a_queue_moves_to_another_site_with_its_parts,
		an_empty_queue_goes_and_its_site };

	return world_main("queue", tests, COUNT_OF(tests));
}
