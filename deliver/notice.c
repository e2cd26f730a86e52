/* SPDX-License-Identifier: BSD-2-Clause */
/* notice: composes notices, and tells how they were taken. */
#include "deliver/notice.h"

#include <stdlib.h>

#include "deliver/conn.h"
#include "deliver/core/dsn.h"
#include "deliver/lease.h"
#include "deliver/txn_int.h"
#include "util/base/rand.h"
#include "util/conf/conf.h"
#include "util/conf/lookup.h"
#include "util/log/log.h"
#include "util/spool/disk.h"
#include "util/spool/envelope.h"

bool
notice_is(const struct txn *t)
{
	return t->lease->notice != NOTICE_NONE;
}

/* --- whom it is about ----------------------------------------------------- */

static enum rcpt_standing
wanted_standing(const struct lease *l)
{
	return l->notice == NOTICE_FINAL ? RCPT_OWED : RCPT_OPEN;
}

/* RFC 3461 4.1: what was said replaces the default, which is FAILURE. */
static uint8_t
wants(uint8_t notify)
{
	uint8_t bits = 0;

	if (notify == NOTIFY_DEFAULT || (notify & NOTIFY_FAILURE) != 0)
		bits |= DSN_WANTS_FAILURE;
	if ((notify & NOTIFY_SUCCESS) != 0)
		bits |= DSN_WANTS_SUCCESS;
	return bits;
}

static bool
is_about(const struct lease *l, const struct envelope_rcpt *r)
{
	if (r->part != l->part || r->index / 4u >= l->n_standing ||
	    part_standing_get(l->standing, r->index) != wanted_standing(l))
		return false;
	return l->notice == NOTICE_FINAL || (r->notify & NOTIFY_DELAY) != 0;
}

static bool
is_ascii(struct str s)
{
	for (; s.len > 0; str_skip(&s, 1))
		if ((unsigned char)s.ptr[0] > 127)
			return false;
	return true;
}

/* The recipients it may be about, in memory of t. */
static enum err
find_rcpts(
    struct txn *t, const struct envelope *env, uint16_t n_rcpts, struct dsn *n)
{
	struct dsn_rcpt *rcpts =
	    arena_alloc(&t->arena, n_rcpts * sizeof(*rcpts));
	struct envelope_rcpt r;
	struct envelope_iter it;

	if (rcpts == NULL)
		return ERR_FULL;
	n->rcpts = rcpts;
	envelope_iter_init(&it, env);
	while (envelope_next_rcpt(&it, &r) && r.part <= t->lease->part) {
		if (!is_about(t->lease, &r))
			continue;
		n->is_utf8 = n->is_utf8 || !is_ascii(r.address);
		rcpts[n->n_rcpts++] = (struct dsn_rcpt){
			.address = r.address,
			.orcpt = r.orcpt,
			.n = r.index,
			.wants = wants(r.notify),
		};
	}
	return ERR_OK;
}

/* --- the original --------------------------------------------------------- */

/* Reads all of a short message, which is checked, or the beginning of a long
 * one, of which only lines are shown. The caller frees *bytes. */
static enum err
read_content(
    const struct txn *t, uint64_t max_bytes, struct dsn *n, char **bytes)
{
	const struct record_head *head = &t->record.head;
	uint64_t want = head->content_bytes;
	size_t got;

	n->has_all = want <= max_bytes || want <= DSN_HEADERS_MAX_BYTES;
	n->wants_full = want <= max_bytes && t->ret != RET_HEADERS;
	if (!n->has_all)
		want = DSN_HEADERS_MAX_BYTES;
	*bytes = malloc(want > 0 ? want : 1);
	if (*bytes == NULL)
		return ERR_FULL;
	if (disk_read(t->lease->segment->fd, *bytes, want,
	        t->record.content_offset, &got) != ERR_OK)
		return ERR_IO;
	n->content = (struct str){ *bytes, want };
	if (got < want)
		return ERR_SYNTAX;
	if (n->has_all &&
	    record_content_crc(segment_crc_begin(head->salt), *bytes, want) !=
	        head->content_crc)
		return ERR_SYNTAX;
	return ERR_OK;
}

/* --- the notice ----------------------------------------------------------- */

/* Composes it anew into memory of t. */
static enum err
compose(struct txn *t, const struct dsn *n, bool *is_8bit)
{
	struct outbuf out = { .cap = dsn_bytes(n) };
	char *shorter;
	enum err err;

	free(t->notice.ptr);
	t->notice = (struct outbuf){ .ptr = NULL };
	out.ptr = malloc(out.cap);
	if (out.ptr == NULL)
		return ERR_FULL;
	err = dsn_write(n, &out, is_8bit);
	if (err != ERR_OK) {
		free(out.ptr);
		return err;
	}
	shorter = realloc(out.ptr, out.len);
	t->notice = out;
	if (shorter != NULL)
		t->notice.ptr = shorter;
	return ERR_OK;
}

/* The same, without what makes it larger than size_bytes, 0: no limit. */
static enum err
compose_within(struct txn *t, struct dsn *n, uint64_t size_bytes, bool *is_8bit)
{
	enum err err = compose(t, n, is_8bit);

	if (err == ERR_OK && size_bytes > 0 && t->notice.len > size_bytes) {
		n->wants_full = false;
		err = compose(t, n, is_8bit);
	}
	if (err == ERR_OK && size_bytes > 0 && t->notice.len > size_bytes) {
		n->content.len = 0;
		err = compose(t, n, is_8bit);
	}
	return err;
}

/* The transaction becomes one of the notice, to its one recipient. */
static enum err
become(struct txn *t, struct str to, bool is_8bit, bool is_utf8)
{
	struct record_head *head = &t->record.head;

	t->rcpts = arena_alloc(&t->arena, sizeof(*t->rcpts));
	t->more = arena_alloc(&t->arena, sizeof(*t->more));
	if (t->rcpts == NULL || t->more == NULL)
		return ERR_FULL;
	t->n = 1;
	t->rcpts[0].address = to;
	t->more[0].notify = NOTIFY_NEVER;
	t->sender = t->envid = STR("");
	t->ret = RET_DEFAULT;
	head->flags = 0;
	if (is_8bit)
		head->flags |= RECORD_8BITMIME;
	if (is_utf8)
		head->flags |= RECORD_SMTPUTF8;
	head->content_bytes = t->notice.len;
	body_init_whole(&t->body, outbuf_str(&t->notice));
	return ERR_OK;
}

static void
fill(const struct conn *c, const struct txn *t, const struct envelope *env,
    const struct envelope_part *part, struct dsn *n)
{
	const struct lease *l = t->lease;
	const struct conf *conf = svc_conf(c->d->svc);
	struct conf_queue_name name = { env->texts.tenant, env->texts.campaign,
		part->domain };
	struct conf_queue queue;

	conf_queue_policy(conf, &name, &queue);
	*n = (struct dsn){
		.kind = (enum notice_kind)l->notice,
		.node = conf->main.node,
		.sender = env->texts.sender,
		.envid = env->texts.envid,
		.qid = l->qid,
		.facts = l->facts,
		.reason = l->reason,
		.is_utf8 = (t->record.head.flags & RECORD_SMTPUTF8) != 0 ||
		    !is_ascii(env->texts.sender),
		.now_ms = loop_wall_ms(c->d->loop),
		.arrival_ms = t->record.head.arrival_ms,
		.tried_ms = l->facts_ms,
		.random = { rand_u64(), rand_u64() },
	};
	if (n->arrival_ms > 0)
		n->expires_ms = n->arrival_ms + queue.expire_ms;
}

static enum err
load(const struct conn *c, struct txn *t, struct dsn *n, char **bytes)
{
	const struct conf *conf = svc_conf(c->d->svc);
	bool is_8bit;
	enum err err =
	    read_content(t, conf->notice.max_content_bytes, n, bytes);

	if (err == ERR_OK)
		err = compose_within(t, n, c->ehlo.size_bytes, &is_8bit);
	if (err == ERR_OK)
		err = become(t, n->sender, is_8bit, n->is_utf8);
	/* Nobody wants to hear. */
	return err == ERR_NOTFOUND ? ERR_OK : err;
}

enum err
notice_load(const struct conn *c, struct txn *t, const struct envelope *env)
{
	struct envelope_part part;
	struct dsn n;
	char *bytes = NULL;
	enum err err;

	if (!envelope_find_part(env, t->lease->part, &part))
		return ERR_SYNTAX;
	t->ret = (uint8_t)env->texts.ret;
	fill(c, t, env, &part, &n);
	/* Nobody can be told. */
	if (n.sender.len == 0)
		return ERR_OK;
	err = find_rcpts(t, env, part.n_rcpts, &n);
	if (err == ERR_OK)
		err = load(c, t, &n, &bytes);
	free(bytes);
	return err;
}

/* --- the result ----------------------------------------------------------- */

/* The last word of "250 2.0.0 Ok: queued as QID"; empty if it is none. */
static struct str
qid_of_reply(struct str reply)
{
	struct str word = { NULL, 0 };
	struct qid qid;

	while (reply.len > 0)
		word = str_take_field(&reply, ' ');
	return qid_parse(word, &qid) == ERR_OK ? word : STR("");
}

static void
log_notice(const struct conn *c, const struct txn *t, const struct facts *f)
{
	const struct lease *l = t->lease;

	if (f->outcome == OUTCOME_TOLD)
		LOG(EV_NOTICE_SENT, KV_QID("qid", &l->qid),
		    KV_NUM("part", l->part), KV_STR("rcpt", f->to),
		    KV_CSTR("notice", facts_notice_text(f->notice)),
		    KV_STR("host", c->host), KV_NUM("code", t->code),
		    KV_NUM("took_ms", f->took_ms), KV_STR("msg", f->reply));
	else if (f->outcome == OUTCOME_TRIED)
		LOG(EV_NOTICE_REFUSED, KV_QID("qid", &l->qid),
		    KV_NUM("part", l->part), KV_STR("rcpt", f->to),
		    KV_CSTR("notice", facts_notice_text(f->notice)),
		    KV_STR("host", c->host),
		    KV_CSTR("stage", facts_stage_text(f->stage)),
		    KV_NUM("code", t->code), KV_STR("msg", f->reply));
}

static bool
is_taken(const struct txn *t)
{
	return t->n == 0 || t->rcpts[0].verdict == VERDICT_DELIVERED;
}

void
notice_tell(struct conn *c, struct txn *t, enum outcome outcome)
{
	struct facts facts = {
		.site = c->site,
		.host = c->host,
		.address = c->address,
		.reply = t->n > 0 ? t->reply : STR("nobody wants a notice"),
		.transport = (enum transport)c->transport,
		.stage = (enum smtp_stage)t->stage,
		.outcome = outcome,
		.is_doubtful = t->is_doubtful,
		.tries = t->lease->tries,
		.took_ms = loop_now_ms(c->d->loop) - t->begun_ms,
		.notice = (enum notice_kind)t->lease->notice,
		.to = t->n > 0 ? t->rcpts[0].address : STR(""),
	};
	struct lease_result result = { .code = t->code };

	if (outcome == OUTCOME_TRIED && is_taken(t)) {
		facts.outcome = OUTCOME_TOLD;
		facts.qid = qid_of_reply(t->reply);
	}
	result.is_after_mail = outcome == OUTCOME_THROTTLED;
	log_notice(c, t, &facts);
	lease_done(t->lease, &facts, &result);
}
