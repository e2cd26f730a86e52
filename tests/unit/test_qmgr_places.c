/* SPDX-License-Identifier: BSD-2-Clause */
/* test_qmgr_places: descriptors of segments for leases. */
#include <errno.h>
#include <stdlib.h>

#include "qmgr/store.h"
#include "tests/lib/shellstore.h"
#include "util/spool/segread.h"

struct wish {
	struct store_open open;
	enum err err;
	bool is_told;
};

static struct wish wishes[3];

static void
on_open(struct store_open *open, enum err err)
{
	struct wish *w = (struct wish *)open;

	ck_assert(!w->is_told);
	w->is_told = true;
	w->err = err;
}

static void
want(unsigned i, uint64_t segment)
{
	wishes[i] = (struct wish){
		.open = { .segment = segment, .done = on_open },
	};
	store_want(store, &wishes[i].open);
}

static bool
is_all_told(void)
{
	return wishes[0].is_told && wishes[1].is_told && wishes[2].is_told;
}

START_TEST(a_descriptor_is_opened_once_and_kept)
{
	uint64_t number = make(&deferred_dir, 1, true);
	struct segment_head head;

	shell_store_new();
	want(0, number);
	want(1, number);
	want(2, 4711); /* no such segment */
	ck_assert(!wishes[0].is_told);
	await(is_all_told);
	ck_assert_int_eq(wishes[0].err, ERR_OK);
	ck_assert_int_eq(wishes[1].err, ERR_OK);
	ck_assert_int_eq(wishes[2].err, ERR_NOTFOUND);
	ck_assert_int_eq(wishes[0].open.fd, wishes[1].open.fd);
	ck_assert_uint_eq(wishes[0].open.place, wishes[1].open.place);
	ck_assert_uint_ne(wishes[0].open.generation, 0);
	ck_assert_int_eq(segread_head(wishes[0].open.fd, &head), ERR_OK);
	ck_assert_uint_eq(head.number, number);
	/* Read-only: it goes to workers. */
	ck_assert_int_eq(
	    fcntl(wishes[0].open.fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	store_drop(store, wishes[0].open.place);
	store_drop(store, wishes[1].open.place);
	/* It is still there: at once. */
	want(2, number);
	ck_assert(wishes[2].is_told);
	ck_assert_uint_eq(wishes[2].open.generation, wishes[0].open.generation);
	store_drop(store, wishes[2].open.place);
}
END_TEST

START_TEST(a_malformed_segment_gives_no_descriptor)
{
	uint64_t number = make(&deferred_dir, 1, true);

	flip(&deferred_dir, number, 3);
	flip(&deferred_dir, number, SEGMENT_COPY_AT + 3);
	shell_store_new();
	for (unsigned i = 0; i < 3; i++)
		want(i, number);
	await(is_all_told);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(wishes[i].err, ERR_SYNTAX);
}
END_TEST

static struct wish many[STORE_PLACES + 2];

static bool
is_first_told(void)
{
	for (unsigned i = 0; i < STORE_PLACES; i++)
		if (!many[i].is_told)
			return false;
	return true;
}

static bool
is_next_told(void)
{
	return many[STORE_PLACES].is_told;
}

/* A segment without records; not synced, for there are many. */
static uint64_t
make_empty(unsigned i)
{
	struct segment_head head = { .number = 4711 + i, .salt = i };
	char name[SEGNAME_BYTES + 1];
	uint8_t p[BLOCK] = { 0 };
	int fd;

	segment_head_encode(&head, p);
	segname_format(head.number, name);
	fd =
	    openat(deferred_dir.fd, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	ck_assert_int_eq(write(fd, p, sizeof(p)), sizeof(p));
	(void)close(fd);
	return head.number;
}

START_TEST(places_are_used_again_and_who_finds_none_waits)
{
	is_unadmitted = true;
	for (unsigned i = 0; i <= STORE_PLACES; i++)
		many[i] = (struct wish){
			.open = { .segment = make_empty(i), .done = on_open },
		};
	shell_store_new();
	for (unsigned i = 0; i <= STORE_PLACES; i++)
		store_want(store, &many[i].open);
	await(is_first_told);
	ck_assert(!many[STORE_PLACES].is_told);
	store_drop(store, many[5].open.place);
	await(is_next_told);
	ck_assert_int_eq(many[STORE_PLACES].err, ERR_OK);
	ck_assert_uint_eq(many[STORE_PLACES].open.place, many[5].open.place);
	ck_assert_uint_ne(
	    many[STORE_PLACES].open.generation, many[5].open.generation);
	for (unsigned i = 0; i <= STORE_PLACES; i++)
		if (i != 5)
			store_drop(store, many[i].open.place);
}
END_TEST

START_TEST(a_descriptor_in_use_outlives_its_file)
{
	uint64_t number = make(&deferred_dir, 1, true);
	struct stat st;

	know(number, 1);
	shell_store_new();
	for (unsigned i = 0; i < 3; i++)
		want(i, number);
	await(is_all_told);
	store_drop(store, wishes[1].open.place);
	store_drop(store, wishes[2].open.place);
	finish(number, 1);
	await(is_forgotten);
	ck_assert(is_all_removed());
	/* Its blocks are given back, though a worker has it open. */
	ck_assert_int_eq(fstat(wishes[0].open.fd, &st), 0);
	ck_assert_int_eq(st.st_size, 0);
	store_drop(store, wishes[0].open.place);
	want(0, number);
	wishes[1].is_told = wishes[2].is_told = true;
	await(is_all_told);
	ck_assert_int_eq(wishes[0].err, ERR_NOTFOUND);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("qmgr_places");
	TCase *tc = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, set_up, shell_tear_down);
	tcase_add_test(tc, a_descriptor_is_opened_once_and_kept);
	tcase_add_test(tc, a_malformed_segment_gives_no_descriptor);
	tcase_add_test(tc, places_are_used_again_and_who_finds_none_waits);
	tcase_add_test(tc, a_descriptor_in_use_outlives_its_file);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
