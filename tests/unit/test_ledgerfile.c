/* SPDX-License-Identifier: BSD-2-Clause */
/* test_ledgerfile: files of the ledger are born, filled, and fail. */
#include "util/spool/ledgerfile.h"

#include <check.h>

#include "tests/lib/ledger.h"
#include "tests/lib/spool.h"
#include "util/io/sys.h"
#include "util/spool/ledgerread.h"

static struct spool_dir dir;
static struct ledger_space space;
static const struct ledger_head head = {
	.number = 3, .created_ms = 1700000000000, .kind = LEDGER_LOG
};
static const struct ledger_head checkpoint = {
	.number = 3, .created_ms = 1700000000000, .kind = LEDGER_CHECKPOINT
};

static void
arm(const char *spec)
{
	ck_assert_int_eq(sys_fault_init(spec), ERR_OK);
}

static void
set_up(void)
{
	spool_dir_init(&dir);
}

static void
tear_down(void)
{
	arm("");
	spool_dir_fini(&dir);
}

static struct outbuf *
make_batch(uint64_t seq)
{
	ledger_space_init(&space, seq);
	ledger_space_fill(&space, 5);
	ledger_batch_close(&space.batch);
	return &space.batch.out;
}

static unsigned
count_entries(const char *name)
{
	struct ledgerread *r;
	struct ledgerread_item item = { .kind = LEDGERREAD_ENTRY };
	unsigned n = 0;
	int fd = openat(dir.fd, name, O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ledgerread_new(&r, fd, LEDGERREAD_ALL), ERR_OK);
	while (item.kind != LEDGERREAD_END) {
		ck_assert_int_eq(ledgerread_next(r, &item), ERR_OK);
		ck_assert_int_ne(item.kind, LEDGERREAD_GAP);
		n += item.kind == LEDGERREAD_ENTRY;
	}
	ledgerread_free(&r);
	(void)close(fd);
	return n;
}

START_TEST(a_ledger_file_is_allocated_named_and_filled)
{
	struct ledgerfile *f;
	struct ledger_pos pos;
	struct stat st;

	ck_assert_int_eq(ledgerfile_create(&f, dir.fd, &head), ERR_OK);
	ck_assert_uint_eq(spool_dir_visit(&dir, false), 0);
	ck_assert_int_eq(ledgerfile_publish(f), ERR_OK);
	ck_assert_int_eq(fstatat(dir.fd, "L0000000000000003", &st, 0), 0);
	ck_assert_int_eq(st.st_size, LEDGER_FILE_BYTES);
	pos = ledgerfile_get_pos(f);
	ck_assert_uint_eq(pos.file, 3);
	ck_assert_uint_eq(pos.offset, 512);
	ck_assert_uint_eq(ledgerfile_room_bytes(f), LEDGER_FILE_BYTES - 512);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(
		    ledgerfile_append(f, make_batch(1 + (uint64_t)i * 6)),
		    ERR_OK);
	ck_assert_int_eq(ledgerfile_sync(f), ERR_OK);
	pos = ledgerfile_get_pos(f);
	ck_assert_uint_eq(pos.offset, 512 + 3 * space.batch.out.len);
	ck_assert_uint_ne(ledgerfile_get_head(f)->salt, 0);
	ledgerfile_free(&f);
	ck_assert_uint_eq(count_entries("L0000000000000003"), 18);
}
END_TEST

START_TEST(a_checkpoint_appears_when_it_is_complete)
{
	struct ledgerfile *f;

	ck_assert_int_eq(ledgerfile_create(&f, dir.fd, &checkpoint), ERR_OK);
	ck_assert_uint_eq(ledgerfile_room_bytes(f), UINT64_MAX);
	ck_assert_int_eq(ledgerfile_append(f, make_batch(1)), ERR_OK);
	ck_assert_int_eq(ledgerfile_sync(f), ERR_OK);
	ck_assert_uint_eq(spool_dir_visit(&dir, false), 0);
	ck_assert_int_eq(ledgerfile_publish(f), ERR_OK);
	ledgerfile_free(&f);
	ck_assert_uint_eq(count_entries("C0000000000000003"), 6);
	/* One that is given up is gone. */
	ck_assert_int_eq(ledgerfile_create(&f, dir.fd, &checkpoint), ERR_OK);
	ck_assert_int_eq(ledgerfile_publish(f), ERR_EXISTS);
	ledgerfile_free(&f);
	ck_assert_uint_eq(spool_dir_visit(&dir, false), 1);
}
END_TEST

static const struct {
	const char *fault;
	enum err create, publish, append, sync;
} faults[] = {
	{ "openat:1:EMFILE", ERR_IO, ERR_OK, ERR_OK, ERR_OK },
	{ "fallocate:1:ENOSPC", ERR_FULL, ERR_OK, ERR_OK, ERR_OK },
	{ "fallocate:1:EOPNOTSUPP", ERR_OK, ERR_OK, ERR_OK, ERR_OK },
	{ "pwritev:1:EIO", ERR_IO, ERR_OK, ERR_OK, ERR_OK },
	{ "fsync:1:EIO", ERR_OK, ERR_IO, ERR_OK, ERR_OK },
	{ "linkat:1:ENOSPC", ERR_OK, ERR_FULL, ERR_OK, ERR_OK },
	{ "fsync:2:EIO", ERR_OK, ERR_IO, ERR_OK, ERR_OK },
	{ "pwritev:2:ENOSPC", ERR_OK, ERR_OK, ERR_FULL, ERR_OK },
	{ "pwritev:2:short,pwritev:3:EIO", ERR_OK, ERR_OK, ERR_IO, ERR_OK },
	{ "pwritev:2:short", ERR_OK, ERR_OK, ERR_OK, ERR_OK },
	{ "fdatasync:1:EIO", ERR_OK, ERR_OK, ERR_OK, ERR_IO },
};

START_TEST(each_failing_call_is_reported)
{
	struct ledgerfile *f;
	enum err err;

	arm(faults[_i].fault);
	err = ledgerfile_create(&f, dir.fd, &head);
	ck_assert_int_eq(err, faults[_i].create);
	ck_assert_int_eq(f != NULL, err == ERR_OK);
	if (err == ERR_OK) {
		err = ledgerfile_publish(f);
		ck_assert_int_eq(err, faults[_i].publish);
	}
	if (err == ERR_OK) {
		err = ledgerfile_append(f, make_batch(1));
		ck_assert_int_eq(err, faults[_i].append);
	}
	if (err == ERR_OK)
		ck_assert_int_eq(ledgerfile_sync(f), faults[_i].sync);
	ledgerfile_free(&f);
	ck_assert_ptr_null(f);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("ledgerfile");
	TCase *tc = tcase_create("ledgerfile");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, a_ledger_file_is_allocated_named_and_filled);
	tcase_add_test(tc, a_checkpoint_appears_when_it_is_complete);
	tcase_add_loop_test(tc, each_failing_call_is_reported, 0,
	    (int)(sizeof(faults) / sizeof(faults[0])));
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
