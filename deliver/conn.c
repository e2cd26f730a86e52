/* SPDX-License-Identifier: BSD-2-Clause */
/* conn: a connection's states, from its greeting to its end. */
#include "deliver/conn.h"

#include <stdlib.h>

#include "deliver/conn_int.h"
#include "deliver/lease.h"
#include "deliver/tell.h"
#include "deliver/txn.h"
#include "deliver/wire.h"
#include "deliver/work.h"
#include "util/base/fatal.h"
#include "util/log/log.h"

/*
 * A row is the state, a column what comes ("closing" is as throttle). BUSY has
 * a table of its own, in txn.c.
 *
 *		2xx	3xx	4xx	5xx	throttle  noise	lost	late
 * CONNECTING	-	-	-	-	-	  -	next	next
 * GREETING	-> EHLO	next	next	next	throttled next	next	next
 * EHLO		up	next	next	-> HELO	throttled next	next	next
 * HELO, LHLO	up	next	next	next	throttled next	next	next
 * IDLE		astray	astray	end	end	end	  end	left	quit
 * BUSY		transaction
 * RSET		-> IDLE	quit	quit	quit	throttled end	end	end
 * QUIT		end	end	end	end	end	  end	end	end
 *
 * next	the next host of the route; after the last: CONN_REFUSED
 * up	CONN_UP, -> IDLE
 * end	CONN_CLOSED: nobody's fault. What a server says unasked while we are
 *	idle is that it closes ("421 4.4.2 idle too long").
 * astray	one reply too many: whose the next ones are is not known
 * left	as next, unless it has carried a message, or is the last: then end
 *
 * 421 in a greeting is not tried at the next host: they are of one mind.
 */
enum action {
	C_BUG,
	C_NEXT,
	C_EHLO,
	C_HELO,
	C_UP,
	C_TXN,
	C_IDLE,
	C_QUIT,
	C_END,
	C_LEFT,
	C_ASTRAY,
	C_THROTTLED,
};

#define ALL_ARE(action) \
	[ANSWER_OK] = (action), [ANSWER_GO] = (action), \
	[ANSWER_TEMP] = (action), [ANSWER_PERM] = (action), \
	[ANSWER_THROTTLE] = (action), [ANSWER_CLOSING] = (action), \
	[ANSWER_NOISE] = (action), [ANSWER_LOST] = (action)

static const uint8_t steps[CONN_STATE_N][ANSWER_N] = {
	[CONN_CONNECTING] = { ALL_ARE(C_NEXT), [ANSWER_LATE] = C_NEXT },
	[CONN_GREETING] = {
		[ANSWER_OK] = C_EHLO,
		[ANSWER_GO] = C_NEXT,
		[ANSWER_TEMP] = C_NEXT,
		[ANSWER_PERM] = C_NEXT,
		[ANSWER_THROTTLE] = C_THROTTLED,
		[ANSWER_CLOSING] = C_THROTTLED,
		[ANSWER_NOISE] = C_NEXT,
		[ANSWER_LOST] = C_NEXT,
		[ANSWER_LATE] = C_NEXT,
	},
	[CONN_EHLO] = {
		[ANSWER_OK] = C_UP,
		[ANSWER_GO] = C_NEXT,
		[ANSWER_TEMP] = C_NEXT,
		[ANSWER_PERM] = C_HELO,
		[ANSWER_THROTTLE] = C_THROTTLED,
		[ANSWER_CLOSING] = C_THROTTLED,
		[ANSWER_NOISE] = C_NEXT,
		[ANSWER_LOST] = C_NEXT,
		[ANSWER_LATE] = C_NEXT,
	},
	[CONN_HELO] = {
		[ANSWER_OK] = C_UP,
		[ANSWER_GO] = C_NEXT,
		[ANSWER_TEMP] = C_NEXT,
		[ANSWER_PERM] = C_NEXT,
		[ANSWER_THROTTLE] = C_THROTTLED,
		[ANSWER_CLOSING] = C_THROTTLED,
		[ANSWER_NOISE] = C_NEXT,
		[ANSWER_LOST] = C_NEXT,
		[ANSWER_LATE] = C_NEXT,
	},
	[CONN_LHLO] = {
		[ANSWER_OK] = C_UP,
		[ANSWER_GO] = C_NEXT,
		[ANSWER_TEMP] = C_NEXT,
		[ANSWER_PERM] = C_NEXT,
		[ANSWER_THROTTLE] = C_THROTTLED,
		[ANSWER_CLOSING] = C_THROTTLED,
		[ANSWER_NOISE] = C_NEXT,
		[ANSWER_LOST] = C_NEXT,
		[ANSWER_LATE] = C_NEXT,
	},
	[CONN_IDLE] = {
		[ANSWER_OK] = C_ASTRAY,
		[ANSWER_GO] = C_ASTRAY,
		[ANSWER_TEMP] = C_END,
		[ANSWER_PERM] = C_END,
		[ANSWER_THROTTLE] = C_END,
		[ANSWER_CLOSING] = C_END,
		[ANSWER_NOISE] = C_END,
		[ANSWER_LOST] = C_LEFT,
		[ANSWER_LATE] = C_QUIT,
	},
	[CONN_BUSY] = { ALL_ARE(C_TXN), [ANSWER_LATE] = C_TXN },
	[CONN_RSET] = {
		[ANSWER_OK] = C_IDLE,
		[ANSWER_GO] = C_QUIT,
		[ANSWER_TEMP] = C_QUIT,
		[ANSWER_PERM] = C_QUIT,
		[ANSWER_THROTTLE] = C_THROTTLED,
		[ANSWER_CLOSING] = C_THROTTLED,
		[ANSWER_NOISE] = C_END,
		[ANSWER_LOST] = C_END,
		[ANSWER_LATE] = C_END,
	},
	[CONN_QUIT] = { ALL_ARE(C_END), [ANSWER_LATE] = C_END },
	[CONN_GONE] = { ALL_ARE(C_BUG), [ANSWER_LATE] = C_BUG },
};

enum smtp_stage
conn_stage(const struct conn *c)
{
	switch ((enum conn_state)c->state) {
	case CONN_CONNECTING:
		return STAGE_CONNECT;
	case CONN_GREETING:
		return STAGE_GREETING;
	case CONN_EHLO:
	case CONN_HELO:
	case CONN_LHLO:
		return STAGE_EHLO;
	case CONN_BUSY:
		return c->txn == NULL ? STAGE_IDLE : txn_stage(c->txn);
	case CONN_RSET:
		return STAGE_RSET;
	case CONN_QUIT:
		return STAGE_QUIT;
	case CONN_IDLE:
	case CONN_GONE:
	case CONN_STATE_N:
		break;
	}
	return STAGE_IDLE;
}

struct conn *
conn_find(const struct deliver *d, uint32_t number)
{
	struct key key = { &number, sizeof(number) };
	uint32_t handle = index_find(&d->conn_ids, key);

	return handle == 0 ? NULL : slab_get(&d->conn_slab, handle);
}

static bool
is_opening(const struct conn *c)
{
	return c->state < CONN_IDLE;
}

/* --- deadlines ------------------------------------------------------------ */

void
conn_await(struct conn *c, enum smtp_stage stage)
{
	int64_t end_ms = loop_now_ms(c->d->loop) + c->limits.stage_ms[stage];

	timer_set_at(
	    &c->timer, end_ms < c->attempt_end_ms ? end_ms : c->attempt_end_ms);
}

/* What began with another host ends when it would have. */
static bool
goes_on_elsewhere(const struct conn *c)
{
	return c->has_moved && c->n_messages == 0;
}

void
conn_begin_attempt(struct conn *c)
{
	if (goes_on_elsewhere(c) && c->attempt_end_ms != INT64_MAX)
		return;
	c->attempt_end_ms = loop_now_ms(c->d->loop) + c->limits.attempt_ms;
}

void
conn_move(struct conn *c, enum conn_state to)
{
	c->state = (uint8_t)to;
	conn_await(c, conn_stage(c));
}

/* --- the end -------------------------------------------------------------- */

static void
report(struct conn *c, const struct conn_end *end)
{
	struct msg_conn_down m = {
		.conn = c->number,
		.why = (uint8_t)end->why,
		.stage = (uint8_t)end->stage,
		.code = end->code,
		.wait_ms = end->wait_ms,
		.host = c->host,
		.text = end->text,
	};

	if (end->why == CONN_CLOSED)
		LOG(EV_CONN_CLOSED, KV_NUM("conn", c->number),
		    KV_STR("site", c->site), KV_STR("host", c->host),
		    KV_NUM("messages", c->n_messages),
		    KV_STR("reason", end->text));
	else
		LOG(EV_CONN_FAILED, KV_NUM("conn", c->number),
		    KV_STR("site", c->site), KV_STR("host", c->host),
		    KV_STR("address", c->address),
		    KV_CSTR("stage", facts_stage_text(end->stage)),
		    KV_NUM("code", end->code), KV_STR("error", end->text));
	work_send_down(c->d, &m);
}

static void
give_back_waiting(struct conn *c, const char *why)
{
	struct link *link;

	while ((link = list_first(&c->waiting)) != NULL) {
		list_remove(&c->waiting, link);
		lease_give_back(LIST_ITEM(link, struct lease, link),
		    OUTCOME_RETURNED, c->site, why);
	}
}

void
conn_down(struct conn *c, const struct conn_end *end)
{
	struct deliver *d = c->d;
	struct key key = { &c->number, sizeof(c->number) };

	BUG_IF(c->state == CONN_GONE);
	txn_lost(c, end);
	give_back_waiting(c, "the connection ended before");
	report(c, end);
	wire_close(c, end->is_reset);
	timer_stop(&c->timer);
	c->state = CONN_GONE;
	(void)index_remove(&d->conn_ids, key);
	list_remove(&d->conns, &c->link);
	list_push_back(&d->dead, &c->link);
	page_set_figure(svc_page(d->svc), d->conns.n);
	turn_end_ask(&d->bury);
	work_conn_gone(d);
}

static void
destroy(struct conn *c)
{
	timer_fini(&c->timer);
	buf_fini(&c->in);
	buf_fini(&c->out);
	free(c->failure.text);
	free(c->names);
	slab_free_item(&c->d->conn_slab, c->handle);
}

/* Call-backs of this turn may still hold them. */
static void
bury_dead(void *arg)
{
	struct deliver *d = arg;
	struct link *link;

	while ((link = list_first(&d->dead)) != NULL) {
		list_remove(&d->dead, link);
		destroy(LIST_ITEM(link, struct conn, link));
	}
}

void
conn_break_off(struct conn *c, const char *text)
{
	struct conn_end end = {
		.why = CONN_CLOSED,
		.stage = conn_stage(c),
		.text = str_from_c(text),
		.is_reset = true,
	};

	conn_down(c, &end);
}

void
conn_no_memory(struct conn *c)
{
	struct conn_end end = {
		.why = CONN_LOST,
		.stage = conn_stage(c),
		.text = STR("no memory"),
		.is_reset = true,
	};

	conn_down(c, &end);
}

/* --- moves ---------------------------------------------------------------- */

void
conn_say(struct conn *c, struct str text)
{
	if (buf_append(&c->out, text) != ERR_OK)
		conn_no_memory(c);
}

static void
quit(struct conn *c)
{
	if (c->transport == TRANSPORT_DISCARD) {
		conn_break_off(c, "no longer needed");
		return;
	}
	conn_move(c, CONN_QUIT);
	conn_say(c, STR("QUIT\r\n"));
}

void
conn_go_on(struct conn *c)
{
	if (!goes_on_elsewhere(c))
		c->attempt_end_ms = INT64_MAX;
	conn_move(c, CONN_IDLE);
	/* What is here already is no reply to what is not sent yet: the table
	 * ends it. */
	if (c->has_more) {
		conn_await(c, STAGE_RSET);
		return;
	}
	txn_begin_more(c);
	if (c->txn != NULL) {
		conn_begin_attempt(c);
		conn_move(c, CONN_BUSY);
	} else if (c->is_closing) {
		quit(c);
	}
}

void
conn_txn_over(struct conn *c, bool needs_rset)
{
	if (c->txn != NULL) {
		conn_begin_attempt(c);
		conn_move(c, CONN_BUSY);
	} else if (needs_rset) {
		conn_begin_attempt(c);
		conn_move(c, CONN_RSET);
		conn_say(c, STR("RSET\r\n"));
	} else {
		conn_go_on(c);
	}
}

static void
end_with(struct conn *c, enum conn_why why, const struct input *in)
{
	struct conn_end end = {
		.why = why,
		.stage = conn_stage(c),
		.wait_ms = in->wait_ms,
		.text = tell_input(c, in),
	};

	if (in->reply != NULL)
		end.code = in->reply->code;
	conn_down(c, &end);
}

/* --- what comes ----------------------------------------------------------- */

static void
log_broken(const struct conn *c, const char *fault)
{
	LOG(EV_REPLY_BROKEN, KV_NUM("conn", c->number), KV_STR("site", c->site),
	    KV_STR("host", c->host),
	    KV_CSTR("stage", facts_stage_text(conn_stage(c))),
	    KV_CSTR("fault", fault));
}

static void
take_it(struct conn *c, const struct input *in)
{
	switch ((enum action)steps[c->state][in->answer]) {
	case C_BUG:
		BUG_IF(c->state == CONN_GONE);
		break;
	case C_NEXT:
		opening_fail(c, in);
		break;
	case C_EHLO:
		opening_greet(c);
		break;
	case C_HELO:
		opening_greet_old(c);
		break;
	case C_UP:
		opening_up(c, in->reply);
		break;
	case C_TXN:
		txn_input(c, in);
		break;
	case C_IDLE:
		conn_go_on(c);
		break;
	case C_QUIT:
		quit(c);
		break;
	case C_END:
		end_with(c, CONN_CLOSED, in);
		break;
	case C_LEFT:
		if (conn_can_move(c))
			opening_fail(c, in);
		else
			end_with(c, CONN_CLOSED, in);
		break;
	case C_ASTRAY:
		log_broken(c, "one reply too many");
		conn_break_off(c, "one reply too many");
		break;
	case C_THROTTLED:
		end_with(c, CONN_THROTTLED, in);
		break;
	}
}

void
conn_reply(struct conn *c, const struct reply *reply)
{
	struct ruling ruling = verdict_judge(reply, conn_stage(c));
	struct input in = {
		.answer = ruling.answer,
		.reply = reply,
		.wait_ms = ruling.wait_ms,
	};

	take_it(c, &in);
}

void
conn_fail(struct conn *c, enum answer answer, const char *text)
{
	struct input in = { .answer = answer, .text = text };

	if (answer == ANSWER_NOISE)
		log_broken(c, text);
	take_it(c, &in);
}

void
conn_connected(struct conn *c)
{
	conn_move(c, CONN_GREETING);
}

void
conn_late(void *arg)
{
	struct conn *c = arg;

	conn_fail(c, ANSWER_LATE, "timed out");
	wire_flush(c);
}

/* --- what qmgr asks for --------------------------------------------------- */

void
conn_give(struct deliver *d, struct lease *l)
{
	struct conn *c = conn_find(d, l->conn);

	if (c == NULL || c->state == CONN_QUIT || svc_is_stopping(d->svc)) {
		lease_give_back(l, OUTCOME_RETURNED,
		    c == NULL ? STR("") : c->site, "the connection has ended");
		return;
	}
	if (l->segment == NULL) {
		lease_give_back(l, OUTCOME_UNREADABLE, c->site,
		    "the segment's descriptor is missing");
		return;
	}
	list_push_back(&c->waiting, &l->link);
	if (c->state == CONN_IDLE)
		conn_go_on(c);
	else if (c->state == CONN_BUSY)
		txn_begin_more(c);
	wire_flush(c);
}

void
conn_close(struct conn *c)
{
	c->is_closing = true;
	if (is_opening(c))
		conn_break_off(c, "closed by the queue manager");
	else if (c->state == CONN_IDLE)
		quit(c);
	wire_flush(c);
}

void
conn_close_all(struct deliver *d)
{
	struct link *link, *tmp;

	LIST_FOREACH_SAFE (link, tmp, &d->conns) {
		struct conn *c = LIST_ITEM(link, struct conn, link);

		give_back_waiting(c, "stopping");
		conn_close(c);
	}
}

void
conn_tell_held(struct deliver *d)
{
	struct link *link;

	LIST_FOREACH (link, &d->conns) {
		struct conn *c = LIST_ITEM(link, struct conn, link);

		if (c->state == CONN_QUIT || svc_is_stopping(d->svc))
			continue;
		/* Whoever asked for its end is no more. */
		c->is_closing = false;
		work_send_hold_conn(d, c);
	}
}

void
conn_drop_opening(struct deliver *d)
{
	struct link *link, *tmp;

	LIST_FOREACH_SAFE (link, tmp, &d->conns) {
		struct conn *c = LIST_ITEM(link, struct conn, link);

		if (is_opening(c))
			conn_break_off(c, "the queue manager has gone");
	}
}

void
conn_init_all(struct deliver *d)
{
	index_init(&d->conn_ids, CONNS_MAX);
	slab_init(&d->conn_slab, sizeof(struct conn), CONNS_MAX);
	list_init(&d->conns);
	list_init(&d->dead);
	turn_end_init(&d->bury, d->loop, bury_dead, d);
}

void
conn_fini_all(struct deliver *d)
{
	BUG_IF(!list_is_empty(&d->conns));
	bury_dead(d);
	turn_end_fini(&d->bury);
	index_fini(&d->conn_ids);
	slab_fini(&d->conn_slab);
}
