/* SPDX-License-Identifier: BSD-2-Clause */
/* stop: order of the end. */
#include "qmgr/stop.h"

#include "qmgr/qmgr_int.h"
#include "qmgr/turn.h"

/* Those whose last words belong into the ledger. */
static bool
has_sources(const struct qmgr *q)
{
	struct link *link;

	LIST_FOREACH (link, &q->peers) {
		const struct qpeer *p = LIST_ITEM(link, struct qpeer, link);

		if (p->role == PEER_SMTPD || p->role == PEER_DELIVER)
			return true;
	}
	return false;
}

void
stop_begin(struct qmgr *q)
{
	q->is_stopping = true;
	turn_begin(q);
	core_pause_leases(q->core, STR("stopping"));
	turn_act(q);
	stop_look(q);
}

void
stop_look(struct qmgr *q)
{
	if (!q->is_stopping || q->is_ending || has_sources(q))
		return;
	q->is_ending = true;
	turn_begin(q);
	checkpoint_begin(q->checkpoint);
}

void
stop_checkpointed(struct qmgr *q, bool is_ok)
{
	/* Not ok: the log has it; the ledger says as much, less quickly. */
	(void)is_ok;
	if (q->is_ending)
		svc_done(q->svc);
}
