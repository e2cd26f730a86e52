/* SPDX-License-Identifier: BSD-2-Clause */
/* why_text: what is known of a message, for people. */
#include <stdlib.h>

#include "ctl/why.h"
#include "util/base/array.h"
#include "util/io/clock.h"
#include "util/mail/part.h"
#include "util/text/when.h"

#define OUT_BYTES (64 * 1024)
/* Longest piece that is put without looking for room: two addresses, or a
 * queue with its limit. */
#define PIECE_MAX_BYTES 8192
/* Parts that are told one by one; JSON has them all. */
#define PARTS_SHOWN 20
#define BLOCK_BYTES 4096
/* Places within "1997-11-21T09:55:06.123Z". */
#define DAY_BYTES 10
#define TIME_AT 11
#define TIME_BYTES 8

static const char indent[] = "        ";

static void
put(struct outbuf *out, const char *text)
{
	outbuf_put(out, str_from_c(text));
}

/* Begins a paragraph. */
static void
begin(struct outbuf *out, const char *label)
{
	size_t len = strlen(label);

	if (outbuf_room(out) < PIECE_MAX_BYTES)
		ctl_out_print(out);
	put(out, label);
	put(out, indent + len);
}

static void
put_span(struct outbuf *out, int64_t ms)
{
	ctl_must(when_span(out, ms), "a span");
}

static void
put_wall(struct outbuf *out, int64_t wall_ms)
{
	if (when_iso8601(out, wall_ms) != ERR_OK)
		put(out, "an unknown time");
}

static void
put_number(struct outbuf *out, uint64_t n, const char *thing)
{
	ctl_put_count(out, n);
	outbuf_putc(out, ' ');
	put(out, thing);
	if (n != 1)
		outbuf_putc(out, 's');
}

/* --- the header line ------------------------------------------------------ */

static unsigned
tries_of(const struct why *why)
{
	const struct link *last = list_last(&why->steps);

	if (why->n_parts > 0)
		return why->parts[0].tries;
	if (last == NULL)
		return 0;
	return LIST_ITEM(last, const struct why_step, link)->tries;
}

static void
put_header(struct outbuf *out, const struct why *why)
{
	put(out, why->qid_text);
	put(out, "   ");
	if (why->has_envelope) {
		put(out, why->sender.len > 0 ? "from " : "from <>");
		ask_put_foreign(out, why->sender);
		put(out, " to ");
		ask_put_foreign(out, why->rcpt);
		if (why->n_rcpts > 1) {
			put(out, " and ");
			ctl_put_count(out, why->n_rcpts - 1);
			put(out, " more");
		}
		put(out, "   ");
	}
	if (why->has_size) {
		put_number(out, why->size_bytes, "byte");
		put(out, ", ");
	}
	put_span(out, clock_wall_ms() - qid_time_ms(&why->qid));
	put(out, " old, ");
	put_number(out, tries_of(why), "attempt");
	put(out, "\n\n");
}

/* --- where, why, next ----------------------------------------------------- */

static const char *const phases[SLOT_PHASE_N] = {
	[SLOT_FREE] = "not begun",
	[SLOT_LEASED] = "not begun",
	[SLOT_TRANSACTION] = "in transaction",
	[SLOT_DOT_SENT] = "all is sent, the reply is awaited",
	[SLOT_ANSWERED] = "answered, being written down",
};

static void
put_standing(struct outbuf *out, const struct msg_why_part *m)
{
	static const char *const names[] = { "open", "delivered",
		"settled, notice owed", "settled, notice sent or not due" };
	unsigned counts[COUNT_OF(names)] = { 0 };
	const char *divider = ": ";

	if (m->n_rcpts < 2 || m->standing.len * 4 < m->n_rcpts)
		return;
	for (unsigned i = 0; i < m->n_rcpts; i++)
		counts[part_standing_get(
		    (const uint8_t *)m->standing.ptr, i)]++;
	put(out, indent);
	put_number(out, m->n_rcpts, "recipient");
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (counts[i] == 0)
			continue;
		put(out, divider);
		ctl_put_count(out, counts[i]);
		outbuf_putc(out, ' ');
		put(out, names[i]);
		divider = ", ";
	}
	outbuf_putc(out, '\n');
}

/* What is told before the part goes on; NULL: nothing. */
static const char *
notice_of(const struct msg_why_part *m)
{
	if (!str_eq(m->limit_name, STR("notice")))
		return NULL;
	for (unsigned i = 0; i < m->n_rcpts && i / 4 < m->standing.len; i++)
		if (part_standing_get((const uint8_t *)m->standing.ptr, i) ==
		    RCPT_OWED)
			return "the sender is owed a notice";
	return "the sender is to be told of the delay";
}

static void
put_where(struct outbuf *out, const struct msg_why_part *m)
{
	const char *notice = notice_of(m);

	begin(out, "WHERE");
	if (notice != NULL) {
		put(out, notice);
		put(out, ": ");
	}
	put(out, part_state_text(m->state));
	put(out, " in ");
	ask_put_foreign(out, m->queue);
	if (m->place > 0) {
		put(out, ", place ");
		ctl_put_count(out, m->place);
	}
	if (m->site.len > 0) {
		put(out, ", site ");
		ask_put_foreign(out, m->site);
	} else
		put(out, ", no route yet");
	if (m->state == PART_LEASED) {
		put(out, ", with deliver/");
		ctl_put_count(out, m->worker);
		put(out, ": ");
		put(out, phases[m->phase]);
	}
	outbuf_putc(out, '\n');
	put_standing(out, m);
}

static const char *
reason_of(const struct msg_why_part *m)
{
	bool is_notice = notice_of(m) != NULL;

	switch ((enum part_status)m->state) {
	case PART_LEASED:
		return is_notice ? "the notice is being given"
		                 : "it is being delivered";
	case PART_WAITING:
		return is_notice ? "the notice waits for its next try"
		                 : "it waits for its next try";
	case PART_HELD:
		return "it is held until a person decides";
	case PART_READY:
		if (is_notice)
			return "the notice waits for our own smtpd";
		return m->limit_name.len > 0 ? "it is due, and a limit binds"
		                             : "it is due, and nothing "
		                               "holds it";
	case PART_DONE:
	case PART_STATE_N:
		break;
	}
	return "";
}

static void
put_why(struct outbuf *out, const struct msg_why_part *m)
{
	const struct ask_limit limit = ASK_LIMIT(m);

	begin(out, "WHY");
	put(out, reason_of(m));
	if (m->cause != CAUSE_NEW || m->last_code != 0) {
		put(out, "; last: ");
		put(out, part_cause_text(m->cause));
	}
	if (m->last_code != 0) {
		put(out, ", reply code ");
		outbuf_put_u64(out, m->last_code);
	}
	outbuf_putc(out, '\n');
	if (limit.name.len == 0)
		return;
	put(out, indent);
	put(out, "limit: ");
	ask_put_limit_text(out, &limit);
	outbuf_putc(out, '\n');
}

static void
put_next(struct outbuf *out, const struct msg_why_part *m)
{
	begin(out, "NEXT");
	if (m->state == PART_HELD)
		put(out, "nothing by itself");
	else if (m->state == PART_LEASED)
		put(out, "its result");
	else
		ask_put_next_text(out, m->next_ms);
	outbuf_putc(out, '\n');
}

static void
put_parts(struct outbuf *out, const struct why *why)
{
	for (size_t i = 0; i < why->n_parts && i < PARTS_SHOWN; i++) {
		if (why->n_all_parts > 1 || why->n_parts > 1) {
			begin(out, "PART");
			put(out, "number ");
			ctl_put_count(out, why->parts[i].part);
			outbuf_putc(out, '\n');
		}
		put_where(out, &why->parts[i]);
		put_why(out, &why->parts[i]);
		put_next(out, &why->parts[i]);
	}
	if (why->n_parts <= PARTS_SHOWN)
		return;
	begin(out, "");
	put_number(out, why->n_parts - PARTS_SHOWN, "more live part");
	put(out, ": --json has them all\n");
}

/* --- what is done --------------------------------------------------------- */

static void
put_end(struct outbuf *out, const struct why_step *step, bool is_many)
{
	if (is_many) {
		put(out, "part ");
		outbuf_put_u64(out, step->part);
		put(out, ": ");
	}
	put(out, part_cause_text(step->cause));
	put(out, " at ");
	put_wall(out, step->time_ms);
	if (step->detail.len > 0)
		put(out, ": ");
	outbuf_put(out, step->detail);
	outbuf_putc(out, '\n');
}

/* How each part ended, whose last step is not forgotten. */
static void
put_ends(struct outbuf *out, const struct why *why)
{
	bool is_many = why->n_all_parts != 1;
	size_t shown = 0;
	struct link *link;

	begin(out, "WHERE");
	put(out, "nowhere: all of it is done\n");
	LIST_FOREACH (link, &why->steps) {
		const struct why_step *step =
		    LIST_ITEM(link, struct why_step, link);

		if (step->state != PART_DONE || shown == PARTS_SHOWN ||
		    why_end_of(why, step->part) != step)
			continue;
		begin(out, shown++ == 0 ? "WHY" : "");
		put_end(out, step, is_many);
	}
	begin(out, "NEXT");
	put(out, "nothing\n");
}

/* --- the past ------------------------------------------------------------- */

/* The time of day; the day before it where it is not that of *day, which has
 * DAY_BYTES. */
static void
put_time(struct outbuf *out, int64_t wall_ms, char *day)
{
	char bytes[WHEN_MAX_BYTES];
	struct outbuf when = { bytes, 0, sizeof(bytes) };

	if (when_iso8601(&when, wall_ms) != ERR_OK) {
		put(out, "--:--:--");
		return;
	}
	if (memcmp(bytes, day, DAY_BYTES) != 0) {
		memcpy(day, bytes, DAY_BYTES);
		outbuf_put(out, (struct str){ bytes, DAY_BYTES });
		outbuf_putc(out, ' ');
	}
	outbuf_put(out, (struct str){ bytes + TIME_AT, TIME_BYTES });
}

static void
put_step(struct outbuf *out, const struct why_step *step, bool is_many)
{
	outbuf_putc(out, ' ');
	if (is_many && step->cause != CAUSE_NEW) {
		put(out, "part ");
		outbuf_put_u64(out, step->part);
		outbuf_putc(out, ' ');
	}
	put(out, part_cause_text(step->cause));
	if (step->tries > 0) {
		put(out, ", try ");
		outbuf_put_u64(out, step->tries);
	}
	if (step->detail.len > 0)
		put(out, ": ");
	outbuf_put(out, step->detail);
	if (step->cause != CAUSE_NEW) {
		put(out, " -> ");
		put(out, part_state_text(step->state));
	}
	outbuf_putc(out, '\n');
}

static void
put_past(struct outbuf *out, const struct why *why)
{
	char day[DAY_BYTES] = "";
	const char *label = "PAST";
	struct link *link;

	LIST_FOREACH (link, &why->steps) {
		const struct why_step *step =
		    LIST_ITEM(link, struct why_step, link);

		begin(out, label);
		put_time(out, step->time_ms, day);
		put_step(out, step, why->n_all_parts != 1);
		if (link == list_first(&why->steps) && why->n_dropped > 0) {
			put(out, indent);
			put_number(out, why->n_dropped, "step");
			put(out, " not shown\n");
		}
		label = "";
	}
	if (list_first(&why->steps) == NULL) {
		begin(out, label);
		put(out, "the ledger does not tell\n");
	}
}

static void
put_disk(struct outbuf *out, const struct why *why)
{
	const char *text = "";

	switch (why->disk) {
	case WHY_DISK_GONE:
		text = "record no longer looked for: it has gone meanwhile";
		break;
	case WHY_DISK_GOOD:
		text = "record readable, checksum good";
		break;
	case WHY_DISK_UNREAD:
		text = "RECORD CANNOT BE READ NOW";
		break;
	case WHY_DISK_DAMAGED:
		text = "RECORD IS DAMAGED";
		break;
	case WHY_DISK_MISSING:
		text = "RECORD IS MISSING";
		break;
	}
	begin(out, "DISK");
	put(out, text);
	if (why->missing_ms > 0) {
		put(out, " since ");
		put_wall(out, why->missing_ms);
	}
	ctl_must(outbuf_printf(out, "; segment %016llx at %llu\n",
	             (unsigned long long)why->parts[0].segment,
	             (unsigned long long)why->parts[0].block * BLOCK_BYTES),
	    "a place on disk");
	if (why->disk != WHY_DISK_MISSING)
		return;
	put(out, indent);
	put(out,
	    "put that file back into spool/deferred and run: holdfast "
	    "rescan\n");
	put(out, indent);
	ctl_must(outbuf_printf(out,
	             "it is lost for good? then: holdfast cancel %s\n",
	             why->qid_text),
	    "what to do");
}

/* --- all of it ------------------------------------------------------------ */

static void
put_unknown(struct outbuf *out, const struct why *why)
{
	put(out, why->qid_text);
	put(out,
	    ": never heard of it. It is in no queue, and not in the "
	    "ledger, ");
	if (why->history_ms > 0) {
		put(out, "which goes back to ");
		put_wall(out, why->history_ms);
	} else
		put(out, "which is empty");
	put(out, ". The id says that it was made at ");
	put_wall(out, qid_time_ms(&why->qid));
	put(out, ".\n");
}

void
why_print_text(const struct why *why)
{
	struct outbuf out;

	ctl_out_init(&out, OUT_BYTES);
	if (!why->is_known)
		put_unknown(&out, why);
	else {
		put_header(&out, why);
		if (why->n_parts > 0)
			put_parts(&out, why);
		else
			put_ends(&out, why);
		put_past(&out, why);
		if (why->n_parts > 0)
			put_disk(&out, why);
	}
	ctl_out_print(&out);
	free(out.ptr);
}
