/* SPDX-License-Identifier: BSD-2-Clause */
/* why_json: what is known of a message, for programs. */
#include <stdio.h>
#include <stdlib.h>

#include "ctl/why.h"
#include "util/mail/part.h"
#include "util/text/when.h"

#define OUT_BYTES (1024 * 1024)
/* Longest part or step, all its texts escaped. */
#define ITEM_MAX_BYTES (32 * 1024)
#define BLOCK_BYTES 4096

static void
key_str(struct json *j, struct str key, struct str value)
{
	json_key(j, key);
	json_str(j, value);
}

/* The buffer with room for one more item. */
static void
make_room(struct json *j)
{
	if (outbuf_room(j->out) < ITEM_MAX_BYTES)
		ctl_out_print(j->out);
}

static void
key_time(struct json *j, struct str key, int64_t wall_ms)
{
	char bytes[WHEN_MAX_BYTES];
	struct outbuf when = { bytes, 0, sizeof(bytes) };

	json_key(j, key);
	if (wall_ms <= 0 || when_iso8601(&when, wall_ms) != ERR_OK)
		json_null(j);
	else
		json_str(j, outbuf_str(&when));
}

static void
put_part(struct json *j, const struct msg_why_part *m)
{
	const struct ask_limit limit = ASK_LIMIT(m);

	key_str(j, STR("state"), str_from_c(part_state_text(m->state)));
	key_str(j, STR("queue"), m->queue);
	key_str(j, STR("site"), m->site);
	json_key(j, STR("attempts"));
	json_u64(j, m->tries);
	json_key(j, STR("limit"));
	ask_put_limit_json(j, &limit);
	json_key(j, STR("next_ms"));
	ask_put_next_json(j, m->next_ms);
}

/* Nothing is left of it but its history. */
static void
put_done(struct json *j, const struct why *why)
{
	static const struct ask_limit none;
	struct link *last = list_last(&why->steps);

	key_str(j, STR("state"), str_from_c(part_state_text(PART_DONE)));
	key_str(j, STR("queue"), why->queue);
	key_str(j, STR("site"), why->site);
	json_key(j, STR("attempts"));
	json_u64(j,
	    last == NULL ? 0 : LIST_ITEM(last, struct why_step, link)->tries);
	json_key(j, STR("limit"));
	ask_put_limit_json(j, &none);
	json_key(j, STR("next_ms"));
	json_null(j);
}

static void
put_parts(struct json *j, const struct why *why)
{
	json_key(j, STR("parts"));
	json_open_array(j);
	for (size_t i = 0; i < why->n_parts; i++) {
		make_room(j);
		json_open_object(j);
		json_key(j, STR("part"));
		json_u64(j, why->parts[i].part);
		put_part(j, &why->parts[i]);
		json_close_object(j);
	}
	json_close_array(j);
}

static void
put_history(struct json *j, const struct why *why)
{
	struct link *link;

	json_key(j, STR("history"));
	json_open_array(j);
	LIST_FOREACH (link, &why->steps) {
		const struct why_step *step =
		    LIST_ITEM(link, struct why_step, link);

		make_room(j);
		json_open_object(j);
		key_time(j, STR("time"), step->time_ms);
		key_str(
		    j, STR("what"), str_from_c(part_cause_text(step->cause)));
		key_str(j, STR("detail"), step->detail);
		if (why->n_all_parts != 1) {
			json_key(j, STR("part"));
			json_u64(j, step->part);
		}
		json_close_object(j);
	}
	json_close_array(j);
}

static void
put_record(struct json *j, const struct why *why)
{
	char bytes[17];
	struct outbuf segment = { bytes, 0, sizeof(bytes) };

	make_room(j);
	json_key(j, STR("record"));
	if (why->n_parts == 0) {
		json_null(j);
		return;
	}
	ctl_must(outbuf_printf(&segment, "%016llx",
	             (unsigned long long)why->parts[0].segment),
	    "a segment's name");
	json_open_object(j);
	key_str(j, STR("segment"), outbuf_str(&segment));
	json_key(j, STR("offset"));
	json_u64(j, (uint64_t)why->parts[0].block * BLOCK_BYTES);
	json_key(j, STR("ok"));
	json_bool(j, why->disk == WHY_DISK_GOOD);
	json_key(j, STR("missing"));
	json_bool(j, why->disk == WHY_DISK_MISSING);
	json_key(j, STR("missing_since_ms"));
	if (why->missing_ms > 0)
		json_i64(j, why->missing_ms);
	else
		json_null(j);
	json_close_object(j);
}

void
why_print_json(const struct why *why)
{
	struct outbuf out;
	struct json j;

	ctl_out_init(&out, OUT_BYTES);
	json_init(&j, &out);
	json_open_object(&j);
	key_str(&j, STR("qid"), str_from_c(why->qid_text));
	if (!why->is_known)
		key_str(&j, STR("state"), STR("unknown"));
	else if (why->n_parts > 0)
		put_part(&j, &why->parts[0]);
	else
		put_done(&j, why);
	if (why->is_known) {
		if (why->n_all_parts > 1 || why->n_parts > 1)
			put_parts(&j, why);
		put_history(&j, why);
		put_record(&j, why);
	}
	key_time(&j, STR("history_since"), why->history_ms);
	json_close_object(&j);
	ctl_must(json_end(&j), "the answer");
	outbuf_putc(&out, '\n');
	ctl_out_print(&out);
	free(out.ptr);
}
