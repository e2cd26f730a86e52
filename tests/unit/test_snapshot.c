/* SPDX-License-Identifier: BSD-2-Clause */
/* test_snapshot: files to a blob, and what can be had out of it. */
#include "util/conf/snapshot.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

#define PATH_BYTES 128

static char dir[] = "/tmp/test_snapshot.XXXXXX";
static struct conf_snapshot snapshot;

static void
enter(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
}

static void
leave(void)
{
	static const char *const names[] = { "a.conf", "b.conf", "fifo",
		"sub/c" };

	conf_snapshot_fini(&snapshot);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlink(names[i]);
	(void)rmdir("sub");
	ck_assert_int_eq(rmdir(dir), 0);
}

static void
write_file(const char *name, const char *text)
{
	FILE *fp = fopen(name, "w");

	ck_assert_ptr_nonnull(fp);
	ck_assert_int_ge(fputs(text, fp), 0);
	ck_assert_int_eq(fclose(fp), 0);
}

/* What the snapshot says of a file: its text, or the reason. */
static struct str
get(const char *name, enum err want)
{
	struct conf_source source = conf_snapshot_source(&snapshot.blob);
	struct str text = STR("");

	ck_assert_int_eq(source.get(source.arg, str_from_c(name), &text), want);
	return text;
}

static void
assert_text(const char *name, const char *want)
{
	ck_assert(str_eq(get(name, ERR_OK), str_from_c(want)));
}

static void
assert_reason(const char *name, const char *want)
{
	ck_assert(str_eq(get(name, ERR_NOTFOUND), str_from_c(want)));
}

START_TEST(files_and_their_includes_are_taken)
{
	struct str name;

	ck_assert_int_eq(mkdir("sub", 0700), 0);
	write_file("a.conf", "include \"b.conf\"\ninclude \"sub/c\"");
	write_file("b.conf", "");
	write_file("sub/c", "x = \"1\"");
	conf_snapshot_read(&snapshot, "a.conf");
	write_file("sub/c", "changed");
	ck_assert_int_eq(conf_snapshot_main(snapshot.blob, &name), ERR_OK);
	ck_assert(str_eq(name, STR("a.conf")));
	assert_text("a.conf", "include \"b.conf\"\ninclude \"sub/c\"");
	assert_text("b.conf", "");
	assert_text("sub/c", "x = \"1\"");
	assert_reason("d", "it is not in the snapshot");
}
END_TEST

START_TEST(what_cannot_be_read_is_there_with_its_reason)
{
	write_file("a.conf", "include \"none\" include \"fifo\" include \"/\"");
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	conf_snapshot_read(&snapshot, "a.conf");
	assert_reason("none", "No such file or directory");
	assert_reason("fifo", "it is no regular file");
	assert_reason("/", "it is no regular file");
}
END_TEST

START_TEST(missing_main_file_is_a_snapshot_as_well)
{
	struct str name;

	conf_snapshot_read(&snapshot, "a.conf");
	ck_assert_int_eq(conf_snapshot_main(snapshot.blob, &name), ERR_OK);
	ck_assert(str_eq(name, STR("a.conf")));
	assert_reason("a.conf", "No such file or directory");
}
END_TEST

START_TEST(size_of_all_files_is_bounded)
{
	write_file("a.conf", "include \"b.conf\"");
	write_file("b.conf", "");
	/* Sparse: nothing is written. The two together are at the bound. */
	ck_assert_int_eq(truncate("b.conf", CONF_SNAPSHOT_MAX_BYTES - 16), 0);
	conf_snapshot_read(&snapshot, "a.conf");
	ck_assert_uint_eq(
	    get("b.conf", ERR_OK).len, CONF_SNAPSHOT_MAX_BYTES - 16);
	conf_snapshot_fini(&snapshot);
	ck_assert_int_eq(truncate("b.conf", CONF_SNAPSHOT_MAX_BYTES - 15), 0);
	conf_snapshot_read(&snapshot, "a.conf");
	assert_reason("b.conf", "all files together are larger than 16 MiB");
}
END_TEST

START_TEST(text_can_stand_for_a_file)
{
	conf_snapshot_of_text(&snapshot, "memory", STR("a = 1"));
	assert_text("memory", "a = 1");
}
END_TEST

/* Every beginning of a blob is refused or lacks a file, and no byte behind it
 * is read. */
START_TEST(cut_blob_is_no_snapshot)
{
	struct str name, text;
	struct conf_source source;
	char *copy;

	conf_snapshot_of_text(&snapshot, "memory", STR("a = 1"));
	for (size_t n = 0; n < snapshot.blob.len; n++) {
		struct str cut = { NULL, n };

		copy = malloc(n + 1);
		ck_assert_ptr_nonnull(copy);
		memcpy(copy, snapshot.blob.ptr, n);
		cut.ptr = copy;
		source = conf_snapshot_source(&cut);
		ck_assert_int_eq(conf_snapshot_main(cut, &name), ERR_SYNTAX);
		ck_assert_int_eq(
		    source.get(source.arg, STR("memory"), &text), ERR_NOTFOUND);
		free(copy);
	}
}
END_TEST

START_TEST(alien_bytes_are_no_snapshot)
{
	struct str name;

	ck_assert_int_eq(
	    conf_snapshot_main(STR("HFCONF2\n123456789012"), &name),
	    ERR_SYNTAX);
	ck_assert_int_eq(
	    conf_snapshot_main(
	        STR("HFCONF1\n\xff\xff\xff\xff\0\0\0\0\0x"), &name),
	    ERR_SYNTAX);
	ck_assert_int_eq(
	    conf_snapshot_main(STR("HFCONF1\n\2\0\0\0\0\0\0\0\0a\0"), &name),
	    ERR_SYNTAX);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("snapshot");
	TCase *tc = tcase_create("snapshot");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, enter, leave);
	tcase_add_test(tc, files_and_their_includes_are_taken);
	tcase_add_test(tc, what_cannot_be_read_is_there_with_its_reason);
	tcase_add_test(tc, missing_main_file_is_a_snapshot_as_well);
	tcase_add_test(tc, size_of_all_files_is_bounded);
	tcase_add_test(tc, text_can_stand_for_a_file);
	tcase_add_test(tc, cut_blob_is_no_snapshot);
	tcase_add_test(tc, alien_bytes_are_no_snapshot);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
