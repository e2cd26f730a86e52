/* SPDX-License-Identifier: BSD-2-Clause */
/* test_qmgr_gauge: what refuses new mail, and that it says so. */
#include "qmgr/gauge.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "qmgr/intake.h"
#include "qmgr/policy.h"
#include "qmgr/qmgr_int.h"
#include "tests/lib/conftext.h"
#include "util/spool/ledger.h"

#define PARTS_MAX 100
#define MEMORY "memory { queue_memory = \"12800\" }\n" /* of 128 bytes each */
#define LAG_SLOW 50000
#define LAG_REFUSE 500000
#define RESERVE_BYTES (2 * (uint64_t)LEDGER_FILE_BYTES + (UINT64_C(64) << 20))
#define INODES_RESERVE 64

static struct qmgr q;
static struct conf *conf;
static struct page *page;
static struct store_stats stats;
static uint64_t lag, unadmitted, checkpoint_size;
static bool is_ledger_full;
static int64_t now_ms;

const struct conf *
svc_conf(struct svc *svc)
{
	(void)svc;
	return conf;
}

struct page *
svc_page(struct svc *svc)
{
	(void)svc;
	return page;
}

void
store_stats(const struct store *st, struct store_stats *s)
{
	(void)st;
	*s = stats;
}

uint64_t
journal_lag(const struct journal *j)
{
	(void)j;
	return lag;
}

bool
journal_can_admit(const struct journal *j, uint32_t n_leases, size_t bytes)
{
	(void)j;
	(void)n_leases;
	(void)bytes;
	return !is_ledger_full;
}

uint64_t
checkpoint_bytes(const struct checkpoint *c)
{
	(void)c;
	return checkpoint_size;
}

uint64_t
intake_unadmitted(const struct intake *in)
{
	(void)in;
	return unadmitted;
}

static void
configure(const char *text)
{
	struct conf *old = conf;

	ck_assert_str_eq(conftext_new(&conf, text), "");
	conf_free(&old);
}

static void
enter(void)
{
	struct core_conf c = { .parts_max = PARTS_MAX + 1,
		.campaigns_max = 3,
		.conns_max = 10,
		.ahead = 2,
		.first_lease = 1,
		.first_conn = 1,
		.queue_policy = policy_queue,
		.site_policy = policy_site,
		.ctx = &q };
	int fd;

	ck_assert_int_eq(page_create(&fd), ERR_OK);
	ck_assert_int_eq(page_map(&page, fd, true), ERR_OK);
	(void)close(fd);
	page_begin(page, 1, 1);
	configure(CONFTEXT_HEAD MEMORY);
	stats = (struct store_stats){ .free_bytes = UINT64_MAX,
		.free_inodes = UINT64_MAX };
	q.core = core_new(&c);
	core_turn(q.core, 1000, INT64_C(1700000000000));
	ck_assert(!core_restore_end(q.core, 0, 0));
	q.gauge = gauge_new(&q);
}

static void
leave(void)
{
	free(q.gauge);
	core_free(&q.core);
	page_free(&page);
	conf_free(&conf);
}

static void
assert_pressure(enum pressure want, const char *reason)
{
	char published[PAGE_REASON_MAX_BYTES + 1];
	struct str told;

	now_ms += GAUGE_LOOK_MS;
	gauge_tick(q.gauge, now_ms);
	ck_assert_int_eq(gauge_get(q.gauge, &told), want);
	ck_assert_int_eq(page_pressure(page), want);
	page_get_reason(page, published);
	ck_assert_str_eq(published, reason);
	ck_assert(str_eq(told, str_from_c(published)));
}

static void
queue_up_to(uint32_t n)
{
	static uint32_t block;
	struct core_admit_part part = { STR("example.org"), 1 };
	struct core_action action;

	while (block < n) {
		struct core_admit admit = { .segment = 1,
			.block = ++block,
			.n_parts = 1,
			.parts = &part };

		admit.qid.b[14] = (uint8_t)(block >> 8);
		admit.qid.b[15] = (uint8_t)block;
		ck_assert_int_eq(core_admit(q.core, &admit), ERR_OK);
		while (core_action_next(q.core, &action))
			continue;
	}
}

START_TEST(without_any_trouble_mail_is_taken)
{
	assert_pressure(PRESSURE_ACCEPT, "");
	ck_assert_uint_eq(page_figure(page), 0);
	queue_up_to(1);
	assert_pressure(PRESSURE_ACCEPT, "");
	ck_assert_uint_eq(page_figure(page), 1);
}
END_TEST

START_TEST(a_full_queue_slows_and_then_refuses)
{
	queue_up_to(89);
	assert_pressure(PRESSURE_ACCEPT, "");
	queue_up_to(90);
	assert_pressure(PRESSURE_SLOW, "queue_memory: queued parts (90)");
	queue_up_to(99);
	assert_pressure(PRESSURE_SLOW, "queue_memory: queued parts (99)");
	queue_up_to(100);
	assert_pressure(PRESSURE_REFUSE, "queue_memory: queued parts (100)");
	/* A reload gives it more. */
	configure(CONFTEXT_HEAD "memory { queue_memory = \"1M\" }\n");
	gauge_reload(q.gauge);
	assert_pressure(PRESSURE_ACCEPT, "");
}
END_TEST

START_TEST(room_for_a_checkpoint_two_ledgers_and_a_segment_is_kept)
{
	checkpoint_size = 1000;
	stats.free_bytes = RESERVE_BYTES + 1000;
	assert_pressure(PRESSURE_ACCEPT, "");
	checkpoint_size = 1001;
	now_ms += GAUGE_LOOK_MS;
	gauge_tick(q.gauge, now_ms);
	ck_assert_int_eq(page_pressure(page), PRESSURE_REFUSE);
	checkpoint_size = 0;
	stats.free_inodes = INODES_RESERVE;
	assert_pressure(PRESSURE_ACCEPT, "");
	stats.free_inodes--;
	assert_pressure(PRESSURE_REFUSE, "spool: too few free inodes (63)");
	stats.is_read_only = true;
	assert_pressure(PRESSURE_REFUSE, "spool: read-only file system (0)");
}
END_TEST

START_TEST(a_ledger_that_falls_behind_slows_and_then_refuses)
{
	lag = LAG_SLOW - 1;
	assert_pressure(PRESSURE_ACCEPT, "");
	lag = LAG_SLOW;
	assert_pressure(PRESSURE_SLOW, "ledger: entries behind (50000)");
	lag = LAG_REFUSE;
	assert_pressure(PRESSURE_REFUSE, "ledger: entries behind (500000)");
	lag = 0;
	is_ledger_full = true;
	assert_pressure(PRESSURE_REFUSE, "ledger: no room (0)");
}
END_TEST

START_TEST(a_record_outside_of_the_queues_refuses)
{
	unadmitted = 1;
	assert_pressure(
	    PRESSURE_REFUSE, "records without room in the queues (1)");
	unadmitted = 0;
	assert_pressure(PRESSURE_ACCEPT, "");
}
END_TEST

START_TEST(policies_are_those_of_the_configuration_in_force)
{
	struct queue_key key = { .domain = STR("example.org"),
		.tenant = STR("acme") };
	struct core_queue_policy queue;
	struct core_site_policy site;
	const char *why;

	policy_queue(&q, &key, &queue);
	ck_assert_int_eq(queue.backoff.base_ms, 300000);
	ck_assert_uint_eq(queue.weight, 1);
	configure(CONFTEXT_HEAD
	    "tenant \"acme\" { weight = 3 }\n"
	    "queue \"*\" { retry_first = \"2h\" retry_max = \"3h\" }\n"
	    "site \"*\" { probe_max = \"7s\" attempt_timeout = \"9m\" }\n");
	policy_queue(&q, &key, &queue);
	ck_assert_int_eq(queue.backoff.base_ms, 7200000);
	ck_assert_int_eq(queue.backoff.cap_ms, 10800000);
	ck_assert_uint_eq(queue.weight, 3);
	ck_assert_int_eq(backoff_check(&queue.backoff, &why), ERR_OK);
	policy_site(&q, STR("default"), STR("relay"), &site);
	ck_assert_int_eq(site.probe_max_ms, 7000);
	ck_assert_int_eq(site.attempt_ms, 540000);
	ck_assert_uint_gt(site.floor, 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("qmgr_gauge");
	TCase *tc = tcase_create("gauge");
	SRunner *sr = srunner_create(s);
	int n_failed;

	tcase_add_checked_fixture(tc, enter, leave);
	tcase_add_test(tc, without_any_trouble_mail_is_taken);
	tcase_add_test(tc, a_full_queue_slows_and_then_refuses);
	tcase_add_test(
	    tc, room_for_a_checkpoint_two_ledgers_and_a_segment_is_kept);
	tcase_add_test(tc, a_ledger_that_falls_behind_slows_and_then_refuses);
	tcase_add_test(tc, a_record_outside_of_the_queues_refuses);
	tcase_add_test(tc, policies_are_those_of_the_configuration_in_force);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	n_failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
