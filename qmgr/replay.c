/* SPDX-License-Identifier: BSD-2-Clause */
/* replay: what checkpoint and ledger say, into the core; at the start. */
#include "qmgr/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "qmgr/core/view.h"
#include "qmgr/ledgerdir.h"
#include "qmgr/notices.h"
#include "util/base/fatal.h"
#include "util/io/sys.h"
#include "util/log/log.h"
#include "util/spool/entry.h"
#include "util/spool/ledgerread.h"

/*
 * Sums: what is live is counted by the core; what became done
 * is counted here, from an AUDIT on that says how many there were before. An
 * AUDIT behind the end of the checkpoint must agree with both. Before that end
 * the core is ahead of the ledger, which is read from where the checkpoint
 * began.
 */

/* What a checkpoint says of itself. */
struct marks {
	struct entry_mark begin, end;
	uint64_t seq, event; /* with which the ledger goes on */
	uint64_t bytes;
};

struct run {
	struct replay *replay;
	struct core *core;
	struct notices *notices;
	int dir_fd;
	struct ledgerdir ledgers, checkpoints;
	struct marks marks;
	/* of what is being read */
	char name[LEDGER_NAME_BYTES + 1];
	uint64_t offset;
	bool is_ledger;
	/* sums */
	bool has_sums; /* done is right */
	bool has_messages;
	bool is_last; /* the last entry was this AUDIT: */
	struct entry_audit audit;
	uint64_t seq; /* of the last entry of the ledger, or 0 */
};

/* --- files ---------------------------------------------------------------- */

static enum err
fail(const struct run *r, const char *call, enum err err)
{
	if (err == ERR_RANGE)
		LOG(EV_FORMAT_UNKNOWN, KV_CSTR("file", r->name));
	else
		LOG(EV_SYSCALL_FAILED, KV_CSTR("call", call),
		    KV_CSTR("file", r->name), KV_ERRNO("error", errno),
		    KV_CSTR("msg", err_text(err)));
	return err;
}

/* It is what its name says. */
static bool
is_file(const struct ledgerread *reader, const struct ledger_head *named)
{
	const struct ledger_head *head = ledgerread_get_head(reader);

	return head->number == named->number && head->kind == named->kind;
}

/*
 * Opens a file, and makes durable what it holds: what a predecessor wrote and
 * did not sync is believed from now on (S4).
 *
 * ERR_SYNTAX	its header is malformed
 */
static enum err
open_file(struct run *r, enum ledger_kind kind, uint64_t number, int *fd,
    struct ledgerread **reader)
{
	struct ledger_head head = { .number = number, .kind = kind };
	enum err err;

	ledger_name_format(&head, r->name);
	r->offset = 0;
	r->is_ledger = kind == LEDGER_LOG;
	*fd = sys.openat(
	    r->dir_fd, r->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0);
	if (*fd < 0)
		return fail(r, "open", ERR_IO);
	if (sys.fdatasync(*fd) != 0)
		err = fail(r, "fdatasync", ERR_IO);
	else {
		err = ledgerread_new(reader, *fd, LEDGERREAD_ALL);
		if (err == ERR_OK && !is_file(*reader, &head)) {
			ledgerread_free(reader);
			err = ERR_SYNTAX;
		}
		if (err != ERR_OK && err != ERR_SYNTAX)
			err = fail(r, "read", err);
	}
	if (err != ERR_OK)
		(void)close(*fd);
	return err;
}

static void
tell_damage(struct run *r, uint64_t offset, uint64_t bytes, const char *fault)
{
	LOG(EV_LEDGER_DAMAGED, KV_CSTR("file", r->name),
	    KV_NUM("offset", offset), KV_NUM("bytes", bytes),
	    KV_CSTR("fault", fault));
}

/* --- sums ----------------------------------------------------------------- */

/* Notes what a change did to the numbers of what is live. */
static void
note_live(struct run *r)
{
	struct replay *replay = r->replay;
	struct core_accounts a;
	uint64_t live;

	core_accounts(r->core, &a);
	live = a.waiting + a.ready + a.leased + a.held;
	if (live < replay->live)
		replay->done += replay->live - live;
	if (a.messages < replay->messages)
		replay->messages_done += replay->messages - a.messages;
	replay->live = live;
	replay->messages = a.messages;
}

static void
check_sum(struct run *r, const char *what, uint64_t counted, uint64_t expected)
{
	if (counted == expected)
		return;
	if (!r->replay->is_unbalanced)
		LOG(EV_AUDIT_MISMATCH, KV_CSTR("what", what),
		    KV_NUM("counted", counted), KV_NUM("expected", expected));
	r->replay->is_unbalanced = true;
}

static void
check_audit(struct run *r)
{
	const struct entry_audit *a = &r->audit;
	struct replay *replay = r->replay;
	/* Who wrote it counted no messages. */
	bool is_old = a->messages_admitted == 0 && a->admitted > 0;

	check_sum(r, "live parts", replay->live, a->admitted - a->done);
	if (r->has_sums)
		check_sum(r, "done parts", replay->done, a->done);
	replay->done = a->done;
	if (!is_old) {
		check_sum(r, "live messages", replay->messages,
		    a->messages_admitted - a->messages_done);
		if (r->has_messages)
			check_sum(r, "done messages", replay->messages_done,
			    a->messages_done);
		replay->messages_done = a->messages_done;
	}
	r->has_sums = true;
	r->has_messages = !is_old;
}

/* --- entries -------------------------------------------------------------- */

static enum err
restore(struct run *r, const struct part_state *state, struct ledger_pos pos)
{
	enum err err = core_restore(r->core, state);

	if (!r->is_ledger)
		pos = (struct ledger_pos){ state->facts_file,
			state->facts_offset };
	if (r->notices != NULL && err != ERR_RANGE)
		notices_restore(r->notices, state, pos);
	note_live(r);
	r->replay->parts++;
	if (err == ERR_RANGE)
		tell_damage(r, r->offset, 0, "a state that no part can have");
	return err == ERR_FULL ? ERR_FULL : ERR_OK;
}

static enum err
take_parts(
    struct run *r, const struct ledger_entry *entry, struct ledger_pos pos)
{
	struct entry_part part;
	struct part_state state;
	enum err err = entry_parse_part(&part, entry);

	while (err == ERR_OK && entry_next_part(&part, &state)) {
		/* In the ledger only an admission tells the record's length
		 * with the keys: else an order has given them. */
		state.is_moved =
		    r->is_ledger && part.has_keys && part.blocks == 0;
		err = restore(r, &state, pos);
	}
	return err;
}

static enum err
take_order(struct run *r, const struct ledger_entry *entry)
{
	struct order order;
	enum err err = entry_parse_policy(&order, entry);

	if (err != ERR_OK)
		return err;
	err = core_restore_order(r->core, &order);
	/* A number that no order can have. */
	return err == ERR_RANGE ? ERR_SYNTAX : err;
}

/* It was removed, so all in it was done: whatever says so may be in a gap. */
static void
forget_segment(struct run *r, uint64_t number)
{
	struct part_state state;
	uint32_t part;

	while ((part = core_segment_part(r->core, number, 0)) != 0) {
		if (!core_part_get(r->core, part, &state))
			return;
		state.state = PART_DONE;
		if (core_restore(r->core, &state) != ERR_OK)
			return;
		note_live(r);
	}
	core_segment_forget(r->core, number);
}

static enum err
take_live_segment(struct run *r, const struct entry_segment *segment)
{
	enum err err = core_segment_add(
	    r->core, segment->number, (uint16_t)segment->writer);

	if (err == ERR_OK)
		err = core_restore_done(r->core, segment->number,
		    (const uint8_t *)segment->done.ptr, segment->blocks);
	note_live(r);
	return err == ERR_FULL ? ERR_FULL : ERR_OK;
}

static enum err
take_segment(struct run *r, const struct ledger_entry *entry)
{
	struct entry_segment segment;
	enum err err = entry_parse_segment(&segment, entry);

	if (err != ERR_OK)
		return err;
	switch ((enum segment_what)segment.what) {
	case SEGMENT_SEEN:
		return core_segment_add(
		    r->core, segment.number, (uint16_t)segment.writer);
	case SEGMENT_SEALED:
		core_segment_sealed(r->core, segment.number);
		break;
	case SEGMENT_UNLINKED:
		forget_segment(r, segment.number);
		break;
	case SEGMENT_LIVE:
		return take_live_segment(r, &segment);
	case SEGMENT_WHAT_N:
		break;
	}
	return ERR_OK;
}

static enum err
take_audit(
    struct run *r, const struct ledger_entry *entry, struct ledger_pos pos)
{
	enum err err = entry_parse_audit(&r->audit, entry);

	if (err != ERR_OK)
		return err;
	if (r->audit.last_lease > r->replay->last_lease)
		r->replay->last_lease = r->audit.last_lease;
	r->is_last = true;
	/* A checkpoint's own counts only when the ledger says nothing. */
	if (r->is_ledger && ledger_pos_cmp(pos, r->marks.end.end) >= 0)
		check_audit(r);
	return ERR_OK;
}

/* Numbers of the ledger's entries go up by one; what was written once more
 * after a fault comes twice. */
static void
count_entry(struct run *r, const struct ledger_entry *entry)
{
	struct replay *replay = r->replay;
	uint64_t event = entry->stamp.first_event + entry->stamp.n_events;

	replay->entries++;
	if (!r->is_ledger)
		return;
	if (entry->stamp.n_events > 0 && event > replay->next_event)
		replay->next_event = event;
	if (entry->seq > replay->next_seq) {
		tell_damage(r, r->offset, 0, "entries are missing before it");
		replay->is_damaged = true;
	}
	if (entry->seq >= replay->next_seq)
		replay->next_seq = entry->seq + 1;
}

static enum err
take_entry(
    struct run *r, const struct ledger_entry *entry, struct ledger_pos pos)
{
	enum err err = ERR_OK;

	count_entry(r, entry);
	if (entry->type != ENTRY_MARK)
		r->is_last = false;
	switch (entry->type) {
	case ENTRY_PART:
		err = take_parts(r, entry, pos);
		break;
	case ENTRY_POLICY:
		err = take_order(r, entry);
		break;
	case ENTRY_SEGMENT:
		err = take_segment(r, entry);
		break;
	case ENTRY_AUDIT:
		err = take_audit(r, entry, pos);
		break;
	}
	if (err != ERR_SYNTAX)
		return err;
	tell_damage(r, r->offset, 0, "a malformed entry");
	r->replay->is_damaged = true;
	return ERR_OK;
}

/* --- reading -------------------------------------------------------------- */

static enum err
take_item(struct run *r, struct ledgerread *reader,
    const struct ledgerread_item *item)
{
	r->offset = item->offset;
	switch (item->kind) {
	case LEDGERREAD_ENTRY:
		return take_entry(r, &item->entry, ledgerread_get_pos(reader));
	case LEDGERREAD_GAP:
		tell_damage(r, item->offset, item->bytes, "no valid batch");
		r->replay->is_damaged = true;
		break;
	case LEDGERREAD_TORN:
		tell_damage(r, item->offset, item->bytes, "a torn tail");
		break;
	case LEDGERREAD_END:
		break;
	}
	return ERR_OK;
}

static enum err
read_all(struct run *r, struct ledgerread *reader)
{
	struct ledgerread_item item = { .kind = LEDGERREAD_GAP };
	enum err err = ERR_OK;

	while (err == ERR_OK && item.kind != LEDGERREAD_END) {
		err = ledgerread_next(reader, &item);
		if (err != ERR_OK)
			return fail(r, "read", err);
		err = take_item(r, reader, &item);
	}
	return err;
}

static enum err
read_ledger(struct run *r, uint64_t number)
{
	struct ledgerread *reader;
	enum err err;
	int fd;

	err = open_file(r, LEDGER_LOG, number, &fd, &reader);
	if (err == ERR_SYNTAX) {
		tell_damage(r, 0, 0, "a malformed file header");
		r->replay->is_damaged = true;
		return ERR_OK;
	}
	if (err != ERR_OK)
		return err;
	if (ledgerread_get_head(reader)->is_mended)
		tell_damage(r, 0, LEDGER_BLOCK_BYTES,
		    "a malformed file header, whose copy is good");
	if (number == r->marks.begin.begin.file)
		err = ledgerread_seek(reader, r->marks.begin.begin.offset);
	if (err == ERR_OK)
		err = read_all(r, reader);
	ledgerread_free(&reader);
	(void)close(fd);
	return err;
}

/* --- checkpoints ---------------------------------------------------------- */

static bool
is_position(struct ledger_pos pos)
{
	return pos.file > 0 && pos.offset >= LEDGER_BLOCK_BYTES &&
	    pos.offset % LEDGER_BLOCK_BYTES == 0;
}

static bool
is_whole(const struct marks *m)
{
	return m->end.is_end && is_position(m->begin.begin) &&
	    is_position(m->end.end) &&
	    ledger_pos_cmp(m->begin.begin, m->end.begin) == 0 &&
	    ledger_pos_cmp(m->begin.begin, m->end.end) <= 0;
}

/* One more entry of a checkpoint. ERR_SYNTAX: it does not belong there. */
static enum err
look_at_entry(struct marks *m, const struct ledger_entry *entry, bool is_first)
{
	struct entry_mark mark;
	enum err err;

	/* The end was not the end. */
	if (m->end.is_end)
		return ERR_SYNTAX;
	if (!is_first && entry->type != ENTRY_MARK)
		return ERR_OK;
	err = entry_parse_mark(&mark, entry);
	if (err != ERR_OK)
		return err;
	if (mark.is_end == is_first)
		return ERR_SYNTAX;
	m->event = entry->stamp.first_event;
	if (is_first) {
		m->begin = mark;
		m->seq = entry->seq;
	} else {
		m->end = mark;
	}
	return ERR_OK;
}

/* Reads it once, before any of it is believed. */
static enum err
look_at_checkpoint(struct run *r, struct ledgerread *reader)
{
	struct ledgerread_item item;
	struct marks *m = &r->marks;
	bool is_first = true;
	enum err err;

	*m = (struct marks){ .seq = 0 };
	for (;; is_first = false) {
		err = ledgerread_next(reader, &item);
		if (err != ERR_OK)
			return fail(r, "read", err);
		if (item.kind != LEDGERREAD_ENTRY)
			break;
		err = look_at_entry(m, &item.entry, is_first);
		if (err != ERR_OK)
			return err;
	}
	m->bytes = item.offset;
	return item.kind == LEDGERREAD_END && is_whole(m) ? ERR_OK : ERR_SYNTAX;
}

static enum err
read_checkpoint(struct run *r, uint64_t number)
{
	struct ledgerread *reader = NULL;
	enum err err;
	int fd;

	err = open_file(r, LEDGER_CHECKPOINT, number, &fd, &reader);
	if (err != ERR_OK)
		return err;
	err = look_at_checkpoint(r, reader);
	if (err == ERR_OK)
		err = ledgerread_seek(reader, LEDGER_BLOCK_BYTES);
	if (err == ERR_OK)
		err = read_all(r, reader);
	ledgerread_free(&reader);
	(void)close(fd);
	return err;
}

/* The newest one that is whole. */
static enum err
use_checkpoint(struct run *r)
{
	struct replay *replay = r->replay;

	for (size_t i = r->checkpoints.n; i > 0; i--) {
		uint64_t number = r->checkpoints.numbers[i - 1];
		enum err err = read_checkpoint(r, number);

		if (err == ERR_SYNTAX) {
			LOG(EV_CHECKPOINT_PASSED_OVER, KV_CSTR("file", r->name),
			    KV_CSTR("fault", "malformed, or not complete"));
			continue;
		}
		if (err != ERR_OK)
			return err;
		replay->checkpoint = number;
		replay->checkpoint_begin = r->marks.begin.begin;
		replay->checkpoint_bytes = r->marks.bytes;
		replay->next_seq = r->marks.seq;
		replay->next_event = r->marks.event;
		return ERR_OK;
	}
	r->marks = (struct marks){ .seq = 0 };
	return ERR_OK;
}

/* --- all of it ------------------------------------------------------------ */

/* Where numbers go on: no file is ever written again. */
static void
set_next(struct run *r)
{
	struct replay *replay = r->replay;
	const struct ledgerdir *l = &r->ledgers, *c = &r->checkpoints;

	replay->next_file = 1;
	replay->next_checkpoint = 1;
	if (l->n > 0)
		replay->next_file = l->numbers[l->n - 1] + 1;
	if (r->marks.end.end.file >= replay->next_file)
		replay->next_file = r->marks.end.end.file + 1;
	if (c->n > 0)
		replay->next_checkpoint = c->numbers[c->n - 1] + 1;
}

/* The first file that is there tells where numbers begin. */
static enum err
read_ledgers(struct run *r)
{
	enum err err = ERR_OK;

	for (size_t i = 0; i < r->ledgers.n && err == ERR_OK; i++) {
		uint64_t number = r->ledgers.numbers[i];

		if (number >= r->marks.begin.begin.file)
			err = read_ledger(r, number);
	}
	return err;
}

static enum err
run(struct run *r)
{
	enum err err;

	err = ledgerdir_list(&r->ledgers, r->dir_fd, LEDGER_LOG);
	if (err == ERR_OK)
		err = ledgerdir_list(
		    &r->checkpoints, r->dir_fd, LEDGER_CHECKPOINT);
	if (err != ERR_OK)
		return fail(r, "readdir", err);
	err = use_checkpoint(r);
	if (err == ERR_OK)
		err = read_ledgers(r);
	if (err != ERR_OK)
		return err;
	/* Nothing came behind it: so it holds, wherever it stands. */
	if (r->is_last && !r->has_sums)
		check_audit(r);
	set_next(r);
	return ERR_OK;
}

enum err
replay_run(struct replay *replay, struct core *core, struct notices *notices,
    int ledger_fd)
{
	struct run r = { .replay = replay,
		.core = core,
		.notices = notices,
		.dir_fd = ledger_fd,
		.name = "ledger" };
	enum err err;

	*replay = (struct replay){ .next_seq = 1, .next_event = 1 };
	err = run(&r);
	ledgerdir_fini(&r.ledgers);
	ledgerdir_fini(&r.checkpoints);
	return err;
}
