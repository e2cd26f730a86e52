/* SPDX-License-Identifier: BSD-2-Clause */
/* txn: what a transaction knows, and the envelope that is made of it. */
#include "smtpd/txn.h"

#include <stdlib.h>

#include "smtpd/server.h"
#include "smtpd/session.h"
#include "util/base/fatal.h"
#include "util/mail/part.h"
#include "util/svc/svc.h"
#include "util/text/ascii.h"
#include "util/text/dup.h"
#include "util/text/when.h"

/* Memory of a transaction without recipients: sender, header scanner, Received
 * field, tags, envelope. */
#define BASE_BYTES (64 * 1024)
/* Memory of one recipient: address, domain, original recipient, its row (twice,
 * while the table grows), its part and itself in the envelope. */
#define RCPT_BYTES 3072
/* First size of the table of recipients. */
#define RCPTS_FIRST 4

struct txn *
txn_new(struct session *s, uint32_t max_rcpts)
{
	struct txn *txn = calloc(1, sizeof(*txn));

	if (txn == NULL)
		return NULL;
	txn->session = s;
	txn->server = s->server;
	txn->begun_ms = loop_now_ms(svc_loop(s->server->svc));
	arena_init(&txn->arena, BASE_BYTES + (size_t)max_rcpts * RCPT_BYTES);
	txn->envelope_bytes = ENVELOPE_FIELD_BYTES * 10 +
	    ENVELOPE_TEXT_MAX_BYTES * 5 + ENVELOPE_NAME_MAX_BYTES * 2 +
	    ENVELOPE_ADDRESS_MAX_BYTES;
	return txn;
}

void
txn_free(struct txn **txn)
{
	struct txn *t = *txn;

	*txn = NULL;
	if (t == NULL)
		return;
	BUG_IF(link_is_listed(&t->link) || link_is_listed(&t->own_wait.link));
	if (t->content != NULL)
		content_fini(t->content);
	arena_fini(&t->arena);
	free(t);
}

enum err
txn_set_sender(struct txn *txn, struct str sender, struct str envid)
{
	txn->sender = str_dup(sender, &txn->arena);
	txn->envid = str_dup(envid, &txn->arena);
	return txn->sender.len == sender.len && txn->envid.len == envid.len
	    ? ERR_OK
	    : ERR_FULL;
}

static enum err
grow_rcpts(struct txn *txn)
{
	uint32_t cap = txn->rcpts_cap == 0 ? RCPTS_FIRST : txn->rcpts_cap * 2;
	struct txn_rcpt *more = arena_alloc(&txn->arena, cap * sizeof(*more));

	if (more == NULL)
		return ERR_FULL;
	if (txn->n_rcpts > 0)
		memcpy(more, txn->rcpts, txn->n_rcpts * sizeof(*more));
	txn->rcpts = more;
	txn->rcpts_cap = cap;
	return ERR_OK;
}

/* The queue's form of a domain, in the arena; empty: no room. */
static struct str
domain_key(struct txn *txn, struct str domain)
{
	char text[ADDRESS_DOMAIN_MAX_BYTES];
	struct outbuf out = { text, 0, sizeof(text) };

	if (address_domain_key(domain, &out) != ERR_OK)
		return STR("");
	/* Messages of many recipients of one domain in a row are common. */
	if (txn->n_rcpts > 0 &&
	    str_eq(txn->rcpts[txn->n_rcpts - 1].domain, outbuf_str(&out)))
		return txn->rcpts[txn->n_rcpts - 1].domain;
	return str_dup(outbuf_str(&out), &txn->arena);
}

enum err
txn_add_rcpt(struct txn *txn, const struct txn_rcpt *rcpt)
{
	size_t bytes = txn->envelope_bytes + 2 * ENVELOPE_FIELD_BYTES +
	    rcpt->address.len + rcpt->domain.len + rcpt->orcpt.len;
	struct txn_rcpt r = { .order = txn->n_rcpts, .notify = rcpt->notify };

	if (bytes > ENVELOPE_MAX_BYTES)
		return ERR_FULL;
	r.address = str_dup(rcpt->address, &txn->arena);
	r.domain = domain_key(txn, rcpt->domain);
	r.orcpt = str_dup(rcpt->orcpt, &txn->arena);
	if (r.address.len == 0 || r.domain.len == 0 ||
	    r.orcpt.len < rcpt->orcpt.len)
		return ERR_FULL;
	if (txn->n_rcpts == txn->rcpts_cap && grow_rcpts(txn) != ERR_OK)
		return ERR_FULL;
	txn->rcpts[txn->n_rcpts++] = r;
	txn->envelope_bytes = bytes;
	if ((r.notify & NOTIFY_DELAY) != 0)
		txn->flags |= RECORD_NOTIFY_DELAY;
	return ERR_OK;
}

/* --- parts ---------------------------------------------------------------- */

static int
by_domain(const void *va, const void *vb)
{
	const struct txn_rcpt *a = va, *b = vb;
	int order = str_cmp(a->domain, b->domain);

	if (order != 0)
		return order;
	return (a->order > b->order) - (a->order < b->order);
}

/* Recipients of one domain are a part, at most PART_RCPTS_MAX each. */
static void
number_parts(struct txn *txn)
{
	struct txn_rcpt *r = txn->rcpts;

	qsort(r, txn->n_rcpts, sizeof(*r), by_domain);
	for (uint32_t i = 1; i < txn->n_rcpts; i++) {
		bool same = str_eq(r[i].domain, r[i - 1].domain) &&
		    r[i - 1].index + 1 < PART_RCPTS_MAX;

		r[i].part = (uint16_t)(r[i - 1].part + !same);
		r[i].index = (uint16_t)(same ? r[i - 1].index + 1 : 0);
	}
	txn->n_parts = r[txn->n_rcpts - 1].part + 1u;
}

static enum err
put_parts(const struct txn *txn, struct outbuf *out)
{
	const struct txn_rcpt *r = txn->rcpts;
	enum err err = ERR_OK;

	for (uint32_t i = 0; i < txn->n_rcpts && err == ERR_OK; i++) {
		struct envelope_part part = {
			.number = r[i].part,
			.n_rcpts = (uint16_t)(r[i].index + 1),
			.domain = r[i].domain,
		};

		/* The last of a part knows how many there are. */
		if (i + 1 == txn->n_rcpts || r[i + 1].part != r[i].part)
			err = envelope_put_part(out, &part);
	}
	return err;
}

static enum err
put_rcpts(const struct txn *txn, struct outbuf *out)
{
	enum err err = ERR_OK;

	for (uint32_t i = 0; i < txn->n_rcpts && err == ERR_OK; i++) {
		struct envelope_rcpt rcpt = {
			.part = txn->rcpts[i].part,
			.index = txn->rcpts[i].index,
			.notify = txn->rcpts[i].notify,
			.address = txn->rcpts[i].address,
			.orcpt = txn->rcpts[i].orcpt,
		};

		err = envelope_put_rcpt(out, &rcpt);
	}
	return err;
}

static enum err
put_texts(
    const struct txn *txn, const struct txn_origin *origin, struct outbuf *out)
{
	struct envelope_texts texts = {
		.tenant = txn->tenant,
		.campaign = txn->campaign,
		.sender = txn->sender,
		.client = origin->client,
		.helo = origin->helo,
		.auth = origin->auth,
		.protocol = origin->protocol,
		.envid = txn->envid,
		.ret = txn->ret,
	};

	return envelope_put_texts(out, &texts);
}

/* A tag becomes part of the printed name of a queue, so it has only letters,
 * digits and ".-_"; anything else is written as "_". */
static enum err
make_tag(struct arena *arena, struct str value, struct str *tag)
{
	char *p;

	if (value.len > ENVELOPE_NAME_MAX_BYTES)
		value.len = ENVELOPE_NAME_MAX_BYTES;
	*tag = STR("");
	if (value.len == 0)
		return ERR_OK;
	p = arena_alloc(arena, value.len);
	if (p == NULL)
		return ERR_FULL;
	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];

		p[i] = ascii_is_alnum(c) || c == '.' || c == '-' ? c : '_';
	}
	*tag = (struct str){ p, value.len };
	return ERR_OK;
}

enum err
txn_close(struct txn *txn, const struct txn_origin *origin)
{
	const struct content *c = txn->content;
	struct outbuf out;
	enum err err;

	BUG_IF(txn->n_rcpts == 0);
	number_parts(txn);
	if (make_tag(&txn->arena, content_tenant(c), &txn->tenant) != ERR_OK ||
	    make_tag(&txn->arena, content_campaign(c), &txn->campaign) !=
	        ERR_OK)
		return ERR_FULL;
	txn->front =
	    arena_alloc(&txn->arena, RECORD_HEAD_BYTES + txn->envelope_bytes);
	if (txn->front == NULL)
		return ERR_FULL;
	out = (struct outbuf){ txn->front + RECORD_HEAD_BYTES, 0,
		txn->envelope_bytes };
	err = put_parts(txn, &out);
	if (err == ERR_OK)
		err = put_texts(txn, origin, &out);
	if (err == ERR_OK)
		err = put_rcpts(txn, &out);
	txn->record.envelope = outbuf_str(&out);
	txn->record.head.flags = txn->flags;
	if (!c->ds.dot_line)
		txn->record.head.flags |= RECORD_NO_DOT;
	return err;
}

/* --- stamp ---------------------------------------------------------------- */

/* RFC 5321 4.4: for names a recipient only where there is one, so that none
 * learns of another. */
static enum err
put_for(const struct txn *txn, struct outbuf *out)
{
	if (txn->n_rcpts != 1)
		return outbuf_add(out, STR(";\r\n\t"));
	return outbuf_printf(
	    out, "\r\n\tfor <%.*s>;\r\n\t", STR_ARG(txn->rcpts[0].address));
}

static enum err
put_received(
    const struct txn *txn, const struct txn_stamp *st, struct outbuf *out)
{
	char qid[QID_TEXT_BYTES + 1];
	enum err err;

	qid_format(&st->qid, qid);
	if (st->address_literal.len == 0)
		err = outbuf_printf(out,
		    "Received: by %.*s (Holdfast, from userid %u)\r\n"
		    "\tid %s",
		    STR_ARG(st->node), (unsigned)st->uid, qid);
	else
		err = outbuf_printf(out,
		    "Received: from %.*s (%.*s)\r\n"
		    "\tby %.*s (Holdfast) with %.*s id %s",
		    STR_ARG(st->from), STR_ARG(st->address_literal),
		    STR_ARG(st->node), STR_ARG(st->protocol), qid);
	if (err == ERR_OK)
		err = put_for(txn, out);
	if (err == ERR_OK)
		err = when_rfc5322(out, st->wall_ms);
	if (err == ERR_OK)
		err = outbuf_add(out, STR("\r\n"));
	/* Else the first line of the body would belong to our field. */
	if (err == ERR_OK && content_begins_folded(txn->content))
		err = outbuf_add(out, STR("\r\n"));
	return err;
}

enum err
txn_stamp(struct txn *txn, const struct txn_stamp *stamp)
{
	char text[TXN_RECEIVED_MAX_BYTES];
	struct outbuf out = { text, 0, sizeof(text) };
	enum err err = put_received(txn, stamp, &out);

	if (err != ERR_OK)
		return err;
	txn->qid = stamp->qid;
	txn->received = str_dup(outbuf_str(&out), &txn->arena);
	if (txn->received.len == 0)
		return ERR_FULL;
	txn->record.head.qid = stamp->qid;
	txn->record.head.arrival_ms = stamp->wall_ms;
	return ERR_OK;
}

struct str
txn_head(struct txn *txn)
{
	record_encode(
	    &txn->record.head, txn->record.envelope, (uint8_t *)txn->front);
	return (struct str){ txn->front,
		RECORD_HEAD_BYTES + txn->record.envelope.len };
}
