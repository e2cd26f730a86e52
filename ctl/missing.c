/* SPDX-License-Identifier: BSD-2-Clause */
/* missing: parts whose record is not where it was. */
#include "ctl/missing.h"

#include <stdlib.h>

#include "ctl/ask.h"
#include "util/text/json.h"

/* Rows of one question; qmgr serves others between two. */
#define ROWS 256
#define OUT_BYTES (1024 * 1024)
/* Longest row, as text or JSON: its texts escaped. */
#define ROW_MAX_BYTES (32 * 1024)
#define BLOCK_BYTES 4096

struct listing {
	struct outbuf out;
	struct json json;
	bool is_json;
	uint64_t n;
};

static void
row_json(struct listing *l, const struct msg_list_row *row)
{
	struct json *j = &l->json;
	char qid[QID_TEXT_BYTES + 1];
	char segment[17];
	struct outbuf number = { segment, 0, sizeof(segment) };

	qid_format(&row->qid, qid);
	ctl_must(
	    outbuf_printf(&number, "%016llx", (unsigned long long)row->segment),
	    "a segment");
	json_open_object(j);
	json_key(j, STR("qid"));
	json_str(j, str_from_c(qid));
	json_key(j, STR("part"));
	json_u64(j, row->part);
	json_key(j, STR("queue"));
	json_str(j, row->queue);
	json_key(j, STR("tries"));
	json_u64(j, row->tries);
	json_key(j, STR("segment"));
	json_str(j, outbuf_str(&number));
	json_key(j, STR("offset"));
	json_u64(j, (uint64_t)row->block * BLOCK_BYTES);
	json_close_object(j);
}

static void
row_text(struct listing *l, const struct msg_list_row *row)
{
	char qid[QID_TEXT_BYTES + 1];

	qid_format(&row->qid, qid);
	ctl_must(outbuf_printf(&l->out, "%s %5u %016llx %11llu ", qid,
	             (unsigned)row->part, (unsigned long long)row->segment,
	             (unsigned long long)row->block * BLOCK_BYTES),
	    "a row of the list");
	ask_put_foreign(&l->out, row->queue);
	outbuf_putc(&l->out, '\n');
}

static void
put_row(struct listing *l, struct str body)
{
	struct msg_list_row row;

	ctl_must(msg_list_row_decode(&row, body), "a row of the list");
	if (outbuf_room(&l->out) < ROW_MAX_BYTES)
		ctl_out_print(&l->out);
	l->n++;
	if (l->is_json)
		row_json(l, &row);
	else
		row_text(l, &row);
}

/* One page; returns the cursor of the next, 0: that was all. */
static uint32_t
read_page(struct listing *l, struct call *call)
{
	struct frame *f;
	struct msg_list_end end;

	for (;;) {
		f = ctl_must_next(call);
		if (f->type != MSG_LIST_ROW)
			break;
		put_row(l, f->body);
	}
	if (f->type != MSG_LIST_END)
		ctl_die(EXIT_TEMP, "the queue manager gave no list");
	ctl_must(msg_list_end_decode(&end, f->body), "the end of the list");
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
		outbuf_put(&l->out,
		    STR("QID                         PART SEGMENT              "
		        "   OFFSET QUEUE\n"));
}

static void
end(struct listing *l)
{
	if (l->is_json) {
		json_close_array(&l->json);
		ctl_must(json_end(&l->json), "the list");
	} else if (l->n == 0) {
		outbuf_put(&l->out, STR("no record is missing"));
	} else {
		outbuf_put(&l->out,
		    STR("Put the segments back into spool/deferred and run: "
		        "holdfast rescan\n"
		        "What is lost for good: holdfast cancel QID"));
	}
	outbuf_putc(&l->out, '\n');
	ctl_out_print(&l->out);
	free(l->out.ptr);
}

void
missing_print(struct ctl *ctl, bool is_json)
{
	struct listing l = { .is_json = is_json };
	struct msg_list_ask ask = { .rows = ROWS, .is_missing = 1 };
	struct call call;

	ctl_must_connect(ctl, "qmgr", &call);
	begin(&l);
	do {
		ask_renew(&call);
		ctl_must(call_send_list_ask(&call, &ask), "the question");
		ask.cursor = read_page(&l, &call);
	} while (ask.cursor != 0);
	end(&l);
	call_fini(&call);
}
