/* SPDX-License-Identifier: BSD-2-Clause */
/* discard: a message that is delivered to nobody, on purpose. */
#include "deliver/lease.h"
#include "deliver/tell.h"
#include "deliver/txn_int.h"

static bool
raise_all(struct lease *l)
{
	return lease_raise(l, SLOT_TRANSACTION) &&
	    lease_raise(l, SLOT_DOT_SENT) && lease_raise(l, SLOT_ANSWERED);
}

void
txn_discard(struct conn *c, struct txn *t)
{
	static const struct ruled discarded = {
		.verdict = VERDICT_DELIVERED,
		.code = 250,
		.enhanced = { 2, 0, 0 },
		.text = STR_INIT("250 2.0.0 discarded"),
	};

	if (!raise_all(t->lease)) {
		tell_result(c, t, OUTCOME_RETURNED);
		return;
	}
	t->stage = STAGE_DOT;
	txn_decide_rest(t, &discarded);
	tell_result(c, t, OUTCOME_TRIED);
	c->n_messages++;
}
