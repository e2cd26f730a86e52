/* SPDX-License-Identifier: BSD-2-Clause */
/* facts: the writer of an attempt's JSON object. */
#include "deliver/core/facts.h"

#include "util/base/fatal.h"
#include "util/mail/part.h"
#include "util/text/json.h"

/* Texts that are not bounded elsewhere are cut here. JSON takes at most six
 * bytes for one, so all but the recipients always fit. */
#define TEXT_MAX_BYTES 512
/* Kept free for what stands behind the recipients. */
#define TAIL_BYTES 192

const char *
facts_transport_text(enum transport transport)
{
	static const char *const texts[TRANSPORT_N] = {
		[TRANSPORT_SMTP] = "",
		[TRANSPORT_LMTP] = "lmtp",
		[TRANSPORT_DISCARD] = "discard",
		[TRANSPORT_NOTICE] = "notice",
	};

	return transport < TRANSPORT_N ? texts[transport] : "?";
}

const char *
facts_stage_text(enum smtp_stage stage)
{
	static const char *const texts[STAGE_N] = {
		[STAGE_CONNECT] = "connect",
		[STAGE_GREETING] = "greeting",
		[STAGE_EHLO] = "EHLO",
		[STAGE_MAIL] = "MAIL",
		[STAGE_RCPT] = "RCPT",
		[STAGE_DATA] = "DATA",
		[STAGE_BODY] = "body",
		[STAGE_DOT] = "dot",
		[STAGE_RSET] = "RSET",
		[STAGE_QUIT] = "QUIT",
		[STAGE_IDLE] = "idle",
	};

	return stage < STAGE_N ? texts[stage] : "?";
}

const char *
facts_outcome_text(enum outcome outcome)
{
	static const char *const texts[OUTCOME_N] = {
		[OUTCOME_TRIED] = "tried",
		[OUTCOME_THROTTLED] = "throttled",
		[OUTCOME_RETURNED] = "returned",
		[OUTCOME_DAMAGED] = "damaged",
		[OUTCOME_UNREADABLE] = "unreadable",
		[OUTCOME_TOLD] = "told",
	};

	return outcome < OUTCOME_N ? texts[outcome] : "?";
}

const char *
facts_verdict_text(enum verdict verdict)
{
	static const char *const texts[VERDICT_N] = {
		[VERDICT_DELIVERED] = "delivered",
		[VERDICT_DEFERRED] = "deferred",
		[VERDICT_THROTTLED] = "throttled",
		[VERDICT_BOUNCED] = "bounced",
	};

	return verdict < VERDICT_N ? texts[verdict] : "?";
}

const char *
facts_notice_text(enum notice_kind notice)
{
	static const char *const texts[NOTICE_KIND_N] = {
		[NOTICE_NONE] = "",
		[NOTICE_FINAL] = "final",
		[NOTICE_DELAY] = "delay",
	};

	return notice < NOTICE_KIND_N ? texts[notice] : "?";
}

static struct str
cut(struct str s)
{
	return s.len > TEXT_MAX_BYTES ? str_head(s, TEXT_MAX_BYTES) : s;
}

static void
put_text(struct json *j, struct str key, struct str value)
{
	if (value.len == 0)
		return;
	json_key(j, key);
	json_str(j, cut(value));
}

static void
put_number(struct json *j, struct str key, uint64_t n)
{
	json_key(j, key);
	json_u64(j, n);
}

static void
put_enhanced(struct json *j, const struct status *enhanced)
{
	char bytes[STATUS_TEXT_MAX_BYTES];
	struct outbuf text = { bytes, 0, sizeof(bytes) };

	BUG_IF(status_put(enhanced, &text) != ERR_OK);
	put_text(j, STR("enhanced"), outbuf_str(&text));
}

static void
put_rcpt(struct json *j, const struct facts_rcpt *r, struct str common)
{
	json_open_object(j);
	json_key(j, STR("rcpt"));
	json_str(j, r->address);
	put_number(j, STR("n"), r->n);
	put_text(j, STR("verdict"), str_from_c(facts_verdict_text(r->verdict)));
	if (r->code != 0)
		put_number(j, STR("code"), r->code);
	put_enhanced(j, &r->enhanced);
	if (!str_eq(r->reply, common))
		put_text(j, STR("reply"), r->reply);
	json_close_object(j);
}

/* The notice to the sender must not call a failure what is delivered. */
static void
put_delivered(struct json *j, const struct facts_rcpt *rcpts, uint32_t n)
{
	static const char hex[] = "0123456789abcdef";
	uint8_t bits[PART_RCPTS_MAX / 4] = { 0 };
	char digits[sizeof(bits)];
	size_t n_digits = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (rcpts[i].verdict != VERDICT_DELIVERED)
			continue;
		bits[rcpts[i].n / 4] |= (uint8_t)(1u << rcpts[i].n % 4);
		n_digits = rcpts[i].n / 4u + 1;
	}
	for (size_t i = 0; i < n_digits; i++)
		digits[i] = hex[bits[i]];
	put_text(j, STR("delivered"), (struct str){ digits, n_digits });
}

/* Those that fit, with room left for the rest. */
static void
put_rcpts(struct json *j, const struct facts *f)
{
	size_t cap = j->out->cap;
	uint32_t i;

	json_key(j, STR("rcpts"));
	json_open_array(j);
	j->out->cap -= TAIL_BYTES;
	for (i = 0; i < f->n_rcpts; i++) {
		struct json before = *j;
		size_t len = j->out->len;

		put_rcpt(j, &f->rcpts[i], f->reply);
		if (!j->is_full)
			continue;
		*j = before;
		j->out->len = len;
		break;
	}
	j->out->cap = cap;
	json_close_array(j);
	if (i == f->n_rcpts)
		return;
	put_number(j, STR("omitted"), f->n_rcpts - i);
	put_delivered(j, f->rcpts + i, f->n_rcpts - i);
}

static void
put_notice(struct json *j, const struct facts *f)
{
	put_text(j, STR("notice"), str_from_c(facts_notice_text(f->notice)));
	put_text(j, STR("to"), f->to);
	put_text(j, STR("qid"), f->qid);
}

void
facts_write(const struct facts *f, struct outbuf *out)
{
	size_t cap = out->cap;
	struct json j;

	BUG_IF(outbuf_room(out) < FACTS_MAX_BYTES);
	out->cap = out->len + FACTS_MAX_BYTES;
	json_init(&j, out);
	json_open_object(&j);
	put_text(&j, STR("site"), f->site);
	put_text(&j, STR("transport"),
	    str_from_c(facts_transport_text(f->transport)));
	put_text(&j, STR("host"), f->host);
	put_text(&j, STR("address"), f->address);
	put_text(&j, STR("stage"), str_from_c(facts_stage_text(f->stage)));
	put_text(
	    &j, STR("outcome"), str_from_c(facts_outcome_text(f->outcome)));
	put_text(&j, STR("reply"), f->reply);
	if (f->is_doubtful) {
		json_key(&j, STR("doubtful"));
		json_bool(&j, true);
	}
	if (f->is_dsn_passed)
		put_text(&j, STR("dsn"), STR("passed"));
	put_number(&j, STR("tries"), f->tries);
	if (f->has_message || f->notice != NOTICE_NONE)
		put_number(&j, STR("took_ms"), (uint64_t)f->took_ms);
	if (f->has_message) {
		put_number(&j, STR("size"), f->size_bytes);
		json_key(&j, STR("sender"));
		json_str(&j, cut(f->sender));
	}
	if (f->n_rcpts > 0)
		put_rcpts(&j, f);
	if (f->notice != NOTICE_NONE)
		put_notice(&j, f);
	json_close_object(&j);
	/* Five texts of 3 KiB at most, and the recipients know their room. A
	 * notice has none of them, and no sender. */
	BUG_IF(json_end(&j) != ERR_OK);
	out->cap = cap;
}
