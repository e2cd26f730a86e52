/* SPDX-License-Identifier: BSD-2-Clause */
/* ledgerread: reads a file of the ledger, or a checkpoint, entry by entry. */
#include "util/spool/ledgerread.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "util/base/fatal.h"
#include "util/spool/disk.h"

#define WINDOW_BYTES 65536

struct ledgerread {
	int fd;
	struct ledger_head head;
	uint64_t limit;
	uint64_t offset;       /* where to look for a batch next */
	uint64_t batch_offset; /* of the batch whose entries are left */
	struct str entries;    /* left of that batch */
	uint64_t bad_offset;   /* pending: not yet known to be torn */
	uint64_t bad_end;      /* behind its last block that is not zero */
	bool has_bad;
	bool has_bad_data;
	char *buf; /* holds window_bytes of the file from window_offset on */
	size_t cap;
	uint64_t window_offset;
	size_t window_bytes;
};

static enum err
read_head(struct ledgerread *r)
{
	char p[LEDGER_BLOCK_BYTES];
	size_t got;
	enum err err;

	err = disk_read(r->fd, p, sizeof(p), 0, &got);
	if (err != ERR_OK)
		return err;
	return ledger_head_decode(&r->head, (struct str){ p, got }, NULL);
}

enum err
ledgerread_new(struct ledgerread **out, int fd, uint64_t limit)
{
	struct ledgerread *r = calloc(1, sizeof(*r));
	enum err err = ERR_FULL;

	*out = NULL;
	if (r == NULL)
		return ERR_FULL;
	r->fd = fd;
	r->limit = limit;
	r->offset = LEDGER_BLOCK_BYTES;
	r->batch_offset = LEDGER_BLOCK_BYTES;
	r->cap = WINDOW_BYTES;
	r->buf = malloc(r->cap);
	if (r->buf != NULL)
		err = read_head(r);
	if (err != ERR_OK)
		ledgerread_free(&r);
	*out = r;
	return err;
}

void
ledgerread_free(struct ledgerread **r)
{
	if (*r == NULL)
		return;
	free((*r)->buf);
	free(*r);
	*r = NULL;
}

const struct ledger_head *
ledgerread_get_head(const struct ledgerread *r)
{
	return &r->head;
}

static void
forget_bad(struct ledgerread *r)
{
	r->has_bad = false;
	r->has_bad_data = false;
}

enum err
ledgerread_seek(struct ledgerread *r, uint64_t offset)
{
	if (offset < LEDGER_BLOCK_BYTES || offset % LEDGER_BLOCK_BYTES != 0 ||
	    offset > INT64_MAX)
		return ERR_RANGE;
	r->offset = offset;
	r->batch_offset = offset;
	r->entries = (struct str){ NULL, 0 };
	r->window_bytes = 0;
	forget_bad(r);
	return ERR_OK;
}

void
ledgerread_set_limit(struct ledgerread *r, uint64_t limit)
{
	r->limit = limit;
}

struct ledger_pos
ledgerread_get_pos(const struct ledgerread *r)
{
	return (struct ledger_pos){ r->head.number, r->batch_offset };
}

/* --- bytes ---------------------------------------------------------------- */

static enum err
grow(struct ledgerread *r, size_t need)
{
	char *buf;

	if (need <= r->cap)
		return ERR_OK;
	buf = realloc(r->buf, need);
	if (buf == NULL)
		return ERR_FULL;
	r->buf = buf;
	r->cap = need;
	return ERR_OK;
}

/* Makes the window hold need bytes from r->offset on; end - r->offset is at
 * least that. */
static enum err
fill_window(struct ledgerread *r, size_t need, uint64_t end)
{
	uint64_t left = end - r->offset;
	size_t n, got;
	enum err err;

	if (r->offset >= r->window_offset &&
	    r->offset + need <= r->window_offset + r->window_bytes)
		return ERR_OK;
	r->window_bytes = 0;
	err = grow(r, need);
	if (err != ERR_OK)
		return err;
	n = left < r->cap ? (size_t)left : r->cap;
	err = disk_read(r->fd, r->buf, n, r->offset, &got);
	if (err != ERR_OK)
		return err;
	if (got < need)
		return ERR_IO; /* the file became shorter under our eyes */
	r->window_offset = r->offset;
	r->window_bytes = got;
	return ERR_OK;
}

static struct str
window_rest(const struct ledgerread *r)
{
	size_t at = (size_t)(r->offset - r->window_offset);

	return (struct str){ r->buf + at, r->window_bytes - at };
}

static enum err
read_end(const struct ledgerread *r, uint64_t *end)
{
	enum err err;

	err = disk_size(r->fd, end);
	if (err == ERR_OK && *end > r->limit)
		*end = r->limit;
	/* Batches are whole blocks. */
	*end -= *end % LEDGER_BLOCK_BYTES;
	return err;
}

/* --- what is no batch ----------------------------------------------------- */

static bool
is_zero(struct str s)
{
	return s.ptr[0] == 0 && memcmp(s.ptr, s.ptr + 1, s.len - 1) == 0;
}

/* No batch begins in the block at r->offset. Over a hole in one step: most of
 * a file that was allocated ahead is one. What was read once is no hole to the
 * kernel any more, so it is asked once a window. */
static void
pass_block(struct ledgerread *r, uint64_t end)
{
	struct str block = str_head(window_rest(r), LEDGER_BLOCK_BYTES);
	uint64_t next = r->offset + LEDGER_BLOCK_BYTES;
	off_t data;

	if (!r->has_bad) {
		r->has_bad = true;
		r->bad_offset = r->offset;
	}
	r->offset = next;
	if (!is_zero(block)) {
		r->has_bad_data = true;
		r->bad_end = next;
		return;
	}
	if (next >= end || next < r->window_offset + r->window_bytes)
		return;
	data = lseek(r->fd, (off_t)next, SEEK_DATA);
	if ((data < 0 && errno == ENXIO) || (data > 0 && (uint64_t)data > end))
		r->offset = end;
	else if (data > 0)
		r->offset =
		    (uint64_t)data - (uint64_t)data % LEDGER_BLOCK_BYTES;
}

static void
tell_bad(struct ledgerread *r, enum ledgerread_kind kind, uint64_t end,
    struct ledgerread_item *item)
{
	*item = (struct ledgerread_item){
		.kind = kind,
		.offset = r->bad_offset,
		.bytes = end - r->bad_offset,
	};
	forget_bad(r);
}

/* Nothing more: what is pending is torn, or not written yet. */
static void
finish(struct ledgerread *r, struct ledgerread_item *item)
{
	bool has_limit = r->limit != LEDGERREAD_ALL;

	if (r->has_bad && has_limit) {
		tell_bad(r, LEDGERREAD_GAP, r->offset, item);
		return;
	}
	if (r->has_bad && r->has_bad_data) {
		tell_bad(r, LEDGERREAD_TORN, r->bad_end, item);
		return;
	}
	if (r->has_bad)
		r->offset = r->bad_offset;
	forget_bad(r);
	r->batch_offset = r->offset;
	*item = (struct ledgerread_item){ .kind = LEDGERREAD_END,
		.offset = r->offset };
}

/* --- batches -------------------------------------------------------------- */

/*
 * Looks for a batch at r->offset.
 *
 * ERR_OK	there is one: its entries are left, r->offset is behind it
 * ERR_NOTFOUND	there is none
 */
static enum err
look(struct ledgerread *r, uint64_t end)
{
	struct ledger_batch_head batch;
	struct str entries;
	enum err err;

	err = fill_window(r, LEDGER_BLOCK_BYTES, end);
	if (err != ERR_OK)
		return err;
	if (ledger_batch_peek(&batch, window_rest(r), &r->head) != ERR_OK ||
	    ledger_batch_bytes(&batch) > end - r->offset)
		return ERR_NOTFOUND;
	err = fill_window(r, ledger_batch_bytes(&batch), end);
	if (err != ERR_OK)
		return err;
	err = ledger_batch_decode(&batch, window_rest(r), &r->head, &entries);
	if (err != ERR_OK)
		return err == ERR_RANGE ? ERR_RANGE : ERR_NOTFOUND;
	/* What lies before it is told first; then it is looked at again. */
	if (r->has_bad)
		return ERR_OK;
	r->entries = entries;
	r->batch_offset = r->offset;
	r->offset += ledger_batch_bytes(&batch);
	return ERR_OK;
}

/* ERR_EOF: *item is set, for there is no batch to take entries from. */
static enum err
next_batch(struct ledgerread *r, struct ledgerread_item *item)
{
	uint64_t end;
	enum err err;

	err = read_end(r, &end);
	if (err != ERR_OK)
		return err;
	while (r->offset < end) {
		err = look(r, end);
		if (err == ERR_OK && r->has_bad) {
			tell_bad(r, LEDGERREAD_GAP, r->offset, item);
			return ERR_EOF;
		}
		if (err != ERR_NOTFOUND)
			return err;
		pass_block(r, end);
	}
	finish(r, item);
	return ERR_EOF;
}

enum err
ledgerread_next(struct ledgerread *r, struct ledgerread_item *item)
{
	enum err err;

	if (r->entries.len == 0) {
		err = next_batch(r, item);
		if (err != ERR_OK)
			return err == ERR_EOF ? ERR_OK : err;
	}
	*item = (struct ledgerread_item){ .kind = LEDGERREAD_ENTRY,
		.offset = r->batch_offset };
	/* The batch was checked. */
	BUG_IF(!ledger_entry_next(&r->entries, &item->entry));
	return ERR_OK;
}
