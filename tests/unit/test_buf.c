/* SPDX-License-Identifier: BSD-2-Clause */
/* test_buf: bytes come out as they went in, within the bound, for free. */
#include "util/io/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <check.h>

#include "tests/lib/split.h"
#include "util/io/sys.h"

#define MAX_BYTES 5000

START_TEST(empty_buffer_holds_no_memory)
{
	struct buf b;

	buf_init(&b, MAX_BYTES);
	ck_assert_ptr_null(b.ptr);
	ck_assert_int_eq(buf_append(&b, STR("abc")), ERR_OK);
	ck_assert_ptr_nonnull(b.ptr);
	buf_consume(&b, 2);
	ck_assert(str_eq(buf_view(&b), STR("c")));
	buf_consume(&b, 1);
	ck_assert_ptr_null(b.ptr);
	ck_assert_uint_eq(buf_view(&b).len, 0);
	(void)buf_space(&b, 10);
	buf_commit(&b, 0);
	ck_assert_ptr_null(b.ptr);
	buf_fini(&b);
}
END_TEST

START_TEST(bound_is_the_last_byte_that_fits)
{
	static char bytes[MAX_BYTES];
	struct buf b;

	buf_init(&b, MAX_BYTES);
	ck_assert_int_eq(
	    buf_append(&b, (struct str){ bytes, MAX_BYTES - 1 }), ERR_OK);
	ck_assert_uint_eq(buf_room(&b), 1);
	ck_assert_int_eq(buf_append(&b, STR("ab")), ERR_FULL);
	ck_assert_uint_eq(buf_len(&b), MAX_BYTES - 1);
	ck_assert_int_eq(buf_append(&b, STR("a")), ERR_OK);
	ck_assert_int_eq(buf_reserve(&b, 1), ERR_FULL);
	ck_assert_uint_eq(buf_space(&b, 1).cap, 0);
	ck_assert_uint_eq(b.cap, MAX_BYTES);
	buf_consume(&b, 1);
	ck_assert_int_eq(buf_append(&b, STR("z")), ERR_OK);
	ck_assert_int_eq(buf_view(&b).ptr[MAX_BYTES - 1], 'z');
	buf_fini(&b);
}
END_TEST

START_TEST(capacity_doubles_from_512)
{
	struct buf b;

	buf_init(&b, MAX_BYTES);
	ck_assert_int_eq(buf_reserve(&b, 512), ERR_OK);
	ck_assert_uint_eq(b.cap, 512);
	ck_assert_int_eq(buf_reserve(&b, 513), ERR_OK);
	ck_assert_uint_eq(b.cap, 1024);
	ck_assert_int_eq(buf_reserve(&b, 4097), ERR_OK);
	ck_assert_uint_eq(b.cap, MAX_BYTES);
	buf_fini(&b);
}
END_TEST

START_TEST(space_is_less_than_wanted_near_the_bound)
{
	struct buf b;

	buf_init(&b, 600);
	ck_assert_uint_eq(buf_space(&b, 599).cap, 599);
	ck_assert_uint_eq(buf_space(&b, 601).cap, 600);
	ck_assert_int_eq(buf_append(&b, STR("abc")), ERR_OK);
	ck_assert_uint_eq(buf_space(&b, 1000).cap, 597);
	buf_fini(&b);
}
END_TEST

/* Appends and consumes at random; the queue is the numbers that were not yet
 * taken out. */
START_TEST(bytes_come_out_in_order)
{
	uint64_t seed = 77;
	unsigned char in = 0, out = 0;
	int n_wrong = 0;
	struct buf b;

	buf_init(&b, MAX_BYTES);
	for (int i = 0; i < 20000; i++) {
		struct outbuf space =
		    buf_space(&b, 1 + split_draw(&seed) % 900);
		struct str s;
		size_t n;

		while (outbuf_room(&space) > 0)
			outbuf_putc(&space, (char)in++);
		buf_commit(&b, space.len);
		s = buf_view(&b);
		n = split_draw(&seed) % (s.len + 1);
		for (size_t k = 0; k < n; k++)
			n_wrong += (unsigned char)s.ptr[k] != out++;
		buf_consume(&b, n);
		ck_assert_uint_le(b.cap, MAX_BYTES);
	}
	ck_assert_int_eq(n_wrong, 0);
	buf_fini(&b);
}
END_TEST

START_TEST(reading_tells_nothing_end_and_full)
{
	struct buf b;
	size_t n = 0;
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	buf_init(&b, 4);
	ck_assert_int_eq(buf_read_fd(&b, fds[0], 100, &n), ERR_AGAIN);
	ck_assert_ptr_null(b.ptr);
	ck_assert_int_eq(write(fds[1], "abcdef", 6), 6);
	ck_assert_int_eq(buf_read_fd(&b, fds[0], 3, &n), ERR_OK);
	ck_assert_uint_eq(n, 3);
	ck_assert_int_eq(buf_read_fd(&b, fds[0], 3, &n), ERR_OK);
	ck_assert_uint_eq(n, 1);
	ck_assert(str_eq(buf_view(&b), STR("abcd")));
	ck_assert_int_eq(buf_read_fd(&b, fds[0], 3, &n), ERR_FULL);
	buf_consume(&b, 4);
	ck_assert_int_eq(close(fds[1]), 0);
	ck_assert_int_eq(buf_read_fd(&b, fds[0], 3, &n), ERR_OK);
	ck_assert_int_eq(buf_read_fd(&b, fds[0], 1, &n), ERR_EOF);
	ck_assert(str_eq(buf_view(&b), STR("ef")));
	(void)close(fds[0]);
	buf_fini(&b);
}
END_TEST

START_TEST(writing_goes_on_after_short_and_interrupted_calls)
{
	struct buf b;
	char got[8];
	int fds[2];

	ck_assert_int_eq(
	    sys_fault_init("write:1:short,write:2:EINTR,write:3:short"),
	    ERR_OK);
	ck_assert_int_eq(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	buf_init(&b, 100);
	ck_assert_int_eq(buf_append(&b, STR("abcdefg")), ERR_OK);
	ck_assert_int_eq(buf_write_fd(&b, fds[1]), ERR_OK);
	ck_assert_uint_eq(buf_len(&b), 0);
	ck_assert_int_eq(read(fds[0], got, sizeof(got)), 7);
	ck_assert_mem_eq(got, "abcdefg", 7);
	ck_assert_int_eq(sys_fault_init(NULL), ERR_OK);
	(void)close(fds[0]);
	(void)close(fds[1]);
}
END_TEST

START_TEST(writing_tells_full_and_broken_pipes)
{
	static char many[200000];
	struct buf b;
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	buf_init(&b, sizeof(many));
	ck_assert_int_eq(
	    buf_append(&b, (struct str){ many, sizeof(many) }), ERR_OK);
	ck_assert_int_eq(buf_write_fd(&b, fds[1]), ERR_AGAIN);
	ck_assert_uint_gt(buf_len(&b), 0);
	ck_assert_uint_lt(buf_len(&b), sizeof(many));
	ck_assert_int_eq(sys_fault_init("write:1:EPIPE"), ERR_OK);
	ck_assert_int_eq(buf_write_fd(&b, fds[1]), ERR_EOF);
	ck_assert_int_eq(sys_fault_init("write:1:EIO"), ERR_OK);
	ck_assert_int_eq(buf_write_fd(&b, fds[1]), ERR_IO);
	ck_assert_int_eq(errno, EIO);
	ck_assert_int_eq(sys_fault_init(NULL), ERR_OK);
	buf_fini(&b);
	(void)close(fds[0]);
	(void)close(fds[1]);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("buf");
	TCase *tc = tcase_create("buf");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tc);
	tcase_add_test(tc, empty_buffer_holds_no_memory);
	tcase_add_test(tc, bound_is_the_last_byte_that_fits);
	tcase_add_test(tc, capacity_doubles_from_512);
	tcase_add_test(tc, space_is_less_than_wanted_near_the_bound);
	tcase_add_test(tc, bytes_come_out_in_order);
	tcase_add_test(tc, reading_tells_nothing_end_and_full);
	tcase_add_test(tc, writing_goes_on_after_short_and_interrupted_calls);
	tcase_add_test(tc, writing_tells_full_and_broken_pipes);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
