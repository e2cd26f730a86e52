/* SPDX-License-Identifier: BSD-2-Clause */
/* test_footer: sealing writes what reading takes for a seal, or fails. */
#include "util/spool/footer.h"

#include <check.h>

#include "tests/lib/spool.h"
#include "util/io/sys.h"
#include "util/spool/segread.h"

#define ENTRIES 600 /* more than one write takes */

static const struct segment_head head = { .number = 5, .salt = 6 };
static struct segment_entry entries[ENTRIES];

static int
make_file(void)
{
	int fd = spool_memfd(STR(""));

	for (uint32_t i = 0; i < ENTRIES; i++)
		entries[i] =
		    (struct segment_entry){ .block = i + 1, .blocks = 1 };
	ck_assert_int_eq(ftruncate(fd, 64 << 20), 0);
	return fd;
}

START_TEST(a_sealed_file_ends_with_its_footer)
{
	struct footer footer = { entries, (uint32_t)_i, ENTRIES + 1 };
	struct segment_trailer trailer;
	struct stat st;
	int fd = make_file();

	ck_assert_int_eq(segread_is_sealed(fd, &head, &trailer), ERR_NOTFOUND);
	ck_assert_int_eq(footer_write(fd, &head, &footer), ERR_OK);
	ck_assert_int_eq(segread_is_sealed(fd, &head, &trailer), ERR_OK);
	ck_assert_uint_eq(trailer.n, (unsigned)_i);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(st.st_size, (ENTRIES + 1) * 4096 + _i * 32 + 64);
	(void)close(fd);
}
END_TEST

START_TEST(entries_that_overlap_are_no_footer)
{
	struct footer footer = { entries, 3, 4 };
	int fd = make_file();

	entries[1].blocks = 2;
	ck_assert_int_eq(footer_write(fd, &head, &footer), ERR_OK);
	ck_assert_int_eq(segread_is_sealed(fd, &head, NULL), ERR_SYNTAX);
	entries[1].blocks = 0;
	ck_assert_int_eq(footer_write(fd, &head, &footer), ERR_OK);
	ck_assert_int_eq(segread_is_sealed(fd, &head, NULL), ERR_SYNTAX);
	entries[1].blocks = 1;
	entries[2].blocks = 2; /* runs into the footer */
	ck_assert_int_eq(footer_write(fd, &head, &footer), ERR_OK);
	ck_assert_int_eq(segread_is_sealed(fd, &head, NULL), ERR_SYNTAX);
	entries[2].blocks = 1;
	ck_assert_int_eq(footer_write(fd, &head, &footer), ERR_OK);
	ck_assert_int_eq(segread_is_sealed(fd, &head, NULL), ERR_OK);
	(void)close(fd);
}
END_TEST

static const struct {
	const char *fault;
	enum err want;
} faults[] = {
	{ "ftruncate:1:EIO", ERR_IO },
	{ "pwritev:1:ENOSPC", ERR_FULL },
	{ "pwritev:2:EIO", ERR_IO },
	{ "pwritev:4:EIO", ERR_IO },
	{ "fsync:1:EIO", ERR_IO },
	{ "pwritev:1:short", ERR_OK },
};

START_TEST(each_failing_call_is_reported)
{
	struct footer footer = { entries, ENTRIES, ENTRIES + 1 };
	int fd = make_file();

	ck_assert_int_eq(sys_fault_init(faults[_i].fault), ERR_OK);
	ck_assert_int_eq(footer_write(fd, &head, &footer), faults[_i].want);
	ck_assert_int_eq(sys_fault_init(""), ERR_OK);
	(void)close(fd);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("footer");
	TCase *tc = tcase_create("footer");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tc, a_sealed_file_ends_with_its_footer, 0, 2);
	tcase_add_loop_test(
	    tc, a_sealed_file_ends_with_its_footer, ENTRIES, ENTRIES + 1);
	tcase_add_test(tc, entries_that_overlap_are_no_footer);
	tcase_add_loop_test(tc, each_failing_call_is_reported, 0,
	    (int)(sizeof(faults) / sizeof(faults[0])));
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
