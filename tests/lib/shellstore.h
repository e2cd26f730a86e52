/* SPDX-License-Identifier: BSD-2-Clause */
/* shellstore: segments for a store, and the turns that drive it. */
#ifndef TESTS_LIB_SHELLSTORE_H
#define TESTS_LIB_SHELLSTORE_H

#include <stdlib.h>
#include <string.h>

#include "tests/lib/shell.h"
#include "util/spool/segname.h"

#define BLOCK 4096
#define OFTEN_MS 10

static struct segment_numbers numbers;
static struct timer timer;
static bool (*condition)(void);

/* --- the loop ------------------------------------------------------------- */

/* Drives the store as qmgr's turns do, until the condition holds. */
static inline void
on_timer(void *arg)
{
	int64_t now_ms = loop_now_ms(loop);

	(void)arg;
	store_tick(store, now_ms);
	if (condition())
		loop_stop(loop);
	else
		timer_set_at(&timer, now_ms + OFTEN_MS);
}

static inline void
await(bool (*is_so)(void))
{
	condition = is_so;
	timer_init(&timer, loop, on_timer, NULL);
	timer_set_at(&timer, loop_now_ms(loop));
	loop_run(loop);
	timer_fini(&timer);
}

static inline uint64_t
passes(void)
{
	struct store_stats stats;

	store_stats(store, &stats);
	return stats.pass;
}

static inline bool
is_passed(void)
{
	return passes() > 0;
}

static inline bool
is_one_found(void)
{
	return n_found > 0;
}

static inline bool
is_all_removed(void)
{
	return spool_dir_visit(&incoming_dir, false) == 0 &&
	    spool_dir_visit(&deferred_dir, false) == 0;
}

static inline bool
is_forgotten(void)
{
	struct store_stats stats;

	store_stats(store, &stats);
	return stats.segments == 0;
}

static inline bool
is_moved(void)
{
	return spool_dir_visit(&deferred_dir, false) == 1;
}

/* --- segments ------------------------------------------------------------- */

static inline struct segment *
create(const struct spool_dir *dir, uint32_t flags)
{
	struct segment_conf conf = { .dir_fd = dir->fd,
		.flags = flags,
		.max_bytes = flags == 0 ? SEGMENT_MAX_BYTES : 0 };
	struct segment *seg;

	ck_assert_int_eq(
	    segment_create(&seg, &conf, &numbers, 1700000000000), ERR_OK);
	return seg;
}

static inline uint32_t
append(struct segment *seg, unsigned n)
{
	struct spool_message m;

	spool_message_init(&m, n, STR("Subject: x\r\n\r\ntext\r\n"));
	ck_assert_int_eq(segment_append(seg, &m.record, 1), ERR_OK);
	ck_assert_int_eq(segment_sync(seg), ERR_OK);
	return m.record.block;
}

/* Messages 1 to n, in blocks 1 to n. Returns the number of the segment. */
static inline uint64_t
make(const struct spool_dir *dir, unsigned n, bool is_sealed)
{
	struct segment *seg = create(dir, 0);
	uint64_t number = segment_get_number(seg);

	for (unsigned i = 1; i <= n; i++)
		ck_assert_uint_eq(append(seg, i), i);
	if (is_sealed)
		ck_assert_int_eq(segment_seal(seg), ERR_OK);
	segment_free(&seg);
	return number;
}

static inline int
open_segment(const struct spool_dir *dir, uint64_t number)
{
	char name[SEGNAME_BYTES + 1];

	segname_format(number, name);
	return openat(dir->fd, name, O_RDWR | O_CLOEXEC);
}

static inline void
flip(const struct spool_dir *dir, uint64_t number, off_t at)
{
	int fd = open_segment(dir, number);
	char c;

	ck_assert_int_eq(pread(fd, &c, 1, at), 1);
	c = (char)~c;
	ck_assert_int_eq(pwrite(fd, &c, 1, at), 1);
	(void)close(fd);
}

/* The core knows message n at block n of the segment. */
static inline void
know(uint64_t segment, unsigned n)
{
	struct part_state state = shell_part(n, segment, n);

	ck_assert_int_eq(core_restore(core, &state), ERR_OK);
	shell_admit(state);
}

static inline void
finish(uint64_t segment, unsigned n)
{
	struct part_state state = shell_done(shell_part(n, segment, n));

	ck_assert_int_eq(core_restore(core, &state), ERR_OK);
	shell_put(state);
}

static inline struct store_stats
get_stats(void)
{
	struct store_stats stats;

	store_stats(store, &stats);
	return stats;
}

static inline void
set_up(void)
{
	static const struct replay nothing = {
		.next_file = 1, .next_seq = 1, .next_event = 1
	};

	shell_arm_faults();
	shell_set_up();
	shell_journal_new(&nothing);
	segment_numbers_init(&numbers, 0, 0);
}

#endif /* TESTS_LIB_SHELLSTORE_H */
