/* SPDX-License-Identifier: BSD-2-Clause */
/* test_site: begin and end of sites. */
#include "qmgr/core/core_int.h"

#include <check.h>

#include "tests/lib/world.h"

START_TEST(one_site_for_all_domains_behind_it)
{
	struct qid qid;

	world_start();
	for (int i = 0; i < 4; i++)
		qid = world_admit("", i % 2 == 0 ? "a.test" : "b.test");
	world_run();
	ck_assert_uint_eq(world_accounts().sites, 1);
	ck_assert_uint_eq(world_accounts().queues, 2);
	WORLD_STR_EQ(world_why(&qid).source, "default");
	WORLD_STR_EQ(world_why(&qid).provider, "relay");
	world_end();
}
END_TEST

START_TEST(a_site_is_source_and_provider)
{
	struct site *a, *b;

	world_start();
	a = site_obtain(world.core, STR("ab"), STR("c"));
	b = site_obtain(world.core, STR("a"), STR("bc"));
	ck_assert_ptr_ne(a, b);
	ck_assert_ptr_eq(a, site_find(world.core, STR("ab"), STR("c")));
	WORLD_STR_EQ(b->source, "a");
	WORLD_STR_EQ(b->provider, "bc");
	ck_assert_ptr_null(site_find(world.core, STR("abc"), STR("")));
	world_pass(60000);
	ck_assert_uint_eq(world_accounts().sites, 0);
	world_end();
}
END_TEST

START_TEST(names_too_long_are_no_site)
{
	static char name[CORE_NAME_MAX_BYTES + 1];

	world_start();
	ck_assert_ptr_null(site_find(
	    world.core, (struct str){ name, sizeof(name) }, STR("x")));
	ck_assert_ptr_null(site_find(
	    world.core, STR("x"), (struct str){ name, sizeof(name) }));
	world_end();
}
END_TEST

START_TEST(trouble_is_remembered_while_it_lasts)
{
	world_start();
	world.opens = false;
	(void)world_admit("", "a.test");
	world_run();
	world_down(world_act(CORE_OPEN, 0), CONN_REFUSED);
	world_pass(900);
	ck_assert_int_ne(
	    site_find(world.core, STR("default"), STR("relay"))->down_ms, 0);
	world_end();
}
END_TEST

int
main(void)
{
	const TTest *tests[] = { one_site_for_all_domains_behind_it,
		a_site_is_source_and_provider, names_too_long_are_no_site,
		trouble_is_remembered_while_it_lasts };

	return world_main("site", tests, COUNT_OF(tests));
}
