/* SPDX-License-Identifier: BSD-2-Clause */
/* segwalk: goes over all records of a segment, in bounded slices. */
#include "util/spool/segwalk.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "util/spool/disk.h"

/* Windows read in one call of segwalk_next(): 1 MiB. */
#define SLICE_WINDOWS 16

static uint64_t
footer_offset(const struct segment_trailer *trailer)
{
	return (uint64_t)trailer->block * SEGMENT_BLOCK_BYTES;
}

static bool
is_own(const struct segwalk *r)
{
	return (r->conf.seg->flags & SEGMENT_OWN) != 0;
}

/* The record of a sealed own file stands behind its content: to it by the
 * footer, instead of through the content. */
static enum err
skip_own_content(struct segwalk *r)
{
	struct segment_entry entry;
	uint8_t p[SEGMENT_ENTRY_BYTES];
	size_t got;
	enum err err;

	err = disk_read(
	    r->conf.fd, p, sizeof(p), footer_offset(&r->trailer), &got);
	if (err != ERR_OK)
		return err;
	if (got < sizeof(p))
		return ERR_IO; /* it was there a moment ago */
	segment_entry_decode(&entry, p);
	r->offset = (uint64_t)entry.block * SEGMENT_BLOCK_BYTES;
	return ERR_OK;
}

enum err
segwalk_init(struct segwalk *r, const struct segwalk_conf *conf)
{
	enum err err;

	*r = (struct segwalk){ .conf = *conf, .offset = SEGMENT_BLOCK_BYTES };
	segwalk_set_limit(r, conf->limit);
	if (conf->limit != SEGWALK_ALL)
		return ERR_OK;
	err = segread_is_sealed(conf->fd, conf->seg, &r->trailer);
	if (err == ERR_NOTFOUND || err == ERR_SYNTAX)
		return ERR_OK;
	if (err != ERR_OK)
		return err;
	r->is_sealed = true;
	return is_own(r) && r->trailer.n == 1 ? skip_own_content(r) : ERR_OK;
}

void
segwalk_let_go(struct segwalk *r)
{
	r->window_bytes = 0;
	/* A record whose content was being checked is looked at again. */
	r->is_checking = false;
}

void
segwalk_set_limit(struct segwalk *r, uint64_t limit)
{
	/* A page can say anything; records end at block borders. */
	if (limit != SEGWALK_ALL)
		limit -= limit % SEGMENT_BLOCK_BYTES;
	r->conf.limit = limit;
}

/* Where records end, as far as is known now. */
static enum err
walk_end(const struct segwalk *r, uint64_t *end)
{
	enum err err;

	if (r->is_sealed) {
		*end = footer_offset(&r->trailer);
		return ERR_OK;
	}
	err = disk_size(r->conf.fd, end);
	if (err == ERR_OK && *end > r->conf.limit)
		*end = r->conf.limit;
	return err;
}

static char *
front_area(const struct segwalk *r)
{
	return r->conf.buf + SEGWALK_WINDOW_BYTES;
}

/* Makes the window hold what begins at r->offset: a block, or what is left of
 * the file. *budget counts the reads. */
static enum err
fill_window(struct segwalk *r, uint64_t end, unsigned *budget)
{
	uint64_t left = end - r->offset;
	uint64_t n = left < SEGWALK_WINDOW_BYTES ? left : SEGWALK_WINDOW_BYTES;
	uint64_t need = left < SEGMENT_BLOCK_BYTES ? left : SEGMENT_BLOCK_BYTES;
	size_t got;
	enum err err;

	if (r->offset >= r->window_offset &&
	    r->offset + need <= r->window_offset + r->window_bytes)
		return ERR_OK;
	if (*budget == 0)
		return ERR_AGAIN;
	(*budget)--;
	r->window_bytes = 0;
	err = disk_read(r->conf.fd, r->conf.buf, (size_t)n, r->offset, &got);
	/* One bad block must not hide its neighbours: only the first counts. */
	if (err != ERR_OK && n > need)
		err = disk_read(
		    r->conf.fd, r->conf.buf, (size_t)need, r->offset, &got);
	if (err != ERR_OK)
		return err;
	if (got < need)
		return ERR_IO; /* the file became shorter under our eyes */
	r->window_offset = r->offset;
	r->window_bytes = got;
	return ERR_OK;
}

/* What the window holds from r->offset on. */
static struct str
window_rest(const struct segwalk *r)
{
	size_t at = (size_t)(r->offset - r->window_offset);

	return (struct str){ r->conf.buf + at, r->window_bytes - at };
}

static bool
is_zero(struct str s)
{
	return s.len == 0 ||
	    (s.ptr[0] == 0 && memcmp(s.ptr, s.ptr + 1, s.len - 1) == 0);
}

/* n bytes at r->offset hold no valid record: they are pending. */
static void
set_bad(struct segwalk *r, uint64_t n, bool has_data)
{
	if (!r->has_bad) {
		r->has_bad = true;
		r->bad_offset = r->offset;
		r->bad_end = r->offset;
	}
	r->offset += n;
	if (has_data)
		r->bad_end = r->offset;
	r->has_bad_data = r->has_bad_data || has_data;
}

static void
set_bad_record(struct segwalk *r, uint64_t n)
{
	r->has_bad_record = true;
	set_bad(r, n, true);
}

static void
forget_bad(struct segwalk *r)
{
	r->has_bad = false;
	r->has_bad_record = false;
	r->has_bad_data = false;
	r->has_unreadable = false;
}

/* No record begins at r->offset. Over a hole in one step; what is in the window
 * is looked at first, since space allocated ahead may count as data. */
static void
pass_block(struct segwalk *r, uint64_t end)
{
	struct str rest = window_rest(r);
	uint64_t n = SEGMENT_BLOCK_BYTES;
	bool has_more = rest.len > n;
	off_t data;

	if (has_more)
		rest.len = (size_t)n;
	if (r->offset + n >= end) {
		set_bad(r, end - r->offset, !is_zero(rest));
		return;
	}
	if (has_more || !is_zero(rest)) {
		set_bad(r, n, !is_zero(rest));
		return;
	}
	data = lseek(r->conf.fd, (off_t)(r->offset + n), SEEK_DATA);
	if (data < 0 && errno == ENXIO)
		n = end - r->offset;
	else if (data > 0 && (uint64_t)data < end)
		n = (uint64_t)data / SEGMENT_BLOCK_BYTES * SEGMENT_BLOCK_BYTES -
		    r->offset;
	else if (data > 0)
		n = end - r->offset;
	set_bad(r, n, false);
}

/* Gets header and envelope together: in the window, or read behind it. */
static enum err
load_front(struct segwalk *r, const struct record_head *head, uint64_t end,
    struct str *front)
{
	size_t want = RECORD_HEAD_BYTES + (size_t)head->envelope_bytes;
	struct str rest = window_rest(r);
	size_t got;
	enum err err;

	if (want > end - r->offset)
		return ERR_SYNTAX;
	if (want <= rest.len) {
		*front = str_head(rest, want);
		return ERR_OK;
	}
	err = disk_read(r->conf.fd, front_area(r), want, r->offset, &got);
	*front = (struct str){ front_area(r), got };
	if (err == ERR_OK && got < want)
		err = ERR_IO;
	return err;
}

/*
 * Looks at the block at r->offset.
 *
 * ERR_OK	a valid record: *item has it
 * ERR_NOTFOUND	no record, or a bad one: it is pending, r->offset is behind it
 */
static enum err
look(struct segwalk *r, uint64_t end, struct segwalk_item *item)
{
	struct record_head *head = &item->head;
	enum err err;

	err = record_peek(head, window_rest(r), r->conf.seg);
	if (err == ERR_NOTFOUND) {
		pass_block(r, end);
		return ERR_NOTFOUND;
	}
	if (err == ERR_OK)
		err = load_front(r, head, end, &item->front);
	if (err == ERR_OK)
		err = record_decode(
		    head, item->front, r->conf.seg, &item->envelope);
	if (err == ERR_OK &&
	    (record_total_bytes(head) > end - r->offset ||
	        !record_is_in_place(head, r->conf.seg, r->offset)))
		err = ERR_SYNTAX;
	if (err != ERR_SYNTAX)
		return err;
	set_bad_record(r,
	    end - r->offset < SEGMENT_BLOCK_BYTES ? end - r->offset
	                                          : SEGMENT_BLOCK_BYTES);
	return ERR_NOTFOUND;
}

/* Bytes of a record with its padding, which a torn write may lack. */
static uint64_t
span(const struct record_head *head, uint64_t offset, uint64_t end)
{
	uint64_t n = (uint64_t)record_blocks(head) * SEGMENT_BLOCK_BYTES;

	return n < end - offset ? n : end - offset;
}

static void
tell_bad(struct segwalk *r, enum segwalk_kind kind, uint64_t end,
    struct segwalk_item *item)
{
	*item = (struct segwalk_item){
		.kind = kind,
		.is_unreadable = r->has_unreadable,
		.offset = r->bad_offset,
		.bytes = end - r->bad_offset,
	};
	forget_bad(r);
}

static enum segwalk_kind
bad_kind(const struct segwalk *r)
{
	return r->has_bad_record ? SEGWALK_BAD_RECORD : SEGWALK_GAP;
}

/* r->offset is at the end. */
static enum err
finish(struct segwalk *r, uint64_t end, struct segwalk_item *item)
{
	bool is_open = !r->is_sealed && r->conf.limit == SEGWALK_ALL;

	if (r->has_bad && !is_open) {
		tell_bad(r, bad_kind(r), end, item);
		return ERR_OK;
	}
	if (r->has_bad && (r->has_bad_data || r->has_unreadable)) {
		tell_bad(r, SEGWALK_TORN, r->bad_end, item);
		return ERR_OK;
	}
	forget_bad(r);
	*item = (struct segwalk_item){
		.kind = r->is_sealed ? SEGWALK_END_SEALED : SEGWALK_END_OPEN,
		.offset = end,
	};
	return ERR_OK;
}

/* A valid record is at r->offset; what is pending before it goes first, and
 * the record is looked at again in the next call. */
static enum err
tell_record(struct segwalk *r, uint64_t end, struct segwalk_item *item)
{
	/* In a file of its own the content is what lies before. */
	if (is_own(r))
		forget_bad(r);
	if (r->has_bad) {
		tell_bad(r, bad_kind(r), r->offset, item);
		return ERR_OK;
	}
	item->kind = SEGWALK_RECORD;
	item->has_head = true;
	item->is_unreadable = false;
	item->offset = r->offset;
	item->bytes = span(&item->head, r->offset, end);
	r->offset += item->bytes;
	return ERR_OK;
}

/* Keeps the record aside while its content goes through the window. */
static void
begin_check(struct segwalk *r, const struct segwalk_item *item)
{
	if (item->front.ptr != front_area(r))
		memcpy(front_area(r), item->front.ptr, item->front.len);
	r->record = item->head;
	r->is_checking = true;
	r->window_bytes = 0;
	segread_content_init(&r->content, &item->head,
	    record_content_offset(&item->head, r->offset));
}

/* ERR_OK: the content is fine, *item has the record. ERR_NOTFOUND: it is not,
 * and the record is pending as bad. */
static enum err
step_check(struct segwalk *r, uint64_t end, struct segwalk_item *item)
{
	const struct record_head *head = &r->record;
	enum err err;

	err = segread_content_step(
	    &r->content, r->conf.fd, r->conf.buf, SEGWALK_WINDOW_BYTES);
	if (err == ERR_SYNTAX) {
		r->is_checking = false;
		set_bad_record(r, span(head, r->offset, end));
		return ERR_NOTFOUND;
	}
	if (err != ERR_OK)
		return err;
	r->is_checking = false;
	item->head = *head;
	item->front = (struct str){ front_area(r),
		RECORD_HEAD_BYTES + (size_t)head->envelope_bytes };
	item->envelope = str_tail(item->front, RECORD_HEAD_BYTES);
	return ERR_OK;
}

/* One step of the walk. ERR_NOTFOUND: go on. */
static enum err
step(struct segwalk *r, uint64_t end, unsigned *budget,
    struct segwalk_item *item)
{
	enum err err;

	if (r->is_checking) {
		if (*budget == 0)
			return ERR_AGAIN;
		(*budget)--;
		err = step_check(r, end, item);
		return err == ERR_AGAIN ? ERR_NOTFOUND : err;
	}
	err = fill_window(r, end, budget);
	if (err == ERR_OK)
		err = look(r, end, item);
	if (err != ERR_OK || r->conf.mode != SEGWALK_CONTENTS)
		return err;
	begin_check(r, item);
	return ERR_NOTFOUND;
}

static enum err
next_walked(struct segwalk *r, struct segwalk_item *item)
{
	unsigned budget = SLICE_WINDOWS;
	uint64_t end;
	enum err err;

	err = walk_end(r, &end);
	if (err != ERR_OK)
		return err;
	do {
		if (r->offset >= end)
			return finish(r, end, item);
		err = step(r, end, &budget, item);
	} while (err == ERR_NOTFOUND);
	return err == ERR_OK ? tell_record(r, end, item) : err;
}

/* The footer was checked when the walk began. */
static enum err
next_indexed(struct segwalk *r, struct segwalk_item *item)
{
	uint64_t offset = footer_offset(&r->trailer);
	struct segment_entry entry;
	size_t at, got;
	enum err err;

	*item = (struct segwalk_item){ .kind = SEGWALK_END_SEALED,
		.offset = offset };
	if (r->entry == r->trailer.n)
		return ERR_OK;
	at = r->entry * SEGMENT_ENTRY_BYTES % SEGWALK_WINDOW_BYTES;
	if (at == 0 || r->window_bytes == 0) {
		offset += (uint64_t)r->entry * SEGMENT_ENTRY_BYTES - at;
		err = disk_read(r->conf.fd, r->conf.buf, SEGWALK_WINDOW_BYTES,
		    offset, &got);
		if (err != ERR_OK)
			return err;
		r->window_bytes = got;
	}
	if (at + SEGMENT_ENTRY_BYTES > r->window_bytes)
		return ERR_IO; /* it was there a moment ago */
	segment_entry_decode(&entry, (const uint8_t *)r->conf.buf + at);
	r->entry++;
	item->kind = SEGWALK_RECORD;
	item->offset = (uint64_t)entry.block * SEGMENT_BLOCK_BYTES;
	item->bytes = (uint64_t)entry.blocks * SEGMENT_BLOCK_BYTES;
	item->head = (struct record_head){
		.qid = entry.qid,
		.flags = entry.flags,
		.crc = entry.crc,
		.salt = r->conf.seg->salt,
		.number = r->conf.seg->number,
	};
	return ERR_OK;
}

enum err
segwalk_next(struct segwalk *r, struct segwalk_item *item)
{
	if (r->is_sealed && r->conf.mode == SEGWALK_INDEX)
		return next_indexed(r, item);
	return next_walked(r, item);
}

void
segwalk_pass(struct segwalk *r)
{
	uint64_t n = SEGMENT_BLOCK_BYTES;

	if (r->is_checking)
		n *= record_blocks(&r->record);
	r->is_checking = false;
	r->window_bytes = 0;
	set_bad(r, n, true);
	r->has_unreadable = true;
}
