/* SPDX-License-Identifier: BSD-2-Clause */
/* order: kinds, bounds and texts of orders. */
#include "util/mail/order.h"

#include "util/base/array.h"

const char *
order_kind_text(unsigned kind)
{
	static const char *const texts[] = {
#define ORDER_KIND_TEXT(name, text) [name] = text,
		ORDER_KIND_TABLE(ORDER_KIND_TEXT)
#undef ORDER_KIND_TEXT
	};

	return kind < COUNT_OF(texts) ? texts[kind] : "?";
}

bool
order_is_sound(const struct order *order)
{
	const struct order_match *m = &order->match;

	return order->kind > ORDER_NONE && order->kind < ORDER_KIND_N &&
	    order->stage >= ORDER_BEGUN && order->stage < ORDER_STAGE_N &&
	    order->at_ms >= 0 && order->covers_ms >= 0 &&
	    order->until_ms >= 0 && m->queue.len <= ORDER_TEXT_MAX_BYTES &&
	    m->tenant.len <= ORDER_NAME_MAX_BYTES &&
	    m->campaign.len <= ORDER_NAME_MAX_BYTES &&
	    m->domain.len <= ORDER_NAME_MAX_BYTES &&
	    order->by.len <= ORDER_BY_MAX_BYTES &&
	    order->why.len <= ORDER_TEXT_MAX_BYTES &&
	    order->target.len <= ORDER_TEXT_MAX_BYTES;
}

bool
order_match_has_qid(const struct order_match *match)
{
	static const struct qid none;

	return qid_cmp(&match->qid, &none) != 0;
}

bool
order_match_is_any(const struct order_match *match)
{
	return !order_match_has_qid(match) && match->queue.len == 0 &&
	    match->tenant.len == 0 && match->campaign.len == 0 &&
	    match->domain.len == 0;
}

bool
order_match_eq(const struct order_match *a, const struct order_match *b)
{
	return qid_cmp(&a->qid, &b->qid) == 0 && str_eq(a->queue, b->queue) &&
	    str_eq(a->tenant, b->tenant) && str_eq(a->campaign, b->campaign) &&
	    str_eq(a->domain, b->domain);
}

void
order_match_put(struct outbuf *out, const struct order_match *match)
{
	char qid[QID_TEXT_BYTES + 1];
	const struct {
		struct str word, value;
	} terms[] = {
		{ STR("queue"), match->queue },
		{ STR("tenant"), match->tenant },
		{ STR("campaign"), match->campaign },
		{ STR("domain"), match->domain },
	};
	struct str between = STR("");

	if (order_match_is_any(match))
		outbuf_put(out, STR("all"));
	if (order_match_has_qid(match)) {
		qid_format(&match->qid, qid);
		outbuf_put(out, str_from_c(qid));
		between = STR(", ");
	}
	for (size_t i = 0; i < COUNT_OF(terms); i++) {
		if (terms[i].value.len == 0)
			continue;
		outbuf_put(out, between);
		outbuf_put(out, terms[i].word);
		outbuf_putc(out, ' ');
		outbuf_put(out, terms[i].value);
		between = STR(", ");
	}
}

void
order_put_who(struct outbuf *out, const struct order *order)
{
	if (order->by.len > 0) {
		outbuf_put(out, order->by);
		return;
	}
	outbuf_put(out, STR("uid "));
	outbuf_put_u64(out, order->uid);
}
