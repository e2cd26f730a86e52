/* SPDX-License-Identifier: BSD-2-Clause */
/* stop: order of the end. */
#include "qmgr/stop.h"

#include "qmgr/notices.h"
#include "qmgr/peers.h"
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

static void
close_peers(struct qmgr *q)
{
	struct link *link;

	acceptor_fini(&q->acceptor);
	while ((link = list_first(&q->peers)) != NULL) {
		struct qpeer *p = LIST_ITEM(link, struct qpeer, link);

		/* A last answer, if it can be had at once. */
		(void)!chan_flush(p->chan);
		peers_cut(p);
	}
	peer_free(&q->shaper);
}

/* Those that call back go before those that they call. What is in memory stays
 * until the process ends, which is at once. */
static void
close_all(void *arg)
{
	struct qmgr *q = arg;

	q->is_over = true;
	/* From here on a turn never ends. */
	turn_begin(q);
	turn_fini(q);
	close_peers(q);
	notices_stop(q->notices);
	store_free(&q->store);
	checkpoint_free(&q->checkpoint);
	journal_free(&q->journal);
	svc_done(q->svc);
}

void
stop_init(struct qmgr *q)
{
	turn_end_init(&q->end, q->loop, close_all, q);
}

void
stop_begin(struct qmgr *q)
{
	q->is_stopping = true;
	turn_begin(q);
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
	/* Not within a call of what is closed then. */
	if (q->is_ending && !q->is_over)
		turn_end_ask(&q->end);
}
