/* SPDX-License-Identifier: BSD-2-Clause */
/* survey: passes over the spool: how they stand, and that one is wanted. */
#include "qmgr/survey.h"

#include "qmgr/control.h"
#include "qmgr/qmgr_int.h"
#include "qmgr/turn.h"

static enum err
send_pass(
    struct qpeer *peer, const struct store_pass *p, bool is_bytes, bool is_last)
{
	struct msg_pass m = {
		.is_bytes = is_bytes,
		.is_last = is_last,
		.number = p->number,
		.is_on = p->is_on,
		.has_failed = p->has_failed,
		.segments = p->segments,
		.records = p->records,
		.bytes = p->bytes,
		.bad = p->bad,
		.unreadable = p->unreadable,
		.foreign = p->foreign,
		.ended_ms = control_floor(p->ended_ms),
		.took_ms = control_floor(p->took_ms),
	};

	return chan_send_pass(peer->chan, &m);
}

static enum err
send_passes(struct qpeer *peer, const struct store_stats *s)
{
	enum err err = send_pass(peer, &s->index, false, false);

	if (err == ERR_OK)
		err = send_pass(peer, &s->last_index, false, true);
	if (err == ERR_OK)
		err = send_pass(peer, &s->bytes, true, false);
	if (err == ERR_OK)
		err = send_pass(peer, &s->last_bytes, true, true);
	return err;
}

enum err
survey_ask(struct qpeer *peer, struct str body)
{
	struct store *st = peer->q->store;
	struct msg_scan_ask ask;
	struct msg_scan m = { 0 };
	struct store_stats s;
	enum err err = msg_scan_ask_decode(&ask, body);

	if (err != ERR_OK)
		return err;
	if (ask.wants_index != 0)
		m.wanted_index = store_rescan(st);
	if (ask.wants_bytes != 0)
		m.wanted_bytes = store_rescan_bytes(st);
	turn_begin(peer->q); /* its end looks at what is wanted */
	store_stats(st, &s);
	m.pass = s.pass;
	m.byte_pass = s.byte_pass;
	m.segments = s.segments;
	m.recovered = s.recovered;
	m.missing = s.missing;
	m.quarantined = s.quarantined;
	err = send_passes(peer, &s);
	if (err == ERR_OK)
		err = chan_send_scan(peer->chan, &m);
	return control_sent(err);
}
