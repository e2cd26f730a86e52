/* SPDX-License-Identifier: BSD-2-Clause */
/* entry: what the entries of the ledger say, as bytes. */
#include "util/spool/entry.h"

#include "util/base/array.h"
#include "util/base/le.h"

#define NAME_MAX_BYTES 255
#define PARTS_MAX 65535

/* Of a PART payload. */
enum { PARTS_BLOCKS = 1, PARTS_KEYS = 2 };
#define PARTS_BYTES 32 /* flags, count, segment, block, qid */

/* Of a state: what is there, and what all recipients have in common. */
enum {
	STATE_DUE = 1,
	STATE_LAST_TRY = 2,
	STATE_FIRST_TRY = 4, /* else it is the last one */
	STATE_LEASE = 8,
	STATE_COUNTS = 16,
	STATE_STANDINGS = 32,
	STATE_SILENT = 64,
	STATE_WANTS_DELAY = 128,
	/* 256, 512: the standing of all recipients */
	STATE_FACTS = 1024,
	STATE_ORDER = 2048,
	STATE_FLAGS_ALL = 0xfff,
};
#define STATE_STANDING_SHIFT 8
#define STATE_BYTES 12 /* without what is optional */

#define POLICY_BYTES 70 /* all but the texts */

/* --- bytes ---------------------------------------------------------------- */

static void
put8(struct outbuf *out, uint8_t n)
{
	outbuf_putc(out, (char)n);
}

static void
put16(struct outbuf *out, uint16_t n)
{
	char p[2];

	le_put16(p, n);
	outbuf_put(out, (struct str){ p, sizeof(p) });
}

static void
put32(struct outbuf *out, uint32_t n)
{
	char p[4];

	le_put32(p, n);
	outbuf_put(out, (struct str){ p, sizeof(p) });
}

static void
put64(struct outbuf *out, uint64_t n)
{
	char p[8];

	le_put64(p, n);
	outbuf_put(out, (struct str){ p, sizeof(p) });
}

static void
put_qid(struct outbuf *out, const struct qid *qid)
{
	outbuf_put(out, (struct str){ (const char *)qid->b, QID_BYTES });
}

/* A payload being taken apart. Once something lacked, all is zero and empty. */
struct cut {
	struct str left;
	bool has_failed;
};

static struct str
get_bytes(struct cut *c, size_t n)
{
	struct str s = { NULL, 0 };

	if (c->has_failed || n > c->left.len) {
		c->has_failed = true;
		return s;
	}
	s = str_head(c->left, n);
	str_skip(&c->left, n);
	return s;
}

static uint8_t
get8(struct cut *c)
{
	struct str s = get_bytes(c, 1);

	return s.len == 0 ? 0 : (uint8_t)s.ptr[0];
}

static uint16_t
get16(struct cut *c)
{
	struct str s = get_bytes(c, sizeof(uint16_t));

	return s.len == 0 ? 0 : le_get16(s.ptr);
}

static uint32_t
get32(struct cut *c)
{
	struct str s = get_bytes(c, sizeof(uint32_t));

	return s.len == 0 ? 0 : le_get32(s.ptr);
}

static uint64_t
get64(struct cut *c)
{
	struct str s = get_bytes(c, sizeof(uint64_t));

	return s.len == 0 ? 0 : le_get64(s.ptr);
}

/* A time: not before 1970. */
static int64_t
get_time(struct cut *c)
{
	int64_t ms = (int64_t)get64(c);

	c->has_failed = c->has_failed || ms < 0;
	return ms;
}

static void
get_qid(struct cut *c, struct qid *qid)
{
	struct str s = get_bytes(c, QID_BYTES);

	if (s.len > 0)
		memcpy(qid->b, s.ptr, QID_BYTES);
}

/* The entry is of that type, and of this version. */
static enum err
open_entry(
    struct cut *c, const struct ledger_entry *entry, enum entry_type type)
{
	if (entry->type != type || entry->version == 0)
		return ERR_SYNTAX;
	if (entry->version > ENTRY_VERSION)
		return ERR_RANGE;
	*c = (struct cut){ .left = entry->payload };
	return ERR_OK;
}

/* The payload is used up, and nothing lacked. */
static enum err
close_entry(const struct cut *c)
{
	return c->has_failed || c->left.len > 0 ? ERR_SYNTAX : ERR_OK;
}

/* --- PART: one state ------------------------------------------------------ */

static size_t
standing_bytes(unsigned n_rcpts)
{
	return (n_rcpts + 3) / 4;
}

static bool
has_one_standing(const struct part_state *state)
{
	enum rcpt_standing first = part_standing_get(state->standing, 0);

	for (unsigned i = 1; i < state->n_rcpts; i++)
		if (part_standing_get(state->standing, i) != first)
			return false;
	return true;
}

static uint16_t
state_flags(const struct part_state *state)
{
	unsigned flags = 0;

	if (state->due_ms != 0)
		flags |= STATE_DUE;
	if (state->last_try_ms != 0)
		flags |= STATE_LAST_TRY;
	if (state->first_try_ms != state->last_try_ms)
		flags |= STATE_FIRST_TRY;
	if (state->lease != 0)
		flags |= STATE_LEASE;
	if (state->deaths != 0 || state->throttles != 0)
		flags |= STATE_COUNTS;
	if (state->is_silent != 0)
		flags |= STATE_SILENT;
	if (state->wants_delay != 0)
		flags |= STATE_WANTS_DELAY;
	if (state->facts_file != 0)
		flags |= STATE_FACTS;
	if (state->order != 0)
		flags |= STATE_ORDER;
	if (has_one_standing(state))
		flags |= (unsigned)part_standing_get(state->standing, 0)
		    << STATE_STANDING_SHIFT;
	else
		flags |= STATE_STANDINGS;
	return (uint16_t)flags;
}

static size_t
state_bytes(const struct part_state *state, bool has_keys)
{
	unsigned flags = state_flags(state);
	size_t n = STATE_BYTES;

	n += (flags & STATE_DUE) != 0 ? 8 : 0;
	n += (flags & STATE_LAST_TRY) != 0 ? 8 : 0;
	n += (flags & STATE_FIRST_TRY) != 0 ? 8 : 0;
	n += (flags & STATE_LEASE) != 0 ? 8 : 0;
	n += (flags & STATE_COUNTS) != 0 ? 2 : 0;
	n += (flags & STATE_FACTS) != 0 ? 16 : 0;
	n += (flags & STATE_ORDER) != 0 ? 8 : 0;
	n += has_keys ? 1 + state->key.domain.len : 0;
	n +=
	    (flags & STATE_STANDINGS) != 0 ? standing_bytes(state->n_rcpts) : 0;
	return n;
}

/* The last byte's unused bits are zero, as the format has it. */
static void
put_standings(struct outbuf *out, const struct part_state *state)
{
	uint8_t packed[PART_STANDING_BYTES] = { 0 };

	for (unsigned i = 0; i < state->n_rcpts; i++)
		part_standing_set(
		    packed, i, part_standing_get(state->standing, i));
	outbuf_put(out,
	    (struct str){
	        (const char *)packed, standing_bytes(state->n_rcpts) });
}

static void
put_state(struct outbuf *out, const struct part_state *state, bool has_keys)
{
	uint16_t flags = state_flags(state);

	put16(out, flags);
	put16(out, state->part);
	put16(out, state->n_rcpts);
	put8(out, state->state);
	put8(out, state->cause);
	put16(out, state->tries);
	put16(out, state->last_code);
	if ((flags & STATE_DUE) != 0)
		put64(out, (uint64_t)state->due_ms);
	if ((flags & STATE_LAST_TRY) != 0)
		put64(out, (uint64_t)state->last_try_ms);
	if ((flags & STATE_FIRST_TRY) != 0)
		put64(out, (uint64_t)state->first_try_ms);
	if ((flags & STATE_LEASE) != 0)
		put64(out, state->lease);
	if ((flags & STATE_COUNTS) != 0) {
		put8(out, state->deaths);
		put8(out, state->throttles);
	}
	if ((flags & STATE_FACTS) != 0) {
		put64(out, state->facts_file);
		put64(out, state->facts_offset);
	}
	if ((flags & STATE_ORDER) != 0)
		put64(out, state->order);
	if (has_keys) {
		put8(out, (uint8_t)state->key.domain.len);
		outbuf_put(out, state->key.domain);
	}
	if ((flags & STATE_STANDINGS) != 0)
		put_standings(out, state);
}

static void
get_standings(struct cut *c, uint16_t flags, struct part_state *state)
{
	struct str s = { NULL, 0 };
	unsigned standing = flags >> STATE_STANDING_SHIFT & 3;

	if ((flags & STATE_STANDINGS) != 0) {
		s = get_bytes(c, standing_bytes(state->n_rcpts));
		if (s.len == 0)
			return;
	}
	for (unsigned i = 0; i < state->n_rcpts; i++) {
		if (s.len > 0)
			standing = part_standing_get((const uint8_t *)s.ptr, i);
		part_standing_set(
		    state->standing, i, (enum rcpt_standing)standing);
	}
}

/* What is optional, in its order. */
static void
get_options(struct cut *c, uint16_t flags, struct part_state *state)
{
	if ((flags & STATE_DUE) != 0)
		state->due_ms = get_time(c);
	if ((flags & STATE_LAST_TRY) != 0)
		state->last_try_ms = get_time(c);
	state->first_try_ms = state->last_try_ms;
	if ((flags & STATE_FIRST_TRY) != 0)
		state->first_try_ms = get_time(c);
	if ((flags & STATE_LEASE) != 0)
		state->lease = get64(c);
	if ((flags & STATE_COUNTS) != 0) {
		state->deaths = get8(c);
		state->throttles = get8(c);
	}
	if ((flags & STATE_FACTS) != 0) {
		state->facts_file = get64(c);
		state->facts_offset = get64(c);
	}
	if ((flags & STATE_ORDER) != 0)
		state->order = get64(c);
	state->is_silent = (flags & STATE_SILENT) != 0;
	state->wants_delay = (flags & STATE_WANTS_DELAY) != 0;
}

/* Fields of one state; the common ones are there already. */
static void
get_state(struct cut *c, bool has_keys, struct part_state *state)
{
	uint16_t flags = get16(c);

	state->part = get16(c);
	state->n_rcpts = get16(c);
	state->state = get8(c);
	state->cause = get8(c);
	state->tries = get16(c);
	state->last_code = get16(c);
	if ((flags & ~STATE_FLAGS_ALL) != 0 || state->n_rcpts == 0 ||
	    state->n_rcpts > PART_RCPTS_MAX || state->state >= PART_STATE_N ||
	    state->cause >= PART_CAUSE_N) {
		c->has_failed = true;
		return;
	}
	get_options(c, flags, state);
	if (has_keys) {
		state->key.domain = get_bytes(c, get8(c));
		c->has_failed = c->has_failed || state->key.domain.len == 0;
	}
	get_standings(c, flags, state);
}

/* --- PART: the entry ------------------------------------------------------ */

static bool
is_same_message(const struct part_state *a, const struct part_state *b)
{
	return qid_cmp(&a->qid, &b->qid) == 0 && a->segment == b->segment &&
	    a->block == b->block && str_eq(a->key.tenant, b->key.tenant) &&
	    str_eq(a->key.campaign, b->key.campaign);
}

static bool
is_in_bounds(const struct part_state *state, bool has_keys)
{
	const struct queue_key *key = &state->key;

	return state->n_rcpts >= 1 && state->n_rcpts <= PART_RCPTS_MAX &&
	    state->state < PART_STATE_N && state->cause < PART_CAUSE_N &&
	    state->due_ms >= 0 && state->first_try_ms >= 0 &&
	    state->last_try_ms >= 0 && (key->domain.len > 0) == has_keys &&
	    key->domain.len <= NAME_MAX_BYTES &&
	    key->tenant.len <= NAME_MAX_BYTES &&
	    key->campaign.len <= NAME_MAX_BYTES;
}

static size_t
parts_bytes(const struct entry_parts *parts, bool has_keys)
{
	const struct queue_key *key = &parts->parts[0].key;
	size_t n = PARTS_BYTES;

	n += parts->blocks > 0 ? sizeof(uint32_t) : 0;
	n += has_keys ? 2 + key->tenant.len + key->campaign.len : 0;
	for (size_t i = 0; i < parts->n; i++)
		n += state_bytes(&parts->parts[i], has_keys);
	return n;
}

/* What all parts have in common. */
static void
put_common(struct outbuf *out, const struct entry_parts *parts, bool has_keys)
{
	const struct part_state *first = &parts->parts[0];
	unsigned flags = 0;

	if (parts->blocks > 0)
		flags |= PARTS_BLOCKS;
	if (has_keys)
		flags |= PARTS_KEYS;
	put16(out, (uint16_t)flags);
	put16(out, (uint16_t)parts->n);
	put64(out, first->segment);
	put32(out, first->block);
	put_qid(out, &first->qid);
	if (parts->blocks > 0)
		put32(out, parts->blocks);
	if (!has_keys)
		return;
	put8(out, (uint8_t)first->key.tenant.len);
	put8(out, (uint8_t)first->key.campaign.len);
	outbuf_put(out, first->key.tenant);
	outbuf_put(out, first->key.campaign);
}

enum err
entry_put_parts(struct ledger_batch *b, const struct ledger_stamp *stamp,
    const struct entry_parts *parts, struct str facts)
{
	bool has_keys;
	enum err err;

	if (parts->n == 0 || parts->n > PARTS_MAX)
		return ERR_RANGE;
	has_keys = parts->parts[0].key.domain.len > 0;
	for (size_t i = 0; i < parts->n; i++)
		if (!is_in_bounds(&parts->parts[i], has_keys) ||
		    !is_same_message(&parts->parts[0], &parts->parts[i]))
			return ERR_RANGE;
	err = ledger_entry_begin(
	    b, ENTRY_PART, stamp, parts_bytes(parts, has_keys) + facts.len);
	if (err != ERR_OK)
		return err;
	put_common(&b->out, parts, has_keys);
	for (size_t i = 0; i < parts->n; i++)
		put_state(&b->out, &parts->parts[i], has_keys);
	ledger_entry_end(b, facts);
	return ERR_OK;
}

/* What all parts have in common; the cut then stands at the first state. */
static void
get_common(struct cut *c, struct entry_part *p)
{
	uint16_t flags = get16(c);
	size_t tenant, campaign;

	p->n = get16(c);
	p->common.segment = get64(c);
	p->common.block = get32(c);
	get_qid(c, &p->common.qid);
	if ((flags & PARTS_BLOCKS) != 0)
		p->blocks = get32(c);
	p->has_keys = (flags & PARTS_KEYS) != 0;
	if (p->has_keys) {
		tenant = get8(c);
		campaign = get8(c);
		p->common.key.tenant = get_bytes(c, tenant);
		p->common.key.campaign = get_bytes(c, campaign);
	}
	if (p->n == 0 || (flags & ~(PARTS_BLOCKS | PARTS_KEYS)) != 0)
		c->has_failed = true;
}

enum err
entry_parse_part(struct entry_part *p, const struct ledger_entry *entry)
{
	struct part_state state;
	struct cut c;
	enum err err;

	*p = (struct entry_part){ .n = 0 };
	err = open_entry(&c, entry, ENTRY_PART);
	if (err != ERR_OK)
		return err;
	get_common(&c, p);
	p->left = c.left;
	for (uint32_t i = 0; i < p->n && !c.has_failed; i++) {
		state = p->common;
		get_state(&c, p->has_keys, &state);
	}
	return close_entry(&c);
}

bool
entry_next_part(struct entry_part *p, struct part_state *state)
{
	struct cut c = { .left = p->left };

	if (p->left.len == 0)
		return false;
	*state = p->common;
	get_state(&c, p->has_keys, state);
	p->left = c.left;
	return !c.has_failed;
}

/* --- the others ----------------------------------------------------------- */

static size_t
text_bytes(struct str s)
{
	return sizeof(uint16_t) + s.len;
}

static void
put_text(struct outbuf *out, struct str s)
{
	put16(out, (uint16_t)s.len);
	outbuf_put(out, s);
}

static struct str
get_text(struct cut *c)
{
	struct str s = get_bytes(c, get16(c));

	c->has_failed = c->has_failed || s.len > ENTRY_TEXT_MAX_BYTES;
	return s;
}

enum err
entry_put_policy(struct ledger_batch *b, const struct ledger_stamp *stamp,
    const struct order *order, struct str facts)
{
	const struct str texts[] = { order->match.queue, order->match.tenant,
		order->match.campaign, order->match.domain, order->by,
		order->why, order->target };
	size_t n = POLICY_BYTES;
	enum err err;

	if (!order_is_sound(order))
		return ERR_RANGE;
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		n += text_bytes(texts[i]);
	err = ledger_entry_begin(b, ENTRY_POLICY, stamp, n + facts.len);
	if (err != ERR_OK)
		return err;
	put64(&b->out, order->number);
	put64(&b->out, (uint64_t)order->at_ms);
	put64(&b->out, (uint64_t)order->covers_ms);
	put64(&b->out, (uint64_t)order->until_ms);
	put64(&b->out, order->parts);
	put64(&b->out, order->lease);
	put32(&b->out, order->uid);
	put8(&b->out, order->kind);
	put8(&b->out, order->stage);
	put_qid(&b->out, &order->match.qid);
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		put_text(&b->out, texts[i]);
	ledger_entry_end(b, facts);
	return ERR_OK;
}

enum err
entry_parse_policy(struct order *order, const struct ledger_entry *entry)
{
	struct str *texts[] = { &order->match.queue, &order->match.tenant,
		&order->match.campaign, &order->match.domain, &order->by,
		&order->why, &order->target };
	struct cut c;
	enum err err;

	err = open_entry(&c, entry, ENTRY_POLICY);
	if (err != ERR_OK)
		return err;
	*order = (struct order){ .number = get64(&c) };
	order->at_ms = get_time(&c);
	order->covers_ms = get_time(&c);
	order->until_ms = get_time(&c);
	order->parts = get64(&c);
	order->lease = get64(&c);
	order->uid = get32(&c);
	order->kind = get8(&c);
	order->stage = get8(&c);
	get_qid(&c, &order->match.qid);
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		*texts[i] = get_text(&c);
	err = close_entry(&c);
	return err == ERR_OK && !order_is_sound(order) ? ERR_SYNTAX : err;
}

enum err
entry_put_note(struct ledger_batch *b, const struct ledger_stamp *stamp,
    const struct entry_note *note, struct str facts)
{
	size_t n = 1 + QID_BYTES + sizeof(uint16_t) + text_bytes(note->text);
	enum err err;

	if (note->kind == 0 || note->kind >= NOTE_KIND_N ||
	    note->text.len > ENTRY_TEXT_MAX_BYTES)
		return ERR_RANGE;
	err = ledger_entry_begin(b, ENTRY_NOTE, stamp, n + facts.len);
	if (err != ERR_OK)
		return err;
	put8(&b->out, note->kind);
	put_qid(&b->out, &note->qid);
	put16(&b->out, note->part);
	put_text(&b->out, note->text);
	ledger_entry_end(b, facts);
	return ERR_OK;
}

enum err
entry_parse_note(struct entry_note *note, const struct ledger_entry *entry)
{
	struct cut c;
	enum err err;

	err = open_entry(&c, entry, ENTRY_NOTE);
	if (err != ERR_OK)
		return err;
	note->kind = get8(&c);
	get_qid(&c, &note->qid);
	note->part = get16(&c);
	note->text = get_text(&c);
	if (note->kind == 0 || note->kind >= NOTE_KIND_N)
		return ERR_SYNTAX;
	return close_entry(&c);
}

static size_t
done_bytes(uint32_t blocks)
{
	return ((size_t)blocks + 7) / 8;
}

enum err
entry_put_segment(struct ledger_batch *b, const struct ledger_stamp *stamp,
    const struct entry_segment *segment)
{
	bool is_live = segment->what == SEGMENT_LIVE;
	size_t n = 8 + 8 + 4 + 1;
	enum err err;

	if (segment->what == 0 || segment->what >= SEGMENT_WHAT_N ||
	    segment->created_ms < 0 || segment->blocks > ENTRY_BLOCKS_MAX ||
	    segment->done.len != done_bytes(segment->blocks) ||
	    (!is_live && segment->blocks > 0))
		return ERR_RANGE;
	n += is_live ? sizeof(uint32_t) + segment->done.len : 0;
	err = ledger_entry_begin(b, ENTRY_SEGMENT, stamp, n);
	if (err != ERR_OK)
		return err;
	put64(&b->out, segment->number);
	put64(&b->out, (uint64_t)segment->created_ms);
	put32(&b->out, segment->writer);
	put8(&b->out, segment->what);
	if (is_live) {
		put32(&b->out, segment->blocks);
		outbuf_put(&b->out, segment->done);
	}
	ledger_entry_end(b, STR(""));
	return ERR_OK;
}

enum err
entry_parse_segment(
    struct entry_segment *segment, const struct ledger_entry *entry)
{
	struct cut c;
	enum err err;

	err = open_entry(&c, entry, ENTRY_SEGMENT);
	if (err != ERR_OK)
		return err;
	*segment = (struct entry_segment){ .number = get64(&c) };
	segment->created_ms = get_time(&c);
	segment->writer = get32(&c);
	segment->what = get8(&c);
	if (segment->what == 0 || segment->what >= SEGMENT_WHAT_N)
		return ERR_SYNTAX;
	if (segment->what == SEGMENT_LIVE) {
		segment->blocks = get32(&c);
		if (segment->blocks > ENTRY_BLOCKS_MAX)
			return ERR_SYNTAX;
		segment->done = get_bytes(&c, done_bytes(segment->blocks));
	}
	return close_entry(&c);
}

void
entry_put_audit(struct ledger_batch *b, const struct ledger_stamp *stamp,
    const struct entry_audit *a)
{
	const uint64_t sums[] = { a->messages_admitted, a->messages_done,
		a->admitted, a->done, a->waiting, a->ready, a->leased, a->held,
		a->unadmitted, a->first_lease, a->last_lease,
		(uint64_t)a->first_due_ms, (uint64_t)a->last_due_ms };
	enum err err;

	b->reserve_bytes = LEDGER_BLOCK_BYTES - 1;
	err = ledger_entry_begin(b, ENTRY_AUDIT, stamp, sizeof(sums));
	BUG_IF(err != ERR_OK); /* a second one in this batch */
	for (size_t i = 0; i < COUNT_OF(sums); i++)
		put64(&b->out, sums[i]);
	ledger_entry_end(b, STR(""));
}

enum err
entry_parse_audit(struct entry_audit *a, const struct ledger_entry *entry)
{
	struct cut c;
	enum err err;

	err = open_entry(&c, entry, ENTRY_AUDIT);
	if (err != ERR_OK)
		return err;
	a->messages_admitted = get64(&c);
	a->messages_done = get64(&c);
	a->admitted = get64(&c);
	a->done = get64(&c);
	a->waiting = get64(&c);
	a->ready = get64(&c);
	a->leased = get64(&c);
	a->held = get64(&c);
	a->unadmitted = get64(&c);
	a->first_lease = get64(&c);
	a->last_lease = get64(&c);
	a->first_due_ms = get_time(&c);
	a->last_due_ms = get_time(&c);
	return close_entry(&c);
}

enum err
entry_put_mark(struct ledger_batch *b, const struct ledger_stamp *stamp,
    const struct entry_mark *mark)
{
	enum err err;

	err = ledger_entry_begin(b, ENTRY_MARK, stamp, 1 + 4 * 8);
	if (err != ERR_OK)
		return err;
	put8(&b->out, mark->is_end ? 1 : 0);
	put64(&b->out, mark->begin.file);
	put64(&b->out, mark->begin.offset);
	put64(&b->out, mark->end.file);
	put64(&b->out, mark->end.offset);
	ledger_entry_end(b, STR(""));
	return ERR_OK;
}

enum err
entry_parse_mark(struct entry_mark *mark, const struct ledger_entry *entry)
{
	struct cut c;
	uint8_t what;
	enum err err;

	err = open_entry(&c, entry, ENTRY_MARK);
	if (err != ERR_OK)
		return err;
	what = get8(&c);
	mark->is_end = what == 1;
	mark->begin.file = get64(&c);
	mark->begin.offset = get64(&c);
	mark->end.file = get64(&c);
	mark->end.offset = get64(&c);
	return what > 1 ? ERR_SYNTAX : close_entry(&c);
}
