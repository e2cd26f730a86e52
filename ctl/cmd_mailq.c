/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_mailq: the queue as the mailq of other systems prints it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/ask.h"
#include "ctl/sendmail.h"
#include "util/mail/part.h"
#include "util/mail/reply.h"
#include "util/spool/envelope.h"

/* Rows of one question; qmgr serves others between two. */
#define ROWS 256
#define OUT_BYTES (64 * 1024)
/* Longest line: an address, or a cause. */
#define LINE_MAX_BYTES 2048
/* Width of a time, and where addresses begin. */
#define TIME_BYTES 24
#define ADDRESS_COLUMN 58

static const char heading[] =
    "-Queue ID-                  --Size-- ----Arrival Time---- "
    "-Sender/Recipient-------";

struct mailq {
	struct call list;    /* rows come by this one, */
	struct call records; /* and what they are about by that one */
	struct outbuf out;
	uint64_t bytes;
	uint64_t n;
};

static void
must_connect(struct ctl *ctl, struct call *call)
{
	enum err err = ctl_connect(ctl, "qmgr", call);

	if (err == ERR_NOTFOUND)
		sendmail_die(
		    EX_UNAVAILABLE, "run/qmgr: the relay is not running");
	if (err == ERR_DENIED)
		sendmail_die(EX_NOPERM, "run/qmgr: %s", strerror(errno));
	if (err != ERR_OK)
		sendmail_die(EX_TEMPFAIL, "run/qmgr: %s", err_text(err));
}

/* The buffer with room for one more line. */
static struct outbuf *
room(struct mailq *q)
{
	if (outbuf_room(&q->out) < LINE_MAX_BYTES)
		ctl_out_print(&q->out);
	return &q->out;
}

static void
put_line(struct mailq *q, size_t column, struct str text, const char *end)
{
	struct outbuf *out = room(q);

	for (size_t i = 0; i < column; i++)
		outbuf_putc(out, ' ');
	ask_put_foreign(out, text);
	outbuf_put(out, str_from_c(end));
}

/* "Wed Nov 25 01:02:03", in UTC as all our times. */
static void
put_head(struct mailq *q, const struct msg_list_row *row, uint64_t bytes)
{
	time_t seconds = (time_t)(qid_time_ms(&row->qid) / 1000);
	char qid[QID_TEXT_BYTES + 1];
	char when[TIME_BYTES] = "";
	struct tm tm;
	char mark = ' ';

	if (row->state == PART_LEASED)
		mark = '*';
	if (row->state == PART_HELD)
		mark = '!';
	if (gmtime_r(&seconds, &tm) != NULL)
		(void)strftime(when, sizeof(when), "%a %b %e %H:%M:%S", &tm);
	qid_format(&row->qid, qid);
	ctl_must(outbuf_printf(room(q), "%s%c %8llu %19.19s  ", qid, mark,
	             (unsigned long long)bytes, when),
	    "a row");
}

/* A person keeps it here. */
static bool
is_by_order(const struct msg_list_row *row)
{
	return str_eq(row->limit_name, STR("held")) ||
	    str_eq(row->limit_name, STR("suspended"));
}

static void
put_order(struct mailq *q, const struct msg_list_row *row)
{
	struct outbuf *out = room(q);

	outbuf_putc(out, '(');
	ask_put_foreign(out, row->limit_name);
	outbuf_put(out, STR(": "));
	put_line(q, 0, row->limit_cause, ")\n");
}

/* Why it is not gone yet; nothing while it is on its way. */
static void
put_reason(struct mailq *q, const struct msg_list_row *row)
{
	char bytes[LINE_MAX_BYTES / 2];
	struct outbuf last = { bytes, 0, sizeof(bytes) };
	struct str reason = row->limit_cause;

	if (row->state == PART_LEASED)
		return;
	if (is_by_order(row)) {
		put_order(q, row);
		return;
	}
	if (row->state == PART_WAITING && row->last_code != 0) {
		ctl_must(outbuf_printf(&last, "%s; the host said: %u, %s",
		             part_cause_text(row->cause), row->last_code,
		             reply_code_text(row->last_code)),
		    "a reason");
		reason = outbuf_str(&last);
	}
	if (reason.len == 0)
		reason = row->limit_name;
	if (reason.len == 0)
		reason = str_from_c(part_cause_text(row->cause));
	outbuf_putc(room(q), '(');
	put_line(q, 0, reason, ")\n");
}

static void
put_recipients(struct mailq *q, uint16_t part, const struct envelope *env)
{
	struct envelope_iter it;
	struct envelope_rcpt rcpt;

	envelope_iter_init(&it, env);
	while (envelope_next_rcpt(&it, &rcpt))
		if (rcpt.part == part)
			put_line(q, ADDRESS_COLUMN, rcpt.address, "\n");
}

/* One part, which may have gone out since it was listed. */
static void
put_row(struct mailq *q, const struct msg_list_row *row)
{
	struct ask_record r;
	enum err err = ask_record_load(&q->records, &row->qid, &r);
	bool is_good = err == ERR_OK;
	uint64_t bytes = is_good ? r.record.head.content_bytes : 0;

	if (err != ERR_NOTFOUND) {
		put_head(q, row, bytes);
		if (!is_good)
			put_line(
			    q, 0, STR("(its record cannot be read)"), "\n");
		else if (r.env.texts.sender.len == 0)
			put_line(q, 0, STR("MAILER-DAEMON"), "\n");
		else
			put_line(q, 0, r.env.texts.sender, "\n");
		put_reason(q, row);
		if (is_good)
			put_recipients(q, row->part, &r.env);
		outbuf_putc(room(q), '\n');
		q->bytes += bytes;
		q->n++;
	}
	ask_record_fini(&r);
}

/* One page; returns the cursor of the next, 0: that was all. */
static uint32_t
read_page(struct mailq *q)
{
	struct frame *f;
	struct msg_list_row row;
	struct msg_list_end end;

	for (;;) {
		ask_renew(&q->list);
		f = ctl_must_next(&q->list);
		if (f->type != MSG_LIST_ROW)
			break;
		ctl_must(msg_list_row_decode(&row, f->body), "a row");
		if (q->n == 0)
			put_line(q, 0, str_from_c(heading), "\n");
		put_row(q, &row);
	}
	if (f->type != MSG_LIST_END)
		ctl_die(EX_TEMPFAIL, "the queue manager gave no list");
	ctl_must(msg_list_end_decode(&end, f->body), "the end of the list");
	return end.cursor;
}

static void
put_total(struct mailq *q)
{
	if (q->n == 0)
		put_line(q, 0, STR("Mail queue is empty"), "\n");
	else
		ctl_must(outbuf_printf(room(q),
		             "-- %llu Kbytes in %llu Request%s.\n",
		             (unsigned long long)((q->bytes + 1023) / 1024),
		             (unsigned long long)q->n, q->n == 1 ? "" : "s"),
		    "the total");
}

int
mailq_print(struct ctl *ctl)
{
	struct msg_list_ask ask = { .rows = ROWS };
	struct mailq q = { .n = 0 };

	must_connect(ctl, &q.list);
	must_connect(ctl, &q.records);
	ctl_out_init(&q.out, OUT_BYTES);
	do {
		ask_renew(&q.list);
		ctl_must(call_send_list_ask(&q.list, &ask), "the question");
		ask.cursor = read_page(&q);
	} while (ask.cursor != 0);
	put_total(&q);
	ctl_out_print(&q.out);
	free(q.out.ptr);
	call_fini(&q.records);
	call_fini(&q.list);
	return EX_OK;
}

int
cmd_mailq(struct ctl *ctl)
{
	return sendmail_run(ctl, true);
}
