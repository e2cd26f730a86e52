/* SPDX-License-Identifier: BSD-2-Clause */
/* control: answers to commands. */
#include "qmgr/control.h"

#include "qmgr/balance.h"
#include "qmgr/gauge.h"
#include "qmgr/intake.h"
#include "qmgr/orders.h"
#include "qmgr/peers.h"
#include "qmgr/qmgr_int.h"
#include "qmgr/turn.h"
#include "qmgr/why.h"
#include "util/text/glob.h"

enum err
control_sent(enum err err)
{
	return err == ERR_EOF ? ERR_OK : err;
}

enum err
control_answer(struct qpeer *peer, uint8_t status, uint64_t n, struct str text)
{
	struct msg_answer m = { .status = status, .n = n, .text = text };

	return control_sent(chan_send_answer(peer->chan, &m));
}

int64_t
control_floor(int64_t ms)
{
	return ms > 0 ? ms : 0;
}

int64_t
control_next(int64_t ms)
{
	return ms < 0 ? INT64_MAX : ms;
}

struct str
control_site(struct outbuf *out, struct str source, struct str provider)
{
	if (provider.len == 0)
		return (struct str){ NULL, 0 };
	outbuf_put(out, source);
	outbuf_put(out, STR("->"));
	outbuf_put(out, provider);
	return outbuf_str(out);
}

enum err
control_status(struct qpeer *peer, struct str body)
{
	struct qmgr *q = peer->q;
	struct msg_status_ask ask;
	struct core_accounts a;
	struct store_stats s;
	struct msg_accounts m;
	enum err err = msg_status_ask_decode(&ask, body);

	if (err != ERR_OK)
		return err;
	core_accounts(q->core, &a);
	store_stats(q->store, &s);
	m = (struct msg_accounts){
		.admitted = a.admitted,
		.done = a.done,
		.waiting = a.waiting,
		.ready = a.ready,
		.leased = a.leased,
		.held = a.held,
		.unadmitted = intake_unadmitted(q->intake),
		.owed = a.owed,
		.is_balanced = balance_is_right(q),
		.stuck = a.stuck,
		.stuck_ms = a.stuck_ms,
		.stuck_found = a.stuck_found,
		.messages = a.messages,
		.pass = s.pass,
		.segments = s.segments,
		.recovered = s.recovered,
		.missing = s.missing,
		.quarantined = s.quarantined,
		.free_bytes = s.free_bytes,
	};
	m.pressure = (uint8_t)gauge_get(q->gauge, &m.reason);
	return control_sent(chan_send_accounts(peer->chan, &m));
}

/* --- queues --------------------------------------------------------------- */

static enum err
send_row(struct qpeer *peer, const struct core_queue_row *row)
{
	char queue_text[CORE_QUEUE_NAME_MAX_BYTES];
	char site_text[2 * CORE_NAME_MAX_BYTES + 2];
	struct outbuf queue = { queue_text, 0, sizeof(queue_text) };
	struct outbuf site = { site_text, 0, sizeof(site_text) };
	struct msg_queue_row m = {
		.tenant = row->key.tenant,
		.campaign = row->key.campaign,
		.domain = row->key.domain,
		.site = control_site(&site, row->source, row->provider),
		.ready = row->ready,
		.waiting = row->waiting,
		.leased = row->leased,
		.held = row->held,
		.oldest_ms = control_floor(row->oldest_ms),
		.next_ms = control_next(row->next_ms),
		.limit_name = row->limit.name,
		.limit_value = row->limit.value,
		.limit_from = row->limit.from,
		.limit_cause = row->limit.cause,
	};

	core_queue_name(&row->key, &queue);
	m.queue = outbuf_str(&queue);
	return chan_send_queue_row(peer->chan, &m);
}

static bool
matches(const struct msg_queue_ask *ask, const struct core_queue_row *row)
{
	char name[CORE_QUEUE_NAME_MAX_BYTES];
	struct outbuf out = { name, 0, sizeof(name) };

	if (ask->match.len == 0)
		return true;
	core_queue_name(&row->key, &out);
	return glob_match(ask->match, outbuf_str(&out));
}

enum err
control_queue(struct qpeer *peer, struct str body)
{
	struct msg_queue_ask ask;
	struct msg_queue_end end = { 0 };
	struct core_queue_row row;
	uint32_t rows = 0;
	enum err err = msg_queue_ask_decode(&ask, body);

	if (err != ERR_OK)
		return err;
	end.cursor = ask.cursor;
	turn_begin(peer->q);
	for (int i = 0; i < CONTROL_LOOK_MAX && rows < ask.rows; i++) {
		end.cursor = core_queue_next(peer->q->core, end.cursor, &row);
		if (end.cursor == 0)
			break;
		if (row.ready + row.waiting + row.leased + row.held == 0 ||
		    !matches(&ask, &row))
			continue;
		err = send_row(peer, &row);
		if (err != ERR_OK)
			return control_sent(err);
		rows++;
	}
	return control_sent(chan_send_queue_end(peer->chan, &end));
}

/* --- parts ---------------------------------------------------------------- */

static enum err
send_list_row(struct qpeer *peer, const struct core_why *why)
{
	char text[CORE_QUEUE_NAME_MAX_BYTES];
	struct outbuf queue = { text, 0, sizeof(text) };
	struct msg_list_row m = {
		.qid = why->state.qid,
		.part = why->state.part,
		.state = why->state.state,
		.cause = why->state.cause,
		.tries = why->state.tries,
		.last_code = why->state.last_code,
		.next_ms = control_next(why->next_ms),
		.segment = why->state.segment,
		.block = why->state.block,
		.limit_name = why->limit.name,
		.limit_cause = why->limit.cause,
	};

	core_queue_name(&why->state.key, &queue);
	m.queue = outbuf_str(&queue);
	return chan_send_list_row(peer->chan, &m);
}

enum err
control_list(struct qpeer *peer, struct str body)
{
	struct core *core = peer->q->core;
	struct msg_list_ask ask;
	struct msg_list_end end = { 0 };
	struct core_why why;
	uint32_t rows = 0;
	enum err err = msg_list_ask_decode(&ask, body);

	if (err != ERR_OK)
		return err;
	end.cursor = ask.cursor;
	turn_begin(peer->q);
	for (int i = 0; i < CONTROL_LOOK_MAX && rows < ask.rows; i++) {
		end.cursor = core_part_next(core, end.cursor);
		if (end.cursor == 0)
			break;
		if ((ask.is_missing != 0 &&
		        !core_part_is_missing(core, end.cursor)) ||
		    !core_why(core, end.cursor, &why))
			continue;
		err = send_list_row(peer, &why);
		if (err != ERR_OK)
			return control_sent(err);
		rows++;
	}
	return control_sent(chan_send_list_end(peer->chan, &end));
}

void
control_gone(struct qpeer *peer)
{
	orders_gone(peer);
	why_gone(peer);
}
