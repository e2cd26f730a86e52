/* SPDX-License-Identifier: BSD-2-Clause */
/* order_list: prints orders that are kept. */
#include "ctl/order_list.h"

#include <stdlib.h>

#include "ctl/ask.h"
#include "util/io/clock.h"
#include "util/text/json.h"
#include "util/text/when.h"

#define ROWS 256
#define OUT_BYTES (256 * 1024)
/* Longest row, all its texts escaped. */
#define ROW_MAX_BYTES (32 * 1024)

struct listing {
	struct outbuf out;
	struct json json;
	bool is_json;
	uint64_t n;
};

void
order_list_each(
    struct ctl *ctl, enum order_kind kind, order_list_fn *fn, void *arg)
{
	struct msg_orders_ask ask = { .kind = (uint8_t)kind, .rows = ROWS };
	struct msg_orders_end end;
	struct msg_order_row row;
	struct frame *f;
	struct call call;

	ctl_must_connect(ctl, "qmgr", &call);
	do {
		ask_renew(&call);
		ctl_must(call_send_orders_ask(&call, &ask), "the question");
		while ((f = ctl_must_next(&call))->type == MSG_ORDER_ROW) {
			ctl_must(
			    msg_order_row_decode(&row, f->body), "an order");
			fn(arg, &row);
		}
		if (f->type != MSG_ORDERS_END)
			ctl_die(EXIT_TEMP, "the queue manager gave no list");
		ctl_must(msg_orders_end_decode(&end, f->body),
		    "the end of the list");
		ask.after = end.after;
	} while (ask.after != 0);
	call_fini(&call);
}

static struct order_match
match_of(const struct msg_order_row *row)
{
	return (struct order_match){ row->qid, row->queue, row->tenant,
		row->campaign, row->domain };
}

/* --- for programs --------------------------------------------------------- */

static void
key_str(struct json *j, struct str key, struct str value)
{
	json_key(j, key);
	if (value.len == 0)
		json_null(j);
	else
		json_str(j, value);
}

static void
key_time(struct json *j, struct str key, int64_t wall_ms)
{
	char bytes[WHEN_MAX_BYTES];
	struct outbuf when = { bytes, 0, sizeof(bytes) };

	if (wall_ms > 0)
		ctl_must(when_iso8601(&when, wall_ms), "a time");
	key_str(j, key, outbuf_str(&when));
}

static void
key_number(struct json *j, struct str key, uint64_t n)
{
	json_key(j, key);
	json_u64(j, n);
}

static void
row_json(struct json *j, const struct msg_order_row *row)
{
	const struct order_match match = match_of(row);
	char bytes[QID_TEXT_BYTES + 1] = "";

	if (order_match_has_qid(&match))
		qid_format(&row->qid, bytes);
	json_open_object(j);
	key_number(j, STR("order"), row->number);
	key_str(j, STR("command"), str_from_c(order_kind_text(row->kind)));
	json_key(j, STR("in_hand"));
	json_bool(j, row->kind != ORDER_SUSPEND && row->stage != ORDER_OVER);
	key_time(j, STR("since"), row->at_ms);
	key_time(j, STR("until"), row->until_ms);
	key_str(j, STR("by"), row->by);
	key_number(j, STR("uid"), row->uid);
	key_str(j, STR("qid"), str_from_c(bytes));
	key_str(j, STR("queue"), row->queue);
	key_str(j, STR("tenant"), row->tenant);
	key_str(j, STR("campaign"), row->campaign);
	key_str(j, STR("domain"), row->domain);
	key_str(j, STR("why"), row->why);
	key_str(j, STR("target"), row->target);
	key_number(j, STR("parts"), row->parts);
	key_number(j, STR("held"), row->held);
	json_close_object(j);
}

/* --- for people ----------------------------------------------------------- */

static const char heading[] =
    "ORDER    SINCE     UNTIL     BY                HELD WHAT\n";

static void
put_cell(struct outbuf *out, struct str text, size_t width)
{
	ask_put_foreign(out, text);
	for (size_t n = text.len; n < width; n++)
		outbuf_putc(out, ' ');
	outbuf_putc(out, ' ');
}

static void
put_count(struct outbuf *out, uint64_t n, size_t width)
{
	char bytes[32];
	struct outbuf text = { bytes, 0, sizeof(bytes) };

	ctl_put_count(&text, n);
	put_cell(out, outbuf_str(&text), width);
}

static void
put_who(struct outbuf *out, const struct msg_order_row *row)
{
	char bytes[ORDER_BY_MAX_BYTES + OUTBUF_U64_BYTES];
	struct outbuf who = { bytes, 0, sizeof(bytes) };
	const struct order order = { .uid = row->uid, .by = row->by };

	order_put_who(&who, &order);
	put_cell(out, outbuf_str(&who), 14);
}

static void
put_times(struct outbuf *out, const struct msg_order_row *row)
{
	char bytes[WHEN_MAX_BYTES];
	struct outbuf when = { bytes, 0, sizeof(bytes) };

	ctl_must(when_ago(&when, clock_wall_ms() - row->at_ms), "a time");
	put_cell(out, outbuf_str(&when), 9);
	when.len = 0;
	if (row->until_ms == 0)
		outbuf_putc(&when, '-');
	else
		ctl_must(
		    when_in(&when, row->until_ms - clock_wall_ms()), "a time");
	put_cell(out, outbuf_str(&when), 9);
}

static void
row_text(struct outbuf *out, const struct msg_order_row *row)
{
	const struct order_match match = match_of(row);
	char bytes[ORDER_MATCH_TEXT_BYTES];
	struct outbuf what = { bytes, 0, sizeof(bytes) };

	put_count(out, row->number, 8);
	put_times(out, row);
	put_who(out, row);
	put_count(out, row->held, 7);
	order_match_put(&what, &match);
	ask_put_foreign(out, outbuf_str(&what));
	if (row->target.len > 0)
		outbuf_put(out, STR(" to "));
	ask_put_foreign(out, row->target);
	if (row->why.len > 0)
		outbuf_put(out, STR(": "));
	ask_put_foreign(out, row->why);
	outbuf_putc(out, '\n');
}

static void
put_row(void *arg, const struct msg_order_row *row)
{
	struct listing *l = arg;

	if (outbuf_room(&l->out) < ROW_MAX_BYTES)
		ctl_out_print(&l->out);
	if (l->is_json)
		row_json(&l->json, row);
	else if (l->n == 0)
		outbuf_put(&l->out, str_from_c(heading));
	if (!l->is_json)
		row_text(&l->out, row);
	l->n++;
}

static struct str
nothing(enum order_kind kind)
{
	if (kind == ORDER_SUSPEND)
		return STR("nothing is suspended\n");
	if (kind == ORDER_MOVE)
		return STR("nothing is being moved\n");
	return STR("nothing is held by order\n");
}

int
order_list_print(struct ctl *ctl, enum order_kind kind, bool is_json)
{
	struct listing l = { .is_json = is_json };

	ctl_out_init(&l.out, OUT_BYTES);
	json_init(&l.json, &l.out);
	if (is_json)
		json_open_array(&l.json);
	order_list_each(ctl, kind, put_row, &l);
	if (is_json) {
		json_close_array(&l.json);
		ctl_must(json_end(&l.json), "the list");
		outbuf_putc(&l.out, '\n');
	} else if (l.n == 0) {
		outbuf_put(&l.out, nothing(kind));
	}
	ctl_out_print(&l.out);
	free(l.out.ptr);
	return CTL_FINE;
}
