/* SPDX-License-Identifier: BSD-2-Clause */
/* why: questions to the queue manager, and what of the answers is kept. */
#include "ctl/why.h"

#include <stdlib.h>

#include "ctl/core/attempt.h"
#include "util/mail/part.h"
#include "util/text/dup.h"

/* Texts of parts: 65535 of them with the longest texts. */
#define ARENA_MAX_BYTES (256 * 1024 * 1024)
#define READ_BYTES 65536
/* "campaign:tenant@domain", each as long as it may be. */
#define QUEUE_MAX_BYTES (3 * ENVELOPE_NAME_MAX_BYTES + 2)

static NORETURN void
die_no_memory(void)
{
	ctl_die(EXIT_TEMP, "no memory for what is known of the message");
}

static void
keep(struct why *why, struct str *s)
{
	struct str copy = str_dup(*s, &why->arena);

	if (copy.len != s->len)
		die_no_memory();
	*s = copy;
}

/* --- the envelope --------------------------------------------------------- */

/* As qmgr prints the queue of the envelope's first part. */
static void
keep_queue(struct why *why, const struct envelope *env)
{
	const struct envelope_texts *t = &env->texts;
	char bytes[QUEUE_MAX_BYTES];
	struct outbuf name = { bytes, 0, sizeof(bytes) };
	struct envelope_part part;

	if (!envelope_find_part(env, 0, &part))
		return;
	outbuf_put(&name, t->campaign);
	if (t->campaign.len > 0)
		outbuf_putc(&name, ':');
	outbuf_put(&name, t->tenant);
	if (name.len > 0)
		outbuf_putc(&name, '@');
	outbuf_put(&name, part.domain);
	why->queue = outbuf_str(&name);
	keep(why, &why->queue);
}

static void
keep_envelope(struct why *why, const struct envelope *env)
{
	struct envelope_iter it;
	struct envelope_rcpt rcpt;

	if (why->has_envelope)
		return;
	why->has_envelope = true;
	why->sender = env->texts.sender;
	keep(why, &why->sender);
	envelope_iter_init(&it, env);
	if (envelope_next_rcpt(&it, &rcpt)) {
		why->rcpt = rcpt.address;
		keep(why, &why->rcpt);
	}
	why->n_rcpts = env->n_rcpts;
	why->n_all_parts = env->n_parts;
	keep_queue(why, env);
}

/* --- the record on disk --------------------------------------------------- */

static enum why_disk
check_content(const struct ask_record *r)
{
	struct segread_content content;
	char bytes[READ_BYTES];
	enum err err;

	segread_content_init(
	    &content, &r->record.head, r->record.content_offset);
	do
		err =
		    segread_content_step(&content, r->fd, bytes, sizeof(bytes));
	while (err == ERR_AGAIN);
	if (err == ERR_OK)
		return WHY_DISK_GOOD;
	return err == ERR_IO ? WHY_DISK_UNREAD : WHY_DISK_DAMAGED;
}

static void
load_record(struct why *why, struct call *call)
{
	struct ask_record r;
	enum err err = ask_record_load(call, &why->qid, &r);

	if (err == ERR_OK) {
		keep_envelope(why, &r.env);
		why->has_size = true;
		why->size_bytes = r.record.head.content_bytes;
		why->disk = check_content(&r);
	} else if (err == ERR_NOTFOUND)
		why->disk = WHY_DISK_GONE;
	else
		why->disk = err == ERR_IO ? WHY_DISK_UNREAD : WHY_DISK_DAMAGED;
	ask_record_fini(&r);
}

/* --- parts ---------------------------------------------------------------- */

static void
add_part(struct why *why, struct str body)
{
	struct msg_why_part m;

	ctl_must(msg_why_part_decode(&m, body), "a part");
	if (why->n_parts == why->cap_parts) {
		size_t cap = why->cap_parts * 2 + 16;
		void *grown =
		    reallocarray(why->parts, cap, sizeof(why->parts[0]));

		/* Bounded: part numbers have 16 bits. */
		if (grown == NULL || why->n_parts > UINT16_MAX)
			die_no_memory();
		why->parts = grown;
		why->cap_parts = cap;
	}
	keep(why, &m.standing);
	keep(why, &m.queue);
	keep(why, &m.site);
	keep(why, &m.limit_name);
	keep(why, &m.limit_value);
	keep(why, &m.limit_from);
	keep(why, &m.limit_cause);
	why->parts[why->n_parts++] = m;
}

/* --- the past ------------------------------------------------------------- */

static void
put_cut(struct outbuf *out, struct str s)
{
	size_t room = outbuf_room(out);

	ask_put_foreign(out, str_head(s, s.len < room ? s.len : room));
}

static void
put_after(struct outbuf *out, struct str before, struct str s)
{
	if (s.len == 0)
		return;
	put_cut(out, before);
	put_cut(out, s);
}

static void
put_arrival(struct outbuf *out, const struct envelope *env)
{
	const struct envelope_texts *t = &env->texts;

	put_after(out, STR("received from "), t->client);
	put_after(out, STR(" as "), t->helo);
	put_after(out, STR(" with "), t->protocol);
	put_after(out, STR(", authenticated as "), t->auth);
	put_after(out, STR(", "), t->tls);
}

/* Facts are an envelope, or an attempt, or text. */
static void
put_facts(struct why *why, struct str facts, struct outbuf *out)
{
	struct envelope env;
	struct attempt attempt;

	if (facts.len > 0 && envelope_parse(&env, facts) == ERR_OK) {
		keep_envelope(why, &env);
		put_arrival(out, &env);
		return;
	}
	if (attempt_init(&attempt, facts) == ERR_OK) {
		attempt_put(&attempt, out);
		if (!str_eq(attempt.site, why->site)) {
			why->site = attempt.site;
			keep(why, &why->site);
		}
	} else
		put_cut(out, facts);
	attempt_fini(&attempt);
}

/* Parts of one message are admitted by one entry, whose facts come with the
 * first: one step is enough. */
static bool
is_same_arrival(const struct why_step *a, const struct why_step *b)
{
	return a->cause == CAUSE_NEW && b->cause == CAUSE_NEW &&
	    a->time_ms == b->time_ms && b->detail.len == 0;
}

/* The oldest tells where the message came from; it stays. */
static void
forget_one(struct why *why)
{
	struct link *second = list_next(&why->steps, list_first(&why->steps));

	list_remove(&why->steps, second);
	free(LIST_ITEM(second, struct why_step, link));
	why->n_dropped++;
}

static void
add_step(struct why *why, struct str body)
{
	struct why_step *step = malloc(sizeof(*step));
	struct link *last = list_last(&why->steps);
	struct msg_why_past m;
	struct outbuf detail;

	if (step == NULL)
		die_no_memory();
	ctl_must(msg_why_past_decode(&m, body), "a step of the history");
	*step = (struct why_step){
		.time_ms = m.time_ms,
		.part = m.part,
		.state = m.state,
		.cause = m.cause,
		.tries = m.tries,
		.code = m.code,
	};
	detail = (struct outbuf){ step->bytes, 0, sizeof(step->bytes) };
	put_facts(why, m.facts, &detail);
	step->detail = outbuf_str(&detail);
	if (last != NULL &&
	    is_same_arrival(LIST_ITEM(last, struct why_step, link), step)) {
		free(step);
		return;
	}
	list_push_back(&why->steps, &step->link);
	if (why->steps.n > WHY_STEPS_MAX)
		forget_one(why);
}

const struct why_step *
why_end_of(const struct why *why, uint16_t part)
{
	const struct why_step *end = NULL;
	struct link *link;

	for (size_t i = 0; i < why->n_parts; i++)
		if (why->parts[i].part == part)
			return NULL;
	LIST_FOREACH (link, &why->steps) {
		const struct why_step *step =
		    LIST_ITEM(link, struct why_step, link);

		if (step->part == part && step->state == PART_DONE)
			end = step;
	}
	return end;
}

/* --- all of it ------------------------------------------------------------ */

/* qmgr has looked for the record: it says more than that it was not opened. */
static void
look_for_missing(struct why *why)
{
	struct link *link;
	bool is_missing = false;

	for (size_t i = 0; i < why->n_parts; i++)
		if (why->parts[i].state == PART_HELD &&
		    why->parts[i].cause == CAUSE_MISSING)
			is_missing = true;
	if (!is_missing)
		return;
	why->disk = WHY_DISK_MISSING;
	LIST_FOREACH (link, &why->steps) {
		const struct why_step *step =
		    LIST_ITEM(link, struct why_step, link);

		if (step->cause == CAUSE_MISSING)
			why->missing_ms = step->time_ms;
	}
}

static void
load_answer(struct why *why, struct call *call)
{
	struct msg_why_end end;
	struct frame *f;

	for (;;) {
		/* The ledger is searched meanwhile: that may take its time. */
		ask_renew(call);
		f = ctl_must_next(call);
		if (f->type == MSG_WHY_PART)
			add_part(why, f->body);
		else if (f->type == MSG_WHY_PAST)
			add_step(why, f->body);
		else
			break;
	}
	if (f->type == MSG_ANSWER)
		exit(ctl_print_answer(f));
	if (f->type != MSG_WHY_END)
		ctl_die(EXIT_TEMP, "the queue manager gave no answer");
	ctl_must(msg_why_end_decode(&end, f->body), "the end of the answer");
	why->is_known = end.is_known != 0;
	why->history_ms = end.history_ms;
	/* qmgr saw it after us, and a quarantined one is not to be had. */
	if (why->n_parts > 0 && end.is_readable == 0 &&
	    why->disk != WHY_DISK_DAMAGED)
		why->disk = WHY_DISK_UNREAD;
	look_for_missing(why);
}

void
why_load(struct why *why, struct ctl *ctl, const struct qid *qid)
{
	struct msg_why_ask ask = { .qid = *qid };
	struct call call;

	*why = (struct why){ .qid = *qid };
	qid_format(qid, why->qid_text);
	list_init(&why->steps);
	arena_init(&why->arena, ARENA_MAX_BYTES);
	ctl_must_connect(ctl, "qmgr", &call);
	load_record(why, &call);
	ctl_must(call_send_why_ask(&call, &ask), "the question");
	load_answer(why, &call);
	call_fini(&call);
}

void
why_fini(struct why *why)
{
	struct link *link, *next;

	LIST_FOREACH_SAFE (link, next, &why->steps)
		free(LIST_ITEM(link, struct why_step, link));
	list_init(&why->steps);
	free(why->parts);
	why->parts = NULL;
	why->n_parts = why->cap_parts = 0;
	arena_fini(&why->arena);
}
