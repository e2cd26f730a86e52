/* SPDX-License-Identifier: BSD-2-Clause */
/* test_disk: short and failing calls, and files that appear complete. */
#include "util/spool/disk.h"

#include <errno.h>
#include <sys/file.h>

#include <check.h>

#include "tests/lib/spool.h"
#include "util/io/sys.h"

static void
arm(const char *spec)
{
	ck_assert_int_eq(sys_fault_init(spec), ERR_OK);
}

START_TEST(a_write_goes_on_after_short_and_interrupted_calls)
{
	int fd = spool_memfd(STR(""));
	char back[10];
	struct iovec iov[] = { { (char[]){ "abc" }, 3 }, { NULL, 0 },
		{ (char[]){ "defg" }, 4 }, { (char[]){ "hij" }, 3 } };

	arm("pwritev:1:short,pwritev:2:EINTR,pwritev:3:short");
	ck_assert_int_eq(disk_writev(fd, iov, 4, 5), ERR_OK);
	arm("");
	ck_assert_int_eq(pread(fd, back, sizeof(back), 5), 10);
	ck_assert_mem_eq(back, "abcdefghij", 10);
	(void)close(fd);
}
END_TEST

START_TEST(a_full_disk_is_told_from_a_broken_one)
{
	int fd = spool_memfd(STR(""));

	arm("pwritev:1:ENOSPC,pwritev:2:EDQUOT,pwritev:3:EIO");
	ck_assert_int_eq(disk_write(fd, "a", 1, 0), ERR_FULL);
	ck_assert_int_eq(disk_write(fd, "a", 1, 0), ERR_FULL);
	ck_assert_int_eq(disk_write(fd, "a", 1, 0), ERR_IO);
	ck_assert_int_eq(errno, EIO);
	arm("");
	ck_assert_int_eq(disk_write(fd, "a", 1, 0), ERR_OK);
	ck_assert_int_eq(disk_write(fd, "", 0, 0), ERR_OK);
	(void)close(fd);
}
END_TEST

START_TEST(a_read_ends_at_the_end_of_the_file)
{
	int fd = spool_memfd(STR("hello"));
	char p[8];
	size_t got;

	arm("pread:1:short,pread:2:EINTR");
	ck_assert_int_eq(disk_read(fd, p, 5, 0, &got), ERR_OK);
	ck_assert_uint_eq(got, 5);
	ck_assert_mem_eq(p, "hello", 5);
	ck_assert_int_eq(disk_read(fd, p, 8, 3, &got), ERR_OK);
	ck_assert_uint_eq(got, 2);
	ck_assert_int_eq(disk_read(fd, p, 8, 99, &got), ERR_OK);
	ck_assert_uint_eq(got, 0);
	arm("pread:1:EIO");
	ck_assert_int_eq(disk_read(fd, p, 5, 0, &got), ERR_IO);
	arm("");
	(void)close(fd);
}
END_TEST

/* With and without O_TMPFILE. */
static const char *const ways[] = { "", "openat:1:EOPNOTSUPP" };

START_TEST(a_file_gets_its_name_at_the_end_and_is_locked_before)
{
	struct spool_dir d;
	struct disk_file f;
	int other;

	spool_dir_init(&d);
	arm(ways[_i]);
	ck_assert_int_eq(disk_file_create(&f, d.fd, "name"), ERR_OK);
	arm("");
	ck_assert_int_ne(faccessat(d.fd, "name", F_OK, 0), 0);
	ck_assert_int_eq(disk_write(f.fd, "x", 1, 0), ERR_OK);
	ck_assert_int_eq(disk_file_link(&f, "name"), ERR_OK);
	ck_assert_uint_eq(spool_dir_visit(&d, false), 1);
	other = openat(d.fd, "name", O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(other, 0);
	ck_assert_int_ne(flock(other, LOCK_EX | LOCK_NB), 0);
	disk_file_fini(&f);
	ck_assert_int_eq(flock(other, LOCK_EX | LOCK_NB), 0);
	(void)close(other);
	spool_dir_fini(&d);
}
END_TEST

START_TEST(a_name_is_never_taken_from_another_file)
{
	struct spool_dir d;
	struct disk_file f;
	struct stat st;

	spool_dir_init(&d);
	arm(ways[_i]);
	ck_assert_int_eq(mknodat(d.fd, "name", S_IFREG | 0600, 0), 0);
	ck_assert_int_eq(disk_file_create(&f, d.fd, "name"), ERR_OK);
	ck_assert_int_eq(disk_write(f.fd, "x", 1, 0), ERR_OK);
	ck_assert_int_eq(disk_file_link(&f, "name"), ERR_EXISTS);
	ck_assert_int_eq(fstatat(d.fd, "name", &st, 0), 0);
	ck_assert_int_eq(st.st_size, 0);
	ck_assert_int_eq(disk_file_link(&f, "name2"), ERR_OK);
	disk_file_fini(&f);
	ck_assert_uint_eq(spool_dir_visit(&d, false), 2);
	spool_dir_fini(&d);
}
END_TEST

START_TEST(a_file_without_a_name_is_gone_when_closed)
{
	struct spool_dir d;
	struct disk_file f;

	spool_dir_init(&d);
	arm(ways[_i]);
	ck_assert_int_eq(disk_file_create(&f, d.fd, "name"), ERR_OK);
	disk_file_fini(&f);
	ck_assert_uint_eq(spool_dir_visit(&d, false), 0);
	ck_assert_int_eq(f.fd, -1);
	spool_dir_fini(&d);
}
END_TEST

START_TEST(it_is_known_whether_files_need_names)
{
	struct spool_dir d;

	spool_dir_init(&d);
	arm("openat:2:EOPNOTSUPP,openat:3:EMFILE");
	ck_assert(!disk_needs_names(d.fd));
	ck_assert(disk_needs_names(d.fd));
	ck_assert(!disk_needs_names(d.fd));
	arm("");
	ck_assert_uint_eq(spool_dir_visit(&d, false), 0);
	spool_dir_fini(&d);
}
END_TEST

static const struct {
	const char *fault;
	enum err create, link;
} faults[] = {
	{ "openat:1:EMFILE", ERR_IO, ERR_OK },
	{ "openat:1:ENOSPC", ERR_FULL, ERR_OK },
	{ "openat:1:EISDIR,openat:2:EROFS", ERR_IO, ERR_OK },
	{ "flock:1:EAGAIN", ERR_IO, ERR_OK }, { "fsync:1:EIO", ERR_OK, ERR_IO },
	{ "linkat:1:ENOSPC", ERR_OK, ERR_FULL },
	{ "linkat:1:EACCES", ERR_OK, ERR_IO },
	{ "fsync:2:EIO", ERR_OK, ERR_IO }, /* of the directory */
};

START_TEST(each_failing_call_is_reported)
{
	struct spool_dir d;
	struct disk_file f;
	enum err err;

	spool_dir_init(&d);
	arm(faults[_i].fault);
	err = disk_file_create(&f, d.fd, "name");
	ck_assert_int_eq(err, faults[_i].create);
	if (err == ERR_OK)
		ck_assert_int_eq(disk_file_link(&f, "name"), faults[_i].link);
	arm("");
	disk_file_fini(&f);
	ck_assert_int_ne(faccessat(d.fd, ".name.new", F_OK, 0), 0);
	spool_dir_fini(&d);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("disk");
	TCase *tc = tcase_create("disk");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, a_write_goes_on_after_short_and_interrupted_calls);
	tcase_add_test(tc, a_full_disk_is_told_from_a_broken_one);
	tcase_add_test(tc, a_read_ends_at_the_end_of_the_file);
	tcase_add_test(tc, it_is_known_whether_files_need_names);
	tcase_add_loop_test(
	    tc, a_file_gets_its_name_at_the_end_and_is_locked_before, 0, 2);
	tcase_add_loop_test(tc, a_name_is_never_taken_from_another_file, 0, 2);
	tcase_add_loop_test(
	    tc, a_file_without_a_name_is_gone_when_closed, 0, 2);
	tcase_add_loop_test(tc, each_failing_call_is_reported, 0,
	    (int)(sizeof(faults) / sizeof(faults[0])));
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
