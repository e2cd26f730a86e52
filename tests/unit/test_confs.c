/* SPDX-License-Identifier: BSD-2-Clause */
/* test_confs: what is held lives, what is not goes, and there is a bound. */
#include "util/svc/confs.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <check.h>

#include "util/conf/snapshot.h"

/* A memfd with the snapshot of text. */
static int
make_fd(const char *text)
{
	struct conf_snapshot snapshot;
	int fd = memfd_create("conf", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	conf_snapshot_of_text(&snapshot, "test.conf", str_from_c(text));
	ck_assert_int_eq(write(fd, snapshot.blob.ptr, snapshot.blob.len),
	    (ssize_t)snapshot.blob.len);
	conf_snapshot_fini(&snapshot);
	return fd;
}

static struct conf *
make_conf(void)
{
	char bytes[256];
	struct outbuf text = { bytes, 0, sizeof(bytes) };
	int fd = make_fd("node = \"n\" state_dir = \"/tmp\"\n"
	                 "listener \"in\" { address = { \"127.0.0.1:1\" } }\n"
	                 "route \"*\" { relay = { \"127.0.0.1:2\" } }\n");
	struct conf *conf = NULL;

	ck_assert_int_eq(confs_read(fd, &conf, &text), ERR_OK);
	ck_assert_uint_eq(text.len, 0);
	ck_assert_int_eq(close(fd), 0);
	return conf;
}

START_TEST(a_snapshot_with_errors_says_which)
{
	char bytes[1024];
	struct outbuf text = { bytes, 0, sizeof(bytes) };
	int fd = make_fd("node = 1\nnonsense = 2\n");
	struct conf *conf = NULL;

	ck_assert_int_eq(confs_read(fd, &conf, &text), ERR_SYNTAX);
	ck_assert_ptr_null(conf);
	ck_assert_ptr_nonnull(memmem(bytes, text.len, "test.conf:2", 11));
	ck_assert_int_eq(close(fd), 0);
	text.len = 0;
	ck_assert_int_eq(confs_read(-1, &conf, &text), ERR_IO);
	ck_assert_uint_gt(text.len, 0);
}
END_TEST

START_TEST(one_that_nobody_holds_goes_at_the_next_sweep)
{
	struct confs confs;

	confs_init(&confs);
	confs_put(&confs, make_conf());
	confs_put(&confs, make_conf());
	ck_assert_ptr_nonnull(confs.items[0].conf);
	ck_assert_ptr_eq(confs_current(&confs), confs.items[1].conf);
	confs_sweep(&confs);
	ck_assert_ptr_null(confs.items[0].conf);
	ck_assert_ptr_nonnull(confs_current(&confs));
	confs_fini(&confs);
}
END_TEST

START_TEST(one_that_is_held_goes_with_its_last_holder)
{
	const struct conf *held;
	struct confs confs;

	confs_init(&confs);
	confs_put(&confs, make_conf());
	held = confs_hold(&confs);
	ck_assert_ptr_eq(confs_hold(&confs), held);
	confs_put(&confs, make_conf());
	confs_sweep(&confs);
	ck_assert_ptr_eq(confs.items[0].conf, held);
	confs_drop(&confs, held);
	ck_assert_ptr_eq(confs.items[0].conf, held);
	confs_drop(&confs, held);
	ck_assert_ptr_null(confs.items[0].conf);
	confs_fini(&confs);
}
END_TEST

START_TEST(the_one_in_force_stays_when_it_is_dropped)
{
	struct confs confs;

	confs_init(&confs);
	confs_put(&confs, make_conf());
	confs_drop(&confs, confs_hold(&confs));
	ck_assert_ptr_nonnull(confs_current(&confs));
	confs_sweep(&confs);
	ck_assert_ptr_nonnull(confs_current(&confs));
	confs_fini(&confs);
}
END_TEST

START_TEST(the_last_place_is_used_and_then_there_is_no_room)
{
	struct confs confs;
	int i;

	confs_init(&confs);
	for (i = 0; i < SVC_CONFS_MAX; i++) {
		ck_assert(confs_has_room(&confs));
		confs_put(&confs, make_conf());
		(void)confs_hold(&confs);
	}
	ck_assert(!confs_has_room(&confs));
	confs_drop(&confs, confs.items[3].conf);
	ck_assert(confs_has_room(&confs));
	confs_fini(&confs);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("confs");
	TCase *tc = tcase_create("confs");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, a_snapshot_with_errors_says_which);
	tcase_add_test(tc, one_that_nobody_holds_goes_at_the_next_sweep);
	tcase_add_test(tc, one_that_is_held_goes_with_its_last_holder);
	tcase_add_test(tc, the_one_in_force_stays_when_it_is_dropped);
	tcase_add_test(tc, the_last_place_is_used_and_then_there_is_no_room);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
