/* SPDX-License-Identifier: BSD-2-Clause */
/* test_qmgr_damage: ledger and checkpoints from a damaged disk: each byte is
 * flipped, and the files end at each byte. With DAMAGE=all each bit is. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "qmgr/checkpoint.h"
#include "qmgr/ledgerdir.h"
#include "tests/lib/damage.h"
#include "tests/lib/shell.h"
#include "util/spool/ledgerfile.h"

#define SEGMENT 5
#define MESSAGES 6
#define HEAD_BYTES 44 /* of a file, that say something */
#define FILE_MAX_BYTES 65536
#define LOG_MAX_BYTES 65536

/* A file as it was before the damage. */
struct intact {
	char name[LEDGER_NAME_BYTES + 1];
	char bytes[FILE_MAX_BYTES];
	size_t len;
	/* Batch i is in front of ends[i], and its entries of used[i]. */
	size_t begins[64], used[64];
	unsigned n;
};

static struct intact intact;
static int log_fd, stderr_fd;
static char log_text[LOG_MAX_BYTES];
static unsigned n_done;

/* --- what is told --------------------------------------------------------- */

static void
log_begin(void)
{
	(void)fflush(stderr);
	ck_assert_int_eq(ftruncate(log_fd, 0), 0);
	ck_assert_int_eq(lseek(log_fd, 0, SEEK_SET), 0);
	ck_assert_int_ge(dup2(log_fd, STDERR_FILENO), 0);
}

static void
log_end(void)
{
	ssize_t n;

	ck_assert_int_ge(dup2(stderr_fd, STDERR_FILENO), 0);
	n = pread(log_fd, log_text, sizeof(log_text) - 1, 0);
	ck_assert_int_ge(n, 0);
	log_text[n] = '\0';
}

/* An event that names the file. */
static bool
has_told(const char *event, const char *name)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "event=%s file=%s", event, name);
	return strstr(log_text, text) != NULL;
}

/* --- a small spool -------------------------------------------------------- */

static int
no_sync(int fd)
{
	(void)fd;
	return 0;
}

static void
set_up(void)
{
	struct replay replay;

	shell_arm_faults();
	real_fdatasync = no_sync;
	sys.fsync = no_sync;
	shell_set_up();
	ck_assert_int_eq(shell_replay(&replay), ERR_OK);
	shell_journal_new(&replay);
	log_fd = memfd_create("log", MFD_CLOEXEC);
	stderr_fd = dup(STDERR_FILENO);
	ck_assert_int_ge(log_fd, 0);
	ck_assert_int_ge(stderr_fd, 0);
	n_done = 0;
}

static void
tear_down(void)
{
	shell_tear_down();
	(void)close(log_fd);
	(void)close(stderr_fd);
}

static struct part_state
state_of(unsigned n)
{
	return shell_part(n, SEGMENT, n);
}

/* A batch for each: odd messages are done in the one behind their own. */
static void
fill_ledger(void)
{
	for (unsigned n = 1; n <= MESSAGES; n++) {
		struct part_state state = state_of(n);

		ck_assert_int_eq(core_restore(core, &state), ERR_OK);
		shell_admit(state);
		shell_sync();
		if (n % 2 == 0)
			continue;
		state = shell_done(state);
		ck_assert_int_eq(core_restore(core, &state), ERR_OK);
		shell_put(state);
		shell_sync();
	}
}

static void
on_done(void *arg, bool is_ok)
{
	(void)arg;
	ck_assert(is_ok);
	n_done++;
	loop_stop(loop);
}

static void
write_checkpoint(uint64_t number)
{
	struct checkpoint_conf conf = {
		.loop = loop,
		.core = core,
		.journal = journal,
		.ledger_fd = ledger_dir.fd,
		.next_number = number,
		.done = on_done,
	};
	struct checkpoint *c;

	notices = notices_new(ledger_dir.fd);
	conf.notices = notices;
	shell_store_new();
	conf.store = store;
	c = checkpoint_new(&conf);
	checkpoint_begin(c);
	loop_run(loop);
	store_free(&store);
	checkpoint_free(&c);
	notices_free(&notices);
}

/* --- damage --------------------------------------------------------------- */

static int
open_file(const char *name)
{
	int fd = openat(ledger_dir.fd, name, O_RDWR | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

/* Takes a file in, and where its batches are. */
static void
take(enum ledger_kind kind, uint64_t number)
{
	struct ledger_head head = { .number = number, .kind = kind };
	struct ledgerread_item item = { .kind = LEDGERREAD_GAP };
	struct ledgerread *r;
	ssize_t got;
	int fd;

	ledger_name_format(&head, intact.name);
	fd = open_file(intact.name);
	got = pread(fd, intact.bytes, sizeof(intact.bytes), 0);
	ck_assert_int_gt(got, LEDGER_BLOCK_BYTES);
	ck_assert_int_lt(got, FILE_MAX_BYTES);
	intact.len = (size_t)got;
	intact.n = 0;
	ck_assert_int_eq(ledgerread_new(&r, fd, LEDGERREAD_ALL), ERR_OK);
	while (item.kind != LEDGERREAD_END) {
		struct str rest;
		struct ledger_batch_head batch;

		ck_assert_int_eq(ledgerread_next(r, &item), ERR_OK);
		if (item.kind != LEDGERREAD_ENTRY ||
		    (intact.n > 0 &&
		        intact.begins[intact.n - 1] == item.offset))
			continue;
		rest = (struct str){ intact.bytes + item.offset,
			intact.len - item.offset };
		ck_assert_int_eq(
		    ledger_batch_peek(&batch, rest, ledgerread_get_head(r)),
		    ERR_OK);
		ck_assert_uint_lt(intact.n, 64);
		intact.begins[intact.n] = item.offset;
		intact.used[intact.n++] =
		    item.offset + LEDGER_BATCH_HEAD_BYTES + batch.entries_bytes;
	}
	ledgerread_free(&r);
	(void)close(fd);
}

static void
mend(void)
{
	int fd = open_file(intact.name);

	ck_assert_int_eq(
	    pwrite(fd, intact.bytes, intact.len, 0), (ssize_t)intact.len);
	(void)close(fd);
}

static void
flip_byte(size_t at, uint8_t mask)
{
	int fd = open_file(intact.name);
	char c = (char)((uint8_t)intact.bytes[at] ^ mask);

	ck_assert_int_eq(pwrite(fd, &c, 1, (off_t)at), 1);
	(void)close(fd);
}

static void
cut_at(size_t at)
{
	int fd = open_file(intact.name);

	ck_assert_int_eq(ftruncate(fd, (off_t)at), 0);
	(void)close(fd);
}

/* Which batch the byte is in, with what counts; n: none. */
static unsigned
batch_at(size_t at)
{
	for (unsigned i = 0; i < intact.n; i++)
		if (at >= intact.begins[i] && at < intact.used[i])
			return i;
	return intact.n;
}

static void
replay_it(struct replay *replay)
{
	log_begin();
	ck_assert_int_eq(shell_replay(replay), ERR_OK);
	log_end();
}

/* --- the ledger ----------------------------------------------------------- */

/* Batches that tell of message n: one for its admission, one for its end. */
static unsigned
admit_batch(unsigned n)
{
	return n - 1 + n / 2;
}

/* Batches from on, below to, are lost: nothing else is. */
static void
check_ledger(unsigned from, unsigned to)
{
	for (unsigned n = 1; n <= MESSAGES; n++) {
		unsigned batch = admit_batch(n);
		bool has_end =
		    n % 2 == 1 && (batch + 1 < from || batch + 1 >= to);
		bool is_known = batch < from || batch >= to;
		enum core_record want = CORE_RECORD_UNKNOWN;

		if (is_known)
			want = has_end ? CORE_RECORD_DONE : CORE_RECORD_LIVE;
		ck_assert_int_eq(core_record_state(core, SEGMENT, n), want);
	}
}

START_TEST(each_byte_of_a_ledger_is_flipped)
{
	struct replay replay;

	fill_ledger();
	journal_free(&journal);
	take(LEDGER_LOG, 1);
	ck_assert_uint_ge(intact.n, MESSAGES + MESSAGES / 2);
	for (size_t at = 0; at < intact.len; at++)
		for (unsigned i = 0; damage_mask(at, i) != 0; i++) {
			unsigned batch = batch_at(at);

			flip_byte(at, damage_mask(at, i));
			replay_it(&replay);
			check_ledger(
			    batch, batch == intact.n ? batch : batch + 1);
			/* The padding says nothing. */
			if (batch < intact.n || at < HEAD_BYTES)
				ck_assert_msg(
				    has_told("ledger_damaged", intact.name),
				    "byte %zu: %s", at, log_text);
			if (batch + 1 < intact.n)
				ck_assert(replay.is_damaged);
			flip_byte(at, 0);
		}
}
END_TEST

START_TEST(a_ledger_ends_at_each_byte)
{
	struct replay replay;

	fill_ledger();
	journal_free(&journal);
	take(LEDGER_LOG, 1);
	for (size_t at = intact.len; at-- > 0;) {
		unsigned whole = 0;

		cut_at(at);
		replay_it(&replay);
		/* A batch is its blocks. */
		while (whole < intact.n &&
		    (intact.used[whole] + LEDGER_BLOCK_BYTES - 1) /
		            LEDGER_BLOCK_BYTES * LEDGER_BLOCK_BYTES <=
		        at)
			whole++;
		check_ledger(whole, intact.n);
		/* What is cut at the border of a batch may never have been. */
		if (at < HEAD_BYTES)
			ck_assert(has_told("ledger_damaged", intact.name));
	}
	mend();
	replay_it(&replay);
	check_ledger(intact.n, intact.n);
	ck_assert(!replay.is_damaged && !replay.is_unbalanced);
}
END_TEST

/* --- checkpoints ---------------------------------------------------------- */

/* Two generations, and a ledger that goes on behind them. */
static void
fill_both(void)
{
	struct part_state state = state_of(MESSAGES + 1);

	fill_ledger();
	write_checkpoint(1);
	write_checkpoint(2);
	ck_assert_uint_eq(n_done, 2);
	ck_assert_int_eq(core_restore(core, &state), ERR_OK);
	shell_admit(state);
	shell_sync();
	journal_free(&journal);
	take(LEDGER_CHECKPOINT, 2);
}

/* All is known, by whatever was used. */
static void
check_all(const struct replay *replay, bool is_damaged)
{
	check_ledger(64, 64);
	ck_assert_int_eq(
	    core_record_state(core, SEGMENT, MESSAGES + 1), CORE_RECORD_LIVE);
	ck_assert(!replay->is_damaged && !replay->is_unbalanced);
	ck_assert_uint_ge(replay->next_checkpoint, 3);
	if (!is_damaged)
		return;
	ck_assert_uint_eq(replay->checkpoint, 1);
	ck_assert(has_told("checkpoint_passed_over", intact.name));
}

START_TEST(each_byte_of_a_checkpoint_is_flipped)
{
	struct replay replay;

	fill_both();
	for (size_t at = 0; at < intact.len; at++)
		for (unsigned i = 0; damage_mask(at, i) != 0; i++) {
			flip_byte(at, damage_mask(at, i));
			replay_it(&replay);
			check_all(&replay, batch_at(at) < intact.n);
			flip_byte(at, 0);
		}
}
END_TEST

START_TEST(a_checkpoint_ends_at_each_byte)
{
	struct replay replay;

	fill_both();
	for (size_t at = intact.len; at-- > 0;) {
		cut_at(at);
		replay_it(&replay);
		check_all(&replay, at < intact.used[intact.n - 1]);
	}
}
END_TEST

/* Both are damaged, in the same place: the ledger alone knows all. */
START_TEST(without_a_checkpoint_the_ledger_is_enough)
{
	struct replay replay;

	fill_both();
	cut_at(intact.len - LEDGER_BLOCK_BYTES);
	take(LEDGER_CHECKPOINT, 1);
	cut_at(intact.len - LEDGER_BLOCK_BYTES);
	replay_it(&replay);
	check_all(&replay, false);
	ck_assert_uint_eq(replay.checkpoint, 0);
	ck_assert(has_told("checkpoint_passed_over", "C0000000000000001"));
	ck_assert(has_told("checkpoint_passed_over", "C0000000000000002"));
}
END_TEST

/* --- files that are not what they seem ------------------------------------ */

static void
rename_to(const char *from, const char *to)
{
	ck_assert_int_eq(renameat(ledger_dir.fd, from, ledger_dir.fd, to), 0);
}

START_TEST(a_file_under_the_name_of_another_is_told_and_not_believed)
{
	static const char *const names[][2] = {
		{ "C0000000000000002", "L0000000000000000" },
		{ "L0000000000000002", "C0000000000000003" },
		{ "C0000000000000002", "C0000000000000003" },
		{ "C0000000000000001", "C0000000000000004" },
	};
	const char *const *name = names[_i];
	struct replay replay;

	fill_both();
	rename_to(name[0], name[1]);
	replay_it(&replay);
	check_ledger(64, 64);
	if (name[1][0] == 'C')
		ck_assert(has_told("checkpoint_passed_over", name[1]));
}
END_TEST

START_TEST(an_empty_file_is_told)
{
	struct replay replay;

	fill_both();
	cut_at(0);
	replay_it(&replay);
	check_all(&replay, true);
	take(LEDGER_LOG, 1);
	cut_at(0);
	ck_assert_int_eq(unlinkat(ledger_dir.fd, "C0000000000000001", 0), 0);
	replay_it(&replay);
	ck_assert(has_told("ledger_damaged", "L0000000000000001"));
	ck_assert(replay.is_damaged);
	ck_assert_uint_eq(shell_live(), 0);
}
END_TEST

START_TEST(a_directory_in_place_of_a_file_stops_the_start)
{
	static const char *const names[] = { "L0000000000000003",
		"C0000000000000009" };
	struct replay replay;

	fill_both();
	ck_assert_int_eq(mkdirat(ledger_dir.fd, names[_i], 0700), 0);
	log_begin();
	ck_assert_int_eq(shell_replay(&replay), ERR_IO);
	log_end();
	ck_assert_ptr_nonnull(strstr(log_text, names[_i]));
	ck_assert_int_eq(unlinkat(ledger_dir.fd, names[_i], AT_REMOVEDIR), 0);
}
END_TEST

START_TEST(names_that_are_not_ours_are_left_alone)
{
	static const char *const names[] = { "lost+found", "L1",
		"L000000000000000G", "C0000000000000001.tmp",
		".nfs000000000001", "l0000000000000001" };
	struct replay replay;

	fill_both();
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)close(openat(ledger_dir.fd, names[i],
		    O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	replay_it(&replay);
	check_all(&replay, false);
	ck_assert_str_eq(log_text, "");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ck_assert_int_eq(unlinkat(ledger_dir.fd, names[i], 0), 0);
}
END_TEST

static int
refuse_open(int dir_fd, const char *path, int flags, mode_t mode)
{
	int fd;

	if (strcmp(path, intact.name) == 0) {
		errno = EACCES;
		return -1;
	}
	fd = openat(dir_fd, path, flags, mode);
	return fd;
}

/* S6: nothing is concluded from what cannot be read. */
START_TEST(what_may_not_be_read_stops_the_start)
{
	int (*before)(int, const char *, int, mode_t) = sys.openat;
	struct replay replay;

	fill_both();
	sys.openat = refuse_open;
	log_begin();
	ck_assert_int_eq(shell_replay(&replay), ERR_IO);
	log_end();
	ck_assert_ptr_nonnull(strstr(log_text, intact.name));
	ck_assert_ptr_nonnull(strstr(log_text, "error=EACCES"));
	sys.openat = before;
	replay_it(&replay);
	check_all(&replay, false);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("qmgr_damage");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_set_timeout(tc, getenv("DAMAGE") == NULL ? 300 : 3600);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, each_byte_of_a_ledger_is_flipped);
	tcase_add_test(tc, a_ledger_ends_at_each_byte);
	tcase_add_test(tc, each_byte_of_a_checkpoint_is_flipped);
	tcase_add_test(tc, a_checkpoint_ends_at_each_byte);
	tcase_add_test(tc, without_a_checkpoint_the_ledger_is_enough);
	tcase_add_loop_test(tc,
	    a_file_under_the_name_of_another_is_told_and_not_believed, 0, 4);
	tcase_add_test(tc, an_empty_file_is_told);
	tcase_add_loop_test(
	    tc, a_directory_in_place_of_a_file_stops_the_start, 0, 2);
	tcase_add_test(tc, names_that_are_not_ours_are_left_alone);
	tcase_add_test(tc, what_may_not_be_read_stops_the_start);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
