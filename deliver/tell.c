/* SPDX-License-Identifier: BSD-2-Clause */
/* tell: texts, results, log lines. */
#include "deliver/tell.h"

#include "deliver/conn.h"
#include "deliver/lease.h"
#include "deliver/notice.h"
#include "deliver/txn_int.h"
#include "util/base/fatal.h"
#include "util/log/log.h"
#include "util/proto/messages.h"
#include "util/spool/envelope.h"
#include "util/text/dup.h"

/* Of a reply, for each recipient. */
#define REPLY_KEEP_BYTES 512
#define RCPT_LIST_BYTES 8192

/* --- texts ---------------------------------------------------------------- */

/* Appends what fits. */
static void
add(struct outbuf *out, struct str s)
{
	if (s.len > outbuf_room(out))
		s.len = outbuf_room(out);
	outbuf_put(out, s);
}

struct str
tell_input(const struct conn *c, const struct input *in)
{
	static char bytes[TEXT_MAX_BYTES];
	struct outbuf out = { bytes, 0, sizeof(bytes) };

	if (in->reply != NULL) {
		/* FULL: the rest is cut off. */
		(void)!reply_put_line(in->reply, &out);
		return outbuf_str(&out);
	}
	add(&out, str_from_c(facts_stage_text(conn_stage(c))));
	add(&out, STR(": "));
	add(&out, str_from_c(in->text));
	return outbuf_str(&out);
}

struct str
tell_keep_reply(struct txn *t, const struct reply *reply)
{
	char bytes[REPLY_KEEP_BYTES];
	struct outbuf out = { bytes, 0, sizeof(bytes) };

	(void)!reply_put_line(reply, &out);
	return str_dup(outbuf_str(&out), &t->arena);
}

struct str
tell_keep_text(struct txn *t, struct str text)
{
	char bytes[REPLY_KEEP_BYTES];
	struct outbuf out = { bytes, 0, sizeof(bytes) };

	add(&out, text);
	if (t->is_doubtful)
		add(&out, STR("; possibly delivered"));
	return str_dup(outbuf_str(&out), &t->arena);
}

/* --- the log -------------------------------------------------------------- */

void
tell_bad_record(const struct lease *l, const char *fault)
{
	LOG(EV_RECORD_BAD, KV_QID("qid", &l->qid),
	    KV_HEX("segment", l->segment->number),
	    KV_NUM("offset", (uint64_t)l->block * SEGMENT_BLOCK_BYTES),
	    KV_CSTR("fault", fault));
}

static void
log_rcpt(const struct conn *c, const struct txn *t, const struct facts_rcpt *r)
{
	const struct lease *l = t->lease;
	const char *stage = facts_stage_text(t->stage);

	switch (r->verdict) {
	case VERDICT_DELIVERED:
		LOG(EV_DELIVERED, KV_QID("qid", &l->qid),
		    KV_NUM("part", l->part), KV_STR("rcpt", r->address),
		    KV_STR("site", c->site), KV_STR("host", c->host),
		    KV_NUM("code", r->code), KV_NUM("tries", l->tries),
		    KV_NUM("took_ms", loop_now_ms(c->d->loop) - t->begun_ms),
		    KV_STR("msg", r->reply));
		break;
	case VERDICT_BOUNCED:
		LOG(EV_BOUNCED, KV_QID("qid", &l->qid), KV_NUM("part", l->part),
		    KV_STR("rcpt", r->address), KV_STR("site", c->site),
		    KV_STR("host", c->host), KV_CSTR("stage", stage),
		    KV_NUM("code", r->code), KV_NUM("tries", l->tries),
		    KV_STR("msg", r->reply));
		break;
	case VERDICT_DEFERRED:
	case VERDICT_THROTTLED:
	case VERDICT_N:
		LOG(EV_DEFERRED, KV_QID("qid", &l->qid),
		    KV_NUM("part", l->part), KV_STR("rcpt", r->address),
		    KV_STR("site", c->site), KV_STR("host", c->host),
		    KV_CSTR("stage", stage), KV_NUM("code", r->code),
		    KV_NUM("tries", l->tries), KV_STR("msg", r->reply));
		break;
	}
}

static void
log_result(const struct conn *c, const struct txn *t, enum outcome outcome)
{
	const struct lease *l = t->lease;

	if (outcome == OUTCOME_THROTTLED)
		LOG(EV_THROTTLED, KV_QID("qid", &l->qid),
		    KV_NUM("part", l->part), KV_STR("site", c->site),
		    KV_STR("host", c->host),
		    KV_CSTR("stage", facts_stage_text(t->stage)),
		    KV_NUM("code", t->code), KV_STR("msg", t->reply));
	if (outcome != OUTCOME_TRIED)
		return;
	for (uint32_t i = 0; i < t->n; i++)
		log_rcpt(c, t, &t->rcpts[i]);
}

/* --- results -------------------------------------------------------------- */

static bool
is_dsn_passed(const struct conn *c)
{
	return (c->ehlo.offers & EHLO_DSN) != 0;
}

/* RFC 3461 4.1: what was said replaces the default, which is FAILURE. A host
 * that was told what the sender wants says itself that it has it (5.2.2). */
static bool
needs_notice(const struct conn *c, const struct txn *t, uint32_t i)
{
	uint8_t notify = t->more[i].notify;

	if (t->sender.len == 0)
		return false;
	switch (t->rcpts[i].verdict) {
	case VERDICT_DELIVERED:
		return (notify & NOTIFY_SUCCESS) != 0 && !is_dsn_passed(c) &&
		    c->transport != TRANSPORT_DISCARD;
	case VERDICT_BOUNCED:
		return notify == NOTIFY_DEFAULT ||
		    (notify & NOTIFY_FAILURE) != 0;
	case VERDICT_DEFERRED:
	case VERDICT_THROTTLED:
	case VERDICT_N:
		break;
	}
	return false;
}

static void
put_rcpts(const struct conn *c, const struct txn *t, struct outbuf *out)
{
	for (uint32_t i = 0; i < t->n; i++) {
		struct msg_rcpt_result r = {
			.rcpt = t->rcpts[i].n,
			.verdict = (uint8_t)t->rcpts[i].verdict,
			.code = t->rcpts[i].code,
		};

		r.needs_notice = needs_notice(c, t, i);
		/* PART_RCPTS_MAX of them fit. */
		BUG_IF(msg_rcpt_result_list_put(out, &r) != ERR_OK);
	}
}

void
tell_result(struct conn *c, struct txn *t, enum outcome outcome)
{
	static char bytes[RCPT_LIST_BYTES];
	struct outbuf list = { bytes, 0, sizeof(bytes) };
	struct facts facts = {
		.site = c->site,
		.host = c->host,
		.address = c->address,
		.sender = t->sender,
		.reply = t->reply,
		.stage = t->stage,
		.outcome = outcome,
		.transport = c->transport,
		.is_dsn_passed = is_dsn_passed(c),
		.is_doubtful = t->is_doubtful,
		.has_message = true,
		.tries = t->lease->tries,
		.took_ms = loop_now_ms(c->d->loop) - t->begun_ms,
		.size_bytes = t->record.head.content_bytes,
	};
	struct lease_result result = { .code = t->code };

	if (notice_is(t)) {
		notice_tell(c, t, outcome);
		return;
	}
	if (outcome == OUTCOME_TRIED) {
		facts.rcpts = t->rcpts;
		facts.n_rcpts = t->n;
		put_rcpts(c, t, &list);
	}
	result.rcpts = outbuf_str(&list);
	result.is_after_mail = outcome == OUTCOME_THROTTLED;
	log_result(c, t, outcome);
	lease_done(t->lease, &facts, &result);
}

void
tell_unloaded(struct conn *c, struct txn *t, enum err why)
{
	bool is_damaged = why == ERR_SYNTAX || why == ERR_NOTFOUND;
	const char *text = err_text(why);

	if (why == ERR_EXISTS)
		text = "another message lies there";
	tell_bad_record(t->lease, text);
	lease_give_back(t->lease,
	    is_damaged ? OUTCOME_DAMAGED : OUTCOME_UNREADABLE, c->site, text);
}
