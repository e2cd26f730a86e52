/* SPDX-License-Identifier: BSD-2-Clause */
/* cmd_queue: one line for each queue: what is in it, and what holds it. */
#include <stdio.h>
#include <stdlib.h>

#include "ctl/ask.h"
#include "ctl/ctl.h"
#include "ctl/missing.h"
#include "util/text/json.h"
#include "util/text/when.h"

/* Rows of one question; qmgr serves others between two. */
#define ROWS 256
#define OUT_BYTES (1024 * 1024)
/* Longest row, as text or JSON: all its texts escaped. */
#define ROW_MAX_BYTES (32 * 1024)

struct totals {
	uint64_t queues, ready, waiting, leased, held;
};

struct listing {
	struct outbuf out;
	struct json json;
	bool is_json;
	struct totals totals;
};

static void
row_json(struct listing *l, const struct msg_queue_row *row)
{
	struct json *j = &l->json;
	const struct ask_limit limit = ASK_LIMIT(row);

	json_open_object(j);
	json_key(j, STR("queue"));
	json_str(j, row->queue);
	json_key(j, STR("tenant"));
	json_str(j, row->tenant);
	json_key(j, STR("campaign"));
	json_str(j, row->campaign);
	json_key(j, STR("domain"));
	json_str(j, row->domain);
	json_key(j, STR("site"));
	json_str(j, row->site);
	json_key(j, STR("ready"));
	json_u64(j, row->ready);
	json_key(j, STR("waiting"));
	json_u64(j, row->waiting);
	json_key(j, STR("leased"));
	json_u64(j, row->leased);
	json_key(j, STR("held"));
	json_u64(j, row->held);
	json_key(j, STR("oldest_s"));
	json_i64(j, row->oldest_ms / 1000);
	json_key(j, STR("next_ms"));
	ask_put_next_json(j, row->next_ms);
	json_key(j, STR("limit"));
	ask_put_limit_json(j, &limit);
	json_close_object(j);
}

static const char heading[] =
    "QUEUE                          SITE                     READY WAITING "
    "LEASED  HELD OLDEST  NEXT       LIMIT THAT BINDS\n";

static void
put_cell(struct outbuf *out, struct str text, size_t width)
{
	outbuf_put(out, text);
	for (size_t n = text.len; n < width; n++)
		outbuf_putc(out, ' ');
	outbuf_putc(out, ' ');
}

static void
put_number(struct outbuf *out, uint64_t n, size_t width)
{
	char text[32];
	struct outbuf number = { text, 0, sizeof(text) };

	ctl_put_count(&number, n);
	for (size_t used = number.len; used < width; used++)
		outbuf_putc(out, ' ');
	put_cell(out, outbuf_str(&number), 0);
}

static void
row_text(struct listing *l, const struct msg_queue_row *row)
{
	const struct ask_limit limit = ASK_LIMIT(row);
	char text[WHEN_MAX_BYTES];
	struct outbuf when = { text, 0, sizeof(text) };

	put_cell(&l->out, row->queue, 30);
	put_cell(&l->out, row->site, 22);
	put_number(&l->out, row->ready, 7);
	put_number(&l->out, row->waiting, 7);
	put_number(&l->out, row->leased, 6);
	put_number(&l->out, row->held, 5);
	ctl_must(when_span(&when, row->oldest_ms), "the age of a queue");
	put_cell(&l->out, outbuf_str(&when), 7);
	when.len = 0;
	ask_put_next_text(&when, row->next_ms);
	put_cell(&l->out, outbuf_str(&when), 10);
	ask_put_limit_text(&l->out, &limit);
	outbuf_putc(&l->out, '\n');
}

static void
put_row(struct listing *l, const struct msg_queue_row *row)
{
	if (outbuf_room(&l->out) < ROW_MAX_BYTES)
		ctl_out_print(&l->out);
	l->totals.queues++;
	l->totals.ready += row->ready;
	l->totals.waiting += row->waiting;
	l->totals.leased += row->leased;
	l->totals.held += row->held;
	if (l->is_json)
		row_json(l, row);
	else
		row_text(l, row);
}

/* One page; returns the cursor of the next, 0: that was all. */
static uint32_t
read_page(struct listing *l, struct call *call)
{
	struct frame *f;
	struct msg_queue_row row;
	struct msg_queue_end end;

	for (;;) {
		f = ctl_must_next(call);
		if (f->type != MSG_QUEUE_ROW)
			break;
		ctl_must(
		    msg_queue_row_decode(&row, f->body), "a row of the list");
		put_row(l, &row);
	}
	if (f->type != MSG_QUEUE_END)
		ctl_die(EXIT_TEMP, "the queue manager gave no list");
	ctl_must(msg_queue_end_decode(&end, f->body), "the end of the list");
	return end.cursor;
}

static void
begin(struct listing *l)
{
	ctl_out_init(&l->out, OUT_BYTES);
	json_init(&l->json, &l->out);
	if (l->is_json)
		json_open_array(&l->json);
	else
		outbuf_put(&l->out, str_from_c(heading));
}

static void
end(struct listing *l)
{
	char text[64];
	struct outbuf name = { text, 0, sizeof(text) };

	if (l->is_json) {
		json_close_array(&l->json);
		ctl_must(json_end(&l->json), "the list");
		outbuf_putc(&l->out, '\n');
	} else {
		outbuf_put(&name, STR("total "));
		ctl_put_count(&name, l->totals.queues);
		outbuf_put(&name,
		    l->totals.queues == 1 ? STR(" queue") : STR(" queues"));
		put_cell(&l->out, outbuf_str(&name), 30 + 1 + 22);
		put_number(&l->out, l->totals.ready, 7);
		put_number(&l->out, l->totals.waiting, 7);
		put_number(&l->out, l->totals.leased, 6);
		put_number(&l->out, l->totals.held, 5);
		outbuf_putc(&l->out, '\n');
	}
	ctl_out_print(&l->out);
	free(l->out.ptr);
}

int
cmd_queue(struct ctl *ctl)
{
	struct listing l = { .is_json = ctl_take_flag(ctl, "--json") };
	struct msg_queue_ask ask = { .rows = ROWS };
	bool is_missing = ctl_take_flag(ctl, "--missing");
	struct call call;

	ctl_check_args(ctl, 0, is_missing ? 0 : 1);
	if (is_missing) {
		missing_print(ctl, l.is_json);
		return CTL_FINE;
	}
	if (ctl->argc > 0)
		ask.match = str_from_c(ctl->argv[0]);
	ctl_must_connect(ctl, "qmgr", &call);
	begin(&l);
	do {
		ask_renew(&call);
		ctl_must(call_send_queue_ask(&call, &ask), "the question");
		ask.cursor = read_page(&l, &call);
	} while (ask.cursor != 0);
	end(&l);
	call_fini(&call);
	return CTL_FINE;
}
