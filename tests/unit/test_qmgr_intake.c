/* SPDX-License-Identifier: BSD-2-Clause */
/* test_qmgr_intake: what smtpd announces, and what there is no room for. */
#include "qmgr/intake.h"

#include <stdlib.h>

#include "tests/lib/scene.h"
#include "util/spool/record.h"

#define PID 4000
#define FRONT_BYTES 1024
#define ASKS 60 /* then a record that never comes is forgotten */

static struct client smtpd;

static void
begin(void)
{
	shell_begin();
	shell_start();
	client_hello(&smtpd, PEER_SMTPD, 1, PID);
}

/* Header and envelope of message n, as on disk. */
static struct str
front(unsigned n)
{
	static char bytes[FRONT_BYTES];
	struct outbuf envelope = { bytes + RECORD_HEAD_BYTES, 0,
		sizeof(bytes) - RECORD_HEAD_BYTES };
	struct record_head head = { .number = SHELL_SEGMENT,
		.arrival_ms = shell.wall_ms };

	spool_envelope(&envelope, n);
	head.qid = shell_qid(n);
	head.envelope_bytes = (uint32_t)envelope.len;
	record_encode(&head, outbuf_str(&envelope), (uint8_t *)bytes);
	return (struct str){ bytes, RECORD_HEAD_BYTES + envelope.len };
}

static void
announce(uint32_t block, struct str head)
{
	struct msg_admit m = {
		.segment = SHELL_SEGMENT, .block = block, .head = head
	};

	ck_assert_int_eq(chan_send_admit(smtpd.chan, &m), ERR_OK);
	shell_run();
}

static bool
is_known(uint32_t block)
{
	return core_record_state(shell.q.core, SHELL_SEGMENT, block) !=
	    CORE_RECORD_UNKNOWN;
}

/* n seconds go by. */
static void
pass(unsigned n)
{
	static int64_t now_ms;

	if (now_ms == 0)
		now_ms = loop_now_ms(shell.q.loop);
	while (n-- > 0) {
		now_ms += INTAKE_RETRY_MS;
		intake_tick(shell.q.intake, now_ms);
	}
}

START_TEST(what_is_announced_is_queued_and_written_down_once)
{
	begin();
	announce(1, front(1));
	ck_assert(is_known(1));
	ck_assert_uint_eq(shell.n_parts, 1);
	announce(1, front(1));
	ck_assert_uint_eq(shell.n_parts, 1);
	ck_assert_ptr_nonnull(smtpd.chan);
	shell_fini();
}
END_TEST

START_TEST(an_announcement_without_a_head_is_read_from_disk)
{
	begin();
	announce(1, STR(""));
	ck_assert_uint_eq(shell.n_reads, 1);
	ck_assert(!is_known(1));
	shell_fini();
}
END_TEST

START_TEST(an_announcement_that_makes_no_sense_costs_no_connection)
{
	struct str head;
	char bytes[FRONT_BYTES];

	begin();
	announce(1, STR("no record"));
	head = front(1);
	memcpy(bytes, head.ptr, head.len);
	bytes[head.len - 1] ^= 1;
	announce(1, (struct str){ bytes, head.len });
	ck_assert(!is_known(1));
	ck_assert_ptr_nonnull(smtpd.chan);
	/* Of another segment than it says. */
	ck_assert_int_eq(
	    intake_front(&shell.q, SHELL_SEGMENT + 1, 1, front(1)), ERR_SYNTAX);
	ck_assert_uint_eq(intake_unadmitted(shell.q.intake), 0);
	shell_fini();
}
END_TEST

START_TEST(what_finds_no_room_is_remembered_and_asked_for_each_second)
{
	begin();
	shell.is_ledger_full = true;
	announce(1, front(1));
	announce(1, front(1));
	announce(2, front(2));
	ck_assert(!is_known(1));
	ck_assert_uint_eq(intake_unadmitted(shell.q.intake), 2);
	ck_assert(intake_is_unadmitted(shell.q.intake, SHELL_SEGMENT, 1));
	ck_assert(!intake_is_unadmitted(shell.q.intake, SHELL_SEGMENT, 3));
	shell.n_reads = 0;
	pass(1);
	ck_assert_uint_eq(shell.n_reads, 2);
	shell.is_ledger_full = false;
	ck_assert_int_eq(
	    intake_front(&shell.q, SHELL_SEGMENT, 1, front(1)), ERR_OK);
	shell_run();
	ck_assert(is_known(1));
	ck_assert_uint_eq(intake_unadmitted(shell.q.intake), 1);
	shell_fini();
}
END_TEST

START_TEST(what_is_asked_for_and_never_comes_is_forgotten)
{
	begin();
	shell.is_ledger_full = true;
	announce(1, front(1));
	announce(2, front(2));
	pass(ASKS);
	ck_assert_uint_eq(intake_unadmitted(shell.q.intake), 2);
	/* One is seen again: there is still no room for it. */
	ck_assert_int_eq(
	    intake_front(&shell.q, SHELL_SEGMENT, 2, front(2)), ERR_FULL);
	pass(1);
	ck_assert_uint_eq(intake_unadmitted(shell.q.intake), 1);
	ck_assert(intake_is_unadmitted(shell.q.intake, SHELL_SEGMENT, 2));
	pass(ASKS);
	ck_assert_uint_eq(intake_unadmitted(shell.q.intake), 0);
	shell_fini();
}
END_TEST

START_TEST(smtpd_may_not_speak_as_a_worker)
{
	struct msg_hold_end end = { 0 };

	begin();
	ck_assert_uint_eq(shell.n_lost_writers, 0);
	ck_assert_int_eq(chan_send_hold_end(smtpd.chan, &end), ERR_OK);
	shell_run();
	ck_assert_ptr_null(smtpd.chan);
	/* What it was writing may be without a writer. */
	ck_assert_uint_eq(shell.n_lost_writers, 1);
	shell_fini();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("qmgr_intake");
	TCase *tc = tcase_create("intake");
	SRunner *sr = srunner_create(s);
	int n_failed;

	tcase_add_test(tc, what_is_announced_is_queued_and_written_down_once);
	tcase_add_test(tc, an_announcement_without_a_head_is_read_from_disk);
	tcase_add_test(
	    tc, an_announcement_that_makes_no_sense_costs_no_connection);
	tcase_add_test(
	    tc, what_finds_no_room_is_remembered_and_asked_for_each_second);
	tcase_add_test(tc, what_is_asked_for_and_never_comes_is_forgotten);
	tcase_add_test(tc, smtpd_may_not_speak_as_a_worker);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	n_failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
