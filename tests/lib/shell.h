/* SPDX-License-Identifier: BSD-2-Clause */
/* shell: core, journal and spool of a queue manager, without its peers. */
#ifndef TESTS_LIB_SHELL_H
#define TESTS_LIB_SHELL_H

#include <stdatomic.h>

#include <check.h>

#include "qmgr/core/action.h"
#include "qmgr/core/core.h"
#include "qmgr/core/view.h"
#include "qmgr/journal.h"
#include "qmgr/notices.h"
#include "qmgr/replay.h"
#include "qmgr/store.h"
#include "tests/lib/spool.h"
#include "util/base/slab.h"
#include "util/io/loop.h"
#include "util/io/sys.h"
#include "util/spool/ledgerread.h"
#include "util/spool/record.h"
#include "util/svc/page.h"

static struct spool_dir ledger_dir, incoming_dir, deferred_dir, quarantine_dir;
static struct loop *loop;
static struct core *core;
static struct journal *journal;
static struct store *store;
static struct notices *notices; /* NULL: nobody keeps them */
static struct page *smtpd_page; /* of each smtpd; NULL: there is none */

/* What the journal has told. */
static unsigned n_freed, n_paused, n_resumed;

/* --- faults --------------------------------------------------------------- */

/* Calls of the ledger thread that fail from now on; set while it is idle, or
 * at any time: they are atomic. */
static atomic_int failing_writes, failing_syncs, failing_creates;

static bool
is_failing(atomic_int *left)
{
	int n = atomic_load(left);

	while (n > 0)
		if (atomic_compare_exchange_weak(left, &n, n - 1)) {
			errno = EIO;
			return true;
		}
	return false;
}

static ssize_t (*real_pwritev)(int, const struct iovec *, int, off_t);
static int (*real_fdatasync)(int);

static ssize_t
shell_pwritev(int fd, const struct iovec *v, int n, off_t at)
{
	return is_failing(&failing_writes) ? -1 : real_pwritev(fd, v, n, at);
}

static int
shell_fdatasync(int fd)
{
	return is_failing(&failing_syncs) ? -1 : real_fdatasync(fd);
}

/* No space is taken: 64 MiB for each file of each test are too much. */
static int
shell_fallocate(int fd, int mode, off_t at, off_t n)
{
	(void)fd;
	(void)mode;
	(void)at;
	(void)n;
	return is_failing(&failing_creates) ? -1 : 0;
}

static inline void
shell_arm_faults(void)
{
	if (sys.pwritev == shell_pwritev)
		return; /* the fixture runs again */
	real_pwritev = sys.pwritev;
	real_fdatasync = sys.fdatasync;
	sys.pwritev = shell_pwritev;
	sys.fdatasync = shell_fdatasync;
	sys.fallocate = shell_fallocate;
}

/* --- core ----------------------------------------------------------------- */

static void
shell_queue_policy(
    void *ctx, const struct queue_key *key, struct core_queue_policy *policy)
{
	(void)ctx;
	(void)key;
	*policy = (struct core_queue_policy){
		.backoff = { .base_ms = 60000,
		    .cap_ms = 3600000,
		    .life_ms = INT64_C(1000) * 24 * 3600 * 1000 },
		.weight = 1,
	};
}

static void
shell_site_policy(void *ctx, struct str source, struct str provider,
    struct core_site_policy *policy)
{
	(void)ctx;
	(void)source;
	(void)provider;
	*policy = (struct core_site_policy){ .probe_max_ms = 1000 };
}

static inline struct core *
shell_core_new(void)
{
	struct core_conf conf = {
		.parts_max = 100000,
		.campaigns_max = 1000,
		.conns_max = 1,
		.ahead = 1,
		.first_lease = 1,
		.queue_policy = shell_queue_policy,
		.site_policy = shell_site_policy,
	};
	struct core *c = core_new(&conf);

	ck_assert_ptr_nonnull(c);
	core_turn(c, loop_now_ms(loop), loop_wall_ms(loop));
	return c;
}

/* The only part of message n, as it is admitted; in a segment of writer 0. */
static inline struct part_state
shell_part(unsigned n, uint64_t segment, uint32_t block)
{
	struct part_state state = {
		.segment = segment,
		.block = block,
		.n_rcpts = 1,
		.state = PART_READY,
		.cause = CAUSE_NEW,
		.key = { .domain = STR("example.test") },
	};

	state.qid.b[14] = (uint8_t)(n >> 8);
	state.qid.b[15] = (uint8_t)n;
	return state;
}

static inline struct part_state
shell_done(struct part_state state)
{
	state.state = PART_DONE;
	state.cause = CAUSE_DELIVERED;
	state.key.domain.len = 0;
	part_standing_set(state.standing, 0, RCPT_DELIVERED);
	return state;
}

static inline uint64_t
shell_live(void)
{
	struct core_accounts a;

	core_accounts(core, &a);
	return a.waiting + a.ready + a.leased + a.held;
}

/* --- journal -------------------------------------------------------------- */

static void
shell_audit(void *arg, struct entry_audit *audit)
{
	(void)arg;
	*audit = (struct entry_audit){ .last_lease = 77 };
}

static void
shell_freed(void *arg, const struct core_freed *freed)
{
	(void)arg;
	ck_assert_uint_ne(freed->lease, 0);
	n_freed++;
	loop_stop(loop);
}

static void
shell_written(void *arg, uint64_t first, uint64_t last, struct ledger_pos pos)
{
	(void)arg;
	if (notices != NULL)
		notices_written(notices, first, last, pos);
}

static void
shell_synced(void *arg, uint64_t seq)
{
	(void)arg;
	if (notices != NULL)
		notices_synced(notices, seq);
}

static void
shell_state(void *arg, struct str reason)
{
	(void)arg;
	if (reason.len > 0)
		n_paused++;
	else
		n_resumed++;
}

static inline void
shell_journal_new(const struct replay *replay)
{
	struct journal_conf conf = {
		.loop = loop,
		.ledger_fd = ledger_dir.fd,
		.next_file = replay->next_file,
		.next_seq = replay->next_seq,
		.next_event = replay->next_event,
		.sums = { replay->messages_done + replay->messages,
		    replay->messages_done, replay->done + replay->live,
		    replay->done },
		.audit = shell_audit,
		.freed = shell_freed,
		.written = shell_written,
		.synced = shell_synced,
		.state = shell_state,
	};

	journal = journal_new(&conf);
}

static inline void
shell_admit(struct part_state state)
{
	struct entry_parts parts = { .parts = &state, .n = 1, .blocks = 1 };

	journal_put_parts(journal, &parts, STR("facts"), 1);
}

static inline void
shell_put(struct part_state state)
{
	struct core_freed freed = { .lease = 0 };

	state.key.domain.len = 0;
	/* Each message has one part. */
	journal_put_part(
	    journal, &state, STR("reply"), &freed, state.state == PART_DONE);
}

static void
shell_stop(struct journal_wait *wait)
{
	(void)wait;
	loop_stop(loop);
}

/* Until all that was put is durable. */
static inline void
shell_sync(void)
{
	struct journal_wait wait = { .done = shell_stop };

	journal_wait(journal, &wait);
	/* A slot that is freed stops the loop as well. */
	while (link_is_listed(&wait.link))
		loop_run(loop);
}

/* --- store ---------------------------------------------------------------- */

/* Records that the store has found, and what it is told of them. */
static unsigned n_found;
static enum err found_answer;
static bool is_unadmitted;
static int64_t scan_ms;
static uint64_t scan_bandwidth;

static struct page *
shell_page(void *arg, uint32_t writer)
{
	(void)arg;
	(void)writer;
	return smtpd_page;
}

/* Admits as intake does: here into a core that is still being restored. */
static enum err
shell_found(void *arg, uint64_t segment, uint32_t block, struct str front)
{
	struct record_head head;
	struct str envelope;
	struct part_state state;

	(void)arg;
	ck_assert_int_eq(record_decode(&head, front, NULL, &envelope), ERR_OK);
	ck_assert_uint_eq(head.number, segment);
	n_found++;
	if (found_answer != ERR_OK)
		return found_answer;
	if (core_record_state(core, segment, block) != CORE_RECORD_UNKNOWN)
		return ERR_EXISTS;
	state = shell_part(spool_message_number(&head), segment, block);
	ck_assert_int_eq(core_restore(core, &state), ERR_OK);
	shell_admit(state);
	return ERR_OK;
}

static bool
shell_is_unadmitted(void *arg, uint64_t segment, uint32_t block)
{
	(void)arg;
	(void)segment;
	(void)block;
	return is_unadmitted;
}

/* As qmgr's turn does with what the core wants noted. */
static void
shell_notes(void)
{
	struct core_action a;

	while (core_action_next(core, &a)) {
		struct entry_note note = { .qid = a.part.qid,
			.part = a.part.part,
			.kind = NOTE_MISSING,
			.text = a.text };

		if (a.act == CORE_NOTE)
			journal_put_note(journal, &note);
	}
}

static bool
shell_lost(void *arg, uint32_t part, enum part_cause cause)
{
	bool is_news = core_part_lost(core, part, cause);

	(void)arg;
	shell_notes();
	return is_news;
}

static void
shell_back(void *arg, uint32_t part)
{
	(void)arg;
	ck_assert(core_part_found(core, part));
	shell_notes();
}

static inline void
shell_store_new(void)
{
	struct store_conf conf = {
		.loop = loop,
		.core = core,
		.journal = journal,
		.incoming_fd = incoming_dir.fd,
		.deferred_fd = deferred_dir.fd,
		.quarantine_fd = quarantine_dir.fd,
		.ledger_fd = ledger_dir.fd,
		.scan_ms = scan_ms,
		.scan_cycle_ms = 3600000,
		.scan_bandwidth = scan_bandwidth,
		.smtpd_page = shell_page,
		.found = shell_found,
		.is_unadmitted = shell_is_unadmitted,
		.lost = shell_lost,
		.back = shell_back,
	};

	store = store_new(&conf);
}

/* --- the whole ------------------------------------------------------------ */

static inline void
shell_set_up(void)
{
	spool_dir_init(&ledger_dir);
	spool_dir_init(&incoming_dir);
	spool_dir_init(&deferred_dir);
	spool_dir_init(&quarantine_dir);
	loop = loop_new();
	core = shell_core_new();
	n_freed = n_paused = n_resumed = 0;
	n_found = 0;
	found_answer = ERR_OK;
	is_unadmitted = false;
	scan_ms = 50;
	scan_bandwidth = 1u << 30;
	smtpd_page = NULL;
}

static inline void
shell_tear_down(void)
{
	store_free(&store);
	journal_free(&journal);
	notices_free(&notices);
	core_free(&core);
	loop_free(&loop);
	spool_dir_fini(&ledger_dir);
	spool_dir_fini(&incoming_dir);
	spool_dir_fini(&deferred_dir);
	spool_dir_fini(&quarantine_dir);
}

/* A new core, which reads what is there. */
static inline enum err
shell_replay(struct replay *replay)
{
	core_free(&core);
	core = shell_core_new();
	return replay_run(replay, core, notices, ledger_dir.fd);
}

#endif /* TESTS_LIB_SHELL_H */
