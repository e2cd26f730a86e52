/* SPDX-License-Identifier: BSD-2-Clause */
/* begin: how a lease becomes a transaction: read, checked, sent. */
#include <errno.h>
#include <stdlib.h>

#include "deliver/commands.h"
#include "deliver/deliver_int.h"
#include "deliver/lease.h"
#include "deliver/notice.h"
#include "deliver/tell.h"
#include "deliver/txn.h"
#include "deliver/txn_int.h"
#include "util/base/fatal.h"
#include "util/log/log.h"
#include "util/spool/envelope.h"

/* Transactions kept for the next one; each holds some 16 KiB. */
#define POOL_MAX 256
/* Recipients of a part, and the texts of their replies. A text beyond it is
 * left out: its code is there. */
#define ARENA_MAX_BYTES 65536

/* --- the pool ------------------------------------------------------------- */

struct txn *
txn_new(struct deliver *d, struct lease *l)
{
	struct link *link = list_first(&d->txn_pool);
	struct txn *t;

	if (link != NULL) {
		list_remove(&d->txn_pool, link);
		t = LIST_ITEM(link, struct txn, link);
	} else {
		t = calloc(1, sizeof(*t));
		if (t == NULL)
			fatal("no memory for a transaction");
		arena_init(&t->arena, ARENA_MAX_BYTES);
	}
	*t = (struct txn){
		.lease = l,
		.front = { t->front.ptr, 0, t->front.cap },
		.arena = t->arena,
		.stage = STAGE_MAIL,
		.begun_ms = loop_now_ms(d->loop),
	};
	return t;
}

static void
txn_destroy(struct txn *t)
{
	arena_fini(&t->arena);
	free(t->notice.ptr);
	free(t->front.ptr);
	free(t);
}

void
txn_free(struct deliver *d, struct txn *t)
{
	if (d->txn_pool.n >= POOL_MAX || t->front.cap > SEGREAD_FIRST_BYTES) {
		txn_destroy(t);
		return;
	}
	free(t->notice.ptr);
	t->notice = (struct outbuf){ .ptr = NULL };
	arena_reset(&t->arena);
	list_push_front(&d->txn_pool, &t->link);
}

void
txn_fini_all(struct deliver *d)
{
	struct link *link;

	while ((link = list_first(&d->txn_pool)) != NULL) {
		list_remove(&d->txn_pool, link);
		txn_destroy(LIST_ITEM(link, struct txn, link));
	}
}

/* --- reading -------------------------------------------------------------- */

/* ERR_FULL: no memory. */
static enum err
reserve_front(struct txn *t, size_t n)
{
	char *ptr;

	if (n <= t->front.cap)
		return ERR_OK;
	ptr = realloc(t->front.ptr, n);
	if (ptr == NULL)
		return ERR_FULL;
	t->front.ptr = ptr;
	t->front.cap = n;
	return ERR_OK;
}

static enum err
load_front(struct txn *t)
{
	const struct lease *l = t->lease;
	const struct segment *s = l->segment;
	enum err err = reserve_front(t, SEGREAD_FIRST_BYTES);

	if (err == ERR_OK)
		err = segread_load(
		    s->fd, &s->head, l->block, &t->front, &t->record);
	if (err != ERR_FULL || t->front.ptr == NULL)
		return err;
	err =
	    reserve_front(t, RECORD_HEAD_BYTES + t->record.head.envelope_bytes);
	if (err == ERR_OK)
		err = segread_load(
		    s->fd, &s->head, l->block, &t->front, &t->record);
	return err;
}

static bool
is_open(const struct lease *l, unsigned index)
{
	return index / 4 < l->n_standing &&
	    part_standing_get(l->standing, index) == RCPT_OPEN;
}

/* The open recipients of the part. ERR_SYNTAX: there is no such part. */
static enum err
read_rcpts(struct txn *t, const struct envelope *env)
{
	const struct lease *l = t->lease;
	struct envelope_part part;
	struct envelope_rcpt r;
	struct envelope_iter it;

	if (!envelope_find_part(env, l->part, &part))
		return ERR_SYNTAX;
	t->rcpts = arena_alloc(&t->arena, part.n_rcpts * sizeof(*t->rcpts));
	t->more = arena_alloc(&t->arena, part.n_rcpts * sizeof(*t->more));
	if (t->rcpts == NULL || t->more == NULL)
		return ERR_FULL;
	envelope_iter_init(&it, env);
	while (envelope_next_rcpt(&it, &r) && r.part <= l->part) {
		if (r.part != l->part || !is_open(l, r.index))
			continue;
		t->rcpts[t->n].address = r.address;
		t->rcpts[t->n].n = r.index;
		t->more[t->n].orcpt = r.orcpt;
		t->more[t->n].notify = r.notify;
		t->n++;
	}
	return ERR_OK;
}

/* Reads and checks all that comes before the content, and the content as well
 * if it came along. ERR_EXISTS: another message lies there. */
static enum err
load(const struct conn *c, struct txn *t)
{
	struct lease *l = t->lease;
	struct envelope env;
	enum err err = segment_read_head(l->segment);

	if (err == ERR_OK)
		err = load_front(t);
	if (err != ERR_OK)
		return err;
	if (qid_cmp(&t->record.head.qid, &l->qid) != 0)
		return ERR_EXISTS;
	err = envelope_parse(&env, t->record.envelope);
	if (err != ERR_OK)
		return err;
	if (notice_is(t))
		return notice_load(c, t, &env);
	t->sender = env.texts.sender;
	t->envid = env.texts.envid;
	t->ret = (uint8_t)env.texts.ret;
	err = read_rcpts(t, &env);
	if (err != ERR_OK)
		return err;
	return body_init(
	    &t->body, l->segment->fd, &t->record, outbuf_str(&t->front));
}

/* --- sending -------------------------------------------------------------- */

/* What the server would refuse, as it told in its reply to EHLO. */
static bool
is_refused_here(const struct conn *c, struct txn *t)
{
	static const struct status not_utf8 = { 5, 6, 7 }; /* RFC 6531 3.5 */
	static const struct status too_big = { 5, 3, 4 };  /* RFC 1870 6.1 */
	const struct record_head *head = &t->record.head;
	struct ruled r = { .verdict = VERDICT_BOUNCED };

	if ((head->flags & RECORD_SMTPUTF8) != 0 &&
	    (c->ehlo.offers & EHLO_SMTPUTF8) == 0) {
		r.enhanced = not_utf8;
		r.text = STR("the message needs SMTPUTF8, which this host"
		             " does not offer");
	} else if (c->ehlo.size_bytes > 0 &&
	    head->content_bytes > c->ehlo.size_bytes) {
		r.enhanced = too_big;
		r.text = STR("the message is larger than the SIZE that this"
		             " host takes");
	} else {
		return false;
	}
	txn_decide_rest(t, &r);
	return true;
}

static enum err
put_commands(const struct conn *c, struct txn *t, struct buf *out)
{
	enum err err = commands_put_mail(t, &c->ehlo, out);

	if (!t->is_piped)
		return err;
	while (err == ERR_OK && t->n_put < t->n)
		err = commands_put_rcpt(t, &c->ehlo, out);
	return err == ERR_OK ? commands_put_data(out) : err;
}

/* ERR_DENIED: it has its result, and is not sent. */
static enum err
begin(struct conn *c, struct txn *t)
{
	struct lease *l = t->lease;
	enum err err = load(c, t);

	if (err != ERR_OK) {
		tell_unloaded(c, t, err);
		return ERR_DENIED;
	}
	if (c->transport == TRANSPORT_DISCARD) {
		txn_discard(c, t);
		return ERR_DENIED;
	}
	if (t->n == 0 || is_refused_here(c, t)) {
		tell_result(c, t, OUTCOME_TRIED);
		return ERR_DENIED;
	}
	/* Room for all first: what is begun is sent whole. */
	if (buf_reserve(&c->out, commands_bytes(t)) != ERR_OK ||
	    !lease_raise(l, SLOT_TRANSACTION)) {
		tell_result(c, t, OUTCOME_RETURNED);
		return ERR_DENIED;
	}
	t->is_piped = (c->ehlo.offers & EHLO_PIPELINING) != 0;
	BUG_IF(put_commands(c, t, &c->out) != ERR_OK);
	l->state = LEASE_ACTIVE;
	return ERR_OK;
}

/* The next waiting lease that can be sent; NULL: there is none. */
static struct txn *
begin_next(struct conn *c)
{
	struct link *link;

	while ((link = list_first(&c->waiting)) != NULL) {
		struct txn *t =
		    txn_new(c->d, LIST_ITEM(link, struct lease, link));

		list_remove(&c->waiting, link);
		if (begin(c, t) == ERR_OK)
			return t;
		txn_free(c->d, t);
	}
	return NULL;
}

/* A transaction may be sent behind the content of the one before, in the same
 * piece (RFC 2920 3.1); not behind a lone dot, whose server is confused, nor in
 * LMTP, where the dot may get more or fewer replies than it should. */
static bool
may_go_behind(const struct conn *c)
{
	const struct txn *t = c->txn;

	return c->next == NULL && t->is_piped && !t->is_decided &&
	    c->transport != TRANSPORT_LMTP &&
	    (t->stage == STAGE_DOT || c->until_dot > 0);
}

void
txn_begin_more(struct conn *c)
{
	if (c->txn == NULL)
		c->txn = begin_next(c);
	else if (may_go_behind(c))
		c->next = begin_next(c);
}
