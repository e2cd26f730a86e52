/* SPDX-License-Identifier: BSD-2-Clause */
/* orders: takes what a person orders, keeps it durable, tells how it went. */
#include "qmgr/orders.h"

#include <stdlib.h>

#include "qmgr/control.h"
#include "qmgr/peers.h"
#include "qmgr/qmgr_int.h"
#include "qmgr/turn.h"
#include "util/base/fatal.h"
#include "util/log/log.h"
#include "util/text/json.h"
#include "util/text/when.h"

#define EXIT_UNKNOWN 1
#define EXIT_DENIED 100
#define EXIT_LATER 111
#define TEXT_BYTES 512

/* Somebody who gave an order: until it has been everywhere, then until all of
 * that is durable. */
struct order_wait {
	struct link link; /* in qmgr.orders */
	struct journal_wait durable;
	struct qmgr *q;
	struct qpeer *peer; /* NULL: it did not wait for the end */
	uint64_t number;
	uint32_t pid;
	bool is_applied;
	uint64_t parts;
	struct outbuf text;
	char bytes[TEXT_BYTES];
};

static void
wait_free(struct order_wait *wait)
{
	list_remove(&wait->q->orders, &wait->link);
	free(wait);
}

void
orders_gone(struct qpeer *peer)
{
	struct link *link;

	LIST_FOREACH (link, &peer->q->orders) {
		struct order_wait *wait =
		    LIST_ITEM(link, struct order_wait, link);

		if (wait->peer == peer)
			wait->peer = NULL;
	}
}

static void
on_durable(struct journal_wait *durable)
{
	struct order_wait *wait =
	    LIST_ITEM(durable, struct order_wait, durable);
	struct qpeer *peer = wait->peer;
	enum err err = ERR_OK;

	if (peer != NULL)
		err = control_answer(
		    peer, 0, wait->parts, outbuf_str(&wait->text));
	wait_free(wait);
	/* FULL: it asked, and does not read. */
	if (err != ERR_OK)
		peers_cut(peer);
}

/* --- what is told --------------------------------------------------------- */

static struct str
done_word(enum order_kind kind)
{
	switch (kind) {
	case ORDER_RETRY:
		return STR(" made due now");
	case ORDER_HOLD:
		return STR(" held");
	case ORDER_RELEASE:
		return STR(" released");
	case ORDER_CANCEL:
		return STR(" cancelled");
	case ORDER_MOVE:
		return STR(" moved");
	case ORDER_NONE:
	case ORDER_SUSPEND:
	case ORDER_RESUME:
	case ORDER_KIND_N:
		break;
	}
	return STR("");
}

static void
put_number(struct outbuf *out, const struct order *order)
{
	outbuf_put(out, STR("order "));
	outbuf_put_u64(out, order->number);
}

static void
put_counts(struct outbuf *out, const struct core_action *a)
{
	const struct order *order = a->order;
	struct str word = done_word((enum order_kind)order->kind);

	outbuf_put_u64(out, order->parts);
	outbuf_put(out, word);
	if (order->kind == ORDER_RETRY)
		return;
	outbuf_put(out, STR(" ("));
	put_number(out, order);
	outbuf_putc(out, ')');
	if (a->n > 0) {
		outbuf_put(out, STR("\nup to "));
		outbuf_put_u64(out, a->n);
		outbuf_put(out, STR(" more are being delivered now:"));
		outbuf_put(out, word);
		outbuf_put(out, STR(" if that fails"));
	}
	if (a->n_stuck > 0) {
		outbuf_putc(out, '\n');
		outbuf_put_u64(out, a->n_stuck);
		outbuf_put(out,
		    STR(" stay where they are: there is no memory for the "
		        "queues that they should go to"));
	}
}

static void
put_answer(struct outbuf *out, const struct core_action *a)
{
	const struct order *order = a->order;

	if (order->kind == ORDER_SUSPEND) {
		outbuf_put(out, STR("suspended by "));
		put_number(out, order);
		outbuf_put(out, STR(" until "));
		if (order->until_ms == 0 ||
		    when_iso8601(out, order->until_ms) != ERR_OK)
			outbuf_put(out, STR("somebody resumes it"));
	} else if (order->kind == ORDER_RESUME) {
		outbuf_put(out, STR("resumed: "));
		put_number(out, order);
		outbuf_put(out, STR(" is over"));
	} else {
		put_counts(out, a);
	}
}

static void
log_order(const struct order *order, uint32_t pid)
{
	char bytes[ORDER_MATCH_TEXT_BYTES + ORDER_TEXT_MAX_BYTES + 8];
	struct outbuf match = { bytes, 0, sizeof(bytes) };

	order_match_put(&match, &order->match);
	if (order->kind == ORDER_MOVE) {
		outbuf_put(&match, STR(" to "));
		outbuf_put(&match, order->target);
	}
	LOG(EV_OPERATOR, KV_CSTR("command", order_kind_text(order->kind)),
	    KV_NUM("order", order->number), KV_STR("by", order->by),
	    KV_NUM("uid", order->uid), KV_NUM("pid", pid),
	    KV_STR("match", outbuf_str(&match)), KV_NUM("n", order->parts),
	    KV_STR("msg", order->why));
}

static struct order_wait *
find_wait(struct qmgr *q, uint64_t number)
{
	struct link *link;

	LIST_FOREACH (link, &q->orders) {
		struct order_wait *wait =
		    LIST_ITEM(link, struct order_wait, link);

		if (wait->number == number && !wait->is_applied)
			return wait;
	}
	return NULL;
}

void
orders_applied(struct qmgr *q, const struct core_action *a)
{
	struct order_wait *wait = find_wait(q, a->order->number);

	log_order(a->order, wait == NULL ? 0 : wait->pid);
	if (wait == NULL)
		return;
	wait->is_applied = true;
	wait->parts = a->order->parts;
	put_answer(&wait->text, a);
	wait->durable.done = on_durable;
	journal_wait(q->journal, &wait->durable);
}

/* --- the ledger ----------------------------------------------------------- */

void
orders_put(struct qmgr *q, const struct core_action *a)
{
	journal_put_policy(q->journal, a->order);
	/* A suspension that came to its end: nobody asked for that now. */
	if (a->order->kind == ORDER_RESUME &&
	    find_wait(q, a->order->number) == NULL)
		log_order(a->order, 0);
}

static void
open_facts(struct json *j, struct outbuf *out, const struct order *order)
{
	json_init(j, out);
	json_open_object(j);
	json_key(j, STR("order"));
	json_u64(j, order->number);
	json_key(j, STR("command"));
	json_str(j, str_from_c(order_kind_text(order->kind)));
	json_key(j, STR("by"));
	json_str(j, order->by);
	json_key(j, STR("uid"));
	json_u64(j, order->uid);
	json_key(j, STR("why"));
	json_str(j, order->why);
}

static void
close_facts(struct json *j)
{
	json_close_object(j);
	/* Its texts are bounded. */
	BUG_IF(json_end(j) != ERR_OK);
}

struct str
orders_facts(struct qmgr *q, uint64_t number)
{
	struct outbuf out = { q->order_facts, 0, sizeof(q->order_facts) };
	struct core_order_view view;
	struct json j;

	/* One order is for many parts. */
	if (q->order_facts_of == number)
		return (struct str){ q->order_facts, q->order_facts_len };
	if (!core_order_get(q->core, number, &view))
		return STR("");
	open_facts(&j, &out, &view.order);
	close_facts(&j);
	q->order_facts_of = number;
	q->order_facts_len = out.len;
	return outbuf_str(&out);
}

static void
key_queue(struct json *j, struct str name, const struct queue_key *key)
{
	char bytes[CORE_QUEUE_NAME_MAX_BYTES];
	struct outbuf text = { bytes, 0, sizeof(bytes) };

	core_queue_name(key, &text);
	json_key(j, name);
	json_str(j, outbuf_str(&text));
}

struct str
orders_move_facts(struct qmgr *q, const struct core_action *a)
{
	struct outbuf out = { q->order_facts, 0, sizeof(q->order_facts) };
	struct json j;

	open_facts(&j, &out, a->order);
	key_queue(&j, STR("from"), &a->key);
	key_queue(&j, STR("to"), &a->part.key);
	close_facts(&j);
	q->order_facts_of = 0;
	return outbuf_str(&out);
}

/* --- asked ---------------------------------------------------------------- */

static enum err
refuse(struct qpeer *peer, const struct msg_order_ask *ask, enum err err)
{
	if (err == ERR_NOTFOUND && ask->kind == ORDER_RESUME)
		return control_answer(peer, EXIT_UNKNOWN, 0,
		    STR("there is no such suspension; "
		        "holdfast suspend --list shows those in force"));
	if (err == ERR_NOTFOUND)
		return control_answer(peer, EXIT_UNKNOWN, 0,
		    STR("there is no such message in the queue"));
	if (err == ERR_AGAIN)
		return control_answer(peer, EXIT_LATER, 0,
		    STR("too many orders are in hand; try again"));
	if (err == ERR_FULL && ask->kind == ORDER_MOVE)
		return control_answer(peer, EXIT_LATER, 0,
		    STR("there is no memory for the order, or for the queue "
		        "that it leads to: nothing was moved"));
	if (err == ERR_FULL && ask->kind == ORDER_SUSPEND)
		return control_answer(peer, EXIT_LATER, 0,
		    STR("too many suspensions are in force (1000): "
		        "resume some first"));
	if (err == ERR_FULL)
		return control_answer(peer, EXIT_LATER, 0,
		    STR("too many holds are in force (10000): release or "
		        "cancel what they hold first"));
	return control_answer(peer, EXIT_DENIED, 0,
	    STR("an order needs a queue id or a condition, and a move the "
	        "name of a queue"));
}

static struct order_wait *
wait_new(struct qpeer *peer)
{
	struct order_wait *wait = calloc(1, sizeof(*wait));

	if (wait == NULL)
		return NULL;
	wait->q = peer->q;
	wait->peer = peer;
	wait->pid = peer->pid;
	wait->text = (struct outbuf){ wait->bytes, 0, sizeof(wait->bytes) };
	list_push_back(&peer->q->orders, &wait->link);
	return wait;
}

static enum err
take(struct qpeer *peer, const struct msg_order_ask *ask, uint32_t uid)
{
	struct qmgr *q = peer->q;
	struct order order = {
		.number = ask->number,
		.uid = uid,
		.kind = ask->kind,
		.match = { ask->qid, ask->queue, ask->tenant, ask->campaign,
		    ask->domain },
		.by = ask->by,
		.why = ask->why,
		.target = ask->target,
	};
	struct order_wait *wait = wait_new(peer);
	enum err err;

	if (wait == NULL)
		return refuse(peer, ask, ERR_AGAIN);
	if (ask->for_ms > 0)
		order.until_ms = loop_wall_ms(q->loop) + ask->for_ms;
	turn_begin(q);
	err = core_order(q->core, &order, &wait->number);
	if (err != ERR_OK) {
		wait_free(wait);
		return refuse(peer, ask, err);
	}
	turn_act(q);
	return ERR_OK;
}

enum err
orders_ask(struct qpeer *peer, struct str body)
{
	struct msg_order_ask ask;
	uint32_t uid;
	enum err err = msg_order_ask_decode(&ask, body);

	if (err != ERR_OK)
		return err;
	if (!peers_is_ours(peer, &uid))
		return control_answer(peer, EXIT_DENIED, 0,
		    STR("only root and the relay's own user may do that"));
	return take(peer, &ask, uid);
}

/* --- lists ---------------------------------------------------------------- */

static enum err
send_row(struct qpeer *peer, const struct core_order_view *view)
{
	const struct order *o = &view->order;
	struct msg_order_row m = {
		.number = o->number,
		.kind = o->kind,
		.stage = o->stage,
		.at_ms = o->at_ms,
		.until_ms = o->until_ms,
		.parts = o->parts,
		.held = view->held,
		.uid = o->uid,
		.by = o->by,
		.qid = o->match.qid,
		.queue = o->match.queue,
		.tenant = o->match.tenant,
		.campaign = o->match.campaign,
		.domain = o->match.domain,
		.why = o->why,
		.target = o->target,
	};

	return chan_send_order_row(peer->chan, &m);
}

/* What is over and holds nothing is kept for its number alone. */
static bool
is_shown(const struct core_order_view *view, unsigned kind)
{
	if (kind != ORDER_NONE && view->order.kind != kind)
		return false;
	return view->is_in_hand || view->held > 0 ||
	    view->order.stage != ORDER_OVER;
}

enum err
orders_list(struct qpeer *peer, struct str body)
{
	struct msg_orders_ask ask;
	struct msg_orders_end end = { 0 };
	struct core_order_view view;
	uint32_t rows = 0;
	enum err err = msg_orders_ask_decode(&ask, body);

	if (err != ERR_OK)
		return err;
	end.after = ask.after;
	turn_begin(peer->q);
	for (int i = 0; i < ORDERS_LOOK_MAX && rows < ask.rows; i++) {
		if (!core_order_next(peer->q->core, end.after, &view)) {
			end.after = 0;
			break;
		}
		end.after = view.order.number;
		if (!is_shown(&view, ask.kind))
			continue;
		err = send_row(peer, &view);
		if (err != ERR_OK)
			return control_sent(err);
		rows++;
	}
	return control_sent(chan_send_orders_end(peer->chan, &end));
}
