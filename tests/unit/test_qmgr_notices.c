/* SPDX-License-Identifier: BSD-2-Clause */
/* test_qmgr_notices: where the ledger says why a notice is owed. */
#include "qmgr/notices.h"

#include <stdlib.h>
#include <string.h>

#include "qmgr/checkpoint.h"
#include "qmgr/ledgerdir.h"
#include "tests/lib/shell.h"

static unsigned n_done;

/* --- what the core would do ----------------------------------------------- */

static struct part_state
part(unsigned n)
{
	return shell_part(n, 5, n);
}

static struct part_state
with(struct part_state s, enum rcpt_standing standing)
{
	part_standing_set(s.standing, 0, standing);
	s.key.domain.len = 0;
	return s;
}

/* Puts a state as turn.c does. */
static void
put(struct part_state s, const char *facts)
{
	struct core_freed freed = { .lease = 0 };
	uint64_t seq, event;

	journal_put_part(journal, &s, str_from_c(facts), &freed, false);
	journal_next(journal, &seq, &event);
	notices_put(notices, &s, seq - 1);
}

static void
set_up(void)
{
	static const struct replay fresh = {
		.next_file = 1, .next_seq = 1, .next_event = 1
	};

	shell_arm_faults();
	shell_set_up();
	notices = notices_new(ledger_dir.fd);
	shell_journal_new(&fresh);
	shell_store_new();
	n_done = 0;
}

static void
on_told(struct telling *t)
{
	ck_assert(t->is_ready);
	n_done++;
	loop_stop(loop);
}

static struct telling *
begin(unsigned n, enum notice_kind kind)
{
	struct core_action a = { .act = CORE_LEASE,
		.part = part(n),
		.notice = kind,
		.text = STR("so it is") };
	struct telling *t = notices_tell(notices, store, &a, on_told, NULL);

	ck_assert_ptr_nonnull(t);
	ck_assert(str_eq(t->reason, STR("so it is")));
	return t;
}

/* The facts that the notice of part n would have. */
static const char *
facts(unsigned n)
{
	static char text[64];
	struct telling *t = begin(n, NOTICE_FINAL);

	while (!t->is_ready)
		loop_run(loop);
	ck_assert_uint_lt(t->facts.len, sizeof(text));
	if (t->facts.len > 0)
		memcpy(text, t->facts.ptr, t->facts.len);
	text[t->facts.len] = '\0';
	notices_tell_free(&t);
	return text;
}

/* Files that must stay, as text. */
static const char *
needed(void)
{
	static char text[256];
	uint64_t *files;
	size_t n, len = 0;

	ck_assert_int_eq(notices_dup_files(notices, &files, &n), ERR_OK);
	text[0] = '\0';
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(
		    text + len, sizeof(text) - len, "%u ", (unsigned)files[i]);
	free(files);
	return text;
}

/* --- in one life ---------------------------------------------------------- */

START_TEST(the_facts_are_those_of_what_made_it_owed)
{
	shell_admit(part(1));
	shell_admit(part(2));
	put(with(part(2), RCPT_OWED), "of another");
	put(with(part(1), RCPT_OWED), "550 no such user");
	shell_sync();
	ck_assert_str_eq(facts(1), "550 no such user");
	ck_assert_str_eq(facts(2), "of another");
	/* A refusal of the notice makes nothing owed. */
	put(with(part(1), RCPT_OWED), "452 not now");
	shell_sync();
	ck_assert_str_eq(facts(1), "550 no such user");
}
END_TEST

START_TEST(what_is_told_is_forgotten)
{
	put(with(part(1), RCPT_OWED), "first");
	shell_sync();
	ck_assert_uint_eq(notices_count(notices), 1);
	ck_assert_str_eq(needed(), "1 ");
	put(with(part(1), RCPT_TOLD), "");
	ck_assert_uint_eq(notices_count(notices), 0);
	ck_assert_str_eq(needed(), "");
	/* And owed once more, it has other facts. */
	put(with(part(1), RCPT_OWED), "second");
	shell_sync();
	ck_assert_str_eq(facts(1), "second");
	put(shell_done(part(1)), "");
	ck_assert_uint_eq(notices_count(notices), 0);
}
END_TEST

START_TEST(what_is_not_written_is_waited_for)
{
	struct telling *t;

	put(with(part(1), RCPT_OWED), "late");
	t = begin(1, NOTICE_FINAL);
	ck_assert(!t->is_ready);
	while (n_done == 0)
		loop_run(loop);
	ck_assert(str_eq(t->facts, STR("late")));
	notices_tell_free(&t);
}
END_TEST

START_TEST(nobody_waits_for_what_is_told_meanwhile)
{
	struct telling *t;

	put(with(part(1), RCPT_OWED), "late");
	t = begin(1, NOTICE_FINAL);
	put(shell_done(part(1)), "");
	while (n_done == 0)
		loop_run(loop);
	ck_assert_uint_eq(t->facts.len, 0);
	notices_tell_free(&t);
}
END_TEST

START_TEST(a_notice_of_delay_has_no_facts_and_waits_for_none)
{
	struct telling *t = begin(1, NOTICE_DELAY);

	ck_assert(t->is_ready);
	ck_assert_uint_eq(t->facts.len, 0);
	notices_tell_free(&t);
}
END_TEST

START_TEST(what_is_written_once_more_is_found_there)
{
	/* So soon after a sync it is written first, and synced later. */
	shell_admit(part(9));
	shell_sync();
	atomic_store(&failing_syncs, 1);
	put(with(part(1), RCPT_OWED), "twice");
	ck_assert_str_eq(facts(1), "twice");
	shell_sync();
	ck_assert_uint_gt(n_paused, 0);
	ck_assert_str_eq(needed(), "2 ");
	ck_assert_str_eq(facts(1), "twice");
}
END_TEST

START_TEST(files_that_are_needed_outlive_their_time)
{
	uint64_t *keep;
	struct ledgerdir l;
	size_t n;

	put(with(part(1), RCPT_OWED), "old");
	shell_sync();
	for (unsigned i = 2; i <= 3; i++) {
		atomic_store(&failing_writes, 1);
		put(with(part(i), RCPT_OPEN), "");
		shell_sync();
	}
	ck_assert_int_eq(notices_dup_files(notices, &keep, &n), ERR_OK);
	journal_retire(journal, (struct ledger_pos){ 3, 512 }, keep, n);
	shell_admit(part(9));
	shell_sync();
	ck_assert_int_eq(ledgerdir_list(&l, ledger_dir.fd, LEDGER_LOG), ERR_OK);
	ck_assert_uint_eq(l.numbers[0], 1);
	ck_assert_uint_eq(l.numbers[1], 3);
	ledgerdir_fini(&l);
	ck_assert_str_eq(facts(1), "old");
}
END_TEST

/* --- what breaks ---------------------------------------------------------- */

static void
break_file(bool is_cut)
{
	int fd = openat(ledger_dir.fd, "L0000000000000001", O_WRONLY);

	ck_assert_int_ge(fd, 0);
	if (is_cut)
		ck_assert_int_eq(ftruncate(fd, 600), 0);
	else
		ck_assert_int_eq(pwrite(fd, "x", 1, 700), 1);
	(void)close(fd);
}

START_TEST(what_cannot_be_read_leaves_a_notice_without_facts)
{
	put(with(part(1), RCPT_OWED), "gone");
	shell_sync();
	break_file(false);
	ck_assert_str_eq(facts(1), "");
	break_file(true);
	ck_assert_str_eq(facts(1), "");
	ck_assert_int_eq(unlinkat(ledger_dir.fd, "L0000000000000001", 0), 0);
	ck_assert_str_eq(facts(1), "");
}
END_TEST

START_TEST(facts_that_are_longer_than_any_are_not_told)
{
	static char text[NOTICES_FACTS_MAX_BYTES + 2];
	struct telling *t;

	memset(text, 'x', NOTICES_FACTS_MAX_BYTES);
	put(with(part(1), RCPT_OWED), text);
	text[NOTICES_FACTS_MAX_BYTES] = 'x';
	put(with(part(2), RCPT_OWED), text);
	shell_sync();
	t = begin(1, NOTICE_FINAL);
	while (!t->is_ready)
		loop_run(loop);
	ck_assert_uint_eq(t->facts.len, NOTICES_FACTS_MAX_BYTES);
	notices_tell_free(&t);
	ck_assert_str_eq(facts(2), "");
}
END_TEST

/* --- restart -------------------------------------------------------------- */

static void
restart(struct replay *replay)
{
	store_free(&store);
	journal_free(&journal);
	notices_free(&notices);
	notices = notices_new(ledger_dir.fd);
	ck_assert_int_eq(shell_replay(replay), ERR_OK);
	notices_prune(notices, core);
	shell_journal_new(replay);
	shell_store_new();
}

START_TEST(the_ledger_tells_it_after_a_restart)
{
	struct replay replay;

	for (unsigned i = 1; i <= 3; i++)
		shell_admit(part(i));
	put(with(part(1), RCPT_OWED), "one");
	put(with(part(2), RCPT_OWED), "two");
	put(with(part(3), RCPT_OWED), "three");
	shell_sync();
	put(with(part(1), RCPT_OWED), "refused");
	put(shell_done(part(2)), "");
	shell_sync();
	restart(&replay);
	ck_assert_uint_eq(notices_count(notices), 2);
	ck_assert_str_eq(needed(), "1 ");
	ck_assert_str_eq(facts(1), "one");
	ck_assert_str_eq(facts(3), "three");
}
END_TEST

static void
on_checkpoint(void *arg, bool is_ok)
{
	(void)arg;
	ck_assert(is_ok);
	n_done++;
	loop_stop(loop);
}

static void
write_checkpoint(const struct replay *replay)
{
	struct checkpoint_conf conf = {
		.loop = loop,
		.core = core,
		.journal = journal,
		.store = store,
		.notices = notices,
		.ledger_fd = ledger_dir.fd,
		.next_number = replay->next_checkpoint,
		.last_number = replay->checkpoint,
		.last_begin = replay->checkpoint_begin,
		.done = on_checkpoint,
	};
	struct checkpoint *c = checkpoint_new(&conf);

	n_done = 0;
	checkpoint_begin(c);
	while (n_done == 0)
		loop_run(loop);
	store_free(&store);
	checkpoint_free(&c);
	shell_store_new();
}

START_TEST(a_checkpoint_says_where_it_is)
{
	struct replay replay = { .next_checkpoint = 1 };

	shell_admit(part(1));
	put(with(part(1), RCPT_OWED), "before it all");
	shell_sync();
	/* The core knows it from the ledger; of file 1 nobody reads again. */
	restart(&replay);
	for (int i = 0; i < 3; i++) {
		write_checkpoint(&replay);
		restart(&replay);
		ck_assert_uint_gt(replay.checkpoint, 0);
	}
	ck_assert_uint_gt(replay.checkpoint_begin.file, 1);
	ck_assert_str_eq(needed(), "1 ");
	ck_assert_str_eq(facts(1), "before it all");
}
END_TEST

START_TEST(what_the_core_does_not_owe_is_dropped)
{
	struct part_state owed = with(part(1), RCPT_OWED);

	notices_restore(notices, &owed, (struct ledger_pos){ 1, 512 });
	ck_assert_uint_eq(notices_count(notices), 1);
	notices_prune(notices, core);
	ck_assert_uint_eq(notices_count(notices), 0);
	ck_assert_str_eq(needed(), "");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("qmgr_notices");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, set_up, shell_tear_down);
	tcase_add_test(tc, the_facts_are_those_of_what_made_it_owed);
	tcase_add_test(tc, what_is_told_is_forgotten);
	tcase_add_test(tc, what_is_not_written_is_waited_for);
	tcase_add_test(tc, nobody_waits_for_what_is_told_meanwhile);
	tcase_add_test(tc, a_notice_of_delay_has_no_facts_and_waits_for_none);
	tcase_add_test(tc, what_is_written_once_more_is_found_there);
	tcase_add_test(tc, files_that_are_needed_outlive_their_time);
	tcase_add_test(tc, what_cannot_be_read_leaves_a_notice_without_facts);
	tcase_add_test(tc, facts_that_are_longer_than_any_are_not_told);
	tcase_add_test(tc, the_ledger_tells_it_after_a_restart);
	tcase_add_test(tc, a_checkpoint_says_where_it_is);
	tcase_add_test(tc, what_the_core_does_not_owe_is_dropped);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
