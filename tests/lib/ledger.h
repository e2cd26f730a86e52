/* SPDX-License-Identifier: BSD-2-Clause */
/* ledger: batches and states for tests of the ledger. */
#ifndef TESTS_LIB_LEDGER_H
#define TESTS_LIB_LEDGER_H

#include <stdint.h>

#include "util/spool/entry.h"
#include "util/spool/ledger.h"

#define LEDGER_TEST_BYTES 8192

static const struct ledger_stamp ledger_stamp = { 1700000000000, 7, 2 };

/* A batch with its memory. */
struct ledger_space {
	struct ledger_batch batch;
	char bytes[LEDGER_TEST_BYTES];
};

static inline void
ledger_space_init(struct ledger_space *s, uint64_t first_seq)
{
	ledger_batch_init(&s->batch, s->bytes, sizeof(s->bytes), first_seq);
}

/* A part that was delivered at the first try. */
static inline struct part_state
ledger_done_part(uint8_t n)
{
	struct part_state state = {
		.qid = { { 1, [15] = n } },
		.segment = 0x1234,
		.block = 17,
		.n_rcpts = 1,
		.state = PART_DONE,
		.cause = CAUSE_DELIVERED,
		.tries = 1,
		.last_code = 250,
		.first_try_ms = 1700000000500,
		.last_try_ms = 1700000000500,
		.lease = 99,
		.standing = { RCPT_DELIVERED },
	};

	return state;
}

/* Adds n results, and an AUDIT. */
static inline void
ledger_space_fill(struct ledger_space *s, uint8_t n)
{
	struct entry_audit audit = { .admitted = n };
	struct part_state state;
	struct entry_parts parts = { &state, 1, 0 };

	for (uint8_t i = 0; i < n; i++) {
		state = ledger_done_part(i);
		BUG_IF(entry_put_parts(&s->batch, &ledger_stamp, &parts,
		           STR("facts")) != ERR_OK);
	}
	entry_put_audit(&s->batch, &ledger_stamp, &audit);
}

#endif /* TESTS_LIB_LEDGER_H */
