/* SPDX-License-Identifier: BSD-2-Clause */
/* test_quarantine: damaged bytes are set aside once, with the reason. */
#include "util/spool/quarantine.h"

#include <check.h>

#include "tests/lib/spool.h"
#include "util/io/sys.h"

static struct spool_dir dir;
static struct quarantine q;
static char damaged[100000];

static void
set_up(void)
{
	for (size_t i = 0; i < sizeof(damaged); i++)
		damaged[i] = (char)(i * 31 + i / 256);
	spool_dir_init(&dir);
	q = (struct quarantine){ .dir_fd = dir.fd,
		.fd = spool_memfd((struct str){ damaged, sizeof(damaged) }),
		.name = "0000000000001234",
		.offset = 4096,
		.bytes = 50000,
		.why = STR("wrong CRC") };
}

static void
tear_down(void)
{
	ck_assert_int_eq(sys_fault_init(""), ERR_OK);
	(void)close(q.fd);
	spool_dir_fini(&dir);
}

static size_t
slurp(const char *name, char *p, size_t n)
{
	int fd = openat(dir.fd, name, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	ck_assert_int_ge(fd, 0);
	got = pread(fd, p, n, 0);
	ck_assert_int_ge(got, 0);
	(void)close(fd);
	return (size_t)got;
}

START_TEST(bytes_and_reason_are_set_aside_once)
{
	static char back[sizeof(damaged)];

	ck_assert_int_eq(quarantine_copy(&q), ERR_OK);
	ck_assert_uint_eq(
	    slurp("0000000000001234-0000000000001000", back, sizeof(back)),
	    50000);
	ck_assert_mem_eq(back, damaged + 4096, 50000);
	ck_assert_uint_eq(
	    slurp("0000000000001234-0000000000001000.why", back, sizeof(back)),
	    10);
	ck_assert_mem_eq(back, "wrong CRC\n", 10);
	ck_assert_int_eq(quarantine_copy(&q), ERR_EXISTS);
	ck_assert_uint_eq(spool_dir_visit(&dir, false), 2);
}
END_TEST

START_TEST(a_range_ends_with_the_file)
{
	static char back[sizeof(damaged)];

	q.offset = 0;
	q.bytes = UINT64_MAX;
	ck_assert_int_eq(quarantine_copy(&q), ERR_OK);
	ck_assert_uint_eq(
	    slurp("0000000000001234-0000000000000000", back, sizeof(back)),
	    sizeof(damaged));
	ck_assert_mem_eq(back, damaged, sizeof(damaged));
}
END_TEST

static const struct {
	const char *fault;
	enum err want;
} faults[] = {
	{ "openat:1:EMFILE", ERR_IO },
	{ "pwritev:1:ENOSPC", ERR_FULL },
	{ "fsync:1:EIO", ERR_IO },
	{ "openat:2:EMFILE", ERR_IO },
	{ "pread:2:EIO", ERR_IO },
	{ "pwritev:4:EIO", ERR_IO },
	{ "linkat:2:ENOSPC", ERR_FULL },
};

START_TEST(no_copy_appears_before_it_is_whole)
{
	ck_assert_int_eq(sys_fault_init(faults[_i].fault), ERR_OK);
	ck_assert_int_eq(quarantine_copy(&q), faults[_i].want);
	ck_assert_int_ne(
	    faccessat(dir.fd, "0000000000001234-0000000000001000", F_OK, 0), 0);
	ck_assert_int_eq(sys_fault_init(""), ERR_OK);
	ck_assert_int_eq(quarantine_copy(&q), ERR_OK);
	ck_assert_uint_eq(spool_dir_visit(&dir, false), 2);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("quarantine");
	TCase *tc = tcase_create("quarantine");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, bytes_and_reason_are_set_aside_once);
	tcase_add_test(tc, a_range_ends_with_the_file);
	tcase_add_loop_test(tc, no_copy_appears_before_it_is_whole, 0,
	    (int)(sizeof(faults) / sizeof(faults[0])));
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
