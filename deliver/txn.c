/* SPDX-License-Identifier: BSD-2-Clause */
/* txn: a transaction's way through its stages. */
#include "deliver/txn.h"

#include <stdlib.h>

#include "deliver/body.h"
#include "deliver/commands.h"
#include "deliver/conn.h"
#include "deliver/deliver_int.h"
#include "deliver/lease.h"
#include "deliver/tell.h"
#include "deliver/txn_int.h"
#include "util/base/fatal.h"
#include "util/proto/messages.h"

/*
 * A row is the stage whose reply is waited for, a column what comes. MAIL,
 * RCPT and DATA are sent at once where the server offers PIPELINING: then the
 * replies are taken one by one all the same.
 *
 *		2xx	  3xx	 4xx 5xx  throttle   closing	noise lost late
 * MAIL		named	  broken refuse	  throttled  closing	broken
 * RCPT		accept	  broken reject	  throttled  throttled	broken
 * DATA		broken	  body	 refuse	  throttled  throttled	broken
 * BODY		broken	  broken early	  throttled  throttled	broken
 * DOT		delivered broken refuse	  throttled  throttled	broken
 * dot (LMTP)	one	  broken one	  one_busy   one_busy	broken
 *
 * named	go on with RCPT
 * accept	this recipient is good for the content
 * reject	this recipient has its verdict
 * refuse	all that have no verdict have this one
 * early	the same, and the rest of the content cannot be sent
 * body		send the content; the dot alone if nobody was accepted (RFC
 *		2920 3.1: the server could not know that we have nothing)
 * closing	as throttled for a first message; later ones go back as if they
 *		were not begun
 * one		the verdict of the next recipient that was accepted (RFC 2033
 *		4.2): there are as many replies as such recipients
 * one_busy	the same, deferred: a mailbox that is busy says nothing of the
 *		others; as throttled where there are none
 * broken	the connection ends: txn_lost() gives verdicts, doubtful behind
 *		the dot
 *
 * BODY becomes DOT when the last byte of the dot is written.
 */
enum action {
	T_BROKEN,
	T_NAMED,
	T_ACCEPT,
	T_REJECT,
	T_REFUSE,
	T_BODY,
	T_EARLY,
	T_DELIVERED,
	T_ONE,
	T_ONE_BUSY,
	T_THROTTLED,
	T_CLOSING,
};

#define NO_REPLY \
	[ANSWER_NOISE] = T_BROKEN, [ANSWER_LOST] = T_BROKEN, \
	[ANSWER_LATE] = T_BROKEN

/* The row behind those of the stages. */
#define ROW_LMTP_DOT STAGE_N

static const uint8_t steps[STAGE_N + 1][ANSWER_N] = {
	[STAGE_MAIL] = {
		[ANSWER_OK] = T_NAMED,
		[ANSWER_GO] = T_BROKEN,
		[ANSWER_TEMP] = T_REFUSE,
		[ANSWER_PERM] = T_REFUSE,
		[ANSWER_THROTTLE] = T_THROTTLED,
		[ANSWER_CLOSING] = T_CLOSING,
		NO_REPLY,
	},
	[STAGE_RCPT] = {
		[ANSWER_OK] = T_ACCEPT,
		[ANSWER_GO] = T_BROKEN,
		[ANSWER_TEMP] = T_REJECT,
		[ANSWER_PERM] = T_REJECT,
		[ANSWER_THROTTLE] = T_THROTTLED,
		[ANSWER_CLOSING] = T_THROTTLED,
		NO_REPLY,
	},
	[STAGE_DATA] = {
		[ANSWER_OK] = T_BROKEN,
		[ANSWER_GO] = T_BODY,
		[ANSWER_TEMP] = T_REFUSE,
		[ANSWER_PERM] = T_REFUSE,
		[ANSWER_THROTTLE] = T_THROTTLED,
		[ANSWER_CLOSING] = T_THROTTLED,
		NO_REPLY,
	},
	[STAGE_BODY] = {
		[ANSWER_OK] = T_BROKEN,
		[ANSWER_GO] = T_BROKEN,
		[ANSWER_TEMP] = T_EARLY,
		[ANSWER_PERM] = T_EARLY,
		[ANSWER_THROTTLE] = T_THROTTLED,
		[ANSWER_CLOSING] = T_THROTTLED,
		NO_REPLY,
	},
	[STAGE_DOT] = {
		[ANSWER_OK] = T_DELIVERED,
		[ANSWER_GO] = T_BROKEN,
		[ANSWER_TEMP] = T_REFUSE,
		[ANSWER_PERM] = T_REFUSE,
		[ANSWER_THROTTLE] = T_THROTTLED,
		[ANSWER_CLOSING] = T_THROTTLED,
		NO_REPLY,
	},
	[ROW_LMTP_DOT] = {
		[ANSWER_OK] = T_ONE,
		[ANSWER_GO] = T_BROKEN,
		[ANSWER_TEMP] = T_ONE,
		[ANSWER_PERM] = T_ONE,
		[ANSWER_THROTTLE] = T_ONE_BUSY,
		[ANSWER_CLOSING] = T_ONE_BUSY,
		NO_REPLY,
	},
};

/* 4.4.2: the connection broke; 4.5.0: the server makes no sense. */
static const struct status bad_connection = { 4, 4, 2 };

enum smtp_stage
txn_stage(const struct txn *t)
{
	return t->stage;
}

/* --- verdicts ------------------------------------------------------------- */

/* The reply that the result names: the first that is a failure, else the
 * last. */
static void
note_reply(struct txn *t, const struct ruled *r)
{
	if (t->has_failure)
		return;
	t->has_failure = r->verdict != VERDICT_DELIVERED;
	t->reply = r->text;
	t->code = r->code;
}

static void
decide(struct txn *t, uint32_t i, const struct ruled *r)
{
	struct facts_rcpt *rcpt = &t->rcpts[i];

	if (t->more[i].is_decided)
		return;
	t->more[i].is_decided = true;
	rcpt->verdict = r->verdict;
	rcpt->code = r->code;
	rcpt->enhanced = r->enhanced;
	rcpt->reply = r->text;
	note_reply(t, r);
}

void
txn_decide_rest(struct txn *t, const struct ruled *r)
{
	for (uint32_t i = 0; i < t->n; i++)
		decide(t, i, r);
	t->is_decided = true;
}

static struct ruled
rule(struct txn *t, const struct input *in)
{
	struct ruled r = { .verdict = verdict_of(in->answer) };

	r.code = in->reply->code;
	r.enhanced = in->reply->enhanced;
	r.text = tell_keep_reply(t, in->reply);
	return r;
}

/* --- results -------------------------------------------------------------- */

/* Tells the result, and makes the transaction behind it the one in turn. */
static void
finish(struct conn *c, enum outcome outcome)
{
	struct txn *t = c->txn;

	if (t->stage == STAGE_DOT && !t->is_doubtful)
		(void)lease_raise(t->lease, SLOT_ANSWERED);
	tell_result(c, t, outcome);
	c->n_messages++;
	c->txn = c->next;
	c->next = NULL;
	txn_free(c->d, t);
}

/* One that no reply has come for is as good as not begun: the peer closed
 * between messages, as many do without a word. */
static bool
is_unbegun(const struct conn *c, bool is_late)
{
	return c->txn->stage == STAGE_MAIL && c->n_messages > 0 && !is_late;
}

void
txn_lost(struct conn *c, const struct conn_end *end)
{
	struct txn *t;
	struct ruled r = {
		.verdict = VERDICT_DEFERRED,
		.enhanced = bad_connection,
	};

	for (bool is_late = end->is_late; (t = c->txn) != NULL;
	     is_late = false) {
		if (is_unbegun(c, is_late)) {
			finish(c, OUTCOME_RETURNED);
			continue;
		}
		t->is_doubtful = t->stage == STAGE_DOT && !t->is_decided;
		r.text = tell_keep_text(t, end->text);
		txn_decide_rest(t, &r);
		finish(c, OUTCOME_TRIED);
	}
}

/* The record, not the peer, is why it ends. */
static void
give_up(struct conn *c, enum outcome outcome, const char *why)
{
	struct conn_end end = {
		.why = CONN_CLOSED,
		.stage = c->txn->stage,
		.text = str_from_c(why),
		.is_reset = true,
	};

	c->txn->reply = tell_keep_text(c->txn, end.text);
	finish(c, outcome);
	conn_down(c, &end);
}

/* --- sending -------------------------------------------------------------- */

static void
break_off(struct conn *c, const char *why)
{
	struct conn_end end = {
		.why = CONN_LOST,
		.stage = c->txn->stage,
		.text = str_from_c(why),
		.is_reset = true,
	};

	conn_down(c, &end);
}

static void
no_memory(struct conn *c)
{
	break_off(c, "no memory");
}

/* The slot first: should we die right after the write, it says so. */
static void
put_dot(struct conn *c)
{
	struct txn *t = c->txn;

	if (!lease_raise(t->lease, SLOT_DOT_SENT)) {
		give_up(c, OUTCOME_RETURNED, "the lease was taken back");
		return;
	}
	if (body_put_end(&t->body, &c->out) != ERR_OK) {
		no_memory(c);
		return;
	}
	c->until_dot = (uint32_t)buf_len(&c->out);
	txn_begin_more(c);
}

void
txn_put_content(struct conn *c)
{
	struct txn *t = c->txn;

	c->has_content = false;
	switch (body_put(&t->body, &c->out)) {
	case ERR_OK:
		put_dot(c);
		break;
	case ERR_AGAIN:
		c->has_content = true;
		break;
	case ERR_SYNTAX:
		tell_bad_record(t->lease, "the content has changed");
		give_up(c, OUTCOME_DAMAGED, "body: the record is damaged");
		break;
	case ERR_FULL:
		no_memory(c);
		break;
	case ERR_EOF:
	case ERR_RANGE:
	case ERR_NOTFOUND:
	case ERR_EXISTS:
	case ERR_TIMEOUT:
	case ERR_PROTO:
	case ERR_DENIED:
	case ERR_EXPIRED:
	case ERR_IO:
		give_up(
		    c, OUTCOME_UNREADABLE, "body: the record is unreadable");
		break;
	}
}

void
txn_dot_is_out(struct conn *c)
{
	c->txn->stage = STAGE_DOT;
	conn_await(c, STAGE_DOT);
}

static void
await_stage(struct conn *c, enum smtp_stage stage)
{
	c->txn->stage = stage;
	conn_await(c, stage);
}

/* 354 has come. Where the sender was refused and recipients were taken all the
 * same, even a lone dot might be delivered; and how many replies an LMTP server
 * has for one is anyone's guess. */
static void
begin_content(struct conn *c)
{
	struct txn *t = c->txn;

	if (!t->is_decided && t->n_accepted > 0) {
		await_stage(c, STAGE_BODY);
		txn_put_content(c);
		return;
	}
	t->is_decided = true;
	await_stage(c, STAGE_DOT);
	if (t->n_accepted > 0)
		break_off(c, "DATA: 354 after the sender was refused");
	else if (c->transport == TRANSPORT_LMTP)
		break_off(c, "DATA: 354 without a recipient");
	else if (buf_append(&c->out, STR(".\r\n")) != ERR_OK)
		no_memory(c);
}

/* --- replies -------------------------------------------------------------- */

static void
over(struct conn *c, bool needs_rset)
{
	finish(c, OUTCOME_TRIED);
	conn_txn_over(c, needs_rset);
}

/* All RCPTs have their replies. */
static void
end_of_rcpts(struct conn *c)
{
	struct txn *t = c->txn;

	if (!t->is_piped && t->n_accepted == 0) {
		over(c, true);
		return;
	}
	await_stage(c, STAGE_DATA);
	if (!t->is_piped && commands_put_data(&c->out) != ERR_OK)
		no_memory(c);
}

static void
next_rcpt(struct conn *c)
{
	struct txn *t = c->txn;

	if (t->n_answered == t->n) {
		end_of_rcpts(c);
		return;
	}
	await_stage(c, STAGE_RCPT);
	if (!t->is_piped && commands_put_rcpt(t, &c->ehlo, &c->out) != ERR_OK)
		no_memory(c);
}

static void
accept_rcpt(struct conn *c)
{
	struct txn *t = c->txn;

	t->n_answered++;
	t->n_accepted++;
	next_rcpt(c);
}

static void
reject_rcpt(struct conn *c, const struct input *in)
{
	struct txn *t = c->txn;
	struct ruled r = rule(t, in);

	/* Once the others are delivered, this one may follow at once. */
	if (t->n_accepted > 0 && r.verdict == VERDICT_DEFERRED &&
	    verdict_is_too_many(in->reply))
		r.verdict = VERDICT_THROTTLED;
	decide(t, t->n_answered++, &r);
	next_rcpt(c);
}

/* MAIL, DATA or the dot is refused. With all sent at once, the replies to what
 * was sent behind MAIL still come. */
static void
refuse(struct conn *c, const struct input *in)
{
	struct txn *t = c->txn;
	struct ruled r = rule(t, in);

	t->is_refused = t->is_refused || t->stage == STAGE_MAIL;
	txn_decide_rest(t, &r);
	if (t->stage == STAGE_MAIL && t->is_piped)
		next_rcpt(c);
	else
		over(c, t->stage == STAGE_DATA && !t->is_refused);
}

static void
early(struct conn *c, const struct input *in)
{
	struct ruled r = rule(c->txn, in);
	struct conn_end end = {
		.why = CONN_LOST,
		.stage = STAGE_BODY,
		.code = r.code,
		.text = STR("body: the reply came before the end"),
		.is_reset = true,
	};

	txn_decide_rest(c->txn, &r);
	finish(c, OUTCOME_TRIED);
	conn_down(c, &end);
}

static void
delivered(struct conn *c, const struct input *in)
{
	struct ruled r = rule(c->txn, in);

	txn_decide_rest(c->txn, &r);
	over(c, false);
}

/* What has its verdicts keeps them. */
static void
throttled(struct conn *c, const struct input *in)
{
	struct txn *t = c->txn;
	struct conn_end end = {
		.why = CONN_THROTTLED,
		.stage = t->stage,
		.code = in->reply->code,
		.wait_ms = in->wait_ms,
		.text = tell_input(c, in),
		.is_reset = t->stage == STAGE_BODY,
	};

	if (t->is_decided) {
		finish(c, OUTCOME_TRIED);
	} else {
		t->reply = tell_keep_reply(t, in->reply);
		t->code = in->reply->code;
		finish(c, OUTCOME_THROTTLED);
	}
	conn_down(c, &end);
}

static bool
has_undecided(struct txn *t)
{
	while (t->n_told < t->n && t->more[t->n_told].is_decided)
		t->n_told++;
	return t->n_told < t->n;
}

/* One of the replies to a dot of LMTP. */
static void
one(struct conn *c, const struct input *in)
{
	struct txn *t = c->txn;
	struct ruled r = rule(t, in);

	if (r.verdict == VERDICT_THROTTLED)
		r.verdict = VERDICT_DEFERRED;
	/* Someone was accepted, else there were no dot. */
	BUG_IF(!has_undecided(t));
	decide(t, t->n_told, &r);
	if (has_undecided(t)) {
		conn_await(c, STAGE_DOT);
		return;
	}
	t->is_decided = true;
	over(c, false);
}

static void
one_busy(struct conn *c, const struct input *in)
{
	if (c->txn->n_accepted == 1)
		throttled(c, in);
	else
		one(c, in);
}

static void
closing(struct conn *c, const struct input *in)
{
	struct conn_end end = {
		.why = CONN_CLOSED,
		.stage = STAGE_MAIL,
		.code = in->reply->code,
		.text = tell_input(c, in),
	};

	if (c->n_messages == 0)
		throttled(c, in);
	else
		conn_down(c, &end);
}

/* No host has taken notice of the message: another one may have it. */
static void
put_back(struct conn *c)
{
	struct lease *l = c->txn->lease;

	l->state = LEASE_WAITING;
	list_push_front(&c->waiting, &l->link);
	txn_free(c->d, c->txn);
	c->txn = NULL;
}

static void
broken(struct conn *c, const struct input *in)
{
	struct conn_end end = {
		.why = CONN_LOST,
		.stage = c->txn->stage,
		.text = tell_input(c, in),
		.is_late = in->answer == ANSWER_LATE,
		.is_reset = true,
	};

	if (in->reply != NULL)
		end.code = in->reply->code;
	if (in->answer == ANSWER_LOST && is_unbegun(c, false))
		end.why = CONN_CLOSED;
	if (c->txn->stage == STAGE_MAIL && conn_can_move(c)) {
		put_back(c);
		conn_try_next(c, &end);
		return;
	}
	conn_down(c, &end);
}

static unsigned
row_of(const struct conn *c)
{
	if (c->transport == TRANSPORT_LMTP && c->txn->stage == STAGE_DOT)
		return ROW_LMTP_DOT;
	return c->txn->stage;
}

void
txn_input(struct conn *c, const struct input *in)
{
	switch ((enum action)steps[row_of(c)][in->answer]) {
	case T_BROKEN:
		broken(c, in);
		break;
	case T_NAMED:
		next_rcpt(c);
		break;
	case T_ACCEPT:
		accept_rcpt(c);
		break;
	case T_REJECT:
		reject_rcpt(c, in);
		break;
	case T_REFUSE:
		refuse(c, in);
		break;
	case T_BODY:
		begin_content(c);
		break;
	case T_EARLY:
		early(c, in);
		break;
	case T_DELIVERED:
		delivered(c, in);
		break;
	case T_ONE:
		one(c, in);
		break;
	case T_ONE_BUSY:
		one_busy(c, in);
		break;
	case T_THROTTLED:
		throttled(c, in);
		break;
	case T_CLOSING:
		closing(c, in);
		break;
	}
}
