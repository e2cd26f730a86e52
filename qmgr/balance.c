/* SPDX-License-Identifier: BSD-2-Clause */
/* balance: that the accounts of core, ledger and intake agree (Q6). */
#include "qmgr/balance.h"

#include "qmgr/core/view.h"
#include "qmgr/intake.h"
#include "qmgr/journal.h"
#include "qmgr/qmgr_int.h"
#include "qmgr/store.h"
#include "util/base/array.h"
#include "util/log/log.h"
#include "util/spool/entry.h"

/* Two counts that are to be one. */
struct sum {
	const char *what;
	uint64_t counted, expected;
};

void
balance_fill(const struct core *core, struct entry_audit *audit)
{
	struct core_accounts a;

	core_accounts(core, &a);
	*audit = (struct entry_audit){
		.messages_admitted = a.messages_admitted,
		.messages_done = a.messages_done,
		.admitted = a.admitted,
		.done = a.done,
		.waiting = a.waiting,
		.ready = a.ready,
		.leased = a.leased,
		.held = a.held,
		.first_lease = a.first_lease,
		.last_lease = a.last_lease,
		.first_due_ms = a.first_due_ms,
		.last_due_ms = a.last_due_ms,
	};
}

/* What was right is remembered, so what is wrong is told once. */
static void
set(struct qmgr *q, const struct sum *wrong)
{
	bool was_unbalanced = q->is_unbalanced;

	q->is_unbalanced = wrong != NULL;
	if (wrong == NULL || was_unbalanced || q->is_over)
		return;
	LOG(EV_AUDIT_MISMATCH, KV_CSTR("what", wrong->what),
	    KV_NUM("counted", wrong->counted),
	    KV_NUM("expected", wrong->expected));
	store_rescan(q->store);
}

static struct sum
sum_of_core(const struct core_accounts *a)
{
	return (struct sum){ "parts",
		a->done + a->waiting + a->ready + a->leased + a->held,
		a->admitted };
}

void
balance_look(struct qmgr *q)
{
	struct core_accounts a;
	struct sum sum;

	core_accounts(q->core, &a);
	sum = sum_of_core(&a);
	set(q, core_audit(q->core) ? NULL : &sum);
}

/* All that is to agree when a turn ends. */
#define SUMS_N 6

static void
collect(const struct qmgr *q, struct sum sums[SUMS_N])
{
	struct core_accounts a;
	struct journal_sums put;
	uint64_t known;

	core_accounts(q->core, &a);
	journal_sums(q->journal, &put);
	known = a.messages_admitted + intake_unadmitted(q->intake);
	sums[0] = sum_of_core(&a);
	sums[1] =
	    (struct sum){ "parts in the ledger", put.admitted, a.admitted };
	sums[2] = (struct sum){ "done parts in the ledger", put.done, a.done };
	sums[3] = (struct sum){ "messages in the ledger", put.messages_admitted,
		a.messages_admitted };
	sums[4] = (struct sum){ "done messages in the ledger",
		put.messages_done, a.messages_done };
	sums[5] =
	    (struct sum){ "messages found", known, intake_found(q->intake) };
}

void
balance_turn(struct qmgr *q)
{
	struct sum sums[SUMS_N];
	const struct sum *wrong = core_audit(q->core) ? NULL : sums;

	collect(q, sums);
	for (size_t i = 0; i < COUNT_OF(sums) && wrong == NULL; i++)
		if (sums[i].counted != sums[i].expected)
			wrong = &sums[i];
	set(q, wrong);
}

bool
balance_is_right(const struct qmgr *q)
{
	return !q->is_unbalanced;
}
