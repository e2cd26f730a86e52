/* SPDX-License-Identifier: BSD-2-Clause */
/* order: kinds, bounds and texts of orders. */
#include "util/mail/order.h"

#include "util/base/array.h"
#include "util/text/ascii.h"

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
	struct order_target target;

	if (order->kind == ORDER_MOVE &&
	    order_target_parse(&target, order->target) != ERR_OK)
		return false;
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

/* --- where a move leads --------------------------------------------------- */

static const struct str kept = STR_INIT("*");

/* What smtpd lets into a name. */
static bool
is_name_byte(char c)
{
	return ascii_is_alnum(c) || c == '.' || c == '-' || c == '_';
}

/* Of a domain that names a queue: of hosts, in UTF-8, or an address. */
static bool
is_domain_byte(char c)
{
	return (is_name_byte(c) && ascii_lower(c) == c) || c == '[' ||
	    c == ']' || c == ':' || (unsigned char)c > 127;
}

static enum err
take_name(struct str text, bool (*is_byte)(char), struct str *name, bool *keeps)
{
	*keeps = str_eq(text, kept);
	*name = *keeps ? STR("") : text;
	if (text.len > ORDER_NAME_MAX_BYTES)
		return ERR_RANGE;
	for (size_t i = 0; i < name->len; i++)
		if (!is_byte(name->ptr[i]))
			return ERR_SYNTAX;
	return ERR_OK;
}

enum err
order_target_parse(struct order_target *t, struct str text)
{
	struct str names = str_head(text, str_find(text, '@'));
	struct str domain = text, campaign = STR("");
	enum err err;

	if (names.len == text.len)
		names.len = 0;
	else
		str_skip(&domain, names.len + 1);
	if (str_find(names, ':') < names.len)
		campaign = str_take_field(&names, ':');
	*t = (struct order_target){ .keeps_domain = false };
	err =
	    take_name(domain, is_domain_byte, &t->key.domain, &t->keeps_domain);
	if (err == ERR_OK)
		err = take_name(
		    names, is_name_byte, &t->key.tenant, &t->keeps_tenant);
	if (err == ERR_OK)
		err = take_name(campaign, is_name_byte, &t->key.campaign,
		    &t->keeps_campaign);
	if (err == ERR_OK &&
	    (domain.len == 0 ||
	        (t->keeps_tenant && t->keeps_campaign && t->keeps_domain)))
		err = ERR_SYNTAX;
	return err;
}

void
order_target_put(struct outbuf *out, const struct order_target *t)
{
	outbuf_put(out, t->keeps_campaign ? kept : t->key.campaign);
	outbuf_putc(out, ':');
	outbuf_put(out, t->keeps_tenant ? kept : t->key.tenant);
	outbuf_putc(out, '@');
	outbuf_put(out, t->keeps_domain ? kept : t->key.domain);
}

struct queue_key
order_target_key(const struct order_target *t, const struct queue_key *from)
{
	struct queue_key key = t->key;

	if (t->keeps_tenant)
		key.tenant = from->tenant;
	if (t->keeps_campaign)
		key.campaign = from->campaign;
	if (t->keeps_domain)
		key.domain = from->domain;
	return key;
}
