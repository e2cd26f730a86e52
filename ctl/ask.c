/* SPDX-License-Identifier: BSD-2-Clause */
/* ask: limits, queue ids and records, for several commands. */
#include "ctl/ask.h"

#include <stdlib.h>
#include <unistd.h>

#include "util/io/clock.h"
#include "util/text/when.h"

void
ask_put_limit_json(struct json *j, const struct ask_limit *limit)
{
	json_open_object(j);
	json_key(j, STR("name"));
	json_str(j, limit->name);
	json_key(j, STR("value"));
	json_str(j, limit->value);
	json_key(j, STR("from"));
	json_str(j, limit->from);
	json_key(j, STR("cause"));
	json_str(j, limit->cause);
	json_close_object(j);
}

void
ask_put_foreign(struct outbuf *out, struct str text)
{
	for (size_t i = 0; i < text.len && outbuf_room(out) > 0; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		outbuf_putc(out, c < ' ' || c == 0x7f ? ' ' : (char)c);
	}
}

void
ask_put_limit_text(struct outbuf *out, const struct ask_limit *limit)
{
	bool has_more = limit->from.len > 0 || limit->cause.len > 0;

	if (limit->name.len == 0)
		return;
	outbuf_put(out, limit->name);
	if (limit->value.len > 0) {
		outbuf_putc(out, ' ');
		outbuf_put(out, limit->value);
	}
	if (!has_more)
		return;
	outbuf_put(out, STR(" ("));
	outbuf_put(out, limit->from);
	if (limit->from.len > 0 && limit->cause.len > 0)
		outbuf_put(out, STR(": "));
	ask_put_foreign(out, limit->cause);
	outbuf_putc(out, ')');
}

void
ask_put_next_text(struct outbuf *out, int64_t next_ms)
{
	if (next_ms == INT64_MAX)
		outbuf_put(out, STR("never"));
	else
		ctl_must(when_in(out, next_ms), "a time");
}

void
ask_put_next_json(struct json *j, int64_t next_ms)
{
	if (next_ms == INT64_MAX)
		json_null(j);
	else
		json_i64(j, next_ms);
}

struct qid
ask_qid(struct ctl *ctl, const char *text)
{
	struct qid qid;

	if (qid_parse(str_from_c(text), &qid) != ERR_OK)
		ctl_usage(ctl,
		    "\"%s\" is no queue id: that is 26 letters and digits, as "
		    "in \"queued as 01KAWQ5Z9B000G7M3S0T5VC8XK\"",
		    text);
	return qid;
}

/* The answer: RECORD with a descriptor, or ANSWER, which says why not. */
static enum err
receive(struct call *call, struct ask_record *r)
{
	struct frame *f = ctl_must_next(call);
	struct msg_record m;
	struct msg_answer answer;

	if (f->type == MSG_RECORD) {
		ctl_must(msg_record_decode(&m, f->body), "where a record is");
		r->fd = frame_take_fd(f, 0);
		r->segment = m.segment;
		r->block = m.block;
		return ERR_OK;
	}
	if (f->type != MSG_ANSWER)
		ctl_die(EXIT_TEMP, "the queue manager did not answer");
	ctl_must(msg_answer_decode(&answer, f->body), "an answer");
	return answer.status == CTL_FOUND ? ERR_NOTFOUND : ERR_IO;
}

static enum err
load(struct ask_record *r, const struct qid *qid)
{
	struct segment_head head;
	enum err err = segread_head(r->fd, &head);

	r->buf.ptr = malloc(RECORD_FRONT_MAX_BYTES);
	r->buf.cap = RECORD_FRONT_MAX_BYTES;
	if (r->buf.ptr == NULL)
		ctl_die(EXIT_TEMP, "no memory for an envelope");
	if (err == ERR_OK)
		err = segread_load(r->fd, &head, r->block, &r->buf, &r->record);
	if (err == ERR_OK)
		err = envelope_parse(&r->env, r->record.envelope);
	if (err == ERR_OK && qid_cmp(&r->record.head.qid, qid) != 0)
		err = ERR_SYNTAX;
	return err == ERR_OK || err == ERR_IO ? err : ERR_SYNTAX;
}

void
ask_renew(struct call *call)
{
	call->deadline_ms = clock_boot_ms() + CTL_ANSWER_MS;
}

enum err
ask_record_load(struct call *call, const struct qid *qid, struct ask_record *r)
{
	struct msg_record_ask ask = { .qid = *qid };
	enum err err;

	*r = (struct ask_record){ .fd = -1 };
	ask_renew(call);
	ctl_must(call_send_record_ask(call, &ask), "the question");
	err = receive(call, r);
	return err == ERR_OK ? load(r, qid) : err;
}

void
ask_record_fini(struct ask_record *r)
{
	if (r->fd >= 0)
		(void)close(r->fd);
	free(r->buf.ptr);
	*r = (struct ask_record){ .fd = -1 };
}
