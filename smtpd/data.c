/* SPDX-License-Identifier: BSD-2-Clause */
/* data: takes the content of a message to the disk, or refuses it. */
#include "smtpd/data.h"

#include "smtpd/commit.h"
#include "smtpd/limits.h"
#include "smtpd/local.h"
#include "smtpd/server.h"
#include "smtpd/session.h"
#include "smtpd/txn.h"
#include "util/conf/conf.h"
#include "util/log/log.h"
#include "util/svc/svc.h"

/* Content must come at this pace: so much within each data_timeout. */
#define PROGRESS_BYTES 1024

/* --- begin ---------------------------------------------------------------- */

static uint64_t
own_above_bytes(const struct session *s)
{
	uint64_t max = s->conf->spool.segment_message_max_bytes;
	uint64_t fits = store_record_max_bytes(&s->server->store) / 2;

	if (max > fits)
		max = fits;
	if (max > COMMIT_CONTENT_MAX_BYTES)
		max = COMMIT_CONTENT_MAX_BYTES;
	return max;
}

static void own_ready(struct own_wait *wait, struct own *own);

bool
data_begin(struct session *s)
{
	const struct conf_listener *limits = s->limits;
	struct txn *txn = s->txn;
	struct content_conf conf = {
		.pool = &s->server->pool,
		.scratch = { s->server->content, 0,
		    sizeof(s->server->content) },
		.max_bytes = limits->max_message_size_bytes,
		.own_above_bytes = own_above_bytes(s),
		.declared_bytes = txn->declared_bytes,
		.max_received = limits->max_received,
		.max_header_bytes = (uint32_t)limits->max_header_size_bytes,
		.max_line_bytes = (uint32_t)limits->max_line_bytes,
		.bare = limits->bare_line_ends == CONF_BARE_NORMALISE
		    ? DOTSTUFF_NORMALISE
		    : DOTSTUFF_REJECT,
		.tenant_field = limits->tenant_header,
		.campaign_field = limits->campaign_header,
	};

	txn->content = arena_alloc(&txn->arena, sizeof(*txn->content));
	if (txn->content == NULL)
		return false;
	content_init(txn->content, &conf);
	txn->own_wait.ready = own_ready;
	txn->content_ms =
	    loop_now_ms(svc_loop(s->server->svc)) + limits->message_timeout_ms;
	return true;
}

static struct txn_origin
origin_of(const struct session *s)
{
	const struct txn *txn = s->txn;
	struct str protocol = s->is_esmtp ? STR("ESMTP") : STR("SMTP");

	/* RFC 6531 4.3. */
	if ((txn->flags & RECORD_SMTPUTF8) != 0)
		protocol = STR("UTF8SMTP");
	return (struct txn_origin){
		.client = str_from_c(s->client),
		.helo = str_from_c(s->helo),
		.auth = str_from_c(s->local == NULL ? NULL : s->local->user),
		.protocol = protocol,
	};
}

/* Queue ids go up in the order in which records are appended: both go by the
 * order of the ends of data. */
static enum err
stamp(struct session *s)
{
	struct txn_stamp st = {
		.qid = server_next_qid(s->server),
		.wall_ms = loop_wall_ms(svc_loop(s->server->svc)),
		.node = s->conf->main.node,
		.from = str_from_c(s->helo),
		.address_literal = str_from_c(s->literal),
		.uid = s->local == NULL ? 0 : s->local->uid,
		.protocol = origin_of(s).protocol,
	};

	if (s->is_notice)
		st.from = s->conf->main.node;
	return txn_stamp(s->txn, &st);
}

/* --- the end -------------------------------------------------------------- */

/* Logs the refusal, answers, and is ready for the next transaction. */
static void
refuse(struct session *s, const char *limit, struct str text)
{
	const struct txn *txn = s->txn;

	LOG(EV_MESSAGE_REFUSED, KV_QID("qid", &txn->qid),
	    KV_NUM("session", s->id), KV_CSTR("client", s->client),
	    KV_STR("sender", txn->sender),
	    KV_NUM("size", txn->content->size_bytes), KV_CSTR("limit", limit),
	    KV_STR("code", str_head(text, 3)));
	session_reply(s, text);
	/* With too many errors that was the last. */
	if (s->state != SS_LAST)
		session_reset(s);
}

static void
refuse_size(struct session *s)
{
	char text[LIMITS_REPLY_BYTES];
	struct outbuf out = { text, 0, sizeof(text) };

	if (limits_put_too_big(s->limits, &out) == ERR_OK)
		refuse(s, "max_message_size", outbuf_str(&out));
}

/* The stream cannot be read on: RFC 5321 2.3.8 knows CR LF only, and what
 * others take for an end of data must not begin a second message here. */
static void
refuse_stream(struct session *s)
{
	const struct dotstuff *ds = &s->txn->content->ds;
	bool is_long = s->txn->content->fault == CONTENT_LONG_LINE;
	const char *limit = is_long ? "max_line" : "bare_line_ends";

	LOG(EV_SESSION_FAULT, KV_NUM("session", s->id),
	    KV_CSTR("client", s->client), KV_CSTR("command", "DATA"),
	    KV_CSTR("fault", dotstuff_fault_text(ds->fault)),
	    KV_NUM("offset", ds->fault_at),
	    KV_NUM("code", is_long ? 554 : 550));
	if (is_long)
		session_replyf(s,
		    "554 5.6.0 Line too long (max_line = %u); closing",
		    (unsigned)s->limits->max_line_bytes);
	else
		session_replyf(s, "550 5.5.2 Content has a %s (%s); closing",
		    dotstuff_fault_text(ds->fault), limit);
	session_close(s);
	txn_free(&s->txn);
}

static void
refuse_content(struct session *s)
{
	switch (s->txn->content->fault) {
	case CONTENT_TOO_BIG:
		refuse_size(s);
		break;
	case CONTENT_HEADER_TOO_BIG:
		refuse(s, "max_header_size",
		    STR("552 5.3.4 Header is too big (max_header_size)"));
		break;
	case CONTENT_TOO_MANY_TAGS:
		refuse(s, "tenant_header",
		    STR("554 5.6.0 Too many fields of tenant_header or "
		        "campaign_header"));
		break;
	case CONTENT_LOOP:
		refuse(s, "max_received",
		    STR("554 5.4.6 Too many hops (max_received); this looks "
		        "like a loop"));
		break;
	case CONTENT_NO_BUFFER:
		refuse(s, "receive_memory",
		    STR("452 4.3.1 No buffer is free (receive_memory); try "
		        "later"));
		break;
	case CONTENT_DISK:
		refuse(s, "disk",
		    STR("452 4.3.1 The message cannot be stored now; try "
		        "later"));
		break;
	case CONTENT_BARE:
	case CONTENT_LONG_LINE:
		refuse_stream(s);
		break;
	case CONTENT_FINE:
		break;
	}
}

/* The end of data was seen. */
static void
finish(struct session *s)
{
	struct txn *txn = s->txn;
	struct txn_origin origin = origin_of(s);
	enum err err = ERR_OK;

	if (txn->content->fault != CONTENT_FINE) {
		refuse_content(s);
		return;
	}
	if (txn->received.len == 0)
		err = stamp(s);
	if (err == ERR_OK)
		err = txn_close(txn, &origin);
	if (err != ERR_OK) {
		refuse(s, "memory", STR("452 4.3.1 Out of memory; try later"));
		return;
	}
	session_move(s, SS_COMMIT);
	commit_add(&s->server->commit, txn);
}

/* --- a file of its own ---------------------------------------------------- */

/* own is there, or NULL: there is none to be had. */
static void
set_own(struct session *s, struct own *own)
{
	struct txn *txn = s->txn;

	/* The field goes before the content, so the id is given now. */
	if (own == NULL || stamp(s) != ERR_OK ||
	    own_write(own, txn->received) != ERR_OK) {
		own_drop(&own);
		content_refuse(txn->content, CONTENT_DISK);
		return;
	}
	content_set_own(txn->content, &own);
}

static void
own_ready(struct own_wait *wait, struct own *own)
{
	struct txn *txn = LIST_ITEM(wait, struct txn, own_wait);
	struct session *s = txn->session;

	session_move(s, SS_DATA);
	set_own(s, own);
	session_resume(s);
}

static void
get_own(struct session *s)
{
	struct owns *owns = &s->server->owns;
	struct own *own = own_take_spare(owns);

	if (own == NULL && own_ask(owns, &s->txn->own_wait))
		session_move(s, SS_OWN);
	else
		set_own(s, own);
}

/* --- input ---------------------------------------------------------------- */

bool
data_feed(struct session *s, struct str *in)
{
	struct content *c = s->txn->content;
	enum err err;

	if (in->len == 0)
		return false;
	err = content_feed(c, in);
	if (err == ERR_OK)
		finish(s);
	else if (err == ERR_FULL)
		get_own(s);
	else if (err == ERR_SYNTAX)
		refuse_stream(s);
	else if (c->size_bytes - s->txn->progress_bytes >= PROGRESS_BYTES) {
		s->txn->progress_bytes = c->size_bytes;
		session_touch(s);
	}
	return err != ERR_AGAIN;
}

void
data_lose(struct session *s)
{
	own_ask_cancel(&s->server->owns, &s->txn->own_wait);
	LOG(EV_MESSAGE_LOST_CLIENT, KV_QID("qid", &s->txn->qid),
	    KV_NUM("session", s->id), KV_CSTR("client", s->client),
	    KV_NUM("size", s->txn->content->size_bytes));
}

/* --- outcome -------------------------------------------------------------- */

static void
log_accepted(const struct txn *txn, const struct session *s, int64_t now_ms)
{
	LOG(EV_MESSAGE_ACCEPTED, KV_QID("qid", &txn->qid),
	    KV_NUM("session", s == NULL ? 0 : s->id),
	    KV_CSTR("client", s == NULL ? "gone" : s->client),
	    KV_STR("sender", txn->sender), KV_NUM("rcpts", txn->n_rcpts),
	    KV_NUM("parts", txn->n_parts),
	    KV_NUM("size", content_kept_bytes(txn->content)),
	    KV_STR("tenant", txn->tenant), KV_STR("campaign", txn->campaign),
	    KV_NUM("took_ms", now_ms - txn->begun_ms));
}

static void
refuse_unstored(struct session *s, enum err err)
{
	if (err == ERR_RANGE)
		refuse(s, "segment_size",
		    STR("552 5.3.4 Envelope and content do not fit "
		        "(segment_size)"));
	else if (err == ERR_FULL)
		refuse(s, "disk", STR("452 4.3.1 The disk is full; try later"));
	else
		refuse(s, "disk",
		    STR("451 4.3.0 The message could not be stored; try "
		        "later"));
}

static void
accept_message(struct session *s)
{
	char qid[QID_TEXT_BYTES + 1];

	qid_format(&s->txn->qid, qid);
	s->n_messages++;
	s->n_errors = 0;
	session_replyf(s, "250 2.0.0 Ok: queued as %s", qid);
	session_reset(s);
}

void
data_done(struct txn *txn, enum err err)
{
	struct session *s = txn->session;
	struct server *server = txn->server;

	if (err == ERR_OK)
		log_accepted(txn, s, loop_now_ms(svc_loop(server->svc)));
	if (s == NULL) {
		txn_free(&txn);
		server_note_change(server);
		return;
	}
	if (err == ERR_OK)
		accept_message(s);
	else
		refuse_unstored(s, err);
	session_resume(s);
}
